"""One scan: weights, scores, controls, probabilities, classes and a joined file, against counting row by row."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.cells import class_cells, level_notes, levels_of, read_cells, read_counted, unknown_rows
from audits.plan import MEDIAN, AuditPlan, JoinedFile, Score, SensitiveFeature, Task
from audits.result import UNKNOWN, Cells
from audits.scan import LOG_FLOOR, significant
from governance.digests import digest_file
from governance.errors import ConfigurationError, MeasurementError

SEX = SensitiveFeature("sex", "sex")
AGE = SensitiveFeature("age", "age", cuts=(25, 40.5), labels=("young", "middle", "old"))
STATUS = SensitiveFeature("status", "code", merge=(("single", ("1", "3")), ("married", ("2",))))
REGION = SensitiveFeature("region", "region")
ORIGIN = SensitiveFeature("origin", "origin", probabilities=(("here", "p_here"), ("abroad", "p_abroad")))

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=(SEX,),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
WIDE = replace(PLAN, sensitive_features=(SEX, AGE, STATUS), control_features=(REGION,), weight="w")
SCORED = replace(PLAN, prediction=None, score=Score(0, 1, "score", 0.5))

Key = tuple[tuple[str, ...], bool, bool]
Sums = dict[Key, tuple[int, float, float]]

ROW = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(["f", "m", None, "  "]),
        "age": st.sampled_from([24.9, 25.0, 40.0, 40.5, 90.0, math.nan, None]),
        "code": st.sampled_from([1.0, 2.0, 3.0, 4.0, None]),
        "region": st.sampled_from(["north", "south", None]),
        "hired": st.sampled_from(["yes", "no"]),
        "predicted": st.sampled_from(["yes", "no"]),
        "w": st.floats(1e-3, 1e3),
        "score": st.floats(0, 1),
        "p_here": st.one_of(st.none(), st.floats(0, 1)),
    }
)
# One row of each label value and a known value of every feature: what is refused otherwise is tested below.
FIRST = {"sex": "f", "age": 20.0, "code": 1.0, "region": "north", "predicted": "no", "w": 1.0, "score": 0.5}
BOTH = [{**FIRST, "hired": "yes", "p_here": 0.5}, {**FIRST, "hired": "no", "p_here": 1.0}]
TABLES = st.lists(ROW, max_size=40).map(lambda rows: [*BOTH, *rows])


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(rows)
    if "p_here" in table.column_names:
        shares = [None if row["p_here"] is None else 1 - row["p_here"] for row in rows]
        table = table.append_column("p_abroad", pa.array(shares, pa.float64()))
    return table


def text_level(value: object) -> str:
    return UNKNOWN if value is None or not str(value).strip() else str(value)


def age_level(value: float | None) -> str:
    if value is None or math.isnan(value):
        return UNKNOWN
    return "young" if value < 25 else "middle" if value < 40.5 else "old"


def code_level(value: float | None) -> str:
    return UNKNOWN if value is None else {1.0: "single", 2.0: "married", 3.0: "single", 4.0: "4"}[value]


def counted_by_hand(
    rows: list[dict[str, Any]], groups: Callable[[dict[str, Any]], Iterator[tuple[Key, float]]]
) -> Sums:
    sums: dict[Key, list[float]] = defaultdict(list)
    for row in rows:
        for key, weight in groups(row):
            sums[key].append(weight)
    return {
        key: (sum(w > 0 for w in weights), math.fsum(weights), math.fsum(w * w for w in weights))
        for key, weights in sums.items()
        if any(w > 0 for w in weights)
    }


def same(cells: Cells, expected: Sums) -> None:
    found = {(cell.levels, cell.outcome, cell.prediction): cell for cell in cells.cells}
    assert len(found) == len(cells.cells)
    assert {key: cell.n for key, cell in found.items()} == {key: n for key, (n, _, _) in expected.items()}
    for key, (_, w, w2) in expected.items():
        assert found[key].weight == pytest.approx(w, rel=1e-12)
        assert found[key].squares == pytest.approx(w2, rel=1e-12)


@given(TABLES)
@settings(deadline=None, max_examples=30)
def test_the_cells_are_those_counted_row_by_row(rows: list[dict[str, Any]]) -> None:
    def groups(row: dict[str, Any]) -> Iterator[tuple[Key, float]]:
        levels = (text_level(row["sex"]), age_level(row["age"]), code_level(row["code"]), text_level(row["region"]))
        yield (levels, row["hired"] == "yes", row["predicted"] == "yes"), row["w"]

    cells = read_cells(arrow(rows), WIDE)
    same(cells, counted_by_hand(rows, groups))
    assert (cells.row_count, cells.weighted, cells.shared, cells.labelled) == (len(rows), True, False, True)
    assert (cells.features, cells.controls) == (("sex", "age", "status"), ("region",))
    unweighted = read_cells(arrow(rows), replace(WIDE, weight=None))
    assert [(c.levels, c.n, c.w, c.w2) for c in unweighted.cells] == [(c.levels, c.n, None, None) for c in cells.cells]


@given(TABLES, st.booleans())
@settings(deadline=None, max_examples=30)
def test_a_row_counts_in_each_level_with_its_probability(rows: list[dict[str, Any]], weighted: bool) -> None:
    def groups(row: dict[str, Any]) -> Iterator[tuple[Key, float]]:
        p, decided = row["p_here"], (row["hired"] == "yes", row["predicted"] == "yes")
        weight = row["w"] if weighted else 1.0
        shares = {UNKNOWN: 1.0} if p is None else {"here": p, "abroad": 1 - p}
        for level, share in shares.items():
            yield ((level,), *decided), weight * share

    plan = replace(PLAN, sensitive_features=(ORIGIN,), weight="w" if weighted else None)
    # So small a probability that its square is 0 in float64 is none.
    kept = [row for row in rows if row["p_here"] is None or row["p_here"] == 0 or row["p_here"] > 1e-150]
    cells = read_cells(arrow(kept), plan)
    same(cells, counted_by_hand(kept, groups))
    assert (cells.shared, cells.weighted, cells.row_count) == (True, True, len(kept))
    total = math.fsum(row["w"] for row in kept) if weighted else len(kept)
    assert math.fsum(cell.weight for cell in cells.cells) == pytest.approx(total, rel=1e-12)
    assert level_notes(cells, plan)[-2 if any(row["p_here"] is None for row in kept) else -1].startswith(
        "origin is known by probabilities only"
    )


@given(TABLES, st.sampled_from([2, 7, 1024]), st.booleans())
@settings(deadline=None, max_examples=30)
def test_scores_fall_into_bins_with_their_sums(rows: list[dict[str, Any]], bins: int, weighted: bool) -> None:
    found = read_counted(arrow(rows), replace(SCORED, weight="w" if weighted else None), bins=bins).table.to_pylist()
    expected: dict[tuple[object, ...], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        score = row["score"]
        key = (text_level(row["sex"]), row["hired"], str(score >= 0.5).lower(), min(bins - 1, math.floor(score * bins)))
        expected[key].append((score, row["w"] if weighted else 1.0))
    assert {(r["f0"], r["label"], r["prediction"], r["bin"]): r["n"] for r in found} == {
        key: len(items) for key, items in expected.items()
    }
    for row in found:
        items = expected[row["f0"], row["label"], row["prediction"], row["bin"]]
        held = [(min(max(s, LOG_FLOOR), 1 - LOG_FLOOR), w) for s, w in items]
        assert (row["lo"], row["hi"]) == (min(items)[0], max(items)[0])
        # Sums are of whole numbers, in fixed point: so much of a row may be lost.
        near = {"rel": 1e-12, "abs": 1e-14 * math.fsum(w for _, w in items)}
        assert row["s"] == pytest.approx(math.fsum(s * w for s, w in items), **near)
        assert row["s2"] == pytest.approx(math.fsum(s * s * w for s, w in items), **near)
        assert row["lp"] == pytest.approx(math.fsum(math.log(s) * w for s, w in held), **near)
        assert row["lq"] == pytest.approx(math.fsum(math.log(1 - s) * w for s, w in held), **near)


def test_there_are_no_logarithms_of_scores_that_are_no_probabilities() -> None:
    table = pa.table({"sex": ["f", "m"], "hired": ["yes", "no"], "score": [2, 10]})
    found = read_counted(table, replace(SCORED, score=Score(1, 10, "score", 5)), bins=9).table
    assert found["bin"].to_pylist() == [1, 8]
    assert not {"lp", "lq"} & set(found.column_names)


@given(TABLES, st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_at_or_above_the_cutoff_selects_and_above_the_median_does(rows: list[dict[str, Any]], cutoff: float) -> None:
    scores = [row["score"] for row in rows]
    cut = read_cells(arrow(rows), replace(SCORED, score=Score(0, 1, "score", cutoff)))
    assert sum(cell.n for cell in cut.cells if cell.prediction) == sum(score >= cutoff for score in scores)
    median = read_cells(arrow(rows), replace(SCORED, score=Score(0, 1, "score", MEDIAN)))
    middle = float(np.median(scores))
    assert sum(cell.n for cell in median.cells if cell.prediction) == sum(score > middle for score in scores)
    # The same scores, answered by a model instead of lying in a column.
    answered = replace(SCORED, score=Score(0, 1, None, cutoff))
    assert read_cells(arrow(rows), answered, predictions=np.array(scores)).cells == cut.cells


def decided(**columns: object) -> pa.Table:
    base: dict[str, object] = {"sex": ["f", "m", "f", "m"], "hired": ["yes", "no"] * 2, "predicted": ["yes", "no"] * 2}
    return pa.table(base | columns)


def counts(cells: Cells) -> dict[tuple[object, ...], int]:
    return {(*cell.levels, cell.outcome, cell.prediction): cell.n for cell in cells.cells}


def test_without_a_label_the_prediction_says_what_is_favourable() -> None:
    cells = read_cells(decided(), replace(PLAN, label=None))
    assert counts(cells) == {("f", False, True): 2, ("m", False, False): 2}
    assert not cells.labelled
    nobody = read_cells(decided(predicted=["yes"] * 4), replace(PLAN, label=None))
    assert counts(nobody) == {("f", False, True): 2, ("m", False, True): 2}


def test_every_class_against_the_rest_from_one_scan() -> None:
    table = decided(hired=["a", "b", "c", "a"], predicted=["a", "c", "c", "d"])
    plan = replace(PLAN, task=Task.MULTICLASS, favourable="a")
    found = class_cells(table, plan)
    assert list(found) == ["a", "b", "c", "d"]
    assert found["a"].cells == read_cells(table, plan).cells
    assert counts(found["a"]) == {
        ("f", False, False): 1,
        ("f", True, True): 1,
        ("m", False, False): 1,
        ("m", True, False): 1,
    }
    assert counts(found["c"]) == {
        ("f", False, False): 1,
        ("f", True, True): 1,
        ("m", False, False): 1,
        ("m", False, True): 1,
    }
    given = class_cells(table.drop_columns("predicted"), plan, predictions=np.array(["a", "c", "c", "d"]))
    assert {name: cells.cells for name, cells in given.items()} == {name: cells.cells for name, cells in found.items()}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_sensitive_features_from_a_file_of_their_own(tmp_path: Path, suffix: str) -> None:
    generator = np.random.default_rng(5)
    people = pd.DataFrame({"id": np.arange(500), "month": 1, "sex": generator.choice(["f", "m"], 500), "extra": 1})
    data = pd.DataFrame({"id": generator.permutation(500), "month": 1, "extra": 2}).assign(
        hired=lambda frame: np.where(frame["id"] % 3 == 0, "yes", "no"), w=lambda frame: frame["id"] + 1.0
    )
    path = tmp_path / f"people.{suffix}"
    shuffled = people.sample(frac=1, random_state=3)
    shuffled.to_csv(path, index=False) if suffix == "csv" else shuffled.to_parquet(path)
    plan = replace(PLAN, weight="w", sensitive_data=JoinedFile(str(path), ("id", "month")))
    predictions = np.where(data["id"] % 2 == 0, "yes", "no")
    cells = read_cells(data, plan, predictions=predictions)
    whole = read_cells(data.merge(people[["id", "sex"]], on="id"), replace(PLAN, weight="w"), predictions=predictions)
    assert cells.cells == whole.cells
    assert cells.sensitive_data_digest == digest_file(path)
    assert whole.sensitive_data_digest is None


def test_progress_goes_to_the_end_and_may_stop_the_scan() -> None:
    seen: list[float] = []
    table = decided()
    assert read_cells(table, PLAN, progress=seen.append).cells == read_cells(table, PLAN).cells
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
    assert all(0 <= share <= 1 for share in seen)

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_cells(table, PLAN, progress=stop)


def test_one_row_of_many_levels_is_counted_with_its_controls() -> None:
    cells = read_cells(decided(region=["n", "s", None, "n"]), replace(PLAN, control_features=(REGION,)))
    assert levels_of(cells) == {"sex": ("f", "m"), "region": ("n", "s", UNKNOWN)}
    assert unknown_rows(cells) == {"sex": 0}
    assert "region: 1 of 4 rows have no value" in level_notes(cells, replace(PLAN, control_features=(REGION,)))[0]


def test_limits_of_levels_and_groups_are_the_plans() -> None:
    table = pa.table({"sex": list(map(str, range(60))), "hired": ["yes", "no"] * 30, "predicted": ["yes"] * 60})
    assert len(read_cells(table, replace(PLAN, max_levels=60)).cells) == 60
    with pytest.raises(MeasurementError, match=r"has 60 levels, at most 59 .* raise \[audit\] max_levels"):
        read_cells(table, replace(PLAN, max_levels=59))
    two = replace(PLAN, sensitive_features=(SEX, REGION), intersections=(("sex", "region"),), max_groups=3)
    with pytest.raises(MeasurementError, match="intersection sex x region has 4 groups, at most 3"):
        read_cells(decided(region=["n", "s", "n", "s"]), two)


def test_sums_do_not_depend_on_the_order_of_addition() -> None:
    numbers = np.array([0.1 + 0.2, 1 / 3, 1e300 / 3, 0.0, 123456789.123456789, -2 / 3])
    assert significant(numbers).tolist() == [
        0.3,
        0.33333333333333,
        3.3333333333333e299,
        0.0,
        123456789.12346,
        -0.66666666666667,
    ]


# ---- bad input: one clear sentence, no verdict


def one_sentence(table: object, plan: AuditPlan, says: str, **more: Any) -> None:
    with pytest.raises(MeasurementError, match=says) as caught:
        read_cells(table, plan, **more)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_bad_input_empty_table() -> None:
    one_sentence(decided().slice(0, 0), PLAN, "has no rows: there is nothing to measure")
    one_sentence(decided().slice(0, 0), PLAN, "has no rows", predictions=np.array([]))


def test_bad_input_one_row() -> None:
    one_sentence(decided().slice(0, 1), PLAN, "label 'hired' has 1 values .* needs exactly two")
    # Without a label one row is measured; it is too small for any verdict.
    assert counts(read_cells(decided().slice(0, 1), replace(PLAN, label=None))) == {("f", False, True): 1}


def test_bad_input_one_group_is_measured_and_compared_with_nobody() -> None:
    assert levels_of(read_cells(decided(sex=["f"] * 4), PLAN)) == {"sex": ("f",)}


@pytest.mark.parametrize("values", [[None] * 4, [" "] * 4])
def test_bad_input_all_unknown(values: list[str | None]) -> None:
    says = r"Sensitive feature 'sex' \(column 'sex'\) has no value in any row: nobody is in a known group"
    one_sentence(decided(sex=pa.array(values, pa.string())), PLAN, says)
    control = replace(PLAN, control_features=(REGION,))
    one_sentence(decided(region=pa.array(values, pa.string())), control, "Control feature 'region' .* has no value")


def test_bad_input_all_unknown_by_probabilities() -> None:
    nothing = pa.array([None] * 4, pa.float64())
    plan = replace(PLAN, sensitive_features=(ORIGIN,))
    one_sentence(decided(p_here=nothing, p_abroad=nothing), plan, "'origin' .* has no value in any row")


def test_bad_input_constant_label() -> None:
    one_sentence(decided(hired=["yes"] * 4), PLAN, r"label 'hired' has 1 values \(yes\)")
    classes = replace(PLAN, task=Task.MULTICLASS)
    one_sentence(decided(hired=["yes"] * 4), classes, r"label 'hired' has 1 values .* takes 2 to 50")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, 1.0000001, -0.5])
@pytest.mark.parametrize("cutoff", [0.5, MEDIAN])
def test_bad_input_scores_nan_infinite_or_out_of_range(bad: float | None, cutoff: float | str) -> None:
    table = decided(score=pa.array([0.1, bad, 0.3, bad], pa.float64()))
    plan = replace(SCORED, score=Score(0, 1, "score", cutoff))
    one_sentence(table, plan, r"'score' is missing, not finite or outside the declared range 0 to 1 in 2 rows")
    with pytest.raises(MeasurementError, match="declared range 0 to 1 in 2 rows"):
        read_counted(table, replace(PLAN, score=Score(0, 1, "score")), bins=16)


@pytest.mark.parametrize("what", ["score", "w", "p_here"])
def test_bad_input_nan_in_a_parquet_file_whose_statistics_do_not_count_it(tmp_path: Path, what: str) -> None:
    columns = {"score": [0.1, 0.2, 0.3, 0.4], "w": [1.0] * 4, "p_here": [0.5] * 4, "p_abroad": [0.5] * 4}
    columns[what][1] = math.nan
    pd.DataFrame({**decided().to_pydict(), **columns}).to_parquet(tmp_path / "data.parquet")
    plan = replace(SCORED, weight="w", sensitive_features=(ORIGIN,))
    says = {"score": "'score' is missing, not finite", "w": "'w' is", "p_here": "probabilities of sensitive feature"}
    one_sentence(tmp_path / "data.parquet", plan, says[what])


def test_bad_input_scores_that_are_text_or_absent() -> None:
    one_sentence(
        decided(score=["0.1", "0.2", "x", "1"]), SCORED, "column 'score' is VARCHAR, but it is needed as the score"
    )
    one_sentence(decided(), SCORED, "has no column 'score', needed as the score")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (-1.0, "the weight 'w' is -1 in some row; every weight must be a finite number above 0"),
        (0.0, "the weight 'w' is 0 in some row"),
        (math.nan, "the weight 'w' is NaN or infinite"),
        (math.inf, "the weight 'w' is NaN or infinite"),
        (1e200, "so large that its square is"),
        (1e-160, "so small that its square is lost"),
        (None, "the weight 'w' is missing in 2 rows"),
    ],
)
@pytest.mark.parametrize("features", [(SEX,), (ORIGIN,)])
def test_bad_input_weights(bad: float | None, says: str, features: tuple[SensitiveFeature, ...]) -> None:
    table = decided(
        w=pa.array([1.0, bad, 2.0, bad], pa.float64()), p_here=[0.0, 0.5, 1.0, 1.0], p_abroad=[1, 0.5, 0, 0]
    )
    one_sentence(table, replace(PLAN, weight="w", sensitive_features=features), says)


def test_bad_input_weights_that_are_text() -> None:
    one_sentence(decided(w=["1", "2", "x", "1"]), replace(PLAN, weight="w"), "column 'w' is VARCHAR, .* as the weight")


@pytest.mark.parametrize(
    ("here", "abroad"),
    [(1.5, -0.5), (0.5, 0.6), (0.5, None), (None, 1.0), (math.inf, 0.0), (0.4, 0.599998), (math.nan, 0.5), (-0.1, 1.1)],
)
def test_bad_input_probabilities(here: float | None, abroad: float | None) -> None:
    shares = {"p_here": pa.array([0.5, here, 0.0, 1.0]), "p_abroad": pa.array([0.5, abroad, 1.0, 0.0])}
    plan = replace(PLAN, sensitive_features=(ORIGIN,))
    one_sentence(decided(**shares), plan, r"probabilities of sensitive feature 'origin' \(columns p_here, p_abroad\)")


@pytest.mark.parametrize(
    "more",
    [
        {"sensitive_features": (ORIGIN, SEX)},
        {"sensitive_features": (SEX, ORIGIN)},
        {"control_features": (SEX,)},
        {"sensitive_features": (SEX,), "control_features": (ORIGIN,)},
        {"search_depth": 1},
    ],
)
def test_bad_input_probabilities_beside_what_counts_a_row_again(more: dict[str, Any]) -> None:
    plan = replace(PLAN, **({"sensitive_features": (ORIGIN,)} | more))
    table = decided(p_here=[0.5] * 4, p_abroad=[0.5] * 4)
    one_sentence(table, plan, "'origin' is known by probabilities, and beside .* write one plan for each feature")
    with pytest.raises(MeasurementError, match="one plan for each feature"):
        read_counted(table, replace(plan, score=Score(0, 1, "score")), bins=16)


def test_probabilities_sum_to_one_within_the_tolerance_and_nan_is_missing() -> None:
    shares = {"p_here": [0.5, math.nan, 0.0, 1.0], "p_abroad": [0.4999995, math.nan, 1.0, 0.0]}
    cells = read_cells(decided(**shares), replace(PLAN, sensitive_features=(ORIGIN,)))
    assert sum(cell.n for cell in cells.cells if cell.levels == (UNKNOWN,)) == 1
    assert cells.row_count == 4


@pytest.fixture
def people(tmp_path: Path) -> Callable[[Mapping[str, object]], AuditPlan]:
    def plan(columns: Mapping[str, object]) -> AuditPlan:
        pd.DataFrame(columns).to_csv(tmp_path / "people.csv", index=False)
        return replace(PLAN, sensitive_data=JoinedFile(str(tmp_path / "people.csv"), ("id",)))

    return plan


DATA = pd.DataFrame({"id": [1, 2, 3, 4], "hired": ["yes", "no"] * 2, "predicted": ["yes", "no"] * 2})


def test_bad_input_duplicate_keys_in_the_joined_file(people: Callable[[Mapping[str, object]], AuditPlan]) -> None:
    plan = people({"id": [1, 2, 2, 3, 4, 4], "sex": list("fmfmfm")})
    one_sentence(DATA, plan, r"people\.csv: 2 values of the key 'id' stand more than once")


def test_bad_input_a_join_that_loses_rows(people: Callable[[Mapping[str, object]], AuditPlan]) -> None:
    plan = people({"id": [1, 2, 9], "sex": list("fmf")})
    one_sentence(DATA, plan, r"2 rows find no row in .*people\.csv by 'id'\. A join that loses rows")
    with_missing = DATA.assign(id=[1, 2, None, 9])
    one_sentence(with_missing, plan, "1 rows find no row in")
    columns = {"id": [1, 2, 9], "p_here": [0.5, 0.25, 1.0], "p_abroad": [0.5, 0.75, 0.0]}
    one_sentence(DATA, replace(people(columns), sensitive_features=(ORIGIN,)), "2 rows find no row in")


def test_bad_input_keys_that_are_missing_or_of_another_kind(
    people: Callable[[Mapping[str, object]], AuditPlan],
) -> None:
    plan = people({"id": [1, 2, None, 4], "sex": list("fmfm")})
    one_sentence(DATA, plan, r"people\.csv: the key 'id' is missing in 1 rows")
    one_sentence(
        DATA, people({"id": ["a1", "a2"], "sex": list("fm")}), r"key 'id' is BIGINT in .* and VARCHAR in .*people"
    )
    one_sentence(DATA, people({"number": [1], "sex": ["f"]}), r"people\.csv has no column 'id', needed as the key")
    one_sentence(DATA.drop(columns="id"), people({"id": [1], "sex": ["f"]}), "the data frame has no column 'id'")


def test_bad_input_a_column_that_is_in_both_files(people: Callable[[Mapping[str, object]], AuditPlan]) -> None:
    plan = people({"id": [1, 2, 3, 4], "sex": list("fmfm"), "hired": "yes"})
    one_sentence(DATA, plan, r"column 'hired' is in the data frame and in .*people\.csv: which one is meant\?")


def test_bad_input_mixed_types(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("sex,hired,predicted,age,w\nf,1,1,20,1\nm,no,1,old,x\nf,0,0,30,2\n")
    one_sentence(tmp_path / "data.csv", PLAN, r"label 'hired' has 3 values \(0, 1, no\)")
    binary = replace(PLAN, label="predicted", favourable="1")
    one_sentence(tmp_path / "data.csv", replace(binary, weight="w"), "column 'w' is VARCHAR")
    one_sentence(
        tmp_path / "data.csv", replace(binary, sensitive_features=(AGE,)), "'age' is VARCHAR, but the plan cuts"
    )
    mixed = pd.DataFrame({"sex": ["f", 1, None, 2.5], "hired": ["yes", "no"] * 2, "predicted": ["yes", "no"] * 2})
    assert levels_of(read_cells(mixed, PLAN)) == {"sex": ("1", "2.5", "f", UNKNOWN)}


def test_bad_input_a_feature_of_10000_levels() -> None:
    table = pa.table({"sex": range(10_000), "hired": ["yes", "no"] * 5_000, "predicted": ["yes", "no"] * 5_000})
    one_sentence(table, PLAN, r"Sensitive feature 'sex' \(column 'sex'\) has 10000 levels, at most 50")


def test_bad_input_more_than_50_classes() -> None:
    table = pa.table({"sex": ["f"] * 60, "hired": range(60), "predicted": range(60)})
    one_sentence(table, replace(PLAN, task=Task.MULTICLASS, favourable="1"), r"has 60 values .* takes 2 to 50")


def test_bad_input_predictions_of_other_classes() -> None:
    classes = replace(PLAN, task=Task.MULTICLASS)
    one_sentence(decided(predicted=[0, 1, 0, 1]), classes, "2 predicted values are none of the label 'hired'")
    one_sentence(decided(predicted=["yes", "no", "ja", "no"]), PLAN, "1 predicted values are none of the label")
    one_sentence(decided(predicted=[*"abc", "yes"]), replace(PLAN, label=None), "the prediction has 4 values")
    one_sentence(decided(), replace(PLAN, label=None, favourable="ja"), "the prediction has the values no, yes, but")


def test_a_score_that_nobody_answers_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="names no column of scores, and no model was scored"):
        read_cells(decided(), replace(SCORED, score=Score(0, 1, None, 0.5)))

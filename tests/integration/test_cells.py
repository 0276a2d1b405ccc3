"""Tables of every kind -> cells: counts, levels, alignment of predictions, and refusals that name the way out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.cells import level_notes, levels_of, read_cells, unknown_rows
from audits.levels import cut_labels
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import UNKNOWN, Cells
from audits.table import column_names, columns_summary, feature_batches, row_count
from governance.digests import digest_file
from governance.errors import ConfigurationError, MeasurementError

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)


def frame(**columns: object) -> pd.DataFrame:
    base: dict[str, object] = {"sex": ["f", "m", "f", "m"], "hired": ["yes", "no"] * 2, "predicted": ["yes", "no"] * 2}
    return pd.DataFrame(base | columns)


def with_feature(feature: SensitiveFeature, **changes: object) -> AuditPlan:
    return replace(PLAN, sensitive_features=(feature,), **changes)  # type: ignore[arg-type]


def sizes(cells: Cells, position: int = 0) -> dict[str, int]:
    found: Counter[str] = Counter()
    for cell in cells.cells:
        found[cell.levels[position]] += cell.n
    return dict(found)


@pytest.fixture(params=["parquet", "csv", "glob", "frame"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    data = frame()
    match request.param:
        case "parquet":
            data.to_parquet(tmp_path / "data[1].parquet")
            return tmp_path / "data[1].parquet"
        case "csv":
            data.to_csv(tmp_path / "data.csv", index=False)
            return str(tmp_path / "data.csv")
        case "glob":
            data.iloc[:1].to_parquet(tmp_path / "part-1.parquet")
            data.iloc[1:].to_parquet(tmp_path / "part-2.parquet")
            return tmp_path / "part-*.parquet"
    return data


def test_every_kind_of_table_gives_the_same_cells(table: object) -> None:
    cells = read_cells(table, PLAN)  # type: ignore[arg-type]
    assert [(c.levels, c.outcome, c.prediction, c.n) for c in cells.cells] == [
        (("f",), True, True, 2),
        (("m",), False, False, 2),
    ]
    assert cells.row_count == 4
    assert cells.data_digest.startswith("sha256:")
    assert row_count(table) == 4  # type: ignore[arg-type]
    assert column_names(table) == ("sex", "hired", "predicted")  # type: ignore[arg-type]


def test_the_digest_of_one_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    frame().to_parquet(path)
    assert read_cells(path, PLAN).data_digest == digest_file(path)
    assert read_cells(path, PLAN, data_digest="sha256:given").data_digest == "sha256:given"


@given(st.lists(st.tuples(*[st.sampled_from(values) for values in (("f", "m", None), "yn", "yn")]), min_size=1))
@settings(deadline=None, max_examples=60)
def test_the_cells_sum_to_the_rows(rows: list[tuple[str | None, str, str]]) -> None:
    # One row of each label value, so that the label is binary.
    data = pd.DataFrame([*rows, ("f", "y", "y"), ("m", "n", "n")], columns=["sex", "hired", "predicted"])
    cells = read_cells(data, replace(PLAN, favourable="y"))
    assert sum(cell.n for cell in cells.cells) == cells.row_count == len(data)
    assert all(cell.n >= 1 for cell in cells.cells)
    assert unknown_rows(cells)["sex"] == data["sex"].isna().sum()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_predictions_are_aligned_with_the_rows_of_a_large_file(tmp_path: Path, suffix: str) -> None:
    generator = np.random.default_rng(3)
    n = 300_000
    data = pd.DataFrame({"sex": generator.choice(["f", "m"], n), "hired": generator.choice([0, 1], n)})
    path = tmp_path / f"large.{suffix}"
    data.to_parquet(path, row_group_size=10_000) if suffix == "parquet" else data.to_csv(path, index=False)
    predictions = np.where(data["sex"] == "f", data["hired"], 1 - data["hired"])
    cells = read_cells(path, replace(PLAN, favourable="1"), predictions=predictions)
    # Every woman is predicted as she is, every man the other way: one row out of place would show.
    assert {(c.levels[0], c.outcome == c.prediction) for c in cells.cells} == {("f", True), ("m", False)}
    assert sum(c.n for c in cells.cells) == n


def test_batches_keep_the_row_order_and_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pd.DataFrame({"i": range(250_000), "j": 1}).to_parquet(path, row_group_size=7_000)
    batches = list(feature_batches(path, ["i"]))
    assert max(batch.num_rows for batch in batches) <= 100_000
    assert np.concatenate([batch.column(0).to_numpy() for batch in batches]).tolist() == list(range(250_000))


@pytest.mark.parametrize(
    ("predictions", "selected"),
    [
        (np.array([1, 0, 1, 0]), 2),
        (np.array([1.0, 0.0, 0.0, 0.0]), 1),
        (np.array(["1", "0", "1", "1"]), 3),
        (np.array([[1], [0], [0], [0]]), 1),
        (np.array([0, 0, 0, 0], dtype="int8"), 0),
        (np.array([1, "1", 0, 1.0], dtype=object), 3),
    ],
)
def test_predictions_of_any_type_are_matched_by_value(predictions: np.ndarray, selected: int) -> None:
    cells = read_cells(frame(hired=[1, 0, 1, 0]), replace(PLAN, favourable="1"), predictions=predictions)
    assert sum(cell.n for cell in cells.cells if cell.prediction) == selected


def test_true_and_false_are_the_same_in_every_kind_of_table(tmp_path: Path) -> None:
    data = frame(hired=[True, False, True, False])
    data.to_csv(tmp_path / "data.csv", index=False)
    predictions = np.array([True, True, False, False])
    plan = replace(PLAN, favourable="True")
    expected = read_cells(data, plan, predictions=predictions).cells
    assert read_cells(tmp_path / "data.csv", plan, predictions=predictions).cells == expected
    assert sum(cell.n for cell in expected if cell.outcome and cell.prediction) == 1


def test_codes_of_a_csv_file_are_no_booleans_and_no_dates(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("code,day,hired,predicted\nt,2020-01-01,yes,no\nf,2020-01-02,no,no\n")
    assert sizes(read_cells(path, with_feature(SensitiveFeature("code", "code")))) == {"t": 1, "f": 1}
    assert columns_summary(path)[1].type == "VARCHAR"


def test_given_predictions_win_over_the_column() -> None:
    cells = read_cells(frame(), PLAN, predictions=np.array(["no"] * 4))
    assert not any(cell.prediction for cell in cells.cells)


def test_a_column_with_the_internal_name_does_no_harm() -> None:
    data = frame(fairgate_prediction="x", fairgate_prediction_="y")
    cells = read_cells(data, PLAN, predictions=np.array(["yes"] * 4))
    assert all(cell.prediction for cell in cells.cells)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([1, 2, 1, 2], {"1": 2, "2": 2}),
        ([1.0, 2.0, None, 2.0], {"1": 1, "2": 2, UNKNOWN: 1}),
        ([True, False, True, True], {"true": 3, "false": 1}),
        (["a", None, " ", "b"], {"a": 1, "b": 1, UNKNOWN: 2}),
        ([0.5, np.nan, 0.5, np.inf], {"0.5": 2, "inf": 1, UNKNOWN: 1}),
        (pd.Categorical(["x", None, "x", "y"]), {"x": 2, "y": 1, UNKNOWN: 1}),
    ],
)
def test_values_are_levels_as_text(values: object, levels: dict[str, int]) -> None:
    assert sizes(read_cells(frame(sex=values), PLAN)) == levels


def test_the_lower_end_of_a_cut_belongs_to_the_level() -> None:
    data = frame(age=[24, 25, 26, 40])
    older = SensitiveFeature("age", "age", cuts=(25, 40), labels=("young", "middle", "old"))
    assert sizes(read_cells(data, with_feature(older))) == {"young": 1, "middle": 2, "old": 1}
    unnamed = SensitiveFeature("age", "age", cuts=(24.5, 40))
    assert sizes(read_cells(data, with_feature(unnamed))) == {"<24.5": 1, "24.5-<40": 2, ">=40": 1}
    assert cut_labels((25.0,)) == ("<25", ">=25")


def test_missing_numbers_are_unknown_and_never_the_last_level() -> None:
    cells = read_cells(frame(age=[20.0, np.nan, 30.0, None]), with_feature(SensitiveFeature("age", "age", cuts=(25,))))
    assert sizes(cells) == {"<25": 1, ">=25": 1, UNKNOWN: 2}
    assert levels_of(cells) == {"age": ("<25", ">=25", UNKNOWN)}


def test_merged_values_and_those_that_the_plan_does_not_name() -> None:
    merged = SensitiveFeature("sex", "code", merge=(("female", ("2",)), ("male", ("1", "3"))))
    cells = read_cells(frame(code=[1, 2, 3, 4]), with_feature(merged))
    assert sizes(cells) == {"female": 1, "male": 2, "4": 1}
    assert level_notes(cells, with_feature(merged)) == (
        "sex: levels that the plan does not name, measured as groups of their own: 4 (1 rows).",
    )


def test_notes_name_unknown_rows_and_undeclared_levels() -> None:
    plan = with_feature(SensitiveFeature("sex", "sex", levels=("f",)))
    assert level_notes(read_cells(frame(sex=["f", "m", None, "f"]), plan), plan) == (
        "sex: 1 of 4 rows have no value; shown as a group, never compared.",
        "sex: levels that the plan does not name, measured as groups of their own: m (1 rows).",
    )


def test_names_that_are_sql_are_only_names() -> None:
    column = 'x"; DROP TABLE t; --'
    data = frame().rename(columns={"sex": column})
    cells = read_cells(data, with_feature(SensitiveFeature("sex", column)))
    assert sizes(cells) == {"f": 2, "m": 2}


@pytest.mark.parametrize(
    ("data", "plan", "message"),
    [
        (frame(hired=["a", "b", "c", "a"]), PLAN, r"label 'hired' has 3 values \(a, b, c\).*exactly two"),
        (frame(hired=["yes"] * 4), PLAN, r"label 'hired' has 1 values \(yes\)"),
        (frame(hired=["yes", None, "no", None]), PLAN, "label 'hired' is missing in 2 rows"),
        (frame(), replace(PLAN, favourable="Yes"), "favourable value is 'Yes': name one of them"),
        (frame(predicted=["yes", None, "no", "no"]), PLAN, "prediction is missing .* in 1 rows"),
        (frame(predicted=["ja", "no", "no", "no"]), PLAN, r"1 predicted values are none of the label .*predicted: ja"),
        (frame(predicted=[True, False, True, True]), PLAN, r"predicted: false, true; label: yes, no"),
        (frame().iloc[:0], PLAN, "has no rows"),
        (frame(), replace(PLAN, label="hird"), r"no column 'hird', needed as the label\. Did you mean 'hired'\?"),
        (frame(), replace(PLAN, prediction="zzz"), r"no column 'zzz', needed as the prediction\. It has: sex, hired"),
        (frame(), with_feature(SensitiveFeature("sex", "gender")), "no column 'gender', needed as the sensitive"),
        (frame(), with_feature(SensitiveFeature("sex", "sex", cuts=(1,))), "is VARCHAR, but the plan cuts"),
    ],
)
def test_data_that_cannot_be_measured_is_refused_in_one_sentence(
    data: pd.DataFrame, plan: AuditPlan, message: str
) -> None:
    with pytest.raises(MeasurementError, match=message):
        read_cells(data, plan)


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (np.array(["yes"] * 3), r"shape \(3,\), the data has 4 rows"),
        (np.zeros((4, 2)), r"shape \(4, 2\) \(these look like the columns of predict_proba\)"),
        (np.array([1.0, np.nan, 0.0, np.nan]), "2 of 4 predictions are missing"),
        (np.array(["yes", None, "no", "no"], dtype=object), "1 of 4 predictions are missing"),
        (np.array([0.1, 0.2, 0.7, 0.9]), "4 different values .from 0.1 to 0.9.*look like scores"),
        (np.array([1, "a", 2, "b"], dtype=object), "4 different values .of types int, str"),
        (np.array([1, 0, 1, 0]), "2 predicted values are none of the label 'hired' .predicted: 0, 1; label: yes, no"),
    ],
)
def test_predictions_that_are_no_decisions_are_refused(predictions: np.ndarray, message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        read_cells(frame(), PLAN, predictions=predictions)


def test_nothing_that_predicts_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="names no prediction column, and no model was scored"):
        read_cells(frame(), replace(PLAN, prediction=None))


@pytest.mark.parametrize("feature", [{"cuts": (40, 25)}, {"cuts": (25,), "labels": ("a", "b", "c")}])
def test_cuts_that_make_no_levels_are_a_configuration_error(feature: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ConfigurationError, match="cuts must ascend"):
        read_cells(frame(age=1), with_feature(SensitiveFeature("age", "age", **feature)))  # type: ignore[arg-type]


def many(values: int) -> pd.DataFrame:
    return pd.DataFrame({"a": range(values), "b": range(values), "y": [0, 1] * (values // 2)})


def test_too_many_levels_are_refused_with_their_count() -> None:
    plan = AuditPlan("m", "y", "1", (SensitiveFeature("a", "a"),), (), date(2026, 1, 1), "p", prediction="y")
    assert len(read_cells(many(50), plan).cells) == 50
    with pytest.raises(MeasurementError, match="has 52 levels, at most 50"):
        read_cells(many(52), plan)


def test_too_many_groups_of_an_intersection_are_refused_with_their_count() -> None:
    features = (SensitiveFeature("a", "a"), SensitiveFeature("b", "b"))
    plan = AuditPlan("m", "y", "1", features, (), date(2026, 1, 1), "p", prediction="y", intersections=(("a", "b"),))
    with pytest.raises(MeasurementError, match="intersection a x b has 1600 groups, at most 1000"):
        read_cells(many(40), plan)


def test_a_column_of_scores_as_label_is_refused_before_it_fills_the_memory() -> None:
    data = pd.DataFrame({"sex": "f", "y": np.arange(150_000) / 7, "predicted": 0})
    with pytest.raises(MeasurementError, match=r"label column 'y': 150000, .*exactly two values"):
        read_cells(data, replace(PLAN, label="y"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.parquet", None, "No data at"),
        ("data.xlsx", b"x", r"of kind \.xlsx: give files of one kind"),
        ("empty.csv", b"", r"is empty \(0 bytes\)"),
        ("broken.parquet", b"this is no parquet file", "cannot be read"),
        ("header.csv", b"sex,hired,predicted\n", "has no rows"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MeasurementError, match=message):
        read_cells(path, PLAN)


def test_a_summary_of_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    frame(age=[20, 30, None, 50]).to_parquet(path)
    sex, *_, age = columns_summary(path)
    assert (sex.name, sex.distinct, sex.nulls, sex.values, sex.minimum) == ("sex", 2, 0, ("f", "m"), None)
    assert (age.name, age.distinct, age.nulls, age.minimum, age.maximum) == ("age", 3, 1, 20.0, 50.0)

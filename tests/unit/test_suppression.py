"""What is published gives no small count away: attacked with everything that stays, by linear programming."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from audits.masking import complemented, lattice, node_of
from audits.metrics import METRICS
from audits.plan import Comparison
from audits.record import from_json, to_json
from audits.result import (
    SUPPRESSED,
    UNKNOWN,
    AuditResult,
    Disparity,
    Found,
    GroupEstimate,
    Interval,
    Quantity,
    RuleReport,
    Search,
    Stratified,
    UnknownBounds,
    Verdict,
)
from audits.share import Row
from audits.suppression import NOT_SHOWN, published

LIMIT = 11
KINDS = tuple(itertools.product((True, False), repeat=2))
"""(outcome, prediction)."""

Table = dict[tuple[tuple[str, ...], bool, bool], int]
"""(levels of all features, outcome, prediction) -> rows."""


def estimates_of(
    table: Table, features: tuple[str, ...], comparisons: Sequence[tuple[str, ...]]
) -> Iterator[GroupEstimate]:
    for names in comparisons:
        at = [features.index(name) for name in names]
        groups: dict[tuple[str, ...], Counter[tuple[bool, bool]]] = {}
        for (levels, *kind), n in table.items():
            groups.setdefault(tuple(levels[i] for i in at), Counter())[tuple(kind)] += n  # type: ignore[index]
        for metric in METRICS.values():
            for group, counted in sorted(groups.items()):
                share = metric.share([Row(*kind, n, n, n) for kind, n in counted.items()])
                yield GroupEstimate(
                    metric.name, names, group, sum(counted.values()), share.n, share.events, share.value, None
                )


def result_of(table: Table, features: tuple[str, ...], comparisons: Sequence[tuple[str, ...]]) -> AuditResult:
    return AuditResult(
        plan_digest="p",
        data_digest="d",
        model_digest=None,
        row_count=sum(table.values()),
        features=features,
        unknown=dict.fromkeys(features, 0),
        estimates=tuple(estimates_of(table, features, comparisons)),
        disparities=(),
        environment={},
        confidence=0.95,
        min_group_size=30,
        min_events=5,
        suppress_below=LIMIT,
    )


class Attack:
    """Everything that is published, as equations over the finest cells, which are at least 0."""

    def __init__(self, result: AuditResult, cells: Sequence[tuple[tuple[str, ...], bool, bool]]) -> None:
        self.result, self.cells = result, cells
        rows, values = [np.ones(len(cells))], [result.row_count]
        for item in result.estimates:
            for which, value in (("size", item.size), ("n", item.n), ("events", item.events)):
                if value >= 0:
                    rows.append(self.functional(item, which))
                    values.append(value)
        self.rows, self.values = np.array(rows), np.array(values, dtype=float)

    def functional(self, item: GroupEstimate, which: str) -> np.ndarray:
        metric = METRICS[item.metric]
        found = np.zeros(len(self.cells))
        for position, (levels, outcome, prediction) in enumerate(self.cells):
            at = dict(zip(self.result.features, levels, strict=True))
            if tuple(at[name] for name in item.features) != item.group:
                continue
            among, event = metric.among(outcome, prediction), metric.event(outcome, prediction)
            found[position] = {"size": True, "n": among, "events": among and event}[which]
        return found

    def ends(self, functional: np.ndarray) -> tuple[float, float]:
        found = []
        for sign in (1, -1):
            solved = linprog(sign * functional, A_eq=self.rows, b_eq=self.values, method="highs")
            assert solved.status == 0, solved.message
            found.append(sign * solved.fun)
        return found[0], found[1]


def small(value: int) -> bool:
    return 0 < value < LIMIT


def attacked(
    table: Table, features: tuple[str, ...], comparisons: Sequence[tuple[str, ...]], most: int = 25
) -> list[tuple[int, float, float]]:
    """(truth, least, greatest) of the small counts of the full record (of `most` of them), from the published one."""
    full = result_of(table, features, comparisons)
    attack = Attack(published(full), sorted(table))
    aims: list[tuple[int, np.ndarray]] = []
    seen: set[bytes] = set()
    for item in full.estimates:
        size, n, events = (attack.functional(item, which) for which in ("size", "n", "events"))
        for value, functional in (
            (item.size, size),
            (item.n, n),
            (item.events, events),
            (item.n - item.events, n - events),
        ):
            if small(value) and functional.tobytes() not in seen:
                seen.add(functional.tobytes())
                aims.append((value, functional))
    some = np.random.default_rng(0).permutation(len(aims))[:most]
    return [(aims[i][0], *attack.ends(aims[i][1])) for i in some]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, tuple[str, ...], tuple[tuple[str, ...], ...]]:
    widths = draw(st.lists(st.integers(2, 3), min_size=1, max_size=3))
    features = tuple("abc"[: len(widths)])
    levels = list(
        itertools.product(*([f"{name}{i}" for i in range(w)] for name, w in zip(features, widths, strict=True)))
    )
    seed = draw(st.integers(0, 10_000))
    mean = draw(st.sampled_from([15, 60, 200]))
    generator = np.random.default_rng(seed)
    size = generator.gamma(0.7, mean, size=len(levels))
    table = {
        (group, *kind): int(generator.poisson(size[i] * share))
        for i, group in enumerate(levels)
        for kind, share in zip(KINDS, generator.dirichlet([2, 1, 1, 2]), strict=True)
    }
    # The margins that nobody prints must be found as well: not every comparison is declared.
    several = [c for r in range(2, len(features) + 1) for c in itertools.combinations(features, r)]
    chosen = tuple(c for c in several if draw(st.booleans()))
    return table, features, tuple((name,) for name in features) + chosen


@given(tables())
@settings(max_examples=15, deadline=None)
def test_no_small_count_can_be_computed_from_what_is_published(
    world: tuple[Table, tuple[str, ...], tuple[tuple[str, ...], ...]],
) -> None:
    table, features, comparisons = world
    for truth, least, greatest in attacked(table, features, comparisons):
        assert least - 1e-6 <= truth <= greatest + 1e-6
        assert greatest - least > 1 or sum(table.values()) < 2 * LIMIT, (truth, least, greatest)


def test_masking_the_small_counts_alone_would_give_them_away() -> None:
    """What the attack is for: race=b has 4 rows, and the other levels and all rows are printed."""
    nodes = [node_of(["race"], [level]) for level in "abcd"]
    counts = dict(zip(nodes, (500, 4, 40, 60), strict=True)) | {node_of([], []): 604}
    masked = complemented(lattice(nodes), counts, {nodes[1]}, {nodes[1]}, ends={}, least=LIMIT)
    assert masked == {nodes[1], nodes[2]}


def test_a_margin_that_nobody_prints_is_found() -> None:
    """(a, b, c) and (a, b, d) both sum to (a, b), which is no comparison: one masked group of the first needs more."""
    table = {
        ((a, b, c, d), outcome, prediction): n
        for (a, b, c, d), n in zip(itertools.product("xy", repeat=4), (3, 0, *range(40, 54)), strict=True)
        for outcome, prediction, n in ((True, True, n), (False, False, 50))
    }
    features = ("a", "b", "c", "d")
    comparisons = (("a",), ("b",), ("c",), ("d",), ("a", "b", "c"), ("a", "b", "d"))
    found = attacked(table, features, comparisons)
    assert found and all(greatest - least > 1 for _, least, greatest in found)


SMALL: Table = {
    (("a",), True, True): 200,
    (("a",), False, False): 100,
    (("b",), True, True): 90,
    (("b",), False, False): 60,
    (("c",), True, True): 70,
    (("c",), False, False): 50,
    (("tiny",), True, True): 3,
    (("tiny",), False, False): 2,
}


def disparity(group: tuple[str, ...], reference: tuple[str, ...], metric: str = "selection_rate") -> Disparity:
    return Disparity(
        name="impact_ratio",
        metric=metric,
        comparison=Comparison.RATIO,
        features=("race",),
        group=group,
        reference=reference,
        value=0.9,
        interval=Interval(0.8, 1.0, 0.95, "koopman"),
        bound=0.8,
        verdict=Verdict.WATCH,
        reason="selection_rate ratio 0.9; left out: race=tiny (5 rows, the plan asks for 30)",
        n=150,
        events=90,
        min_n=150,
        p=0.04,
        adjusted_p=0.04,
        detectable=0.8,
    )


def masked_result(**changes: object) -> AuditResult:
    full = result_of(SMALL, ("race",), (("race",),))
    counted = tuple(replace(item, counted=item.size >= 30) for item in full.estimates)
    return published(replace(full, estimates=counted, **changes))  # type: ignore[arg-type]


def test_a_masked_group_shows_nothing_and_its_complement_neither() -> None:
    result = masked_result()
    masked = {item.group[0] for item in result.estimates if item.suppressed}
    assert masked == {"tiny", "c"}
    for item in result.estimates:
        if item.suppressed:
            assert (item.size, item.n, item.events) == (NOT_SHOWN,) * 3
            assert (item.value, item.interval, item.weight, item.reason) == (None, None, None, SUPPRESSED)
    assert "2 groups have masked counts" in result.notes[-1]
    assert from_json(to_json(result)) == result


def test_disparities_keep_their_verdict_and_lose_their_numbers_with_either_group() -> None:
    pairs = (disparity(("b",), ("a",)), disparity(("c",), ("a",)), disparity(("b",), ("tiny",)))
    kept, hidden, other = masked_result(disparities=pairs).disparities
    assert kept == pairs[0]
    for item in (hidden, other):
        assert item.suppressed and item.verdict is Verdict.WATCH
        assert (item.value, item.interval, item.p, item.adjusted_p, item.detectable) == (None,) * 5
        assert (item.n, item.events, item.min_n) == (NOT_SHOWN,) * 3
        assert not any(character.isdigit() for character in item.reason)


def test_a_worst_case_is_hidden_with_a_group_that_took_part_and_names_no_small_one() -> None:
    worst = disparity((), (), "demographic_parity")
    (hidden,) = masked_result(disparities=(worst,)).disparities
    assert hidden.suppressed  # c took part, and is masked for the sake of tiny
    table = {key: n for key, n in SMALL.items() if key[0] != ("tiny",)} | {
        (("e",), True, False): 15,
        (("z",), True, False): 5,
    }
    full = result_of(table, ("race",), (("race",),))
    counted = tuple(replace(item, counted=item.size >= 30) for item in full.estimates)
    (kept,) = published(replace(full, estimates=counted, disparities=(worst,))).disparities
    assert (kept.value, kept.reason) == (0.9, "selection_rate ratio 0.9; left out: small groups")


def test_what_is_derived_from_a_masked_group_is_masked() -> None:
    interval = Interval(0.1, 0.2, 0.95, "x")
    result = masked_result(
        unknown={"race": 4},
        quantities=(
            Quantity("auc", ("race",), ("tiny",), 5, 0.7, interval),
            Quantity("auc", ("race",), ("b",), 150, 0.7, interval),
            Quantity("xauc", ("race",), ("b",), 150, 0.7, interval, against=("c",)),
            Quantity("between_groups", ("race",), (), 575, 0.7, interval),
            Quantity("theil", (), (), 575, 0.7, interval),
            Quantity("calibration", ("race",), ("a",), 290, 0.7, interval, at="0.0 to 0.5"),
            Quantity("calibration", ("race",), ("a",), 10, 0.7, interval, at="0.5 to 1.0"),
        ),
        stratified=(
            Stratified("dept", ("race",), ("tiny",), ("a",), 3, 0, 0.5, 0.6, interval, 0.1, 0.2),
            Stratified("dept", ("race",), ("b",), ("a",), 3, 0, 0.5, 0.6, interval, 0.1, 0.2),
        ),
        unknown_bounds=(
            UnknownBounds("race", "tiny", 5, 20, 0.1, 0.9, 0.5),
            UnknownBounds("race", "b", 150, 20, 0.5, 0.6, 0.5),
        ),
        search=Search(
            1,
            2,
            0,
            (
                Found(("race",), ("tiny",), 5, 3, 0.6, 0.6, 1.0, 0.5, 1.0),
                Found(("race",), ("b",), 150, 90, 0.6, 0.6, 1.0, 0.5, 1.0),
                Found(("race", "sex"), ("b", "f"), 50, 30, 0.6, 0.6, 1.0, 0.5, 1.0),
            ),
            "x",
        ),
        rule_reports=(
            RuleReport("nyc-ll144", "1", "d", "t", "c", "in force", ()),
            RuleReport("us-ugesp", "1", "d", "t", "c", "in force", ()),
        ),
        notes=("race: 4 of 575 rows have no value; shown as a group, never compared.", "Favourable is hired = 1."),
    )
    assert [item.suppressed for item in result.quantities] == [True, False, True, True, False, True, True]
    assert [item.reason == SUPPRESSED for item in result.stratified] == [True, False]
    assert result.unknown == {"race": NOT_SHOWN}
    assert [(item.n, item.lower, item.upper) for item in result.unknown_bounds] == [
        (NOT_SHOWN, 0.0, 1.0),
        (150, 0.5, 0.6),
    ]
    assert result.search is not None and [item.group for item in result.search.found] == [("b",)]
    assert result.rule_reports == ()
    assert result.notes[0] == "race: an undisclosed number of rows have no value; shown as a group, never compared."
    assert "4" not in "".join(result.notes[:1]) and result.notes[1] == "Favourable is hired = 1."
    assert any("2 subgroups that the search found are not shown" in note for note in result.notes)


def test_a_rule_that_demands_every_number_keeps_its_tables() -> None:
    full = result_of(SMALL, ("race",), (("race",),))
    report = RuleReport("nyc-ll144", "1", "d", "t", "c", "in force", ())
    assert published(replace(full, rule_reports=(report,)), whole_rules={"nyc-ll144"}).rule_reports == (report,)


def test_without_a_limit_or_small_counts_nothing_changes() -> None:
    full = result_of(SMALL, ("race",), (("race",),))
    whole = replace(full, suppress_below=0)
    assert published(whole) is whole
    large = result_of({key: n * 10 + 20 for key, n in SMALL.items()}, ("race",), (("race",),))
    assert published(large) == large


def test_unknown_levels_are_groups_like_others() -> None:
    table = {key: n for key, n in SMALL.items() if key[0] != ("tiny",)} | {((UNKNOWN,), False, False): 4}
    result = published(result_of(table, ("race",), (("race",),)))
    assert {item.group[0] for item in result.estimates if item.suppressed} == {UNKNOWN, "c"}


@pytest.mark.parametrize("limit", [5, 11, 30])
def test_the_limit_is_the_plan_s(limit: int) -> None:
    result = published(replace(result_of(SMALL, ("race",), (("race",),)), suppress_below=limit))
    small_sizes = [item.size for item in result.estimates if 0 < item.size < limit]
    assert small_sizes == []
    assert any(item.suppressed for item in result.estimates)

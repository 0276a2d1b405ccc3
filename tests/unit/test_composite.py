"""Measures made of several rates, against AIF360 and Fairlearn on rows, and their intervals against known truths."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from audits.composite import COMPOSITES, SHARED, composites
from audits.crosscheck import crosscheck
from audits.inequality import between_interval, generalized_entropy, of_groups, theil
from audits.metrics import NO_LABEL
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells, Quantity
from governance.errors import DisagreementError

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("race", "race"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
KINDS = ((True, True), (False, True), (False, False), (True, False))


def table(**groups: tuple[int, int, int, int]) -> Cells:
    """From (true positives, false positives, true negatives, false negatives) of each group."""
    cells = tuple(
        Cell((level,), *kind, n) for level, counts in groups.items() for kind, n in zip(KINDS, counts, strict=True) if n
    )
    return Cells(("race",), cells, sum(cell.n for cell in cells), "sha256:data", "by hand")


def rows_of(cells: Cells) -> pd.DataFrame:
    rows = [(cell.levels[0], int(cell.outcome), int(cell.prediction)) for cell in cells.cells for _ in range(cell.n)]
    return pd.DataFrame(rows, columns=["race", "outcome", "prediction"])


def one(found: tuple[Quantity, ...], metric: str, *group: str) -> Quantity:
    return next(item for item in found if (item.metric, item.group) == (metric, group))


THREE = table(a=(300, 100, 500, 100), b=(150, 90, 400, 160), c=(40, 30, 200, 30))


def test_balanced_accuracy_is_scikit_learns() -> None:
    from sklearn.metrics import balanced_accuracy_score

    found = composites(THREE, PLAN)
    for level, rows in rows_of(THREE).groupby("race"):
        item = one(found, "balanced_accuracy", str(level))
        assert item.value == pytest.approx(balanced_accuracy_score(rows["outcome"], rows["prediction"]), abs=1e-12)
        assert item.interval is not None and item.interval.lower < item.value < (item.interval.upper or 0)
        assert (item.n, item.counted, item.interval.method) == (len(rows), True, "BCa bootstrap")


def test_the_mean_gap_of_equalized_odds_is_fairlearns_mean() -> None:
    from fairlearn.metrics import equalized_odds_difference

    rows = rows_of(THREE)
    library = equalized_odds_difference(
        rows["outcome"], rows["prediction"], sensitive_features=rows["race"], agg="mean"
    )
    item = one(composites(THREE, PLAN), "equalized_odds_mean_difference")
    assert item.value == pytest.approx(library, abs=1e-12)
    assert item.interval is not None and item.interval.lower < library < (item.interval.upper or 0)


def test_odds_of_pairs_are_confirmed_by_aif360() -> None:
    found = composites(THREE, PLAN)
    assert crosscheck(THREE, PLAN, (), found) == 4
    moved = [replace(q, value=q.value + 1e-6) if q.metric.startswith("average") and q.value else q for q in found]
    with pytest.raises(DisagreementError, match="average_odds_difference, race=b against race=a: AIF360 gives"):
        crosscheck(THREE, PLAN, (), moved)


def test_the_signed_mean_may_cancel_and_the_absolute_one_does_not() -> None:
    opposite = table(a=(80, 20, 80, 20), b=(60, 40, 60, 40))
    found = composites(opposite, PLAN)
    signed = next(item for item in found if item.metric == "average_odds_difference")
    absolute = next(item for item in found if item.metric == "average_absolute_odds_difference")
    assert signed.value == pytest.approx(0, abs=1e-12)
    assert absolute.value == pytest.approx(0.2)
    assert absolute.interval is not None and absolute.interval.lower > 0


def test_inequality_is_aif360s_on_the_rows_without_weights() -> None:
    from audits.crosscheck import classification_metric
    from audits.groups import groups_of

    cells = table(a=(30, 10, 50, 10), b=(15, 9, 40, 16))
    rows = Cells(
        ("race",), tuple(replace(cell, n=1) for cell in cells.cells for _ in range(cell.n)), 180, "sha256:rows", "rows"
    )
    a, b = groups_of(cells, PLAN, ("race",))
    # Its inequality leaves weights out, so that it needs one row for each person.
    single = [replace(g, rows=tuple(r._replace(n=1, w=1, w2=1) for r in g.rows for _ in range(r.n))) for g in (a, b)]
    library = classification_metric(*single)
    found = {item.metric: item.value for item in composites(rows, PLAN) if item.metric in COMPOSITES[4:]}
    assert found == {
        "generalized_entropy_index": pytest.approx(library.generalized_entropy_index(2), abs=1e-12),
        "theil_index": pytest.approx(library.theil_index(), abs=1e-12),
        "between_group_generalized_entropy_index": pytest.approx(
            library.between_all_groups_generalized_entropy_index(2), abs=1e-12
        ),
        "between_group_theil_index": pytest.approx(library.between_all_groups_theil_index(), abs=1e-12),
    }
    # On the cells with their weights it gives something else: the trap.
    assert classification_metric(a, b).theil_index() != pytest.approx(library.theil_index(), rel=0.05)


def test_weights_count_as_that_many_rows() -> None:
    doubled = replace(
        THREE, weighted=True, cells=tuple(replace(cell, w=2.0 * cell.n, w2=4.0 * cell.n) for cell in THREE.cells)
    )
    plain, weighted = composites(THREE, PLAN), composites(doubled, PLAN)
    assert [item.value for item in weighted] == pytest.approx([item.value for item in plain])
    pairs = [(a.interval, b.interval) for a, b in zip(plain, weighted, strict=True)]
    for before, after in pairs:
        assert before is not None and after is not None
        assert (after.lower, after.upper) == pytest.approx((before.lower, before.upper))


def test_a_group_without_positives_has_no_balanced_accuracy_and_no_odds() -> None:
    """scikit-learn would give the true negative rate alone."""
    found = composites(table(a=(300, 100, 500, 100), b=(0, 20, 80, 0)), PLAN)
    assert one(found, "balanced_accuracy", "b").reason == "race=b: no favourable outcomes in this group"
    none = [item for item in found if item.value is None]
    assert [item.metric for item in none] == [*COMPOSITES[:4]]
    assert all("race=b: no favourable outcomes" in (item.reason or "") for item in none)
    assert all(item.interval is None for item in none)


def test_small_and_unknown_groups_are_shown_and_enter_nothing() -> None:
    more = table(**{"a": (300, 100, 500, 100), "b": (150, 90, 400, 160), "d": (5, 0, 0, 5), UNKNOWN: (0, 100, 0, 100)})
    found = composites(more, PLAN)
    plain = composites(table(a=(300, 100, 500, 100), b=(150, 90, 400, 160)), PLAN)
    for metric in ("equalized_odds_mean_difference", "between_group_theil_index"):
        assert one(found, metric) == one(plain, metric)
    shown = {item.group for item in found if item.metric == "balanced_accuracy" and not item.counted}
    assert shown == {("d",), (UNKNOWN,)}
    assert {item.group for item in found if item.metric == "average_odds_difference"} == {("b",), ("d",)}
    assert all(UNKNOWN not in item.against for item in found)


def test_one_group_only_has_nothing_between_groups() -> None:
    found = composites(table(a=(300, 100, 500, 100)), PLAN)
    assert {item.metric for item in found if item.value is None} == {
        "equalized_odds_mean_difference",
        "between_group_generalized_entropy_index",
        "between_group_theil_index",
    }
    assert all(item.reason == "fewer than two groups are large enough" for item in found if item.value is None)


def test_where_nobody_has_a_benefit_there_is_no_inequality() -> None:
    found = composites(table(a=(0, 0, 0, 100), b=(0, 0, 0, 50)), PLAN)
    inequality = [item for item in found if item.metric in COMPOSITES[4:]]
    assert len(inequality) == 4
    assert all(item.value is None and "no row has a benefit" in (item.reason or "") for item in inequality)


def test_without_a_label_each_is_named_once_and_has_no_value() -> None:
    found = composites(replace(THREE, labelled=False), PLAN)
    assert [item.metric for item in found] == list(COMPOSITES)
    assert {(item.value, item.reason) for item in found} == {(None, NO_LABEL)}


def test_groups_known_by_probabilities_share_rows() -> None:
    """Everybody is in a with 0.7 and in b with 0.3; the sample has as many rows as people."""
    counts = zip(KINDS, (300, 100, 500, 100), strict=True)
    cells = tuple(
        Cell((level,), *kind, n, share * n, share**2 * n)
        for kind, n in counts
        for level, share in (("a", 0.7), ("b", 0.3))
    )
    found = composites(Cells(("race",), cells, 1000, "sha256:data", "by hand", shared=True), PLAN)
    assert next(item.n for item in found if item.metric == "theil_index") == 1000
    silent = {item.metric for item in found if item.interval is None}
    assert silent == {*COMPOSITES[4:]}
    assert all(item.reason == SHARED for item in found if item.metric in silent)
    odds = next(item for item in found if item.metric == "average_odds_difference")
    assert odds.value == pytest.approx(0) and odds.interval is not None


def test_groups_that_do_not_differ_at_all_have_an_interval_of_numbers() -> None:
    found = composites(table(a=(100, 100, 100, 100), b=(50, 50, 50, 50)), PLAN)
    for metric in ("between_group_generalized_entropy_index", "between_group_theil_index"):
        item = one(found, metric)
        assert item.value == pytest.approx(0, abs=1e-15)
        assert item.interval is not None
        assert item.interval.lower == 0 <= (item.interval.upper or 0) < 1e-3


def test_the_interval_between_groups_covers_also_where_groups_do_not_differ() -> None:
    """A bootstrap of this index never covers 0. 400 samples each, 95 %: 91.5 to 98.5 % but for chance."""
    generator = np.random.default_rng(2)
    kinds = np.array([[0.3, 0.1, 0.2, 0.4]] * 4), np.array([[0.3, 0.1, 0.2, 0.4], [0.2, 0.3, 0.1, 0.4]] * 2)
    for rates in kinds:
        truth = float(generalized_entropy(*of_groups(rates * 500)))
        covered = 0
        for _ in range(400):
            sums = np.array([generator.multinomial(500, row) for row in rates], dtype=float)
            value = float(generalized_entropy(*of_groups(sums)))
            low, high = between_interval(value, sums, 2000, 0.95)
            covered += low <= truth + 1e-15 and truth <= high
        assert 0.915 <= covered / 400 <= 0.985


def test_a_bound_between_groups_that_is_numerically_zero_is_zero() -> None:
    """The search of scipy for the lower end stops at a number such as 5.7e-320, which is no bound but a zero."""
    generator = np.random.default_rng(2)
    ends = []
    for _ in range(200):
        sums = np.array([generator.multinomial(500, row) for row in [[0.3, 0.1, 0.2, 0.4]] * 4], dtype=float)
        ends += between_interval(float(generalized_entropy(*of_groups(sums))), sums, 2000, 0.95)
    assert 0.0 in ends
    assert not [end for end in ends if 0 < end < 1e-15]


def test_the_absolute_odds_difference_does_not_exclude_zero_where_there_is_none() -> None:
    generator = np.random.default_rng(3)
    excluded = 0
    for _ in range(100):
        counts = [generator.multinomial(400, [0.3, 0.1, 0.4, 0.2]) for _ in range(2)]
        found = composites(table(a=tuple(counts[0]), b=tuple(counts[1])), replace(PLAN, replicates=100))
        interval = next(item for item in found if item.metric == "average_absolute_odds_difference").interval
        excluded += interval is not None and interval.lower > 0
    # At most 5 % are to be expected, 10 of 100 have a probability of 3 %.
    assert excluded <= 10


def test_theil_takes_benefits_of_zero() -> None:
    weights, benefits = np.array([1.0, 1.0]), np.array([0.0, 2.0])
    assert theil(weights, benefits) == pytest.approx(np.log(2))
    assert generalized_entropy(weights, benefits) == pytest.approx(0.5)

"""The bootstrap from the cells against the bootstrap of the rows, and its intervals against known ones. Fixed seeds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import ks_2samp

from audits.bootstrap import bootstrap, resampled, weights_of
from audits.cell_sums import rates_of
from audits.disaggregate import disaggregate
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import Cell, Cells

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    intersections=(("sex", "race"),),
)
Rows = dict[str, Any]


def table(n: int, seed: int, *, weighted: bool = False) -> Rows:
    generator = np.random.default_rng(seed)
    sex, race = generator.integers(0, 2, n), generator.integers(0, 3, n)
    outcome = generator.random(n) < 0.45
    prediction = generator.random(n) < np.where(outcome, 0.7, 0.25) - 0.1 * sex
    weight = generator.gamma(1.5, 1.0, n) + 0.05 if weighted else np.ones(n)
    return {"sex": sex, "race": race, "outcome": outcome, "prediction": prediction, "weight": weight}


def cells_of(rows: Rows, *, weighted: bool = False) -> Cells:
    keys = np.stack([rows[name] for name in ("sex", "race", "outcome", "prediction")], axis=1).astype(int)
    kinds, inverse = np.unique(keys, axis=0, return_inverse=True)
    found = []
    for number, (sex, race, outcome, prediction) in enumerate(kinds):
        weight = rows["weight"][inverse == number]
        sums = {"w": float(weight.sum()), "w2": float((weight**2).sum())} if weighted else {}
        found.append(Cell((f"s{sex}", f"r{race}"), bool(outcome), bool(prediction), len(weight), **sums))
    return Cells(("sex", "race"), tuple(found), len(rows["sex"]), "sha256:data", "by hand", weighted=weighted)


def rates(rows: Rows, at: np.ndarray) -> tuple[float, float, float]:
    """Selection rate of s0, difference of the selection rates, true positive rate of s1: on rows, by plain numpy."""
    sex, outcome, prediction, weight = (rows[name][at] for name in ("sex", "outcome", "prediction", "weight"))
    first, second = (np.average(prediction[sex == s], weights=weight[sex == s]) for s in (0, 1))
    hired = (sex == 1) & outcome
    return float(first), float(first - second), float(np.average(prediction[hired], weights=weight[hired]))


def three(cells: Cells) -> Any:
    names, statistic = rates_of(cells, PLAN)
    one, other, tpr = (
        names.index((("sex",), (level,), metric))
        for level, metric in (("s0", "selection_rate"), ("s1", "selection_rate"), ("s1", "true_positive_rate"))
    )

    def statistic_of_three(weights: np.ndarray) -> np.ndarray:
        found = statistic(weights)
        return np.stack([found[:, one], found[:, one] - found[:, other], found[:, tpr]], axis=1)

    return statistic_of_three


def both(seed: int, *, weighted: bool, replicates: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Replicates of the three values from the cells, and from the rows."""
    rows = table(400, seed, weighted=weighted)
    cells = cells_of(rows, weighted=weighted)
    ours = three(cells)(resampled(cells, replicates=replicates, seed=seed))
    generator = np.random.default_rng(10_000 + seed)
    drawn = [rates(rows, generator.integers(0, 400, 400)) for _ in range(replicates)]
    return ours, np.array(drawn)


@pytest.mark.parametrize("weighted", [False, True])
def test_replicates_are_distributed_as_those_of_the_row_bootstrap(weighted: bool) -> None:
    """Kolmogorov-Smirnov at 5 %: of 60 tests about 3 reject; 10 or more have a probability of 1 in 1,000."""
    rejected, widths = 0, []
    for seed in range(20):
        ours, rows = both(seed, weighted=weighted)
        rejected += sum(ks_2samp(ours[:, at], rows[:, at]).pvalue < 0.05 for at in range(3))
        widths.append(ours.std(axis=0) / rows.std(axis=0))
    assert rejected < 10
    # 60 ratios of standard deviations of 400 replicates, each with a relative error of 5 %.
    assert np.mean(widths) == pytest.approx(1.0, abs=0.03)


def test_scaling_the_weights_of_cells_by_their_counts_alone_would_be_too_narrow() -> None:
    widths = []
    for seed in range(20):
        rows = table(400, seed, weighted=True)
        cells = cells_of(rows, weighted=True)
        by_count = replace(cells, cells=tuple(replace(c, w2=c.weight**2 / c.n) for c in cells.cells))
        narrow = three(by_count)(resampled(by_count, replicates=400, seed=seed))
        right = three(cells)(resampled(cells, replicates=400, seed=seed))
        widths.append(narrow.std(axis=0) / right.std(axis=0))
    assert np.mean(widths) < 0.93


def test_the_rates_at_the_weights_themselves_are_those_of_the_audit() -> None:
    for weighted in (False, True):
        cells = cells_of(table(500, 3, weighted=weighted), weighted=weighted)
        names, statistic = rates_of(cells, PLAN)
        estimates = disaggregate(cells, PLAN)
        assert names == tuple((item.features, item.group, item.metric) for item in estimates)
        expected = [np.nan if item.value is None else item.value for item in estimates]
        np.testing.assert_allclose(statistic(weights_of(cells)[None, :])[0], expected, rtol=0, atol=1e-12)


def test_the_intervals_are_those_of_scipy_on_the_rows() -> None:
    """The variance of a skewed number in 60 rows, where percentile and BCa lie far apart."""
    numbers, counts = np.array([0.0, 1.0, 4.0, 15.0]), (30, 15, 10, 5)
    kinds = ((False, False), (False, True), (True, False), (True, True))
    found = tuple(Cell(("s",), *kind, n) for kind, n in zip(kinds, counts, strict=True))
    cells = Cells(("sex",), found, 60, "sha256:data", "by hand")
    rows = np.repeat(numbers, counts)

    def variance(weights: np.ndarray) -> np.ndarray:
        mean = weights @ numbers / 60
        return (weights @ numbers**2 / 60 - mean**2)[:, None]

    lowers = []
    for method in ("BCa", "percentile"):
        (ours,) = bootstrap(cells, variance, replicates=20_000, seed=1, confidence=0.95, bca=method == "BCa")
        scipy = scipy_bootstrap(
            (rows,), np.var, n_resamples=20_000, method=method, rng=np.random.default_rng(2)
        ).confidence_interval
        assert ours.value == pytest.approx(np.var(rows))
        assert ours.interval is not None and ours.interval.method == f"{method} bootstrap"
        # Both ends have a Monte Carlo error of about 1 %.
        assert (ours.interval.lower, ours.interval.upper) == pytest.approx((scipy.low, scipy.high), rel=0.05)
        lowers.append(ours.interval.lower)
    assert lowers[0] > 1.2 * lowers[1]


def test_where_every_sample_lies_on_one_side_there_is_no_interval() -> None:
    cells = cells_of(table(300, 1))
    own = weights_of(cells)

    def moved(weights: np.ndarray) -> np.ndarray:
        return np.abs(weights - own).sum(axis=1, keepdims=True)

    (found,) = bootstrap(cells, moved, replicates=200, seed=1, confidence=0.95)
    assert (found.value, found.interval) == (0.0, None)
    assert found.reason == "all bootstrap samples lie on one side of the estimate"


def test_equal_seeds_give_equal_intervals_and_other_seeds_others() -> None:
    cells = cells_of(table(300, 5, weighted=True), weighted=True)
    runs = [bootstrap(cells, three(cells), replicates=200, seed=seed, confidence=0.9) for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


def test_bca_intervals_of_a_rate_cover_it() -> None:
    """300 tables of 150 rows, rate 0.2: 95 % intervals cover 93 to 97 % but for chance (+- 3.8 %)."""
    generator = np.random.default_rng(4)
    covered = 0
    for seed, k in enumerate(generator.binomial(150, 0.2, 300)):
        cells = Cells(
            ("sex",),
            (
                Cell(("s",), outcome=True, prediction=True, n=int(k)),
                Cell(("s",), outcome=True, prediction=False, n=int(150 - k)),
            ),
            150,
            "sha256:data",
            "by hand",
        )
        (found,) = bootstrap(
            cells, lambda w: w[:, :1] / w.sum(axis=1, keepdims=True), replicates=500, seed=seed, confidence=0.95
        )
        assert found.interval is not None and found.interval.upper is not None
        covered += found.interval.lower <= 0.2 <= found.interval.upper
    assert 0.91 <= covered / 300 <= 0.985


def test_what_does_not_vary_or_is_often_missing_has_no_interval_and_says_why() -> None:
    cells = Cells(
        ("sex",),
        (
            Cell(("rare",), outcome=True, prediction=True, n=1),
            Cell(("common",), outcome=True, prediction=True, n=99),
            Cell(("common",), outcome=False, prediction=True, n=100),
        ),
        200,
        "sha256:data",
        "by hand",
    )

    def statistic(w: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            rare = w[:, 0] / w[:, 0]
            return np.stack([np.ones(len(w)), rare, w[:, 0] * np.nan, w[:, 1] / w.sum(axis=1)], axis=1)

    found = bootstrap(cells, statistic, replicates=1000, seed=1, confidence=0.95)
    assert found[0].reason == "all bootstrap samples give the same value"
    missing = int(found[1].reason.split()[4])  # type: ignore[union-attr]
    assert found[1].reason == f"cannot be computed in {missing} of 1000 bootstrap samples"
    assert missing == pytest.approx(1000 * (199 / 200) ** 200, abs=60)
    assert (found[2].value, found[2].reason) == (None, "cannot be computed on these rows")
    assert found[3].interval is not None and found[3].reason is None
    assert [item.interval for item in found[:3]] == [None] * 3


def test_too_few_replicates_are_refused() -> None:
    cells = cells_of(table(50, 1))
    with pytest.raises(ValueError, match="99 replicates: give at least 100"):
        bootstrap(cells, three(cells), replicates=99, seed=1, confidence=0.95)

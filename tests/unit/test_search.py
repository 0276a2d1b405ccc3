"""The search for the worst subgroup: what is planted is found with its multiplicity, and noise stays noise."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import fisher_exact

from audits.groups import groups_of
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells, Search
from audits.search import search
from audits.subset_scan import Subset
from governance.errors import MeasurementError

LEVELS = {"sex": ("f", "m"), "race": ("a", "b", "c", "d"), "age": ("20", "40", "60")}
PLAN = AuditPlan(
    "m",
    "y",
    "1",
    tuple(SensitiveFeature(name, name) for name in LEVELS),
    (),
    date(2026, 1, 1),
    "sha256:plan",
    search_depth=3,
)


def table(selected: Callable[[tuple[str, ...], int], int], size: int = 400) -> Cells:
    """`size` rows for every combination; `selected` says how many of them are."""
    cells: list[Cell] = []
    for levels in itertools.product(*LEVELS.values()):
        k = selected(levels, size)
        cells += [Cell(levels, True, True, k), Cell(levels, True, False, size - k)]
    kept = tuple(cell for cell in cells if cell.n)
    return Cells(tuple(LEVELS), kept, sum(cell.n for cell in kept), "sha256:data", "typed")


def found(cells: Cells, plan: AuditPlan = PLAN) -> Search:
    result = search(cells, plan)
    assert result is not None
    return result


def test_a_search_is_made_only_where_the_plan_declares_one() -> None:
    assert search(table(lambda _, n: n // 2), replace(PLAN, search_depth=0)) is None


def test_a_planted_subgroup_of_three_features_is_found_among_noise() -> None:
    noise = np.random.default_rng(3)
    worst = ("f", "c", "60")
    result = found(table(lambda levels, n: int(noise.binomial(n, 0.2 if levels == worst else 0.5))))
    # 2 + 4 + 3 levels, 8 + 6 + 12 pairs, 24 of all three.
    assert (result.tried, result.left_out) == (59, 0)
    first = result.found[0]
    assert (first.features, first.group) == (("sex", "race", "age"), worst)
    assert first.ratio == pytest.approx(0.4, abs=0.1)
    assert first.adjusted_p is not None and first.adjusted_p < 1e-6
    assert dict(result.best_subset) == {"sex": ("f",), "race": ("c",), "age": ("60",)}
    assert result.score is not None and result.score > 10


def test_counts_rate_rest_and_p_are_those_of_the_two_by_two_table() -> None:
    cells = table(lambda levels, _: 3 if levels == ("f", "a", "20") else 5, size=10)
    first = found(cells, replace(PLAN, min_group_size=10)).found[0]
    assert (first.group, first.n, first.events) == (("f", "a", "20"), 10, 3)
    assert (first.rate, first.rest) == (0.3, 115 / 230)
    expected = fisher_exact([[3, 7], [115, 115]]).pvalue
    assert first.p == pytest.approx(expected, rel=0.25)  # z where at least 5 are expected
    assert first.adjusted_p == 1.0


def test_noise_is_called_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """No difference anywhere: Holm over all 59 tried lets at most 5 % of the searches name one."""
    # The scan is a method of its own, and slow.
    monkeypatch.setattr("audits.search.scan_subsets", lambda *_: Subset((), None, "not run"))
    named = 0
    for seed in range(100):
        noise = np.random.default_rng(seed)
        cells = table(lambda _, n, noise=noise: int(noise.binomial(n, 0.3)))  # type: ignore[misc]
        named += min(item.adjusted_p or 0.0 for item in found(cells).found) <= 0.05
    assert named <= 10  # binomial(100, .05): more than 10 has probability 0.011, and the seeds are fixed


def test_small_subgroups_are_left_out_and_counted() -> None:
    cells = table(lambda levels, n: 0, size=10)
    result = found(cells, replace(PLAN, min_group_size=30))
    # Those of all three have 10 rows, those of race and age 20.
    assert (result.left_out, result.tried) == (24 + 12, 23)
    assert all(len(item.features) < 3 for item in result.found)
    assert result.best_subset == () and "all rows have the same prediction" in result.method


def test_weights_count_as_what_they_are_worth_and_are_not_scanned() -> None:
    cells = table(lambda levels, n: 100 if levels[0] == "f" else 200)
    weighted = replace(cells, weighted=True, cells=tuple(replace(c, w=2.0 * c.n, w2=8.0 * c.n) for c in cells.cells))
    result = found(weighted)
    plain = found(cells)
    assert result.found[0].group == plain.found[0].group == ("f",)
    assert result.found[0].rate == plain.found[0].rate == 0.25
    assert (result.found[0].p or 0) > (plain.found[0].p or 0)
    assert "takes no weights" in result.method


def test_weights_that_sum_to_the_number_of_rows_are_still_weights() -> None:
    """Half of each group's rows weigh 0.5 and are selected, half weigh 1.5: a quarter of the weight, not a half."""
    cells = Cells(
        ("sex",),
        tuple(
            Cell((sex,), True, selected, n, w=n * weight, w2=n * weight**2)
            for sex, n in (("f", 200), ("m", 300))
            for selected, weight in ((True, 0.5 if sex == "f" else 1.0), (False, 1.5 if sex == "f" else 1.0))
        ),
        1000,
        "sha256:data",
        "typed",
        weighted=True,
    )
    first = found(cells, replace(PLAN, sensitive_features=(SensitiveFeature("sex", "sex"),))).found[0]
    assert (first.group, first.rate, first.rest) == (("f",), 0.25, 0.5)
    assert first.p is not None and first.p < 1e-9


def test_unknown_levels_are_nobodys_subgroup() -> None:
    cells = table(lambda levels, n: 0 if levels[1] == "d" else n // 2)
    lost = tuple(
        replace(cell, levels=tuple(UNKNOWN if level == "d" else level for level in cell.levels)) for cell in cells.cells
    )
    result = found(replace(cells, cells=lost))
    assert not any(UNKNOWN in item.group for item in result.found)
    assert not any(UNKNOWN in levels for _, levels in result.best_subset)
    assert "without the 2400 rows of unknown level" in result.method
    assert result.left_out == 1 + 2 + 3 + 6


def test_six_million_subgroups_are_counted_without_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c", "d")
    cells = Cells(
        names, tuple(Cell((str(n),) * 4, True, n % 2 == 0, 40) for n in range(50)), 2000, "sha256:data", "typed"
    )
    plan = replace(PLAN, sensitive_features=tuple(SensitiveFeature(name, name) for name in names), search_depth=4)
    made: list[int] = []
    monkeypatch.setattr("audits.search.groups_of", lambda *given: (made.append(len(given[2])), groups_of(*given))[1])
    with pytest.raises(
        MeasurementError, match=f"would try {200 + 6 * 50**2 + 4 * 50**3 + 50**4} subgroups, at most 20000"
    ):
        search(cells, plan)
    assert made == [1, 1, 1, 1]


def test_too_many_subgroups_are_refused_with_their_count() -> None:
    with pytest.raises(MeasurementError, match=r"would try 59 subgroups, at most 40"):
        search(table(lambda _, n: n // 2), replace(PLAN, max_groups=2))


def test_the_scan_is_repeatable_and_leaves_the_generators_of_the_process_alone() -> None:
    noise = np.random.default_rng(9)
    cells = table(lambda _, n: int(noise.binomial(n, 0.4)))
    before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
    assert found(cells) == found(cells)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]

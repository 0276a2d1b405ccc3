"""Rows without a sensitive value: what they could do, and whether they are missing by chance."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from audits.plan import AuditPlan, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells
from audits.unknowns import unknown_bounds

PLAN = AuditPlan("m", None, "1", (SensitiveFeature("sex", "sex"),), (), date(2026, 1, 1), "sha256:plan")


def cells_of(counts: dict[str, tuple[int, int]], weight: float | None = None) -> Cells:
    found = tuple(
        Cell(
            (level,),
            outcome=False,
            prediction=selected,
            n=n,
            w=None if weight is None else n * weight,
            w2=None if weight is None else n * weight**2,
        )
        for level, (k, total) in counts.items()
        for selected, n in ((True, k), (False, total - k))
        if n
    )
    return Cells(("sex",), found, sum(c.n for c in found), "d", "typed", weighted=weight is not None)


def test_bounds_and_chi_square_by_hand() -> None:
    women, men = unknown_bounds(cells_of({"men": (50, 100), "women": (40, 100), UNKNOWN: (10, 60)}), PLAN)[::-1]
    assert (women.level, women.n, women.unknown) == ("women", 100, 60)
    assert (women.lower, women.upper) == pytest.approx((40 / 160, 100 / 160))
    assert (men.lower, men.upper) == pytest.approx((50 / 160, 110 / 160))
    expected = chi2_contingency([[10, 50], [90, 110]], correction=False).pvalue
    assert women.missing_p == men.missing_p == pytest.approx(expected, rel=0.5)
    assert (women.missing_p or 1) < 0.001


@pytest.mark.parametrize("levels", ["ab", "abcd"])
def test_rows_known_by_probabilities_are_tested_once(levels: str) -> None:
    """100 rows, half of them selected, equally likely in every level, are as many rows as in one level they know."""
    share = 1 / len(levels)
    parts = [
        Cell((level,), outcome=False, prediction=selected, n=50, w=50 * share, w2=50 * share**2)
        for level in levels
        for selected in (True, False)
    ]
    missing = [Cell((UNKNOWN,), outcome=False, prediction=s, n=n, w=n, w2=n) for s, n in ((True, 20), (False, 40))]
    found = unknown_bounds(Cells(("sex",), (*parts, *missing), 160, "d", "typed", weighted=True, shared=True), PLAN)
    once = unknown_bounds(cells_of({"men": (50, 100), UNKNOWN: (20, 60)}), PLAN)[0]
    assert len(found) == len(levels)
    assert [item.missing_p for item in found] == [pytest.approx(once.missing_p, rel=1e-9)] * len(levels)
    assert found[0].lower == pytest.approx(50 * share / (100 * share + 60))


def test_chi_square_where_the_normal_curve_is_trusted() -> None:
    found = unknown_bounds(cells_of({"men": (50, 100), UNKNOWN: (20, 60)}), PLAN)
    assert found[0].missing_p == pytest.approx(chi2_contingency([[20, 40], [50, 50]], correction=False).pvalue)


def test_without_unknown_rows_there_is_nothing_to_say_and_all_unknown_is_not_tested() -> None:
    assert unknown_bounds(cells_of({"men": (50, 100), "women": (40, 100)}), PLAN) == ()
    assert unknown_bounds(cells_of({UNKNOWN: (10, 60)}), PLAN) == ()


@given(
    st.integers(1, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.data(),
)
def test_whatever_the_unknown_rows_are_the_rate_lies_within_where_they_are_all_in_the_group(
    known: tuple[int, int], unknown: tuple[int, int], data: st.DataObject
) -> None:
    (found,) = unknown_bounds(cells_of({"a": known, UNKNOWN: unknown}), PLAN)
    rate = (known[0] + data.draw(st.integers(0, unknown[1]))) / (known[1] + unknown[1])
    assert found.lower - 1e-12 <= rate <= found.upper + 1e-12


def test_equal_weights_change_nothing() -> None:
    counts = {"a": (50, 100), UNKNOWN: (20, 60)}
    (plain,), (weighted,) = unknown_bounds(cells_of(counts), PLAN), unknown_bounds(cells_of(counts, 3.0), PLAN)
    assert (weighted.lower, weighted.upper) == pytest.approx((plain.lower, plain.upper))
    assert weighted.missing_p == pytest.approx(plain.missing_p)

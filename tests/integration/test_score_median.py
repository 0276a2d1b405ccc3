"""The median in two looks against numpy's on all rows, ties and narrow bins included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audits.score_median
from audits.score_median import median_of
from audits.table import opened
from governance.errors import MeasurementError


def median(values: object, low: float = 0.0, high: float = 1.0) -> float:
    with opened(pd.DataFrame({"score": values})) as source:
        return median_of(source, "score", low, high)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1, allow_subnormal=False) | st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_it_is_numpys(values: list[float]) -> None:
    assert median(values) == np.median(values)


@pytest.mark.parametrize("n", [999, 1000])
@pytest.mark.parametrize("kind", ["uniform", "deciles", "one narrow place", "two values", "two places"])
def test_it_is_numpys_when_a_bin_is_too_full_to_count(n: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits.score_median, "COUNTED_AT_ONCE", 3)
    monkeypatch.setattr(audits.score_median, "BINS", 8)
    generator = np.random.default_rng(n)
    values = {
        "uniform": generator.random(n),
        "deciles": generator.integers(1, 11, n) / 10,
        "one narrow place": 0.3 + generator.random(n) * 1e-12,
        "two values": generator.integers(0, 2, n).astype(float),
        "two places": np.repeat([0.1, 0.9], [n // 2, n - n // 2]),
    }[kind]
    assert median(values) == np.median(values)


def test_integers_have_a_median_too() -> None:
    assert median([1, 2, 3, 10], 1, 10) == 2.5


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf"), -0.1, 1.1])
def test_a_score_that_cannot_be_is_refused(bad: float | None) -> None:
    with pytest.raises(MeasurementError, match=r"'score' is missing, not finite or outside .* 0 to 1 in 1 rows"):
        median([0.5, bad])


def test_text_and_nothing_are_refused() -> None:
    with pytest.raises(MeasurementError, match="a score is a number"):
        median(["a", "b"])
    with pytest.raises(MeasurementError, match="no rows"):
        median(np.empty(0))

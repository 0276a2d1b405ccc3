"""Inequality of benefits: generalised entropy (alpha 2) and Theil's index, over a sample and between groups.

A row's benefit is b = prediction - outcome + 1: 0 for a favourable outcome that was not selected, 2 for an unfavourable
one that was, 1 where both agree (Speicher et al. 2018; aif360 `generalized_entropy_index`, `theil_index` and
`between_all_groups_*`, which leave instance weights out; these do not). Alpha 0 is not offered: it is infinite as soon
as one row has the benefit 0, and aif360's scikit-learn function for it divides by the mean once too often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audits.cell_sums import Array

BENEFITS = (1.0, 2.0, 0.0, 1.0)
"""By kind of row, in the order of `cell_sums.KINDS`."""


NEGLIGIBLE = 1e-12
"""A noncentrality below this is 0: no data of a finite size tell the two apart."""


def generalized_entropy(weights: Array, benefits: Array) -> Array:
    """mean((b / mean(b))^2 - 1) / 2 over the last axis, weighted; NaN where nobody has a benefit."""
    mean, square = _mean(weights, benefits), _mean(weights, benefits**2)
    return _divided(square - mean**2, 2 * mean**2)


def theil(weights: Array, benefits: Array) -> Array:
    """mean(b / mean(b) * log(b / mean(b))) over the last axis, weighted, 0 log 0 = 0; NaN as in the other."""
    import numpy as np
    from scipy.special import xlogy

    mean = _mean(weights, benefits)
    # The logarithm apart: where the mean is 0 only the division gives NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        return _divided(_mean(weights, xlogy(benefits, benefits)), mean) - np.log(mean)


def of_groups(sums: Array) -> tuple[Array, Array]:
    """Sums (..., groups, 4) -> (weights of the groups, their mean benefits); 0 for a group without rows."""
    import numpy as np

    weights = sums.sum(axis=-1)
    return weights, np.nan_to_num(_divided(sums @ np.array(BENEFITS), weights))


def between_interval(value: float, sums: Array, rows: float, confidence: float) -> tuple[float, float]:
    """Ends of an interval for the generalised entropy between groups, from their sums (groups, 4).

    `rows` are the (effective) rows behind the sums. 2 rows E mean^2 / (variance within groups) is the sum of squares
    between groups of an analysis of variance, and has the noncentral chi-square distribution with groups - 1 degrees
    of freedom; its noncentrality is inverted (Steiger 2004). A bootstrap fails here: between groups that do not differ
    the index is above 0 in every sample, and would always exclude it.
    """
    import numpy as np
    from scipy.special import chndtrinc

    weights, means = of_groups(sums)
    mean = _mean(weights, means)
    within = _mean(sums.reshape(-1), ((np.array(BENEFITS) - means[:, None]) ** 2).reshape(-1))
    if within <= 0:
        return value, value
    scale = float(_divided(within, 2 * rows * mean**2))
    tail = (1 - confidence) / 2
    noncentral = chndtrinc(max(value, 0.0) / scale, len(sums) - 1, np.array([1 - tail, tail]))
    # Where even no difference makes so small a value unlikely, the noncentrality is 0; scipy may say NaN of it, or
    # where its search for the end ran out of digits: 2e-317.
    found = np.nan_to_num(noncentral)
    lower, upper = (float(end) * scale for end in np.where(found < NEGLIGIBLE, 0.0, found))
    return min(lower, value), max(upper, value)


def _mean(weights: Array, values: Array) -> Array:
    return _divided((weights * values).sum(axis=-1), weights.sum(axis=-1))


def _divided(numerator: Array, denominator: Array) -> Array:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator)

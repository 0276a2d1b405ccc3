"""A share of rows with weights: what is counted, what is estimated, and how many equal rows that is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_ROUNDING = 1e-9


class Row(NamedTuple):
    """`n` rows of one kind, the sum `w` of their weights and `w2` of the squares; both n where nothing is weighted."""

    outcome: bool
    prediction: bool
    n: int
    w: float
    w2: float


@dataclass(frozen=True, slots=True)
class Share:
    """`events` of `n` rows; `weight` of all of them and of the events, `squares` likewise.

    `people`: so many are to be expected among the rows where membership is known by probabilities; None elsewhere.
    """

    events: int
    n: int
    weight_events: float
    weight: float
    squares_events: float
    squares: float
    people: float | None = None

    @property
    def value(self) -> float | None:
        """weight of the events / weight of all, events / n without weights; None where there are no rows."""
        return self.weight_events / self.weight if self.n else None

    @property
    def effective_n(self) -> float | None:
        """The number of equally weighted rows that would give the same variance, at most n; None without rows.

        p (1 - p) / v with the linearised variance of a weighted ratio,
        v = ((1 - p)^2 * squares of the events + p^2 * squares of the others) / weight^2 (Cochran 1977, 6.3; Wolter
        2007, 6.5); at p = 0 and p = 1, where v says nothing, Kish's weight^2 / squares (Kish 1965, 8.2). More than n
        can come out where events weigh little; it is cut at n, as Korn and Graubard (1998) do: what was seen on few
        rows is never worth more than these rows, and never more than the people that probabilities make of them. Equal
        weights give n, but for rounding.
        """
        p = self.value
        if p is None:
            return None
        if not 0 < p < 1:
            return kish(self.weight, self.squares, self._most)
        variance = (1 - p) ** 2 * self.squares_events + p**2 * (self.squares - self.squares_events)
        return min(self._most, p * (1 - p) * self.weight**2 / variance)

    @property
    def _most(self) -> float:
        return float(self.n) if self.people is None else min(float(self.n), self.people)


def kish(weight: float, squares: float, n: float) -> float:
    """Kish's effective number of `n` rows with these sums of weights and of squared weights; at most n."""
    return min(float(n), weight**2 / squares)


def too_few(rows: int, effective: float, asked: int, what: str = "rows") -> str | None:
    """Why rows that are worth `effective` equally weighted ones do not reach the minimum; None where they do."""
    if rows < asked:
        return f"{rows} {what}, the plan asks for {asked}"
    # Equal weights are worth their rows but for the rounding of their sums.
    if effective < asked * (1 - _ROUNDING):
        return f"{rows} {what} that count as {effective:.1f}, the plan asks for {asked}"
    return None


def share_of(events: Sequence[Row], among: Sequence[Row]) -> Share:
    """The share of `events`, which are some of `among`."""
    return Share(
        events=sum(row.n for row in events),
        n=sum(row.n for row in among),
        weight_events=math.fsum(row.w for row in events),
        weight=math.fsum(row.w for row in among),
        squares_events=math.fsum(row.w2 for row in events),
        squares=math.fsum(row.w2 for row in among),
    )

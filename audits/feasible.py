"""What the unrounded numbers behind printed ones may have been, exactly: counts are whole, rounding is an interval.

A set of possible values is a tuple of closed spans of fractions; a single value is a span of no width. Where a count
is not printed, every whole number that rounds to the printed rate is possible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from audits.published_numbers import Printed

Span = tuple[Fraction, Fraction]
Spans = tuple[Span, ...]

_LISTED = 20
"""More possible values than this are taken for their hull: nothing is called wrong by it, and little is missed."""

_ALL: Span = (Fraction(0), Fraction(1))


@dataclass(frozen=True, slots=True)
class Judged:
    """Possible values, and how far the printed one is from the nearest of them (0: it is one of them, rounded)."""

    possible: Spans
    distance: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Counts:
    """The whole numbers low..high of `n` persons that may have been selected."""

    n: int
    low: int
    high: int

    @property
    def ends(self) -> Span:
        """The lowest and the highest of their rates."""
        return Fraction(self.low, self.n), Fraction(self.high, self.n)

    def within(self, low: Fraction, high: Fraction) -> Counts:
        """Those whose rate lies in [low, high]; none where `low` > `high` of the result."""
        return Counts(self.n, max(self.low, math.ceil(low * self.n)), min(self.high, math.floor(high * self.n)))

    def nearest(self, rate: Fraction) -> Fraction:
        """Of their rates the one nearest to `rate`."""
        return Fraction(min(max(round(rate * self.n), self.low), self.high), self.n)


def judge_rate(n: Printed | None, selected: Printed | None, rate: Printed | None) -> Judged:
    """The possible rates behind what is printed of one category, 0..1; () where it has no persons.

    Counts count: where they contradict the printed rate, the possible rates are theirs. Where only the number of
    persons is printed and no count of them gives the printed rate, it is the nearest that does.
    """
    if n is None:
        return Judged((_clipped(rate),) if rate else (_ALL,))
    counts = _counts(n, selected)
    if not counts:
        return Judged(())
    if rate is None:
        return Judged(_joined(counts))
    agreeing = [some for item in counts if (some := item.within(rate.low, rate.high)).low <= some.high]
    if agreeing:
        return Judged(_joined(agreeing))
    target = rate.high if rate.value is None else rate.value
    nearest = min((item.nearest(target) for item in counts), key=lambda value: abs(value - target))
    return Judged(((nearest, nearest),), abs(nearest - target))


def ratio_spans(rates: Sequence[Spans]) -> list[Spans]:
    """For every category the possible ratios to the highest rate, 0..1; () where it has no rate or the highest is 0.

    `rates` are the possible rates of the categories, which vary independently; () takes no part.
    """
    lows = sorted((min(low for low, _ in spans) for spans in rates if spans), reverse=True)
    tops = _candidates(rates, lows[1] if len(lows) > 1 else Fraction(0))
    return [_ratios(at, spans, lows, tops) if spans else () for at, spans in enumerate(rates)]


def judge_ratio(ratio: Printed, possible: Spans) -> Judged:
    """How far the printed ratio is from the possible ones. `possible` is not empty."""
    if any(low <= ratio.high and high >= ratio.low for low, high in possible):
        return Judged(possible)
    target = ratio.high if ratio.value is None else ratio.value
    return Judged(possible, min(max(low - target, target - high, Fraction(0)) for low, high in possible))


def highest_ones(rates: Sequence[Spans]) -> set[int]:
    """The positions of the categories that may have the highest rate; empty where nobody was selected."""
    floor = max((min(low for low, _ in spans) for spans in rates if spans), default=Fraction(0))
    ceilings = {at: max(high for _, high in spans) for at, spans in enumerate(rates) if spans}
    return {at for at, high in ceilings.items() if high >= floor and high > 0}


def _counts(n: Printed, selected: Printed | None) -> list[Counts]:
    """The possible counts for every possible number of persons; a printed count above it is none."""
    found = []
    for size in range(max(1, int(n.low)), int(n.high) + 1):
        low, high = (0, size) if selected is None else (int(selected.low), min(size, int(selected.high)))
        if low <= high:
            found.append(Counts(size, low, high))
    return found


def _joined(counts: Sequence[Counts]) -> Spans:
    if sum(item.high - item.low + 1 for item in counts) > _LISTED:
        return ((min(item.ends[0] for item in counts), max(item.ends[1] for item in counts)),)
    return tuple(sorted({(Fraction(k, item.n),) * 2 for item in counts for k in range(item.low, item.high + 1)}))


def _clipped(rate: Printed) -> Span:
    return min(rate.low, Fraction(1)), min(rate.high, Fraction(1))


def _candidates(rates: Sequence[Spans], floor: Fraction) -> dict[Span, set[int]]:
    """Spans that may hold the highest rate, each with the categories that have it."""
    found: dict[Span, set[int]] = {}
    for at, spans in enumerate(rates):
        for span in spans:
            if span[1] >= floor:
                found.setdefault(span, set()).add(at)
    return found if len(found) <= _LISTED else _hulls(found, floor)


def _hulls(found: dict[Span, set[int]], floor: Fraction) -> dict[Span, set[int]]:
    """All of them as one span; and as a second one for the category that alone reaches the top of the first."""
    ordered = sorted(found.items(), key=lambda item: item[0][1], reverse=True)
    (_, first), owners = ordered[0]
    second = next((high for (_, high), others in ordered if others != owners), first)
    everybody = set.union(*found.values())
    return {(floor, second): everybody} | ({(floor, first): owners} if first > second else {})


def _ratios(at: int, own: Spans, lows: Sequence[Fraction], tops: dict[Span, set[int]]) -> Spans:
    """x / max(x, m), over own rates x and the highest rate m of the others: never below the highest of their lows."""
    if len(lows) == 1:
        return ((Fraction(1), Fraction(1)),) if own[-1][1] > 0 else ()
    floor = lows[1] if min(low for low, _ in own) == lows[0] else lows[0]
    others = [(max(low, floor), high) for (low, high), owners in tops.items() if high >= floor and owners != {at}]
    return tuple(dict.fromkeys(span for mine in own for other in others if (span := _ratio(mine, other))))


def _ratio(own: Span, top: Span) -> Span | None:
    """Increasing in the own rate, decreasing in the other; None where both can only be 0."""
    if own[1] == top[1] == 0:
        return None
    if top[1] == 0:
        return Fraction(1), Fraction(1)
    upper = max(own[1], top[0])
    return own[0] / max(own[0], top[1]), own[1] / upper if upper else Fraction(0)

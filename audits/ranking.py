"""An order of people: how much exposure each group gets, and how many of the first places, for its candidates.

    exposure         of a place: 1 / log2(place + 1)                          Singh and Joachims 2018
    exposure_ratio   exposure per candidate of a group over that of its reference
    top_k_ratio      the same for the places among the first k
    skew             ln(share of the first k / share of the candidates)       Geyik, Ambler, Kenthapadi 2019
    ndkl             normalised discounted Kullback-Leibler divergence of all first places, natural logarithm (the same)

Over several rankings a group's exposure is compared with what it would be if the group had its share of the candidates
in each of them; with one ranking these are the measures as published. Candidates with one score share their places.

Rankings are what is sampled: from `LEAST_RANKINGS` on, the bootstrap draws rankings. The order of one ranking is one
observation. It can be held against chance alone (every order as likely): that is the p of a group's exposure share,
however many rankings there are. Who is among the first k of a single ranking is judged as a selection, by Koopman and
Fisher.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audits.cells import level_notes, unknown_rows
from audits.family import concluded
from audits.finding import Compared
from audits.histogram import Array
from audits.intervals import koopman
from audits.measured import Measured
from audits.moments import student_quantile
from audits.normal import two_sided_p
from audits.plan import AuditPlan
from audits.predictions import Predictions
from audits.quantity_bounds import quantities_compared
from audits.ranking_places import Places, Ranked, read_ranking
from audits.result import UNKNOWN, Interval, Quantity
from audits.scan import Progress
from audits.significance import fisher
from audits.table import Table
from audits.verdicts import Counts, shortfall

LEAST_RANKINGS = 30
"""With fewer rankings in which both groups occur, no interval over rankings."""

FEW_RANKINGS = f"fewer than {LEAST_RANKINGS} rankings, and the order of each is one observation"
NO_PAIR = "the declared reference has no candidates, or every ranking is within the first k"


def measure_ranking(
    plan: AuditPlan,
    table: Table,
    *,
    predictions: Predictions | None = None,
    data_digest: str,
    progress: Progress | None = None,
) -> Measured:
    """Everything that is measured of orders; raises what `audits.ranking_places.read_ranking` raises."""
    ranked = read_ranking(table, plan, predictions=predictions, data_digest=data_digest, progress=progress)
    quantities = ranking_quantities(ranked, plan)
    plain = replace(plan, control_features=())
    return Measured(
        row_count=ranked.cells.row_count,
        engine=ranked.cells.engine,
        features=ranked.cells.features,
        unknown=unknown_rows(ranked.cells),
        disparities=concluded(ranking_compared(quantities, plan), plan),
        quantities=quantities,
        joined_digest=ranked.cells.sensitive_data_digest,
        notes=(*level_notes(ranked.cells, plain), *_notes(ranked, plan)),
    )


def ranking_quantities(ranked: Ranked, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Every measure of every comparison: of all groups (NDKL), of single groups, then of each against its reference.

    Deterministic: draws start from `plan.seed`.
    """
    tops = () if plan.ranking is None else plan.ranking.top
    told = [(number, k) for number, k in enumerate(tops) if k < ranked.longest]
    found = [_pointless(k, ranked) for k in tops if k >= ranked.longest]
    for position, places in enumerate(ranked.comparisons):
        drawn = _drawn(places, plan, np.random.default_rng([plan.seed, position]))
        found += _of_places(drawn, told, ranked)
    return tuple(found)


def ranking_compared(quantities: Sequence[Quantity], plan: AuditPlan) -> tuple[Compared, ...]:
    """The comparisons of the plan's bounds on RANKING_METRICS before the verdict; one on top_k is one on every k."""
    sizes = {
        (item.features, item.group): (item.n, item.counted)
        for item in quantities
        if item.metric == "exposure_share" and UNKNOWN not in item.group
    }
    return quantities_compared(quantities, plan, sizes, nothing=NO_PAIR)


def _notes(ranked: Ranked, plan: AuditPlan) -> Iterator[str]:
    yield f"{ranked.rankings} rankings, the longest of {ranked.longest} candidates."
    if plan.ranking is not None and plan.ranking.rank is None:
        yield "Ranked by the score, highest first; candidates with one score share their places."
    if plan.control_features:
        yield "Control features are not used for rankings."


def _pointless(k: int, ranked: Ranked) -> Quantity:
    reason = f"no ranking has more than {ranked.longest} candidates, so everybody is among the first {k}"
    return Quantity("top_k", (), (), ranked.cells.row_count, None, at=f"k = {k}", counted=False, reason=reason)


# --- one comparison and its bootstrap ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The groups of one comparison, and how often each replicate draws each block, (replicates, blocks)."""

    places: Places
    plan: AuditPlan
    times: Array

    def __len__(self) -> int:
        return len(self.places.groups)

    def rows(self, group: int) -> int:
        """Candidates of a group."""
        return int(self.places.n[:, group].sum())

    def is_known(self, group: int) -> bool:
        """Has the group all of its levels?"""
        return UNKNOWN not in self.places.groups[group]

    def aside(self, group: int) -> str | None:
        """Why a group takes no part in comparisons; None where it does."""
        if not self.is_known(group):
            return "the sensitive value is unknown"
        asked = self.plan.min_group_size
        return f"{self.rows(group)} rows, the plan asks for {asked}" if self.rows(group) < asked else None

    def named(self, group: int) -> str:
        """`sex=female`."""
        pairs = zip(self.places.features, self.places.groups[group], strict=True)
        return ", ".join(f"{feature}={level}" for feature, level in pairs)

    def freedom(self, *groups: int) -> int:
        """Rankings (or blocks of them) in which the rarer group occurs, less one; 0 where they are too few."""
        rankings = int(min(self.places.rankings[group] for group in groups))
        return min(rankings, len(self.places.n)) - 1 if rankings >= LEAST_RANKINGS else 0

    @property
    def widened(self) -> float:
        """Drawing n blocks of n with replacement has (n - 1) / n of the variance that is estimated."""
        blocks = len(self.places.n)
        return math.sqrt(blocks / max(1, blocks - 1))

    def shares(self, over: Array, under: Array) -> list[tuple[float, Array]]:
        """Of every group the sum over blocks of `over` / `under` (blocks, groups or 1), and its replicates."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = over.sum(axis=0) / under.sum(axis=0)
            replicates = (self.times @ over) / (self.times @ under)
        return [(float(value), column) for value, column in zip(values, replicates.T, strict=True)]


def _drawn(places: Places, plan: AuditPlan, generator: np.random.Generator) -> _Drawn:
    blocks = len(places.n)
    times = generator.multinomial(blocks, np.full(blocks, 1 / blocks), plan.replicates)
    return _Drawn(places, plan, times.astype(float))


def _of_places(drawn: _Drawn, tops: Sequence[tuple[int, int]], ranked: Ranked) -> Iterator[Quantity]:
    places = drawn.places
    yield _divergence(drawn, ranked)
    yield from _shares(drawn, "exposure_share", places.exposure)
    yield from _shares(drawn, "candidate_share", places.n)
    yield from _pairs(drawn, "exposure_ratio", places.exposure, places.expected, None, ranked)
    for number, k in tops:
        at, top, expected = f"k = {k}", places.top[number], places.expected_top[number]
        yield from _shares(drawn, "top_k_share", top, at)
        yield from _skews(drawn, top, expected, at)
        yield from _pairs(drawn, "top_k_ratio", top, expected, k, ranked)


def _divergence(drawn: _Drawn, ranked: Ranked) -> Quantity:
    rankings, sums = drawn.places.divergence.T
    n, features = (
        int(sum(drawn.rows(group) for group in range(len(drawn)) if drawn.is_known(group))),
        drawn.places.features,
    )
    blank = Quantity("ndkl", features, (), n, None, at=f"mean of {int(rankings.sum())} rankings")
    if not rankings.sum():
        return replace(blank, counted=False, reason="no candidate of a known group")
    value = float(sums.sum() / rankings.sum())
    if ranked.rankings < LEAST_RANKINGS:
        return replace(blank, value=value, reason=FEW_RANKINGS)
    with np.errstate(invalid="ignore"):
        spread = float(np.std((drawn.times @ sums) / (drawn.times @ rankings))) * drawn.widened
    half = student_quantile(drawn.plan.confidence, min(ranked.rankings, len(rankings)) - 1) * spread
    ends = Interval(max(0.0, value - half), value + half, drawn.plan.confidence, "bootstrap over rankings")
    return replace(blank, value=value, interval=ends)


# --- one group --------------------------------------------------------------------------------------------------------


def _shares(drawn: _Drawn, metric: str, part: Array, at: str | None = None) -> Iterator[Quantity]:
    for group, (value, replicates) in enumerate(drawn.shares(part, part.sum(axis=1, keepdims=True))):
        ends = _log_ends(value, _log_spread(drawn.widened, (value, replicates)), drawn, (group,), most=1.0)
        found = _single(drawn, group, metric, min(value, 1.0), ends, at)
        yield replace(found, p=_by_chance(drawn, group)) if metric == "exposure_share" else found


def _skews(drawn: _Drawn, top: Array, expected: Array, at: str) -> Iterator[Quantity]:
    for group, (value, replicates) in enumerate(drawn.shares(top, expected)):
        if value == 0:
            reason = "nobody of the group is among the first k: the logarithm has no finite value"
            yield replace(_single(drawn, group, "skew", None, None, at), reason=drawn.aside(group) or reason)
            continue
        found = _log_ends(value, _log_spread(drawn.widened, (value, replicates)), drawn, (group,))
        if found is not None and found.upper is not None:
            found = replace(found, lower=math.log(found.lower), upper=math.log(found.upper))
        yield _single(drawn, group, "skew", math.log(value), found, at)


def _single(
    drawn: _Drawn, group: int, metric: str, value: float | None, ends: Interval | None, at: str | None
) -> Quantity:
    aside = drawn.aside(group)
    return Quantity(
        metric=metric,
        features=drawn.places.features,
        group=drawn.places.groups[group],
        n=drawn.rows(group),
        value=value,
        interval=ends,
        at=at,
        counted=aside is None,
        reason=aside or (None if ends is not None else _why_no_interval(drawn, group)),
    )


def _by_chance(drawn: _Drawn, group: int) -> float | None:
    """Two-sided p of every order being as likely in each ranking, of the group's exposure (normal)."""
    places = drawn.places
    variance = float(places.variance[:, group].sum())
    apart = float(places.exposure[:, group].sum() - places.expected[:, group].sum())
    return two_sided_p(apart / math.sqrt(variance)) if variance > 0 and drawn.is_known(group) else None


def _why_no_interval(drawn: _Drawn, *groups: int) -> str:
    return "no interval: nothing varies between rankings" if drawn.freedom(*groups) else FEW_RANKINGS


def _log_ends(
    value: float, spread: float | None, drawn: _Drawn, groups: tuple[int, ...], most: float = math.inf
) -> Interval | None:
    """Student's t interval of the logarithm, its error from the bootstrap over rankings; None where there is none."""
    freedom = drawn.freedom(*groups)
    if not freedom or not value > 0 or not spread:
        return None
    reach = math.exp(student_quantile(drawn.plan.confidence, freedom) * spread)
    return Interval(value / reach, min(most, value * reach), drawn.plan.confidence, "bootstrap over rankings")


def _log_spread(widened: float, *shares: tuple[float, Array]) -> float | None:
    """The standard error of the logarithm of a share, or of the ratio of two (delta method on the replicates, which
    may be 0), times `widened`; None where nothing varies or a value is 0."""
    if not all(value > 0 and np.isfinite(replicates).all() for value, replicates in shares):
        return None
    moves = [replicates / value for value, replicates in shares]
    spread = float(np.std(moves[0] - moves[1] if len(moves) > 1 else moves[0])) * widened
    return spread if spread > 1e-12 else None


# --- two groups -------------------------------------------------------------------------------------------------------


def _pairs(
    drawn: _Drawn, metric: str, part: Array, expected: Array, k: int | None, ranked: Ranked
) -> Iterator[Quantity]:
    """Each known group against its reference: declared, or the highest of those that are large enough."""
    found = drawn.shares(part, expected)
    known = [group for group in range(len(drawn)) if drawn.is_known(group)]
    reference = _reference(drawn, known, [value for value, _ in found])
    for group in known:
        if reference is None or group == reference or len(known) < 2:
            continue
        pair = (group, reference)
        blank = _blank(drawn, metric, pair, None if k is None else f"k = {k}")
        one, other = found[group][0], found[reference][0]
        if not other > 0:
            yield replace(blank, counted=False, reason=blank.reason or "nobody of the reference is among the first k")
            continue
        counts = None if k is None else _counts(part, drawn, pair)
        if counts and ranked.rankings == 1:
            yield _selection(blank, counts, drawn.plan)
            continue
        few = _few(counts, drawn.plan) if counts else None
        blank = replace(blank, counted=blank.counted and few is None, reason=blank.reason or few)
        if one == 0:
            yield _nobody(blank, float(expected[:, group].sum()) * other, drawn, pair)
        else:
            yield _ratio(blank, one / other, _log_spread(drawn.widened, found[group], found[reference]), drawn, pair)


def _reference(drawn: _Drawn, known: Sequence[int], values: Sequence[float]) -> int | None:
    features = drawn.places.features
    if len(features) == 1:
        declared = next(item.reference for item in drawn.plan.sensitive_features if item.name == features[0])
        if declared is not None:
            return next((group for group in known if drawn.places.groups[group] == (declared,)), None)
    counted = [group for group in known if drawn.aside(group) is None]
    return max(counted or known, key=lambda group: (values[group], drawn.rows(group)), default=None)


def _blank(drawn: _Drawn, metric: str, pair: tuple[int, int], at: str | None) -> Quantity:
    aside = [f"{drawn.named(one)} has {why}" for one in pair if (why := drawn.aside(one)) is not None]
    return Quantity(
        metric=metric,
        features=drawn.places.features,
        group=drawn.places.groups[pair[0]],
        against=drawn.places.groups[pair[1]],
        n=drawn.rows(pair[0]) + drawn.rows(pair[1]),
        value=None,
        at=at,
        counted=not aside,
        reason=" and ".join(aside) or None,
    )


def _ratio(blank: Quantity, value: float, spread: float | None, drawn: _Drawn, pair: tuple[int, int]) -> Quantity:
    """A ratio over many rankings; `spread` is the standard error of its logarithm."""
    from scipy.special import stdtr

    ends = _log_ends(value, spread, drawn, pair)
    if ends is None or not spread:
        return replace(blank, value=value, reason=blank.reason or _why_no_interval(drawn, *pair))
    p = float(2 * stdtr(drawn.freedom(*pair), -abs(math.log(value)) / spread))
    return replace(blank, value=value, interval=ends, p=p)


def _nobody(blank: Quantity, due: float, drawn: _Drawn, pair: tuple[int, int]) -> Quantity:
    """Nobody of the group among the first k of many rankings, where the reference's rate would give it `due` places:
    what so few can be at most, by Poisson's law."""
    if not drawn.freedom(*pair):
        return replace(blank, value=0.0, reason=blank.reason or FEW_RANKINGS)
    upper = -math.log((1 - drawn.plan.confidence) / 2) / due
    ends = Interval(0.0, upper, drawn.plan.confidence, "poisson")
    return replace(blank, value=0.0, interval=ends, p=min(1.0, 2 * math.exp(-due)))


def _counts(part: Array, drawn: _Drawn, pair: tuple[int, int]) -> tuple[Counts, Counts]:
    """(candidates among the first k, candidates) of both groups; places that are shared are shared."""
    one, other = (_count(float(part[:, group].sum()), drawn.rows(group)) for group in pair)
    return one, other


def _count(events: float, n: int) -> Counts:
    return (round(events) if abs(events - round(events)) < 1e-9 else min(events, n)), n


def _few(counts: tuple[Counts, Counts], plan: AuditPlan) -> str | None:
    return shortfall(*counts, min_n=plan.min_group_size, min_events=plan.min_events)


def _selection(blank: Quantity, counts: tuple[Counts, Counts], plan: AuditPlan) -> Quantity:
    """One ranking: who is among its first k is a selection, and every order as likely is Fisher's exact test."""
    one, other = counts
    ends = koopman(*one, *other, plan.confidence)
    few = _few(counts, plan)
    return replace(
        blank,
        value=one[0] * other[1] / (one[1] * other[0]),
        interval=ends,
        p=fisher(one, other),
        counted=blank.counted and few is None,
        reason=blank.reason or few,
    )

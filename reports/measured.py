"""AuditResult -> panels: one for every sensitive feature and intersection, with its table rows and charts. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from audits.metrics import WORST_CASES
from audits.plan import AuditPlan, Comparison
from audits.result import AuditResult, Disparity, GroupEstimate, Verdict
from audits.wording import level
from reports.heatmap import heat_maps
from reports.qualified import strata_of, strata_part, unknown_part
from reports.quantities import SHOWN, quantity_parts
from reports.reading import ADJUSTED, alone_head, chance_head, order_of, reading
from reports.terms import quantity_label
from reports.view import Chart, DisparityRow, GroupRow, Line, Mark, MetricHead, Panel, Part, Rate
from reports.words import (
    DASH,
    SUPPRESSED_WORD,
    bound_text,
    chance,
    count,
    disparity_corrected,
    disparity_interval,
    disparity_seen,
    disparity_value,
    group_name,
    metric_label,
    metric_meaning,
    people,
    percent_interval,
    printable,
    share,
    unknown_level,
    without_seen,
)

WORST_FIRST = (
    Verdict.ADVERSE,
    Verdict.WATCH,
    Verdict.INSUFFICIENT,
    Verdict.NOT_ESTIMABLE,
    Verdict.NO_INDICATION,
)
MAX_MARKS = SHOWN
"""A chart shows at most this many groups, the largest; the table under it has all."""

PRIMARY = "selection_rate"
MEASURED = ("verdicts", "rates", "intersections", "stratified")
"""The sections that panels are shown in."""


def panels(audit: AuditResult, plan: AuditPlan | None = None, wanted: Collection[str] = MEASURED) -> tuple[Panel, ...]:
    """The panels in the plan's order: single features, then intersections. The plan says how levels are listed.

    `wanted` are keys of sections: what only others show is left out of the panels.
    """
    orders = level_orders(plan)
    seen = [item.features for item in audit.estimates]
    seen += [item.features for item in audit.disparities]
    seen += [item.features for item in audit.quantities if item.features]
    ordered = sorted(dict.fromkeys(seen), key=lambda features: len(features) > 1)
    return tuple(_panel(audit, features, number, orders, wanted) for number, features in enumerate(ordered))


def level_orders(plan: AuditPlan | None) -> Mapping[str, tuple[str, ...]]:
    """Feature -> its levels as the plan lists them, for those where it does."""
    named = (*plan.sensitive_features, *plan.control_features) if plan else ()
    return {item.name: item.labels or item.levels for item in named if item.labels or item.levels}


def worst_first(disparities: tuple[Disparity, ...]) -> tuple[Disparity, ...]:
    """Bounded before unbounded, then by verdict, then measure by measure, the farthest from no difference first."""
    measures = list(dict.fromkeys(item.name for item in disparities))

    def key(item: Disparity) -> tuple[bool, int, int, float]:
        return item.bound is None, WORST_FIRST.index(item.verdict), measures.index(item.name), _nearness(item)

    return tuple(sorted(disparities, key=key))


def _nearness(item: Disparity) -> float:
    """How near a disparity is to no difference, either way: the less, the worse. Unknown values come last."""
    if item.value is None:
        return math.inf
    if item.comparison is Comparison.DIFFERENCE:
        return -abs(item.value)
    return min(item.value, 1 / item.value) if item.value > 0 else 0.0


def disparity_name(item: Disparity) -> str:
    """`Impact ratio`; names of the field, printed as words."""
    known = quantity_label(item.name)
    return known if known != metric_label(item.name) else printable(item.name).replace("_", " ").capitalize()


def _panel(
    audit: AuditResult,
    features: tuple[str, ...],
    number: int,
    orders: Mapping[str, tuple[str, ...]],
    wanted: Collection[str],
) -> Panel:
    estimates = tuple(item for item in audit.estimates if item.features == features)
    disparities = tuple(item for item in audit.disparities if item.features == features)
    metrics = tuple(dict.fromkeys(item.metric for item in estimates))
    key, together = f"panel-{number}", len(features) > 1
    shown = ("intersections" if together else "rates") in wanted
    head = chance_head(disparities)
    rows = worst_first(disparities) if "verdicts" in wanted else ()
    groups = _groups(estimates, metrics) if shown else ()
    drawn = _drawn(metrics, disparities)
    return Panel(
        key=key,
        title=" × ".join(printable(feature) for feature in features),
        metrics=tuple(MetricHead(name, metric_label(name), metric_meaning(name)) for name in metrics),
        groups=groups,
        disparities=tuple(disparity_row(item, audit, adjusted=head == ADJUSTED) for item in rows),
        charts=_charts(estimates, drawn if together else metrics, _of_favourable(disparities), number)
        if estimates and shown
        else (),
        chance=head,
        alone=alone_head(disparities),
        reading=reading(audit, disparities),
        order=order_of(estimates, long=len(groups) > SHOWN),
        parts=(*unknown_part(audit, features, key), *quantity_parts(audit, features, key)) if shown else (),
        shown=SHOWN,
        strata=tuple(_strata(audit, features, key)) if "stratified" in wanted else (),
        maps=heat_maps(audit, features, drawn, key, orders) if shown and together else (),
        tally=_tally(disparities),
        together=together,
    )


def _strata(audit: AuditResult, features: tuple[str, ...], key: str) -> Iterator[Part]:
    yield from strata_part(audit, features, key)
    yield from quantity_parts(audit, features, key, within=True)


def _drawn(metrics: tuple[str, ...], disparities: tuple[Disparity, ...]) -> tuple[str, ...]:
    """The metrics that pictures of an intersection show: the selection rate, then the others that a bound rests on."""
    wanted = _with_bound(_of_favourable(disparities))
    return tuple(sorted((name for name in metrics if name in wanted), key=lambda name: name != PRIMARY))


def _tally(disparities: tuple[Disparity, ...]) -> tuple[tuple[str, int], ...]:
    bounded = [item.verdict for item in disparities if item.bound is not None]
    return tuple((verdict.value, bounded.count(verdict)) for verdict in Verdict)


def _of_favourable(disparities: tuple[Disparity, ...]) -> tuple[Disparity, ...]:
    """Without those of another class than the favourable one: the rates that are drawn are not theirs."""
    return tuple(item for item in disparities if item.at is None)


def _groups(estimates: tuple[GroupEstimate, ...], metrics: tuple[str, ...]) -> tuple[GroupRow, ...]:
    """In the order of the record; a long list begins with the lowest rate of those that are compared."""
    by_group: dict[tuple[str, ...], dict[str, GroupEstimate]] = {}
    for item in estimates:
        by_group.setdefault(item.group, {})[item.metric] = item
    found = list(by_group.values())
    if len(found) > SHOWN:
        found.sort(key=_lowest_first)
    return tuple(_group_row(item, metrics) for item in found)


def _lowest_first(found: dict[str, GroupEstimate]) -> tuple[bool, float]:
    first = found.get(PRIMARY) or next(iter(found.values()))
    return not first.counted, math.inf if first.value is None else first.value


def _group_row(found: dict[str, GroupEstimate], metrics: tuple[str, ...]) -> GroupRow:
    first = found.get(PRIMARY) or next(iter(found.values()))
    return GroupRow(
        name=group_name(first.features, first.group),
        size=people(first.size),
        counted=first.counted,
        note=None if first.counted else _why_aside(first),
        rates=tuple(_rate(name, found.get(name)) for name in metrics),
    )


def _why_aside(item: GroupEstimate) -> str:
    if unknown_level(item.group):
        return "shown, not compared: the value is missing"
    if item.suppressed:
        return "shown, not compared"
    return f"shown, not compared: {printable(item.reason or 'below the minimum that the plan sets')}"


def _rate(metric: str, item: GroupEstimate | None) -> Rate:
    if item is None:
        return Rate(metric, DASH, "", "", "not measured")
    if item.suppressed:
        return Rate(metric, SUPPRESSED_WORD, "", "", None)
    counts = f"{count(item.events)} of {count(item.n)}"
    if item.value is None:
        return Rate(metric, DASH, "", counts, f"not estimable: {printable(item.reason or 'no reason recorded')}")
    weight = "" if item.effective_n is None else f"effective rows {count(round(item.effective_n))}"
    return Rate(metric, share(item.value), percent_interval(item.interval), counts, None, weight)


def disparity_row(item: Disparity, audit: AuditResult, *, adjusted: bool) -> DisparityRow:
    """One comparison as it is printed. `adjusted`: p beside a bound is that of the family, a dash where it has none."""
    return DisparityRow(
        name=disparity_name(item),
        metric=_of_metric(item),
        where=f"{group_name(item.features, item.group)} against {group_name(item.features, item.reference)}"
        if item.group
        else group_name(item.features, ()),
        value=disparity_value(item),
        interval=disparity_interval(item),
        bound=bound_text(item.comparison, item.bound),
        bounded=item.bound is not None,
        verdict=item.verdict.value,
        reason=printable(without_seen(item, _why(item)), 900),
        p=chance(item.adjusted_p if adjusted and item.bound is not None else item.p, level(audit.confidence)),
        corrected=disparity_corrected(item),
        seen=disparity_seen(item),
        strata=strata_of(audit, item) if item.comparison is Comparison.RATIO else (),
    )


def _why(item: Disparity) -> str:
    """The reason without what stands in the row already: the name, the numbers and the groups."""
    if item.suppressed:
        return "a count is small, or would give a small one away"
    groups = item.where() if item.group else f"all counted groups of {' x '.join(item.features)}"
    place = f", {item.at}" if item.at else ""
    said, found, why = item.reason.partition(f"{groups}{place}; ")
    return why if found and said.startswith(f"{item.metric} {item.comparison} ") else item.reason


def _of_metric(item: Disparity) -> str:
    metric = "" if item.metric in item.name else metric_label(item.metric)
    return ", ".join(filter(None, (metric, printable(item.at) if item.at else "")))


def _charts(
    estimates: tuple[GroupEstimate, ...], metrics: tuple[str, ...], disparities: tuple[Disparity, ...], number: int
) -> tuple[Chart, ...]:
    rates = tuple(
        _rates_chart(tuple(item for item in estimates if item.metric == metric), metric, disparities, f"{number}-{at}")
        for at, metric in enumerate(metrics)
    )
    ratios = _ratio_chart(tuple(d for d in disparities if _is_impact_ratio(d)), f"{number}-ratio")
    return (*rates[:1], *ratios, *rates[1:])


def _with_bound(disparities: tuple[Disparity, ...]) -> set[str]:
    """The metrics that a bound rests on, those of worst cases too; the selection rate is always one of them."""
    bounded = [item.metric for item in disparities if item.bound is not None]
    return {PRIMARY, *(metric for name in bounded for metric in WORST_CASES.get(name, (name,)))}


def _is_impact_ratio(item: Disparity) -> bool:
    return item.comparison is Comparison.RATIO and item.metric == PRIMARY and bool(item.group)


def _rates_chart(
    estimates: tuple[GroupEstimate, ...], metric: str, disparities: tuple[Disparity, ...], key: str
) -> Chart:
    lines, words = _rate_lines(estimates, metric, disparities)
    shown = _largest(estimates)
    cut = f" The {len(shown)} largest of {len(estimates)} groups; the table has all." if shown != estimates else ""
    meaning = metric_meaning(metric)
    return Chart(
        key=f"chart-{key}",
        title=metric_label(metric),
        caption=f"{meaning[:1].upper()}{meaning[1:]}{'. ' if meaning else ''}{words}{cut}".strip(),
        marks=tuple(_rate_mark(item) for item in shown),
        lines=lines,
        percent=True,
        primary=metric in _with_bound(disparities),
    )


def _largest(estimates: tuple[GroupEstimate, ...]) -> tuple[GroupEstimate, ...]:
    """At most MAX_MARKS groups, the largest, in the order of the record."""
    if len(estimates) <= MAX_MARKS:
        return estimates
    kept = {id(item) for item in sorted(estimates, key=lambda item: -item.size)[:MAX_MARKS]}
    return tuple(item for item in estimates if id(item) in kept)


def _rate_mark(item: GroupEstimate) -> Mark:
    state = "counted" if item.counted else "aside"
    label = _levels(item.group)
    if item.value is None:
        return Mark(label, SUPPRESSED_WORD if item.suppressed else "not estimable", None, None, None, state)
    lower = item.interval.lower if item.interval else item.value
    upper = item.interval.upper if item.interval else item.value
    return Mark(label, f"{share(item.value)} of {count(item.n)}", item.value, lower, upper, state)


def _levels(group: tuple[str, ...]) -> str:
    """`female, 40 to 54`: the panel's title names the features, and a chart has little room."""
    return ", ".join(printable(level) for level in group)


def _rate_lines(
    estimates: tuple[GroupEstimate, ...], metric: str, disparities: tuple[Disparity, ...]
) -> tuple[tuple[Line, ...], str]:
    """The reference group's rate, and the bound where one is set on the ratio to it."""
    compared = [item for item in disparities if item.metric == metric and item.group and item.reference]
    references = {item.reference for item in compared}
    if len(references) != 1:
        return (), ""
    reference = references.pop()
    rate = next((item.value for item in estimates if item.group == reference), None)
    if rate is None:
        return (), ""
    lines = [Line(rate, "reference")]
    words = f"Thin line: the reference {group_name(compared[0].features, reference)}."
    bounds = {item.bound for item in compared if item.comparison is Comparison.RATIO and item.bound is not None}
    for bound in sorted(bounds):
        lines.append(Line(rate * bound, "bound"))
        words += f" Thick line: {bound:g} of it, the bound."
    return tuple(lines), words


def _ratio_chart(ratios: tuple[Disparity, ...], key: str) -> tuple[Chart, ...]:
    if not ratios:
        return ()
    bounds = sorted({item.bound for item in ratios if item.bound is not None})
    shown = ratios if len(ratios) <= MAX_MARKS else worst_first(ratios)[:MAX_MARKS]
    cut = f" {len(shown)} of {len(ratios)} comparisons; the table has all." if len(shown) < len(ratios) else ""
    words = "".join(f" Thick line: the bound, {bound:g}." for bound in bounds)
    lines = (Line(1.0, "reference"), *(Line(bound, "bound") for bound in bounds))
    above = max((item.value for item in ratios if item.value is not None), default=0.0)
    lines += tuple(Line(1 / bound, "bound") for bound in bounds if bound and above > 1)
    caption = f"The group's selection rate divided by the reference group's. Thin line: 1, no difference.{words}{cut}"
    return (
        Chart(
            f"chart-{key}",
            "Impact ratio",
            caption,
            tuple(_ratio_mark(d) for d in shown),
            lines,
            percent=False,
            primary=True,
        ),
    )


def _ratio_mark(item: Disparity) -> Mark:
    label = _levels(item.group)
    if item.suppressed:
        return Mark(label, f"{item.verdict.value} (number {SUPPRESSED_WORD})", None, None, None, item.verdict.value)
    if item.value is None or not math.isfinite(item.value):
        return Mark(label, item.verdict.value, None, None, None, item.verdict.value)
    lower = item.interval.lower if item.interval else item.value
    upper = item.interval.upper if item.interval else item.value
    return Mark(label, f"{disparity_value(item)} {item.verdict.value}", item.value, lower, upper, item.verdict.value)

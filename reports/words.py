"""How a report writes numbers, names and the field's terms. Pure.

Names and reasons come from registries, plans and people: hostile input. `printable` makes hidden characters visible
before any template sees them; escaping is the template's (or the Markdown writer's) own, later step.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

from audits.plan import Comparison
from audits.result import UNKNOWN, Disparity, Interval, Verdict
from audits.wording import probability, rounded

NAME_LIMIT = 120
LEAST = 1e-6
"""A number nearer to 0 is printed as 0."""
SUPPRESSED_WORD = "suppressed"
DASH = "–"
_SEEN = re.compile(r"; a (?:ratio|difference) of ([^;]+) would have been seen with \d+% power$")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

METRICS: dict[str, tuple[str, str]] = {
    "selection_rate": ("Selection rate", "of the group, the share that was selected"),
    "true_positive_rate": ("True positive rate", "of those whose outcome was favourable, the share that was selected"),
    "false_positive_rate": (
        "False positive rate",
        "of those whose outcome was not favourable, the share that was selected",
    ),
    "false_negative_rate": (
        "False negative rate",
        "of those whose outcome was favourable, the share that was not selected",
    ),
    "true_negative_rate": (
        "True negative rate",
        "of those whose outcome was not favourable, the share that was not selected",
    ),
    "positive_predictive_value": (
        "Positive predictive value",
        "of those who were selected, the share whose outcome was favourable",
    ),
    "negative_predictive_value": (
        "Negative predictive value",
        "of those who were not selected, the share whose outcome was not favourable",
    ),
    "accuracy": ("Accuracy", "the share whose prediction agrees with the outcome"),
    "base_rate": ("Base rate", "the share whose outcome in the data was favourable, whatever the model says"),
}

REQUIREMENTS: dict[str, str] = {
    "policy-in-force": "Policy in force",
    "not-refused": "No refusal stands",
    "tier": "Rules for the impact tier",
    "registrant-known": "Registrant known",
    "data-validated": "Data passed the quality gate",
    "audited": "Model audited",
    "plan-meets-policy": "Audit plan meets the policy",
    "measured": "Every sensitive feature measured",
    "no-adverse-disparity": "No adverse disparity",
    "monitoring-clear": "Scheduled audits clear",
    "sign-off": "Sign-off by people",
    "break-glass": "Broken glass",
}

ASSURANCES: dict[str, str] = {
    "password": "password: Fairgate checked the password alone, and says who it was",
    "server-attested": "server-attested: Fairgate checked two factors and says who it was, no key of hers signed",
    "user-key": "user-key: signed with a key that is the person's own",
    "unproved": "unproved: the signature of the person's own key does not hold",
}

VERDICTS: dict[str, str] = {
    "adverse": "The bound is crossed, and the data exclude that there is no difference.",
    "watch": "Either the bound is crossed, or the data exclude that there is no difference, but not both.",
    "no indication": "The bound is not crossed, and the data do not show a difference. That is no proof of equality.",
    "insufficient evidence": "The group has fewer rows or events than the plan asks for: nothing may be concluded.",
    "not estimable": "The measure has no value here, for example because nobody in the group has the outcome.",
}


def printable(text: object, limit: int | None = NAME_LIMIT, *, lines: bool = False) -> str:
    """`text` with control, format and direction characters written as \\uXXXX, cut to `limit` characters.

    `lines` keeps line feeds, for reasons that people typed in several lines.
    """
    given = str(text)
    plain = given.isascii() and given.isprintable()  # most texts are, and a page has thousands
    seen = given if plain else "".join(_visible(character, lines) for character in given)
    return seen if limit is None or len(seen) <= limit else seen[: limit - 1] + "…"


def one_line(text: object, limit: int = 600) -> str:
    """`text` as part of a sentence: line ends and tabs become spaces, long texts end at a word."""
    seen = printable(" ".join(str(text).split()), None)
    return seen if len(seen) <= limit else seen[:limit].rsplit(" ", 1)[0] + " …"


def _visible(character: str, lines: bool) -> str:  # noqa: FBT001 (private, one caller)
    if lines and character == "\n":
        return character
    hidden = unicodedata.category(character) in _HIDDEN
    return f"\\u{ord(character):04x}" if hidden else character


def count(number: int) -> str:
    """3012 -> `3,012`."""
    return f"{number:,}"


def verdict_counts(verdicts: Mapping[str, int]) -> str:
    """`1 adverse and 22 no indication`, the worst first; that there was no comparison where none has a bound."""
    known = [verdict.value for verdict in Verdict]
    ordered = sorted(verdicts, key=lambda name: known.index(name) if name in known else -1)
    found = tuple(f"{count(verdicts[name])} {printable(name)}" for name in ordered if verdicts[name])
    return listed(found) or "no comparison with a bound"


def people(number: int) -> str:
    """`3,012`; a masked count is the word, never a number."""
    return SUPPRESSED_WORD if number < 0 else count(number)


def share(value: float) -> str:
    """0.3101 -> `31.0%`."""
    return f"{value * 100:.1f}%"


def percent_interval(interval: Interval | None) -> str:
    """`29.4–32.7%`; empty where there is none."""
    if interval is None:
        return ""
    if interval.upper is None:
        return f"{share(interval.lower)} or more"
    return f"{share(interval.lower).removesuffix('%')}–{share(interval.upper)}"


def disparity_value(item: Disparity) -> str:
    """`0.65`; more places where 0.7996 would read as its bound 0.80; a dash where it cannot be estimated."""
    bounds = () if item.bound is None else (item.bound, -item.bound)
    if item.suppressed:
        return SUPPRESSED_WORD
    return DASH if item.value is None else rounded(item.value, (_none(item), *bounds))


def disparity_interval(item: Disparity) -> str:
    """`0.61 to 0.69`, never rounded onto no difference; empty where there is none."""
    if item.interval is None:
        return ""
    upper = "no upper end" if item.interval.upper is None else rounded(item.interval.upper, (_none(item),))
    return f"{rounded(item.interval.lower, (_none(item),))} to {upper}"


def disparity_corrected(item: Disparity) -> str:
    """A worst case less the noise of extremes: `0.24`; empty where there is none."""
    bounds = () if item.bound is None else (item.bound,)
    return "" if item.corrected is None or item.group else rounded(item.corrected, bounds)


def disparity_seen(item: Disparity) -> str:
    """Beside "no indication": `0.84 or less would have been seen`; empty elsewhere, and where nothing would have.

    The reason says both ends where the reference is declared; the record's number is the lower one.
    """
    if item.verdict is not Verdict.NO_INDICATION or item.detectable is None:
        return ""
    if said := _SEEN.search(item.reason):
        return f"{said[1]} would have been seen"
    below = item.detectable < _none(item)
    return f"{rounded(item.detectable)} or {'less' if below else 'more'} would have been seen"


def without_seen(item: Disparity, reason: str) -> str:
    """The reason without its end on what would have been seen, where `disparity_seen` says it."""
    return _SEEN.sub("", reason) if disparity_seen(item) else reason


def chance(p: float | None, level: float) -> str:
    """`0.03`, `below 0.0001`; a dash without a p. Never rounded across the level."""
    return DASH if p is None else probability(p, level)


def number(value: float) -> str:
    """A measure that is no share: at least two significant places, thousands grouped, never an exponent."""
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.01 or size < LEAST:
        return f"{value:.3f}" if size >= LEAST else "0.000"
    return f"{value:.{1 - math.floor(math.log10(size))}f}"


def _none(item: Disparity) -> int:
    """No difference: 1 for a ratio, 0 for a difference."""
    return 1 if item.comparison is Comparison.RATIO else 0


def bound_text(comparison: Comparison, bound: float | None) -> str:
    """`at least 0.8` for a ratio, `at most 0.1 either way` for a difference, whose sign says which group is ahead."""
    if bound is None:
        return "none set"
    return f"at least {bound:g}" if comparison is Comparison.RATIO else f"at most {bound:g} either way"


def moment(when: datetime) -> str:
    """`2026-11-21 08:12:18 UTC`."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def metric_label(name: str) -> str:
    """`selection_rate` -> `Selection rate`; names that are not in the table are printed as they stand."""
    known = METRICS.get(name)
    return known[0] if known else printable(name).replace("_", " ").capitalize()


def metric_meaning(name: str) -> str:
    """What the metric says, in words; empty where the table does not know it."""
    known = METRICS.get(name)
    return known[1] if known else ""


def requirement_label(name: str) -> str:
    """`sign-off` -> `Sign-off by people`."""
    return REQUIREMENTS.get(name, printable(name))


def group_name(features: tuple[str, ...], group: tuple[str, ...]) -> str:
    """`sex=female, race=Black`; for an empty group: `all counted groups of sex`."""
    if not group:
        return "all counted groups of " + " × ".join(printable(feature) for feature in features)
    pairs = zip(features, group, strict=True)
    return ", ".join(f"{printable(feature)}={printable(level)}" for feature, level in pairs)


def unknown_level(group: tuple[str, ...]) -> bool:
    """Whether any level of the group is the explicit level of missing values."""
    return UNKNOWN in group


def listed(items: tuple[str, ...], joint: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}" if items else ""

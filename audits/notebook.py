"""An audit's result as a piece of HTML for a notebook: self-contained, without a script, readable in light and dark.

Everything that names people's groups comes from data and is hostile: hidden characters are made visible here, markup
is escaped by the template. What the plan wants suppressed is masked: notebooks are passed on with their output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from audits import notebook_tables as tables
from audits.notebook_cells import Part, count, counted, printable
from audits.result import AuditResult
from audits.suppression import published

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """What the template prints, in its order: a sentence, verdict counts, open parts, notes, folded parts."""

    measured: str
    verdicts: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def to_html(result: AuditResult) -> str:
    """The result as one <div>, well-formed XML; masked where `result.suppress_below` asks for it."""
    return _template().render(page=page(published(result)))


def page(result: AuditResult) -> Page:
    """What there is to print of `result`, as texts; escaped by nobody yet."""
    return Page(
        measured=_measured(result),
        verdicts=tuple(_verdicts(result)),
        parts=tuple(part for part in _parts(result) if part.rows),
        notes=tuple(printable(note, 600) for note in result.notes),
    )


def _measured(result: AuditResult) -> str:
    compared = dict.fromkeys(item.features for item in result.disparities)
    names = counted([" × ".join(printable(name) for name in features) for features in compared or (result.features,)])
    bounded = sum(result.verdicts().values())
    rows = f"{count(result.row_count)} row{'' if result.row_count == 1 else 's'}"
    judged = f"{count(bounded)} of {count(len(result.disparities))} comparisons have a bound declared before the run"
    return (
        f"Measured on {rows}, by {names}: {judged if bounded else 'no bound was declared, so there is no verdict'}."
        f" Groups count from {result.min_group_size} rows, verdicts from {result.min_events} events."
    )


def _verdicts(result: AuditResult) -> Iterator[str]:
    found = result.verdicts()
    for verdict in tables.WORST_FIRST:
        yield f"{tables.SYMBOLS[verdict]} {count(found[verdict])} {verdict}"


def _parts(result: AuditResult) -> Iterator[Part]:
    yield tables.bounded(result)
    yield from tables.rates(result)
    yield tables.strata(result)
    yield from tables.quantities(result)
    yield from tables.search(result)
    yield tables.unknown(result)
    yield from tables.rules(result)
    yield from tables.other_rates(result)
    yield tables.unbounded(result)
    yield tables.provenance(result)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template("result.html")

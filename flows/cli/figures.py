"""`fairgate figures`: how long decisions take, what is held, refused, expiring and covered; quarter by quarter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings

if TYPE_CHECKING:
    from reports.figures import FiguresView, Value


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("figures")(show)


def show(
    quarters: Annotated[int, typer.Option("--quarters", min=1, max=40, help="So many calendar quarters (UTC).")] = 4,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="The period before now.")] = 365,
    as_json: Json = False,
) -> None:
    """Key figures of the ledger, each with its definition and its n; of nothing there is no figure, not even a zero."""
    from flows.wiring import open_desk
    from governance import figures
    from reports.figures import document, figures_view

    desk = open_desk(read_settings())
    facts, now = figures.facts_from(desk.ledger.entries()), desk.clock()
    found = [figures.figures(facts, desk.policy, x, now) for x in figures.quarters(facts.first, now, quarters)]
    whole = figures.figures(facts, desk.policy, figures.last_days(now, days), now)
    if as_json:
        emit({"period": document(whole), "quarters": [document(item) for item in found]})
        return
    say(*_lines(figures_view(whole, found)))


def _lines(view: FiguresView) -> Iterator[str]:
    yield f"{view.period}, from {view.since} to {view.until}"
    for row in view.rows:
        yield f"\n{row.label}: {_said(row.value)}"
        yield f"  {row.definition}"
        yield from (f"  {text}" for text in row.value.more)
        yield from (f"  {name}: {_said(value)}" for name, value in zip(view.quarters, row.quarters, strict=True))
    if view.reviewers:
        from reports.figures import REVIEWERS

        yield f"\nRefusals by reviewer\n  {REVIEWERS}"
        yield from (f"  {x.name}: {x.share}, interval {x.interval} ({x.refused})" for x in view.reviewers)


def _said(value: Value) -> str:
    return f"{value.text} ({value.of})" if value.of else value.text

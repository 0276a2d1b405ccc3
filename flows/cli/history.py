"""`fairgate history`: what was live when, who put it there, on what evidence, and why it ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from flows.cli.options import Json, Name
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError
from governance.history import Act, End, Reign, Term, history, live_at, live_on


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("history")(show)


def show(
    name: Name,
    alias: Annotated[str | None, typer.Option("--alias", help="Only this alias.")] = None,
    environment: Annotated[str | None, typer.Option("--environment", help="Only this environment.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Live at any moment of this day (UTC): 2026-11-30.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Live at this moment: 2026-11-30T12:00Z.")] = None,
    as_json: Json = False,
) -> None:
    """What was live, from when to when, who put it there, on what evidence, under which policy, and why it ended."""
    from flows.wiring import open_ledger
    from reports.reigns import document

    if on and at:
        raise ConfigurationError("--on names a day and --at a moment; give one of them")
    day, moment = _day(on), moment_of(at, "--at")
    found = history(open_ledger(read_settings()).entries(), name, alias=alias, environment=environment)
    if day:
        found = live_on(found, day, UTC)
    if moment:
        found = live_at(found, moment)
    if as_json:
        emit({"model": name, "on": day, "at": moment, "reigns": [document(item) for item in found]})
        return
    when = f" {'on' if on else 'at'} {on or at}" if on or at else ""
    say(*(line for item in found for line in lines(item)) if found else (f"nothing of {name} was live{when}",))


def moment_of(text: str | None, option: str) -> datetime | None:
    """A moment in ISO 8601; without an offset it is UTC, a bare day its beginning. Raises ConfigurationError."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is {text!r}; write a moment such as 2026-11-30T12:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def lines(reign: Reign) -> Iterator[str]:
    """One reign for people."""
    until = f"until {_time(reign.end.time)}" if reign.end else "and still"
    glass = "  EMERGENCY (broken glass)" if reign.broken_glass else ""
    yield f"{reign.name} v{reign.version} as {reign.target}: from {_time(reign.since)} {until}{glass}"
    yield f"  promoted entry {reign.seq}, by {reign.by.name}" + (f", tier {reign.tier}" if reign.tier else "")
    yield f"  model    {reign.digest}"
    for act in reign.acts:
        yield f"  {_act(act)}"
        yield from (f"           {_term(number, item)}" for number, item in enumerate(act.conditions, 1))
    grounds = reign.grounds
    if grounds.audit is not None or grounds.report:
        audit = "" if grounds.audit is None else f" (entry {grounds.audit})"
        yield f"  evidence audit report {grounds.report or 'none'}{audit}"
        yield f"           data {grounds.data or 'none'}"
        yield f"           data validation {grounds.validation or 'none'}"
    else:
        yield "  evidence none is recorded"
    yield f"  policy   {reign.policy_name or 'unnamed'} {reign.policy or ''}"
    yield from (f"  incident entry {item.seq}, {_time(item.time)}: {item.what}" for item in reign.incidents)
    if reign.end:
        yield from _end(reign.end)


def _end(end: End) -> Iterator[str]:
    back = f"; version {end.back_to} took over" if end.back_to and end.kind == "demotion" else ""
    yield f"  ended    entry {end.seq}, {_time(end.time)}, {end.kind} by {end.actor.name}: {end.reason}{back}"
    yield from (f"  {_act(act)}" for act in end.acts)


def _act(act: Act) -> str:
    function = f" as {act.function}" if act.function else ""
    behalf = f" on behalf of {act.on_behalf_of}" if act.on_behalf_of else ""
    return f"{act.kind:8} entry {act.seq}, {act.actor.name}{function}{behalf}, {_time(act.time)}: {act.reason}"


def _term(number: int, item: Term) -> str:
    met = "not recorded as met" if item.met is None else f"met, entry {item.met}"
    return f"condition {number}, due {item.due}, {item.owner}: {item.text} ({met})"


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--on is {text!r}; write a day such as 2026-11-30") from error


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""`fairgate condition met | list`, and how a condition is written on the command line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Alias, As, Code, Credential, Json, Name, OwnKey, Version, at_the_command_line, proved
from flows.cli.output import emit, say
from flows.cli.receipts import hand_out
from flows.settings import read_settings
from governance.condition import Condition
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from governance.fulfilling import Duty

Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--condition",
        help="A condition: 'DUE OWNER TEXT', such as '2026-12-31 data-scientist audit newer data'. Repeatable.",
    ),
]
_FORM = "write 'DUE OWNER TEXT', such as '2026-12-31 data-scientist audit newer data'"


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    room = typer.Typer(help="Conditions of approvals: what is open, and that one is met.", no_args_is_help=True)
    room.command("met")(met)
    room.command("list")(listed)
    app.add_typer(room, name="condition")


def conditions_of(given: list[str] | None) -> tuple[Condition, ...]:
    """The conditions in these words, in their order. Raises ConfigurationError."""
    return tuple(_condition(text) for text in given or ())


def _condition(text: str) -> Condition:
    parts = text.split(maxsplit=2)
    if len(parts) < 3:
        raise ConfigurationError(f"--condition is {text!r}; {_FORM}")
    due, owner, what = parts
    try:
        return Condition(what, owner, date.fromisoformat(due))
    except ValueError as error:
        raise ConfigurationError(f"--condition begins with {due!r}, which is no day; {_FORM}") from error


def met(
    name: Name,
    version: Version,
    alias: Alias,
    sign_off: Annotated[int, typer.Option("--sign-off", help="The ledger entry of the approval.")],
    number: Annotated[int, typer.Option("--number", help="Which of its conditions, counted from 1.")],
    reason: Annotated[str, typer.Option("--reason", help="What shows that it is met. Required; kept for ever.")],
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Record that a condition of an approval is met, by its last day; late revives nothing. Its owner alone cannot."""
    from flows.wiring import open_desk
    from governance.case import open_case
    from governance.fulfilling import Fulfilment, fulfil

    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    proof = proved(settings, desk, identity, credential_file, code, own)
    said = Fulfilment(sign_off, number, reason, at_the_command_line(proof), proof.assurance)
    entry = fulfil(desk, case, proof.person, said)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        about = {"seq": entry.seq, "time": entry.time, "sign_off": sign_off, "number": number, "met": True}
        emit(about | {"meaning": entry.statement.meaning} | receipt.document())
        return
    say(f"{proof.person.name}: {entry.statement.meaning} (ledger entry {entry.seq}).", *receipt.lines())


def listed(as_json: Json = False) -> None:
    """Every condition that is still open, the first due first, and those that lapsed an approval."""
    from flows.wiring import open_desk
    from governance.case import asked
    from governance.fulfilling import duties

    desk = open_desk(read_settings())
    found = duties(desk, asked(desk))
    if as_json:
        emit({"conditions": [_document(item) for item in found]})
        return
    say(*(_line(item) for item in found) if found else ("no approval waits for a condition",))


def _line(item: Duty) -> str:
    state = item.state
    who = f"{item.case.subject} as {item.case.target}, sign-off {item.sign_off.seq} by {item.sign_off.approver.name}"
    return f"{state.word:6} due {state.condition.due}, {state.condition.owner}: {state.condition.text}\n       {who}"


def _document(item: Duty) -> dict[str, object]:
    return {
        "state": item.state.word,
        "model": item.case.subject.name,
        "version": item.case.subject.version,
        "target": item.case.target,
        "sign_off": item.sign_off.seq,
        "number": item.state.number,
        **{name: getattr(item.state.condition, name) for name in Condition.__slots__},
    }

"""`fairgate sign | withdraw | break-glass`: acts of people. Reads the ledger alone; no engine is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.conditions import Conditions, conditions_of
from flows.cli.options import Alias, As, Code, Credential, Json, Name, Reason, Version, at_the_command_line, proved
from flows.cli.output import emit, say
from flows.cli.receipts import hand_out
from flows.settings import read_settings
from governance.errors import ConfigurationError, NotAuthorizedError

if TYPE_CHECKING:
    from governance.case import Case
    from governance.desk import Desk
    from governance.people import Person

Function = Annotated[str | None, typer.Option("--function", help="The function you sign in, where you hold several.")]
Approve = Annotated[bool, typer.Option("--approve", help="Approve the release on the evidence as it stands.")]
Refuse = Annotated[bool, typer.Option("--refuse", help="Refuse: final for these bytes.")]
Report = Annotated[
    str | None,
    typer.Option("--report", help="The digest of the report that you read; stale evidence is refused."),
]

Key = Annotated[
    Path | None,
    typer.Option("--key", help="Your own Ed25519 private key (see people enroll-key): the assurance is then user-key."),
]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("sign")(sign)
    app.command("withdraw")(withdraw)
    app.command("break-glass")(break_glass)


def sign(
    name: Name,
    version: Version,
    alias: Alias,
    reason: Reason,
    approve: Approve = False,
    refuse: Refuse = False,
    function: Function = None,
    report: Report = None,
    condition: Conditions = None,
    key: Key = None,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """Approve or refuse a held release. The sign-off is bound to the bytes, the data, the report and the policy."""
    from dataclasses import replace

    from flows.wiring import open_desk
    from governance.case import open_case
    from governance.signoff import APPROVE, REFUSE, Wish
    from governance.signoff import sign as record
    from governance.user_key import read_private

    if approve == refuse:
        raise ConfigurationError("say either --approve or --refuse")
    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    proof = proved(settings, desk, identity, credential_file, code)
    person = proof.person
    shown = case.shown() if report is None else replace(case.shown(), report_digest=report)
    chosen = function or _only_function(desk, case, person)
    own = read_private(key) if key else None
    decision, how = APPROVE if approve else REFUSE, at_the_command_line(proof)
    wish = Wish(chosen, decision, reason, shown, how, own, proof.assurance, conditions=conditions_of(condition))
    entry = record(desk, case, person, wish)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        said = {"seq": entry.seq, "time": entry.time, "meaning": entry.statement.meaning, "shown": shown}
        said |= {name: entry.statement.body.get(name, []) for name in ("assurance", "conditions")}
        emit(said | receipt.document())
        return
    say(f"{person.name} ({chosen}): {entry.statement.meaning}.")
    say(f"  recorded as ledger entry {entry.seq} at {entry.time:%Y-%m-%d %H:%M:%S} UTC, bound to")
    say(f"  model {shown.model_digest}", f"  report {shown.report_digest}", f"  data {shown.data_digest}")
    say(*(f"  on condition {n}, due {x.due}, {x.owner}: {x.text}" for n, x in enumerate(wish.conditions, 1)))
    say(f"  assurance {entry.statement.body['assurance']}", *receipt.lines())


def withdraw(
    name: Name,
    version: Version,
    alias: Alias,
    reason: Reason,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """Withdraw an approval: a live version is taken out by the next reconcile."""
    from dataclasses import replace

    from flows.wiring import open_desk
    from governance.case import open_case
    from governance.signoff import withdraw as record

    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    proof = proved(settings, desk, identity, credential_file, code)
    said = replace(proof, how=at_the_command_line(proof))
    entries = record(desk, case, said, reason)
    receipt = hand_out(settings, desk, *entries)
    if as_json:
        emit(
            {
                "withdrawn": [entry.statement.body["sign_off"] for entry in entries],
                "authentication": said.how,
                "assurance": said.assurance.value,
            }
            | receipt.document()
        )
        return
    for entry in entries:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")
    say(f"  authenticated by {said.how}; assurance {said.assurance.value}")
    say("  where it is live, the next reconcile takes it out", *receipt.lines())


def break_glass(
    name: Name,
    version: Version,
    alias: Alias,
    reason: Reason,
    hours: Annotated[int, typer.Option("--hours", help="For how long at most: 1 to what the policy allows (72).")],
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """In an emergency: two persons put a version live without evidence, for some hours. Shown wherever it is live."""
    from flows.cli.words import decision_json
    from flows.wiring import open_desk
    from governance.case import open_case
    from governance.emergency import Plea
    from governance.emergency import break_glass as record

    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    proof = proved(settings, desk, identity, credential_file, code)
    plea = Plea(hours, reason, at_the_command_line(proof), proof.assurance)
    entry, now = record(desk, case, proof.person, plea)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        emit({"entry": entry.seq, **decision_json(now), **receipt.document()})
        return
    say(f"{proof.person.name}: {entry.statement.meaning} (ledger entry {entry.seq}).")
    if now.decision.emergency is None:
        say("  nothing is released yet: a second person must break the glass too")
    else:
        say(f"  {now.decision.emergency}", "  the next reconcile moves the alias, and takes it out again in the end")
    say(*receipt.lines())


def _only_function(desk: Desk, case: Case, person: Person) -> str:
    """The function to sign in where there is no choice. Where there is none, signing itself says why."""
    from governance.signoff import may_sign

    functions = may_sign(desk, case, person)
    if len(functions) > 1:
        raise NotAuthorizedError(f"{person.name} could sign as {' or '.join(functions)}: say which with --function")
    return functions[0] if functions else ""

"""`fairgate policy | delegate`: which policy is in force, and who may sign for whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import As, Code, Credential, Json, OwnKey, Reason, at_the_command_line, proved
from flows.cli.output import emit, say
from flows.cli.receipts import hand_out
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.desk import Desk
    from governance.proving import Proof

policy = typer.Typer(help="The policy in force, and approvals of the one that shall replace it.", no_args_is_help=True)
delegate = typer.Typer(help="Let somebody sign in your function for some days.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(policy, name="policy")
    app.add_typer(delegate, name="delegate")


@policy.command("show")
def show(as_json: Json = False) -> None:
    """Which policy is in force, since when and by whom; and whether it is the one that FAIRGATE_POLICY names."""
    from flows.wiring import open_desk
    from governance.desk import charter_of

    desk = open_desk(read_settings())
    charter = charter_of(desk)
    adopted, approvals = charter.adopted(), charter.endorsed(desk.policy.digest)
    same = adopted is not None and adopted.digest == desk.policy.digest
    if as_json:
        named = {"name": desk.policy.name, "version": desk.policy.version, "digest": desk.policy.digest}
        emit({"in_force": adopted, "named": named, "is_in_force": same, "approvals": approvals})
        return
    if adopted is None:
        say("No policy is in force yet: the first one is adopted by its use.")
        return
    by = f"adopted by {' and '.join(adopted.by)}" if adopted.by else "adopted by its first use"
    say(f"in force: {adopted.name} {adopted.version}, {adopted.digest}")
    say(f"  {by}, {adopted.time:%Y-%m-%d %H:%M} UTC (ledger entry {adopted.seq})")
    if not same:
        say(f"NOT in force: {desk.policy.name} {desk.policy.version}, {desk.policy.digest}, which this project names")
        say(f"  approved by {' and '.join(x.person for x in approvals) or 'nobody'}; it takes two persons")
        for item in desk.policy.all_signers():
            names = [person.id for person in charter.able((item,))]
            say(f"  under it, {item} would be signed by: {', '.join(names) or 'nobody'}")
        say("  way out: fairgate policy approve --reason WHY --as ID, or name the policy in force in FAIRGATE_POLICY")


@policy.command("approve")
def approve(
    reason: Reason,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Approve the policy that FAIRGATE_POLICY names. It comes into force when two persons who may sign have done so."""
    from governance.adoption import approve_policy

    settings, desk, proof = _who(identity, credential_file, code, own)
    person = proof.person
    entry, missing = approve_policy(desk, person, reason, at_the_command_line(proof), proof.assurance)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        said = {"entry": entry.seq, "digest": desk.policy.digest, "in_force": missing == 0, "missing": missing}
        emit(said | receipt.document())
        return
    say(f"{person.name}: {entry.statement.meaning} (ledger entry {entry.seq}).")
    say("  it is in force now" if missing == 0 else f"  {missing} more approval is needed, by another person")
    say(*receipt.lines())


@delegate.command("give")
def give(
    function: Annotated[str, typer.Argument(help="The function that you hold, for example compliance.")],
    to: Annotated[str, typer.Option("--to", metavar="ID", help="Who may sign in it for you.")],
    until: Annotated[str, typer.Option("--until", help="When it ends: 2026-12-24 or 2026-12-24T18:00 (UTC).")],
    reason: Reason,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Let somebody sign in your function, 90 days at most. Where you may not sign, she may not either."""
    from governance.delegating import delegate as record

    end = _moment(until)
    settings, desk, proof = _who(identity, credential_file, code, own)
    person, how = proof.person, at_the_command_line(proof)
    entry = record(desk, person, to, function, end, reason, how, proof.assurance)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        said = {"entry": entry.seq, "delegator": person.id, "delegate": to, "function": function, "until": end}
        emit(said | receipt.document())
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).", *receipt.lines())


@delegate.command("revoke")
def revoke(
    seq: Annotated[int, typer.Argument(metavar="ENTRY", help="The delegation's ledger entry.")],
    reason: Reason,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """End a delegation: what was signed by it counts no more."""
    from governance.delegating import revoke as record

    settings, desk, proof = _who(identity, credential_file, code)
    entry = record(desk, proof.person, seq, reason)
    receipt = hand_out(settings, desk, entry)
    if as_json:
        emit({"entry": entry.seq, "revoked": seq} | receipt.document())
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).", *receipt.lines())


@delegate.command("list")
def listed(as_json: Json = False) -> None:
    """The delegations that hold now."""
    from flows.wiring import open_desk
    from governance.delegating import standing

    found = standing(open_desk(read_settings()))
    if as_json:
        emit({"delegations": found})
        return
    say(
        *(
            f"{x.seq:5}  {x.delegate} as {x.function} for {x.delegator} until {x.until:%Y-%m-%d %H:%M} UTC"
            for x in found
        )
    )
    if not found:
        say("Nobody signs for anybody else.")


def _who(
    identity: str | None, credential_file: Path | None, code: str | None, own: Path | None = None
) -> tuple[Settings, Desk, Proof]:
    from flows.wiring import open_desk

    settings = read_settings()
    desk = open_desk(settings)
    return settings, desk, proved(settings, desk, identity, credential_file, code, own)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--until is {text!r}; write a date such as 2026-12-24 or 2026-12-24T18:00") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

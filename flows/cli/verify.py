"""`fairgate verify`: is what is live what was signed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError
from governance.explanation import decision_lines
from governance.lapse import in_words

if TYPE_CHECKING:
    from governance.dossier import Dossier, SignOff
    from governance.verification import Verification


def add_to(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command("verify")(verify)


def verify(
    subject: Annotated[str, typer.Argument(metavar="models:/NAME@ALIAS", help="The live alias to verify.")],
    as_json: Json = False,
) -> int:
    """Recompute every digest of what is live: by whom it was signed, on what evidence, until when. 14 if it differs."""
    from flows.wiring import open_desk, open_registry
    from governance.verification import verify as check

    match = re.fullmatch(r"models:/(?P<name>[^@]+)@(?P<alias>[^@/]+)", subject)
    if match is None:
        raise ConfigurationError(f"{subject!r} is not a live alias; write models:/NAME@ALIAS")
    settings = read_settings()
    found = check(open_desk(settings), open_registry(settings), match["name"], match["alias"])
    if as_json:
        emit(_document(found))
    else:
        say(*_lines(found))
    return int(found.exit_code)


def _lines(found: Verification) -> list[str]:
    where = f"{found.name} as {found.target}"
    if found.problems or found.case is None or found.promotion is None:
        return [f"NOT VERIFIED: {where}", *(f"  {problem}" for problem in found.problems)]
    standing = found.case.decision.outcome.value
    glass = found.case.decision.emergency
    since = f"released without a sign-off (tier {found.case.decision.tier.value})"
    if glass:
        since = "put live in an emergency"
    elif found.sign_offs:
        since = "signed"
    head = f"VERIFIED: {where} is version {found.version}, unchanged since it was {since}"
    if standing != "RELEASED":
        head = f"UNCHANGED, BUT {standing} NOW: {where} is version {found.version}"
    lines = [head, f"  model    {found.case.subject.digest}"]
    if glass:
        lines.append(f"  BROKEN GLASS: {glass}")
    lines += [_signed(item, found.case.dossier) for item in found.sign_offs]
    audit = found.case.dossier.audit()
    lines.append(f"  evidence audit report {audit.report_digest if audit else 'none'}")
    lines.append(f"  released ledger entry {found.promotion.seq}, {found.promotion.time:%Y-%m-%d %H:%M} UTC")
    if found.expires_at:
        lines.append(f"  until    {found.expires_at:%Y-%m-%d %H:%M} UTC")
    return lines + (decision_lines(found.case)[1:] if standing != "RELEASED" else [])


def _signed(item: SignOff, dossier: Dossier) -> str:
    behalf = f" on behalf of {item.on_behalf_of}" if item.on_behalf_of else ""
    terms = in_words(item, dossier)
    who = f"{item.approver.name} as {item.function}{behalf} ({item.assurance}){f', {terms}' if terms else ''}"
    return f"  signed   {who}, {item.signed_at:%Y-%m-%d %H:%M} UTC: {item.reason}"


def _document(found: Verification) -> dict[str, object]:
    case = found.case
    return {
        "verified": found.exit_code == 0,
        "exit_code": found.exit_code,
        "model": found.name,
        "target": found.target,
        "version": found.version,
        "problems": found.problems,
        "outcome": case.decision.outcome if case else None,
        "emergency": case.decision.emergency if case else None,
        "findings": case.decision.findings if case else (),
        "subject": case.subject if case else None,
        "sign_offs": found.sign_offs,
        "promotion": found.promotion.seq if found.promotion else None,
        "expires_at": found.expires_at,
    }

"""`fairgate verify | report`: is what is live what was signed, and the report of a decision."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Alias, Json, Name, Version
from flows.cli.output import emit, progress, say
from flows.settings import read_settings
from governance.errors import ConfigurationError
from governance.explanation import decision_lines

if TYPE_CHECKING:
    from governance.dossier import SignOff
    from governance.verification import Verification
    from reports.evidence import CaseEvidence


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("verify")(verify)
    app.command("report")(report)


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


def report(
    name: Name,
    version: Version,
    alias: Alias,
    form: Annotated[str, typer.Option("--format", help="html, md or json.")] = "html",
    output: Annotated[Path | None, typer.Option("--output", help="Write here; - for standard output.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="For publication: small counts suppressed, as the plan declares.")
    ] = False,
    whole_rules: Annotated[
        list[str] | None, typer.Option("--whole-rule", help="With --published: a rule pack that demands every count.")
    ] = None,
) -> None:
    """Write the report of a release decision as it stands now."""
    from flows.reporting import write_report
    from flows.wiring import open_desk
    from governance.case import open_case
    from reports.evidence import gather
    from reports.formats import Format, render
    from reports.publish import published_evidence
    from reports.release import release_view

    if whole_rules and not published:
        raise ConfigurationError("--whole-rule goes with --published; without it every rule's tables are whole")
    if form not in set(Format):
        raise ConfigurationError(f"--format is {form!r}; write one of: {', '.join(Format)}")
    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    evidence = gather(desk, case)
    if published:
        whole = _known_rules(evidence, whole_rules or [])
        with progress("masking small counts"):
            evidence = published_evidence(evidence, whole_rules=whole)
    data = render(release_view(evidence), Format(form))
    if output == Path("-"):
        say(data.decode())
        return
    if output is not None:
        output.write_bytes(data)
    suffix = "-published" if published else ""
    say(f"report: {output or write_report(settings, case, {Format(form): data}, suffix=suffix)}")
    if published:
        say(f"  {evidence.published}")


def _known_rules(evidence: CaseEvidence, names: list[str]) -> list[str]:
    """The rule packs to print whole. Raises ConfigurationError for one that this audit has no table of."""
    known = [report.pack for report in evidence.audit.rule_reports] if evidence.audit else []
    for name in names:
        if name not in known:
            raise ConfigurationError(f"--whole-rule is {name!r}; this audit has: {', '.join(known) or 'no rule pack'}")
    return names


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
    lines += [_signed(item) for item in found.sign_offs]
    audit = found.case.dossier.audit()
    lines.append(f"  evidence audit report {audit.report_digest if audit else 'none'}")
    lines.append(f"  released ledger entry {found.promotion.seq}, {found.promotion.time:%Y-%m-%d %H:%M} UTC")
    if found.expires_at:
        lines.append(f"  until    {found.expires_at:%Y-%m-%d %H:%M} UTC")
    return lines + (decision_lines(found.case)[1:] if standing != "RELEASED" else [])


def _signed(item: SignOff) -> str:
    behalf = f" on behalf of {item.on_behalf_of}" if item.on_behalf_of else ""
    who = f"{item.approver.name} as {item.function}{behalf} ({item.assurance})"
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

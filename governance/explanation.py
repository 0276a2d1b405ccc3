"""A decision in sentences for people: what is missing, who can give it, and the way out."""

from __future__ import annotations

import re
import shlex

from governance.case import Case
from governance.decide import Finding, Status
from governance.dossier import Dossier
from governance.people import Person


def decision_lines(case: Case) -> list[str]:
    """The decision, and for every finding that is not met: what is missing, who can give it, the way out."""
    lines = [f"{case.decision.outcome.value}: {case.subject} as {case.target} (tier {case.decision.tier.value})"]
    if case.decision.emergency:
        lines.append(f"  BROKEN GLASS: {case.decision.emergency}")
    if not case.decision.missing():
        lines += [f"  met      {item.requirement}: {item.reason}" for item in case.decision.findings]
    missing = case.decision.missing()
    refused = tuple(item for item in missing if item.status is Status.REFUSED)
    for finding in refused or missing:  # where people have refused, what else is missing no longer matters
        lines += finding_lines(finding, case.dossier)
    return lines


def finding_lines(finding: Finding, dossier: Dossier) -> list[str]:
    """One finding in up to three lines."""
    lines = [f"  {finding.status.value:8} {finding.requirement}: {finding.reason}"]
    for function in dict.fromkeys(finding.needs):
        lines.append(f"           who can give it: {who(function, dossier)}")
    if finding.way_out:
        lines.append(f"           way out: {finding.way_out}")
    return lines


_COMMAND = re.compile(r"fairgate (\w[\w-]*) .*", re.DOTALL)
_ON_PAGES = {
    "sign": "sign on the console, on the page of the decision",
    "policy": "two persons approve it on the page Policies of the console",
}
"""What a person does on a page where the command line has a verb."""
_BY_OTHERS = {
    "release": "whoever asked for the release validates and audits it anew",
    "register": "whoever made the model registers it",
}
"""What only a command does: it is sent to whoever has the command line."""


def for_readers(finding: Finding) -> str | None:
    """The way out of a finding for who reads pages and has no shell; the command stays in it, to be sent on.

    None where the finding has no way out. The command line and the JSON keep `way_out` as it is.
    """
    found = _COMMAND.search(finding.way_out or "")
    if found is None or finding.way_out is None:
        return finding.way_out
    verb, before = found[1], finding.way_out[: found.start()]
    if verb in _ON_PAGES:
        return f"{before}{_ON_PAGES[verb]}; at the command line: {found[0]}"
    words = _BY_OTHERS.get(verb, "whoever has the command line does it")
    return f"{before}{words}; the command to send: {found[0]}"


def who(function: str, dossier: Dossier) -> str:
    """The persons who could sign in this function now."""
    able = [person for person in dossier.people if person.has(function) and person.id not in dossier.excluded()]
    names = ", ".join(_named(person) for person in able)
    return f"{function}: {names or 'nobody; add a person with this function'}"


def _named(person: Person) -> str:
    return f"{person.name} ({person.id})"


def refusal(case: Case, known: str | None, console: str) -> str:
    """Why the registry did not move an alias, for whoever asked it to: what is missing, who can give it, and where.

    `known` is the digest that the ledger has of this version, None where it knows none; `console` the page on which
    people sign.
    """
    subject, target = case.subject, case.target
    lines = [f"Fairgate did not move the alias {target.alias} of {subject.name}.", *decision_lines(case)]
    if known is not None and known != subject.digest:
        lines.append(
            f"  the bytes have changed: the ledger knows {subject} as {known}, the registry now serves {subject.digest}"
        )
    if not any(hold.target == target for hold in case.dossier.holds):
        command = shlex.join(("fairgate", "release", subject.name, subject.version, "--alias", target.alias))
        lines.append(f"  nobody has asked for this release of these bytes yet: {command}")
    else:
        lines.append(f"  evidence and sign-off: {console} (`fairgate serve` opens it)")
    return "\n".join(lines)

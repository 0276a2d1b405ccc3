"""A decision in sentences for people: what is missing, who can give it, and the way out."""

from __future__ import annotations

import shlex

from governance.case import Case
from governance.decide import Finding, Status
from governance.dossier import Dossier
from governance.people import Person
from governance.remedy import ways_out


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


def way_out_in_words(finding: Finding, dossier: Dossier) -> str | None:
    """The way out for who reads pages and has no shell. One that names no command holds for her as it is."""
    words = {way.shell: way.page for way in ways_out(dossier)}
    return finding.way_out and words.get(finding.way_out, finding.way_out)


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

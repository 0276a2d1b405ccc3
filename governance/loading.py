"""Hand out the files of what is live, and only after every byte was compared with what people signed."""

from __future__ import annotations

from pathlib import Path

from governance.case import case_of
from governance.casefile import subject_of
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.errors import ConfigurationError, ReleaseHeldError, StaleEvidenceError
from governance.explanation import decision_lines
from governance.registry.manifest import manifest_from_json
from governance.registry.port import Registry
from governance.release import live_step
from governance.subject import Manifest, Subject, Target, compare


def released_subject(desk: Desk, registry: Registry, name: str, alias: str) -> Subject:
    """The version that is live under the alias, by the registry and by the ledger, and whose release stands now.

    Raises ConfigurationError where the alias is not set, StaleEvidenceError where it was moved outside Fairgate,
    ReleaseHeldError where the release is held or refused now, and the errors of a ledger that cannot be read.
    """
    target = Target(desk.environment, alias)
    live = registry.alias(name, alias)
    if live is None:
        raise ConfigurationError(f"nothing is loaded: {name} has no alias {alias} in {registry.uri}")
    promotion = live_step(desk, name, target)
    if promotion is None:
        raise StaleEvidenceError(
            f"nothing is loaded: {name}@{alias} is version {live.version}, but no release of it is recorded in the "
            f"ledger: the alias was moved outside Fairgate"
        )
    case = case_of(desk, subject_of(promotion.statement.body), target)
    if case.decision.outcome is not DecisionOutcome.RELEASED:
        said = "\n".join(decision_lines(case))
        raise ReleaseHeldError(
            case.decision, f"nothing is loaded: the release of {case.subject} does not stand\n{said}"
        )
    if live.version != case.subject.version:
        raise StaleEvidenceError(
            f"nothing is loaded: {name}@{alias} is version {live.version}, but version {case.subject.version} was "
            f"released: the alias was moved outside Fairgate"
        )
    return case.subject


def signed_manifest(desk: Desk, subject: Subject) -> Manifest:
    """The files that were signed. Raises LedgerTamperedError where the evidence store has them no more."""
    return manifest_from_json(desk.evidence.get(subject.digest))


def copy_released(desk: Desk, registry: Registry, name: str, alias: str, folder: Path) -> Subject:
    """Copy the live version into the new `folder`, verified file by file in the copy itself.

    The copy is private, so what was verified is what is loaded. Raises the errors of `released_subject`, and
    StaleEvidenceError naming the files that are not those that were signed: then the copy must not be used.
    """
    subject = released_subject(desk, registry, name, alias)
    copied = registry.snapshot(registry.version(subject.name, subject.version), folder)
    changes = compare(signed_manifest(desk, subject), copied)
    if changes:
        raise StaleEvidenceError(
            f"nothing is loaded: the registered bytes of {subject} are not those that were signed: {changes}"
        )
    return subject

"""Rules of the gate taken out, one at a time: the state model must see that each is gone."""

from __future__ import annotations

import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest
from gate_model import Scene
from gate_scenes import (
    BYTES,
    CONDITIONS,
    DELEGATION,
    EMERGENCY,
    EVIDENCE,
    GLASS_AGAIN,
    PERSONS,
    POLICY,
    POLICY_CHANGES,
)

from governance import break_glass, casefile, charter, decide, dossier, lapse, quorum


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule changed: in `name` of `owner` (a module or a class), `old` becomes `new`. `scene` must show it."""

    words: str
    scene: Scene
    owner: Any
    name: str
    old: str
    new: str = ""


_ROW, _GLASS = "why_void", break_glass.Glass
FAULTS = (
    Fault(
        "an approval does not name the report",
        EVIDENCE,
        quorum,
        _ROW,
        '(audit is None or item.report_digest != audit.report_digest, "given for another audit report"),',
    ),
    Fault(
        "an approval does not name the data",
        EVIDENCE,
        quorum,
        _ROW,
        '(audit is None or item.data_digest != audit.data_digest, "given for other data"),',
    ),
    Fault(
        "an approval does not name the validation",
        EVIDENCE,
        quorum,
        _ROW,
        "validation is None or item.validation_digest != validation.digest",
        "False",
    ),
    Fault("an audit overtakes nothing", EVIDENCE, quorum, _ROW, "_overtaken(item, dossier)", "False"),
    Fault(
        "going back to an earlier validation revives approvals",
        EVIDENCE,
        quorum,
        "_overtaken",
        "any(found.digest != item.validation_digest for found in again)",
        "False",
    ),
    Fault(
        "going back to earlier data revives approvals",
        EVIDENCE,
        quorum,
        "_overtaken",
        "(audit.report_digest, audit.data_digest) != shown",
        "audit.report_digest != item.report_digest",
    ),
    Fault("an approval never expires", EVIDENCE, quorum, _ROW, "item.expires_at <= dossier.now", "False"),
    Fault(
        "an approval holds for a moment longer", EVIDENCE, quorum, _ROW, "expires_at <= dossier", "expires_at < dossier"
    ),
    Fault("a withdrawn approval counts", PERSONS, quorum, _ROW, '(item.withdrawn, "withdrawn"),'),
    Fault("adverse audits pass", EVIDENCE, decide, "_no_adverse", "if not adverse:", "if True:"),
    Fault("monitoring is not looked at", EVIDENCE, decide, "_monitoring_clear", "if not adverse:", "if True:"),
    Fault(
        "auditing old data again hides what monitoring found",
        EVIDENCE,
        dossier.Dossier,
        "monitoring",
        "since = min(same, default=-1)",
        "since = max(same, default=-1)",
    ),
    Fault("audits never grow old", EVIDENCE, decide, "_audited", "if age > timedelta(", "if age > 99 * timedelta("),
    Fault(
        "a machine brings a lapsed audit back",
        EVIDENCE,
        decide,
        "_renewed",
        "newest.time < look.time <= newest.time + allowed",
        "newest.time < look.time",
    ),
    Fault(
        "one person fills two slots",
        PERSONS,
        quorum,
        "_identities",
        "{item.approver.id}",
        "{item.approver.id + item.function}",
    ),
    Fault("one approval fills two slots", PERSONS, quorum, "_left", "left.remove(item.function)", "left.clear()"),
    Fault(
        "whoever holds any function signs in any",
        PERSONS,
        quorum,
        "_holds",
        "holder.has(item.function)",
        "holder.active",
    ),
    Fault(
        "who made or asked for it may sign",
        PERSONS,
        quorum,
        _ROW,
        '(excluded is not None, f"the signer {excluded}"),',
    ),
    Fault("who asked for the release may sign", PERSONS, dossier.Dossier, "excluded", "in self.holds", "in ()"),
    Fault(
        "who asked for the audit may sign",
        PERSONS,
        dossier.Dossier,
        "excluded",
        "for actor in asked:",
        "for actor in ():",
    ),
    Fault(
        "who owns the run may sign",
        PERSONS,
        dossier.Dossier,
        "excluded",
        "registration.owners.items()",
        "()",
    ),
    Fault(
        "nobody answers for the registration",
        PERSONS,
        decide,
        "_registrant_known",
        "if not named:",
        "if False:",
    ),
    Fault(
        "accounts alone say who may sign",
        PERSONS,
        charter,
        "confirmed",
        "tuple(_both(account, person) for account, person in pairs if person is not None)",
        "tuple(account for account, _ in pairs)",
    ),
    Fault(
        "accounts alone say in which functions",
        PERSONS,
        charter,
        "_both",
        "in person.functions if item in account.functions",
        "in account.functions",
    ),
    Fault("a locked account signs", PERSONS, charter, "_both", "account.active and ", ""),
    Fault("who was disabled in the ledger signs", PERSONS, charter, "_both", " and person.active", ""),
    Fault("the second person of an id is believed", PERSONS, charter, "_key_event", "if known else", "if False else"),
    Fault(
        "a delegator's exclusions do not hold",
        DELEGATION,
        quorum,
        _ROW,
        '(delegator is not None, f"the person whom she signs for {delegator}"),',
    ),
    Fault(
        "delegator and delegate count as two",
        DELEGATION,
        quorum,
        "_identities",
        "({item.on_behalf_of} if item.on_behalf_of else set())",
        "set()",
    ),
    Fault("a revoked delegation counts", DELEGATION, charter.Delegation, "holds", "not self.revoked and ", ""),
    Fault("a delegation never ends", DELEGATION, charter.Delegation, "holds", " < self.until", ""),
    Fault(
        "whom one signs for does not matter",
        DELEGATION,
        quorum,
        _ROW,
        "not _delegated(item, dossier)",
        "False",
    ),
    Fault("a disabled delegate signs", DELEGATION, quorum, "_holds", " or not person.active", ""),
    Fault(
        "an approval holds in every target",
        BYTES,
        quorum,
        _ROW,
        '(item.target != dossier.target, f"given for {item.target}"),',
    ),
    Fault(
        "an approval of other bytes counts",
        BYTES,
        quorum,
        _ROW,
        '(item.model_digest != dossier.subject.digest, "given for other bytes"),',
    ),
    Fault(
        "what was found of a copy counts for it",
        BYTES,
        casefile,
        "dossier_from",
        "elif entry.statement.digest_of(model_name(subject)) == subject.digest:",
        "elif True:",
    ),
    Fault(
        "who registered the bytes may sign a copy of them",
        BYTES,
        casefile,
        "dossier_from",
        "makers=_makers(copies),",
    ),
    Fault("a refusal can be withdrawn", BYTES, casefile, "_mark", ' and item.decision == "approve"', ""),
    Fault(
        "a refusal is one of a name, not of bytes",
        BYTES,
        casefile,
        "dossier_from",
        "elif entry.statement.predicate_type is PredicateType.REFUSAL:",
        "elif entry.statement.predicate_type is PredicateType.REFUSAL and "
        "entry.statement.digest_of(model_name(subject)):",
    ),
    Fault(
        "a refusal holds in one target only",
        BYTES,
        quorum,
        "refusals",
        "and not item.withdrawn",
        "and not item.withdrawn and item.target == dossier.target",
    ),
    Fault(
        "a policy counts without adoption",
        POLICY_CHANGES,
        decide,
        "_policy_in_force",
        "if adopted is None or adopted.digest != policy.digest:",
        "if adopted is None:",
    ),
    Fault("one person adopts a policy", POLICY, charter, "_endorsed", "len(by) >= ADOPTERS", "len(by) >= 1"),
    Fault(
        "one person adopts a policy by saying it twice",
        POLICY,
        charter,
        "_endorsed",
        "if given.person in {item.person for item in charter.endorsed(digest)}:",
        "if False:",
    ),
    Fault("anybody adopts a policy", POLICY, charter.Charter, "_may_endorse", " and person.has(item.function)"),
    Fault(
        "who has left adopts a policy",
        POLICY,
        charter.Charter,
        "_may_endorse",
        "person.has(item.function)",
        "item.function in person.functions",
    ),
    Fault("its use adopts a policy", POLICY, charter, "_in_use", "charter.settled(now.signers)", "False"),
    Fault(
        "without its signers, a policy is adopted by its use", POLICY, charter.Charter, "settled", "self.founded or "
    ),
    Fault(
        "an approval holds under every policy",
        POLICY_CHANGES,
        quorum,
        _ROW,
        '(item.policy_digest != policy_digest, "given under another policy"),',
    ),
    Fault(
        "going back to an earlier policy revives approvals",
        POLICY_CHANGES,
        quorum,
        "_before_adoption",
        "seq < adopted.seq",
        "False",
    ),
    Fault(
        "an audit holds under every policy",
        POLICY_CHANGES,
        decide,
        "_audited",
        "if audit.policy_digest != policy.digest:",
        "if False:",
    ),
    Fault(
        "what is unknown counts as met",
        POLICY_CHANGES,
        decide,
        "_outcome",
        "answers == {Status.MET}",
        "answers <= {Status.MET, Status.UNKNOWN}",
    ),
    Fault("no condition lapses anything", CONDITIONS, quorum, _ROW, "(lapsed is not None, lapsed),"),
    Fault(
        "a condition that is met late revives the approval",
        CONDITIONS,
        lapse,
        "_state",
        " and x.time < condition.deadline",
    ),
    Fault(
        "the owner of a condition says that it is met",
        CONDITIONS,
        lapse,
        "why_not_met",
        '(fits and item.conditions[record.number - 1].owner in who, "its owner alone cannot say that it is met"),',
    ),
    Fault(
        "who made it says that a condition is met",
        CONDITIONS,
        lapse,
        "why_not_met",
        '(made is not None, f"the person {made}"),',
    ),
    Fault(
        "anybody says that a condition is met",
        CONDITIONS,
        lapse,
        "_may",
        "who.id == item.approver.id or person.has(item.function)",
        "True",
    ),
    Fault(
        "a condition of one approval is met for all",
        CONDITIONS,
        lapse,
        "why_not_met",
        "record.sign_off == item.seq < record.seq and ",
    ),
    Fault(
        "one person breaks the glass twice",
        EMERGENCY,
        break_glass,
        "_paired",
        " or part.person.id == waiting.person.id",
    ),
    Fault(
        "one person breaks the glass",
        EMERGENCY,
        break_glass,
        "_paired",
        "waiting = part\n        else",
        "waiting = part\n            pairs.append((part, part))\n        else",
    ),
    Fault("broken glass has no end", EMERGENCY, _GLASS, "emergency", "self.dossier.now < until", "True"),
    Fault("broken glass holds a moment longer", EMERGENCY, _GLASS, "emergency", "now < until", "now <= until"),
    Fault(
        "a part of broken glass has no end",
        GLASS_AGAIN,
        break_glass,
        "ends",
        "min(timedelta(hours=part.hours), _hours(rules))",
        "timedelta(hours=part.hours)",
    ),
    Fault("hours of broken glass are strung together", GLASS_AGAIN, _GLASS, "emergency", "min(last, *", "min(*"),
    Fault(
        "taking broken glass back starts its hours anew",
        GLASS_AGAIN,
        _GLASS,
        "last_end",
        "(part for part in self.dossier.broken_glass if self._about(part))",
        "self._counting()",
    ),
    Fault("broken glass holds in every target", EMERGENCY, _GLASS, "_about", " and part.target == self.dossier.target"),
    Fault("broken glass cannot be withdrawn", EMERGENCY, _GLASS, "why_not", '(part.withdrawn, "withdrawn"),'),
    Fault(
        "broken glass holds under every policy",
        GLASS_AGAIN,
        _GLASS,
        "why_not",
        '(part.policy_digest != self.policy_digest, "given under another policy"),',
    ),
    Fault(
        "broken glass outlives its policy",
        GLASS_AGAIN,
        _GLASS,
        "why_not",
        "adopted is not None and part.seq < adopted.seq",
        "False",
    ),
    Fault(
        "who made it breaks the glass",
        EMERGENCY,
        _GLASS,
        "why_not",
        '(excluded is not None, f"the person {excluded}"),',
    ),
    Fault(
        "anybody breaks the glass",
        EMERGENCY,
        _GLASS,
        "why_not",
        "person is None or not person.has(part.function) or part.function not in self.signers",
        "False",
    ),
    Fault("broken glass stands in for a policy", GLASS_AGAIN, decide, "glass_stands_in", " in FIRM", " in FIRM[1:]"),
    Fault("broken glass stands in for a registrant", EMERGENCY, decide, "glass_stands_in", " in FIRM", " in FIRM[:-1]"),
    Fault(
        "broken glass overrides a refusal",
        EMERGENCY,
        decide,
        "decide",
        "if outcome is DecisionOutcome.HELD and rules is not None and glass_stands_in(findings):",
        "if rules and (outcome is DecisionOutcome.REFUSED or glass_stands_in(findings)):",
    ),
)


def seed(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the changed function wherever the real one is known by its name or kept in a table."""
    real = getattr(fault.owner, fault.name)
    module = sys.modules[real.__module__]
    source = textwrap.dedent(inspect.getsource(real))
    assert source.count(fault.old) == 1, f"the rule to be changed is not there once: {fault.old}"
    names: dict[str, Any] = dict(vars(module))
    exec(compile(source.replace(fault.old, fault.new), module.__name__, "exec"), names)
    changed = names[fault.name]
    monkeypatch.setattr(fault.owner, fault.name, changed)
    for name, place in list(sys.modules.items()):
        if name.startswith("governance.") and vars(place).get(fault.name) is real:
            monkeypatch.setattr(place, fault.name, changed)
    tables: tuple[Any, ...] = (decide._CHECKS, charter._READERS)
    for table in tables:
        for key, value in list(table.items()):
            if value is real:
                monkeypatch.setitem(table, key, changed)

"""Who has signed, and whether it counts. Persons are counted, not accounts, keys or functions."""

from __future__ import annotations

from dataclasses import dataclass

from governance.dossier import Dossier, SignOff
from governance.lapse import why_lapsed
from governance.policy import Assurance, TierRules
from governance.sections import unopened


@dataclass(frozen=True, slots=True)
class Quorum:
    """Sign-offs that fill a slot, functions whose slots are empty, and why other sign-offs do not count."""

    given: tuple[SignOff, ...]
    missing: tuple[str, ...]
    void: tuple[str, ...]


def quorum(rules: TierRules, dossier: Dossier, policy_digest: str) -> Quorum:
    """Fill the policy's slots with valid approvals, one distinct person each, as many as possible."""
    valid: list[SignOff] = []
    void: list[str] = []
    for item in dossier.sign_offs:
        if item.decision != "approve":
            continue
        reason = why_void(item, dossier, policy_digest, rules)
        if reason is None:
            valid.append(item)
        else:
            void.append(f"{item.approver.name} ({item.function}): {reason}")
    given = _fill(rules.quorum, tuple((item, _identities(item, dossier)) for item in valid))
    return Quorum(given, _left(rules.quorum, given), tuple(void))


def refusals(dossier: Dossier) -> tuple[SignOff, ...]:
    """Standing refusals of these bytes, for whatever target and evidence: a refusal is final for the bytes."""
    return tuple(
        item
        for item in dossier.sign_offs
        if item.decision == "refuse" and not item.withdrawn and item.model_digest == dossier.subject.digest
    )


def why_void(item: SignOff, dossier: Dossier, policy_digest: str, rules: TierRules | None) -> str | None:
    """Why a sign-off does not count for this dossier under these rules of its tier, None where it does.

    Of a refusal it only says whether it is still about what is asked: a refusal needs no rules to stand.
    """
    lapsed = why_lapsed(item, dossier)
    audit, validation = dossier.audit(), dossier.validation()
    reasons = dossier.excluded()
    excluded, delegator = reasons.get(item.approver.id), reasons.get(item.on_behalf_of or "")
    answers = (
        (item.withdrawn, "withdrawn"),
        (item.model_digest != dossier.subject.digest, "given for other bytes"),
        (item.target != dossier.target, f"given for {item.target}"),
        (audit is None or item.report_digest != audit.report_digest, "given for another audit report"),
        (audit is None or item.data_digest != audit.data_digest, "given for other data"),
        (
            validation is None or item.validation_digest != validation.digest,
            "given for another data validation",
        ),
        (_overtaken(item, dossier), "given before another audit was made"),
        (item.policy_digest != policy_digest, "given under another policy"),
        (_before_adoption(item.seq, dossier), "given before the policy in force was adopted"),
        (item.signed_at > dossier.now, "dated in the future"),
        (item.expires_at is None or item.expires_at <= dossier.now, "expired"),
        (not item.reason.strip(), "given without a reason"),
        (not item.authentication.strip(), "given without a record of how the signer was authenticated"),
        (not _holds(item, dossier), f"the signer does not hold the function {item.function}"),
        (not _delegated(item, dossier), "the delegation that it was given by does not hold"),
        (excluded is not None, f"the signer {excluded}"),
        (delegator is not None, f"the person whom she signs for {delegator}"),
        (item.assurance not in set(Assurance), "the signature of the signer's own key does not hold"),
        (lapsed is not None, lapsed),
    )
    void = next((reason for void, reason in answers if void), None)
    return void or (_short_of(item, rules) if rules else None)


def _short_of(item: SignOff, rules: TierRules) -> str | None:
    """What the policy asks of an approval itself, and this one has not: a stronger proof, or sections opened."""
    if item.decision != "approve":
        return None
    if Assurance(item.assurance).rank < rules.assurance.rank:
        return f"signed with the assurance {item.assurance}, the policy asks for {rules.assurance}"
    unread = unopened(item.reading, rules.must_open)
    return f"signed without opening {', '.join(unread)}, which the policy asks for" if unread else None


def _holds(item: SignOff, dossier: Dossier) -> bool:
    """Whether the signer, or the person that she signs for, holds the function now, and both are active."""
    person, who = dossier.person(item.approver.id), item.approver
    if person is None or who.kind != "person" or person.issuer != who.issuer or not person.active:
        return False
    holder = person if item.on_behalf_of is None else dossier.person(item.on_behalf_of)
    return holder is not None and holder.has(item.function)


def _delegated(item: SignOff, dossier: Dossier) -> bool:
    """Whether a delegation, if it was signed by one, stood then and is not revoked since."""
    who, behalf = item.approver.id, item.on_behalf_of
    return behalf is None or dossier.charter.delegated(behalf, who, item.function, item.signed_at, before=item.seq)


def _before_adoption(seq: int, dossier: Dossier) -> bool:
    """Going back to an earlier policy revives nothing that was given under it the first time."""
    adopted = dossier.charter.adopted()
    return adopted is not None and seq < adopted.seq


def _overtaken(item: SignOff, dossier: Dossier) -> bool:
    """Whether an audit or validation with another result came after it: going back to the first revives nothing."""
    later = [audit for audit in dossier.audits if audit.purpose == "release" and audit.seq > item.seq]
    shown = (item.report_digest, item.data_digest)
    if any((audit.report_digest, audit.data_digest) != shown for audit in later):
        return True
    again = (found for found in dossier.validations_of_audit() if found.seq > item.seq)
    return any(found.digest != item.validation_digest for found in again)


def _fill(slots: tuple[str, ...], valid: tuple[tuple[SignOff, frozenset[str]], ...]) -> tuple[SignOff, ...]:
    """The largest assignment of distinct persons to slots; slots are few, so trying all is cheap."""
    if not slots:
        return ()
    best = _fill(slots[1:], valid)
    for item, who in valid:
        if item.function == slots[0]:
            others = tuple(pair for pair in valid if pair[1].isdisjoint(who))
            candidate = (item, *_fill(slots[1:], others))
            if len(candidate) > len(best):
                best = candidate
    return best


def _identities(item: SignOff, dossier: Dossier) -> frozenset[str]:
    """Whose sign-off it may be: the signer's, that of who delegated to her, and of who let one of them in again lately.

    One person fills one slot: two who reset a third's password know it may be one of theirs.
    """
    mine = {item.approver.id} | ({item.on_behalf_of} if item.on_behalf_of else set())
    weak = item.assurance == Assurance.PASSWORD or item.on_behalf_of is not None
    found = (dossier.charter.let_in_by(who, item.signed_at, before=item.seq, password=weak) for who in sorted(mine))
    return frozenset(mine).union(*found)


def _left(slots: tuple[str, ...], given: tuple[SignOff, ...]) -> tuple[str, ...]:
    left = list(slots)
    for item in given:
        left.remove(item.function)
    return tuple(left)

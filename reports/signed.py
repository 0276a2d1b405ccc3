"""A sign-off as it is printed: who signed what, on which conditions, and which sections she had opened. Pure."""

from __future__ import annotations

from governance.case import Case
from governance.dossier import SignOff, TakenBack
from governance.lapse import ConditionState, states
from governance.policy import Policy
from governance.quorum import why_void
from governance.record import Shown
from governance.sections import SECTIONS, Reading
from reports.sections import section_of
from reports.summary import person_named
from reports.view import ConditionRow, DigestRow, SignOffRow
from reports.words import ASSURANCES, listed, moment, printable

_ABSENT = "none recorded"
NO_PROOF = "What was opened is recorded, and for how long; that it was understood, no record can show."


def digest_rows(shown: Shown) -> tuple[DigestRow, ...]:
    """What a signature is bound to, each with its digest."""
    return (
        DigestRow("Model files", shown.model_digest),
        DigestRow("Audit report", shown.report_digest or _ABSENT),
        DigestRow("Audited data", shown.data_digest or _ABSENT),
        DigestRow("Data validation", shown.validation_digest or _ABSENT),
        DigestRow("Policy", shown.policy_digest),
    )


def sign_off_row(item: SignOff, case: Case, policy: Policy) -> SignOffRow:
    """The sign-off or refusal as it stands in this case under this policy."""
    void = why_void(item, case.dossier, policy.digest, policy.rules(case.decision.tier))
    refuses = item.decision == "refuse"
    standing = (
        "stands"
        if refuses
        else "counts"
        if void is None
        else f"does not count: {printable(void)}{withdrawn_words(item.taken_back) if item.withdrawn else ''}"
    )
    return SignOffRow(
        seq=item.seq,
        name=printable(item.approver.name),
        function=printable(item.function),
        decision="refused" if refuses else "approved",
        meaning=printable(item.meaning, 400),
        reason=printable(item.reason, None, lines=True),
        time=moment(item.signed_at),
        authentication=printable(item.authentication),
        expires="does not expire" if item.expires_at is None else moment(item.expires_at),
        standing=standing,
        counts=refuses or void is None,
        digests=digest_rows(_shown(item)),
        assurance=ASSURANCES.get(item.assurance, printable(item.assurance)),
        on_behalf_of=person_named(item.on_behalf_of, case) if item.on_behalf_of else None,
        conditions=condition_rows(item, case),
        reading="" if item.reading is None else f"Opened {opened_words(item.reading)}",
    )


def withdrawn_words(item: TakenBack | None) -> str:
    """` by A, T, ledger entry N (authenticated by ...; assurance ...)`: what stands after `withdrawn`. Empty if not."""
    if item is None:
        return ""
    how = "how she was authenticated is not recorded"
    if item.authentication:
        assurance = item.assurance or "not recorded"
        how = f"authenticated by {printable(item.authentication)}; assurance {printable(assurance)}"
    return f" by {printable(item.by.name)}, {moment(item.time)}, ledger entry {item.seq} ({how})"


def condition_rows(item: SignOff, case: Case) -> tuple[ConditionRow, ...]:
    """The conditions of a sign-off as they stand in this case."""
    return tuple(_condition(state, case) for state in states(item, case.dossier))


def opened_words(reading: Reading) -> str:
    """`6 of 10 sections: summary 2 min 10 s, rates twice 40 s. Not opened: intersections.`"""
    found = {key: reading[key] for key in SECTIONS if key in reading and reading[key].opened > 0}
    left = tuple(section_name(key) for key in SECTIONS if key not in found)
    said = ", ".join(
        " ".join(part for part in (section_name(key), _times(item.opened), _lasting(item.seconds)) if part)
        for key, item in found.items()
    )
    head = f"{len(found)} of {len(SECTIONS)} sections" + (f": {said}." if said else ".")
    return head + (f" Not opened: {listed(left)}." if left and found else "")


def section_name(key: str) -> str:
    """The name of a section for people."""
    title = section_of(key).title
    return title[:1].lower() + title[1:]


def _times(opened: int) -> str:
    return {1: "", 2: "twice"}.get(opened, f"{opened:,} times")


def _lasting(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return " ".join(part for part in (f"{minutes:,} min" if minutes else "", f"{rest} s" if rest else "") if part)


def _condition(state: ConditionState, case: Case) -> ConditionRow:
    item, met = state.condition, state.met
    standing = f"open until the end of {item.due} (UTC)"
    if met is not None:
        standing = f"met: recorded by {printable(met.person.name)}, {moment(met.time)}, ledger entry {met.seq}"
    elif state.lapsed:
        standing = f"not recorded as met by the end of {item.due} (UTC): the approval lapsed"
    return ConditionRow(
        number=state.number,
        text=printable(item.text, None, lines=True),
        owner=person_named(item.owner, case),
        due=f"{item.due}",
        state=state.word,
        standing=standing,
        reason=printable(met.reason, None, lines=True) if met is not None else "",
    )


def _shown(item: SignOff) -> Shown:
    return Shown(
        item.model_digest,
        item.report_digest,
        item.data_digest,
        item.validation_digest,
        item.policy_digest or _ABSENT,
    )

"""Who reads small counts: the one way from the desk to the evidence that a page or file of the console shows.

A plan's `suppress_below` masks small counts in what is published. In the console the functions that the policy names
(`whole_evidence`; all that sign, where it names none) read everything, and so does who may sign this case; everybody
else reads what is published. Reasons that people typed and findings in words can repeat a count: they go with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from governance.accounts import Session
from governance.case import Case
from governance.charter import confirmed
from governance.condition import Condition
from governance.desk import Desk, charter_of
from governance.dossier import SignOff
from governance.history import Act, Reign
from governance.people import Person
from governance.signoff import may_sign
from governance.statement import Entry, PredicateType
from reports.evidence import CaseEvidence, gather
from reports.kept import audit_kept
from reports.publish import WITHHELD, limit_of, masked_case, published_evidence
from reports.sections import KEYS
from reports.words import listed, printable


def evidence_for(desk: Desk, session: Session, case: Case, sections: Collection[str] = KEYS) -> CaseEvidence:
    """The evidence of this case as this person may read it; what only other sections need is not read.

    An audit of the same bytes that is not printed any more can have masked what reasons still repeat: then the words
    go too. Raises LedgerTamperedError where a file is gone or is not what the ledger names.
    """
    evidence = gather(desk, case, earlier="changes" in sections)
    if sees_whole(desk, session, case):
        return evidence
    if not limit_of(evidence):
        return replace(evidence, case=case_for(desk, session, case))
    readers = listed(tuple(printable(name) for name in desk.policy.readers()), "or")
    return published_evidence(evidence, said=f"Masked for you, who are not {readers} and may not sign this")


def for_publication(desk: Desk, session: Session, case: Case) -> CaseEvidence:
    """The evidence as anybody may have it, with the masks of `fairgate report --published`.

    Nobody gets more words by asking for less: what `evidence_for` withholds from her is withheld here too.
    """
    evidence = gather(desk, case)
    return published_evidence(replace(evidence, case=case_for(desk, session, case)))


def case_for(desk: Desk, session: Session, case: Case) -> Case:
    """The case as this person may read it in a list: its findings and reasons can repeat a small count.

    A condition that is hers to meet was written to her: that she reads.
    """
    if sees_whole(desk, session, case) or not _bytes_mask(desk, case.subject.digest):
        return case
    masked, owner = masked_case(case), session.person.id
    pairs = zip(masked.dossier.sign_offs, case.dossier.sign_offs, strict=True)
    signed = tuple(replace(item, conditions=_told(item, whole, owner)) for item, whole in pairs)
    return replace(masked, dossier=replace(masked.dossier, sign_offs=signed))


def _told(masked: SignOff, whole: SignOff, owner: str) -> tuple[Condition, ...]:
    pairs = zip(masked.conditions, whole.conditions, strict=True)
    return tuple(found if found.owner == owner else item for item, found in pairs)


def sees_whole(desk: Desk, session: Session, case: Case) -> bool:
    """Whether this person may read every count of this case: by a function that she holds, or because she may sign it.

    Her functions are those that the ledger and the accounts agree on, as in signing.
    """
    known = case.dossier.person(session.person.id)
    return _by_function(desk, session.person, known) or bool(may_sign(desk, case, session.person))


def may_read(desk: Desk, session: Session, entry: Entry) -> bool:
    """Whether this person may read what an entry says in words.

    Not where it can repeat a small count: findings, what a hold misses, reasons. What she typed herself she may.
    """
    return not unreadable(desk, session, (entry,))


def may_read_bytes(desk: Desk, session: Session, entry: Entry) -> bool:
    """Whether this person may have the exact bytes of an entry, on a page or by the API.

    They hold whatever was recorded, so they are for who reads every count. Her own act she may have: it is her receipt.
    """
    own = entry.statement.actor.id == session.person.id and entry.statement.predicate_type not in _FOUND
    return own or reads_all(desk, session)


def unreadable(desk: Desk, session: Session, entries: Iterable[Entry]) -> frozenset[int]:
    """Those of the entries, by seq, whose words this person may not read; see `may_read`."""
    told = [entry for entry in entries if _tells(entry, session)]
    if not told or reads_all(desk, session):
        return frozenset()
    masks = {digest: _bytes_mask(desk, digest) for entry in told for digest in _models(entry)}
    return frozenset(entry.seq for entry in told if any(masks[digest] for digest in _models(entry)))


def _tells(entry: Entry, session: Session) -> bool:
    kind, mine = entry.statement.predicate_type, entry.statement.actor.id == session.person.id
    return kind in _FOUND or (kind in _TYPED and not mine)


def reigns_for(desk: Desk, session: Session, reigns: tuple[Reign, ...]) -> tuple[Reign, ...]:
    """What was live; without the reasons, but for her own, where this person does not read every count."""
    return reigns if reads_all(desk, session) else tuple(_without_reasons(item, session) for item in reigns)


def _without_reasons(reign: Reign, session: Session) -> Reign:
    end = reign.end and replace(reign.end, reason=WITHHELD, acts=_withheld(reign.end.acts, session))
    return replace(reign, acts=_withheld(reign.acts, session), end=end)


def _withheld(acts: tuple[Act, ...], session: Session) -> tuple[Act, ...]:
    return tuple(item if item.actor.id == session.person.id else _without_words(item) for item in acts)


def _without_words(act: Act) -> Act:
    return replace(act, reason=WITHHELD, conditions=tuple(replace(item, text=WITHHELD) for item in act.conditions))


def reads_all(desk: Desk, session: Session) -> bool:
    """Whether a function that this person holds lets her read every count, by the ledger and the accounts."""
    people = confirmed(charter_of(desk), desk.accounts.people())
    known = next((person for person in people if person.id == session.person.id), None)
    return _by_function(desk, session.person, known)


def _models(entry: Entry) -> tuple[str, ...]:
    return tuple(item.digest for item in entry.statement.subjects if item.name.startswith("model/"))


def _bytes_mask(desk: Desk, digest: str) -> bool:
    """Whether any audit of these bytes was made by a plan that masks."""
    kinds = (entry.statement for entry in desk.ledger.entries(digest=digest))
    reports = [item.digest_of("audit-report") for item in kinds if item.predicate_type is PredicateType.FAIRNESS_AUDIT]
    return any(item is not None and item.suppress_below for item in (audit_kept(desk, report) for report in reports))


_FOUND = frozenset({PredicateType.FAIRNESS_AUDIT, PredicateType.DATA_VALIDATION, PredicateType.HOLD})
"""Entries that hold findings."""

_TYPED = frozenset(
    {
        PredicateType.SIGN_OFF,
        PredicateType.REFUSAL,
        PredicateType.WITHDRAWAL,
        PredicateType.CONDITION,
        PredicateType.BREAK_GLASS,
        PredicateType.DEMOTION,
    }
)
"""Entries that hold what a person typed. Her own she may read: they are her receipts."""


def _by_function(desk: Desk, person: Person, known: Person | None) -> bool:
    return person.active and known is not None and desk.policy.sees_whole(known)

"""Who reads small counts: the one way from the desk to the evidence that a page or file of the console shows.

A plan's `suppress_below` masks small counts in what is published. In the console the functions that the policy names
(`whole_evidence`; all that sign, where it names none) read everything, and so does who may sign this case; everybody
else reads what is published. Reasons that people typed and findings in words can repeat a count: they go with them.
"""

from __future__ import annotations

from collections.abc import Collection

from governance.accounts import Session
from governance.case import Case
from governance.desk import Desk
from governance.people import Person
from governance.signoff import may_sign
from reports.evidence import CaseEvidence, gather
from reports.kept import audit_kept
from reports.publish import limit_of, masked_case, published_evidence
from reports.sections import KEYS
from reports.words import listed, printable


def evidence_for(desk: Desk, session: Session, case: Case, sections: Collection[str] = KEYS) -> CaseEvidence:
    """The evidence of this case as this person may read it; what only other sections need is not read.

    Raises LedgerTamperedError where a file is gone or is not what the ledger names.
    """
    evidence = gather(desk, case, earlier="changes" in sections)
    if not limit_of(evidence) or sees_whole(desk, session, case):
        return evidence
    readers = listed(tuple(printable(name) for name in desk.policy.readers()), "or")
    return published_evidence(evidence, said=f"Masked for you, who are not {readers} and may not sign this")


def case_for(desk: Desk, session: Session, case: Case) -> Case:
    """The case as this person may read it in a list: its findings and reasons can repeat a small count."""
    return case if sees_whole(desk, session, case) or not _masks(desk, case) else masked_case(case)


def sees_whole(desk: Desk, session: Session, case: Case) -> bool:
    """Whether this person may read every count of this case: by a function that she holds, or because she may sign it.

    Her functions are those that the ledger and the accounts agree on, as in signing.
    """
    known = case.dossier.person(session.person.id)
    return _by_function(desk, session.person, known) or bool(may_sign(desk, case, session.person))


def _by_function(desk: Desk, person: Person, known: Person | None) -> bool:
    return person.active and known is not None and desk.policy.sees_whole(known)


def _masks(desk: Desk, case: Case) -> bool:
    """Whether any audit of these bytes was made by a plan that masks."""
    found = (audit_kept(desk, item.report_digest) for item in case.dossier.audits)
    return any(item is not None and item.suppress_below for item in found)

"""What moved between the page that a signer saw and the moment she signed, in words: by ledger entry.

The digests that a form sends back are looked up among what the ledger has of this case, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from governance.case import Case
from governance.desk import Desk
from governance.record import Shown
from reports.changes import ChangeRow, compared
from reports.kept import audit_kept
from reports.signed import digest_rows
from reports.words import count, moment, printable, verdict_counts

MOST = 12
"""So many comparisons are named; the section of verdicts has them all."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing that moved: its digest as it was shown and as it is now, each with what that is in words."""

    what: str
    before: str
    now: str
    before_words: str
    now_words: str


def moved_rows(case: Case, shown: Shown) -> tuple[Moved, ...]:
    """Everything that moved, in the order of what a signature is bound to."""
    pairs = zip(digest_rows(shown), digest_rows(case.shown()), strict=True)
    return tuple(
        Moved(old.label, printable(old.digest), new.digest, known(case, old.digest), known(case, new.digest))
        for old, new in pairs
        if old.digest != new.digest
    )


def known(case: Case, digest: str) -> str:
    """What the ledger says of this digest, with the entry and its time; that it knows none where it is so."""
    return next(_said(case, digest), "The ledger has nothing of this case under this digest.")


def verdicts_moved(desk: Desk, case: Case, shown: Shown) -> tuple[str, ...]:
    """Which comparisons with a bound ended otherwise in the audit of now; empty where the audit is the same one."""
    now = case.shown().report_digest
    if now == shown.report_digest:
        return ()
    recorded = {item.report_digest for item in case.dossier.audits}
    if now is None or shown.report_digest not in recorded:
        return ("Verdicts cannot be compared: one of the two audits is not recorded of these bytes.",)
    old, new = audit_kept(desk, shown.report_digest), audit_kept(desk, now)
    rows = tuple(compared(old, new)) if old and new else ()
    return tuple(_verdicts(rows))


def _said(case: Case, digest: str) -> Iterator[str]:
    dossier = case.dossier
    for audit in reversed(dossier.audits):
        where = f"ledger entry {audit.seq}, {moment(audit.time)}"
        if audit.report_digest == digest:
            yield f"Audit, {where}: {verdict_counts(audit.verdicts)}."
        if audit.data_digest == digest:
            yield f"The data of the audit in {where}."
    for item in reversed(dossier.validations):
        if item.digest == digest:
            yield f"Validation, ledger entry {item.seq}, {moment(item.time)}: {printable(item.outcome)}."
    for policy in reversed(dossier.charter.adoptions):
        if policy.digest == digest:
            named = f"{printable(policy.name)} {printable(policy.version)}"
            yield f"Policy {named}, adopted in ledger entry {policy.seq}, {moment(policy.time)}."


def _verdicts(rows: tuple[ChangeRow, ...]) -> Iterator[str]:
    moved = [row for row in rows if row.moved or not row.both]
    if not moved:
        yield f"No verdict differs: all {count(len(rows))} comparisons with a bound ended as in the audit shown to you."
    for row in moved[:MOST]:
        was = f"was {row.before.verdict}" if row.before.verdict else "was not compared"
        now = f"is {row.now.verdict}" if row.now.verdict else "is compared no more"
        yield f"{', '.join(part for part in (row.name, row.metric, row.where) if part)}: {was}, {now}."
    if len(moved) > MOST:
        yield f"{count(len(moved) - MOST)} more differ: the section of verdicts has them all."

"""Entries of the ledger as lines and as receipts. Frozen values, pure functions."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.charter import Charter
from governance.condition import conditions_in
from governance.digests import digest_bytes
from governance.sections import reading_in
from governance.statement import Entry, PredicateType
from reports.console.desktop import case_link
from reports.receipt_files import PublicKeys, companions, readable
from reports.signed import opened_words
from reports.view import DigestRow
from reports.words import ASSURANCES, moment, one_line, printable


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the ledger in a list. `mark` is the class of the badge of what must not be overlooked."""

    seq: int
    time: str
    word: str
    who: str
    meaning: str
    mark: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry in full: what was recorded, when, by whom, and the digests that prove it."""

    row: EntryRow
    act: bool
    reason: str | None
    facts: tuple[tuple[str, str], ...]
    shown: tuple[DigestRow, ...]
    proof: tuple[DigestRow, ...]
    case_link: str | None
    conditions: tuple[tuple[str, str], ...] = ()
    opened: str = ""


_SIGNED = (PredicateType.SIGN_OFF, PredicateType.REFUSAL)
_ACTS = (
    *(*_SIGNED, PredicateType.WITHDRAWAL, PredicateType.CONDITION, PredicateType.BREAK_GLASS),
    *(PredicateType.POLICY_APPROVAL, PredicateType.DELEGATION, PredicateType.KEY_EVENT),
)
"""What a person records on a page of her own, and gets a receipt for."""


def entry_row(entry: Entry) -> EntryRow:
    """The entry as a line of the ledger."""
    return EntryRow(
        entry.seq,
        moment(entry.time),
        entry.statement.predicate_type.word,
        printable(entry.statement.actor.name),
        one_line(entry.statement.meaning, 300),
        _MARKS.get(entry.statement.predicate_type, ""),
    )


_MARKS = {
    PredicateType.BREAK_GLASS: "emergency",
    PredicateType.OBSERVATION: "warning",
    PredicateType.REFUSAL: "refused",
}


def receipt(entry: Entry, charter: Charter) -> Receipt:
    """The entry in full; `charter` names the people whose ids it holds."""
    body = entry.statement.body
    reason = body.get("reason")
    return Receipt(
        row=entry_row(entry),
        act=entry.statement.predicate_type in _ACTS,
        reason=printable(reason, None, lines=True) if isinstance(reason, str) else None,
        facts=_facts(entry, charter),
        shown=(
            *(DigestRow(printable(item.name), item.digest) for item in entry.statement.subjects),
            *([DigestRow("policy", entry.statement.policy_digest)] if entry.statement.policy_digest else []),
        ),
        proof=(
            DigestRow("Digest of the entry", digest_bytes(entry.envelope)),
            DigestRow("Leaf hash (RFC 6962)", entry.leaf_hash.hex()),
            DigestRow("Ledger root after it", entry.root.hex()),
        ),
        case_link=_entry_case(body),
        conditions=tuple(
            (printable(item.text, None, lines=True), f"{_person(item.owner, charter)}, due {item.due}")
            for item in conditions_in(body)
        ),
        opened="" if (reading := reading_in(body)) is None else opened_words(reading),
    )


def receipt_zip(entry: Entry, proof: str, keys: PublicKeys) -> bytes:
    """The receipt as one file: the entry's exact bytes, its proof, the entry to read, and what it takes to check them.

    The same bytes each time.
    """
    name, packed = f"fairgate-entry-{entry.seq}", io.BytesIO()
    files = {
        f"{name}.json": entry.envelope,
        f"{name}.tlog-proof": proof.encode(),
        f"{name}.txt": readable(entry).encode(),
        **companions(keys, name),
    }
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0)), data)
    return packed.getvalue()


def _facts(entry: Entry, charter: Charter) -> tuple[tuple[str, str], ...]:
    """Who, in which function, for whom, how we know it was she, and until when: as far as the entry says so."""
    body, signed = entry.statement.body, entry.statement.predicate_type in _SIGNED
    said = (
        ("Signed by" if signed else "By", printable(entry.statement.actor.name)),
        ("Function", printable(body.get("function") or "")),
        ("On behalf of", _person(body.get("on_behalf_of"), charter)),
        ("Delegated to", _person(body.get("delegate"), charter)),
        ("For at most", f"{printable(body['hours'])} hours" if body.get("hours") else ""),
        ("Authenticated by", printable(body.get("authentication") or _unsaid(entry))),
        ("Assurance", _assurance(body) if body.get("authentication") else ""),
        ("Expires", _end(body.get("expires_at") or body.get("until")) or ("does not expire" if signed else "")),
    )
    return tuple((name, value) for name, value in said if value)


def _person(identity: Any, charter: Charter) -> str:
    person = charter.person(f"{identity}") if identity else None
    return f"{printable(person.name)} ({printable(person.id)})" if person else printable(identity or "")


def _assurance(body: Any) -> str:
    return ASSURANCES.get(f"{body.get('assurance')}", ASSURANCES["password"])


def _unsaid(entry: Entry) -> str:
    """Older withdrawals do not say how the person was authenticated: that is told, not left out."""
    return "not recorded" if entry.statement.predicate_type is PredicateType.WITHDRAWAL else ""


def _end(text: Any) -> str:
    return moment(datetime.fromisoformat(text)) if text else ""


def _entry_case(body: Any) -> str | None:
    subject, target = body.get("subject"), body.get("target")
    if not subject or not target:
        return None
    return case_link(subject["name"], subject["version"], target["alias"])

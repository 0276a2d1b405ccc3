"""Look through everything that the ledger rests on: entries, evidence, keys, receipts, and what crashes left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from governance.errors import ConfigurationError, FairgateError, LedgerTamperedError
from governance.evidence import EvidenceStore
from governance.ledger.checkpoint import Kept
from governance.ledger.envelope import unseal
from governance.ledger.keys import ATTESTATION, LOG, LedgerKeys, read_public
from governance.ledger.receipt import ReceiptFiles, check_receipt, read_files, receipts_in
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import leaf_hash
from governance.ledger.verify import verify_ledger
from governance.statement import Statement

IN_STORE = frozenset({"audit-report", "data-validation", "plan", "policy"})
"""Subjects whose bytes are in the evidence store under their digest; a model's is the digest of its manifest, kept too.

The audited data and release targets are named by digest alone.
"""

Tell = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Stores:
    """What lies beside the ledger below one home folder."""

    evidence: EvidenceStore
    keys: Path
    receipts: Path
    home: Path


@dataclass(frozen=True, slots=True)
class FsckReport:
    """`problems` empty: all is there and as it was. `remarks` are harmless: files that a crash left behind.

    `evidence` counts the distinct digests that were looked for, `receipts` the receipts that were checked.
    """

    size: int
    evidence: int
    receipts: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def fsck(ledger: SqlLedger, stores: Stores, kept: Sequence[Kept] = (), tell: Tell = lambda _count: None) -> FsckReport:
    """Verify the ledger, then everything that it names. `tell` is given how many entries and files were looked at.

    Raises LedgerError where the ledger cannot be opened at all.
    """
    receipts = receipts_in(stores.receipts)
    good, bad = checked(receipts, ledger.keys.log.public)
    report = verify_ledger(ledger, kept=(*kept, *good), tell=tell)
    named = named_evidence(ledger)
    problems = [*report.problems, *bad, *key_problems(ledger.keys, stores.keys)]
    for count, (digest, seq) in enumerate(named.items()):
        problems.extend(_evidence_problem(stores.evidence, digest, seq))
        tell(report.size + count)
    return FsckReport(report.size, len(named), len(receipts), tuple(problems), tuple(_left_behind(stores)))


def checked(receipts: Iterable[ReceiptFiles], log_public: bytes) -> tuple[list[Kept], list[str]]:
    """The receipts as memory to verify a ledger with, and problems for those that prove nothing."""
    good, bad = list[Kept](), list[str]()
    for files in receipts:
        try:
            found = check_receipt(*read_files(files), log_public)
        except FairgateError as error:
            bad.append(f"receipt {files.proof}: {error}")
            continue
        receipt = found.receipt
        good.append(Kept(f"receipt {files.proof}", receipt.checkpoint, receipt.seq, leaf_hash(found.envelope)))
    return good, bad


def named_evidence(ledger: SqlLedger) -> Mapping[str, int]:
    """Every digest that an entry names and the evidence store must hold, and the first entry that names it.

    Entries that cannot be read are passed over here: verification tells them.
    """
    found: dict[str, int] = {}
    with ledger.reading() as snapshot:
        for seq, envelope in snapshot.since(0):
            try:
                statement = unseal(envelope, ledger.keys.attestation.public).statement
            except (LedgerTamperedError, TypeError):
                continue
            for digest in _in_store(statement):
                found.setdefault(digest, seq)
    return found


def key_problems(keys: LedgerKeys, folder: Path) -> Iterator[str]:
    """Where the published public keys are not those that sign, or one key does both."""
    if keys.attestation.public == keys.log.public:
        yield f"keys: {folder} has one key for envelopes and checkpoints; they must be two"
    for name, key in ((ATTESTATION, keys.attestation), (LOG, keys.log)):
        path = folder / f"{name}.pub"
        try:
            if read_public(path) != key.public:
                yield f"keys: {path} is not the public half of {name}.pem: outsiders would verify under a wrong key"
        except ConfigurationError as error:
            yield f"keys: {error}"


def _in_store(statement: Statement) -> Iterator[str]:
    for item in statement.subjects:
        if item.name in IN_STORE or item.name.startswith("model/"):
            yield item.digest
    if statement.policy_digest:
        yield statement.policy_digest


def _evidence_problem(store: EvidenceStore, digest: str, seq: int) -> Iterator[str]:
    try:
        if not store.holds(digest):
            yield f"evidence: {digest} is missing; entry {seq} is the first that names it"
            return
        store.get(digest)
    except FairgateError as error:
        yield f"evidence: entry {seq} names what is not as it was: {error}"


def _left_behind(stores: Stores) -> Iterator[str]:
    """Scratch files: written beside their place and never brought there, because something crashed."""
    places = (
        (stores.evidence.folder, "*/tmp*"),
        (stores.keys, ".*.pem.*"),
        (stores.keys, ".*.pub.*"),
        (stores.receipts, ".*"),
        (stores.home, ".*.new"),
    )
    for folder, pattern in places:
        for path in sorted(folder.glob(pattern)):
            yield f"left behind by a crash, may be deleted: {path}"

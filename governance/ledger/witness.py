"""A witness: somebody elsewhere who remembers the last checkpoint of a ledger and says when the next one does not fit.

It reads the whole ledger, or an export of it, and computes the tree itself; a memory is a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from governance.durable import write_new
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, open_checkpoint
from governance.ledger.keys import SigningKey
from governance.ledger.note import VerifierKey, cosign
from governance.ledger.places import FilePlace
from governance.ledger.tree import EMPTY_ROOT, extend, leaf_hash, root_of

WAIT_SECONDS = 60.0
_EMPTY = Checkpoint(0, EMPTY_ROOT, "")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a witness is shown: a signed note, and every envelope of the tree that it speaks of, in their order.

    `note` None: a ledger without entries, which has no checkpoint.
    """

    note: str | None
    envelopes: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Cosigner:
    """With what a witness signs: the name of its key, the key, and the time in seconds since the epoch."""

    name: str
    key: SigningKey
    seconds: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """`now` fits `before` (None on the first visit) and is remembered; `note` is what was written down."""

    before: Checkpoint | None
    now: Checkpoint
    note: str


def witness(sight: Sight, memory: Path, log: VerifierKey, cosigner: Cosigner | None = None) -> Witnessed:
    """Check that what is shown extends what is remembered, remember it, and cosign it where there is a key.

    Raises LedgerTamperedError where it does not: the memory stays as it is, and both signed checkpoints are kept
    beside it as evidence; also where the note is not the log's or the envelopes are not its tree. Raises
    ConfigurationError where there is nothing to see yet.
    """
    now, place = open_checkpoint(sight.note, log) if sight.note else _EMPTY, FilePlace(memory)
    memory.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{memory}.lock", timeout=WAIT_SECONDS):  # comparing and remembering are one act
        before = _remembered(place, log)
        roots = _roots(sight.envelopes, {now.size, before.size if before else 0})
        if roots.get(now.size) != now.root:
            raise LedgerTamperedError(f"the entries shown are not the tree of {now.size} that the checkpoint speaks of")
        if before is not None and roots.get(before.size) != before.root:
            raise LedgerTamperedError(_told(before, now, _evidence(memory, before, now)))
        if now.size == 0:
            raise ConfigurationError("the ledger is empty: there is no checkpoint to witness yet")
        note = cosign(now.note, cosigner.name, cosigner.key, cosigner.seconds) if cosigner else now.note
        if before is None or before.size < now.size or cosigner is not None:
            place.keep(note)
    return Witnessed(before, now, note)


def _remembered(place: FilePlace, log: VerifierKey) -> Checkpoint | None:
    """The largest tree that was seen. Raises LedgerTamperedError where the memory holds anything else."""
    seen = [open_checkpoint(note, log) for note in place.kept()]
    return max(seen, key=lambda item: item.size, default=None)


def _roots(envelopes: Iterable[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The root at each of these sizes, as far as there are entries."""
    found, frontier = {0: EMPTY_ROOT}, tuple[bytes, ...]()
    for seq, envelope in enumerate(envelopes):
        frontier = extend(seq, frontier, leaf_hash(envelope))
        if seq + 1 in sizes:
            found[seq + 1] = root_of(frontier)
    return found


def _told(before: Checkpoint, now: Checkpoint, evidence: Path) -> str:
    if now.size < before.size:
        what = f"ROLLED BACK: the ledger shows {now.size} entries, this witness has seen {before.size}"
    else:
        what = f"FORKED: the first {before.size} entries are not those that this witness has seen"
    return f"{what}; what the log key signed is kept at {evidence}"


def _evidence(memory: Path, before: Checkpoint, now: Checkpoint) -> Path:
    """Both notes in one file. Of one size they convict the log key alone, else together with what was shown."""
    path = memory.with_name(f"{memory.name}.fork-{before.size}-{now.size}-{now.root.hex()[:12]}")
    try:
        write_new(path, f"{before.note}\n{now.note}\n".encode())
    except OSError as error:
        raise LedgerError(f"the evidence of a fork cannot be written to {path}: {error.strerror}") from error
    return path

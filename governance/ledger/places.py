"""Checkpoints in second places: what shows that the whole ledger was rolled back or written anew.

A ledger file cannot know that it was once longer. Whoever holds an older signed checkpoint can.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from governance.durable import sync_folder
from governance.errors import FairgateError, LedgerError, LedgerTamperedError
from governance.ledger.checkpoint import ORIGIN, Checkpoint, Kept, log_key, open_checkpoint

if TYPE_CHECKING:
    from governance.ledger.sql import SqlLedger

_NOTE = re.compile(rf"^{re.escape(ORIGIN)}\n[0-9]+\n[A-Za-z0-9+/=]{{44}}\n\n(?:\u2014 [^\n]+\n)+", re.MULTILINE)
_TAIL = 65_536


class CheckpointPlace(Protocol):
    """Somewhere else that keeps checkpoints. Raises LedgerError or ServiceError where it cannot be read or written."""

    @property
    def name(self) -> str:
        """What people call it: a path, a registry's address."""
        ...

    def keep(self, note: str) -> None:
        """Keep one more note, durably."""
        ...

    def newest(self) -> str | None:
        """The note that was kept last, None where none was."""
        ...

    def kept(self) -> tuple[str, ...]:
        """Every note of this ledger that is kept. Raises LedgerTamperedError where the place holds anything else."""
        ...

    def others(self) -> tuple[str, ...]:
        """Ids of other log keys whose checkpoints lie here too, where a place is shared."""
        ...


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A text file to which notes are appended, each followed by an empty line; best on another disk or machine."""

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def keep(self, note: str) -> None:
        """Append the note and sync it. Raises LedgerError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.path, f"{note}\n".encode())
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def newest(self) -> str | None:
        """The last note of the file, read from its end."""
        found = _NOTE.findall(self._read(_TAIL, errors="replace"))
        return str(found[-1]) if found else None

    def kept(self) -> tuple[str, ...]:
        """Every note of the file. Raises LedgerTamperedError where there is anything between them."""
        text = self._read(None, errors="strict")
        rest = _NOTE.sub("", text).strip("\n")
        if rest:
            first = rest.split("\n", 1)[0][:80]
            raise LedgerTamperedError(f"{self.path} holds something that is not a checkpoint: {first!r}")
        return tuple(_NOTE.findall(text))

    def others(self) -> tuple[str, ...]:
        """None: a file is one ledger's."""
        return ()

    def _read(self, last: int | None, *, errors: str) -> str:
        try:
            with self.path.open("rb") as stream:
                if last is not None:
                    stream.seek(max(0, stream.seek(0, os.SEEK_END) - last))
                return stream.read().decode("utf-8", errors)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise LedgerTamperedError(f"{self.path} holds something that is not text") from error


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one place: `size` of the checkpoint that it holds now, or the `problem` in a sentence.

    `tampered`: the place holds a checkpoint that this ledger does not extend. Nothing was written there.
    """

    place: str
    size: int
    problem: str | None = None
    tampered: bool = False


def copy_checkpoint(ledger: SqlLedger, places: Iterable[CheckpointPlace]) -> tuple[Copied, ...]:
    """Copy the newest checkpoint to every place; call it after sign-offs, promotions and nights.

    Never raises for a place: what went wrong there is in the answer, for whoever called to tell, and what was
    recorded stays recorded. A place that remembers more than this ledger has, or another past, keeps its memory.
    Raises LedgerError where the ledger itself cannot be read.
    """
    found = []
    for place in places:
        try:
            found.append(_copy(ledger, place))
        except LedgerTamperedError as error:
            found.append(Copied(place.name, 0, str(error), tampered=True))
        except FairgateError as error:
            found.append(Copied(place.name, 0, f"the checkpoint was not copied to {place.name}: {error}"))
    return tuple(found)


def kept_checkpoints(places: Sequence[CheckpointPlace], log_public: bytes) -> tuple[Kept, ...]:
    """Every checkpoint that the places hold, each tree once, smallest first.

    Raises LedgerTamperedError where a place holds what the log key did not sign, and what the places raise.
    """
    found: dict[tuple[int, bytes], Kept] = {}
    for place in places:
        for note in place.kept():
            checkpoint = _opened(note, place, log_public)
            found.setdefault((checkpoint.size, checkpoint.root), Kept(f"checkpoint in {place.name}", checkpoint))
    return tuple(sorted(found.values(), key=lambda item: item.checkpoint.size))


def _copy(ledger: SqlLedger, place: CheckpointPlace) -> Copied:
    note = place.newest()  # before the ledger is read: who appends meanwhile must not look like a roll-back
    public = ledger.keys.log.public
    with ledger.reading() as snapshot:
        head = snapshot.head()
        earlier = _opened(note, place, public) if note else None
        if earlier is not None:
            _check_extends(head.size, snapshot.root_at(earlier.size - 1), earlier, place)
        if head.size == 0 or (earlier is not None and earlier.size == head.size):
            return Copied(place.name, head.size)
        now = snapshot.checkpoint(head, public)
    place.keep(now.note)
    return Copied(place.name, now.size)


def _opened(note: str, place: CheckpointPlace, log_public: bytes) -> Checkpoint:
    try:
        return open_checkpoint(note, log_key(log_public))
    except LedgerTamperedError as error:
        raise LedgerTamperedError(f"{place.name} holds a checkpoint that is not this ledger's: {error}") from error


def _check_extends(size: int, root: bytes | None, earlier: Checkpoint, place: CheckpointPlace) -> None:
    if size < earlier.size:
        raise LedgerTamperedError(
            f"the ledger has {size} entries, {place.name} remembers {earlier.size}: it was rolled back; "
            f"run: fairgate ledger verify"
        )
    if root != earlier.root:
        raise LedgerTamperedError(
            f"the first {earlier.size} entries are not those that {place.name} remembers: the ledger was written "
            f"anew; run: fairgate ledger verify"
        )


def _append(path: Path, data: bytes) -> None:
    """One write at the end of the file, synced; the name too where the file is new."""
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(f"only a part of {len(data)} bytes was written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)

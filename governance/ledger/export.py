"""Export a ledger as one self-contained file that `verify_export.py` checks offline. JSON Lines, streamed both ways.

The first line is the header: format and version, origin, public keys, size, root and the final signed checkpoint.
Then one line for each entry, with the exact envelope bytes in base64: what was hashed and signed.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from governance.digests import canonical_json
from governance.durable import sync_folder, write_new
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger import verify_export
from governance.ledger.checkpoint import ORIGIN, Checkpoint, log_key
from governance.ledger.keys import LedgerKeys
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import EMPTY_ROOT

SCRIPT = "verify_export.py"


@dataclass(frozen=True, slots=True)
class Exported:
    """How many entries went into `path`, under which root; `script` verifies it, None where another stood there."""

    path: Path
    size: int
    root: bytes
    script: Path | None


def header(checkpoint: Checkpoint | None, keys: LedgerKeys) -> dict[str, Any]:
    """The first line of an export. An empty ledger has no checkpoint."""
    return {
        "format": verify_export.FORMAT,
        "version": verify_export.VERSION,
        "origin": ORIGIN,
        "log_key": str(log_key(keys.log.public)),
        "attestation_key": base64.b64encode(keys.attestation.public).decode(),
        "attestation_keyid": keys.attestation.keyid,
        "size": checkpoint.size if checkpoint else 0,
        "root": (checkpoint.root if checkpoint else EMPTY_ROOT).hex(),
        "checkpoint": checkpoint.note if checkpoint else None,
    }


def entry_line(seq: int, envelope: bytes) -> bytes:
    """One entry as a line of an export."""
    return b'{"envelope":"%b","seq":%d}\n' % (base64.b64encode(envelope), seq)


def export(ledger: SqlLedger, path: Path, tell: Callable[[int], object] = lambda _seq: None) -> Exported:
    """Write the ledger as it stands to `path`, verify what was written, and put the script beside it.

    Whole or absent after a crash, never over another file. `tell` is given each entry's number. Raises
    ConfigurationError where `path` exists, LedgerTamperedError where what was written does not verify, LedgerError
    where the disk refuses.
    """
    if path.exists():
        raise ConfigurationError(f"{path} exists already: an export never overwrites; give another name")
    try:
        scratch = _written(ledger, path, tell)
        try:
            report = verify_export.verify(scratch, str(log_key(ledger.keys.log.public)), (), ())
            if report.problems:
                raise LedgerTamperedError(f"the ledger cannot be exported: {report.problems[0]}")
            os.link(scratch, path)
        finally:
            scratch.unlink()
        sync_folder(path.parent)
        return Exported(path, report.size, bytes.fromhex(report.root), _beside(path))
    except OSError as error:
        raise LedgerError(f"the export {path} cannot be written: {error.strerror}") from error


def _written(ledger: SqlLedger, path: Path, tell: Callable[[int], object]) -> Path:
    """The export in a synced file of its own beside `path`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _write(ledger, stream, tell)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.chmod(0o644)
    except BaseException:
        scratch.unlink()
        raise
    return scratch


def _write(ledger: SqlLedger, stream: BinaryIO, tell: Callable[[int], object]) -> None:
    with ledger.reading() as snapshot:  # one moment: header and entries fit, whatever is appended meanwhile
        head = snapshot.head()
        checkpoint = snapshot.checkpoint(head, ledger.keys.log.public) if head.size else None
        stream.write(canonical_json(header(checkpoint, ledger.keys)) + b"\n")
        for seq, envelope in snapshot.since(0):
            if not isinstance(envelope, bytes):
                raise LedgerTamperedError(f"ledger entry {seq} is not bytes")
            stream.write(entry_line(seq, envelope))
            tell(seq)


def _beside(path: Path) -> Path | None:
    """A copy of the script beside the export; None where another file of that name stands there."""
    script, source = path.with_name(SCRIPT), Path(verify_export.__file__).read_bytes()
    if write_new(script, source) or script.read_bytes() == source:
        return script
    return None

"""The evidence store: files named by the digest of their bytes. The ledger holds digests, this holds what they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from governance.digests import digest_bytes
from governance.durable import sync_folder, synced_beside
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError


@dataclass(frozen=True, slots=True)
class EvidenceStore:
    """Content-addressed files below `folder`."""

    folder: Path

    def put(self, data: bytes) -> str:
        """Keep `data` durably and return its digest. Keeping the same bytes twice changes nothing.

        Raises LedgerError where the disk refuses, LedgerTamperedError where the file is there and was changed.
        """
        digest = digest_bytes(data)
        path = self._path(digest)
        try:
            if path.exists():
                self.get(digest)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_durably(path, data)
                sync_folder(self.folder)
        except OSError as error:
            raise LedgerError(f"the evidence file {path} cannot be written: {error.strerror}") from error
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes with this digest. Raises LedgerTamperedError where they are gone or were changed."""
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise LedgerTamperedError(f"the evidence {digest} is missing below {self.folder}") from error
        except OSError as error:
            raise LedgerError(f"the evidence file {self._path(digest)} cannot be read: {error.strerror}") from error
        if digest_bytes(data) != digest:
            raise LedgerTamperedError(f"the evidence file {self._path(digest)} was changed: its digest differs")
        return data

    def holds(self, digest: str) -> bool:
        """Whether there is a file for this digest; whether its bytes are still those, `get` tells."""
        return self._path(digest).is_file()

    def _path(self, digest: str) -> Path:
        scheme, _, name = digest.partition(":")
        if scheme != "sha256" or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise ConfigurationError(f"{digest!r} is not a digest of the form sha256:<64 hex characters>")
        return self.folder / name[:2] / name


def _write_durably(path: Path, data: bytes) -> None:
    """Write beside, sync, rename: after a crash the file is whole or absent."""
    with synced_beside(path, data) as scratch:
        scratch.replace(path)
    sync_folder(path.parent)

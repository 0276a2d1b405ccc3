"""Read an export of a ledger: its header, and the exact bytes of its entries. Imports no database."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from governance.errors import ConfigurationError, LedgerTamperedError
from governance.ledger import verify_export


def read_header(path: Path) -> dict[str, Any]:
    """The header of an export, unchecked. Raises ConfigurationError where the file is not an export."""
    try:
        with path.open("rb") as stream:
            found = verify_export.strict_json(stream.readline(verify_export.MAX_LINE))
    except OSError as error:
        raise ConfigurationError(f"the export {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not an export of a ledger: {error}") from error
    if not isinstance(found, dict) or found.get("format") != verify_export.FORMAT:
        raise ConfigurationError(f"{path} is not an export of a ledger")
    return found


def envelopes_in(path: Path) -> Iterator[bytes]:
    """The exact envelope bytes of every entry of an export, streamed. Raises LedgerTamperedError for other lines."""
    with path.open("rb") as stream:
        stream.readline(verify_export.MAX_LINE)
        for seq, line in enumerate(iter(lambda: stream.readline(verify_export.MAX_LINE), b"")):
            found = verify_export.LINE.fullmatch(line)
            if found is None or int(found[2]) != seq:
                raise LedgerTamperedError(f"{path}: line {seq + 2} is not that of entry {seq}")
            yield base64.b64decode(found[1])

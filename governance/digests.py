"""Digests of bytes, files and values. Any room may import this leaf.

A digest is written `sha256:<64 hex characters>`. Values are digested over their RFC 8785 canonical JSON.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

_PREFIX = "sha256:"


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data` as `sha256:<hex>`."""
    return _PREFIX + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, streamed. Raises OSError where the file cannot be read."""
    with path.open("rb") as stream:
        return _PREFIX + hashlib.file_digest(stream, "sha256").hexdigest()


def plain(value: object) -> Any:
    """`value` as what JSON knows: dataclasses become objects, tuples and sets lists, dates ISO strings."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case list() | tuple():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def canonical_json(value: object) -> bytes:
    """RFC 8785 canonical JSON of `value`. Raises ValueError for NaN and infinities: they are not evidence."""
    import rfc8785

    return rfc8785.dumps(plain(value))


def digest_value(value: object) -> str:
    """`sha256:<hex>` over the canonical JSON of `value`."""
    return digest_bytes(canonical_json(value))

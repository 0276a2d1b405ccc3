"""Where a table lies, read from the text that names it: files, a DuckDB or PostgreSQL table, a Spark table.

    data/people.parquet      a file, a folder of files, a glob
    duckdb:PATH#TABLE        a table or view of a DuckDB file
    postgresql://HOST/DB#TABLE
    spark:PATH               Parquet files that Spark reads (a path, or a URI such as s3a://...)
    spark:CATALOG.TABLE      a table of Spark's catalogue

TABLE is `table` or `schema.table`; `%2E` stands for a dot and `%23` for a # inside a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from governance.errors import ConfigurationError


class SourceKind(StrEnum):
    """Who reads the table."""

    FILES = "files"
    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"
    SPARK = "spark"


_POSTGRESQL = ("postgresql://", "postgres://")
_SECRETS = ("password", "sslpassword", "passfile", "oauth_client_secret")


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table and where it lies. `place` is a path or a connection URI (which may hold a password: never shown);
    `table` the names that lead to it; `name` what messages and digests may say."""

    kind: SourceKind
    place: str
    table: tuple[str, ...]
    name: str


def source_kind(text: str) -> SourceKind:
    """What kind of source the text names; a path may contain anything but the prefixes of the other kinds."""
    lower = text.lower()
    if lower.startswith(_POSTGRESQL):
        return SourceKind.POSTGRESQL
    if lower.startswith("duckdb:"):
        return SourceKind.DUCKDB
    return SourceKind.SPARK if lower.startswith("spark:") else SourceKind.FILES


def table_address(text: str) -> TableAddress:
    """Take the name of a table in a database, or of a Spark source, apart.

    Raises ConfigurationError where no table is named, or an unreadable address is given; the text itself, which may
    hold a password, is in no message.
    """
    match kind := source_kind(text):
        case SourceKind.SPARK:
            place = text.split(":", 1)[1]
            if not place:
                raise ConfigurationError("spark: names no data: write spark:PATH or spark:CATALOG.TABLE.")
            return TableAddress(kind, place, (), shown(text))
        case SourceKind.DUCKDB:
            place, table = _split(text.split(":", 1)[1], "duckdb:PATH#table")
        case SourceKind.POSTGRESQL:
            place, table = _split(text, "postgresql://host/database#schema.table")
        case SourceKind.FILES:
            raise ConfigurationError(f"{text!r} names files, not a table of a database.")
    return TableAddress(kind, place, table, shown(text))


def shown(text: str) -> str:
    """The text without what nobody may read: a password before the host, or among the parameters."""
    if "://" not in text:
        return text
    prefix, address = ("spark:", text[6:]) if source_kind(text) is SourceKind.SPARK else ("", text)
    address, mark, table = address.rpartition("#") if "#" in address else (address, "", "")
    try:
        parts = urlsplit(address)
    except ValueError:  # such as brackets that do not close
        return f"{prefix}{address.split('://', 1)[0]}://...{mark}{table}"
    login, at, host = parts.netloc.rpartition("@")
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in _SECRETS]
    netloc = f"{login.split(':', 1)[0]}{at}{host}"
    return (
        prefix
        + urlunsplit((parts.scheme, netloc, parts.path, urlencode(kept, quote_via=quote, safe="/"), ""))
        + (f"{mark}{table}")
    )


def holds_password(text: str) -> bool:
    """Is there a password in the text? It belongs into ~/.pgpass or PGPASSWORD, not into a file that is passed on."""
    if source_kind(text) is not SourceKind.POSTGRESQL:
        return False
    address = text.rpartition("#")[0] or text
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    login = parts.netloc.rpartition("@")[0]
    return ":" in login or any(key in _SECRETS for key, _ in parse_qsl(parts.query, keep_blank_values=True))


def _split(text: str, form: str) -> tuple[str, tuple[str, ...]]:
    place, mark, table = text.rpartition("#")
    names = tuple(unquote(name) for name in table.split("."))
    if not mark or not place or not all(names) or len(names) > 2:
        raise ConfigurationError(
            f"A source of this kind is written {form}; the part after # must be a table or schema.table (a dot inside"
            " a name is %2E)."
        )
    return place, names

"""Where a table lies, read from the text that names it: files, a DuckDB or PostgreSQL table, a Spark table.

    data/people.parquet      a file, a folder of files, a glob
    duckdb:PATH#TABLE        a table or view of a DuckDB file
    postgresql://HOST/DB#TABLE
    spark:PATH               Parquet files that Spark reads (a path, or a URI such as s3a://...)
    spark:CATALOG.TABLE      a table of Spark's catalogue

TABLE is `table` or `schema.table`; `%2E` stands for a dot and `%23` for a # inside a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

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
    """The text without what nobody may read: a password before the host, or among the parameters.

    Passwords that are not written as they should be (with a raw # / ? @ in them) are taken out too: where it is not
    clear what belongs to one, more is left out rather than less.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or source_kind(text) is SourceKind.FILES:
        return text
    address, mark, table = rest.rpartition("#") if source_kind(text) is SourceKind.POSTGRESQL else (rest, "", "")
    if not mark:
        address, table = rest, ""
    login, at, host = address.rpartition("@")
    if _has_secret(login):  # an @ in a parameter, or a parameter in a password: nobody can tell
        return f"{scheme}://...{mark}{table}"
    if _has_secret(host):
        host = re.split("[?&]", host)[0]
    return f"{scheme}://{login.partition(':')[0]}{at}{host}{mark}{table}"


def _has_secret(address: str) -> bool:
    names = (part.partition("=")[0] for part in re.split("[?&]", address)[1:])
    return any(unquote(name).lower() in _SECRETS for name in names)


def holds_password(text: str) -> bool:
    """Is there a password in the text? It belongs into ~/.pgpass or PGPASSWORD, not into a file that is passed on."""
    return shown(text) != text


def _split(text: str, form: str) -> tuple[str, tuple[str, ...]]:
    place, mark, table = text.rpartition("#")
    names = tuple(unquote(name) for name in table.split("."))
    if not mark or not place or not all(names) or len(names) > 2:
        raise ConfigurationError(
            f"A source of this kind is written {form}; the part after # must be a table or schema.table (a dot inside"
            " a name is %2E)."
        )
    return place, names

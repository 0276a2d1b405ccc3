"""A digest of the rows of a table that lies in no file: the same rows give the same digest, whoever keeps them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from audits.table import quoted
from governance.digests import digest_value

if TYPE_CHECKING:
    from audits.table import Source

_SORT_MEMORY = "128MB"
_BATCH_ROWS = 100_000
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_FORM = "fairgate rows 1"


def rows_digest(source: Source) -> str:
    """SHA-256 over the sorted SHA-256 of the rows, with the names of the columns and the number of rows.

    A row is written as its values in the columns' order, each as length, colon, text (null: a hyphen): no two rows are
    written alike. Whole numbers are digits; other numbers C's %.17g of the double (decimals are rounded to it);
    times microseconds since 1970, UTC where they have a zone; all else DuckDB's text. So the digest says nothing of the
    columns' types (1 and 1.0 are one value, as in a plan), nor of the order of the rows, but counts repeated rows.

    Because hashes are sorted, not added up, two different tables with one digest would be a collision of SHA-256 even
    for someone who chooses the rows (sums of hashes fall to Wagner's generalised birthday attack, CRYPTO 2002). DuckDB
    sorts within 128 MB and spills to disk beyond, so that memory does not grow with the rows: 12 million took 107 MiB.
    """
    query = f"SELECT unhex(sha256({row_text(source)})) AS h FROM {source.relation} ORDER BY h"  # noqa: S608
    digest, rows = hashlib.sha256(), 0
    source.rows(f"SET memory_limit = '{_SORT_MEMORY}'")
    try:
        for batch in source.connection.sql(query, params=list(source.params)).to_arrow_reader(_BATCH_ROWS):
            digest.update(b"".join(batch.column(0).to_pylist()))
            rows += batch.num_rows
    finally:
        source.rows("RESET memory_limit")
    return digest_value([_FORM, list(source.columns), rows, digest.hexdigest()])


def row_text(source: Source) -> str:
    """The SQL expression of one row as one text."""
    return " || ".join(_written(_text(quoted(name), kind)) for name, kind in source.columns.items())


def _written(text: str) -> str:
    return f"coalesce(length({text}) || ':' || {text}, '-')"


def _text(name: str, kind: str) -> str:
    if kind.split("(", maxsplit=1)[0] in _FLOATS:
        return f"printf('%.17g', {name}::DOUBLE)"
    # Zones, and with them the text of a time, are a setting of the machine.
    return f"epoch_us({name})::VARCHAR" if kind.startswith("TIMESTAMP") else f"{name}::VARCHAR"

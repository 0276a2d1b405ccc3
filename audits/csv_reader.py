"""A CSV file looked at once: what the whole file showed is then given to every query, so that none looks again.

DuckDB finds out separator, quotes, header and types by reading the file; left to itself it does so in every query,
which costs five times as much as the query. A sample would be quicker and wrong: quotes that first occur late in a
file, or text in a column of numbers, would stop the audit half-way.
"""

from __future__ import annotations

from typing import Any

_SNIFF = (
    "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, NewLineDelimiter, Columns"
    " FROM sniff_csv(?, sample_size=-1, auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR'])"
)
_READ = (
    "read_csv(?, auto_detect=false, hive_partitioning=false, columns=?, delim=?, quote=?, escape=?, comment=?, skip=?,"
    " header=?, new_line=?)"
)
_NONE = "(empty)"


def csv_reader(connection: Any, path: str) -> tuple[str, tuple[Any, ...], dict[str, str]]:
    """(relation, its parameters, column -> type) of one CSV file; `path` is escaped as for `read_csv`.

    Numbers and text only, as in `audits.table`. Raises duckdb.Error where the file is no CSV.
    """
    delim, quote, escape, comment, skip, header, new_line, found = connection.execute(_SNIFF, [path]).fetchall()[0]
    columns = {column["name"]: column["type"] for column in found}
    marks = ["" if mark == _NONE else mark for mark in (delim, quote, escape, comment)]
    return _READ, ([path], columns, *marks, skip, header, new_line), columns

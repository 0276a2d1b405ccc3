"""A table held still: for rows that may change, or come in another order, before they are looked at again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from audits.table import BATCH_ROWS, Table, opened


@contextmanager
def pinned(table: Table, columns: Sequence[str]) -> Iterator[Path]:
    """These columns of a table as a Parquet file for the time of the block: one reading, rows in a fixed order.

    Needed where predictions are joined by position to rows of a server (Spark's have no order, those of a database may
    change between scoring and counting). Rows are streamed: memory does not grow with them, the temporary folder does.

    Raises what `opened` raises, and MeasurementError for a missing column.
    """
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="fairgate-rows-") as folder, opened(table) as source:
        path = Path(folder) / "rows.parquet"
        names = ", ".join(source.require(column, "a column of the audit") for column in dict.fromkeys(columns))
        wanted = source.only(columns)
        query = f"SELECT {names} FROM {wanted.relation}"  # noqa: S608
        reader = wanted.connection.sql(query, params=list(wanted.params)).to_arrow_reader(BATCH_ROWS)
        with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
        yield path

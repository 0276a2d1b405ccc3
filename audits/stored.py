"""A column of numbers in a file that has no name: one per row of a table, yet never as a whole in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHUNK_ROWS = 1 << 18
"""Rows that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Stored:
    """`rows` numbers of type `dtype` (numpy's name) in an open file; the file is gone when nothing refers to it.

    Reading names its position, so that several readers do not disturb each other.
    """

    file: IO[bytes]
    dtype: str
    rows: int

    def __del__(self) -> None:
        self.file.close()

    def __len__(self) -> int:
        return self.rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001
        """All of it in memory, for those who need it so."""
        import numpy as np

        if copy is False:
            raise ValueError("a column in a file cannot be an array without a copy")
        return np.concatenate([np.empty(0, self.dtype), *self.chunks()]).astype(dtype or self.dtype, copy=False)

    def chunks(self) -> Iterator[np.ndarray[Any, Any]]:
        """The numbers in order, at most CHUNK_ROWS at a time."""
        import numpy as np

        size = np.dtype(self.dtype).itemsize
        for first in range(0, self.rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, self.rows - first)
            yield np.frombuffer(read_at(self.file, first * size, count * size), self.dtype)


Column: TypeAlias = "np.ndarray[Any, Any] | Stored"
"""One number per row, in memory or in a file."""


def stored(chunks: Iterable[np.ndarray[Any, Any]], dtype: str) -> Stored:
    """Write the chunks, in their order, to a new file that no other process was given."""
    with ExitStack() as unless_whole:
        file = unless_whole.enter_context(tempfile.TemporaryFile())
        rows = 0
        for chunk in chunks:
            file.write(chunk.astype(dtype, copy=False).tobytes())
            rows += len(chunk)
        file.flush()
        unless_whole.pop_all()
    return Stored(file, dtype, rows)


def read_at(file: IO[bytes], position: int, size: int) -> bytes:
    """`size` bytes from `position`; fewer where the file ends before. Leaves the file's own position alone."""
    pieces, left = [], size
    while left and (piece := os.pread(file.fileno(), left, position + size - left)):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Stream:
    """A column under a name, for engines that take Arrow's C stream: each asking starts at the first row again."""

    name: str
    column: Stored

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import numpy as np
        import pyarrow as pa

        schema = pa.schema([(self.name, pa.from_numpy_dtype(np.dtype(self.column.dtype)))])
        batches = (pa.record_batch([pa.array(chunk)], schema=schema) for chunk in self.column.chunks())
        return pa.RecordBatchReader.from_batches(schema, batches).__arrow_c_stream__(requested_schema)


def as_relation(column: Column, name: str) -> pa.Table | Stream:
    """The column as something that DuckDB can register as a relation with the one column `name`, and read again."""
    if isinstance(column, Stored):
        return Stream(name, column)
    import pyarrow as pa

    return pa.table({name: pa.array(column)})

"""Which files a path, a folder or a glob stands for, what reads them, and their digest."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from governance.digests import digest_file, digest_value
from governance.errors import MeasurementError

# Writers leave NaN out of a column's minimum and maximum. Unless told, DuckDB takes these for the whole truth, drops
# isnan() from the query, and people of unknown age are counted as the oldest (github.com/duckdb/duckdb/issues/25521).
_PARQUET = "read_parquet(?, hive_partitioning=false, can_have_nan=true)"
# Folders called sex=f hold a column; as text, like every value that a plan names.
_PARTITIONED = "read_parquet(?, hive_partitioning=true, hive_types_autocast=false, can_have_nan=true)"
# Numbers and text only: DuckDB would read a column of yes and no as booleans, and codes such as 10-11 as dates.
_CSV = "read_csv(?, sample_size=-1, hive_partitioning=false, auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR'])"
_READERS = {".parquet": _PARQUET, ".pq": _PARQUET, ".csv": _CSV, ".tsv": _CSV}


def data_files(table: str | Path) -> list[Path]:
    """The files of a path, a glob, or a folder and its folders, sorted by path.

    Raises MeasurementError where there is none, where they are of several kinds or none that is read, or empty.
    """
    path = Path(table)
    if path.is_dir():
        files = sorted(match for match in path.rglob("*") if match.is_file() and not _is_hidden(match, path))
    else:
        found = [path] if path.is_file() else [Path(match) for match in sorted(glob.glob(str(table)))]  # noqa: PTH207
        files = [match for match in found if match.is_file()]
    if not files:
        raise MeasurementError(
            f"No data at {table}: give a Parquet or CSV file, a folder of such files, or a glob that matches one."
        )
    kinds = {match.suffix.lower() for match in files}
    if len(kinds) > 1 or not kinds <= _READERS.keys():
        raise MeasurementError(
            f"{table} is of kind {', '.join(sorted(kinds)) or 'unknown'}: give files of one kind, .parquet or .csv."
        )
    if empty := next((match for match in files if match.stat().st_size == 0), None):
        raise MeasurementError(f"{empty} is empty (0 bytes): write the data again.")
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    """Is it a mark of the writer (_SUCCESS, .part.crc) instead of data? Spark and Hive name them so."""
    return any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)


def reader_of(table: str | Path, files: Sequence[Path]) -> str:
    """What stands after FROM to read these files, with one parameter: their paths as a list."""
    reader = _READERS[files[0].suffix.lower()]
    folder = Path(table)
    partitioned = reader == _PARQUET and folder.is_dir() and "=" in str(files[0].parent.relative_to(folder))
    return _PARTITIONED if partitioned else reader


def files_digest(table: str | Path) -> str:
    """SHA-256 of the file's bytes; of names and digests for several files, names being paths within a folder."""
    files, folder = data_files(table), Path(table)
    if len(files) == 1 and not folder.is_dir():
        return digest_file(files[0])
    return digest_value(
        [[str(path.relative_to(folder)) if folder.is_dir() else path.name, digest_file(path)] for path in files]
    )

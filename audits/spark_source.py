"""Tables that Apache Spark reads. The only importer of pyspark.

Where a session is active (a notebook, spark-submit) or configured (SPARK_REMOTE, SPARK_HOME) it is used as it is; else
a local one is started. Nothing of a user's session is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audits.source_uri import TableAddress
from governance.errors import ConfigurationError, MeasurementError, ServiceError

if TYPE_CHECKING:
    import pyarrow as pa

_CONFIGURED = ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "SPARK_HOME", "SPARK_CONF_DIR")
_LISTED = 20
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class SparkTable:
    """A table of Spark; `frame` is a lazy pyspark.sql.DataFrame, `name` what messages call it.

    To any Arrow engine it is a stream that can be read again and again, one partition in memory at a time.
    """

    frame: Any = field(repr=False)
    name: str

    def stream(self, columns: Sequence[str] | None = None) -> SparkTable:
        """The same table with these columns only (None: all); without any, one that only counts rows."""
        if columns is None:
            return self
        return SparkTable(self.frame.select(*map(column_of, columns)) if columns else self._bare(), self.name)

    def _bare(self) -> Any:
        from pyspark.sql import functions

        return self.frame.select(functions.lit(1).alias("present"))

    def __arrow_c_schema__(self) -> object:
        """The types, without reading a row."""
        from pyspark.sql.pandas.types import to_arrow_schema

        return to_arrow_schema(self.frame.schema).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows. Their order is Spark's: it may differ from one reading to the next."""
        return self.frame.__arrow_c_stream__(requested_schema)


@dataclass(frozen=True, slots=True)
class SparkAnswers:
    """A table of Spark with what a model answers on every row, in the column `column`: see `spark_scoring`."""

    table: SparkTable
    column: str


def spark_table(address: TableAddress) -> SparkTable:
    """The Parquet files or the table of the catalogue that the address names; no row is read yet.

    Raises ConfigurationError without pyspark or Java, ServiceError where Spark cannot be reached, MeasurementError
    where there are no such files or no such table (naming those that exist).
    """
    session = spark_session()
    from pyspark.errors import AnalysisException, PySparkException

    try:
        is_path = "/" in address.place or address.place.endswith(".parquet")
        frame = session.read.parquet(address.place) if is_path else session.table(address.place)
        frame.schema  # noqa: B018 - asks Spark, which looks the table up here and not at the first count
    except AnalysisException as error:
        raise MeasurementError(_missing(session, address, error)) from error
    except PySparkException as error:
        raise MeasurementError(f"Spark cannot read {address.name}: {str(error).splitlines()[0]}") from error
    return SparkTable(frame, address.name)


def spark_session() -> Any:
    """The active session, one as the environment configures it, or a local one with this Python as its workers'.

    Raises ConfigurationError without pyspark or Java, ServiceError where Spark cannot be reached.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigurationError(
            "Spark is not installed: a source spark:... needs the extra, pip install 'fairgate[spark]'."
        ) from error
    if active := SparkSession.getActiveSession():
        return active
    builder = SparkSession.builder.appName("fairgate")
    if not any(name in os.environ for name in _CONFIGURED):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers take the first python3 of the path
        builder = builder.master("local[*]").config("spark.ui.enabled", "false")
    try:
        return builder.getOrCreate()
    except PySparkException as error:
        if "JAVA" in str(error):
            raise ConfigurationError(
                "Spark needs Java 17 or newer and found none: install a runtime (Debian: openjdk-17-jre-headless)."
            ) from error
        raise ServiceError(f"Spark cannot be reached: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True, slots=True)
class SparkRows:
    """A Spark table for code that asks a `table.Source` in plain SQL; `names` maps a column to its name there."""

    table: SparkTable
    names: Mapping[str, str]
    relation: str = "{fairgate_rows}"
    params: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """What messages call the table."""
        return self.table.name

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query whose parameters are `params`, in the order of its question marks."""
        frame = self.table.frame
        found = frame.sparkSession.sql(sql, args=list(params), fairgate_rows=frame)
        return [tuple(row) for row in found.collect()]

    def require(self, column: str, field: str) -> str:
        """The quoted name of a column, which is there: whoever made `names` has looked. `field` is what it is for."""
        del field
        return f"`{self.names[column]}`"

    def is_number(self, column: str) -> bool:
        """True: whoever made `names` has looked."""
        return column in self.names


def column_of(name: str) -> Any:
    """The column of exactly this name, dots and backticks included."""
    from pyspark.sql import functions

    return functions.col("`" + name.replace("`", "``") + "`")


def row_of(columns: Mapping[str, Any]) -> Any:
    """Columns together as one value: a named row."""
    from pyspark.sql import functions

    return functions.struct(*(column.alias(name) for name, column in columns.items()))


def collected(frame: Any) -> pa.Table:
    """All rows of a small frame. Raises MeasurementError in one line where Spark fails on the data."""
    from pyspark.errors import PySparkException

    try:
        table: pa.Table = frame.toArrow()
    except PySparkException as error:
        raise MeasurementError(f"Spark failed: {_said(error)}") from error
    return table


def in_spark(table: pa.Table, like: SparkTable) -> Any:
    """A table in memory as a frame of the session that `like` belongs to."""
    return like.frame.sparkSession.createDataFrame(table)


def spark_engine() -> str:
    """The engine that counts, with its version."""
    import pyspark

    return f"spark {pyspark.__version__}"


def _said(error: Exception) -> str:
    """What an error comes down to: of a worker's traceback the last line, cut short (it may quote rows of the data)."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "SQLSTATE" not in line[:12]]
    last = lines[-1] if lines and "Python worker" in lines[0] else "".join(lines[:1])
    if "enforce schema of data" in last:
        return "a column has not the type that the model's signature declares."
    return last[:_SHOWN]


def _missing(session: Any, address: TableAddress, error: Exception) -> str:
    said = str(error).splitlines()[0]
    if "PATH_NOT_FOUND" in said:
        return f"{address.name}: Spark finds no files there: correct the path (Parquet files, or a folder of them)."
    if "TABLE_OR_VIEW_NOT_FOUND" not in said:
        return f"Spark cannot read {address.name}: {said}"
    tables = sorted(table.name for table in session.catalog.listTables())
    return f"{address.name}: Spark has no such table. There are: {', '.join(tables[:_LISTED]) or 'none'}."

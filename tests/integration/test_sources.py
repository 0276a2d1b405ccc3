"""Where a table may lie: folders, Arrow, DuckDB, PostgreSQL. The same rows give the same cells and the same digest."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_server import absent, postgres_server, run

from audits.cells import read_cells
from audits.pinned import pinned
from audits.plan import AuditPlan, Score, SensitiveFeature
from audits.result import UNKNOWN
from audits.rows_digest import rows_digest
from audits.source_uri import SourceKind, holds_password, shown, source_kind, table_address
from audits.table import columns_summary, digest_of, feature_batches, opened, opened_beside, row_count, table_digest
from governance.errors import ConfigurationError, MeasurementError, ServiceError

ROWS = 25_000
PLAN = AuditPlan(
    "hiring",
    "hired",
    "yes",
    (SensitiveFeature("sex", "sex"), SensitiveFeature("age", "age", cuts=(40,))),
    (),
    date(2026, 1, 1),
    "sha256:plan",
    prediction="predicted",
    weight="weight",
)


def people() -> pa.Table:
    random = np.random.default_rng(5)
    return pa.table(
        {
            "id": np.arange(ROWS, dtype="int32"),
            "sex": pa.array(random.choice(["f", "m", None], ROWS).tolist(), pa.string()),
            "age": pa.array(random.choice([18.5, 40.0, 61.0, np.nan], ROWS)),
            "hired": random.choice(["yes", "no"], ROWS).tolist(),
            "predicted": random.choice(["yes", "no"], ROWS).tolist(),
            "weight": random.integers(1, 64, ROWS) / 8,
            "flag": pa.array(random.choice([True, False, None], ROWS).tolist(), pa.bool_()),
            "day": pa.array([date(2020, 1, 1 + int(day)) for day in random.integers(0, 28, ROWS)]),
        }
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if (reason := absent()) is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="fg-pg-"))  # pytest's own paths are too long for a socket
    try:
        with postgres_server(folder) as address:
            _fill(address)
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(address: str) -> None:
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("people", people())
    run(
        address,
        'CREATE SCHEMA "odd.schema"',
        'CREATE TABLE "odd.schema"."a#b" AS SELECT 1 AS "x""y", 2.50::numeric AS price',
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE DOMAIN years AS int",
        "CREATE TABLE kinds AS SELECT 'bad'::mood AS mood, 41::years AS years, 'c'::char(3) AS letter,"
        " 12.5::numeric(8, 3) AS price, ARRAY[1, 2] AS numbers, '{\"a\": 1}'::jsonb AS document, 1.5::real AS small",
    )


@pytest.fixture(params=["folder", "partitioned", "arrow", "duckdb", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    table = people()
    match request.param:
        case "folder":
            pq.write_table(table.slice(0, 9), tmp_path / "part-0.parquet")
            pq.write_table(table.slice(9), tmp_path / "part-1.parquet")
            (tmp_path / "_SUCCESS").touch()
            return tmp_path
        case "partitioned":
            for value in ("yes", "no"):
                part = table.filter(pa.compute.equal(table["hired"], value)).drop_columns("hired")
                (tmp_path / f"hired={value}").mkdir()
                pq.write_table(part, tmp_path / f"hired={value}" / "part.parquet")
            return tmp_path
        case "arrow":
            return table
        case "duckdb":
            with duckdb.connect(tmp_path / "data.duckdb") as connection:
                connection.register("rows", table)
                connection.execute("CREATE TABLE people AS SELECT * FROM rows ORDER BY weight, id")
            return f"duckdb:{tmp_path}/data.duckdb#people"
    return f"{request.getfixturevalue('server')}#public.people"


def test_every_place_gives_the_same_cells_and_columns(place: object, tmp_path: Path) -> None:
    path = tmp_path / "expected" / "rows.parquet"
    path.parent.mkdir()
    pq.write_table(people(), path)
    expected = read_cells(path, PLAN)
    path.unlink()
    cells = read_cells(place, PLAN)  # type: ignore[arg-type]
    assert cells.cells == expected.cells
    assert cells.row_count == row_count(place) == ROWS  # type: ignore[arg-type]
    summary = {column.name: column for column in columns_summary(place)}  # type: ignore[arg-type]
    assert set(summary) == set(people().column_names)
    assert (summary["sex"].values, summary["weight"].maximum) == (("f", "m"), 63 / 8)


@pytest.mark.parametrize("statistics", [True, False])
def test_nan_in_a_parquet_file_is_unknown_and_no_score_whatever_its_statistics_say(
    tmp_path: Path, statistics: bool
) -> None:
    """DuckDB believed a column's minimum and maximum, of which NaN is no part: unknown people were the oldest group."""
    yes_no = ["yes", "no"] * 4
    table = pa.table(
        {
            "age": [18.5, 40.0, 61.0, np.nan] * 2,
            "hired": yes_no,
            "predicted": yes_no,
            "weight": [1.0] * 8,
            "sex": ["f"] * 8,
        }
    )
    pq.write_table(table, tmp_path / "people.parquet", write_statistics=statistics)
    plan = replace(PLAN, sensitive_features=PLAN.sensitive_features[1:])
    sizes = Counter[str]()
    for cell in read_cells(tmp_path / "people.parquet", plan).cells:
        sizes[cell.levels[0]] += cell.n
    assert sizes == {"<40": 2, ">=40": 4, UNKNOWN: 2}
    scored = replace(plan, prediction=None, score=Score(0, 100, "age", 40), weight=None)
    with pytest.raises(MeasurementError, match="missing, not finite or outside the declared range 0 to 100 in 2 rows"):
        read_cells(tmp_path / "people.parquet", scored)


def test_the_digest_of_rows_is_the_same_in_memory_in_duckdb_and_in_postgresql(server: str, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "data.duckdb") as connection:
        connection.register("rows", people().take(np.random.default_rng(1).permutation(ROWS)))
        connection.execute("CREATE TABLE people AS SELECT * FROM rows")
        connection.execute("CREATE TABLE other AS SELECT * REPLACE (weight + (id = 7)::INT AS weight) FROM rows")
    expected = table_digest(people())
    assert table_digest(f"duckdb:{tmp_path}/data.duckdb#people") == table_digest(f"{server}#people") == expected
    assert table_digest(f"duckdb:{tmp_path}/data.duckdb#other") != expected


VALUES = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5), st.lists(st.tuples(VALUES, VALUES), max_size=5))
@settings(deadline=None, max_examples=40)
def test_two_tables_have_one_digest_exactly_if_they_have_the_same_rows(
    left: list[tuple[str | None, str | None]], right: list[tuple[str | None, str | None]]
) -> None:
    def digest(rows: list[tuple[str | None, str | None]]) -> str:
        columns = [pa.array([row[place] for row in rows], pa.string()) for place in (0, 1)]
        return table_digest(pa.table({"a": columns[0], "b": columns[1]}))

    def ordered(rows: list[tuple[str | None, str | None]]) -> list[str]:
        return sorted(map(repr, rows))

    assert (digest(left) == digest(right)) == (ordered(left) == ordered(right))
    assert digest(left) == digest(left[::-1])


def test_the_digest_is_what_its_description_says() -> None:
    import hashlib

    from governance.digests import digest_value

    table = pa.table({"n": [1, 2], "x": [0.1, None], "t": pa.array(["a:b", None])})
    rows = [b"1:119:0.100000000000000013:a:b", b"1:2--"]
    hashes = b"".join(sorted(hashlib.sha256(row).digest() for row in rows))
    assert table_digest(table) == digest_value(
        ["fairgate rows 1", ["n", "x", "t"], 2, hashlib.sha256(hashes).hexdigest()]
    )


def test_one_snapshot_is_seen_until_the_table_is_closed(server: str) -> None:
    run(server, "CREATE TABLE moving AS SELECT i FROM generate_series(1, 1000) i")
    with opened(f"{server}#moving") as source:
        before = rows_digest(source)
        run(server, "INSERT INTO moving VALUES (0)", "DELETE FROM moving WHERE i > 500")
        assert source.rows(f"SELECT count(*) FROM {source.relation}") == [(1000,)]
        assert digest_of(source, f"{server}#moving") == before
    assert row_count(f"{server}#moving") == 501
    run(server, "DROP TABLE moving")


def test_rows_of_postgresql_come_in_their_order_and_only_the_columns_asked_for(server: str) -> None:
    ids = np.concatenate([batch.column(0).to_numpy() for batch in feature_batches(f"{server}#people", ["id"])])
    assert ids.tolist() == list(range(ROWS))
    with opened(f"{server}#people") as source:
        narrow = source.only(["weight"])
        assert narrow.rows(f"DESCRIBE SELECT * FROM {narrow.relation}")[0][:2] == ("weight", "DOUBLE")
        assert list(source.columns) == people().column_names


def test_predictions_are_joined_to_the_rows_of_a_database(server: str) -> None:
    predictions = np.array(people()["hired"].to_pylist(), dtype=object)
    for place in (f"{server}#people", people()):
        cells = read_cells(place, replace(PLAN, prediction=None), predictions=predictions)
        assert all(cell.outcome == cell.prediction for cell in cells.cells)


def test_types_of_postgresql_are_numbers_and_texts(server: str) -> None:
    with opened(f"{server}#kinds") as source:
        row = source.rows(f"SELECT * FROM {source.relation}")[0]
        assert dict(zip(source.columns, row, strict=True)) == {
            "mood": "bad",
            "years": 41,
            "letter": "c",
            "price": 12.5,
            "numbers": "{1,2}",
            "document": '{"a": 1}',
            "small": 1.5,
        }
        assert source.is_number("price")
        assert source.is_number("years")
    assert [column.name for column in columns_summary(f"{server}#odd%2Eschema.a%23b")] == ['x"y', "price"]


def test_a_reading_that_is_left_off_leaves_no_connection(server: str) -> None:
    batches = feature_batches(f"{server}#people", ["id"])
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    columns_summary(f"{server}#people")
    with opened(f"{server.replace('postgres?', 'postgres?application_name=me&')}#people") as source:
        assert source.rows(f"SELECT 1 FROM {source.relation} LIMIT 1") == [(1,)]
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'me'")
        assert cursor.fetchone() == (0,)


def test_a_pinned_table_is_one_reading(server: str) -> None:
    with pinned(f"{server}#people", ["id", "sex", "id"]) as path:
        assert pq.read_table(path).equals(people().select(["id", "sex"]))
    assert not path.exists()
    with (
        pytest.raises(MeasurementError, match="no column 'nobody', needed as a column of the audit"),
        pinned(people(), ["nobody"]),
    ):
        pass


def test_a_second_table_is_opened_beside_the_first(server: str, tmp_path: Path) -> None:
    pd.DataFrame({"id": [1, 2], "origin": ["a", "b"]}).to_csv(tmp_path / "o.csv", index=False)
    with duckdb.connect(tmp_path / "d.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS id FROM range(5)")
    places = [people(), f"duckdb:{tmp_path}/d.duckdb#t", f"{server}#people"]
    for first in places:
        for second in (tmp_path / "o.csv", people(), f"{server}#people"):
            with opened(first) as source:
                other = opened_beside(source, second)
                query = f"SELECT count(*) FROM {source.relation} a JOIN {other.relation} b USING (id)"
                count = source.rows(query, (*source.params, *other.params))[0][0]
            most = min(5 if isinstance(first, str) and first.startswith("duckdb") else ROWS, row_count(second))
            assert count == most


SECRET = "hush-4711"


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (
            "postgresql://bob:{}@127.0.0.1:1/db#t",
            ServiceError,
            "cannot be reached for postgresql://bob@127.0.0.1:1/db#t",
        ),
        ("postgresql://bob:{}@host.invalid/db#t", ServiceError, "cannot be reached"),
        ("postgresql://bob:{}@x@127.0.0.1:1/db#t", ServiceError, "cannot be reached"),
        ("postgresql://bob:{}@127.0.0.1:xx/db#t", ConfigurationError, "cannot read the address"),
        ("postgresql://127.0.0.1:1/db?password={}#t", ServiceError, "cannot be reached"),
        ("postgresql://bob:{}@127.0.0.1:1/db?nonsense=1#t", ConfigurationError, "cannot read the address"),
        ("postgresql://bob:{}@127.0.0.1:1/db", ConfigurationError, "after # must be a table or schema.table"),
        ("postgresql://bob:{}@127.0.0.1:1/db#a.b.c", ConfigurationError, "after # must be a table or schema.table"),
    ],
)
def test_a_password_is_in_no_message(address: str, error: type[Exception], message: str) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    with pytest.raises(error, match=message) as raised:
        row_count(address.format(SECRET))
    while (seen := raised.value if "seen" not in locals() else seen.__cause__) is not None:  # noqa: F821
        assert SECRET not in str(seen)
        assert "x@127" not in str(seen)


def test_what_is_not_in_a_database_is_named_with_what_is(server: str, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"no table nobody that this user can see\. There are: .*public\.people"):
        row_count(f"{server}#nobody")
    with pytest.raises(ConfigurationError, match="has no such database"):
        row_count(f"{server.replace('/postgres?', '/nowhere?')}#people")
    with pytest.raises(ConfigurationError, match="refuses the login"):
        row_count(f"{server.replace('postgres:@', 'nobody:@')}#people")
    with duckdb.connect(tmp_path / "d.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute(f"COPY t TO '{tmp_path}/secret.csv'")
        connection.execute(f"CREATE VIEW v AS SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    with pytest.raises(MeasurementError, match=r"no table main\.x\. There are: main\.t, main\.v"):
        row_count(f"duckdb:{tmp_path}/d.duckdb#x")
    with pytest.raises(MeasurementError, match="file system operations are disabled"):
        row_count(f"duckdb:{tmp_path}/d.duckdb#v")
    with pytest.raises(MeasurementError, match="No DuckDB file at"):
        row_count(f"duckdb:{tmp_path}/none.duckdb#x")


def test_a_server_that_goes_away_is_a_service_error(server: str) -> None:
    run(server, "CREATE DATABASE gone")
    address = server.replace("/postgres?", "/gone?")
    run(address, "CREATE TABLE t AS SELECT i FROM generate_series(1, 10) i")
    with pytest.raises(ServiceError, match=r"^PostgreSQL cannot be reached for"), opened(f"{address}#t") as source:
        run(server, "ALTER DATABASE gone ALLOW_CONNECTIONS false")
        source.rows(f"SELECT count(*) FROM {source.relation}")


def test_what_is_no_table_is_refused() -> None:
    reader = pa.RecordBatchReader.from_batches(people().schema, people().to_batches())
    with pytest.raises(MeasurementError, match="can be read only once"):
        row_count(reader)
    with pytest.raises(MeasurementError, match="A list is no table"):
        row_count([1, 2])  # type: ignore[arg-type]


def test_a_polars_frame_is_read_through_arrow() -> None:
    polars = pytest.importorskip("polars")
    assert row_count(polars.DataFrame({"a": [1, 2]})) == 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("data/people.parquet", SourceKind.FILES),
        ("postgres/people.csv", SourceKind.FILES),
        ("duckdb:a.db#t", SourceKind.DUCKDB),
        ("postgres://h/d#t", SourceKind.POSTGRESQL),
        ("PostgreSQL://h/d#t", SourceKind.POSTGRESQL),
        ("spark:s3a://bucket/people", SourceKind.SPARK),
    ],
)
def test_the_kind_of_a_source_is_read_from_its_prefix(text: str, kind: SourceKind) -> None:
    assert source_kind(text) is kind


def test_addresses_are_taken_apart_and_shown_without_passwords() -> None:
    address = table_address("duckdb:a#b.db#main.people")
    assert (address.place, address.table, address.name) == ("a#b.db", ("main", "people"), "duckdb:a#b.db#main.people")
    secret = "postgresql://bob:p#w@h:5/d?sslmode=require&password=x#s.t"
    assert shown(secret) == "postgresql://bob@h:5/d#s.t"
    assert shown("postgresql://bob@h:5/d?sslmode=require#t") == "postgresql://bob@h:5/d?sslmode=require#t"
    assert holds_password(secret)
    assert not holds_password("postgresql://bob@h/d#t")
    assert holds_password("postgresql://h/d?sslpassword=1#t")
    for password in ("p", "p#w", "p/w", "p?w", "p@w", "p:w", "p&w", "p?password=w"):
        for address in (f"postgresql://bob:{password}@h:5/d#t", f"postgresql://bob@h:5/d?password={password}#t"):
            assert shown(address) in ("postgresql://bob@h:5/d#t", "postgresql://...#t"), address
            assert "w" not in shown(address)
    assert shown("spark:s3a://key:secret@bucket/people") == "spark:s3a://key@bucket/people"
    with pytest.raises(ConfigurationError, match="names no data"):
        table_address("spark:")
    with pytest.raises(ConfigurationError, match="names files"):
        table_address("people.csv")

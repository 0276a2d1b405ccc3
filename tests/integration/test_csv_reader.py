"""A CSV file is understood by looking at all of it once, and read the same in every query after that."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.table import opened, quoted
from governance.errors import MeasurementError

AUTOMATIC = "read_csv(?, sample_size=-1, hive_partitioning=false, auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR'])"
FILES = {
    "plain.csv": "a,b\n1,x\n2,y\n",
    "semicolon.csv": 'a;b\n1;x\n2;"y;z"\n',
    "tab.tsv": "a\tb\n1\t2\n",
    "crlf.csv": "a,b\r\n1,\r\n,y\r\n",
    "no header.csv": "1,2\n3,4\n",
    "header only.csv": "sex,hired,predicted\n",
    "codes.csv": "sex,ok,code,day\nt,yes,10-11,2020-01-01\nf,no,007,2020-02-01\n",
    "quoted names.csv": '"a ""q""","b,c",x\n1,2,\n',
    "same name twice.csv": "a,a\n1,2\n",
    "byte order mark.csv": "\ufeffa,b\n1,2\n",
    "comment.csv": "# made by hand\na,b\n1,2\n",
    "brackets[1].csv": "a,b\n1,2\n",
    "text late.csv": "a,b\n" + "1,2\n" * 30_000 + "x,3.5\n",
    "quotes late.csv": "a,b\n" + "1,x\n" * 30_000 + '5,"x, y"\n"7","says ""no"""\n',
}


def both(path: Path) -> tuple[object, object]:
    """(columns, rows) as every query of a source sees them, and as DuckDB finds them by itself each time."""
    with opened(path) as source:
        name = str(path).replace("[", "[[]")
        described = source.rows(f"DESCRIBE SELECT * FROM {AUTOMATIC}", [[name]])
        ours = (dict(source.columns), source.rows(f"SELECT * FROM {source.relation}", source.params))
        theirs = ({row[0]: row[1] for row in described}, source.rows(f"SELECT * FROM {AUTOMATIC}", [[name]]))
    return ours, theirs


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_it_is_without_this(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FILES[name], encoding="utf-8", newline="")
    ours, theirs = both(tmp_path / name)
    assert ours == theirs


CELLS = st.one_of(st.integers(-10, 10).map(str), st.sampled_from(["", "yes", "1.5", 'a "b"', "x, y", "x;y", "\u00e9"]))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), st.sampled_from(",;\t"))
@settings(deadline=None, max_examples=40)
def test_any_table_is_read_as_it_is_without_this(rows: list[tuple[str, ...]], delimiter: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows([("id", "name", "note"), *rows])
        try:
            ours, theirs = both(path)
        except MeasurementError:
            with pytest.raises(duckdb.Error):
                duckdb.execute(f"SELECT * FROM {AUTOMATIC}", [[str(path)]]).fetchall()
        else:
            assert ours == theirs


def test_a_file_that_is_no_csv_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(b'a,b\n1,"\xff\xfe\x00\n')
    with pytest.raises(MeasurementError, match=r"data\.csv cannot be read") as caught, opened(tmp_path / "data.csv"):
        pass
    assert "\n" not in str(caught.value)


def test_a_name_of_a_column_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text('"x""; DROP TABLE t; --",b\n1,2\n')
    with opened(tmp_path / "data.csv") as source:
        name = next(iter(source.columns))
        assert source.rows(f"SELECT {quoted(name)} FROM {source.relation}", source.params) == [(1,)]

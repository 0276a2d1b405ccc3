"""The quality gate on real files: every outcome, every expectation failing alone, and no raw value in the evidence."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.record import validation_from_json
from expectations.result import DataValidation, GroupColumn, Outcome, Severity, SuiteSpec
from expectations.run import validate
from governance.digests import canonical_json, digest_file
from governance.errors import MeasurementError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ROWS = 240

SPEC = SuiteSpec(
    name="classification:test",
    columns=("id", "income", "note"),
    label="hired",
    favourable="yes",
    label_values=("yes", "no"),
    groups=(
        GroupColumn("sex", "sex", levels=("female", "male")),
        GroupColumn("age", "age", cuts=(40.0,), labels=("under 40", "40 and over")),
    ),
    key=("id",),
    ranges=(("age", 18, 70), ("income", 0, None)),
    categories=(("city", ("Bern", "Genf")),),
    nullable=("note",),
    min_rows=100,
    min_group_size=30,
    min_events=5,
)


def _table() -> pd.DataFrame:
    number = np.arange(ROWS)
    return pd.DataFrame(
        {
            "id": [f"KEY{value:05d}" for value in number],
            "sex": np.where(number % 2 == 0, "female", "male"),
            "age": (18 + number % 50).astype(float),
            "income": (number * 1000.5).astype(float),
            "city": np.where(number % 3 == 0, "Bern", "Genf"),
            "note": pd.Series([None] * ROWS, dtype="str"),
            "hired": np.where(number % 5 < 2, "yes", "no"),
        }
    )


def _set(column: str, rows: object, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype({column: "object"}) if isinstance(value, str) else table
        table.loc[rows, column] = value
        return table

    return change


def _write(tmp_path: Path, table: pd.DataFrame, name: str = "data.parquet") -> Path:
    path = tmp_path / name
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


def _check(tmp_path: Path, table: pd.DataFrame, spec: SuiteSpec = SPEC, name: str = "data.parquet") -> DataValidation:
    return validate(_write(tmp_path, table, name), spec, quarantine=tmp_path / "out" / "quarantine.csv")


def _lines(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "out" / "quarantine.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def _names(result: DataValidation) -> set[tuple[str, str | None]]:
    return {(item.expectation, item.column) for item in result.failed}


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_good_data_passes(tmp_path: Path, name: str) -> None:
    result = _check(tmp_path, _table(), name=name)
    assert (result.outcome, result.failed, result.errors) == (Outcome.PASS, (), ())
    assert result.row_count == ROWS
    assert result.evaluated > 20
    assert result.data_digest == digest_file(tmp_path / name)
    assert not (tmp_path / "out").exists()


# (what is changed, the one expectation that fails, its severity, how many rows are quarantined with which reason)
ALONE = {
    "label null": (_set("hired", [3, 4], None), ("no nulls", "hired"), "critical", 2, "null in hired"),
    "income null": (_set("income", [7], None), ("no nulls", "income"), "critical", 1, "null in income"),
    "sex null": (_set("sex", [0], None), ("no nulls", "sex"), "warning", 1, "null in sex"),
    "key null": (_set("id", [1], None), ("no nulls", "id"), "critical", 1, "null in id"),
    "blank": (_set("city", [1, 2], "  "), ("no nulls", "city"), "critical", 2, "null in city"),
    "too old": (_set("age", [0], 71.0), ("range", "age"), "critical", 1, "out of range: age"),
    "negative": (_set("income", [5], -0.5), ("range", "income"), "critical", 1, "out of range: income"),
    "city": (_set("city", [9], "Basel"), ("known categories", "city"), "critical", 1, "unseen category in city"),
    "key twice": (_set("id", [0], "KEY00001"), ("no duplicate keys", "id"), "critical", 2, "duplicate key"),
}


@pytest.mark.parametrize("case", ALONE)
@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_each_expectation_fails_alone(tmp_path: Path, case: str, name: str) -> None:
    change, failed, severity, rows, reason = ALONE[case]
    result = _check(tmp_path, change(_table()), name=name)
    assert _names(result) == {failed}
    assert [item.severity.value for item in result.failed] == [severity]
    assert result.outcome is (Outcome.BLOCK if severity == "critical" else Outcome.NEEDS_SIGN_OFF)
    assert result.quarantined == rows
    assert {line["reason"] for line in _lines(tmp_path)} == {reason}


def test_an_unseen_level_of_a_sensitive_feature_blocks(tmp_path: Path) -> None:
    result = _check(tmp_path, _set("sex", [0], "Other")(_table()))
    assert ("known levels", "sex") in _names(result)
    assert result.outcome is Outcome.BLOCK
    assert "Other" not in canonical_json(result).decode()


def test_too_few_rows_block(tmp_path: Path) -> None:
    small = dataclasses.replace(SPEC, min_rows=ROWS + 1)
    result = _check(tmp_path, _table(), small)
    assert _names(result) == {("enough rows", None)}
    assert result.failed[0].observed == f"{ROWS} rows"
    assert result.outcome is Outcome.BLOCK


def test_a_small_group_needs_a_sign_off_and_is_named(tmp_path: Path) -> None:
    table = _table()
    table["sex"] = np.where(np.arange(ROWS) < 29, "female", "male")
    result = _check(tmp_path, table)
    assert _names(result) == {("enough rows per group", "sex")}
    assert result.failed[0].observed == "female has 29 rows"
    assert result.outcome is Outcome.NEEDS_SIGN_OFF


def test_a_group_with_few_favourable_labels_needs_a_sign_off(tmp_path: Path) -> None:
    table = _table()
    table.loc[(table["sex"] == "female") & (table.index > 18), "hired"] = "no"
    result = _check(tmp_path, table)
    assert _names(result) == {("enough favourable labels per group", "sex")}
    assert result.failed[0].observed == "female has 4 favourable labels"


def test_a_declared_level_without_anybody_needs_a_sign_off(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, groups=(GroupColumn("sex", "sex", levels=("female", "male", "diverse")),))
    result = _check(tmp_path, _table(), spec)
    assert result.outcome is Outcome.NEEDS_SIGN_OFF
    assert {item.observed for item in result.failed} == {"diverse has 0 rows", "diverse has 0 favourable labels"}


def test_an_undeclared_small_group_is_not_named(tmp_path: Path) -> None:
    table = _set("sex", [0], "strange")(_table())
    result = _check(tmp_path, table, dataclasses.replace(SPEC, groups=(GroupColumn("sex", "sex"),)))
    assert result.outcome is Outcome.NEEDS_SIGN_OFF
    assert "strange" not in canonical_json(result).decode()


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
@pytest.mark.parametrize("column", ["sex", "age"])
def test_a_sensitive_feature_without_any_value_blocks(tmp_path: Path, column: str, name: str) -> None:
    table = _table()
    table[column] = pd.Series([None] * ROWS, dtype=table[column].dtype)
    result = _check(tmp_path, table, name=name)
    failed = {(item.expectation, item.severity) for item in result.failed if item.column == column}
    assert ("several groups", Severity.CRITICAL) in failed
    assert ("no nulls", Severity.WARNING) in failed
    assert (result.outcome, result.errors) == (Outcome.BLOCK, ())


def test_one_group_only_blocks(tmp_path: Path) -> None:
    result = _check(tmp_path, _table().assign(sex="male"))
    assert ("several groups", "sex") in _names(result)
    assert "one group only" in {item.observed for item in result.failed}
    assert result.outcome is Outcome.BLOCK


def test_a_sensitive_feature_declared_nullable_is_only_reported(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, nullable=("note", "sex"))
    result = _check(tmp_path, _set("sex", [0], None)(_table()), spec)
    assert [item.severity for item in result.failed] == [Severity.INFO]
    assert (result.outcome, result.quarantined) == (Outcome.PASS, 0)


def test_a_label_with_three_values_blocks(tmp_path: Path) -> None:
    table = _set("hired", [0], "maybe")(_table())
    result = _check(tmp_path, table)
    assert _names(result) == {("two label values", "hired"), ("label domain", "hired")}
    open_domain = _check(tmp_path, table, dataclasses.replace(SPEC, label_values=()))
    assert _names(open_domain) == {("two label values", "hired")}
    assert open_domain.outcome is Outcome.BLOCK


def test_a_label_with_one_value_blocks(tmp_path: Path) -> None:
    result = _check(tmp_path, _table().assign(hired="yes"))
    assert _names(result) == {("two label values", "hired")}
    assert result.outcome is Outcome.BLOCK


def test_a_favourable_value_that_does_not_occur_blocks(tmp_path: Path) -> None:
    result = _check(tmp_path, _table(), dataclasses.replace(SPEC, favourable="Y"))
    assert ("favourable label", "hired") in _names(result)
    assert result.outcome is Outcome.BLOCK


@pytest.mark.parametrize(("yes", "no"), [(1, 0), (1.0, 0.0), (True, False), ("True", "False")])
@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_labels_are_read_as_the_plan_writes_them(tmp_path: Path, yes: object, no: object, name: str) -> None:
    table = _table()
    table["hired"] = [yes if value == "yes" else no for value in table["hired"]]
    texts = ("true", "false") if str(yes) == "True" else ("1", "0")
    spec = dataclasses.replace(SPEC, favourable=texts[0], label_values=texts)
    assert _check(tmp_path, table, spec, name).outcome is Outcome.PASS


def test_a_missing_column_blocks_and_nothing_is_evaluated_on_it(tmp_path: Path) -> None:
    result = _check(tmp_path, _table().drop(columns=["sex", "income"]))
    assert _names(result) == {("column present", "sex"), ("column present", "income")}
    assert (result.outcome, result.errors) == (Outcome.BLOCK, ())
    assert result.evaluated < _check(tmp_path, _table()).evaluated


def test_a_missing_label_blocks(tmp_path: Path) -> None:
    result = _check(tmp_path, _table().drop(columns=["hired"]))
    assert _names(result) == {("column present", "hired")}
    assert (result.outcome, result.errors) == (Outcome.BLOCK, ())


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_text_where_numbers_are_needed_blocks(tmp_path: Path, name: str) -> None:
    table = _table().astype({"income": "str"})
    table.loc[3, "income"] = "Secret"
    result = _check(tmp_path, table, name=name)
    assert _names(result) == {("numbers", "income")}
    assert (result.outcome, result.errors, result.quarantined) == (Outcome.BLOCK, (), 1)
    assert _lines(tmp_path) == [{"row": "3", "key": "KEY00003", "reason": "not a number in income"}]


def test_a_column_may_be_text_and_number_at_once(tmp_path: Path) -> None:
    spec = dataclasses.replace(
        SPEC,
        ranges=(("code", 0, 2**60),),
        categories=(("code", tuple(str(2**53 + value) for value in range(ROWS))),),
        key=("code",),
    )
    # Neighbours above 2**53 are one number as floats: as keys and categories they are read as text.
    table = _table().assign(code=np.arange(ROWS) + 2**53)
    assert _check(tmp_path, table, spec).outcome is Outcome.PASS


def test_nan_in_a_parquet_file_is_missing_whatever_its_statistics_say(tmp_path: Path) -> None:
    """Written by Arrow, NaN stays NaN (pandas makes it null) and is no part of a column's minimum and maximum."""
    table = _table()
    ages = table["age"].tolist()
    ages[:24] = [float("nan")] * 24
    columns = {name: pa.array(table[name].tolist(), from_pandas=False) for name in table.columns if name != "note"}
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({**columns, "age": pa.array(ages, from_pandas=False), "note": pa.nulls(ROWS)}), path)
    result = validate(path, SPEC, quarantine=tmp_path / "quarantine.csv")
    assert any(item.column == "age" and "null" in item.expectation for item in result.failed)


def test_a_share_of_nulls_may_be_declared(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, max_null_share=0.05)
    exactly = _check(tmp_path, _set("income", range(12), None)(_table()), spec)
    assert (exactly.outcome, exactly.quarantined) == (Outcome.PASS, 0)
    more = _check(tmp_path, _set("income", range(13), None)(_table()), spec)
    assert _names(more) == {("share of nulls", "income")}
    assert (more.outcome, more.quarantined) == (Outcome.BLOCK, 13)


def test_no_rows_block(tmp_path: Path) -> None:
    for name in ("data.parquet", "data.csv"):
        result = _check(tmp_path, _table().head(0), name=name)
        assert (result.outcome, result.row_count, result.errors) == (Outcome.BLOCK, 0, ())
        assert ("enough rows", None) in _names(result)


def test_a_csv_file_without_a_byte_blocks(tmp_path: Path) -> None:
    (tmp_path / "data.csv").touch()
    result = validate(tmp_path / "data.csv", SPEC)
    assert (result.outcome, result.row_count, result.errors) == (Outcome.BLOCK, 0, ())
    assert ("column present", "hired") in _names(result)


@pytest.mark.parametrize("name", ["data.txt", "data.parquet", "folder.csv", "gone.csv"])
def test_what_is_no_table_is_an_error(tmp_path: Path, name: str) -> None:
    if name == "folder.csv":
        (tmp_path / name).mkdir()
    elif name != "gone.csv":
        (tmp_path / name).write_bytes(b"\x00\x01no table")
    with pytest.raises(MeasurementError, match=name):
        validate(tmp_path / name, SPEC)


def test_brackets_in_a_file_name_are_no_pattern(tmp_path: Path) -> None:
    assert _check(tmp_path, _table(), name="data [1].parquet").outcome is Outcome.PASS


def test_compound_keys(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, key=("city", "id"))
    assert _check(tmp_path, _table(), spec).outcome is Outcome.PASS
    # Rows 0 and 3 are both of Bern; row 1 keeps its city, so its key stays its own.
    result = _check(tmp_path, _set("id", [0, 3, 1], "KEY00000")(_table()), spec)
    assert _names(result) == {("no duplicate keys", "city, id")}
    assert [(line["row"], line["key"]) for line in _lines(tmp_path)] == [("0", "Bern;KEY00000"), ("3", "Bern;KEY00000")]


@pytest.mark.parametrize("where", ["_validate", "metric"])
def test_an_exception_inside_an_expectation_blocks_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from expectations import custom

    def crash(*_: object, **__: object) -> None:
        raise ValueError("could not convert string to float: 'Secret'")

    if where == "metric":
        monkeypatch.setattr(custom, "group_sizes", crash)
    else:
        monkeypatch.setattr(custom.ExpectSeveralGroups, "_validate", crash)
    result = _check(tmp_path, _table())
    assert result.outcome is Outcome.ERROR
    assert result.errors
    assert all("could not convert string to float: '...'" in error for error in result.errors)
    assert result.failed == ()


def test_an_engine_that_raises_or_leaves_lines_out_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expectations import run

    class Empty:
        results: tuple[object, ...] = ()

    def crash(_: object) -> object:
        raise RuntimeError("Secret")

    for answer, said in ((crash, "RuntimeError"), (lambda _: Empty(), "were not evaluated")):
        monkeypatch.setattr(run, "_batch", lambda frame, answer=answer: answer)
        result = _check(tmp_path, _table())
        assert (result.outcome, result.evaluated) == (Outcome.ERROR, 0)
        assert said in result.errors[0]
        assert "Secret" not in result.errors[0]


def _everything_wrong() -> pd.DataFrame:
    table = _table()
    for column, row, value in (
        ("sex", 0, "Zxsex"),
        ("city", 1, "Zxcity"),
        ("hired", 2, "Zxlabel"),
        ("note", 3, "Zxnote"),
        ("id", 4, "KEY00005"),
    ):
        table = _set(column, [row], value)(table)
    table.loc[6, "age"] = 987654.0
    table.loc[7, "income"] = -123456.75
    table.loc[8, "sex"] = None
    return table


def test_no_raw_value_is_in_the_evidence_and_only_keys_in_the_quarantine(tmp_path: Path) -> None:
    table = _everything_wrong()
    result = _check(tmp_path, table)
    evidence = canonical_json(result).decode()
    quarantine = (tmp_path / "out" / "quarantine.csv").read_text()
    assert result.outcome is Outcome.BLOCK
    for text in ("Zx", "987654", "123456", "Bern", "Genf"):
        assert text not in evidence
        assert text not in quarantine
    assert "KEY" not in evidence
    lines = _lines(tmp_path)
    assert {(line["row"], line["reason"]) for line in lines} == {
        ("0", "unseen category in sex"),
        ("1", "unseen category in city"),
        ("2", "unseen category in hired"),
        ("4", "duplicate key"),
        ("5", "duplicate key"),
        ("6", "out of range: age"),
        ("7", "out of range: income"),
        ("8", "null in sex"),
    }
    assert {line["key"] for line in lines if line["row"] in "45"} == {"KEY00005"}
    assert result.quarantined == 8
    assert validation_from_json(canonical_json(result)) == result


def test_without_a_declared_key_no_key_is_written(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, key=())
    _check(tmp_path, _everything_wrong(), spec)
    assert {line["key"] for line in _lines(tmp_path)} == {""}


def test_a_quarantine_file_is_limited_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expectations import quarantine

    monkeypatch.setattr(quarantine, "MAX_LINES", 5)
    result = _check(tmp_path, _set("income", range(20), None)(_table()))
    lines = _lines(tmp_path)
    assert (result.quarantined, len(lines)) == (20, 6)
    assert lines[-1] == {"row": "", "key": "", "reason": "15 more lines left out; 20 rows in all"}


def test_an_old_quarantine_file_does_not_outlive_a_pass(tmp_path: Path) -> None:
    _check(tmp_path, _set("income", [0], None)(_table()))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["quarantine.csv"]
    assert _check(tmp_path, _table()).quarantined == 0
    assert list((tmp_path / "out").iterdir()) == []


_OTHER_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_quality_gate import SPEC
from expectations.run import validate
print(validate(Path(sys.argv[1]), SPEC).suite_digest)
"""


def test_the_suite_digest_is_the_same_in_another_process(tmp_path: Path) -> None:
    path = _write(tmp_path, _table())
    done = subprocess.run(
        [sys.executable, "-c", _OTHER_PROCESS, str(path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == validate(path, SPEC).suite_digest
    # Nothing is printed beside the answer: no progress bar, no log.
    assert done.stderr == ""


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": (("age", 18, 71), ("income", 0, None))},
        {"min_rows": 101},
        {"min_group_size": 31},
        {"key": ()},
        {"nullable": ()},
        {"favourable": "no"},
    ],
)
def test_another_requirement_is_another_suite(change: dict[str, object]) -> None:
    from expectations.run import suite_digest
    from expectations.suites.classification import build

    assert suite_digest(build(SPEC)) == suite_digest(build(SPEC))
    assert suite_digest(build(dataclasses.replace(SPEC, **change))) != suite_digest(build(SPEC))


@pytest.mark.needs_shared
def test_adult(tmp_path: Path) -> None:
    path = SHARED / "adult" / "adult.parquet"
    if not path.is_file():
        pytest.skip(f"no reference data at {SHARED}")
    spec = SuiteSpec(
        name="classification:adult",
        columns=("age", "workclass", "education", "occupation", "hours-per-week", "native-country"),
        label="class",
        favourable=">50K",
        groups=(
            GroupColumn("sex", "sex", levels=("Female", "Male")),
            GroupColumn("race", "race"),
            GroupColumn("age", "age", cuts=(25.0, 40.0)),
        ),
        ranges=(("age", 16, 100), ("hours-per-week", 1, 99)),
        nullable=("workclass", "occupation", "native-country"),
    )
    result = validate(path, spec, quarantine=tmp_path / "quarantine.csv")
    assert (result.row_count, result.errors) == (48_842, ())
    assert (result.outcome, result.failed) == (Outcome.PASS, ())
    strict = validate(path, dataclasses.replace(spec, nullable=()), quarantine=tmp_path / "quarantine.csv")
    counts = {item.column: item.unexpected_count for item in strict.failed}
    assert counts == {"workclass": 2_799, "occupation": 2_809, "native-country": 857}
    assert strict.outcome is Outcome.BLOCK
    # 48,842 - 45,222 complete rows, the counts that the data set is known by.
    assert strict.quarantined == 3_620

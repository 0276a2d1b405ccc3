"""The same plan on Spark and on DuckDB: the same cells, the same refusals. With a real Spark, or skipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_local import PANDAS_WARNING, absent, spark

from audits.cells import read_cells
from audits.pinned import pinned
from audits.plan import MEDIAN, AuditPlan, JoinedFile, Score, SensitiveFeature
from audits.scan import SUMS, ScanSpec
from audits.scan_duckdb import scan
from audits.spark_scan import scan_spark
from audits.spark_source import SparkTable
from audits.table import columns_summary, feature_batches, opened, row_count, table_digest
from governance.errors import FairgateError, MeasurementError

__all__ = ["spark"]

pytestmark = [
    pytest.mark.skipif(absent() is not None, reason=absent() or ""),
    pytest.mark.filterwarnings(PANDAS_WARNING),
    pytest.mark.slow,
]

ROWS = 4_000
SEX = SensitiveFeature("sex", "sex")
AGE = SensitiveFeature("age", "age", cuts=(25, 40.5), labels=("young", "middle", "old"))
RACE = SensitiveFeature("race", "race code", merge=(("other", ("3", "4")),))
SHARES = SensitiveFeature("gender", "", probabilities=(("female", "p_f"), ("male", "p_m")))
SCORE = Score(0.0, 1.0, "score", 0.5)
SCORE_ONLY = replace(SCORE, cutoff=None)
PLAIN = ScanSpec((SEX, RACE), "hired", "predicted")
SPECS = {
    "counts": PLAIN,
    "cuts": replace(PLAIN, features=(SEX, AGE)),
    "floats with NaN as levels": replace(PLAIN, features=(SensitiveFeature("grade", "grade"),)),
    "booleans": replace(PLAIN, features=(SensitiveFeature("flag", "flag"),), label="flag2", prediction=None),
    "a number as label, a float as prediction": ScanSpec((SEX,), "label_int", "label_float"),
    "weights": replace(PLAIN, weight="weight"),
    "probabilities": replace(PLAIN, features=(SHARES, RACE)),
    "probabilities and weights": replace(PLAIN, features=(SHARES, SEX), weight="weight"),
    "no label": replace(PLAIN, label=None),
    "a cutoff": ScanSpec((SEX,), "hired", score=SCORE),
    "the median": ScanSpec((SEX,), "hired", score=replace(SCORE, cutoff=MEDIAN)),
    "bins": replace(PLAIN, score=replace(SCORE, cutoff=None), bins=64),
    "bins, weights and probabilities": replace(PLAIN, features=(SHARES,), weight="weight", score=SCORE, bins=16),
    "a decimal score": ScanSpec((SEX,), "hired", score=Score(0, 100, "decimal", 50), bins=10),
    "ties in float32": ScanSpec(
        (SEX, SensitiveFeature("band", "single", cuts=(0.3,))), "hired", score=Score(0.1, 0.9, "single", 0.7), bins=8
    ),
    "the median in float32": ScanSpec((SEX,), "hired", score=Score(0.1, 0.9, "single", MEDIAN)),
    "numbers": ScanSpec((SEX,), None, score=SCORE_ONLY, bins=16, moments=True, target="label_float"),
    "numbers, weights and probabilities": ScanSpec(
        (SHARES,), None, weight="weight", score=SCORE_ONLY, bins=16, moments=True, target="label_float"
    ),
}


def people() -> pa.Table:
    random = np.random.default_rng(11)
    share = random.random(ROWS).round(3)
    nobody = random.random(ROWS) < 0.1
    label = random.integers(0, 2, ROWS)
    frame = pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "sex": random.choice(["f", "m", None, " "], ROWS, p=[0.45, 0.45, 0.05, 0.05]),
            "race code": random.integers(1, 6, ROWS),
            "age": np.where(random.random(ROWS) < 0.05, np.nan, random.choice([18, 25, 40.5, 60.0], ROWS)),
            "grade": random.choice([1.0, 2.5, np.nan, -0.0, np.inf], ROWS),
            "flag": random.random(ROWS) < 0.5,
            "flag2": random.random(ROWS) < 0.5,
            "hired": random.choice(["yes", "no"], ROWS),
            "predicted": random.choice(["yes", "no"], ROWS),
            "label_int": label,
            "label_float": label.astype(float),
            "weight": random.lognormal(0, 2, ROWS),
            "score": random.choice([0.0, 1.0, 0.5, 0.25], ROWS) * (random.random(ROWS) < 0.3) + 0,
        }
    )
    frame["score"] = np.where(random.random(ROWS) < 0.7, random.random(ROWS), frame["score"])
    frame["p_f"] = np.where(nobody, np.nan, share)
    frame["p_m"] = np.where(nobody, np.nan, 1 - share)
    # Array by array: from a data frame NaN would become null.
    table = pa.table({name: pa.array(frame[name].to_numpy(), from_pandas=name == "sex") for name in frame})
    decimals = [Decimal(int(value)) / 100 for value in random.integers(0, 10_001, ROWS)]
    singles = random.integers(1, 10, ROWS) / 10
    table = table.append_column("single", pa.array(singles, pa.float32()))
    return table.append_column("decimal", pa.array(decimals, pa.decimal128(12, 2)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "people.parquet"
    folder.mkdir()
    table = people()
    for number in range(3):  # several files: several partitions
        part = table.slice(number * ROWS // 3, ROWS // 3 + (number == 2) * ROWS)
        pq.write_table(part, folder / f"part-{number}.parquet")
    return folder


def both(spec: ScanSpec, path: Path) -> tuple[Any, Any]:
    with opened(path) as source:
        by_duckdb = scan(source, spec)
    return by_duckdb, scan_spark(f"spark:{path}", spec)


@pytest.mark.parametrize("what", SPECS)
def test_spark_finds_the_same_groups_as_duckdb(spark: Any, data: Path, what: str) -> None:
    by_duckdb, by_spark = both(SPECS[what], data)
    assert by_spark.engine.startswith("spark ")
    assert (by_spark.rows, by_spark.cut) == (by_duckdb.rows, by_duckdb.cut) == (ROWS, by_duckdb.cut)
    assert by_spark.table.column_names == by_duckdb.table.column_names
    for name in by_duckdb.table.column_names:
        theirs, ours = (item.table[name].to_pylist() for item in (by_spark, by_duckdb))
        if name in ("w", "w2", "s", "s2", "lp", "lq"):
            np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=0)
        elif name in SUMS:  # of numbers of both signs, which cancel
            np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-9)
        else:
            assert theirs == ours, name


def refused(spec: ScanSpec, path: Path, message: str) -> None:
    """Both engines refuse in the same words, but for the name of the data."""
    with opened(path) as source, pytest.raises(FairgateError, match=message) as by_duckdb:
        scan(source, spec)
    with pytest.raises(FairgateError, match=message) as by_spark:
        scan_spark(f"spark:{path}", spec)
    assert type(by_spark.value) is type(by_duckdb.value)
    assert str(by_spark.value).replace("spark:", "") == str(by_duckdb.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replace(PLAIN, label="hird"), "no column 'hird', needed as the label"),
        (replace(PLAIN, features=(replace(AGE, column="sex"),)), "is VARCHAR, but the plan cuts"),
        (replace(PLAIN, weight="age"), "the weight 'age' is NaN or infinite"),
        (replace(PLAIN, weight="label_int"), "the weight 'label_int' is 0 in some row"),
        (replace(PLAIN, score=Score(0, 0.5, "score"), bins=8), "outside the declared range 0 to 0.5 in"),
        (ScanSpec((SEX,), "hired", score=Score(0, 0.5, "score", MEDIAN)), "outside the declared range 0 to 0.5 in"),
        (replace(PLAIN, features=(replace(SHARES, probabilities=(("a", "p_f"), ("b", "p_f"))),)), "do not sum to 1"),
        (ScanSpec((SEX,), "hired", score=Score(0, 1, None, 0.5)), "names no column of scores"),
    ],
)
def test_spark_refuses_what_duckdb_refuses(spark: Any, data: Path, spec: ScanSpec, message: str) -> None:
    refused(spec, data, message)


def test_more_combinations_than_any_audit_has_are_refused(spark: Any) -> None:
    many = SparkTable(spark.range(100_001).selectExpr("id AS sex", "id % 2 AS hired"), "many")
    with pytest.raises(MeasurementError, match="many has more than 100000 combinations of values"):
        scan_spark(many, ScanSpec((SEX,), "hired"))


def test_features_of_a_joined_file_are_found_by_key(spark: Any, data: Path, tmp_path: Path) -> None:
    ids = np.arange(ROWS)
    origin = pd.DataFrame({"id": ids, "origin": np.where(ids % 3 == 0, "here", "abroad"), "sex": "other"})
    origin.sample(frac=1, random_state=1).drop(columns="sex").to_csv(tmp_path / "origin.csv", index=False)
    joined = JoinedFile(str(tmp_path / "origin.csv"), ("id",))
    spec = ScanSpec((SensitiveFeature("origin", "origin"), SEX), "hired", "predicted", "weight", joined=joined)
    by_duckdb, by_spark = both(spec, data)
    assert by_spark.table.select(["f0", "f1", "n"]).equals(by_duckdb.table.select(["f0", "f1", "n"]))
    np.testing.assert_allclose(by_spark.table["w2"].to_numpy(), by_duckdb.table["w2"].to_numpy(), rtol=1e-12)
    origin.iloc[5:].drop(columns="sex").to_csv(tmp_path / "origin.csv", index=False)
    refused(spec, data, "5 rows find no row in .*origin.csv by 'id'")
    origin.to_csv(tmp_path / "origin.csv", index=False)
    refused(spec, data, "The column 'sex' is in")


def test_read_cells_counts_a_spark_source_like_the_same_files(spark: Any, data: Path) -> None:
    plan = AuditPlan(
        "hiring", "hired", "yes", (SEX, AGE), (), date(2026, 1, 1), "sha256:0", prediction="predicted", weight="weight"
    )
    ours, theirs = read_cells(data, plan), read_cells(f"spark:{data}", plan)
    assert [(c.levels, c.outcome, c.prediction, c.n) for c in ours.cells] == [
        (c.levels, c.outcome, c.prediction, c.n) for c in theirs.cells
    ]
    np.testing.assert_allclose([c.w for c in theirs.cells], [c.w for c in ours.cells], rtol=1e-12)
    assert (theirs.row_count, theirs.engine) == (ROWS, f"spark {spark.version}")
    with pytest.raises(MeasurementError, match="cannot be joined to rows of Spark, which have no order"):
        read_cells(f"spark:{data}", plan, predictions=np.array(["yes"] * ROWS))


def test_a_table_of_the_catalogue_answers_like_any_other(spark: Any, data: Path) -> None:
    spark.read.parquet(str(data)).select("id", "sex", "race code").createOrReplaceTempView("applicants")
    address = "spark:applicants"
    assert row_count(address) == ROWS
    assert [column.name for column in columns_summary(address)] == ["id", "sex", "race code"]
    batches = list(feature_batches(address, ["race code", "id"]))
    assert sorted(value for batch in batches for value in batch.column(1).to_pylist()) == list(range(ROWS))
    # The same rows in memory, in another order: the same digest.
    shuffled = people().select(["id", "sex", "race code"]).take(np.random.default_rng(1).permutation(ROWS))
    assert table_digest(address) == table_digest(shuffled)
    with pinned(address, ["id"]) as path:
        assert row_count(path) == ROWS


def test_what_is_not_there_is_said_in_one_sentence(spark: Any, data: Path) -> None:
    spark.range(1).createOrReplaceTempView("one")
    with pytest.raises(MeasurementError, match=r"^spark:nobody: Spark has no such table\. There are: .*one"):
        row_count("spark:nobody")
    with pytest.raises(MeasurementError, match="Spark finds no files there: correct the path"):
        row_count(f"spark:{data}/absent.parquet")

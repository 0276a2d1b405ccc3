"""The same plan on Spark and on DuckDB: the same cells, the same refusals. With a real Spark, or skipped."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_local import PANDAS_WARNING, absent, spark

from audits.plan import MEDIAN, Score, SensitiveFeature
from audits.scan import ScanSpec
from audits.scan_duckdb import scan
from audits.source_uri import table_address
from audits.spark_scan import scan_spark
from audits.spark_source import spark_table
from audits.table import opened

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
    table = pa.Table.from_pandas(frame, preserve_index=False)
    decimals = [Decimal(int(value)) / 100 for value in random.integers(0, 10_001, ROWS)]
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
    return by_duckdb, scan_spark(spark_table(table_address(f"spark:{path}")), spec)


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
        else:
            assert theirs == ours, name

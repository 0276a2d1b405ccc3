"""Equal inputs give equal bytes: no sum shows how many threads there were, or which of them came first."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.exact_sums import Aggregate, FixedSum, Total, grouped
from audits.plan import AuditPlan, Bound, Comparison, Score, SensitiveFeature, Task
from audits.record import to_json
from audits.run import audit
from audits.scan import Counted, ScanSpec
from audits.scan_duckdb import scan
from audits.table import opened

ROWS = 100_000
SEX = SensitiveFeature("sex", "sex")
SHARES = SensitiveFeature("origin", "", probabilities=(("here", "p_here"), ("abroad", "p_abroad")))
SCORE = Score(0, 1, "score", 0.5)
SPECS = {
    "a score": ScanSpec((SEX,), "hired", score=SCORE, bins=8),
    "a score and weights": ScanSpec((SEX,), "hired", weight="w", score=SCORE, bins=8),
    "probabilities and weights": ScanSpec((SHARES,), "hired", weight="w", score=SCORE, bins=4),
    "numbers": ScanSpec((SEX,), None, score=replace(SCORE, cutoff=None), bins=4, moments=True, target="pay"),
    "numbers and weights": ScanSpec(
        (SEX,), None, weight="w", score=replace(SCORE, cutoff=None), bins=4, moments=True, target="pay"
    ),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(3)
    share = random.random(ROWS)
    table = pa.table(
        {
            "sex": random.choice(["f", "m"], ROWS),
            "hired": random.choice(["yes", "no"], ROWS),
            "w": random.lognormal(0, 4, ROWS),
            "score": random.random(ROWS),
            "pay": random.random(ROWS),
            "p_here": share,
            "p_abroad": 1 - share,
        }
    )
    path = tmp_path_factory.mktemp("data") / "people.parquet"
    pq.write_table(table, path, row_group_size=5_000)
    return path


def counted(path: Path, spec: ScanSpec, threads: int) -> Counted:
    with opened(path) as source:
        source.connection.execute(f"SET threads = {threads}")
        return scan(source, spec)


@pytest.mark.parametrize("what", SPECS)
def test_sums_are_equal_bits_with_any_number_of_threads(data: Path, what: str) -> None:
    first = counted(data, SPECS[what], 1).table
    for threads in (1, 2, 4, 4):
        assert counted(data, SPECS[what], threads).table.equals(first)


@pytest.mark.parametrize("what", SPECS)
def test_sums_are_equal_bits_in_any_order_of_the_rows(data: Path, tmp_path: Path, what: str) -> None:
    table = pq.read_table(data)
    order = np.random.default_rng(4).permutation(ROWS)
    pq.write_table(table.take(order), tmp_path / "mixed.parquet", row_group_size=12_500)
    assert counted(tmp_path / "mixed.parquet", SPECS[what], 4).table.equals(counted(data, SPECS[what], 2).table)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_audits_of_one_file_are_equal_bytes(
    data: Path, monkeypatch: pytest.MonkeyPatch, task: Task, weight: str | None
) -> None:
    import duckdb

    numbers = task is Task.REGRESSION
    plan = AuditPlan(
        model="hiring",
        label="pay" if numbers else "hired",
        favourable="yes",
        sensitive_features=(SEX,),
        bounds=() if numbers else (Bound("mean_score", Comparison.DIFFERENCE, 0.05),),
        decided_at=date(2026, 1, 1),
        digest="sha256:plan",
        task=task,
        prediction="score" if numbers else None,
        score=Score(0, 1) if numbers else SCORE,
        weight=weight,
        replicates=100,
    )
    connect = duckdb.connect
    found = set()
    for threads in (1, 2, 4, 4):
        monkeypatch.setattr(
            duckdb,
            "connect",
            lambda path, *, config, threads=threads, **more: connect(
                path, config=config | {"threads": threads}, **more
            ),
        )
        found.add(to_json(audit(plan, data, data_digest="sha256:data")))
    assert len(found) == 1


VALUE = st.floats(-1, 1)
WEIGHT = st.floats(1e-120, 1e120)


def summed(rows: list[tuple[str, float, float]], *, threads: int = 4) -> dict[str, dict[str, Any]]:
    totals: list[Total] = [Aggregate("n", "count(*)"), FixedSum("w", power=1), FixedSum("w2", power=2)]
    totals += [FixedSum("s", "v", 1, units=(2.0, 4.0)), FixedSum("t", "v * v", 2)]
    names, values, weights = zip(*rows, strict=True)
    with opened(pa.table({"g": names, "v": values, "w": weights})) as source:
        source.connection.execute(f"SET threads = {threads}")
        found = source.connection.sql(grouped(source.relation, {'"g"': "g"}, totals, "w")).to_arrow_table().to_pylist()
    return {row["g"]: row for row in found}


@given(st.lists(st.tuples(st.sampled_from("ab"), VALUE, WEIGHT), min_size=1, max_size=60))
@settings(deadline=None, max_examples=20)
def test_weighted_sums_are_those_of_exact_fractions(rows: list[tuple[str, float, float]]) -> None:
    expected: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 5)
    for group, value, weight in rows:
        v, w = Fraction(value), Fraction(weight)
        terms = (Fraction(1), w, w * w, 8 * v * w, v * v * w * w)
        expected[group] = [old + new for old, new in zip(expected[group], terms, strict=True)]
    found = summed(rows)
    assert list(found) == sorted(expected)
    for group, (n, w, w2, s, t) in expected.items():
        row = found[group]
        assert row["n"] == n
        assert row["w"] == pytest.approx(float(w), rel=1e-15)
        assert row["w2"] == pytest.approx(float(w2), rel=1e-13)
        assert row["s"] == pytest.approx(float(s), rel=1e-14, abs=8e-15 * float(w))
        assert row["t"] == pytest.approx(float(t), rel=1e-13, abs=1e-13 * float(w2))
    assert summed(rows[::-1], threads=1) == found


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200])
def test_weights_that_are_no_numbers_make_their_group_nan(bad: float) -> None:
    found = summed([("a", 1.0, bad), ("a", 1.0, 2.0), ("b", 1.0, 2.0), ("b", 1.0, 0.0), ("b", 1.0, -3.0)])
    assert math.isnan(found["a"]["w"])
    assert math.isnan(found["a"]["w2"])
    assert (found["b"]["n"], found["b"]["w"], found["b"]["w2"], found["b"]["s"]) == (3, 2.0, 4.0, 16.0)


def test_the_smallest_and_largest_weights_whose_squares_are_numbers_count() -> None:
    found = summed([("a", 1.0, 1.3e154), ("b", 1.0, 1e-300), ("b", 1.0, 5e-324)])
    assert found["a"]["w"] == 1.3e154
    assert found["a"]["w2"] == pytest.approx(1.3e154**2, rel=1e-13)
    assert found["b"]["w"] == pytest.approx(1e-300, rel=1e-12)


def test_of_zeros_of_both_signs_the_end_is_the_same_one() -> None:
    for scores in ([0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0]):
        with opened(pa.table({"sex": ["f", "f"], "hired": ["yes", "no"], "score": scores})) as source:
            found = scan(source, ScanSpec((SEX,), None, score=Score(0, 1, "score"), bins=2)).table
        assert math.copysign(1, found["lo"][0].as_py()) == math.copysign(1, found["hi"][0].as_py()) == 1

"""The rows of the benchmarks: applicants by sex, race and age band, with outcome, decision, score and weight.

    python benchmarks/hiring.py ROWS FILE [--inputs]

--inputs adds ten numeric columns for a model, of which some have to do with the outcome.
DuckDB writes them as a stream of Parquet, so that 1e8 rows (about 1 GB) need no memory. Every value is a hash of the
row's number and the seed, not a draw in turn: equal seeds give equal rows, whatever the number of threads.
"""

from __future__ import annotations

import sys
from pathlib import Path

SEED = 20260101
FEATURES = ("sex", "race", "age_band")
LABEL, PREDICTION, SCORE, WEIGHT = "hired", "predicted", "score", "weight"
FAVOURABLE = "yes"

# Cumulative shares out of 10,000: groups from 2 % to 44 %.
_RACES = {"white": 4_400, "black": 6_400, "hispanic": 8_000, "asian": 9_000, "two or more": 9_500, "native": 9_800}
_LAST_RACE = "pacific"
_AGES = {"<25": 1_500, "25-34": 4_500, "35-44": 7_000, "45-54": 8_800}
_LAST_AGE = ">=55"

_INPUTS = 10
_DRAWS = 7  # uniform numbers of a row
_DRAWN = """
SELECT
    i,
    CASE WHEN u1 < 0.46 THEN 'female' ELSE 'male' END AS sex,
    {race} AS race,
    {age} AS age_band,
    u4 < 0.25 + 0.10 * (u1 >= 0.46)::INT + 0.08 * (u2 < 0.44)::INT - 0.05 * (u3 > 0.88)::INT AS good,
    u5, u6, u7
FROM (
    SELECT i, {uniforms} FROM range({rows}) AS numbers(i)
)
"""
_ROWS = """
SELECT
    sex, race, age_band,
    CASE WHEN good THEN 'yes' ELSE 'no' END AS hired,
    CASE WHEN score >= 0.5 THEN 'yes' ELSE 'no' END AS predicted,
    score, weight{inputs}
FROM (
    SELECT i, sex, race, age_band, good,
        least(1, greatest(0, 0.36 + 0.22 * good::INT + 0.03 * (sex = 'male')::INT + 0.5 * (u5 + u6 - 1))) AS score,
        (1 + floor(u7 * 4)) / 2 AS weight
    FROM ({drawn})
)
"""


def write(rows: int, path: Path, *, inputs: bool = False) -> None:
    """Write so many rows, the same ones every time. The file appears only when it is whole."""
    import duckdb

    uniforms = ", ".join(f"hash(i * {_DRAWS} + {SEED + n}) / 18446744073709551616.0 AS u{n + 1}" for n in range(_DRAWS))
    drawn = _DRAWN.format(
        race=_case("u2", _RACES, _LAST_RACE), age=_case("u3", _AGES, _LAST_AGE), uniforms=uniforms, rows=int(rows)
    )
    unfinished = path.with_suffix(".unfinished")
    connection = duckdb.connect()
    try:
        query = _ROWS.format(drawn=drawn, inputs=_inputs() if inputs else "")
        connection.execute(f"COPY ({query}) TO '{unfinished}' (FORMAT parquet, COMPRESSION zstd)")
    finally:
        connection.close()
    unfinished.rename(path)


def _inputs() -> str:
    """x0 .. x9: doubles and whole numbers, every second one shifted for good applicants."""
    drawn = [
        f"hash(i * {_INPUTS} + {SEED * 2 + n}) / 18446744073709551616.0 + {n % 2} * good::INT / 3"
        for n in range(_INPUTS)
    ]
    return "".join(f", {f'floor(40 * ({value}))' if n > 6 else value} AS x{n}" for n, value in enumerate(drawn))


def _case(number: str, ends: dict[str, int], last: str) -> str:
    whens = " ".join(f"WHEN {number} < {end / 10_000} THEN '{name}'" for name, end in ends.items())
    return f"CASE {whens} ELSE '{last}' END"


if __name__ == "__main__":
    write(int(float(sys.argv[1])), Path(sys.argv[2]), inputs="--inputs" in sys.argv)

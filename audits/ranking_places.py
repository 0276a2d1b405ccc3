"""Orders of people -> the places that each group has, ranking by ranking: window functions of DuckDB, out of core.

Candidates with the same score share their places: each gets the mean exposure of the places that they hold together,
and the share of these that is among the first k. What is left for Python are sums over blocks of rankings, so memory
does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audits.cells import level_cells, read_counted
from audits.histogram import Array
from audits.levels import level_namer
from audits.plan import AuditPlan, Ranking, SensitiveFeature
from audits.predictions import Encoded, Predictions, Scores, answered
from audits.result import UNKNOWN, Cells
from audits.scan import Progress, ScanSpec, scan_spec, significant
from audits.scan_duckdb import rows_of
from audits.scan_sql import Expression, feature_sql, number_column
from audits.table import Source, Table, count_rows, opened, table_name
from governance.errors import ConfigurationError, MeasurementError

BLOCKS = 1_000
"""More rankings than this are joined to so many blocks, which the bootstrap draws (random groups, Wolter 2007)."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The groups of one comparison, those with rows: known ones sorted, then those with an unknown level.

    Arrays over blocks of rankings and groups: `n` candidates, `exposure` the sum of 1 / log2(place + 1), `expected`
    that sum if every group had its share of the candidates in each ranking; `variance` that of `exposure` if every
    order were as likely. `top` and `expected_top` (k, blocks,
    groups) are the places among the first k, and those by the share of the candidates. `rankings` (groups,) in which
    the group occurs. `divergence` (blocks, 2): rankings, and the sum of their NDKL, over candidates of known groups.
    """

    features: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    n: Array
    exposure: Array
    expected: Array
    variance: Array
    top: Array
    expected_top: Array
    rankings: Array
    divergence: Array


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What was read of all rankings; `longest` is the number of candidates of the longest one."""

    comparisons: tuple[Places, ...]
    rankings: int
    longest: int
    cells: Cells


def read_ranking(
    table: Table,
    plan: AuditPlan,
    *,
    predictions: Predictions | None = None,
    data_digest: str,
    progress: Progress | None = None,
) -> Ranked:
    """The places of every group of every comparison of the plan.

    The order is the column `plan.ranking.rank` (1 is the first), or the score, highest first: the column
    `plan.score.column`, or `predictions` (one score per row, in the table's order).

    Raises MeasurementError for ranks that are not 1 to n in every ranking, scores that are missing or out of range, a
    missing value of a query column, and what `audits.cells.read_cells` raises of features; ConfigurationError where
    nothing orders, and for weights and probabilities, which have no meaning in an order.
    """
    ranking = _checked(plan, predictions)
    by_score = plan.score is not None and ranking.rank is None
    wanted = replace(
        plan,
        label=None,
        prediction=None,
        control_features=(),
        score=replace(plan.score, cutoff=None) if plan.score is not None and by_score else None,
    )
    given = predictions if by_score else None
    # Checks levels, scores and the joined file in the words of every scan, and counts the rows of each level.
    counted = read_counted(table, wanted, predictions=given, bins=1 if by_score else 0, progress=progress)
    cells = level_cells(counted, wanted, data_digest=data_digest, name=table_name(table))
    with opened(table) as source:
        found = None if given is None else answered(given, count_rows(source), plan)
        return _read(source, wanted, ranking, found, cells)


def _checked(plan: AuditPlan, predictions: Predictions | None) -> Ranking:
    ranking = plan.ranking or Ranking()
    if plan.weight is not None or any(feature.probabilities for feature in plan.sensitive_features):
        raise ConfigurationError(
            "A ranking has one place for each candidate: leave out [data] weight, and probabilities of sensitive"
            " features."
        )
    if ranking.rank is None and (plan.score is None or (plan.score.column is None and predictions is None)):
        raise ConfigurationError(
            "Nothing orders: the plan names no rank and no column of scores, and no model was scored. Add `rank`, or"
            " `score` with score_range, to [data], or give a model."
        )
    return ranking


def _read(source: Source, plan: AuditPlan, ranking: Ranking, given: Encoded | Scores | None, cells: Cells) -> Ranked:
    also = [*ranking.query, *([ranking.rank] if ranking.rank else [])]
    rows, spec = rows_of(source, scan_spec(plan), given, also=also)
    levels = _candidates(rows, spec, ranking)
    if ranking.rank is not None:
        _refuse_gaps(rows, ranking.rank)
    shares = "".join(f", avg((place <= ?)::DOUBLE) OVER peers AS t{number}" for number in range(len(ranking.top)))
    rows.connection.execute(
        "CREATE TEMP TABLE fairgate_placed AS SELECT * EXCLUDE (place, o, nameless), avg(1 / log2(place + 1)) OVER"  # noqa: S608
        f" peers AS e{shares}"
        " FROM (SELECT *, row_number() OVER (PARTITION BY q ORDER BY o) AS place FROM fairgate_candidates)"
        " WINDOW peers AS (PARTITION BY q, o)",
        list(ranking.top),
    )
    rows.connection.execute(
        "CREATE TEMP TABLE fairgate_rankings AS SELECT q, count(*) AS n, sum(e) AS e,"
        " coalesce(var_samp(e), 0) AS v FROM fairgate_placed GROUP BY q"
    )
    rankings, longest = rows.rows("SELECT count(*), max(n) FROM fairgate_rankings")[0]
    names = [feature.name for feature in plan.sensitive_features]
    found = [_places(rows, features, names, levels, ranking.top) for features in plan.comparisons()]
    return Ranked(tuple(found), int(rankings), int(longest), cells)


# --- the candidates ---------------------------------------------------------------------------------------------------


def _candidates(rows: Source, spec: ScanSpec, ranking: Ranking) -> list[tuple[str, ...]]:
    """Make a table of codes of levels f0.., the number q of the ranking and the order o (least first).

    Gives the levels of every feature, which the codes point into, the unknown one last.
    """
    features = [feature_sql(rows, feature, position) for position, feature in enumerate(spec.features)]
    parts = enumerate(zip(spec.features, features, strict=True))
    levels = [_levels(rows, feature, part, position) for position, (feature, part) in parts]
    columns = [f"({part.sql}) AS r{position}" for position, part in enumerate(features)]
    queries = [rows.require(column, "[data] query") for column in ranking.query]
    columns += [f"{name} AS q{position}" for position, name in enumerate(queries)]
    columns.append(f"({_order(rows, spec, ranking)}) AS o")
    joins = " ".join(
        f"JOIN fairgate_levels{position} AS l{position} ON r{position} IS NOT DISTINCT FROM l{position}.raw"
        for position in range(len(features))
    )
    codes = ", ".join(f"l{position}.code AS f{position}" for position in range(len(features)))
    by = ", ".join(f"q{position}" for position in range(len(queries)))
    number = f"dense_rank() OVER (ORDER BY {by})" if queries else "1"
    missing = " OR ".join(f"q{position} IS NULL" for position in range(len(queries))) or "FALSE"
    rows.connection.execute(
        f"CREATE TEMP TABLE fairgate_candidates AS SELECT {codes}, {number} AS q, o, {missing} AS nameless"  # noqa: S608
        f" FROM (SELECT {', '.join(columns)} FROM {rows.relation}) {joins}",
        [*(value for part in features for value in part.params), *rows.params],
    )
    if nameless := rows.rows("SELECT count(*) FROM fairgate_candidates WHERE nameless")[0][0]:
        raise MeasurementError(
            f"{rows.name}: [data] query ({', '.join(ranking.query)}) is missing in {nameless} rows: which ranking do"
            " they belong to? Complete the column, or take these rows out."
        )
    return levels


def _order(rows: Source, spec: ScanSpec, ranking: Ranking) -> str:
    """Least first."""
    if ranking.rank is not None:
        return number_column(rows, ranking.rank, "[data] rank")
    assert spec.score is not None and spec.score.column is not None  # noqa: S101 - checked before
    return f"-({number_column(rows, spec.score.column, 'the score')}::DOUBLE)"


def _levels(rows: Source, feature: SensitiveFeature, part: Expression, position: int) -> tuple[str, ...]:
    """The levels of a feature. Makes the table that leads from what is read (raw) to their positions (code)."""
    import pyarrow as pa

    params = [*part.params, *rows.params]
    query = f"SELECT DISTINCT ({part.sql}) AS raw FROM {rows.relation}"  # noqa: S608
    raw = rows.connection.sql(query, params=params).to_arrow_table()
    namer = level_namer(feature)
    texts = [namer(value) for value in raw["raw"].to_pylist()]
    levels = tuple(sorted(set(texts), key=lambda level: (level == UNKNOWN, level)))
    codes = pa.array([levels.index(text) for text in texts], pa.int32())
    rows.connection.register(f"fairgate_levels{position}", raw.append_column("code", codes))
    return levels


def _refuse_gaps(rows: Source, rank: str) -> None:
    """Ranks must be 1 to n, each once, in every ranking."""
    wrong, all_, least, most = rows.rows(
        "SELECT count(*) FILTER (NOT good), count(*), min(low) FILTER (NOT good), max(high) FILTER (NOT good) FROM"
        " (SELECT min(o)::DOUBLE AS low, max(o)::DOUBLE AS high,"
        " count(DISTINCT o) = count(*) AND min(o) = 1 AND max(o) = count(*) AND count(o) = count(*)"
        " AND bool_and(o = floor(o)) AS good FROM fairgate_candidates GROUP BY q)"
    )[0]
    if wrong:
        ends = "none" if least is None else f"{least:g} to {most:g}"
        raise MeasurementError(
            f"{rows.name}: the rank {rank!r} is not 1 to n, each place once, in {wrong} of {all_} rankings (there:"
            f" {ends}): complete the ranks, name the columns that tell rankings apart in [data] query, or rank by a"
            " score, where candidates may share a place."
        )


# --- the groups -------------------------------------------------------------------------------------------------------


def _places(
    rows: Source,
    features: tuple[str, ...],
    names: Sequence[str],
    levels: Sequence[tuple[str, ...]],
    tops: Sequence[int],
) -> Places:
    positions = [names.index(name) for name in features]
    keys = ", ".join(f"f{position}" for position in positions)
    each = range(len(tops))
    own = ", ".join(["count(*) AS n", "fsum(e) AS e", *(f"fsum(t{k}) AS t{k}" for k in each)])
    sums = [
        "fsum(own.n) AS n",
        "fsum(own.e) AS e",
        "fsum(own.n * r.e / r.n) AS x",
        "fsum(own.n * (1 - own.n / r.n) * r.v) AS v",
        *(f"fsum(t{k}) AS t{k}" for k in each),
    ]
    sums += [f"fsum(own.n * least(?, r.n) / r.n) AS x{k}" for k in each]
    found = rows.connection.sql(
        f"WITH own AS (SELECT q, {keys}, {own} FROM fairgate_placed GROUP BY ALL)"  # noqa: S608
        f" SELECT (q - 1) % {BLOCKS} AS block, {keys}, count(*) AS rankings, {', '.join(sums)}"
        " FROM own JOIN fairgate_rankings AS r USING (q) GROUP BY ALL ORDER BY ALL",
        params=list(tops),
    ).to_arrow_table()
    codes = np.stack([found[f"f{position}"].to_numpy() for position in positions], axis=1)
    here = [levels[position] for position in positions]
    groups, place = _groups(codes, here)
    shape = (int(found["block"].to_numpy().max()) + 1, len(groups))
    flat = found["block"].to_numpy() * len(groups) + place

    def column(name: str) -> Array:
        return np.bincount(flat, significant(found[name].to_numpy().astype(float)), shape[0] * shape[1]).reshape(shape)

    return Places(
        features=features,
        groups=groups,
        n=column("n"),
        exposure=column("e"),
        expected=column("x"),
        variance=column("v"),
        top=np.stack([column(f"t{k}") for k in each]) if tops else np.empty((0, *shape)),
        expected_top=np.stack([column(f"x{k}") for k in each]) if tops else np.empty((0, *shape)),
        rankings=column("rankings").sum(axis=0),
        divergence=_divergence(rows, positions, here, shape[0]),
    )


def _groups(codes: Array, levels: Sequence[tuple[str, ...]]) -> tuple[tuple[tuple[str, ...], ...], Array]:
    """(the groups that occur, those with an unknown level last; the position of each row's group among them)."""
    found = {
        code: tuple(names[at] for names, at in zip(levels, code, strict=True)) for code in map(tuple, codes.tolist())
    }
    groups = sorted(found.values(), key=lambda group: (UNKNOWN in group, group))
    position = {group: number for number, group in enumerate(groups)}
    return tuple(groups), np.array([position[found[code]] for code in map(tuple, codes.tolist())], dtype=int)


def _divergence(rows: Source, positions: Sequence[int], levels: Sequence[tuple[str, ...]], blocks: int) -> Array:
    """NDKL of every ranking, over its candidates of known groups, summed by blocks: (blocks, 2).

    With c of the first i candidates in a group whose share of all is p, the sum over groups of c / i ln(c / i / p) is
    (sum of c ln c - sum of c ln p) / i - ln i; both sums grow from candidate to candidate, so no ranking is held in
    memory. Where candidates share a place, the divergence is taken after the last of them, for all of their places.
    """
    keys = ", ".join(f"f{position}" for position in positions)
    unknown = [
        (f"f{at} <> ?", names.index(UNKNOWN)) for at, names in zip(positions, levels, strict=True) if UNKNOWN in names
    ]
    known = " AND ".join(text for text, _ in unknown) or "TRUE"
    found = rows.rows(
        f"WITH known AS (SELECT q, o, {keys}, row_number() OVER (PARTITION BY q, {keys} ORDER BY o) AS c"  # noqa: S608
        f" FROM fairgate_candidates WHERE {known}),"
        f" own AS (SELECT q, {keys}, count(*) AS m FROM known GROUP BY ALL),"
        " whole AS (SELECT q, sum(m) AS n FROM own GROUP BY q),"
        " grown AS (SELECT q, 1 / log2(row_number() OVER upto + 1) AS z, count(*) OVER upto AS i,"
        " sum(c * ln(c) - (c - 1) * ln(greatest(c - 1, 1)) - ln(m / n)) OVER upto AS s"
        f" FROM known JOIN own USING (q, {keys}) JOIN whole USING (q) WINDOW upto AS (PARTITION BY q ORDER BY o)),"
        " each AS (SELECT q, greatest(fsum(z * (s / i - ln(i))) / fsum(z), 0) AS ndkl FROM grown GROUP BY q)"
        f" SELECT (q - 1) % {BLOCKS}, count(*), fsum(ndkl) FROM each GROUP BY ALL",
        [code for _, code in unknown],
    )
    sums = np.zeros((blocks, 2))
    for block, rankings, ndkl in found:
        sums[block] = rankings, ndkl
    return np.asarray(significant(sums))

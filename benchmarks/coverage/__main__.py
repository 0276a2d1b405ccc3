"""Run the studies and write results/report.md, the tables as CSV and a chart."""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coverage import families, pairs, worst_cases
from benchmarks.coverage.chart import chart
from benchmarks.coverage.worst_cases import Row, Trial

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run everything; --quick with few samples, --full with those of the committed report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--quick", action="store_true")
    size.add_argument("--full", action="store_true")
    parser.add_argument("--to", type=Path, default=RESULTS, help="folder for the results")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    text = _report(given.to, quick=given.quick)
    text += f"\n{time.process_time() - start:.0f} CPU seconds (`{'--quick' if given.quick else '--full'}`).\n"
    (given.to / "report.md").write_text(text, encoding="utf-8")
    print(text)


def _report(folder: Path, *, quick: bool) -> str:
    exact = list(pairs.exact(quick=quick))
    _csv(folder / "pairs.csv", exact)
    found = list(worst_cases.trials({2: 16, 7: 8, 70: 4} if quick else {2: 250, 7: 100, 70: 50}))
    by_world = _by(found, lambda t: (t.metric, t.groups, t.shape, t.size))
    _csv(folder / "worst_cases.csv", [_named(key, row) for key, row in by_world.items()])
    chart(_by(found, lambda t: (t.metric, t.groups, t.shape)), folder)
    alarms = families.nothing_there(30 if quick else 400)
    _csv(folder / "false_alarms.csv", alarms)
    seen = families.power(500 if quick else 4_000)
    _csv(folder / "power.csv", seen)
    return "\n".join(
        [
            "# Coverage: intervals, worst cases, false alarms, power",
            "",
            "Written by `python -m benchmarks.coverage`; the tables in full are in the CSV files beside this one.",
            "",
            *_pairs(exact),
            *_worst_cases(found),
            *_alarms(alarms),
            *_power(seen),
        ]
    )


def _pairs(exact: Sequence[pairs.Exact]) -> list[str]:
    lines = [
        "## 1. One rate, a difference, a ratio",
        "",
        "Exact, by summing over all outcomes; nominal 95 %. *Expected*: the fewest events expected in a group."
        " *Scarcest*: the fewest events or non-events.",
        "",
        "| method | worlds | mean | mean, expected >= 5 | lowest, expected >= 5 | lowest, scarcest >= 5 "
        "| below 92 %, expected >= 5 | lowest of all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in ("wilson", "newcombe", "koopman"):
        of = [item for item in exact if item.method == method]
        enough = [item.coverage for item in of if item.expected >= 5]
        both = [item.coverage for item in of if item.scarcest >= 5]
        lines.append(
            f"| {method} | {len(of)} | {_mean(item.coverage for item in of)} | {_mean(enough)} "
            f"| {100 * min(enough):.1f} | {100 * min(both):.1f} | {sum(c < 0.92 for c in enough)} of {len(enough)} "
            f"| {100 * min(item.coverage for item in of):.1f} |"
        )
    worst = sorted((item for item in exact if item.expected >= 5 and item.coverage < 0.92), key=lambda e: e.coverage)
    lines += ["", "Below 92 % although 5 events are expected in every group:", ""]
    for item in worst[:12]:
        groups = f"n = {item.n1:,}" + (f" and {item.n2:,}" if item.n2 else "")
        rates = f"rate {item.p1:g}" + (f" and {item.p2:g}" if item.n2 else "")
        lines.append(f"- {item.method}, {groups}, {rates}: {100 * item.coverage:.1f} % ({item.scarcest:.2g} scarcest)")
    return [*lines, *([] if worst else ["- none"]), ""]


def _worst_cases(found: Sequence[Trial]) -> list[str]:
    head = (
        "| trials | coverage | truth below | above | Bonferroni-Wilson covers | percentile bootstrap covers "
        "| width / Bonferroni | bias raw | corrected | error raw | corrected | inverted |"
    )
    rule = "|---" * 12 + "|"
    lines = [
        "## 2. The worst case over all groups",
        "",
        "Percent; true rates between .07 and .93, 0.5 to 12 standard deviations apart; seven shapes, five kinds"
        " of sizes. *Inverted*: share of samples that used the inverted range (two groups have the interval of the"
        " pair; small groups fall back). Worlds are averages over many true rates.",
        "",
        f"| metric | groups {head}",
        f"|---|---{rule}",
    ]
    for (metric, groups), row in _by(found, lambda t: (t.metric, t.groups)).items():
        lines.append(f"| {metric} | {groups} {_cells(row)}")
    for title, key in (
        ("By how the true rates lie", lambda t: (t.metric, t.groups, t.shape)),
        ("By the sizes of the groups", lambda t: (t.metric, t.groups, t.size)),
    ):
        lines += ["", f"{title}:", "", f"| metric | groups | world {head}", f"|---|---|---{rule}"]
        lines += [
            f"| {metric} | {groups} | {world} {_cells(row)}" for (metric, groups, world), row in _by(found, key).items()
        ]
    return [*lines, "", "![coverage](coverage.svg)", ""]


def _cells(row: Row) -> str:
    return (
        f"| {row.trials:,} | {row.coverage:.1f} | {row.below:.1f} | {row.above:.1f} | {row.bonferroni:.1f} "
        f"| {row.bootstrap:.1f} | {row.width:.2f} | {row.raw_bias:+.3f} | {row.corrected_bias:+.3f} "
        f"| {row.raw_error:.3f} | {row.corrected_error:.3f} | {row.inverted:.0f} |"
    )


def _alarms(alarms: Sequence[families.Alarms]) -> list[str]:
    lines = [
        "## 3. A false `adverse` anywhere in an audit",
        "",
        "Nothing depends on the group; four bounds, Holm over all of them. *Alone*: some comparison would have p <= .05"
        " by itself.",
        "",
        "| groups | rows each | selection rate | audits | with a false adverse | % | alone, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for item in alarms:
        lines.append(
            f"| {item.groups} | {item.n:,} | {item.rate} | {item.audits} | {item.adverse} "
            f"| {100 * item.adverse / item.audits:.1f} | {100 * item.unadjusted / item.audits:.1f} |"
        )
    total, adverse = sum(item.audits for item in alarms), sum(item.adverse for item in alarms)
    return [*lines, "", f"Together {adverse} of {total}: {100 * adverse / total:.1f} %.", ""]


def _power(seen: Sequence[families.Seen]) -> list[str]:
    lines = [
        "## 4. Power at the minimum detectable size",
        "",
        "| rows | reference rate | detectable ratio | comparisons | seen, % |",
        "|---|---|---|---|---|",
    ]
    for item in seen:
        lines.append(
            f"| {item.n1:,} and {item.n2:,} | {item.reference} | {item.detectable:.3f} | {item.comparisons} "
            f"| {item.power:.1f} |"
        )
    return [*lines, ""]


def _mean(values: Iterable[float]) -> str:
    return f"{100 * float(np.mean(list(values))):.1f}"


def _by(found: Sequence[Trial], key: Callable[[Trial], Hashable]) -> dict[Any, Row]:
    grouped: dict[Hashable, list[Trial]] = defaultdict(list)
    for trial in found:
        grouped[key(trial)].append(trial)
    return {name: worst_cases.summary(trials) for name, trials in grouped.items()}


def _named(key: tuple[str, int, str, str], row: Row) -> dict[str, Any]:
    return dict(zip(("metric", "groups", "shape", "size"), key, strict=True)) | asdict(row)


def _csv(path: Path, rows: Sequence[Any]) -> None:
    flat = [asdict(row) if is_dataclass(row) and not isinstance(row, type) else row for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(flat[0]), lineterminator="\n")
        writer.writeheader()
        for row in flat:
            writer.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in row.items()})


if __name__ == "__main__":
    main()

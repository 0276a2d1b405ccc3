"""Seconds and peak memory of one audit of UCI Adult, beside Fairlearn's own MetricFrame on the same rows.

    python benchmarks/adult_audit.py [--data FILE] [--copies N] [--repeat N]

Each runs in a process of its own on the same file with the same predictions (right on four rows of five, fixed seed)
over sex, race and sex x race. "audit" is everything that `audits.run.audit` does: reading, cells, Fairlearn on the
cells, intervals, disparities, verdicts, cross-check with AIF360. "MetricFrame" reads the file and computes the same six
metrics on the rows: point estimates only. Prints a Markdown table; peak memory is that of the whole process, with what
it imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADULT = ROOT.parent / "shared" / "data" / "adult" / "adult.parquet"
COMPARED = (("sex",), ("race",), ("sex", "race"))


def prepare(source: Path, target: Path, copies: int) -> None:
    """Write the rows `copies` times over, with a prediction. Prints the number of rows."""
    import numpy as np
    import pandas as pd

    data = pd.concat([pd.read_parquet(source)[["sex", "race", "class"]]] * copies, ignore_index=True)
    right = np.random.default_rng(11).random(len(data)) < 0.8
    other = data["class"].map({"<=50K": ">50K", ">50K": "<=50K"})
    data["predicted"] = data["class"].where(right, other)
    data.to_parquet(target)
    print(json.dumps({"rows": len(data)}))


def run_audit(path: Path) -> None:
    """One audit of Fairgate."""
    from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
    from audits.run import audit

    plan = AuditPlan(
        model="adult",
        label="class",
        favourable=">50K",
        prediction="predicted",
        sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
        bounds=(Bound("selection_rate", Comparison.RATIO, 0.8), Bound("equalized_odds", Comparison.DIFFERENCE, 0.1)),
        decided_at=date(2026, 1, 1),
        digest="sha256:benchmark",
        intersections=(("sex", "race"),),
    )
    audit(plan, path)


def run_metric_frame(path: Path) -> None:
    """Fairlearn on the rows."""
    import pandas as pd
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, precision_score

    data = pd.read_parquet(path)
    outcome, prediction = (data["class"] == ">50K").astype(int), (data["predicted"] == ">50K").astype(int)
    for features in COMPARED:
        metrics.MetricFrame(
            metrics={
                "selection_rate": metrics.selection_rate,
                "true_positive_rate": metrics.true_positive_rate,
                "false_positive_rate": metrics.false_positive_rate,
                "positive_predictive_value": precision_score,
                "accuracy": accuracy_score,
                "base_rate": lambda y_true, y_pred: metrics.selection_rate(y_pred, y_true),
            },
            y_true=outcome,
            y_pred=prediction,
            sensitive_features=data[list(features)],
        )


WORK: dict[str, Callable[[Path], None]] = {"audit": run_audit, "MetricFrame": run_metric_frame}


def measure(name: str, path: Path, repeat: int) -> None:
    """In a child process: the first run with its imports, then the median of the others, as JSON."""
    seconds = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        WORK[name](path)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"first": seconds[0], "median": statistics.median(seconds[1:]), "peak": peak}))


def in_a_child(*arguments: str | Path) -> dict[str, float]:
    """What this file says in a process of its own. The parent stays small: a child starts with its parent's peak."""
    command = [sys.executable, __file__, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compare(source: Path, copies: list[int], repeat: int) -> None:
    """Print the table."""
    print("| rows | who | first run with imports, s | median run, s | peak memory, MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for times in copies:
            path = Path(folder) / f"adult-{times}.parquet"
            rows = in_a_child("--prepare", path, "--data", source, "--copies", str(times))["rows"]
            for name in WORK:
                found = in_a_child("--measure", name, "--data", path, "--repeat", str(repeat))
                print(f"| {rows:,} | {name} | {found['first']:.2f} | {found['median']:.2f} | {found['peak']:.0f} |")


def main() -> None:
    """Print the table, or be one of its children."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ADULT, help="the Adult Parquet file")
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 20], help="how many times over the rows are taken")
    parser.add_argument("--repeat", type=int, default=5, help="runs after the first one")
    parser.add_argument("--measure", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.data, arguments.prepare, arguments.copies[0])
    elif arguments.measure:
        measure(arguments.measure, arguments.data, arguments.repeat)
    else:
        compare(arguments.data, arguments.copies, arguments.repeat)


if __name__ == "__main__":
    main()

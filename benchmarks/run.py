"""Fairgate beside Fairlearn, AIF360, aequitas, pandas and the bare engine: the same rows, each in a process of its own.

    python benchmarks/run.py [--rows 1e5,1e6,1e7] [--fairlearn-1e7] [--ours-1e8] [--scoring-1e7] [--only NAME] [--again]

Peers get environments of their own, made on the first run from benchmarks/peers/*.txt (needs pip). Rows, environments,
and values go to --scratch (1e8 rows are about 1.3 GB); measurements to benchmarks/results/measurements.jsonl, one line
each as soon as it is made, so that an interrupted run goes on where it was; the report to benchmarks/results/report.md.
Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results"
MEASUREMENTS = RESULTS / "measurements.jsonl"
WARM_UP = 1_000
SMALL, LARGE, HUGE = 10**6, 10**7, 10**8

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of work. `most` rows without a flag, `flagged` with it (0: none); `least`: not for fewer rows."""

    name: str
    script: str
    environment: str = "ours"
    data: str = "hiring"
    least: int = 0
    most: int = LARGE
    flag: str = ""
    flagged: int = 0
    compared: bool = False


SERIES = (
    Series("cells", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("core", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("audit", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("digest", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("group by", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("touch", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("decode", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("histograms", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("scores", "ours.py", flag="ours_1e8", flagged=HUGE),
    Series("pandas", "peers/pandas_groupby.py", "pandas", compared=True),
    Series("aequitas", "peers/aequitas_groups.py", "aequitas", compared=True),
    Series("aif360", "peers/aif360_pairs.py", "aif360", most=SMALL, compared=True),
    Series("aif360, one pair", "peers/aif360_pairs.py", "aif360", least=LARGE, compared=True),
    Series("scikit-learn loop", "peers/score_loop.py", "fairlearn", compared=True),
    Series("predict", "ours.py", data="inputs", most=SMALL, flag="scoring_1e7", flagged=LARGE),
    Series("score only", "ours.py", data="inputs", most=SMALL, flag="scoring_1e7", flagged=LARGE),
    Series("scored audit", "ours.py", data="inputs", most=SMALL, flag="scoring_1e7", flagged=LARGE),
    Series(
        "fairlearn",
        "peers/fairlearn_frame.py",
        "fairlearn",
        most=SMALL,
        flag="fairlearn_1e7",
        flagged=LARGE,
        compared=True,
    ),
)


def main() -> None:
    """Measure what is missing, then write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1e5,1e6,1e7", help="numbers of rows, with commas between")
    parser.add_argument("--fairlearn-1e7", action="store_true", help="about 11 minutes and 6.3 GB")
    parser.add_argument("--ours-1e8", action="store_true", help="Fairgate and the engine at 1e8 rows, 1.3 GB of disk")
    parser.add_argument("--scoring-1e7", action="store_true", help="a model scores 1e7 rows")
    parser.add_argument("--only", action="append", choices=[item.name for item in SERIES], help="only these")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "fairgate-benchmarks")
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    known = (
        set()
        if arguments.again
        else {(row["name"], row["rows"], row.get("code")) for row in measurements() if "failed" not in row}
    )
    for item, rows in _jobs(arguments):
        if (item.name, rows, code_of(item)) not in known:
            print(f"{item.name}, {rows:,} rows", flush=True)
            _keep(measured(item, rows, arguments.scratch))
    subprocess.run([sys.executable, HERE / "report.py"], check=True)


def measurements() -> list[Row]:
    """What was measured so far; of equal ones the last."""
    if not MEASUREMENTS.is_file():
        return []
    rows = [json.loads(line) for line in MEASUREMENTS.read_text(encoding="utf-8").splitlines() if line.strip()]
    return list({(row["name"], row["rows"]): row for row in rows}.values())


def measured(item: Series, rows: int, scratch: Path) -> Row:
    """One measurement, with the largest difference from the numbers of `core` (or `scores`) where there are any."""
    data, warm = (_data(item.data, count, scratch) for count in (rows, WARM_UP))
    if item.data == "inputs":
        _model(scratch)
    python, values = _python(item.environment, scratch), _values(item.name, rows, scratch)
    command = [str(python), str(HERE / "harness.py"), str(HERE / item.script), item.name]
    # Threads that spin while they wait would count as work of whoever is measured.
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    if item.environment == "ours":
        environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [*command, str(data), str(warm), str(values)], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    what: Row = {"name": item.name, "rows": rows, "code": code_of(item), "when": str(date.today()), **_machine()}  # noqa: DTZ011
    if done.returncode:
        return {**what, "failed": f"ended with code {done.returncode}"}
    return {
        **what,
        **json.loads(done.stdout.splitlines()[-1]),
        **(_compared(item, rows, scratch) if item.compared else {}),
    }


def code_of(item: Series) -> str:
    """What was measured, as a digest of its source: other code is another measurement, never resumed from."""
    ours = sorted((ROOT / "audits").rglob("*.py")) if item.environment == "ours" else []
    peer = [] if item.environment == "ours" else [HERE / "peers" / f"{item.environment}.txt"]
    found = hashlib.sha256()
    for path in (*ours, *peer, HERE / item.script, *(HERE / name for name in ("harness.py", "hiring.py", "model.py"))):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _jobs(arguments: argparse.Namespace) -> Iterator[tuple[Series, int]]:
    sizes = [int(float(text)) for text in arguments.rows.split(",")]
    for item in SERIES:
        if arguments.only and item.name not in arguments.only:
            continue
        flagged = [item.flagged] if item.flag and getattr(arguments, item.flag) else []
        start_up = [WARM_UP] if item.data == "inputs" else []
        plain = [rows for rows in sizes if item.least <= rows <= item.most]
        yield from ((item, rows) for rows in sorted({*start_up, *plain, *flagged}))


def _keep(row: Row) -> None:
    with MEASUREMENTS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def _machine() -> Row:
    return {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()}


def _values(name: str, rows: int, scratch: Path) -> Path:
    return scratch / f"values-{name.replace(' ', '-').replace(',', '')}-{rows}.json"


def _compared(item: Series, rows: int, scratch: Path) -> Row:
    """How far the peer's numbers are from ours, where both have one."""
    scored = item.name == "scikit-learn loop"
    ours = _values("scores" if scored else "core", rows, scratch)
    if not ours.is_file():
        return {}
    mine, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in (ours, _values(item.name, rows, scratch)))
    pairs = [
        (abs(value - mine[group][name]), mine[group].get(f"{name} error", 0.0))
        for group, values in theirs.items()
        for name, value in values.items()
        if mine.get(group, {}).get(name) is not None
    ]
    over = max((difference - allowed for difference, allowed in pairs), default=0.0)
    return {"compared": len(pairs), "difference": max((d for d, _ in pairs), default=0.0), "beyond_error": over}


def _data(kind: str, rows: int, scratch: Path) -> Path:
    """The file with so many rows, made where it is missing."""
    path = scratch / f"{kind}-{rows}.parquet"
    if not path.is_file():
        inputs = ["--inputs"] if kind == "inputs" else []
        subprocess.run([sys.executable, HERE / "hiring.py", str(rows), path, *inputs], check=True)
    return path


def _model(scratch: Path) -> None:
    if not (scratch / "model" / "MLmodel").is_file():
        shutil.rmtree(scratch / "model", ignore_errors=True)
        data = _data("inputs", 100_000, scratch)
        subprocess.run([sys.executable, HERE / "model.py", data, scratch / "model"], check=True)


def _python(environment: str, scratch: Path) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing or its requirements changed."""
    if environment == "ours":
        return Path(sys.executable)
    wanted, folder = HERE / "peers" / f"{environment}.txt", scratch / f"environment-{environment}"
    python, stamp = folder / "bin" / "python", folder / "made-from.txt"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted.read_text(encoding="utf-8"):
        print(f"making the environment of {environment}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        install = [*_pip(), "--python", str(python), "install", "--quiet", "--no-deps", "-r", str(wanted)]
        subprocess.run(install, check=True)
        shutil.copyfile(wanted, stamp)
    return python


def _pip() -> Sequence[str]:
    """A pip: that of this interpreter, or of the one that it was made from."""
    for python in dict.fromkeys((sys.executable, str(Path(sys.base_prefix) / "bin" / "python3"), "python3")):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return python, "-m", "pip"
    raise SystemExit("No pip: install python3-pip, peers get environments of their own.")


if __name__ == "__main__":
    main()

"""One measurement in a process of its own: processor time, wall clock and memory, imports apart.

    python harness.py SCRIPT NAME DATA WARM-UP-DATA [VALUES]

SCRIPT has WORK: name -> (load, compute). `load(path)` reads what `compute` needs and `compute(loaded)` gives the values
{group: {measure: number}}, which are written to VALUES as JSON. Both run once on a few rows first, so that everything
is imported; the memory counted is what a run takes beyond that. What is short runs three times: the median counts.
Standard library only: peers have other environments.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUNS = 3
LONG_SECONDS = 10


def main(script: str, name: str, data: str, warm: str, values: str | None = None) -> None:
    """Print the measurement as one line of JSON."""
    load, compute = _module(Path(script)).WORK[name]
    compute(load(warm))
    gc.collect()
    own = _memory("VmRSS")
    _forget_peak()
    runs = []
    while len(runs) < RUNS and sum(sum(run[2:]) for run in runs) < LONG_SECONDS:
        loading, loaded = timed(lambda: load(data))
        computing, found = timed(lambda: compute(loaded))  # noqa: B023 - called at once
        del loaded
        runs.append((loading[0], computing[0], loading[1], computing[1]))
    load_cpu, cpu, load_wall, wall = map(statistics.median, zip(*runs, strict=True))
    if values:
        Path(values).write_text(json.dumps(found), encoding="utf-8")
    measured = {
        "load_cpu": load_cpu,
        "load_wall": load_wall,
        "cpu": cpu,
        "wall": wall,
        "imports_mb": own,
        "peak_mb": max(0.0, _memory("VmHWM") - own),
    }
    print("\n" + json.dumps({key: round(value, 4) for key, value in measured.items()}))


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """((processor seconds of this process, its threads and ended children, wall seconds), what the work gave)."""
    wall, cpu = time.perf_counter(), _cpu()
    found = work()
    return (_cpu() - cpu, time.perf_counter() - wall), found


def _cpu() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _memory(field: str) -> float:
    """MiB, as the kernel says."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def _forget_peak() -> None:
    """The peak counts from now on (see proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _module(path: Path) -> Any:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(*sys.argv[1:])

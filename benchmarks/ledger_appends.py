"""Appends per second into one ledger file, and the longest wait of any writer, by number of writer processes.

    python benchmarks/ledger_appends.py [--appends 800] [--writers 1 16]

Prints a Markdown table. Every append is a durable transaction of its own; the ledger is verified after each run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE
from governance.statement import PredicateType, ResourceDigest, Statement


def _now() -> datetime:
    return datetime.now(UTC)


def _ledger(folder: Path) -> SqlLedger:
    return SqlLedger(f"sqlite:///{folder / 'ledger.db'}", open_keys(folder / "keys"), _now)


def _statement(number: int) -> Statement:
    subject = ResourceDigest(f"model/hiring/{number}", "sha256:" + f"{number:064x}")
    return Statement(PredicateType.OBSERVATION, (subject,), MACHINE, "a measured append", {"note": "x" * 500})


def write(folder: Path, count: int, begin: object) -> list[float]:
    """Append `count` entries once everybody is ready; the seconds that each took."""
    ledger, waits = _ledger(folder), []
    ledger.size()
    begin.wait()  # type: ignore[attr-defined]
    for number in range(count):
        start = time.perf_counter()
        ledger.append(_statement(number))
        waits.append(time.perf_counter() - start)
    return waits


def _worker(folder: Path, count: int, begin: object, answers: object) -> None:
    answers.put(write(folder, count, begin))  # type: ignore[attr-defined]


def measure(writers: int, appends: int) -> str:
    """One row of the table."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ledger(folder).size()
        begin, answers = context.Barrier(writers + 1), context.Queue()
        arguments = (folder, appends // writers, begin, answers)
        processes = [context.Process(target=_worker, args=arguments) for _ in range(writers)]
        for process in processes:
            process.start()
        begin.wait()
        start = time.perf_counter()
        waits = sorted(wait for _ in processes for wait in answers.get())
        seconds = time.perf_counter() - start
        for process in processes:
            process.join()
        start = time.perf_counter()
        report = verify_ledger(_ledger(folder))
        verifying = time.perf_counter() - start
    if report.problems or report.size != len(waits):
        sys.exit(f"the ledger does not verify: {report.problems or report.size}")
    median = waits[len(waits) // 2]
    return (
        f"| {writers} | {len(waits):,} | {len(waits) / seconds:.0f} | {median * 1000:.1f} ms "
        f"| {waits[-1]:.2f} s | {report.size / verifying:,.0f} |"
    )


def main() -> None:
    """Measure each number of writers and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--appends", type=int, default=800)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 16])
    given = parser.parse_args()
    print("| writers | appends | appends/s | median wait | longest wait | verified entries/s |")
    print("|---|---|---|---|---|---|")
    for writers in given.writers:
        print(measure(writers, given.appends), flush=True)


if __name__ == "__main__":
    main()

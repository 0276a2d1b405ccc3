"""Appends per second into one ledger, and the longest wait of any writer, on SQLite and on PostgreSQL.

    python benchmarks/ledger_appends.py [--appends 800] [--writers 1 16] [--databases sqlite postgresql]

Prints a Markdown table. A writer is a process of its own; a signer reads the ledger and decides while it holds the
writers' lock, as a sign-off does. Every append is a durable transaction; the ledger is verified after each run.
PostgreSQL is a real server that is started for the run, with its defaults.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE
from governance.statement import PredicateType, ResourceDigest, Statement

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def _now() -> datetime:
    return datetime.now(UTC)


def _ledger(url: str, folder: Path) -> SqlLedger:
    return SqlLedger(url, open_keys(folder / "keys"), _now)


def _statement(number: int) -> Statement:
    subject = ResourceDigest(f"model/hiring/{number}", "sha256:" + f"{number:064x}")
    return Statement(PredicateType.OBSERVATION, (subject,), MACHINE, "a measured append", {"note": "x" * 500})


def _sign(ledger: SqlLedger, number: int) -> None:
    """Read what is recorded of the subject, then append, as one decision."""
    found = _statement(number)

    def decide() -> Statement:
        if list(ledger.entries(subject=found.subjects[0].name)):
            raise RuntimeError("nobody else signs this one")
        return found

    ledger.append_decided(decide)


def _worker(url: str, folder: Path, numbers: range, signs: bool, begin: object, answers: object) -> None:
    """Append once everybody is ready; answers the seconds that each took."""
    ledger, waits = _ledger(url, folder), []
    ledger.size()
    begin.wait()  # type: ignore[attr-defined]
    for number in numbers:
        start = time.perf_counter()
        if signs:
            _sign(ledger, number)
        else:
            ledger.append(_statement(number))
        waits.append(time.perf_counter() - start)
    ledger.database.dispose()
    answers.put(waits)  # type: ignore[attr-defined]


@contextmanager
def _empty(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder / 'ledger.db'}"
        return
    from postgres_server import postgres_server

    with postgres_server(folder) as address:
        yield address


def measure(database: str, writers: int, appends: int, *, signs: bool) -> str:
    """One row of the table."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="fg-") as name, _empty(database, Path(name)) as url:
        folder, each = Path(name), appends // writers
        _ledger(url, folder).size()
        begin, answers = context.Barrier(writers + 1), context.Queue()
        processes = [
            context.Process(
                target=_worker, args=(url, folder, range(first * each, (first + 1) * each), signs, begin, answers)
            )
            for first in range(writers)
        ]
        for process in processes:
            process.start()
        begin.wait()
        start = time.perf_counter()
        waits = sorted(wait for _ in processes for wait in answers.get())
        seconds = time.perf_counter() - start
        for process in processes:
            process.join()
        ledger, start = _ledger(url, folder), time.perf_counter()
        report = verify_ledger(ledger)
        verifying = time.perf_counter() - start
        ledger.database.dispose()
    if report.problems or report.size != len(waits):
        sys.exit(f"the ledger does not verify: {report.problems or report.size}")
    return (
        f"| {database} | {writers} {'signers' if signs else 'writers'} | {len(waits):,} | {len(waits) / seconds:.0f} "
        f"| {waits[len(waits) // 2] * 1000:.1f} ms | {waits[-1]:.2f} s | {report.size / verifying:,.0f} |"
    )


def main() -> None:
    """Measure each database and number of writers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--appends", type=int, default=800)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    given = parser.parse_args()
    print("| database | at once | appends | appends/s | median wait | longest wait | verified entries/s |")
    print("|---|---|---|---|---|---|---|")
    for database in given.databases:
        for writers in given.writers:
            for signs in (False, True):
                print(measure(database, writers, given.appends, signs=signs), flush=True)


if __name__ == "__main__":
    main()

"""What is worked out is kept while the ledger is the same, and only then."""

from __future__ import annotations

from collections.abc import Iterable

import report_factory as factory

from governance.people import MACHINE
from governance.record import registered
from governance.statement import Entry
from reports.console.worked import Worked

calls: list[int] = []


def counted(entries: Iterable[Entry]) -> int:
    found = len(tuple(entries))
    calls.append(found)
    return found


def test_it_is_worked_out_once_for_each_size_and_root() -> None:
    calls.clear()
    ledger, kept = factory.MemoryLedger(factory.Clock()), Worked()
    assert kept.of(ledger, counted) == 0
    for number in range(3):
        ledger.append(registered(factory.subject(f"{number}"), None, "unknown", MACHINE))
        assert [kept.of(ledger, counted) for _ in range(3)] == [number + 1] * 3
    assert calls == [0, 1, 2, 3]
    other = factory.MemoryLedger(factory.Clock())
    for number in range(3):
        other.append(registered(factory.subject(f"{number + 7}"), None, "unknown", MACHINE))
    kept.of(other, counted)
    assert calls == [0, 1, 2, 3, 3]
    assert kept.of(other, len_of) == 3


def len_of(entries: Iterable[Entry]) -> int:
    return sum(1 for _ in entries)

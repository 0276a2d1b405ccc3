"""A ledger that remembers: the same answers as the ledger itself, read once, and loud where the two part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_factory import Clock, MemoryLedger

from governance.errors import LedgerTamperedError
from governance.ledger import remembered
from governance.ledger.remembered import REREAD_SECONDS, Remembered
from governance.people import MACHINE
from governance.statement import Entry, PredicateType, ResourceDigest, Statement

NAMES, DIGESTS = ("model/a/1", "model/b/1", "target"), ("sha256:aa", "sha256:bb")


def statement(name: str, digest: str) -> Statement:
    return Statement(PredicateType.OBSERVATION, (ResourceDigest(name, digest),), MACHINE, f"{name} was seen")


def some(count: int) -> list[Statement]:
    return [statement(NAMES[i % 3], DIGESTS[i % 2]) for i in range(count)]


@dataclass
class Counting(MemoryLedger):
    """Counts the entries that were read of it."""

    read: list[int] = field(default_factory=list)

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        for entry in MemoryLedger.entries(self, subject=subject, digest=digest, since=since):
            self.read.append(entry.seq)
            yield entry


def counting(entries: int) -> Counting:
    ledger = Counting(Clock())
    for item in some(entries):
        ledger.append(item)
    return ledger


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(DIGESTS)), min_size=1, max_size=20),
    st.integers(1, 20),
    st.sampled_from((None, *NAMES, "nobody")),
    st.sampled_from((None, *DIGESTS)),
    st.integers(0, 22),
)
def test_it_answers_as_the_ledger_itself_however_it_has_grown(
    made: list[tuple[str, str]], before: int, subject: str | None, digest: str | None, since: int
) -> None:
    ledger = MemoryLedger(Clock())
    memory = Remembered(ledger)
    for at, (name, hashed) in enumerate(made):
        ledger.append(statement(name, hashed))
        if at < before:
            memory.now()
    asked = {"subject": subject, "digest": digest, "since": since}
    now = memory.now()
    assert list(now.entries(**asked)) == list(ledger.entries(**asked))  # type: ignore[arg-type]
    assert now.size() == len(made)


def test_only_what_is_new_is_read() -> None:
    ledger = counting(5)
    memory = Remembered(ledger)
    for _ in range(3):
        list(memory.now().entries())
    assert ledger.read == [0, 1, 2, 3, 4]
    ledger.append(some(1)[0])
    list(memory.now().entries(subject=NAMES[0]))
    assert ledger.read == [0, 1, 2, 3, 4, 5]


def test_a_moment_stays_what_it_was_and_writes_go_to_the_ledger() -> None:
    ledger = counting(2)
    memory = Remembered(ledger)
    moment = memory.now()
    moment.append(some(1)[0])
    memory.now()  # somebody else has read on
    assert [entry.seq for entry in moment.entries()] == [0, 1]
    assert moment.checkpoint() == replace(ledger.checkpoint(), size=2, root=ledger.kept[1].root)  # type: ignore[type-var]
    assert [entry.seq for entry in memory.now().entries()] == [0, 1, 2]


@pytest.mark.parametrize("how", ["dropped", "rolled back and grown", "root", "changed"])
def test_a_ledger_that_parts_from_memory_is_told_and_may_be_restored(how: str) -> None:
    ledger = counting(4)
    memory = Remembered(ledger)
    memory.now()
    kept, frontier = list(ledger.kept), ledger.frontier
    if how == "dropped":
        ledger.kept.pop()
    elif how == "rolled back and grown":
        other = counting(3)
        for _ in range(3):
            other.append(statement("elsewhere", "sha256:cc"))
        ledger.kept = other.kept
    elif how == "root":
        ledger.kept[-1] = replace(ledger.kept[-1], root=b"\0" * 32)
    else:
        ledger.append(some(1)[0])
        ledger.kept[-1] = replace(ledger.kept[-1], envelope=b"another")
    with pytest.raises(LedgerTamperedError, match="not those that were read before"):
        memory.now()
    ledger.kept, ledger.frontier = kept, frontier
    assert list(memory.now().entries()) == kept


def test_after_ten_minutes_everything_is_read_again() -> None:
    ledger, seconds = counting(3), [0.0]
    memory = Remembered(ledger, lambda: seconds[0])
    memory.now()
    seconds[0] = REREAD_SECONDS
    memory.now()
    assert ledger.read == [0, 1, 2]
    seconds[0] = REREAD_SECONDS + 1
    memory.now()
    assert ledger.read == [0, 1, 2, 0, 1, 2]


def test_an_empty_ledger_and_one_that_is_too_long_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = counting(0)
    memory = Remembered(ledger)
    assert memory.now() is ledger
    monkeypatch.setattr(remembered, "MOST", 2)
    for item in some(3):
        ledger.append(item)
    assert memory.now() is ledger

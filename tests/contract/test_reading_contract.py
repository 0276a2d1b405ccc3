"""What a person opened of which evidence, on SQLite and on a server: counted by the server's clock, per digests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from governance_factory import Clock, sha
from postgres_server import own_database, shared_server

from governance import accounts_schema
from governance.accounts_schema import ACCOUNTS
from governance.database.address import open_database
from governance.database.port import Database
from governance.reading import ReadingRecord, evidence_key
from governance.record import Shown
from governance.sections import SECTIONS, Opened

SHOWN = Shown(sha("model"), sha("report"), sha("data"), sha("validation"), sha("policy"))
KEY = evidence_key(SHOWN)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with ExitStack() as stack:
        file = f"sqlite:///{tmp_path / 'accounts.db'}"
        url = file if request.param == "sqlite" else stack.enter_context(own_database(shared_server()))
        found = open_database(url, ACCOUNTS)
        yield found
        found.dispose()


@pytest.fixture
def record(database: Database, clock: Clock) -> ReadingRecord:
    return ReadingRecord(database, clock)


def test_opening_is_counted_by_section_and_told_in_their_order(record: ReadingRecord) -> None:
    for section in ("rates", "summary", "rates"):
        record.opened("ann", KEY, section)
    found = record.of("ann", KEY)
    assert found == {"summary": Opened(1), "rates": Opened(2)}
    assert list(found) == ["summary", "rates"]


def test_another_person_and_other_evidence_begin_anew(record: ReadingRecord) -> None:
    record.opened("ann", KEY, "summary")
    assert record.of("bob", KEY) == {}
    for name in ("model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest"):
        assert record.of("ann", evidence_key(replace(SHOWN, **{name: sha("another")}))) == {}
    assert record.of("ann", evidence_key(replace(SHOWN, report_digest=None))) == {}


def test_a_claim_of_seconds_is_bounded_by_the_clock_of_the_server(record: ReadingRecord, clock: Clock) -> None:
    record.opened("ann", KEY, "summary")
    clock.forward(seconds=60)
    assert record.seen("ann", KEY, "summary", 45) == 45
    clock.forward(seconds=10)
    assert record.seen("ann", KEY, "summary", 86_400) == 11  # each reading of this clock is one second later
    assert record.of("ann", KEY) == {"summary": Opened(1, 56)}


def test_seconds_are_claimed_once_each(record: ReadingRecord, clock: Clock) -> None:
    record.opened("ann", KEY, "summary")
    clock.forward(seconds=30)
    assert [record.seen("ann", KEY, "summary", 30) for _ in range(3)] == [30, 1, 1]


@pytest.mark.parametrize("seconds", [0, -5])
def test_no_time_is_counted_backwards(record: ReadingRecord, clock: Clock, seconds: int) -> None:
    record.opened("ann", KEY, "summary")
    clock.forward(seconds=30)
    assert record.seen("ann", KEY, "summary", seconds) == 0
    assert record.of("ann", KEY) == {"summary": Opened(1)}


def test_a_clock_that_was_set_back_counts_nothing(record: ReadingRecord, clock: Clock) -> None:
    record.opened("ann", KEY, "summary")
    clock.now -= timedelta(hours=1)
    assert record.seen("ann", KEY, "summary", 30) == 0


def test_opening_it_anew_loses_no_seconds_of_the_page_before(record: ReadingRecord, clock: Clock) -> None:
    """A browser tells of a page when it leaves it: by then the console has given it the next one."""
    record.opened("ann", KEY, "summary")
    clock.forward(seconds=40)
    record.opened("ann", KEY, "summary")
    assert record.seen("ann", KEY, "summary", 40) == 40


def test_no_claim_is_longer_than_an_idle_session(record: ReadingRecord, clock: Clock) -> None:
    record.opened("ann", KEY, "summary")
    clock.forward(hours=9)
    record.opened("ann", KEY, "summary")
    assert record.seen("ann", KEY, "summary", 30_000) == 1
    clock.forward(hours=9)
    assert record.seen("ann", KEY, "summary", 30_000) == 15 * 60


def test_what_was_not_opened_gathers_no_seconds(record: ReadingRecord, clock: Clock) -> None:
    clock.forward(hours=1)
    assert record.seen("ann", KEY, "rates", 30) == 0
    assert record.of("ann", KEY) == {}


@pytest.mark.parametrize("section", ["", "Summary", "summary'; DROP TABLE reading; --", "x" * 10_000])
def test_an_unknown_section_is_none(record: ReadingRecord, section: str) -> None:
    record.opened("ann", KEY, section)
    assert record.of("ann", KEY) == {}


def test_every_section_can_be_opened(record: ReadingRecord) -> None:
    record.opened("ann", KEY, *SECTIONS[::-1])
    assert tuple(record.of("ann", KEY)) == SECTIONS


def test_accounts_from_before_get_the_table(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "accounts.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in accounts_schema._FIRST:
            connection.execute(statement)
        connection.execute("INSERT INTO person VALUES ('ann', 'local', 'Ann', 'compliance', 1, 'x', '2026-01-01')")
        connection.commit()
    record = ReadingRecord(open_database(f"sqlite:///{path}", ACCOUNTS), clock)
    record.opened("ann", KEY, "summary")
    assert record.of("ann", KEY) == {"summary": Opened(1)}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM person").fetchall() == [("Ann",)]

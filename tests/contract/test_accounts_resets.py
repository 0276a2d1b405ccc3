"""New passwords, counted tries and resets in the accounts, on SQLite and on a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from ledger_factory import NOON, StoppedClock, now
from postgres_server import own_database, shared_server

from governance import accounts as module
from governance.accounts import FREE_OF_STRANGERS, Accounts, Source
from governance.accounts_resets import count_near, note_told, was_told
from governance.api_tokens import ApiTokens
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.people import Person

SECRET, NEW = "correct horse battery", "a new password of hers"
OFFICER, OTHER = Person("officer", "Officer", ("compliance",)), Person("other", "Other", ("compliance",))
ABROAD = Person("abroad", "Abroad", ("legal",), "https://login.example")
HERE, THERE = Source("address 203.0.113.9", strange=True), Source("address 198.51.100.7", strange=True)
KNOWN = Source("browser x")


@pytest.fixture(autouse=True)
def _light_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real argon2 with a small cost, so that hundreds of tries are quick."""
    monkeypatch.setattr(module, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def accounts(request: pytest.FixtureRequest, tmp_path: Path, clock: StoppedClock) -> Iterator[Accounts]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'accounts.db'}"
        else:
            url = stack.enter_context(own_database(shared_server()))
        found = Accounts(url, clock)
        found.add(OFFICER, SECRET)
        found.add(OTHER, SECRET)
        found.add(ABROAD, None)
        yield found
        found.database.dispose()


def _refusal(act: Callable[[], object]) -> str:
    with pytest.raises(NotAuthorizedError) as caught:
        act()
    return str(caught.value)


def _guesses(accounts: Accounts, source: Source | None, number: int, who: str = "officer") -> list[str]:
    return [_refusal(lambda: accounts.authenticate(who, "a wrong guess", source)) for _ in range(number)]


def test_a_new_password_ends_what_the_old_one_opened(accounts: Accounts) -> None:
    session, others = accounts.open_session("officer", NOON), accounts.open_session("other", NOON)
    token, _ = ApiTokens(accounts).give(OFFICER, "a script", 9)
    hers, _ = ApiTokens(accounts).give(OTHER, "a script", 9)
    accounts.set_secret("officer", NEW, tokens=False)
    assert accounts.authenticate("officer", NEW) == OFFICER
    assert "is wrong" in _refusal(lambda: accounts.authenticate("officer", SECRET))
    assert accounts.session(session, NOON) is None
    assert accounts.session(others, NOON) is not None
    assert ApiTokens(accounts).holder(token, NOON) == OFFICER
    accounts.set_secret("officer", SECRET, tokens=True)
    assert ApiTokens(accounts).holder(token, NOON) is None
    assert ApiTokens(accounts).holder(hers, NOON) == OTHER
    assert accounts.authenticate("other", SECRET) == OTHER


def test_an_old_password_that_is_looked_at_meanwhile_opens_nothing(accounts: Accounts) -> None:
    mark = accounts.browser_token("officer")
    assert accounts.authenticate("officer", SECRET) == OFFICER
    accounts.set_secret("officer", NEW, tokens=False)  # between the look and the session
    assert "is wrong" in _refusal(lambda: accounts.open_session("officer", NOON, mark))
    for other in ("", ".", accounts.browser_token("other"), accounts.browser_token("nobody")):
        assert "is wrong" in _refusal(lambda other=other: accounts.open_session("officer", NOON, other))  # type: ignore[misc]
    token = accounts.open_session("officer", NOON, accounts.browser_token("officer"))
    assert accounts.session(token, NOON) is not None


@pytest.mark.parametrize("who", ["nobody", "abroad", "gone", "' OR 1=1 --"])
def test_only_an_active_person_with_a_password_gets_a_new_one(accounts: Accounts, who: str) -> None:
    accounts.add(Person("gone", "Gone", ("legal",)), SECRET)
    accounts.disable("gone")
    with pytest.raises(ConfigurationError, match="is nobody here, is disabled, or has no password"):
        accounts.set_secret(who, NEW, tokens=True)
    assert "is wrong" in _refusal(lambda: accounts.authenticate(who, NEW))
    assert [accounts.has_password(item) for item in ("officer", "abroad", "nobody")] == [True, False, False]


@pytest.mark.parametrize("secret", ["short", "x" * 1_025, "\ud800" * 12])
def test_a_new_password_keeps_the_rules_of_the_first_one(accounts: Accounts, secret: str) -> None:
    with pytest.raises(ConfigurationError):
        accounts.set_secret("officer", secret, tokens=True)
    assert accounts.authenticate("officer", SECRET) == OFFICER


def test_tries_are_counted_where_they_come_from(accounts: Accounts, clock: StoppedClock) -> None:
    assert "too many" in _guesses(accounts, HERE, 7)[-1]
    assert accounts.authenticate("officer", SECRET, THERE) == OFFICER
    assert accounts.authenticate("officer", SECRET, KNOWN) == OFFICER
    assert accounts.authenticate("officer", SECRET) == OFFICER, "nor does it matter at the command line"
    assert "too many" in _refusal(lambda: accounts.authenticate("officer", SECRET, HERE))
    assert accounts.failed_since_success("officer") == 5
    clock.forward(hours=1)
    assert accounts.authenticate("officer", SECRET, HERE) == OFFICER
    assert accounts.failed_since_success("officer") == 0
    assert len(accounts.failed_attempts("officer")) == 5


def test_what_one_id_fails_is_not_told_of_another_whose_id_begins_alike(accounts: Accounts) -> None:
    accounts.add(Person("off", "Off", ("legal",)), SECRET)
    _guesses(accounts, HERE, 3)
    assert (accounts.failed_since_success("officer"), accounts.failed_since_success("off")) == (3, 0)


def test_strange_places_add_up_for_one_id_and_one_place_for_all_ids(accounts: Accounts, clock: StoppedClock) -> None:
    told = [_guesses(accounts, Source(f"address {n}", strange=True), 1)[0] for n in range(FREE_OF_STRANGERS + 3)]
    assert ["places that are not known" in text for text in told] == [False] * FREE_OF_STRANGERS + [True] * 3
    assert accounts.authenticate("officer", SECRET, KNOWN) == OFFICER
    clock.forward(seconds=1)
    assert accounts.authenticate("officer", SECRET, THERE) == OFFICER, "the pause begins at a second"
    told = [_guesses(accounts, HERE, 1, f"person-{n}")[0] for n in range(FREE_OF_STRANGERS + 3)]
    assert ["wait" in text and HERE.place in text for text in told] == [False] * FREE_OF_STRANGERS + [True] * 3
    clock.forward(seconds=1)
    assert accounts.authenticate("other", SECRET, HERE) == OTHER


def test_who_has_an_account_does_not_try_others_for_nothing(accounts: Accounts) -> None:
    told = []
    for number in range(FREE_OF_STRANGERS + 2):
        if number < FREE_OF_STRANGERS:
            accounts.authenticate("other", SECRET, HERE)
        told += _guesses(accounts, HERE, 1, f"person-{number}")
    assert "wait" in told[-1]


def test_a_pause_from_strange_places_is_a_minute_at_most() -> None:
    longest = module.LONGEST_FOR_STRANGERS
    pauses = [module._pause(count, FREE_OF_STRANGERS, longest) for count in (19, 20, 25, 26, 10_000)]
    assert pauses == [timedelta(), timedelta(seconds=1), timedelta(seconds=32), longest, longest]


def test_counts_are_forgotten_a_day_after_their_pause(accounts: Accounts, clock: StoppedClock) -> None:
    _guesses(accounts, HERE, 4)
    clock.forward(hours=25)
    _guesses(accounts, THERE, 1, "other")
    with accounts.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT person FROM failures ORDER BY person").scalars().all()
    assert [row for row in rows if "officer" in row] == []
    assert len(rows) == 3


def test_tries_with_one_right_half_are_all_counted(accounts: Accounts) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(count_near(accounts, "officer", 7))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 9))
    assert count_near(accounts, "officer", 8) == 1, "another reset"
    assert count_near(accounts, "nobody", 9) == 0


def test_who_was_told_was_told(accounts: Accounts) -> None:
    assert not was_told(accounts, 7)
    count_near(accounts, "officer", 7)
    assert not was_told(accounts, 7)
    note_told(accounts, "officer", 7)
    note_told(accounts, "officer", 7)
    assert was_told(accounts, 7)
    assert not was_told(accounts, 8)
    assert count_near(accounts, "officer", 7) == 2, "and the tries stay"


def test_accounts_from_before_resets_get_their_table(accounts: Accounts) -> None:
    with accounts.database.writing() as connection:
        prefix = "fairgate." if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TABLE {prefix}password_reset")
        connection.exec_driver_sql(f"UPDATE {prefix}accounts_version SET version_num = '0005'")
    accounts.database.dispose()
    newer = Accounts(accounts.url, now)
    try:
        newer.database.upgrade()
        assert count_near(newer, "officer", 7) == 1
        assert newer.authenticate("officer", SECRET) == OFFICER
    finally:
        newer.database.dispose()

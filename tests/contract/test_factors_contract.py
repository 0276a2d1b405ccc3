"""Codes, counts and what waits, on SQLite and on a server: each counts once, whoever asks at the same moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from ledger_factory import NOON, StoppedClock
from postgres_server import own_database, shared_server

from governance import accounts as module
from governance.accounts import REFUSED, Accounts
from governance.accounts_factors import (
    Pending,
    count_use,
    forget_secrets,
    keep_secret,
    last_uses,
    pend,
    take,
    waiting_secret,
)
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.people import Person
from governance.second_factor import STEP, code_at, new_secret, spend_code, step_of, waiting_enrolment

SECRET = "correct horse battery"
OFFICER = Person("officer", "Officer", ("compliance",))
OTHER = Person("other", "Other Officer", ("model-risk",))


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def accounts(
    request: pytest.FixtureRequest, tmp_path: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    monkeypatch.setattr(module, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'accounts.db'}"
        else:
            url = stack.enter_context(own_database(shared_server()))
        found = Accounts(url, clock)
        for person in (OFFICER, OTHER):
            found.add(person, SECRET)
        yield found
        found.database.dispose()


def _refused(act: Callable[[], object]) -> str:
    with pytest.raises(NotAuthorizedError) as caught:
        act()
    return str(caught.value)


def test_a_code_counts_once_and_so_do_all_before_it(accounts: Accounts, clock: StoppedClock) -> None:
    made = new_secret(accounts, OFFICER)
    here = step_of(clock())

    def give(step: int) -> None:
        spend_code(accounts, "officer", made.fingerprint, code_at(made.secret, step))

    give(here - 1)
    assert _refused(lambda: give(here - 1)) == REFUSED
    give(here)
    assert _refused(lambda: give(here)) == REFUSED
    give(here + 1)
    assert _refused(lambda: give(here)) == REFUSED, "an earlier one does not come back"
    clock.forward(seconds=STEP)
    assert _refused(lambda: give(here + 1)) == REFUSED
    give(here + 2)


@pytest.mark.parametrize("away", [-2, 2, 1_000])
def test_a_code_of_another_time_is_refused(accounts: Accounts, clock: StoppedClock, away: int) -> None:
    made = new_secret(accounts, OFFICER)
    code = code_at(made.secret, step_of(clock()) + away)
    assert _refused(lambda: spend_code(accounts, "officer", made.fingerprint, code)) == REFUSED


@pytest.mark.parametrize("code", ["", "1", "abcdef", "１２３４５６", "\ud800", "0" * 50_000, "' OR 1=1 --"])
def test_what_is_no_code_is_refused_alike(accounts: Accounts, code: str) -> None:
    made = new_secret(accounts, OFFICER)
    assert _refused(lambda: spend_code(accounts, "officer", made.fingerprint, code)) == REFUSED


def test_blanks_in_a_code_do_not_matter(accounts: Accounts, clock: StoppedClock) -> None:
    made = new_secret(accounts, OFFICER)
    code = code_at(made.secret, step_of(clock()))
    spend_code(accounts, "officer", made.fingerprint, f" {code[:3]} {code[3:]} ")


def test_a_secret_is_one_persons(accounts: Accounts, clock: StoppedClock) -> None:
    made = new_secret(accounts, OFFICER)
    code = code_at(made.secret, step_of(clock()))
    assert _refused(lambda: spend_code(accounts, "other", made.fingerprint, code)) == REFUSED
    assert _refused(lambda: spend_code(accounts, "officer", "sha256:0", code)) == REFUSED
    spend_code(accounts, "officer", made.fingerprint, code)


def test_wrong_codes_wait_as_wrong_passwords_do_and_a_right_password_does_not_forgive_them(
    accounts: Accounts, clock: StoppedClock
) -> None:
    made = new_secret(accounts, OFFICER)
    for _ in range(5):
        assert _refused(lambda: spend_code(accounts, "officer", made.fingerprint, "000000")) == REFUSED
        accounts.authenticate("officer", SECRET)
    good = code_at(made.secret, step_of(clock()))
    assert "too many wrong codes" in _refused(lambda: spend_code(accounts, "officer", made.fingerprint, good))
    assert len(accounts.failed_attempts("code of officer")) == 5
    clock.forward(seconds=1)
    spend_code(accounts, "officer", made.fingerprint, good)


def test_one_code_given_many_times_at_once_counts_once(accounts: Accounts, clock: StoppedClock) -> None:
    made = new_secret(accounts, OFFICER)
    code, told = code_at(made.secret, step_of(clock())), list[str]()

    def give() -> None:
        try:
            spend_code(accounts, "officer", made.fingerprint, code)
            told.append("taken")
        except NotAuthorizedError as error:
            told.append(str(error))

    threads = [threading.Thread(target=give) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count("taken") == 1
    assert len(told) == 8


def test_a_secret_waits_for_a_quarter_of_an_hour(accounts: Accounts, clock: StoppedClock) -> None:
    assert waiting_enrolment(accounts, OFFICER) is None
    first, second = new_secret(accounts, OFFICER), None
    clock.forward(minutes=1)
    second = new_secret(accounts, OFFICER)
    assert waiting_enrolment(accounts, OFFICER) == second != first
    assert waiting_enrolment(accounts, OTHER) is None
    clock.forward(minutes=14, seconds=59)
    assert waiting_secret(accounts, "officer") == (second.fingerprint, second.secret)
    clock.forward(seconds=1)
    assert waiting_secret(accounts, "officer") is None


def test_the_address_is_what_apps_read_and_the_secret_has_160_bits(accounts: Accounts) -> None:
    made = new_secret(accounts, OFFICER)
    assert made.uri == f"otpauth://totp/Fairgate:officer?secret={made.secret}&issuer=Fairgate"
    assert len(made.secret) == 32
    assert made.secret not in made.fingerprint


def test_secrets_are_forgotten_but_the_one_that_counts(accounts: Accounts, clock: StoppedClock) -> None:
    old, new, other = new_secret(accounts, OFFICER), new_secret(accounts, OFFICER), new_secret(accounts, OTHER)
    forget_secrets(accounts, "officer", but=new.fingerprint)
    assert _refused(lambda: spend_code(accounts, "officer", old.fingerprint, code_at(old.secret, step_of(clock()))))
    for person, made in (("officer", new), ("other", other)):
        spend_code(accounts, person, made.fingerprint, code_at(made.secret, step_of(clock())))
    forget_secrets(accounts, "officer")
    clock.forward(seconds=STEP)
    assert _refused(lambda: spend_code(accounts, "officer", new.fingerprint, code_at(new.secret, step_of(clock()))))


def test_nobody_has_no_secret(accounts: Accounts) -> None:
    with pytest.raises(ConfigurationError, match="there is no person 'stranger'"):
        keep_secret(accounts, "stranger", "f", "s")


def test_published_codes_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # appendix B, SHA-1, the last six of eight digits
    found = [code_at(secret, time // STEP) for time in (59, 1_111_111_109, 1_234_567_890, 20_000_000_000)]
    assert found == ["287082", "081804", "005924", "353130"]


# Passkeys


def test_the_count_of_a_passkey_goes_on(accounts: Accounts, clock: StoppedClock) -> None:
    assert count_use(accounts, "officer", "cred", 5)
    assert [count_use(accounts, "officer", "cred", count) for count in (5, 4, 0)] == [False, False, False]
    clock.forward(minutes=1)
    assert count_use(accounts, "officer", "cred", 2**32 - 1)
    assert last_uses(accounts, "officer") == {"cred": NOON + timedelta(minutes=1)}
    assert last_uses(accounts, "other") == {}


def test_a_passkey_that_keeps_no_count_is_taken_as_it_is(accounts: Accounts) -> None:
    assert [count_use(accounts, "officer", "cred", 0) for _ in range(3)] == [True, True, True]
    assert count_use(accounts, "officer", "cred", 1)
    assert not count_use(accounts, "officer", "cred", 0), "a count that was there does not vanish"


def test_what_waits_is_taken_once_in_its_session_within_five_minutes(accounts: Accounts) -> None:
    waits = Pending("officer", "passkey", b"\x00\xff" * 16, NOON)
    first, second, third = (pend(accounts, "session", waits) for _ in range(3))
    assert take(accounts, "another session", first, NOON) is None
    assert take(accounts, "session", first, NOON) == waits
    assert take(accounts, "session", first, NOON) is None
    assert take(accounts, "session", second, NOON + timedelta(minutes=5)) is None
    assert take(accounts, "session", second, NOON) is None, "what came too late is gone"
    assert take(accounts, "session", third, NOON - timedelta(seconds=1)) is None, "nor before it was asked"
    assert take(accounts, "session", "' OR 1=1 --", NOON) is None


def test_what_nobody_answered_goes(accounts: Accounts) -> None:
    pend(accounts, "session", Pending("officer", "passkey", b"x", NOON))
    pend(accounts, "session", Pending("officer", "passkey", b"x", NOON + timedelta(minutes=6)))
    with accounts.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT session FROM pending").scalars().all()
    assert len(rows) == 1
    assert "session" not in rows, "only a hash of the session is kept"


# The form of the tables


def test_accounts_of_the_first_revision_get_the_new_tables(tmp_path: Path, clock: StoppedClock) -> None:
    path = tmp_path / "accounts.db"
    older = Accounts(f"sqlite:///{path}", clock)
    older.add(OFFICER, SECRET)
    older.database.dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table not in ("person", "failure", "failures", "session", "accounts_version"):
                connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE accounts_version SET version_num = '0001'")
    made = Accounts(f"sqlite:///{path}", clock)
    assert made.people() == (OFFICER,)
    assert waiting_enrolment(made, OFFICER) is None
    assert made.authenticate("officer", SECRET) == OFFICER

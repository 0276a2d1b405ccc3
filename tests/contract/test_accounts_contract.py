"""People, passwords and sessions, on SQLite and on a server: one person under one id for ever; guessing takes time."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from ledger_factory import NOON, StoppedClock, now
from postgres_server import own_database, shared_server

from governance import accounts as module
from governance.accounts import Accounts
from governance.accounts_schema import ACCOUNTS
from governance.errors import ConfigurationError, NotAuthorizedError, ServiceError
from governance.identities import Identities, Identity
from governance.people import Person

SECRET = "correct horse battery"
OFFICER = Person("officer", "Officer für Prüfung", ("compliance", "model-risk"))
SCIENTIST = Person("scientist.o-1", "Data Scientist", ("data-science",))
REFUSED = "the id or the password is wrong, or the account is disabled"


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
        yield found
        found.database.dispose()


@pytest.fixture
def file_accounts(tmp_path: Path, clock: StoppedClock) -> Accounts:
    found = Accounts(f"sqlite:///{tmp_path / 'accounts.db'}", clock)
    found.add(OFFICER, SECRET)
    return found


def _rows(accounts: Accounts, query: str) -> list[tuple[Any, ...]]:
    with accounts.database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def _refusal(act: Callable[[], object]) -> str:
    with pytest.raises(NotAuthorizedError) as caught:
        act()
    return str(caught.value)


def test_the_right_password_gives_the_person(accounts: Accounts) -> None:
    assert accounts.authenticate("officer", SECRET) == OFFICER
    assert accounts.person("officer") == OFFICER
    assert accounts.person("stranger") is None


def test_a_wrong_password_and_an_unknown_id_are_told_alike(accounts: Accounts) -> None:
    tries = [
        ("officer", "wrong password"),
        ("stranger", SECRET),
        ("officer", ""),
        ("", SECRET),
        ("' OR 1=1 --", SECRET),
        ("OFFICER", SECRET),
    ]
    tries += [("officer", SECRET + " "), ("officer", "x" * 2_000), ("str\ud800", SECRET), ("stranger", "\ud800" * 12)]
    assert {_refusal(lambda given=given: accounts.authenticate(*given)) for given in tries} == {REFUSED}  # type: ignore[misc]


def test_failures_are_recorded_for_known_and_unknown_ids(accounts: Accounts, clock: StoppedClock) -> None:
    for identity in ("officer", "stranger"):
        _refusal(lambda identity=identity: accounts.authenticate(identity, "wrong password"))  # type: ignore[misc]
        clock.forward(minutes=1)
        _refusal(lambda identity=identity: accounts.authenticate(identity, "wrong password"))  # type: ignore[misc]
        clock.forward(minutes=-1)
        assert accounts.failed_attempts(identity) == (NOON, NOON + timedelta(minutes=1))
    accounts.authenticate("officer", SECRET)
    assert len(accounts.failed_attempts("officer")) == 2, "a later success forgets nothing"


def test_passwords_are_kept_as_argon2id_only(accounts: Accounts) -> None:
    [(stored,)] = _rows(accounts, "SELECT secret FROM person")
    assert stored.startswith("$argon2id$")
    assert SECRET not in str(_rows(accounts, "SELECT * FROM person"))


def test_the_file_is_private(file_accounts: Accounts, tmp_path: Path) -> None:
    file_accounts.open_session("officer", NOON)
    assert len(list(tmp_path.glob("accounts.db*"))) == 5, "the file, its WAL and index, and two locks"
    for path in tmp_path.glob("accounts.db*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_after_five_failures_each_try_waits_twice_as_long(accounts: Accounts, clock: StoppedClock) -> None:
    for _ in range(5):
        assert _refusal(lambda: accounts.authenticate("officer", "wrong password")) == REFUSED
    waits = []
    for _ in range(15):
        assert "too many wrong passwords for 'officer': wait until 2026-" in _refusal(
            lambda: accounts.authenticate("officer", SECRET)
        ), "the right password must wait as well"
        waited = timedelta()
        while "too many" in _refusal(lambda: accounts.authenticate("officer", "wrong password")):
            step = max(waited, timedelta(seconds=1))
            waited, _ = waited + step, clock.forward(seconds=step.total_seconds())
        waits.append(waited.total_seconds())
    assert waits[:12] == [2.0**power for power in range(12)]
    assert waits[12:] == [4096.0, 4096.0, 4096.0], "the pause is an hour at most; steps of a power of two overshoot it"


def test_a_pause_is_an_hour_at_most() -> None:
    assert [module._pause(count).total_seconds() for count in (1, 4, 5, 6, 16, 17, 10_000)] == [
        0,
        0,
        1,
        2,
        2048,
        3600,
        3600,
    ]


def test_a_success_ends_the_pause(accounts: Accounts, clock: StoppedClock) -> None:
    for _ in range(5):
        _refusal(lambda: accounts.authenticate("officer", "wrong password"))
    clock.forward(seconds=1)
    assert accounts.authenticate("officer", SECRET) == OFFICER
    assert _refusal(lambda: accounts.authenticate("officer", "wrong password")) == REFUSED
    assert accounts.authenticate("officer", SECRET) == OFFICER


def test_unknown_ids_are_throttled_like_known_ones(accounts: Accounts) -> None:
    told = [_refusal(lambda: accounts.authenticate("stranger", "wrong password")) for _ in range(6)]
    assert told[:5] == [REFUSED] * 5
    assert "too many wrong passwords for 'stranger'" in told[5]
    accounts.authenticate("officer", SECRET)  # others are not held up


def test_what_cannot_be_an_id_is_not_stored(accounts: Accounts) -> None:
    for identity in ("x" * 100_000, "<script>", "a b", "\x00"):
        _refusal(lambda identity=identity: accounts.authenticate(identity, SECRET))  # type: ignore[misc]
    assert _rows(accounts, "SELECT count(*) FROM failure") == _rows(accounts, "SELECT count(*) FROM failures") == [(0,)]


def test_many_guesses_at_once_are_all_counted(accounts: Accounts) -> None:
    told: list[str] = []

    def guess() -> None:
        try:
            accounts.authenticate("officer", "wrong password")
        except NotAuthorizedError as error:
            told.append(str(error))

    threads = [threading.Thread(target=guess) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 24
    assert told.count(REFUSED) == 5, "no more passwords were looked at than one after the other"
    assert len(accounts.failed_attempts("officer")) == 5


def _guess(url: str, answers: Any) -> None:
    try:
        Accounts(url, now).authenticate("officer", "wrong password")
    except NotAuthorizedError:
        answers.put("refused")


def test_processes_count_together(accounts: Accounts) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=_guess, args=(accounts.url, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [answers.get(timeout=60) for _ in processes] == ["refused"] * 4
    for process in processes:
        process.join()
    assert len(accounts.failed_attempts("officer")) == 4


def test_an_unknown_id_costs_a_hash_as_well(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Counting(PasswordHasher):
        def hash(self, *given: Any, **named: Any) -> str:
            calls.append("hash")
            return super().hash(*given, **named)

    monkeypatch.setattr(module, "_hasher", lambda: Counting(time_cost=1, memory_cost=64, parallelism=1))
    _refusal(lambda: accounts.authenticate("stranger", "wrong password"))
    assert calls == ["hash"]


def test_a_disabled_person_is_refused_and_stays_on_record(accounts: Accounts) -> None:
    token = accounts.open_session("officer", NOON)
    accounts.disable("officer")
    assert _refusal(lambda: accounts.authenticate("officer", SECRET)) == REFUSED
    assert accounts.session(token, NOON) is None
    found = accounts.person("officer")
    assert found is not None
    assert not found.active
    assert not found.has("compliance")
    with pytest.raises(ConfigurationError, match="there is no person 'stranger'"):
        accounts.disable("stranger")


def test_ids_are_never_reused(accounts: Accounts) -> None:
    accounts.disable("officer")
    with pytest.raises(ConfigurationError, match="the id 'officer' is taken, and ids are never reused"):
        accounts.add(Person("officer", "Another Officer", ("compliance",)), "another long secret")
    assert [(person.id, person.name) for person in accounts.people()] == [("officer", "Officer für Prüfung")]


def test_people_are_listed_by_id(accounts: Accounts) -> None:
    accounts.add(SCIENTIST, SECRET)
    accounts.add(Person("auditor", "Auditor", ("compliance",)), SECRET)
    assert [person.id for person in accounts.people()] == ["auditor", "officer", "scientist.o-1"]
    assert accounts.person("scientist.o-1") == SCIENTIST


@pytest.mark.parametrize(
    "identity", ["", "Officer", "a b", "-officer", ".officer", "a" * 65, "öfficer", "officer\n", "a/b", "a'b"]
)
def test_bad_ids(accounts: Accounts, identity: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an id: write 1 to 64 of"):
        accounts.add(Person(identity, "X", ("compliance",)), SECRET)


@pytest.mark.parametrize("functions", [(), ("",), ("Compliance",), ("model risk",), ("compliance", "x" * 41), ("a\n",)])
def test_bad_functions(accounts: Accounts, functions: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="the functions of 'cy' are"):
        accounts.add(Person("cy", "Cy", functions), SECRET)


@pytest.mark.parametrize("name", ["", "   ", "A\nB", "x" * 201, "Officer\u202e", "A\x00"])
def test_bad_printed_names(accounts: Accounts, name: str) -> None:
    with pytest.raises(ConfigurationError, match="the printed name of 'cy'"):
        accounts.add(Person("cy", name, ("compliance",)), SECRET)


@pytest.mark.parametrize("secret", ["", "short", "x" * 11, "x" * 1_025])
def test_weak_passwords(accounts: Accounts, secret: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a password has 12 to 1,024 characters; this one has {len(secret)}"):
        accounts.add(SCIENTIST, secret)
    assert accounts.person("scientist.o-1") is None


def test_a_password_that_is_no_text(accounts: Accounts) -> None:
    with pytest.raises(ConfigurationError, match="not Unicode text"):
        accounts.add(SCIENTIST, "\ud800" * 12)


# Sessions


def test_a_session_belongs_to_one_person_and_has_its_own_csrf(accounts: Accounts) -> None:
    first, second = accounts.open_session("officer", NOON), accounts.open_session("officer", NOON)
    assert first != second
    assert len(first) >= 43, "256 bits"
    one, two = accounts.session(first, NOON), accounts.session(second, NOON)
    assert one is not None
    assert two is not None
    assert one.person == two.person == OFFICER
    assert one.csrf != two.csrf
    assert len(one.csrf) >= 43
    assert one.csrf != first
    again = accounts.session(first, NOON)
    assert again == one, "the token of the forms stays for the session"


def test_only_the_hash_of_a_token_is_kept(accounts: Accounts) -> None:
    token = accounts.open_session("officer", NOON)
    assert token not in str(_rows(accounts, "SELECT * FROM session"))


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --"])
def test_an_unknown_token_is_no_session(accounts: Accounts, token: str) -> None:
    accounts.open_session("officer", NOON)
    assert accounts.session(token, NOON) is None


def test_the_stored_hash_is_no_token(accounts: Accounts) -> None:
    accounts.open_session("officer", NOON)
    [(stored,)] = _rows(accounts, "SELECT token FROM session")
    assert accounts.session(stored, NOON) is None


def _used(accounts: Accounts, token: str, times: list[datetime]) -> list[bool]:
    return [accounts.session(token, time) is not None for time in times]


def test_a_session_ends_after_fifteen_idle_minutes(accounts: Accounts) -> None:
    token = accounts.open_session("officer", NOON)
    step = timedelta(minutes=14, seconds=59)
    assert _used(accounts, token, [NOON + step, NOON + 2 * step]) == [True, True]
    assert _used(accounts, token, [NOON + 2 * step + timedelta(minutes=15)]) == [False]
    assert _used(accounts, token, [NOON + 2 * step]) == [False], "what has ended does not come back"


def test_a_session_ends_after_eight_hours_in_use(accounts: Accounts) -> None:
    token = accounts.open_session("officer", NOON)
    used = [NOON + timedelta(minutes=10 * number) for number in range(49)]
    assert _used(accounts, token, used) == [True] * 48 + [False]


def test_a_closed_session_is_closed(accounts: Accounts) -> None:
    token, other = accounts.open_session("officer", NOON), accounts.open_session("officer", NOON)
    accounts.close_session(token)
    accounts.close_session(token)
    assert _used(accounts, token, [NOON]) == [False]
    assert _used(accounts, other, [NOON]) == [True]


def test_no_session_for_nobody(accounts: Accounts) -> None:
    with pytest.raises(ConfigurationError, match="there is no person 'stranger'"):
        accounts.open_session("stranger", NOON)


# The file


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_only_a_sqlite_file_or_postgresql_holds_accounts(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Accounts(url, now).people()


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "accounts.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(ConfigurationError, match="is damaged: file is not a database"):
        Accounts(f"sqlite:///{tmp_path / 'accounts.db'}", now).people()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ServiceError, match="cannot be made"):
        Accounts(f"sqlite:///{tmp_path}/file/accounts.db", now).people()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="unable to open database file"):
        Accounts(f"sqlite:///{tmp_path}", now).people()


def test_accounts_made_before_there_were_migrations_are_opened(file_accounts: Accounts, tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    file_accounts.database.dispose()
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table not in ("person", "failure", "failures", "session"):
                connection.execute(f"DROP TABLE {table}")
    older = Accounts(f"sqlite:///{path}", now)
    assert older.people() == (OFFICER,)
    older.add(SCIENTIST, SECRET)
    assert [person.id for person in older.people()] == ["officer", "scientist.o-1"]
    assert _rows(older, "SELECT version_num FROM accounts_version") == [(ACCOUNTS.head,)]
    assert _rows(older, "SELECT count(*) FROM pending") == [(0,)], "the newer tables are made"


def test_accounts_from_before_single_sign_on_get_its_tables(accounts: Accounts) -> None:
    mine = Identity("https://login.example", "1")
    with accounts.database.writing() as connection:
        prefix = "fairgate." if connection.dialect.name == "postgresql" else ""
        for table in ("identity", "sign_on", "api_token", "password_reset"):
            connection.exec_driver_sql(f"DROP TABLE {prefix}{table}")
        connection.exec_driver_sql(f"UPDATE {prefix}accounts_version SET version_num = '0003'")
    accounts.database.dispose()
    newer = Accounts(accounts.url, now)
    try:
        newer.database.upgrade()
        _keeps_identities(Identities(newer.database), mine)
    finally:
        newer.database.dispose()


def _keeps_identities(identities: Identities, mine: Identity) -> None:
    identities.link(mine, "officer", now())
    assert identities.person_of(mine) == "officer"
    assert identities.of("officer") == (mine,)
    with pytest.raises(ConfigurationError, match="another person's"):
        identities.link(mine, "somebody-else", now())
    token = identities.keep({"kind": "login"}, now(), timedelta(minutes=10))
    assert identities.take(token, now()) == {"kind": "login"}
    assert identities.take(token, now()) is None
    late = identities.keep({}, now(), timedelta(minutes=10))
    assert identities.take(late, now() + timedelta(minutes=11)) is None
    identities.unlink(mine)
    assert identities.person_of(mine) is None


def test_a_person_without_a_password_has_none_that_works(accounts: Accounts) -> None:
    accounts.add(Person("signed-on", "Signed On", ("legal",), "https://login.example"), None)
    for guess in ("", " ", "x" * 12):
        assert _refusal(lambda guess=guess: accounts.authenticate("signed-on", guess)) == REFUSED


def test_a_server_that_is_not_there_is_a_service_error() -> None:
    with pytest.raises(ServiceError, match=r"the accounts database postgresql://nobody@127\.0\.0\.1:1/x gives no"):
        Accounts("postgresql://nobody:secret-word@127.0.0.1:1/x", now).authenticate("officer", SECRET)


def test_a_damaged_hash_lets_nobody_in(accounts: Accounts) -> None:
    with accounts.database.writing() as connection:
        connection.exec_driver_sql("UPDATE person SET secret = 'x'")
    assert _refusal(lambda: accounts.authenticate("officer", SECRET)) == REFUSED

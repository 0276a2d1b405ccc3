"""Tokens of scripts, on SQLite and on a server: shown once, ended by time, by hand and with their person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from ledger_factory import StoppedClock
from postgres_server import own_database, shared_server
from sqlalchemy import text

from governance import accounts as module
from governance.accounts import Accounts
from governance.api_tokens import MAX_DAYS, ApiTokens
from governance.errors import ConfigurationError
from governance.people import Person

OFFICER = Person("officer", "An Officer", ("compliance",))
SECRET = "correct horse battery"


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def tokens(
    request: pytest.FixtureRequest, tmp_path: Path, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ApiTokens]:
    monkeypatch.setattr(module, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'accounts.db'}"
        else:
            url = stack.enter_context(own_database(shared_server()))
        found = Accounts(url, clock)
        found.add(OFFICER, SECRET)
        yield ApiTokens(found)
        found.database.dispose()


def test_a_token_is_its_persons_until_its_day(tokens: ApiTokens, clock: StoppedClock) -> None:
    secret, made = tokens.give(OFFICER, "  nightly export ", 30)
    assert tokens.holder(secret, clock()) == OFFICER
    assert (made.label, made.person) == ("nightly export", "officer")
    assert made.expires - made.made == timedelta(days=30)
    assert tokens.all() == (made,)
    assert tokens.holder(secret, clock() + timedelta(days=30) - timedelta(seconds=1)) == OFFICER
    assert tokens.holder(secret, clock() + timedelta(days=30)) is None
    assert tokens.holder(secret, clock() - timedelta(seconds=1)) is None


def test_only_the_hash_is_kept(tokens: ApiTokens) -> None:
    secret, _ = tokens.give(OFFICER, "export", 1)
    assert len(secret) > 40
    with tokens.accounts.database.reading() as connection:
        rows = connection.execute(text("SELECT * FROM api_token")).all()
    assert secret.removeprefix("fgt_") not in str(rows)
    assert len(rows) == 1


def test_a_revoked_token_and_one_of_a_disabled_person_are_dead(tokens: ApiTokens, clock: StoppedClock) -> None:
    first, made = tokens.give(OFFICER, "one", 5)
    second, _ = tokens.give(OFFICER, "two", 5)
    assert tokens.revoke(made.id).revoked == clock()
    assert tokens.holder(first, clock()) is None
    assert tokens.holder(second, clock()) == OFFICER
    for wrong in (made.id, "", "nothing"):
        with pytest.raises(ConfigurationError, match="that could be revoked"):
            tokens.revoke(wrong)
    tokens.accounts.disable("officer")
    assert tokens.holder(second, clock()) is None
    with pytest.raises(ConfigurationError, match="nobody here, or disabled"):
        tokens.give(OFFICER, "three", 5)


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
def test_a_token_without_an_end_is_refused(tokens: ApiTokens, days: int) -> None:
    with pytest.raises(ConfigurationError, match="after 1 to 365 days"):
        tokens.give(OFFICER, "export", days)


@pytest.mark.parametrize("label", ["", "  ", "x" * 81, "a\nb", "a\x00b", "\u202eabc"])
def test_a_label_is_one_printable_line(tokens: ApiTokens, label: str) -> None:
    with pytest.raises(ConfigurationError, match="printable"):
        tokens.give(OFFICER, label, 1)


@pytest.mark.parametrize("wrong", ["", "fgt_", "fgt_" + "a" * 43, "Bearer x", "fgt_\ud800", "fgt_" + "a" * 10_000])
def test_what_is_no_token_opens_nothing(tokens: ApiTokens, clock: StoppedClock, wrong: str) -> None:
    tokens.give(OFFICER, "export", 1)
    assert tokens.holder(wrong, clock()) is None

"""What the accounts keep of resets of passwords: tries with one right half, and whether the person was told."""

from __future__ import annotations

from sqlalchemy import text

from governance.accounts import Accounts

_NEAR = text(
    "INSERT INTO password_reset SELECT :begun, id, 1, '' FROM person WHERE id = :person"
    " ON CONFLICT (begun) DO UPDATE SET tries = password_reset.tries + 1 RETURNING tries"
)
_TOLD = text(
    "INSERT INTO password_reset SELECT :begun, id, 0, :now FROM person WHERE id = :person"
    " ON CONFLICT (begun) DO UPDATE SET told = excluded.told"
)


def count_near(accounts: Accounts, person: str, begun: int) -> int:
    """One more try with one right half of the reset that this entry began; how many there were with it."""
    with accounts.database.writing() as connection:
        return int(connection.execute(_NEAR, {"begun": begun, "person": person}).scalar() or 0)


def note_told(accounts: Accounts, person: str, begun: int) -> None:
    """Note that the person has seen that her password was reset."""
    with accounts.database.writing() as connection:
        connection.execute(_TOLD, {"begun": begun, "person": person, "now": accounts.clock().isoformat()})


def was_told(accounts: Accounts, begun: int) -> bool:
    """Whether the person has seen that her password was reset by the reset that this entry began."""
    query = text("SELECT told FROM password_reset WHERE begun = :begun")
    with accounts.database.reading() as connection:
        return bool(connection.execute(query, {"begun": begun}).scalar())

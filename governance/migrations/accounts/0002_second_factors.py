"""Second factors: secrets of authenticator apps, the counts of passkeys, and acts that wait for a passkey."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_second

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables. There is no way down: a factor that is forgotten in silence is one that can be gone round."""
    create_second(op.get_bind())

"""The accounts as they began: person, failure, failures, session."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_first

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. There is no way down: who was a person here stays on record."""
    create_first(op.get_bind())

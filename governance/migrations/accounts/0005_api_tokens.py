"""Tokens for scripts that read."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_fifth

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table. There is no way down: a token that is forgotten could not be revoked."""
    create_fifth(op.get_bind())

"""Resets of forgotten passwords."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_sixth

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table. There is no way down: tries that are forgotten could be made again."""
    create_sixth(op.get_bind())

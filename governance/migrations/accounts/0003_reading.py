"""What each person opened of which evidence."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_third

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table. There is no way down: a policy may ask for what it holds."""
    create_third(op.get_bind())

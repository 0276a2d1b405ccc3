"""Single sign-on: whose identity at a provider is whose, and what waits for a provider's answer."""

from __future__ import annotations

from alembic import op

from governance.accounts_schema import create_fourth

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables. There is no way down: who signed by which identity stays on record."""
    create_fourth(op.get_bind())

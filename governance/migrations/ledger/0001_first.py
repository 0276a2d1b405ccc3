"""The ledger as it began: entry, entry_subject, head, checkpoint, and their guards."""

from __future__ import annotations

from alembic import op

from governance.ledger.schema import create

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. There is no way down: a ledger only grows. A second revision must freeze this one's words."""
    create(op.get_bind())

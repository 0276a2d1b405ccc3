"""What Alembic runs: the connection and the names come from `governance.migrations`, inside its transaction."""

from __future__ import annotations

from alembic import context

_given = context.config.attributes
context.configure(
    connection=_given["connection"], version_table=_given["version_table"], version_table_schema=_given["schema"]
)
with context.begin_transaction():
    context.run_migrations()

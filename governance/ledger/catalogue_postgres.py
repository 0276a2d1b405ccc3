"""What PostgreSQL's own catalogue says of the ledger's tables: everything that could hide, change or add a row."""

from __future__ import annotations

from sqlalchemy import Connection, text

from governance.migrations import SCHEMA

_TABLES = ", ".join(f"to_regclass('{SCHEMA}.{table}')" for table in ("entry", "entry_subject", "head", "checkpoint"))
_QUERY = text(
    f"""
    WITH ours AS (SELECT oid, relname, relkind, relpersistence, relrowsecurity FROM pg_class WHERE oid IN ({_TABLES}))
    SELECT relname AS name, concat_ws(' ', relkind, relpersistence, relrowsecurity) AS words FROM ours
    UNION ALL
    SELECT ours.relname || '.' || attname,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, collname, atthasdef, attidentity, attgenerated)
        FROM pg_attribute JOIN ours ON ours.oid = attrelid LEFT JOIN pg_collation c ON c.oid = attcollation
        WHERE attnum > 0
    UNION ALL
    SELECT pg_class.relname, concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive)
        FROM pg_index JOIN ours ON ours.oid = indrelid JOIN pg_class ON pg_class.oid = indexrelid
    UNION ALL
    SELECT conname || ' (constraint)', concat_ws(' ', pg_get_constraintdef(pg_constraint.oid), convalidated)
        FROM pg_constraint JOIN ours ON ours.oid = conrelid WHERE contype <> 'n'
    UNION ALL
    SELECT tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
        FROM pg_trigger JOIN ours ON ours.oid = tgrelid
    UNION ALL
    SELECT rulename, 'rule' FROM pg_rewrite JOIN ours ON ours.oid = ev_class
    UNION ALL
    SELECT polname, 'policy' FROM pg_policy JOIN ours ON ours.oid = polrelid
    UNION ALL
    SELECT pg_class.relname, 'child' FROM pg_inherits JOIN ours ON ours.oid = inhparent
        JOIN pg_class ON pg_class.oid = inhrelid
    UNION ALL
    SELECT proname, concat_ws(' ', lanname, prosecdef, array_to_string(proconfig, ' '), prosrc)
        FROM pg_proc JOIN pg_language l ON l.oid = prolang
        WHERE pronamespace = to_regnamespace('{SCHEMA}') AND proname LIKE 'ledger\\_%'
    """
)


def described(connection: Connection) -> set[tuple[str, str]]:
    """Name and words of everything that makes the tables what they are."""
    return {(row.name, row.words) for row in connection.execute(_QUERY)}

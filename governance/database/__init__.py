"""The databases that the ledger and the accounts live in: SQLite beside the project, or PostgreSQL."""

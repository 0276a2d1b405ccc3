"""The append-only ledger: tree, envelope and checkpoint are pure, `sql` remembers."""

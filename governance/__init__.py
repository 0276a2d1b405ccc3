"""Decide and remember: the policy, the pure gate, the ledger, the registry and the people."""

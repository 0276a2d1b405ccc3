"""The revisions of the tables of the accounts."""

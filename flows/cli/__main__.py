"""`python -m flows.cli` is `fairgate`."""

from flows.cli import run

run()

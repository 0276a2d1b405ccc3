"""What commands print: sentences for people, one JSON document for scripts, errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from governance.digests import plain


def say(*lines: str) -> None:
    """Print lines for people."""
    for line in lines:
        sys.stdout.write(visible(line) + "\n")
    sys.stdout.flush()


def emit(value: object) -> None:
    """Print one JSON document for a script."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def fail(message: str, kind: str, exit_code: int, *, as_json: bool) -> int:
    """Tell an error and return the exit code. With --json the error is a document on standard output."""
    if as_json:
        emit({"error": kind, "message": message, "exit_code": int(exit_code)})
    else:
        sys.stderr.write(f"fairgate: {visible(message)}\n")
    return int(exit_code)


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """Say on standard error that something long has begun, and how long it took.

    Gives a function that takes the share that is done, 0 to 1, and shows it where a person looks at a terminal.
    """
    started, shown = monotonic(), -1

    def tell(done: float) -> None:
        nonlocal shown
        percent = int(min(1.0, max(0.0, done)) * 100)
        if percent != shown and not quiet and sys.stderr.isatty():
            shown = percent
            sys.stderr.write(f"\r      {percent:3d} %\r")
            sys.stderr.flush()

    if not quiet:
        sys.stderr.write(f"  ... {visible(what)}\n")
        sys.stderr.flush()
    yield tell
    if not quiet:
        sys.stderr.write(f"      done in {monotonic() - started:.1f} s\n")


def visible(text: str) -> str:
    """Names from registries may hold control characters: a terminal must not obey them."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)

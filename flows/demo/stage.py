"""What happens in the story off the command line: a form is filled in, a byte is changed, newer data arrives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from flows.demo.story import COMPLIANCE

FILE = "model.skops"


def change_one_byte(folder: Path) -> str:
    """Flip the last byte of the live model's file."""
    path = _flip(folder)
    return f"the last byte of {path.relative_to(folder)} was changed"


def restore_the_byte(folder: Path) -> str:
    """Flip it back."""
    path = _flip(folder)
    return f"the last byte of {path.relative_to(folder)} is as it was"


def newer_data_arrives(folder: Path) -> str:
    """Write the newer applicants, in which the disparity has come back."""
    from flows.demo.data import write_newer

    return f"{write_newer(folder).relative_to(folder)} arrived"


def refuse_in_the_console(folder: Path) -> str:
    """Start the console, sign in, open the evidence, and refuse with a reason through its form."""
    from flows.demo.browser import Credentials, console, refuse
    from flows.demo.code import fresh_code
    from flows.demo.play import credential_file

    secret = credential_file(folder, COMPLIANCE).read_text(encoding="utf-8")
    with console(folder) as address:
        who = Credentials(COMPLIANCE.id, secret, fresh_code(folder, COMPLIANCE.id))
        return refuse(address, who, "Women are selected far less often than men of equal merit.")


def _flip(folder: Path) -> Path:
    from flows.demo.play import fairgate

    found = json.loads(fairgate(folder, ("verify", "models:/hiring@champion", "--json")).stdout)
    (path,) = folder.glob(f"mlruns/*/models/{found['subject']['model_id']}/artifacts/{FILE}")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return path


STAGES: Mapping[str, Callable[[Path], str]] = {
    "change one byte": change_one_byte,
    "restore the byte": restore_the_byte,
    "newer data arrives": newer_data_arrives,
    "refuse in the console": refuse_in_the_console,
}

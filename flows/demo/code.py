"""The officers' second factors in the demo's folder, and a code of now for a person who plays one of them.

`python -m flows.demo.code compliance-officer` prints the code that the officer's authenticator app would show.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

from governance.second_factor import STEP, WINDOW, code_at, step_of

FOLDER = "credentials"


def secret_file(folder: Path, person: str) -> Path:
    """Where the secret of a person's authenticator app is kept, as a phone would; beside it the last step used."""
    return folder / FOLDER / f"{person}.app"


def key_file(folder: Path, person: str) -> Path:
    """Where a person's own key is kept."""
    return folder / FOLDER / f"{person}.key"


def fresh_code(
    folder: Path, person: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), *, early: int = 0
) -> str:
    """A code that was not used yet: of now, or the next one where that was. `early`: that many steps before now.

    A code counts once, and at most one step ahead of the clock: where both are used, this waits for some seconds.
    """
    file = secret_file(folder, person)
    kept = json.loads(file.read_text(encoding="utf-8"))
    step = max(kept["last"] + 1, step_of(clock()) - early)
    while step > step_of(clock()) + WINDOW:
        sleep(STEP - clock().timestamp() % STEP)
    file.write_text(json.dumps({**kept, "last": step}), encoding="utf-8")
    return code_at(kept["secret"], step)


def keep_secret(folder: Path, person: str, secret: str) -> None:
    """Keep the secret of an authenticator app, readable by its owner alone."""
    file = secret_file(folder, person)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"secret": secret, "last": 0}), encoding="utf-8")


def write_key(folder: Path, person: str) -> Path:
    """Make an Ed25519 key; gives the file of its public half."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, private = Ed25519PrivateKey.generate(), key_file(folder, person)
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    public = private.with_suffix(".pub")
    public.write_bytes(key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH))
    return public


def main(arguments: list[str]) -> None:
    """Print a code of the person named by the only argument, in the demo's folder."""
    if len(arguments) != 1 or not secret_file(Path(), arguments[0]).exists():
        raise SystemExit("usage, in the demo's folder: python -m flows.demo.code compliance-officer")
    sys.stdout.write(fresh_code(Path(), arguments[0]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

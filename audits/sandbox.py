"""How well a model that is scored here is shut in: tried, in a child that confines itself in the same way.

A version number says what a kernel could do; a container may forbid it all the same. So a child does what a model
would do, and only what was refused to it counts.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_CHILD = Path(__file__).with_name("sandbox_child.py")
_SECONDS = 60
_PROBE_LIMITS = {"memory_bytes": 1 << 30, "cpu_seconds": 30, "file_bytes": 1 << 20}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What holds for a model that is scored on this machine by this user.

    `landlock`: the ABI by which all files but the interpreter's and the model's own are shut (0: they are not);
    `network`: no socket of any family; `uid`: another user, who has nothing else; `limits`: memory, processor time,
    one process, and no signal to another.
    """

    landlock: int = 0
    network: bool = False
    uid: bool = False
    limits: bool = False

    def holds(self) -> bool:
        """Whether code that nobody trusts may run: files, network and limits. Another user is "where possible"."""
        return self.landlock > 0 and self.network and self.limits

    def told(self) -> str:
        """For the record of an audit: "landlock abi 7, no network, own uid, limits"."""
        parts = (
            f"landlock abi {self.landlock}" if self.landlock else "",
            "no network" if self.network else "",
            "own uid" if self.uid else "",
            "limits" if self.limits else "",
        )
        return ", ".join(part for part in parts if part) or "none"

    def missing(self) -> tuple[str, ...]:
        """What a model can do here that it could not in a whole sandbox; each completes "a model can ..."."""
        can = (
            (self.landlock > 0, "read and change the files of its user (no Landlock)"),
            (self.network, "use the network (no seccomp filter)"),
            (self.limits, "start processes and reach those of its user (no seccomp filter, or no limits)"),
            (self.uid, "change the times of files of the user who scores (no other user: needs root)"),
        )
        return tuple(text for holds, text in can if not holds)

    def demands(self) -> dict[str, Any]:
        """What a scoring child must reach, because it was reached when it was tried."""
        return {"landlock": self.landlock, "calls": self.network, "uid": self.uid}


LEFT_OPEN = "see by its name whether a file exists, its size and times, and the machine's load"
"""What every model can do in the best sandbox of these; completes "a model can still ..."."""


@functools.cache
def sandbox() -> Sandbox:
    """What holds here, tried once in the life of this process (0.1 s)."""
    if sys.platform != "linux":
        return Sandbox()
    try:
        found = _tried()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        _LOG.warning("what a model may do here could not be tried (%s): no sandbox is assumed", error)
        return Sandbox()
    _LOG.debug("the sandbox was tried: %s", found)
    calls = found.get("calls") is True
    return Sandbox(
        landlock=int(found.get("landlock") or 0) if found.get("files") is True else 0,
        network=calls and found.get("network") is True,
        uid=found.get("uid") is True and found.get("user") is True,
        limits=calls and found.get("limits") is True,
    )


def _tried() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fairgate-sandbox-") as temporary:
        folder = Path(temporary)
        for name in ("job/home", "job/model", "other"):
            (folder / name).mkdir(parents=True)
        secret = folder / "other" / "secret"
        secret.write_text("not for models", encoding="ascii")
        folder.chmod(0o711)  # as the folder of temporary files: what is shut is the file, not the way to it
        job = _PROBE_LIMITS | {
            "model": str(folder / "job" / "model"),
            "home": str(folder / "job" / "home"),
            "parent": os.getpid(),
            "secret": str(secret),
            "owner": os.getuid(),
        }
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(_CHILD), json.dumps(job)],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(f"the trial ended with {done.returncode}: {done.stderr[-500:].strip()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

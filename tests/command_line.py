"""The public command line as a person uses it: a folder of one's own, one process for each command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
SECONDS = 300
FOREIGN = ("FAIRGATE_", "MLFLOW_", "PREFECT_")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; ValueError where there is anything else."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything on the screen."""
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class Project:
    """A folder in which commands run, with environment variables of its own and none of the caller's."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def fairgate(self, *arguments: str, **more: str) -> Ran:
        """Run `fairgate ARGUMENTS`; keywords are further environment variables."""
        return self._run([sys.executable, "-m", "flows.cli", *arguments], more)

    def python(self, script: Path, *arguments: str) -> Ran:
        """Run a script in the folder, as a data scientist would. Raises AssertionError where it fails."""
        ran = self._run([sys.executable, str(script), *arguments], {})
        assert ran.exit_code == 0, ran.said
        return ran

    def person(self, identity: str, function: str) -> tuple[str, ...]:
        """Add a person; returns the options with which they act."""
        file = self.folder / f"{identity}.credential"
        file.touch(mode=0o600)
        file.write_text(f"the password of {identity}", encoding="utf-8")
        name = identity.replace("-", " ").title()
        given = ("--credential-file", file.name)
        ran = self.fairgate("people", "add", identity, "--name", name, "--function", function, *given)
        assert ran.exit_code == 0, ran.said
        return ("--as", identity, *given)

    def write(self, name: str, text: str) -> Path:
        """Write a text file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _run(self, command: list[str], more: Mapping[str, str]) -> Ran:
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**own, "MLFLOW_DISABLE_TELEMETRY": "true", **self.variables, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

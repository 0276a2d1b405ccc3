"""Play the story in a folder of its own, with public commands and the console's form, each person by credential."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from flows.cli.output import say
from flows.demo import code
from flows.demo.story import ACTS, CHARACTERS, COMPLIANCE, RISK, Act, Character
from governance.errors import ConfigurationError, FairgateError

MARK = ".fairgate-demo"
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Played:
    """How an act ended: its exit code and everything that it printed."""

    act: Act
    exit_code: int
    output: str

    def surprises(self) -> tuple[str, ...]:
        """What is not as the story has it; empty where all is."""
        wrong = (
            []
            if self.exit_code == self.act.exit_code
            else [f"it ended with {self.exit_code}, not {self.act.exit_code}"]
        )
        return (*wrong, *(f"it did not say {words!r}" for words in self.act.says if words not in self.output))


def play(folder: Path) -> int:
    """Play every act, show it, and say what to try next. Raises FairgateError where an act ends otherwise."""
    started = monotonic()
    prepare(folder)
    say(f"The story is played in {folder}, with a registry, a ledger and people of its own.", "")
    for played in acts(folder):
        surprises = played.surprises()
        if surprises:
            raise FairgateError(f"the demo did not go as told: {played.act.tells} {'; '.join(surprises)}")
    _farewell(folder, monotonic() - started)
    return 0


def prepare(folder: Path) -> None:
    """An empty folder with the data, the plan, the people and a credential file for each.

    A folder of an earlier run is made anew; any other folder that holds something is refused.
    """
    from flows.demo.data import write_project

    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise ConfigurationError(f"{folder} holds something that is not a demo's: choose another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "credentials").mkdir(parents=True, mode=0o700)
    (folder / MARK).touch()
    write_project(folder)
    for person in CHARACTERS:
        file = credential_file(folder, person)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18), encoding="utf-8")
        added = ("people", "add", person.id, "--name", person.name, "--function", person.function)
        done = fairgate(folder, (*added, "--credential-file", str(file.relative_to(folder))))
        if done.returncode:
            raise FairgateError(f"the demo could not add {person.id}: {done.stdout}")
    _set_up_factors(folder)


def _set_up_factors(folder: Path) -> None:
    """One officer has an authenticator app, the other a key of her own: an approval takes more than a password."""
    begun = fairgate(folder, ("people", "totp", COMPLIANCE.id, "--json"), COMPLIANCE)
    if begun.returncode:
        raise FairgateError(f"the demo could not set up an authenticator app: {begun.stdout}")
    code.keep_secret(folder, COMPLIANCE.id, json.loads(begun.stdout)["secret"])
    first = code.fresh_code(folder, COMPLIANCE.id, early=1)
    public = code.write_key(folder, RISK.id).relative_to(folder)
    for person, command in (
        (COMPLIANCE, ("people", "totp", COMPLIANCE.id, "--confirm", first)),
        (RISK, ("people", "enroll-key", "--public", str(public))),
    ):
        done = fairgate(folder, command, person, with_code=False)
        if done.returncode:
            raise FairgateError(f"the demo could not set up a factor of {person.id}: {done.stdout}")


def acts(folder: Path) -> Iterator[Played]:
    """Play the acts one by one, printing each; yields how it ended."""
    for number, act in enumerate(ACTS, start=1):
        say(f"[{number}/{len(ACTS)}] ({act.scene}) {act.tells}")
        played = _perform(folder, act)
        say(*(f"      {line}" for line in played.output.rstrip().splitlines()), "")
        yield played


def _perform(folder: Path, act: Act) -> Played:
    if act.stage:
        from flows.demo.stage import STAGES

        return Played(act, 0, STAGES[act.stage](folder))
    as_whom = f"   (as {act.by.id})" if act.by else ""
    shown = "python" if act.command[0] == "-m" else "fairgate"
    say(f"      $ {shown} {' '.join(_quoted(item) for item in act.command)}{as_whom}")
    done = fairgate(folder, act.command, act.by)
    return Played(act, done.returncode, done.stdout)


def fairgate(
    folder: Path, command: tuple[str, ...], person: Character | None = None, *, with_code: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run one public command in the folder, as its own process."""
    arguments = command if command[0] == "-m" else ("-m", "flows.cli", *command)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment(folder, person), **(_code(folder, person) if with_code else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # one stream, in the order in which a person would read it
        text=True,
        timeout=SECONDS,
        check=False,
    )


def environment(folder: Path, person: Character | None) -> Mapping[str, str]:
    """The environment of a command: nothing of the caller's own Fairgate, MLflow or Prefect."""
    foreign = ("FAIRGATE_", "MLFLOW_", "PREFECT_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    if person is not None:
        env |= {
            "FAIRGATE_PERSON": person.id,
            "FAIRGATE_CREDENTIAL_FILE": str(credential_file(folder, person).relative_to(folder)),
        }
    return env


def _code(folder: Path, person: Character | None) -> Mapping[str, str]:
    """What the person's authenticator app shows, where she has one: she types it at each signature."""
    if person is None or not code.secret_file(folder, person.id).exists():
        return {}
    return {"FAIRGATE_CODE": code.fresh_code(folder, person.id)}


def credential_file(folder: Path, person: Character) -> Path:
    """Where a person's password is kept in the demo's folder, readable by its owner alone."""
    return folder / "credentials" / person.id


def _farewell(folder: Path, seconds: float) -> None:
    reports = sorted((folder / ".fairgate" / "reports").glob("*.html"))
    say(f"The story took {seconds:.0f} s. What happened:")
    say("  version 1 was held and refused; version 2 was signed by two people and released;")
    say("  one changed byte was seen; a broken file was stopped; the night's audit opened the hold again.")
    say("The reports:", *(f"  {path}" for path in reports))
    command = Path(sys.executable).with_name("fairgate")
    say("Four commands to try next:")
    say(f"  cd {folder} && {command} holds            what waits for people now")
    say(f"  cd {folder} && {command} ledger show      everything that happened, in order")
    say(f"  cd {folder} && {command} serve            the officers' console; passwords are in credentials/")
    python = command.with_name("python")
    say(f"  cd {folder} && {python} -m flows.demo.code {COMPLIANCE.id}    a code of her app, to sign there")


def _quoted(item: str) -> str:
    return f'"{item}"' if " " in item else item

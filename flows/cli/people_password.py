"""`fairgate people password | reset`: a new password of one's own choice, and a colleague's forgotten one, by two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import As, Code, Credential, Json, OwnKey, at_the_command_line, proved, secret
from flows.cli.output import emit, say
from flows.cli.people import Identity, people
from flows.settings import read_settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.proving import Proof
    from governance.statement import Entry

NewCredential = Annotated[
    Path | None, typer.Option("--new-credential-file", help="A file that holds the new password; else it is asked.")
]


def add_to(_app: typer.Typer) -> None:
    """The commands of this room are already in the group `people`."""


@people.command("password")
def password(
    identity: Identity,
    credential_file: Credential = None,
    new_credential_file: NewCredential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Change your password. It takes the old one and, where you have one, a second factor: --code or --key.

    Your sessions at the console end. Who has forgotten hers: fairgate people reset.
    """
    from flows.wiring import open_desk
    from governance.passwords import change_password, check_new, has_password

    settings = read_settings()
    desk = open_desk(settings)
    person = desk.accounts.person(identity)
    if person is not None:
        has_password(desk, person)
    old = secret(settings, f"Password of {identity} until now", credential_file)
    proof = proved(settings, desk, identity, credential_file, code, own, given=old)
    new = _new_password(identity, new_credential_file)
    check_new(old, new, new)
    entry = change_password(desk, _here(proof), old, new)
    _told(entry, as_json=as_json)


@people.command("reset")
def reset(
    identity: Identity,
    other: As = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; to begin or to stop. Kept in the ledger.")] = "",
    forget: Annotated[
        bool, typer.Option("--forget-factors", help="Also forget her authenticator app and passkeys.")
    ] = False,
    confirm: Annotated[
        int | None, typer.Option("--confirm", metavar="ENTRY", help="Confirm the reset that this entry began.")
    ] = None,
    stop: Annotated[
        int | None, typer.Option("--stop", metavar="ENTRY", help="Make the reset void that this entry began.")
    ] = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Let a colleague who has forgotten her password in again: two persons who sign, each with half of a code.

    Without --confirm it begins a reset; another person confirms it. Each half is shown once: hand it over yourself.
    She types both on the console's page /reset within 24 hours.
    """
    from flows.wiring import open_desk
    from governance.resetting import begin_reset, confirm_reset, void_reset

    if confirm is not None and (stop is not None or forget):
        raise ConfigurationError("--confirm confirms what was begun as it is: leave --stop and --forget-factors out")
    settings = read_settings()
    desk = open_desk(settings)
    proof = _here(proved(settings, desk, other, credential_file, code, own))
    if stop is not None:
        _told(void_reset(desk, identity, stop, proof, reason), as_json=as_json)
        return
    if confirm is not None:
        _reviewed(desk, identity, confirm)
        entry, half = confirm_reset(desk, identity, confirm, proof)
    else:
        entry, half = begin_reset(desk, identity, proof, reason, forget=forget)
    _told(entry, as_json=as_json, half=half)


def _reviewed(desk: Desk, identity: str, begun: int) -> None:
    """Show on standard error what is confirmed; where somebody sits there, she must say yes."""
    from governance.desk import charter_of

    found = charter_of(desk).password_reset(identity)
    if found is None or found.seq != begun:
        return  # the use case says what is wrong
    factors = "her authenticator app and passkeys are FORGOTTEN" if found.forget else "her second factors stay"
    typer.echo(f"Entry {begun}: begun by {found.begun_by}, because: {found.reason!a}; {factors}.", err=True)
    if sys.stdin.isatty():
        typer.confirm(f"Did {identity} ask you herself?", abort=True, err=True)


def _new_password(identity: str, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the file {file} cannot be read: {error}; correct --new-credential-file"
            ) from error
    if not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask for the new password: use --new-credential-file")
    return str(typer.prompt(f"New password of {identity}", hide_input=True, confirmation_prompt=True))


def _here(proof: Proof) -> Proof:
    from dataclasses import replace

    return replace(proof, how=at_the_command_line(proof))


def _told(entry: Entry, *, as_json: bool, half: str | None = None) -> None:
    body = entry.statement.body
    if as_json:
        said = {"person": body["person"]["id"], "event": body["event"], "entry": entry.seq}
        emit(said if half is None else {**said, "half": half})
        return
    say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")
    if half is None:
        return
    who = body["person"]["id"]
    say(f"  {half}", f"This half is shown this once. Give it to {who} yourself, by telephone or in person.")
    if body["event"] == "password-reset-begun":
        say(f"Now another person confirms: fairgate people reset {who} --confirm {entry.seq} --as HER-ID")

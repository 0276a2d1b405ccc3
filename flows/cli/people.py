"""`fairgate people`: who may act, in which functions, and with which keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import As, Credential, Json, authenticated, secret
from flows.cli.output import emit, say
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.people import Person

people = typer.Typer(help="People, their functions, credentials and keys.", no_args_is_help=True)
By = Annotated[str | None, typer.Option("--by", help="Your id, where you add or disable somebody else.")]
ByCredential = Annotated[Path | None, typer.Option("--by-credential-file", help="A file that holds your password.")]
Identity = Annotated[str, typer.Argument(metavar="ID", help="The person's id.")]
Public = Annotated[Path, typer.Option("--public", help="An Ed25519 public key: PEM, or OpenSSH's .pub file.")]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(people, name="people")


@people.command("add")
def add(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A short id, never reused: a-z, 0-9, dot, dash.")],
    name: Annotated[str, typer.Option("--name", help="The printed name under signatures.")],
    function: Annotated[list[str], typer.Option("--function", help="compliance, model-risk, data-science, ...")],
    credential_file: Credential = None,
    by: By = None,
    by_credential_file: ByCredential = None,
    as_json: Json = False,
) -> None:
    """Add a person. The password comes from --credential-file, the environment or a prompt (12 characters or more).

    Once two persons can sign, whoever shall sign is added by one of them: --by ID.
    """
    from flows.wiring import open_desk
    from governance.enrolment import enrol
    from governance.people import Person

    settings = read_settings()
    desk = open_desk(settings)
    person = Person(identity, name, tuple(function))
    adder = _adder(desk, by, by_credential_file)
    entry = enrol(desk, person, secret(settings, f"New password of {identity}", credential_file, confirm=True), adder)
    if as_json:
        emit({"person": person, "entry": entry.seq})
    else:
        say(f"{name} ({identity}) may act as {', '.join(function)} (ledger entry {entry.seq}).")


@people.command("list")
def listed(as_json: Json = False) -> None:
    """Everybody that Fairgate knows."""
    from flows.wiring import open_desk
    from governance.desk import charter_of

    desk = open_desk(read_settings())
    found, charter = desk.accounts.people(), charter_of(desk)
    known = {person.id for person in charter.people}
    if as_json:
        emit({"people": found, "unknown_to_the_ledger": sorted({p.id for p in found} - known), "keys": charter.keys})
        return
    if not found:
        say("Nobody yet. Add a person: fairgate people add ID --name NAME --function FUNCTION")
    for person in found:
        marks = (person.active, "(disabled)"), (person.id in known, "(unknown to the ledger: can sign nothing)")
        state = " ".join(word for fine, word in marks if not fine)
        keys = len(charter.keys_of(person.id))
        own = f"  {keys} key{'s' if keys > 1 else ''}" if keys else ""
        say(f"{person.id:16} {person.name:28} {', '.join(person.functions)}{own}  {state}".rstrip())


@people.command("disable")
def disable(identity: Identity, by: By = None, by_credential_file: ByCredential = None, as_json: Json = False) -> None:
    """Disable a person. Sign-offs given by a disabled person no longer count; the id is never reused."""
    from flows.wiring import open_desk
    from governance.enrolment import dismiss

    desk = open_desk(read_settings())
    entry = dismiss(desk, identity, _adder(desk, by, by_credential_file))
    if as_json:
        emit({"disabled": identity, "entry": entry.seq})
    else:
        say(f"{identity} is disabled (ledger entry {entry.seq}).")


@people.command("enroll-key")
def enroll_key(public: Public, identity: As = None, credential_file: Credential = None, as_json: Json = False) -> None:
    """Record a key as your own. Sign-offs that you sign with it (`sign --key`) have the assurance user-key."""
    from governance.enrolment import enrol_key
    from governance.user_key import read_public

    desk, person = _oneself(read_settings(), identity, credential_file)
    key = read_public(public)
    entry = enrol_key(desk, person, key)
    if as_json:
        emit({"person": person.id, "public_key": key, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("revoke-key")
def revoke_key(public: Public, identity: As = None, credential_file: Credential = None, as_json: Json = False) -> None:
    """Take one of your keys back, for example a lost one. What it signed counts no more."""
    from governance.enrolment import revoke_key as revoke
    from governance.user_key import read_public

    desk, person = _oneself(read_settings(), identity, credential_file)
    key = read_public(public)
    entry = revoke(desk, person, key)
    if as_json:
        emit({"person": person.id, "public_key": key, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("token")
def token(
    identity: Identity,
    label: Annotated[str, typer.Option("--label", help="What the token is for, for people.")],
    days: Annotated[int, typer.Option("--days", help="After so many days it ends, 365 at most.")],
    credential_file: Credential = None,
    as_json: Json = False,
) -> None:
    """Make a token with which a script reads the JSON API as this person. It is shown once, and signs nothing."""
    from flows.wiring import open_desk
    from governance.api_tokens import ApiTokens

    settings = read_settings()
    desk = open_desk(settings)
    person = desk.accounts.authenticate(identity, secret(settings, f"Password of {identity}", credential_file))
    shown, made = ApiTokens(desk.accounts).give(person, label, days)
    if as_json:
        emit({"token": shown, "about": made})
    else:
        say(shown, f"Token {made.id} of {identity}, until {made.expires:%Y-%m-%d %H:%M} UTC. It is not shown again.")


@people.command("tokens")
def tokens(as_json: Json = False) -> None:
    """Every token that was made: whose, for what, until when. The tokens themselves are kept nowhere."""
    from flows.wiring import open_desk
    from governance.api_tokens import ApiTokens

    desk = open_desk(read_settings())
    found, now = ApiTokens(desk.accounts).all(), desk.clock()
    if as_json:
        emit({"tokens": found})
        return
    if not found:
        say("No tokens. Make one: fairgate people token ID --label LABEL --days 90")
    for item in found:
        state = "revoked" if item.revoked else "holds" if item.holds(now) else "ended"
        say(f"{item.id}  {item.person:16} {state:8} until {item.expires:%Y-%m-%d %H:%M} UTC  {item.label}")


@people.command("revoke-token")
def revoke_token(
    identity: Annotated[str, typer.Argument(metavar="TOKEN-ID", help="As `people tokens` lists it.")],
    as_json: Json = False,
) -> None:
    """End a token at once."""
    from flows.wiring import open_desk
    from governance.api_tokens import ApiTokens

    done = ApiTokens(open_desk(read_settings()).accounts).revoke(identity)
    if as_json:
        emit({"revoked": done})
    else:
        say(f"Token {done.id} of {done.person} ({done.label}) is revoked.")


def _oneself(settings: Settings, identity: str | None, credential_file: Path | None) -> tuple[Desk, Person]:
    from flows.wiring import open_desk

    desk = open_desk(settings)
    return desk, authenticated(settings, desk, identity, credential_file)


def _adder(desk: Desk, by: str | None, file: Path | None) -> Person | None:
    """Who adds or disables somebody else, after checking her own password; the environment's is the new person's."""
    if by is None:
        return None
    if file is not None:
        try:
            return desk.accounts.authenticate(by, file.read_text(encoding="utf-8").rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the file {file} cannot be read: {error}; correct --by-credential-file"
            ) from error
    return desk.accounts.authenticate(by, str(typer.prompt(f"Password of {by}", hide_input=True)))

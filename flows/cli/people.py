"""`fairgate people`: who may act, in which functions, and with which keys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import As, Code, Credential, Json, OwnKey, at_the_command_line, proved, secret
from flows.cli.output import emit, say
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import datetime

    from governance.charter import Charter
    from governance.desk import Desk
    from governance.people import Person
    from governance.proving import Proof
    from governance.second_factor import Enrolment
    from governance.statement import Entry

people = typer.Typer(help="People, their functions, credentials and keys.", no_args_is_help=True)
By = Annotated[str | None, typer.Option("--by", help="Your id, where you add or disable somebody else.")]
ByCredential = Annotated[Path | None, typer.Option("--by-credential-file", help="A file that holds your password.")]
ByCode = Annotated[
    str | None, typer.Option("--by-code", help="The code of your authenticator app, where you have one.")
]
Identity = Annotated[str, typer.Argument(metavar="ID", help="The person's id.")]
Issuer = Annotated[str, typer.Option("--issuer", help="The provider of single sign-on, exactly: https://HOST/PATH.")]
Subject = Annotated[str, typer.Option("--subject", help="Who she is there: its sub, never an e-mail address.")]
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
    by_code: ByCode = None,
    issuer: Annotated[str | None, typer.Option("--issuer", help="Single sign-on instead of a password: where.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="And who she is there: the provider's sub.")] = None,
    as_json: Json = False,
) -> None:
    """Add a person. The password comes from --credential-file, the environment or a prompt (12 characters or more).

    With --issuer and --subject she has none, and comes in by single sign-on alone. Once two persons can sign, whoever
    shall sign is added by one of them: --by ID.
    """
    from flows.wiring import open_desk
    from governance.enrolment import enrol
    from governance.identities import Identity
    from governance.linking import enrol_signed_on
    from governance.people import Person

    settings = read_settings()
    desk = open_desk(settings)
    if (issuer is None) != (subject is None):
        raise ConfigurationError("a person of single sign-on needs both: --issuer URL and --subject SUB")
    adder = _adder(desk, by, by_credential_file, by_code)
    person = Person(identity, name, tuple(function), issuer or "local")
    if issuer and subject:
        entry = enrol_signed_on(desk, person, Identity(issuer, subject), adder)
    else:
        password = secret(settings, f"New password of {identity}", credential_file, confirm=True)
        entry = enrol(desk, person, password, adder)
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
        held = {person.id: factor_words(charter, person.id) for person in found}
        said = {"people": found, "unknown_to_the_ledger": sorted({p.id for p in found} - known)}
        emit(
            said
            | {"keys": charter.keys, "passkeys": charter.passkeys, "factors": held, "resets": charter.password_resets}
        )
        return
    if not found:
        say("Nobody yet. Add a person: fairgate people add ID --name NAME --function FUNCTION")
    for person in found:
        marks = (person.active, "(disabled)"), (person.id in known, "(unknown to the ledger: can sign nothing)")
        state = " ".join(word for fine, word in marks if not fine)
        factors = factor_words(charter, person.id)
        own = f"  [{', '.join(factors)}]" if factors else ""
        say(f"{person.id:16} {person.name:28} {', '.join(person.functions)}{own}  {state}".rstrip())
        if reset := reset_words(charter, person.id, desk.clock()):
            say(f"{'':16} {reset}")


@people.command("disable")
def disable(
    identity: Identity,
    by: By = None,
    by_credential_file: ByCredential = None,
    by_code: ByCode = None,
    as_json: Json = False,
) -> None:
    """Disable a person. Sign-offs given by a disabled person no longer count; the id is never reused."""
    from flows.wiring import open_desk
    from governance.enrolment import dismiss

    desk = open_desk(read_settings())
    entry = dismiss(desk, identity, _adder(desk, by, by_credential_file, by_code))
    if as_json:
        emit({"disabled": identity, "entry": entry.seq})
    else:
        say(f"{identity} is disabled (ledger entry {entry.seq}).")


@people.command("link")
def link(
    identity: Identity,
    issuer: Issuer,
    subject: Subject,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Link your account with your identity at a provider of single sign-on. It takes your own password."""
    from governance.factors import may_set_up
    from governance.identities import Identity as Elsewhere
    from governance.linking import link as record

    desk, proof = _oneself(read_settings(), identity, credential_file, code, own)
    may_set_up(desk, proof)
    person = proof.person
    entry = record(desk, person, Elsewhere(issuer, subject))
    if as_json:
        emit({"person": person.id, "issuer": issuer, "subject": subject, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("unlink")
def unlink(
    issuer: Issuer,
    subject: Subject,
    by: By = None,
    by_credential_file: ByCredential = None,
    by_code: ByCode = None,
    as_json: Json = False,
) -> None:
    """Take an identity at a provider of single sign-on away from whoever has it."""
    from flows.wiring import open_desk
    from governance.identities import Identity as Elsewhere
    from governance.linking import unlink as record

    desk = open_desk(read_settings())
    entry = record(desk, Elsewhere(issuer, subject), _adder(desk, by, by_credential_file, by_code))
    if as_json:
        emit({"issuer": issuer, "subject": subject, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("enroll-key")
def enroll_key(
    public: Public,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Record a key as your own. Sign-offs that you sign with it (`sign --key`) have the assurance user-key."""
    from governance.enrolment import enrol_key
    from governance.factors import may_set_up
    from governance.user_key import read_public

    desk, proof = _oneself(read_settings(), identity, credential_file, code, own)
    may_set_up(desk, proof)
    person, key = proof.person, read_public(public)
    entry = enrol_key(desk, person, key)
    if as_json:
        emit({"person": person.id, "public_key": key, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("revoke-key")
def revoke_key(
    public: Public,
    identity: As = None,
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """Take one of your keys back, for example a lost one. What it signed counts no more."""
    from governance.enrolment import revoke_key as revoke
    from governance.user_key import read_public

    desk, proof = _oneself(read_settings(), identity, credential_file, code)
    person, key = proof.person, read_public(public)
    entry = revoke(desk, person, key)
    if as_json:
        emit({"person": person.id, "public_key": key, "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


@people.command("totp")
def totp(
    identity: Identity,
    confirm: Annotated[str | None, typer.Option("--confirm", help="The new app's first code: it counts then.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take your authenticator app back.")] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Let ID begin anew, with --as YOUR-ID: she lost hers.")
    ] = False,
    other: As = None,
    credential_file: Credential = None,
    code: Code = None,
    own: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Set up an authenticator app: its code and your password are the two factors that an approval needs.

    Shows the secret once, as a QR code and as an otpauth address. A further factor needs one that you have: --code or
    --key. Each change is an entry of the ledger.
    """
    from governance.factors import begin_code, confirm_code, remove_code, reset_factors

    settings = read_settings()
    if reset:
        desk, proof = _oneself(settings, other, credential_file, code, own)
        _told(reset_factors(desk, identity, proof), identity, as_json=as_json)
        return
    desk, proof = _oneself(settings, identity, credential_file, code, own)
    if remove:
        _told(remove_code(desk, proof), identity, as_json=as_json)
        return
    if confirm is None:
        made = begin_code(desk, proof)
        confirm = _shown(made, identity, as_json=as_json)
    if confirm is not None:
        _told(confirm_code(desk, proof.person, at_the_command_line(proof), confirm), identity, as_json=as_json)


def _shown(made: Enrolment, identity: str, *, as_json: bool) -> str | None:
    """Show the secret, once; the first code where somebody sits there to type it."""
    from reports.codes import qr_terminal

    if as_json:
        emit({"person": identity, "uri": made.uri, "secret": made.secret})
        return None
    say(*qr_terminal(made.uri).splitlines())
    say("Scan this with an authenticator app, or give it the secret by hand. It is shown this once.")
    say(f"  {made.uri}", f"  secret {made.secret}")
    if sys.stdin.isatty():
        return str(typer.prompt("The code that the app shows now"))
    say(f"It counts once you give its first code, within 15 minutes: fairgate people totp {identity} --confirm CODE")
    return None


def _told(entry: Entry, identity: str, *, as_json: bool) -> None:
    if as_json:
        emit({"person": identity, "event": entry.statement.body["event"], "entry": entry.seq})
    else:
        say(f"{entry.statement.meaning} (ledger entry {entry.seq}).")


def factor_words(charter: Charter, identity: str) -> list[str]:
    """What this person has beside her password, in words."""
    counts = (("passkey", charter.passkeys_of(identity)), ("key", charter.keys_of(identity)))
    words = ["authenticator app"] if charter.code_of(identity) else []
    return words + [f"{len(held)} {what}{'s' if len(held) > 1 else ''}" for what, held in counts if held]


def reset_words(charter: Charter, identity: str, now: datetime) -> str:
    """How the newest reset of this person's password stands; empty where there never was one."""
    item = charter.password_reset(identity)
    if item is None:
        return ""
    by = f"{item.begun_by}{f' and {item.confirmed_by}' if item.confirmed_by else ''}"
    forgets = ", with her authenticator app and passkeys" if item.forget else ""
    if item.ended_at is not None:
        why = f": {item.why}" if item.why else ""
        return f"password reset by {by}{forgets}: {item.state} on {item.ended_at:%Y-%m-%d %H:%M} UTC{why}"
    if not item.open(now):
        return f"password reset by {by}{forgets}: ended unused on {item.until:%Y-%m-%d %H:%M} UTC"
    waits = "waits for her" if item.confirmed_by else f"waits for another person: --confirm {item.seq}"
    return f"password reset by {by}{forgets}: {item.state}, {waits}, until {item.until:%Y-%m-%d %H:%M} UTC"


def _oneself(
    settings: Settings, identity: str | None, credential_file: Path | None, code: str | None, own: Path | None = None
) -> tuple[Desk, Proof]:
    from flows.wiring import open_desk

    desk = open_desk(settings)
    return desk, proved(settings, desk, identity, credential_file, code, own)


def _adder(desk: Desk, by: str | None, file: Path | None, code: str | None) -> Person | None:
    """Who adds or disables somebody else, after checking her own factors; the environment's are the new person's."""
    from governance.proving import asks_code, prove

    if by is None:
        return None
    if file is not None:
        try:
            password = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the file {file} cannot be read: {error}; correct --by-credential-file"
            ) from error
    else:
        password = str(typer.prompt(f"Password of {by}", hide_input=True))
    if code is None and asks_code(desk, by) and sys.stdin.isatty():
        code = str(typer.prompt(f"Code of {by}'s authenticator app"))
    return prove(desk, by, password, code).person

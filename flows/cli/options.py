"""Options that several commands share, and how a person is recognised."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.settings import Settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.people import Person
    from governance.proving import Proof

Name = Annotated[str, typer.Argument(help="The registered model's name.")]
Version = Annotated[str, typer.Argument(help="The version's number.")]
Alias = Annotated[str, typer.Option("--alias", help="The alias to release to, for example champion.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
As = Annotated[str | None, typer.Option("--as", help="Your id in Fairgate (or FAIRGATE_PERSON).")]
Credential = Annotated[
    Path | None,
    typer.Option("--credential-file", help="A file that holds your password (or FAIRGATE_CREDENTIAL[_FILE])."),
]
Code = Annotated[
    str | None,
    typer.Option(
        "--code", help="The code of your authenticator app, where you have one (or FAIRGATE_CODE; else asked)."
    ),
]
OwnKey = Annotated[
    Path | None, typer.Option("--key", help="A key of yours that is enrolled already, as the factor that you have.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why. Required; kept for ever.")]
Data = Annotated[str | None, typer.Option("--data", help="Measure this file instead of the plan's source.")]


def authenticated(settings: Settings, desk: Desk, identity: str | None, file: Path | None) -> Person:
    """The person with this id, after checking the credential. Raises NotAuthorizedError, ConfigurationError."""
    who = identity or settings.person
    if not who:
        raise ConfigurationError("say who you are: --as YOUR-ID, or set FAIRGATE_PERSON")
    return desk.accounts.authenticate(who, secret(settings, f"Password of {who}", file))


def proved(
    settings: Settings,
    desk: Desk,
    identity: str | None,
    file: Path | None,
    code: str | None,
    own: Path | None = None,
    *,
    given: str | None = None,
) -> Proof:
    """Who acts, by her password, and by a code where she has an authenticator app: then it is asked.

    `own` is the file of a private key of hers, as a factor; `given` is her password where it was asked already.

    Raises NotAuthorizedError, ConfigurationError.
    """
    from governance.desk import charter_of
    from governance.proving import asks_code, by_own_key, prove
    from governance.user_key import public_of, read_private

    who = identity or settings.person
    if not who:
        raise ConfigurationError("say who you are: --as YOUR-ID, or set FAIRGATE_PERSON")
    password = secret(settings, f"Password of {who}", file) if given is None else given
    digits = code or settings.code
    if digits is None and asks_code(desk, who) and sys.stdin.isatty():
        digits = str(typer.prompt(f"Code of {who}'s authenticator app"))
    proof = prove(desk, who, password, digits if asks_code(desk, who) else code)
    return by_own_key(charter_of(desk), proof, public_of(read_private(own))) if own else proof


def at_the_command_line(proof: Proof) -> str:
    """How she was authenticated, in the words of the record."""
    return f"{proof.how} at the command line"


def _why(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8 text"


def secret(settings: Settings, prompt: str, file: Path | None, *, confirm: bool = False) -> str:
    """A credential from a file, the environment or the terminal, in this order."""
    path = file or settings.credential_file
    if path is not None:
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the credential file {path} cannot be read: {_why(error)}; correct --credential-file"
            ) from error
    if settings.credential is not None:
        return settings.credential
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "there is no terminal to ask for the password: use --credential-file, "
            "FAIRGATE_CREDENTIAL_FILE or FAIRGATE_CREDENTIAL"
        )
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm))

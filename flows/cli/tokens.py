"""`fairgate people token | tokens | revoke-token`: tokens of scripts that read the JSON API. They sign nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Code, Credential, Json, proved
from flows.cli.output import emit, say
from flows.cli.people import Identity, people
from flows.settings import read_settings


def add_to(_app: typer.Typer) -> None:
    """The commands of this room are already in the group `people`."""


@people.command("token")
def token(
    identity: Identity,
    label: Annotated[str, typer.Option("--label", help="What the token is for, for people.")],
    days: Annotated[int, typer.Option("--days", help="After so many days it ends, 365 at most.")],
    credential_file: Credential = None,
    code: Code = None,
    as_json: Json = False,
) -> None:
    """Make a token with which a script reads the JSON API as this person. It is shown once, and signs nothing."""
    from flows.wiring import open_desk
    from governance.api_tokens import ApiTokens

    settings = read_settings()
    desk = open_desk(settings)
    person = proved(settings, desk, identity, credential_file, code).person
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

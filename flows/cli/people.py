"""`fairgate people`: who may act, and in which functions."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Credential, Json, secret
from flows.cli.output import emit, say
from flows.settings import read_settings

people = typer.Typer(help="People, their functions and their credentials.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(people, name="people")


@people.command("add")
def add(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A short id, never reused: a-z, 0-9, dot, dash.")],
    name: Annotated[str, typer.Option("--name", help="The printed name under signatures.")],
    function: Annotated[list[str], typer.Option("--function", help="compliance, model-risk, data-science, ...")],
    credential_file: Credential = None,
    as_json: Json = False,
) -> None:
    """Add a person. The password comes from --credential-file, the environment or a prompt (12 characters or more)."""
    from flows.wiring import open_desk
    from governance.people import Person

    settings = read_settings()
    desk = open_desk(settings)
    person = Person(identity, name, tuple(function))
    desk.accounts.add(person, secret(settings, f"New password of {identity}", credential_file, confirm=True))
    if as_json:
        emit(person)
    else:
        say(f"{name} ({identity}) may act as {', '.join(function)}.")


@people.command("list")
def listed(as_json: Json = False) -> None:
    """Everybody that Fairgate knows."""
    from flows.wiring import open_desk

    found = open_desk(read_settings()).accounts.people()
    if as_json:
        emit({"people": found})
        return
    if not found:
        say("Nobody yet. Add a person: fairgate people add ID --name NAME --function FUNCTION")
    for person in found:
        state = "" if person.active else "  (disabled)"
        say(f"{person.id:16} {person.name:28} {', '.join(person.functions)}{state}")


@people.command("disable")
def disable(identity: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Disable a person. Sign-offs given by a disabled person no longer count; the id is never reused."""
    from flows.wiring import open_desk

    open_desk(read_settings()).accounts.disable(identity)
    say(f"{identity} is disabled.")

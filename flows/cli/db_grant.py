"""`fairgate db grant`: the roles and triggers that guard a registry on PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError, Exit

if TYPE_CHECKING:
    from governance.registry.postgres_check import Held

Apply = Annotated[bool, typer.Option("--apply", help="Run the statements, in one transaction, as a superuser.")]
Check = Annotated[bool, typer.Option("--check", help="Say what holds in the database, and what does not (exit 14).")]
Admin = Annotated[
    str | None,
    typer.Option("--as-superuser-url", help="A superuser's URL of MLflow's database (or FAIRGATE_DB_ADMIN)."),
]


def grant(apply: Apply = False, check: Check = False, as_superuser_url: Admin = None, as_json: Json = False) -> int:
    """Print the SQL that guards MLflow's tables on PostgreSQL, for review; --apply runs it, --check looks at it."""
    from flows.granting import examined, statements
    from governance.registry.postgres_guard import apply as run
    from governance.registry.postgres_guard import script

    settings = read_settings()
    admin = as_superuser_url or settings.database_admin
    if apply and check:
        raise ConfigurationError("--apply checks what it has done: leave --check out")
    if check:
        return _shown(examined(settings, as_superuser_url), [], as_json=as_json)
    parts = statements(settings)
    if apply:
        if not admin:
            raise ConfigurationError("--apply needs a superuser: --as-superuser-url URL, or FAIRGATE_DB_ADMIN")
        run(admin, parts)
        return _shown(examined(settings, admin), [part.title for part in parts], as_json=as_json)
    if as_json:
        emit({"applied": [], "statements": [asdict(part) for part in parts]})
    else:
        say(script(parts))
    return int(Exit.DONE)


def _shown(held: tuple[Held, ...], done: list[str], *, as_json: bool) -> int:
    problems = [problem for item in held for problem in item.problems]
    code = Exit.VERIFICATION_FAILED if problems else Exit.DONE
    if as_json:
        emit({"applied": done, "checks": held, "problems": problems, "exit_code": code})
        return int(code)
    say(*(f"done    {title}" for title in done))
    for item in held:
        say(
            f"{'NOT OK' if item.problems else 'ok':7} {item.what}", *(f"        {problem}" for problem in item.problems)
        )
    return int(code)

"""The command line: `fairgate COMMAND`. Engines are imported inside commands, so that help and signing start fast."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, TyperException

from flows.cli import (
    charter,
    conditions,
    db,
    evidence,
    figures,
    history,
    ledger,
    notify,
    operate,
    outside,
    people,
    people_password,
    release,
    report,
    schedules,
    sign,
    tables,
    tokens,
    verify,
)
from flows.cli.output import fail, say
from flows.settings import read_settings
from governance.errors import FairgateError

EPILOG = (
    "Exit codes: 0 done, 2 configuration, 3 measurement, 4 sign-off refused, 5 ledger, 6 service unreachable, "
    "10 held, 11 refused, 12 stopped by data quality, 13 adverse finding, 14 verification failed, 1 a crash."
)

app = typer.Typer(
    name="fairgate",
    help="Audit models for bias, and hold high-impact releases until people have signed. Start with: fairgate demo",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ROOMS = (
    people, people_password, tokens, charter, evidence, release, sign, conditions, verify, report, history, figures,
    tables, ledger, outside, db, schedules, notify, operate,
)  # fmt: skip
for room in ROOMS:
    room.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one sentence, never a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        result = app(args=given, prog_name="fairgate", standalone_mode=False)
    except FairgateError as error:
        return fail(str(error), type(error).__name__, error.exit_code, as_json=as_json)
    except TyperException as error:
        if not given:
            say(error.format_message())  # called with nothing: the help, not a complaint
            return 0
        return fail(_usage(error), "UsageError", 2, as_json=as_json)
    except (Abort, KeyboardInterrupt):
        return fail("stopped by hand; nothing that was recorded is lost", "Interrupted", 130, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - a crash is told in one line, its details are kept for the report
        return fail(f"{_crash(error)}", type(error).__name__, 1, as_json=as_json)
    return int(result or 0)


def run() -> None:
    """The console script: ends the process with the command's exit code."""
    sys.exit(main())


def _usage(error: TyperException) -> str:
    """What is wrong with the command, and how to ask for its help."""
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "fairgate"
    return f"{error.format_message().rstrip('.')}; see: {asked} --help"


def _crash(error: Exception) -> str:
    details = "".join(traceback.format_exception(error))
    try:
        home = read_settings().home
        home.mkdir(parents=True, exist_ok=True)
        log = home / "crash.log"
        with log.open("a", encoding="utf-8") as stream:
            stream.write(details + "\n")
    except Exception:  # noqa: BLE001 - where the log cannot be written, the details go to the screen
        return f"Fairgate crashed: {details}"
    first = str(error).strip().splitlines()[:1] or [""]
    return f"Fairgate crashed: {type(error).__name__}: {first[0]} (details: {log})"

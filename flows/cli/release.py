"""`fairgate register | release | holds`: ask for a release and see what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Alias, As, Credential, Data, Json, Name, authenticated
from flows.cli.output import emit, progress, say
from flows.cli.words import UNWATCHED, decision_json, validation_lines
from flows.settings import Settings, read_settings
from governance.errors import Exit
from governance.explanation import decision_lines

if TYPE_CHECKING:
    from pathlib import Path

    from flows.releasing import Answer
    from flows.reporting import ReportFiles


LATEST = "latest"
VersionOrLatest = Annotated[str, typer.Argument(metavar="VERSION", help="The version's number, or latest.")]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("register")(register)
    app.command("release")(release)
    app.command("holds")(holds)


def register(
    name: Name, version: VersionOrLatest, identity: As = None, credential_file: Credential = None, as_json: Json = False
) -> None:
    """Record that you registered a model version. You can then not sign it off."""
    from flows.assess import candidate
    from flows.wiring import open_desk, open_registry
    from governance.people import actor
    from governance.record import registered

    settings = read_settings()
    desk, registry = open_desk(settings), open_registry(settings)
    person = authenticated(settings, desk, identity, credential_file)
    found = registry.latest(name) if version == LATEST else registry.version(name, version)
    chosen = candidate(settings, desk, registry, found)
    statement = registered(chosen.subject, person.id, "authenticated", actor(person))
    key = f"registered:{chosen.subject.digest}:{chosen.subject}:{person.id}:authenticated"
    entry = desk.ledger.append(statement, idempotency_key=key)
    if as_json:
        emit({"seq": entry.seq, "registrant": person.id, "digest": chosen.subject.digest})
    else:
        say(f"{chosen.subject} is recorded as registered by {person.name} (ledger entry {entry.seq}).")


def release(
    name: Name,
    version: VersionOrLatest,
    alias: Alias,
    data: Data = None,
    identity: As = None,
    credential_file: Credential = None,
    as_json: Json = False,
) -> int:
    """Ask for a release: validate the data, audit the model, decide. Held (10) until the policy is met."""
    from flows.prefect_env import configure
    from flows.wiring import open_desk, open_registry
    from governance.people import MACHINE, actor

    settings = read_settings()
    desk = open_desk(settings)
    asked_by_person = identity or settings.person
    by = actor(authenticated(settings, desk, identity, credential_file)) if asked_by_person else MACHINE
    if version == LATEST:
        version = open_registry(settings).latest(name).version
    configure(settings)
    with progress(f"releasing {name} v{version} as {alias}: quality gate, audit, decision", quiet=as_json):
        from flows.prefect_runtime import finished
        from flows.release import release as flow
        from flows.requester import acting_as

        with acting_as(by):
            answer, files = finished(flow(name, version, alias, data, return_state=True))
    _tell(settings, answer, files, as_json=as_json)
    return int(answer.exit_code)


def holds(as_json: Json = False) -> None:
    """The releases that wait for people: what is missing and who can give it. Broken glass comes first."""
    from flows.wiring import open_desk
    from governance.case import asked, still_waiting
    from governance.emergency import waiting_glass

    desk = open_desk(read_settings())
    found = asked(desk)
    broken, cases = [case for case in found if case.decision.emergency], still_waiting(found)
    half = [(case, part) for case in cases if (part := waiting_glass(desk, case))]
    if as_json:
        holds, emergencies = [decision_json(case) for case in cases], [decision_json(case) for case in broken]
        parts = [{"model": case.subject.name, "version": case.subject.version, "part": part} for case, part in half]
        emit({"holds": holds, "emergencies": emergencies, "glass_waiting": parts})
        return
    for case in broken:
        say(f"BROKEN GLASS: {case.subject} as {case.target}: {case.decision.emergency}", "")
    for case, part in half:
        name = f"{part.person.name} has broken the glass ({part.reason})"
        say(f"GLASS: {case.subject} as {case.target}: {name}; a second person is needed", "")
    if not cases:
        say("Nothing waits.")
    for case in cases:
        say(*decision_lines(case), "")


def _tell(settings: Settings, answer: Answer, files: ReportFiles, *, as_json: bool) -> None:
    from flows.releasing import quarantine_of

    if as_json:
        document = decision_json(answer.case) | {
            "state": answer.word,
            "exit_code": answer.exit_code,
            "already_live": answer.already_live,
            "watched": answer.watched,
            "validation": answer.validation,
            "report": str(files.html),
            "report_json": str(files.html.with_suffix(".json")),  # every estimate and disparity, with intervals
            "report_run": files.run_id,
            "checkpoint_problems": files.problems,
        }
        emit(document)
        return
    if answer.validation:
        say("STOPPED by data quality: nothing was audited, no alias was moved")
        quarantine = _shown(settings, quarantine_of(settings, answer.validation))
        say(*validation_lines(answer.validation, answer.source, quarantine), *_problems(files))
        return
    say(*decision_lines(answer.case))
    if answer.already_live:
        say("  it was already live; nothing was changed")
    if not answer.watched and answer.exit_code is not Exit.REFUSED:
        say(f"  {UNWATCHED}")
    say(f"  report: {_shown(settings, files.html)}", *_problems(files))


def _problems(files: ReportFiles) -> list[str]:
    return [f"  recorded, but: {item}" for item in files.problems]


def _shown(settings: Settings, path: Path) -> str:
    return str(path.relative_to(settings.project)) if path.is_relative_to(settings.project) else str(path)

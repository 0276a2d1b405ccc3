"""`fairgate nightly | reconcile | schedule`: what runs unattended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from math import ceil
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Json
from flows.cli.output import emit, progress, say
from flows.settings import MAX_NIGHT_HOURS, NIGHT_EVERY, Settings, read_settings
from governance.errors import ConfigurationError, Exit, ServiceError

if TYPE_CHECKING:
    from flows.monitoring import Look
    from flows.reporting import Night

START_SECONDS = 180


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("nightly")(nightly)
    app.command("reconcile")(reconcile)
    app.command("schedule")(schedule)


def nightly(as_json: Json = False) -> int:
    """Audit every live alias on its newest data: one summary, one exit code. One that fails never stops the rest."""
    from flows.prefect_env import configure
    from reports.night import night_record

    settings = read_settings()
    configure(settings)
    with progress("the scheduled audit of everything that is live", quiet=as_json):
        from flows.nightly import nightly as flow
        from flows.prefect_runtime import finished

        night: Night = finished(flow(return_state=True))
    if as_json:
        emit(night_record(night.summary))
        return int(night.exit_code)
    say(night.message, *(f"  BROKEN GLASS: {line}" for line in night.summary.emergencies))
    for row in night.summary.rows:
        say(f"  {row.model} {row.alias} (v{row.version}): {row.outcome}. {row.detail}")
    say(*(f"  {line}" for line in night.summary.missed), f"  summary: {night.html}")
    return int(night.exit_code)


def reconcile(as_json: Json = False) -> int:
    """Finish approved releases; compare what is live with the ledger; take out what was refused or withdrawn."""
    from flows.prefect_env import configure

    settings = read_settings()
    configure(settings)
    from flows.prefect_runtime import finished
    from flows.reconcile import reconcile as flow

    looks: tuple[Look, ...] = finished(flow(return_state=True))
    if as_json:
        emit({"looks": looks})
    elif not looks:
        say("Nothing to finish, and what is live is what was released.")
    for item in () if as_json else looks:
        say(f"{item.model} {item.alias} (v{item.version}): {item.outcome}", *(f"  {line}" for line in item.lines))
    return int(max((item.exit_code for item in looks), default=Exit.DONE))


def schedule(
    nightly_cron: Annotated[
        str, typer.Option("--nightly", help="When to audit what is live, in cron's words and UTC.")
    ] = "0 2 * * *",
    reconcile_cron: Annotated[str, typer.Option("--reconcile", help="When to finish and compare.")] = "* * * * *",
    port: Annotated[int, typer.Option("--port", help="The port of the project's own Prefect server.")] = 4200,
) -> None:
    """Start Prefect inside the project and serve all flows with their schedules, until stopped by hand."""
    from flows.locks import schedule_lock
    from flows.prefect_env import configure, free_port

    settings = read_settings()
    configure(settings)
    theirs = os.environ.get("PREFECT_API_URL")
    url = theirs or f"http://127.0.0.1:{port}/api"
    with schedule_lock(settings), _stopped_by_sigterm():
        if not theirs and not free_port(port):
            raise ConfigurationError(f"port {port} is in use; choose another with --port")
        os.environ["PREFECT_API_URL"] = url  # Prefect reads its settings once, when it is imported
        deployments = _deployments(nightly_cron, reconcile_cron)
        os.environ.setdefault(NIGHT_EVERY, str(longest_gap_hours(nightly_cron)))  # the flows' processes inherit it
        with nullcontext() if theirs else _server(settings, url):
            say(f"Prefect runs at {url.removesuffix('/api')}; stop with Ctrl-C")
            _serve(deployments)


def _deployments(nightly_cron: str, reconcile_cron: str) -> list[Any]:
    """All flows, two of them with a schedule. Raises ConfigurationError for what cron does not understand."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    from flows.audit import audit
    from flows.nightly import nightly as night
    from flows.reconcile import reconcile as minute
    from flows.release import release
    from flows.validate import validate

    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    # The module form: the path form loads a second copy of every class.
    module = EntrypointType.MODULE_PATH
    deployments: list[Any] = []
    for flow, option, cron in ((night, "--nightly", nightly_cron), (minute, "--reconcile", reconcile_cron)):
        try:
            deployments.append(flow.to_deployment(flow.name, cron=cron, concurrency_limit=one, entrypoint_type=module))
        except ValueError as error:
            raise ConfigurationError(f'{option} {cron!r} is not in cron\'s words, such as "0 2 * * *"') from error
    return [
        *deployments,
        *(flow.to_deployment(flow.name, entrypoint_type=module) for flow in (release, audit, validate)),
    ]


def longest_gap_hours(cron: str) -> int:
    """Whole hours, at least one, of the longest of the next gaps between two runs: no weekend counts as missed."""
    import asyncio

    from prefect.server.schemas.schedules import CronSchedule

    dates = asyncio.run(CronSchedule(cron=cron).get_dates(10))
    gaps = (ceil((after - before).total_seconds() / 3600) for before, after in pairwise(dates))
    return min(max(1, *gaps), MAX_NIGHT_HOURS)


def _serve(deployments: list[Any]) -> None:
    """Run what is due until somebody stops it; flows that run then are stopped too."""
    import asyncio

    from prefect.runner import Runner

    runner = Runner(pause_on_shutdown=False)
    for deployment in deployments:
        runner.add_deployment(deployment)

    async def until_stopped() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop(*_: object) -> None:
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)

        # Prefect's own answer to SIGTERM leaves before anything was stopped. A Ctrl-C cancels this task already.
        runner.handle_sigterm = stop  # type: ignore[method-assign]
        with suppress(asyncio.CancelledError):
            await runner.start()

    try:
        asyncio.run(until_stopped())
    except* KeyboardInterrupt:  # pressed twice
        say("stopped by hand")


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """A SIGTERM before Prefect serves ends the block too, so that what was started is stopped."""

    def stop(*_: object) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _server(settings: Settings, url: str) -> Iterator[None]:
    """The project's own Prefect server, as long as the block runs. Raises ServiceError where it does not start."""
    from flows.prefect_env import healthy, server_file

    port = url.removesuffix("/api").rpartition(":")[2]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    log = settings.prefect_home / "server.log"
    env = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    with log.open("ab") as stream:
        # A session of its own: a Ctrl-C at the terminal reaches us first, and we stop the server last.
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=env, start_new_session=True)
    try:
        deadline = monotonic() + START_SECONDS
        while not healthy(url):
            if process.poll() is not None or monotonic() > deadline:
                raise ServiceError(f"Prefect's server did not start; its log is {log}")
            sleep(0.5)
        server_file(settings).write_text(url, encoding="utf-8")
        yield
    finally:
        server_file(settings).unlink(missing_ok=True)
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, however often somebody presses Ctrl-C meanwhile."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)

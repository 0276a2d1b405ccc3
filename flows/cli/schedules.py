"""`fairgate nightly | reconcile | schedule`: what runs unattended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Json
from flows.cli.output import emit, progress, say
from flows.settings import Settings, read_settings
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
    say(night.message)
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
    nightly_cron: Annotated[str, typer.Option("--nightly", help="When to audit what is live, in cron's words.")] = (
        "0 2 * * *"
    ),
    reconcile_cron: Annotated[str, typer.Option("--reconcile", help="When to finish and compare.")] = "* * * * *",
    port: Annotated[int, typer.Option("--port", help="The port of the project's own Prefect server.")] = 4200,
) -> None:
    """Start Prefect inside the project and serve all flows with their schedules, until stopped by hand."""
    from flows.prefect_env import configure

    settings = read_settings()
    configure(settings)
    if "PREFECT_API_URL" in os.environ:
        say(f"using the Prefect server at {os.environ['PREFECT_API_URL']}")
        _serve(nightly_cron, reconcile_cron)
        return
    with _server(settings, port) as url:
        os.environ["PREFECT_API_URL"] = url
        say(f"Prefect runs at {url.removesuffix('/api')}; stop with Ctrl-C")
        _serve(nightly_cron, reconcile_cron)


def _serve(nightly_cron: str, reconcile_cron: str) -> None:
    from prefect import serve
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
    try:
        deployments: list[Any] = [
            night.to_deployment("nightly", cron=nightly_cron, concurrency_limit=one, entrypoint_type=module),
            minute.to_deployment("reconcile", cron=reconcile_cron, concurrency_limit=one, entrypoint_type=module),
            *(flow.to_deployment(flow.name, entrypoint_type=module) for flow in (release, audit, validate)),
        ]
    except ValueError as error:
        raise ConfigurationError(f"a schedule is not in cron's words: {error}") from error
    serve(*deployments, pause_on_shutdown=False)


@contextmanager
def _server(settings: Settings, port: int) -> Iterator[str]:
    """The project's own Prefect server, as long as the block runs. Raises ServiceError where it does not start."""
    from flows.prefect_env import free_port, healthy, server_file

    if not free_port(port):
        raise ConfigurationError(f"port {port} is in use; choose another with --port")
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = settings.prefect_home / "server.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
    try:
        deadline = monotonic() + START_SECONDS
        while not healthy(url):
            if process.poll() is not None or monotonic() > deadline:
                raise ServiceError(f"Prefect's server did not start; its log is {log}")
            sleep(0.5)
        server_file(settings).write_text(url, encoding="utf-8")
        yield url
    finally:
        server_file(settings).unlink(missing_ok=True)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()

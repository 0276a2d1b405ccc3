"""`fairgate serve | doctor | demo`: the console, the health of the house, and the story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError, Exit

Folder = Annotated[Path, typer.Option("--folder", help="Where the demo's project goes.")]
Port = Annotated[int | None, typer.Option("--port", help="The console's port (default 8765).")]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("serve")(serve)
    app.command("doctor")(doctor)
    app.command("demo")(demo)


def serve(port: Port = None) -> None:
    """Open the officers' console on this machine: what waits, the evidence, and the form to sign."""
    from threading import Thread

    import uvicorn

    from flows.notify_later import Bell
    from flows.prefect_env import free_port
    from flows.scheduler import schedules
    from flows.wiring import open_desk, open_ledger
    from governance.ledger.export import export
    from reports import charts
    from reports.console.app import create_app
    from reports.console.outside import Outside
    from reports.console.provider_file import read_provider
    from reports.receipt_files import public_keys

    settings = read_settings()
    chosen = port or settings.console_port
    if not free_port(chosen):
        raise ConfigurationError(f"port {chosen} is in use; choose another with --port or FAIRGATE_CONSOLE_PORT")
    url = settings.console_url
    hosts = (urlsplit(url).hostname or "",) if url else ()
    provider = read_provider(settings.single_sign_on) if settings.single_sign_on else None
    desk = open_desk(settings)
    bell = Bell(settings, desk)
    bell.ring()
    keys = public_keys(open_ledger(settings).keys)
    outside = Outside(
        recorded=bell.ring,
        schedules=lambda: schedules(settings),
        log_key=keys.log,
        attestation_key=keys.attestation,
        export=lambda path: export(open_ledger(settings), path),
    )
    app = create_app(desk, secure_cookies=url is not None, hosts=hosts, outside=outside, provider=provider)
    Thread(target=charts.warm, daemon=True).start()
    say(f"The console is at {url or f'http://localhost:{chosen}'} - stop with Ctrl-C")
    uvicorn.run(app, host="127.0.0.1", port=chosen, log_level="warning", server_header=False)


def doctor(as_json: Json = False) -> int:
    """Check the pins, the disk, people and policy, the ledger, the registry, its gate, Prefect, the night runs."""
    from flows.doctor import examine

    found = examine(read_settings())
    worst = next((item.code for item in found if item.code is not Exit.DONE), Exit.DONE)
    if as_json:
        emit({"checks": found, "exit_code": worst})
        return int(worst)
    for item in found:
        say(f"{'ok' if item.code is Exit.DONE else 'NOT OK':7} {item.what}: {item.detail}")
    return int(worst)


def demo(folder: Folder = Path("demo")) -> int:
    """Play the whole story in a folder of its own: held, refused, mended, signed, released, tampered with, drifted."""
    from flows.demo.play import play

    return play(folder)

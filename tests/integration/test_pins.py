"""The pins that the whole stack needs. Each broke something silently once; the answers here come from a real server.

FastAPI 0.155 ends Prefect's server at import and 0.151 its deployments (422); with SQLAlchemy 2.1 no schedule ever
fires, and only the server's log says so. (marshmallow: test_pin_marshmallow.py.)
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from flows.doctor import PINS

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")
INPUTS = ("requirements.in", "requirements-dev.in")


def _wanted() -> dict[str, SpecifierSet]:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {item.name: item.specifier for item in wanted}


def _locked(name: str) -> dict[str, tuple[str, int]]:
    """Each locked package with its version and number of hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = line.split("--hash=")
            parsed = Requirement(requirement.strip())
            (pin,) = parsed.specifier
            assert pin.operator == "==", line
            found[parsed.name] = (pin.version, sum(bool(re.match(r"sha256:[0-9a-f]{64}", item)) for item in hashes))
    return found


@pytest.mark.parametrize("name", sorted(PINS))
def test_what_is_installed_is_inside_the_pin_of_the_doctor(name: str) -> None:
    assert version(name) in SpecifierSet(PINS[name])


@pytest.mark.parametrize("name", sorted(PINS))
def test_the_doctor_asks_for_what_the_requirements_ask_for(name: str) -> None:
    assert _wanted()[name] == SpecifierSet(PINS[name])


def test_the_lock_holds_what_the_requirements_ask_for() -> None:
    locked = _locked("requirements.txt")
    for name, specifier in _wanted().items():
        assert name in locked, name
        assert Version(locked[name][0]) in specifier, name


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(name: str) -> None:
    locked = _locked(name)
    assert locked
    assert [package for package, (_, hashes) in locked.items() if not hashes] == []


@pytest.mark.parametrize("name", [*LOCKS, *INPUTS])
def test_no_requirements_file_names_an_index_or_an_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    options = {line.split()[0] for line in text.splitlines() if line.startswith("-")}
    assert options <= {"-r", "-c"}


def test_every_direct_dependency_has_its_line_of_reasons() -> None:
    table = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = {word.strip("`*") for row in re.findall(r"^\| (.+?) \|", table, re.M) for word in re.split(r"[ ,]+", row)}
    assert set(_wanted()) - named == set()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Prefect server with a home of its own; the scheduler looks every second."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = _environment(home) | {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=env, stdout=stream, stderr=stream, cwd=home)
    url = f"http://127.0.0.1:{port}/api"
    try:
        _until(lambda: _answers(url) or process.poll() is not None, seconds=120)
        assert process.poll() is None, f"the server ended:\n{log.read_text(errors='replace')[-3000:]}"
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's own Prefect, and no telemetry."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return env | {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=3).status_code == 200
    except httpx.HTTPError:
        return False


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not within {seconds} s"
        sleep(0.3)


def _post(url: str, **given: Any) -> httpx.Response:
    """A request to Prefect. On SQLite it answers 503 while its own services hold the database: asked again."""
    deadline = monotonic() + 60
    while (answer := httpx.post(url, timeout=30, **given)).status_code == 503 and monotonic() < deadline:
        sleep(0.5)
    return answer


def _create(server: str, schedule: dict[str, object]) -> str:
    """A deployment as `prefect deploy` makes one; returns its id."""
    flow = _post(f"{server}/flows/", json={"name": "pinned"}).json()
    answer = _post(
        f"{server}/deployments/",
        json={
            "name": f"pinned {next(iter(schedule))}",
            "flow_id": flow["id"],
            "entrypoint": "flows.nightly:nightly",
            "schedules": [{"schedule": schedule, "active": True}],
        },
    )
    assert answer.status_code == 201, answer.text  # FastAPI 0.151 and later: 422
    return str(answer.json()["id"])


def test_fastapi_the_server_starts_and_takes_deployments(server: str) -> None:
    made = _create(server, {"rrule": "FREQ=YEARLY", "timezone": "UTC"})
    listed = _post(f"{server}/deployments/filter", json={"limit": 10})
    assert listed.status_code == 200
    assert made in [item["id"] for item in listed.json()]


@pytest.mark.parametrize("schedule", [{"cron": "* * * * *", "timezone": "UTC"}, {"interval": 60}])
def test_sqlalchemy_a_schedule_really_makes_scheduled_runs(server: str, schedule: dict[str, object]) -> None:
    deployment = _create(server, schedule)
    question = {"deployments": {"id": {"any_": [deployment]}}, "limit": 5}
    runs: list[dict[str, object]] = []

    def scheduled() -> bool:
        runs[:] = _post(f"{server}/flow_runs/filter", json=question).json()
        return bool(runs)

    _until(scheduled, seconds=45)
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}
    assert all(run["auto_scheduled"] for run in runs)


def test_fastapi_the_deployments_of_the_project_are_taken(server: str, tmp_path: Path) -> None:
    """`prefect deploy --all` with our prefect.yaml, as README has it for a server of one's own."""
    (tmp_path / "prefect.yaml").write_bytes((ROOT / "prefect.yaml").read_bytes())
    env = _environment(tmp_path / "home") | {"PREFECT_API_URL": server}
    for arguments in (["work-pool", "create", "fairgate", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        command = [sys.executable, "-m", "prefect", *arguments]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    found = {item["name"]: item for item in _post(f"{server}/deployments/filter", json={"limit": 50}).json()}
    assert {"nightly", "reconcile", "release", "audit", "validate"} <= set(found)
    crons = {name: [item["schedule"]["cron"] for item in found[name]["schedules"]] for name in ("nightly", "reconcile")}
    assert crons == {"nightly": ["0 2 * * *"], "reconcile": ["* * * * *"]}
    assert found["reconcile"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"

"""`fairgate schedule`: real cron schedules on the project's own Prefect server, and what is left when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from project_factory import EVEN, Project, new_project, registry_template, table

from flows.scheduler import schedules

pytestmark = pytest.mark.slow
MARK = "FAIRGATE_TEST_MARK"
EVERY_MINUTE = "* * * * *"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    deadline = monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        sleep(0.2)


def _hears_ctrl_c() -> None:
    """The tests themselves may run in the background of a script, where a shell makes processes deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Scheduled:
    """A running `fairgate schedule` with a mark in its environment, by which all its descendants are known."""

    def __init__(self, project: Project, *arguments: str, deaf: bool = False, **more: str) -> None:
        self.project = project
        self.port = _free_port()
        self.mark = uuid4().hex
        self.screen = project.folder / f"screen-{self.mark[:6]}.txt"
        command = [sys.executable, "-m", "flows.cli", "schedule", "--port", str(self.port), *arguments]
        if deaf:  # as below a shell that runs it in the background: Ctrl-C is ignored from the start
            command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
        with self.screen.open("wb") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=project.folder,
                env={**_environment(more), MARK: self.mark},
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=_hears_ctrl_c,  # noqa: PLW1509 - nothing else runs between fork and exec
            )

    def said(self) -> str:
        return self.screen.read_text(encoding="utf-8")

    def descendants(self, words: str = "") -> list[int]:
        """Processes with the mark, but for the first; `words` must be on their command line."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if marked and line and words in line and int(folder.name) != self.process.pid:
                found.append(int(folder.name))
        return found

    def serves(self) -> str:
        """The API's address, once it answers."""
        file = self.project.settings.prefect_home / "server.url"
        _until("the server answers", lambda: file.is_file() or self.process.poll() is not None, 180)
        assert self.process.poll() is None, self.said()
        return file.read_text(encoding="utf-8")

    def stop(self, number: signal.Signals, times: int = 1) -> int:
        for _ in range(times):
            self.process.send_signal(number)
            sleep(0.3)
        return self.process.wait(timeout=60)

    def kill_what_is_left(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        for pid in self.descendants():
            os.kill(pid, signal.SIGKILL)


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    foreign = ("FAIRGATE_", "MLFLOW_", "PREFECT_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return env | {"FAIRGATE_POLICY": "policy.toml"} | dict(more or {})


def _fairgate(project: Project, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=project.folder,
        env=_environment(more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _runs(url: str) -> list[dict[str, Any]]:
    """Every flow run that the server knows."""
    question = Request(f"{url}/flow_runs/filter", data=b"{}", headers={"content-type": "application/json"})
    with urlopen(question, timeout=10) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found


def _ended(url: str, name: str, *, scheduled: bool) -> list[str]:
    """The names of the final states of the runs of one deployment, or of runs that a command made."""
    with urlopen(Request(f"{url}/flows/name/{name}"), timeout=10) as answer:
        flow = json.loads(answer.read())["id"]
    return [
        run["state"]["name"]
        for run in _runs(url)
        if run["flow_id"] == flow and run["state_type"] == "COMPLETED" and run["auto_scheduled"] is scheduled
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path, template)


@pytest.fixture
def start(project: Project) -> Iterator[Callable[..., Scheduled]]:
    started: list[Scheduled] = []

    def begin(*arguments: str, **how: Any) -> Scheduled:
        started.append(Scheduled(project, *arguments, **how))
        return started[-1]

    yield begin
    for item in started:
        item.kill_what_is_left()


def test_within_minutes_an_approved_release_is_finished_and_a_stop_leaves_nothing(
    project: Project, start: Callable[..., Scheduled]
) -> None:
    version = project.register("hiring")
    assert project.ask("hiring", version).word == "Held"
    project.approve("hiring", version)
    project.write("data/hiring/2026-06.csv", table(EVEN, rows=300))
    assert project.live("hiring") is None

    running = start("--nightly", EVERY_MINUTE, "--reconcile", EVERY_MINUTE)
    url = running.serves()
    assert url == f"http://127.0.0.1:{running.port}/api"
    assert f"http://127.0.0.1:{running.port}" in running.said()
    known = _until("the scheduler names both schedules", lambda: _named(schedules(project.settings), 2), 60)
    assert [(item.name, item.every, item.paused) for item in known] == [
        ("nightly", f"{EVERY_MINUTE} (UTC)", False),
        ("reconcile", f"{EVERY_MINUTE} (UTC)", False),
    ]
    _until("the next runs are known", lambda: all(item.next_run for item in schedules(project.settings) or known), 60)

    # By the schedule alone: nobody calls anything.
    _until("the alias is moved", lambda: project.live("hiring") == version, 150)
    _until("a scheduled reconcile has ended", lambda: _ended(url, "reconcile", scheduled=True), 60)
    _until("a scheduled night has ended", lambda: _ended(url, "nightly", scheduled=True), 90)
    assert list(project.settings.reports.glob("night-*.html"))

    # Commands use the server that runs, and start none for themselves.
    told = _fairgate(project, "reconcile")
    assert told.returncode == 0, told.stdout + told.stderr
    assert _ended(url, "reconcile", scheduled=False) == ["Reconciled"]
    checked = _fairgate(project, "doctor").stdout
    assert f"the project's own server answers at {url}" in checked

    # A second one for the same project is refused, and the first goes on.
    second = _fairgate(project, "schedule", "--port", str(_free_port()))
    assert second.returncode == 2
    assert "stop that one first" in second.stderr

    assert running.descendants("prefect server start")
    assert running.stop(signal.SIGINT) == 0
    _nothing_is_left(running)


def _named(found: Any, count: int) -> Any:
    """They are made one after the other."""
    return found if found and len(found) == count else None


def _nothing_is_left(running: Scheduled) -> None:
    _until("every process has ended", lambda: not running.descendants(), 20)
    assert not (running.project.settings.prefect_home / "server.url").exists()
    assert "Traceback" not in running.said()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", running.port))


def _begin(url: str, flow: str, parameters: Mapping[str, str]) -> None:
    """Ask the server for a run of a deployment, as Prefect's own page does."""
    with urlopen(f"{url}/deployments/name/{flow}/{flow}", timeout=10) as answer:
        deployment = json.loads(answer.read())["id"]
    body = json.dumps({"parameters": parameters, "state": {"type": "SCHEDULED"}}).encode()
    address = f"{url}/deployments/{deployment}/create_flow_run"
    request = Request(address, data=body, headers={"content-type": "application/json"})
    # On SQLite, Prefect answers 503 while its own services hold the database.
    _until("the run is taken", lambda: _answers(request, 201), 60)


@pytest.mark.parametrize(("number", "times"), [(signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_a_stop_in_the_middle_of_a_run_leaves_no_process(
    project: Project, start: Callable[..., Scheduled], number: signal.Signals, times: int
) -> None:
    version = project.register("hiring")
    running = start(deaf=number is signal.SIGTERM, PREFECT_RUNNER_POLL_FREQUENCY="1")
    url = running.serves()
    _until("the deployments are there", lambda: _answers(f"{url}/deployments/name/release/release"), 60)
    _begin(url, "release", {"name": "hiring", "version": version, "alias": "champion"})
    _until("the flow runs", lambda: running.descendants("prefect.engine"), 60)
    running.stop(number, times)
    _nothing_is_left(running)


def _answers(address: str | Request, status: int = 200) -> bool:
    try:
        with urlopen(address, timeout=10) as answer:
            return bool(answer.status == status)
    except OSError:
        return False


def test_a_stop_while_the_server_starts_leaves_no_process(start: Callable[..., Scheduled]) -> None:
    running = start()
    _until("the server starts", lambda: running.descendants("prefect server start"), 60)
    assert running.stop(signal.SIGTERM) == 0
    _nothing_is_left(running)


def test_a_port_that_is_in_use_is_a_sentence(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = _fairgate(project, "schedule", "--port", str(port))
    assert ran.returncode == 2
    assert ran.stderr.strip() == f"fairgate: port {port} is in use; choose another with --port"


def test_what_is_not_cron_is_a_sentence_before_anything_starts(project: Project) -> None:
    ran = _fairgate(project, "schedule", "--port", str(_free_port()), "--nightly", "at night")
    assert ran.returncode == 2
    assert ran.stderr.strip() == """fairgate: --nightly 'at night' is not in cron's words, such as "0 2 * * *\""""
    assert not (project.settings.prefect_home / "server.log").exists()

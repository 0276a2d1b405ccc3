"""A real `mlflow server` with the gate, under basic-auth: REST, what the UI calls, artifacts by HTTP, who is bound."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from gate_factory import serving
from project_factory import ALIAS, NEWER, PREDICTED, Project, new_project, registry_template

from flows.cli import main
from flows.settings import Settings, read_settings
from governance.errors import Exit, FairgateError
from governance.people import MACHINE
from governance.statement import PredicateType
from governance.verification import verify

pytestmark = pytest.mark.slow
ADMIN = ("admin", "the admin of this test")
USER = ("a-scientist", "a long enough password")
API, AJAX = "/api/2.0/mlflow", "/ajax-api/2.0/mlflow"
STEPS = (PredicateType.PROMOTION_INTENT, PredicateType.PROMOTION, PredicateType.DEMOTION)


@dataclass(frozen=True)
class Served(Project):
    """A project whose registry is the server's; versions are uploaded through it."""

    address: str = ""

    @cached_property
    def settings(self) -> Settings:
        return read_settings({"FAIRGATE_POLICY": "policy.toml", "MLFLOW_TRACKING_URI": self.address}, self.folder)

    @cached_property
    def experiment(self) -> str:
        """One of the server's own: its artifacts are proxied."""
        return str(self.client.create_experiment("train"))

    def register(self, name: str, **how: Any) -> str:
        place = self.write_model(name, lines=(PREDICTED, NEWER), **how)
        if name not in [model.name for model in self.client.search_registered_models()]:
            self.client.create_registered_model(name)
        run = self.client.create_run(self.experiment)
        self.client.log_artifacts(run.info.run_id, str(place), "model")
        version = self.client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
        return str(version.version)

    def approved(self, name: str) -> str:
        version = self.register(name)
        assert self.ask(name, version).word == "Held"
        self.approve(name, version)
        return version

    def steps(self, name: str) -> list[tuple[str, str, str]]:
        found = [entry.statement for entry in self.entries(*STEPS) if entry.statement.body["subject"]["name"] == name]
        return [(item.predicate_type.word, item.actor.issuer, item.actor.id) for item in found]

    def call(
        self, path: str, body: bytes | dict[str, Any], who: tuple[str, str] = ADMIN, method: str = "POST"
    ) -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        login = "Basic " + b64encode(":".join(who).encode()).decode()
        headers = {"Authorization": login, "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    new_project(folder, registry_template(tmp_path_factory.mktemp("empty")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    database = f"sqlite:///{folder / 'mlflow.db'}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--registry-store-uri", f"governed:{database}"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--app-name", "basic-auth"]
    settings = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test alone",
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "FAIRGATE_POLICY": "policy.toml",
    }
    with (folder / "log").open("wb") as log:
        env = {**os.environ, **settings}
        server = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    project = Served(folder, f"http://127.0.0.1:{port}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
        patch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        try:
            _wait(project.address, server, folder)
            made = project.call(f"{API}/users/create", {"username": USER[0], "password": USER[1]})
            assert made[0] == 200, made
            yield project
        finally:
            with suppress(ProcessLookupError):  # it did not start, which the test has said
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


def _wait(address: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
                answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"mlflow server did not start: {(folder / 'log').read_text()[-3000:]}")


@pytest.fixture(scope="module")
def live(project: Served) -> Served:
    """`live` v1 is champion by Fairgate's own release over HTTP; v2 is registered and nothing more."""
    version = project.approved("live")
    assert project.ask("live", version).word == "Released"
    assert project.register("live") == "2"
    return project


def _manage(project: Served, name: str) -> None:
    """Give the user every right that MLflow has on this model."""
    grant = {"username": USER[0], "resource_type": "registered_model", "resource_id": name, "permission": "MANAGE"}
    status, text = project.call("/api/3.0/mlflow/users/permissions/grant", grant)
    assert status == 200, text


def test_fairgates_own_release_over_http_is_recorded_once(live: Served) -> None:
    assert live.steps("live") == [(kind, MACHINE.issuer, MACHINE.id) for kind in ("promotion-intent", "promotion")]
    assert live.ask("live", "1").already_live
    assert verify(live.desk, live.registry, "live", ALIAS).exit_code is Exit.DONE


@pytest.mark.parametrize("root", [API, AJAX])
def test_an_admin_is_bound_too_over_rest_and_what_the_ui_calls(live: Served, root: str) -> None:
    body = {"name": "live", "alias": ALIAS, "version": "2"}
    status, text = live.call(f"{root}/registered-models/alias", body)
    answer = json.loads(text)
    assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    assert "fairgate release live 2 --alias champion" in answer["message"]
    assert "who can give it: compliance: Compliance Officer (compliance-officer)" in answer["message"]
    assert serving(live, "live")["aliases"] == {ALIAS: 1}


def test_every_other_write_over_rest_is_refused_too(live: Served) -> None:
    before, models = serving(live, "live"), f"{API}/registered-models"
    tag = {"key": "governance.state", "value": "live as champion"}
    stage = {"name": "live", "version": "2", "stage": "pRoDuCtIoN", "archive_existing_versions": True}
    tries = [
        ("POST", f"{API}/model-versions/transition-stage", stage),
        ("POST", f"{models}/rename", {"name": "live", "new_name": "elsewhere"}),
        ("DELETE", f"{models}/delete", {"name": "live"}),
        ("DELETE", f"{API}/model-versions/delete", {"name": "live", "version": "1"}),
        ("POST", f"{models}/set-tag", {"name": "live", **tag}),
        ("POST", f"{API}/model-versions/set-tag", {"name": "live", "version": "2", **tag}),
        ("DELETE", f"{API}/model-versions/delete-tag", {"name": "live", "version": "2", "key": "governance.state"}),
    ]
    for method, path, body in tries:
        status, text = live.call(path, body, method=method)
        assert (status, "Fairgate did not" in text) == (403, True), (path, status, text)
    assert serving(live, "live") == before


def test_odd_json_moves_nothing(live: Served) -> None:
    """Each of these went round a reverse proxy that looked for the alias in the body."""
    path = f"{API}/registered-models/alias"
    bodies = [
        b'{"name":"live","alias":"candidate","alias":"champion","version":"2"}',
        b'{"name":"live","alias":"champion","alias":"candidate","version":"2"}',
        b'{"name":"live","\\u0061lias":"champion","version":"2"}',
        b'{"name":"live","alias":"ch\\u0061mpion","version":"2"}',
        b'{"name":"other","name":"live","alias":"champion","version":"1","version":"2"}',
        b'{"name":"live","alias":["champion"],"version":2}',
        b'{"name":"live","alias":"champion","version":2.0}',
        b'\xef\xbb\xbf{"name":"live","alias":"champion","version":"2"}',
    ]
    for body in bodies:
        live.call(path, body)
        assert serving(live, "live")["aliases"].get(ALIAS) == 1, body
    assert live.call(path, bodies[2])[0] == 403
    live.call(path, {"name": "live", "alias": "candidate"}, method="DELETE")


def test_odd_paths_move_nothing(live: Served) -> None:
    body = {"name": "live", "alias": ALIAS, "version": "2"}
    paths = (
        "/api/2.0/mlflow%2Fregistered-models%2Falias",
        "/api/2.0/mlflow/registered-models%2Falias",
        "/api/2.0/mlflow//registered-models//alias",
        "/api/2.0/mlflow/x/../registered-models/alias",
        "/api/3.0/mlflow/registered-models/alias",
        "/ajax-api/2.0/mlflow/registered-models/%61lias",
    )
    for path in paths:
        status, _ = live.call(path, body)
        assert status != 200, path
        assert serving(live, "live")["aliases"] == {ALIAS: 1}, path


def test_forged_tags_are_dropped_and_the_truth_is_told_over_rest(live: Served) -> None:
    assert live.registry.gated() is True
    forged = [{"key": "governance.state", "value": "live as champion"}, {"key": "team", "value": "hr"}]
    live.call(f"{API}/registered-models/create", {"name": "forged", "tags": forged})
    source = live.client.get_model_version("live", "2")
    body = {"name": "forged", "source": source.source, "run_id": source.run_id, "tags": forged}
    status, text = live.call(f"{API}/model-versions/create", body)
    assert status == 200, text
    tags = {item["key"]: item["value"] for item in json.loads(text)["model_version"]["tags"]}
    assert tags == {"governance.state": "no release was asked for", "team": "hr"}
    found = {item.version: item.tags["governance.state"] for item in live.client.search_model_versions("name='live'")}
    assert found == {"1": "live as champion", "2": "no release was asked for"}


def test_the_authenticated_user_is_the_recorded_actor(project: Served) -> None:
    version = project.approved("attributed")
    _manage(project, "attributed")
    alias = {"name": "attributed", "alias": ALIAS}
    status, text = project.call(f"{API}/registered-models/alias", {**alias, "version": version}, USER)
    assert status == 200, text
    assert serving(project, "attributed")["aliases"] == {ALIAS: 1}
    status, text = project.call(f"{API}/registered-models/alias", alias, USER, method="DELETE")
    assert status == 200, text
    assert serving(project, "attributed")["aliases"] == {}
    assert project.steps("attributed") == [
        (kind, "mlflow", USER[0]) for kind in ("promotion-intent", "promotion", "demotion")
    ]


def test_an_artifact_put_after_the_sign_off(project: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    version = project.approved("replaced")
    uri = project.client.get_model_version("replaced", version).source
    path = f"/api/2.0/mlflow-artifacts/artifacts/{uri.removeprefix('mlflow-artifacts:/').lstrip('/')}/model.bin"
    assert project.call(path, b"other weights", method="PUT")[0] == 200  # MLflow lets anybody with the right do it
    body = {"name": "replaced", "alias": ALIAS, "version": version}
    status, text = project.call(f"{API}/registered-models/alias", body)
    assert (status, "the bytes have changed" in text) == (403, True), text
    assert serving(project, "replaced")["aliases"] == {}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_artifacts_changed_under_a_live_alias_are_not_loaded_and_not_verified(
    project: Served, method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import mlflow.artifacts

    name = f"changed-by-{method.lower()}"
    project.make_live(name)
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("FAIRGATE_POLICY", "policy.toml")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.address)
    address = f"governed-models:/{name}@{ALIAS}"
    assert (Path(mlflow.artifacts.download_artifacts(address)) / "model.bin").read_text() == f"weights of {name} 1"
    uri = project.client.get_model_version(name, "1").source
    path = f"/api/2.0/mlflow-artifacts/artifacts/{uri.removeprefix('mlflow-artifacts:/').lstrip('/')}/model.bin"
    assert project.call(path, b"other weights", method=method)[0] == 200
    with pytest.raises(FairgateError, match=r"not those that were signed: (changed|missing): model\.bin"):
        mlflow.artifacts.download_artifacts(address)
    assert main(["verify", f"models:/{name}@{ALIAS}"]) == Exit.VERIFICATION_FAILED
    assert "model.bin" in capsys.readouterr().out

"""The registry port against a real `mlflow server`: the same promises over HTTP, with proxied artifacts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.errors import ConfigurationError, MeasurementError, ServiceError
from governance.registry.declared import declared_plan
from governance.registry.mlflow_registry import MlflowRegistry
from governance.registry.port import LiveAlias
from governance.subject import compare

pytestmark = pytest.mark.slow
PLAN = '[model]\nname = "hiring"\n'
REGISTER = f"""
import mlflow, numpy, pandas
from sklearn.linear_model import LogisticRegression
mlflow.set_experiment("train")
table = pandas.DataFrame({{"a": numpy.arange(20.0)}})
model = LogisticRegression().fit(table, ["no"] * 10 + ["yes"] * 10)
for _ in range(2):
    mlflow.sklearn.log_model(model, name="model", registered_model_name="hiring", pip_requirements=["scikit-learn"],
        metadata={{"governance": {{"plan": {PLAN!r}}}}})
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def uri(folder: Path) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/artifacts",
    ]
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server, folder)
        env |= {"MLFLOW_TRACKING_URI": address}
        subprocess.run([sys.executable, "-c", REGISTER], check=True, env=env, cwd=folder, capture_output=True)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _wait(address: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
                answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"mlflow server did not start: {(folder / 'log').read_text()[-2000:]}")


def test_the_port_holds_over_http(folder: Path, uri: str, tmp_path: Path) -> None:
    registry = MlflowRegistry(uri)
    assert registry.latest("hiring").version == "2"
    version = registry.version("hiring", "1")
    assert version.model_id is not None
    assert registry.gated() is False

    signed = registry.snapshot(version, tmp_path / "snapshot")
    assert signed == registry.manifest(version)
    assert declared_plan(tmp_path / "snapshot") == PLAN.encode()
    path = folder / "artifacts" / "1" / "models" / version.model_id / "artifacts" / "model.skops"
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert str(compare(signed, registry.manifest(version))) == "changed: model.skops"
    path.write_bytes(kept)
    assert registry.manifest(version) == signed

    assert registry.alias("hiring", "champion") is None
    registry.set_alias("hiring", "champion", "2")
    assert registry.alias("hiring", "champion") == registry.latest("hiring")
    assert registry.live_aliases() == (LiveAlias("hiring", "champion", "2"),)
    registry.delete_alias("hiring", "champion")
    registry.delete_alias("hiring", "champion")
    assert registry.live_aliases() == ()

    with pytest.raises(ConfigurationError, match="known: 'hiring'"):
        registry.latest("hirring")
    with pytest.raises(ConfigurationError, match="its newest is version 2"):
        registry.version("hiring", "3")


def test_a_report_is_uploaded_and_linked_to_the_model(folder: Path, uri: str) -> None:
    from mlflow import MlflowClient

    registry = MlflowRegistry(uri)
    version = registry.version("hiring", "1")
    before = registry.manifest(version)
    run_id = registry.log_report(version, {"report.html": b"<!doctype html>"}, {"ratio": 0.5})
    client = MlflowClient(tracking_uri=uri)
    assert client.get_run(run_id).data.metrics == {"ratio": 0.5}
    assert [item.path for item in client.list_artifacts(run_id, "report")] == ["report/report.html"]
    assert version.model_id is not None
    assert [metric.key for metric in client.get_logged_model(version.model_id).metrics or []] == ["ratio"]
    assert registry.manifest(version) == before


def test_files_that_vanished_from_the_server_are_no_empty_model(folder: Path, uri: str) -> None:
    registry = MlflowRegistry(uri)
    version = registry.version("hiring", "2")
    assert version.model_id is not None
    (folder / "artifacts" / "1" / "models" / version.model_id).rename(folder / "away")
    try:
        with pytest.raises((MeasurementError, ServiceError)):
            registry.manifest(version)
    finally:
        (folder / "away").rename(folder / "artifacts" / "1" / "models" / version.model_id)


def test_a_server_that_is_no_registry_is_named() -> None:
    """Something answers on the port, but it is not MLflow."""
    import http.server
    import threading

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with pytest.raises((ConfigurationError, ServiceError), match=r"http://127\.0\.0\.1"):
                MlflowRegistry(f"http://127.0.0.1:{server.server_address[1]}").latest("hiring")
        finally:
            server.shutdown()
            thread.join()

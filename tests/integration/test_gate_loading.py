"""`governed-models:/NAME@ALIAS` and `governance.load_model`: nothing of a model is opened before it was verified."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gate_factory import approved
from project_factory import ALIAS, NEWER, PREDICTED, Project, new_project, registry_template

import governance
from governance.errors import ConfigurationError, FairgateError, ReleaseHeldError, StaleEvidenceError

# MLflow warns of its own type hints when `mlflow.pyfunc` is first imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")
MODEL = """
class Model:
    def predict(self, table, params=None):
        return ["yes"] * len(table)

def _load_pyfunc(path):
    open({mark!r}, "w").close()
    return Model()
"""
DESCRIBED = f"""
flavors:
  python_function: {{loader_module: moody, code: code, env: {{}}, python_version: {platform.python_version()}}}
signature:
  inputs: '[{{"type": "string", "name": "id", "required": true}}]'
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    project = new_project(tmp_path, template)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.settings.tracking_uri)
    monkeypatch.setenv("FAIRGATE_POLICY", "policy.toml")
    sys.modules.pop("moody", None)  # the module of an earlier test's model
    return project


def _files(project: Project) -> dict[str, Any]:
    """A model that leaves a mark when it is unpickled, run or loaded in whatever way."""
    code = MODEL.format(mark=str(project.folder / "loaded"))
    return {"described": DESCRIBED, "files": {"code/moody.py": code}, "lines": (PREDICTED, NEWER)}


def _refused(project: Project, name: str, kind: type[FairgateError], words: str) -> None:
    import mlflow.artifacts
    import mlflow.pyfunc

    for load in (mlflow.pyfunc.load_model, mlflow.artifacts.download_artifacts):
        with pytest.raises(kind, match=words):
            load(f"governed-models:/{name}@{ALIAS}")
    with pytest.raises(kind, match=words):
        governance.load_model(f"{name}@{ALIAS}")
    assert not (project.folder / "loaded").exists()


@pytest.mark.parametrize("address", ["hiring@champion", "models:/hiring@champion", "governed-models:/hiring@champion"])
def test_what_is_live_is_loaded_from_a_private_copy(project: Project, address: str) -> None:
    import pandas as pd

    project.make_live("hiring", **_files(project))
    model = governance.load_model(address)
    assert model.predict(pd.DataFrame({"id": ["a", "b"]})) == ["yes", "yes"]
    assert (project.folder / "loaded").exists()


def test_parts_of_what_is_live_are_handed_out_too(project: Project, tmp_path: Path) -> None:
    import mlflow.artifacts

    project.make_live("hiring", **_files(project))
    uri, there = f"governed-models:/hiring@{ALIAS}", project.folder / "models/hiring-1"
    described = Path(mlflow.artifacts.download_artifacts(f"{uri}/MLmodel"))
    assert described.read_bytes() == (there / "MLmodel").read_bytes()
    assert described.parent.stat().st_mode & 0o077 == 0 or described.parents[1].stat().st_mode & 0o077 == 0
    target = tmp_path / "target"
    copied = Path(mlflow.artifacts.download_artifacts(f"{uri}/code/moody.py", dst_path=str(target)))
    assert copied.is_relative_to(target)
    assert [item.path for item in mlflow.artifacts.list_artifacts(uri)] == ["MLmodel", "code"]
    assert [item.path for item in mlflow.artifacts.list_artifacts(f"{uri}/code")] == ["code/moody.py"]


def test_a_model_of_scikit_learn_by_its_flavour(project: Project) -> None:
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    folder = project.folder / "saved"
    mlflow.sklearn.save_model(model, folder, pip_requirements=["scikit-learn"])
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "MLmodel"}
    described = (folder / "MLmodel").read_text()
    project.register("learned", described=described, files=dict.fromkeys(files, ""))
    for name, data in files.items():
        (project.folder / "models/learned-1" / name).write_bytes(data)
    project.ask("learned", "1")
    project.approve("learned", "1")
    assert project.ask("learned", "1").word == "Released"
    loaded = governance.load_model("learned@champion", flavor="sklearn")
    assert list(loaded.predict([[0.0], [1.0]])) == [0, 1]


def test_a_tampered_file_is_refused_before_anything_is_loaded(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    file = project.folder / "models/hiring-1/code/moody.py"
    file.write_text(file.read_text() + "\n")
    _refused(project, "hiring", StaleEvidenceError, r"not those that were signed: changed: code/moody\.py")


def test_a_file_more_or_less_is_refused(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    place = project.folder / "models/hiring-1"
    (place / "extra.py").write_text("")
    _refused(project, "hiring", StaleEvidenceError, r"not in the signed manifest: extra\.py")
    (place / "extra.py").unlink()
    (place / "code/moody.py").unlink()
    _refused(project, "hiring", StaleEvidenceError, r"missing: code/moody\.py")


def test_an_alias_that_is_missing_or_was_never_released_is_refused(project: Project) -> None:
    version = project.register("hiring", **_files(project))
    _refused(project, "hiring", ConfigurationError, "has no alias champion")
    project.move_outside("hiring", ALIAS, version)
    _refused(project, "hiring", StaleEvidenceError, "no release of it is recorded")


def test_an_alias_that_was_moved_outside_is_refused(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    project.move_outside("hiring", ALIAS, project.register("hiring", **_files(project)))
    _refused(project, "hiring", StaleEvidenceError, "is version 2, but version 1 was released")


def test_a_release_that_was_withdrawn_is_refused(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    project.take_back("hiring", "1")
    _refused(project, "hiring", ReleaseHeldError, "the release of hiring v1 does not stand")


def test_evidence_that_is_gone_is_refused(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    project.settings.evidence.rename(project.folder / "elsewhere")
    _refused(project, "hiring", FairgateError, "missing below")


@pytest.mark.parametrize("address", ["hiring", "models:/hiring/1", "models:/hiring/Production", "hiring@", "@champion"])
def test_what_is_no_alias_is_not_loaded(project: Project, address: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a live alias"):
        governance.load_model(address)


def test_nothing_is_written_through_the_scheme(project: Project) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    approved(project, "hiring")
    repository = get_artifact_repository("governed-models:/hiring@champion")
    for write in (repository.log_artifact, repository.log_artifacts, repository.delete_artifacts):
        with pytest.raises(ConfigurationError, match="is for reading"):
            write("MLmodel")


@pytest.mark.slow
def test_mlflow_models_serve_serves_what_was_signed_and_nothing_else(project: Project) -> None:
    project.make_live("hiring", **_files(project))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"governed-models:/hiring@{ALIAS}"]
    command += ["--env-manager", "local", "--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow calls uvicorn by its name
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": scripts}
    with (project.folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        assert _answer(port, server) == '{"predictions": ["yes"]}', (project.folder / "log").read_text()[-2000:]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)
    (project.folder / "loaded").unlink()
    (project.folder / "models/hiring-1/extra.py").write_text("")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "not those that were signed" in done.stderr
    assert not (project.folder / "loaded").exists()


def _answer(port: int, server: subprocess.Popen[bytes]) -> str:
    body, headers = b'{"inputs": [{"id": "a"}]}', {"Content-Type": "application/json"}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    return "no answer"

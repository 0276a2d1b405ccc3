"""The registry port against the real MLflow on SQLite. Versions are made the way a data scientist makes them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from governance.errors import ConfigurationError, MeasurementError, ServiceError
from governance.registry.declared import declared_plan
from governance.registry.mlflow_registry import MlflowRegistry
from governance.registry.port import LiveAlias, Registry
from governance.subject import compare

PLAN = '[model]\nname = "hiring"\n# "quoted", and a backslash \\\n'
HOSTILE = '<img src=x onerror=alert(1)>\n\u202egnirih "it\'s"'


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """MLflow's tables, made once: creating them takes a second each time."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def uri(tmp_path: Path, empty_database: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_database)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def client(uri: str) -> SimpleNamespace:
    """A bare MLflow client, as anybody can make one, and a way to register a folder of files."""
    from mlflow import MlflowClient

    bare = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def register(name: str, folder: Path, content: bytes = b"weights", source: str | None = None) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MLmodel").write_bytes(b"flavors: {}\n")
        (folder / "model.bin").write_bytes(content)
        if name not in [model.name for model in bare.search_registered_models()]:
            bare.create_registered_model(name)
        return str(bare.create_model_version(name, source or str(folder)).version)

    return SimpleNamespace(bare=bare, register=register)


@pytest.fixture
def registry(uri: str) -> Registry:
    return MlflowRegistry(uri)


def test_a_plan_logged_with_plain_mlflow_is_read_back_from_the_snapshot(tmp_path: Path, uri: str) -> None:
    script = f"""
import mlflow, numpy, pandas, sys
from sklearn.linear_model import LogisticRegression
mlflow.set_experiment("train")
table = pandas.DataFrame({{"a": numpy.arange(20.0)}})
model = LogisticRegression().fit(table, ["no"] * 10 + ["yes"] * 10)
mlflow.sklearn.log_model(model, name="model", registered_model_name="hiring", pip_requirements=["scikit-learn"],
    metadata={{"governance": {{"plan": {PLAN!r}}}}})
"""
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run([sys.executable, "-c", script], check=True, env=env, cwd=tmp_path, capture_output=True)

    registry = MlflowRegistry(uri)
    version = registry.latest("hiring")
    assert (version.name, version.version, version.registry) == ("hiring", "1", uri)
    assert version.model_id is not None
    assert version.source == f"models:/{version.model_id}"

    copy = registry.snapshot(version, tmp_path / "snapshot")
    assert copy == registry.manifest(version)
    assert {"MLmodel", "model.skops", "requirements.txt"} <= {item.name for item in copy.files}
    assert declared_plan(tmp_path / "snapshot") == PLAN.encode()

    _one_byte(next((tmp_path / "mlruns").rglob("model.skops")))
    assert str(compare(copy, registry.manifest(version))) == "changed: model.skops"
    _one_byte(next((tmp_path / "mlruns").rglob("model.skops")))
    assert registry.manifest(version) == copy


def _one_byte(path: Path) -> None:
    """Flip one bit; twice is never."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_manifest_is_of_the_bytes_now_and_the_snapshot_keeps_those_of_then(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    client.register("hiring", tmp_path / "files")
    version = registry.version("hiring", "1")
    kept = registry.snapshot(version, tmp_path / "snapshots" / "one")
    (tmp_path / "files" / "model.bin").write_bytes(b"Weights")
    (tmp_path / "files" / "extra.py").write_bytes(b"")
    (tmp_path / "files" / "registered_model_meta").write_bytes(b"model_name: hiring\n")
    found = compare(kept, registry.manifest(version))
    assert (found.changed, found.extra, found.missing) == (("model.bin",), ("extra.py",), ())
    assert (tmp_path / "snapshots" / "one" / "model.bin").read_bytes() == b"weights"


def test_a_snapshot_is_never_written_over_another(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    client.register("hiring", tmp_path / "files")
    registry.snapshot(registry.latest("hiring"), tmp_path / "snapshot")
    with pytest.raises(MeasurementError, match="exists already"):
        registry.snapshot(registry.latest("hiring"), tmp_path / "snapshot")


def test_a_link_planted_among_the_files_is_refused(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    client.register("hiring", tmp_path / "files")
    (tmp_path / "files" / "more").symlink_to("/etc/passwd")
    with pytest.raises(MeasurementError, match="more is a link"):
        registry.snapshot(registry.latest("hiring"), tmp_path / "snapshot")
    assert not (tmp_path / "snapshot").exists()


def test_files_that_are_gone_are_no_empty_model(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    client.register("hiring", tmp_path / "files")
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    with pytest.raises(MeasurementError, match="gone or were never there"):
        registry.manifest(registry.latest("hiring"))


def test_sources_are_followed_to_the_bytes(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    run = client.bare.create_run(client.bare.create_experiment("train"))
    artifacts = Path(run.info.artifact_uri) / "model"
    client.register("plain", tmp_path / "files")
    client.register("uri", tmp_path / "files", source=(tmp_path / "files").as_uri())
    client.register("run", artifacts, source=f"runs:/{run.info.run_id}/model")
    client.bare.create_registered_model("copied")
    client.bare.copy_model_version("models:/plain/1", "copied")
    digests = {registry.manifest(registry.latest(name)).digest for name in ("plain", "uri", "run", "copied")}
    assert len(digests) == 1
    (artifacts / "model.bin").write_bytes(b"other")
    assert registry.manifest(registry.latest("run")).digest not in digests


def test_a_logged_model_that_is_gone_is_said_to_be_gone(client: SimpleNamespace, registry: Registry, uri: str) -> None:
    client.bare.create_registered_model("hiring")
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database:
        columns = "name, version, creation_time, current_stage, source, status, workspace"
        row = ("hiring", 1, 1, "None", "models:/m-0123456789abcdef", "READY", "default")
        database.execute(f"INSERT INTO model_versions ({columns}) VALUES (?,?,?,?,?,?,?)", row)
        database.commit()
    with pytest.raises(MeasurementError, match="gone or cannot be had"):
        registry.manifest(registry.version("hiring", "1"))


def test_deleting_and_registering_again_is_another_version_of_the_same_name(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    client.register("hiring", tmp_path / "first", b"one")
    before = registry.version("hiring", "1")
    digest = registry.manifest(before).digest
    client.bare.delete_registered_model("hiring")
    client.register("hiring", tmp_path / "second", b"two")
    after = registry.version("hiring", "1")
    assert (after.name, after.version) == (before.name, before.version)
    assert after.created_at > before.created_at
    assert registry.manifest(after).digest != digest


def test_the_latest_version_is_the_highest_number_in_any_stage(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    for number in range(1, 12):
        assert client.register("hiring", tmp_path / str(number)) == str(number)
    assert registry.latest("hiring").version == "11"
    client.bare.delete_model_version("hiring", "11")
    assert registry.latest("hiring").version == "10"
    client.bare.create_registered_model("empty")
    with pytest.raises(ConfigurationError, match=r"'empty' .* has no version yet"):
        registry.latest("empty")


def test_an_alias_is_set_moved_and_withdrawn(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    client.register("hiring", tmp_path / "1")
    client.register("hiring", tmp_path / "2")
    assert registry.alias("hiring", "champion") is None
    registry.set_alias("hiring", "champion", "1")
    registry.set_alias("hiring", "champion", "1")
    assert registry.alias("hiring", "champion") == registry.version("hiring", "1")
    registry.set_alias("hiring", "champion", "2")
    assert registry.alias("hiring", "champion") == registry.version("hiring", "2")
    registry.delete_alias("hiring", "champion")
    registry.delete_alias("hiring", "champion")
    assert registry.alias("hiring", "champion") is None
    assert registry.live_aliases() == ()


def test_an_alias_moved_by_a_bare_client_is_seen(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    client.register("hiring", tmp_path / "1")
    client.register("hiring", tmp_path / "2")
    registry.set_alias("hiring", "champion", "2")
    client.bare.set_registered_model_alias("hiring", "champion", "1")
    assert registry.live_aliases() == (LiveAlias("hiring", "champion", "1"),)
    found = registry.alias("hiring", "champion")
    assert found is not None
    assert found.version == "1"


def test_aliases_are_listed_over_all_pages_in_order(
    tmp_path: Path, client: SimpleNamespace, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.registry.mlflow_registry._PAGE", 2)
    for name in ("e", "d", "c", "b", "a"):
        client.register(name, tmp_path / name)
        client.bare.set_registered_model_alias(name, "live", "1")
    client.bare.set_registered_model_alias("c", "challenger", "1")
    listed = [(item.name, item.alias) for item in registry.live_aliases()]
    assert listed == [("a", "live"), ("b", "live"), ("c", "challenger"), ("c", "live"), ("d", "live"), ("e", "live")]


def test_unknown_names_say_what_there_is(tmp_path: Path, client: SimpleNamespace, registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="no model is registered there"):
        registry.latest("hirring")
    client.register("hiring", tmp_path / "1")
    client.register("credit", tmp_path / "2")
    for asked in (
        lambda: registry.latest("hirring"),
        lambda: registry.version("hirring", "1"),
        lambda: registry.alias("hirring", "champion"),
        lambda: registry.set_alias("hirring", "champion", "1"),
        lambda: registry.delete_alias("hirring", "champion"),
    ):
        with pytest.raises(ConfigurationError, match="known: 'credit', 'hiring'; closest: 'hiring'"):
            asked()
    with pytest.raises(ConfigurationError, match="has no version '7'; its newest is version 1"):
        registry.version("hiring", "7")
    with pytest.raises(ConfigurationError, match="has no version '7'"):
        registry.set_alias("hiring", "champion", "7")


@pytest.mark.parametrize(("name", "version"), [("hiring", "one"), ("", "1"), ("models:/hiring", "1"), ("hiring", "-1")])
def test_what_mlflow_refuses_is_a_sentence(
    tmp_path: Path, client: SimpleNamespace, registry: Registry, name: str, version: str
) -> None:
    client.register("hiring", tmp_path / "1")
    with pytest.raises(ConfigurationError):
        registry.version(name, version)


def test_a_hostile_name_works_and_is_escaped_in_messages(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    client.register(HOSTILE, tmp_path / "1")
    client.register(HOSTILE, tmp_path / "2")
    registry.set_alias(HOSTILE, "champion", "2")
    version = registry.latest(HOSTILE)
    assert (version.name, version.version) == (HOSTILE, "2")
    assert registry.alias(HOSTILE, "champion") == version
    assert registry.log_report(version, {"report.html": b""}, {})
    with pytest.raises(ConfigurationError) as caught:
        registry.version(HOSTILE, "3")
    assert "\n" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        registry.latest("x" * 5000)
    assert len(str(caught.value)) < 1000


def test_a_report_becomes_a_run_and_leaves_the_model_alone(
    tmp_path: Path, client: SimpleNamespace, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.register("hiring", tmp_path / "files")
    version = registry.latest("hiring")
    before = registry.manifest(version)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    files = {"report.html": b"<!doctype html>", "figures/a.svg": b"<svg/>"}
    metrics = {"selection_rate sex=female": 0.25, "not_estimable": float("nan"), "endless": float("inf")}
    run = client.bare.get_run(registry.log_report(version, files, metrics))
    assert client.bare.get_experiment(run.info.experiment_id).name == "fairgate"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model_name": "hiring", "model_version": "1", "model_source": version.source}
    assert run.data.metrics == {"selection_rate sex_female": 0.25}
    report = Path(run.info.artifact_uri) / "report"
    assert (report / "report.html").read_bytes() == b"<!doctype html>"
    assert (report / "figures" / "a.svg").read_bytes() == b"<svg/>"
    assert report.is_relative_to(tmp_path / "mlruns")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert registry.manifest(version) == before
    again = client.bare.get_run(registry.log_report(version, {}, {}))
    assert again.info.experiment_id == run.info.experiment_id


def test_metrics_are_linked_to_the_logged_model(client: SimpleNamespace, registry: Registry, tmp_path: Path) -> None:
    logged = client.bare.create_logged_model(client.bare.create_experiment("train"), name="model")
    folder = Path(logged.artifact_location)
    client.bare.finalize_logged_model(logged.model_id, "READY")
    client.register("hiring", folder, source=f"models:/{logged.model_id}")
    version = registry.latest("hiring")
    assert version.model_id == logged.model_id
    run_id = registry.log_report(version, {}, {"ratio": 0.5})
    found = client.bare.get_logged_model(logged.model_id).metrics
    assert [(metric.key, metric.value, metric.run_id) for metric in found] == [("ratio", 0.5, run_id)]


def test_checkpoints_are_kept_in_a_tag_and_beside_reports(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    client.register("hiring", tmp_path / "model")
    assert registry.kept_checkpoints() == registry.kept_checkpoints(reports=5) == ()
    registry.keep_checkpoint("first\n\n\u2014 note\n", ledger="0df3144c")
    registry.keep_checkpoint("second\n\n\u2014 note\n", ledger="0df3144c")
    assert registry.kept_checkpoints() == registry.kept_checkpoints(reports=5) == ("second\n\n\u2014 note\n",)
    version = registry.latest("hiring")
    for number in range(3):
        registry.log_report(version, {"report.json": b"{}", "checkpoint.txt": f"report {number}\n".encode()}, {})
    registry.log_report(version, {"report.json": b"{}"}, {})
    assert registry.kept_checkpoints() == ("second\n\n\u2014 note\n",)
    found = registry.kept_checkpoints(reports=3)
    assert found[-1] == "second\n\n\u2014 note\n"
    assert sorted(found[:-1]) == ["report 1\n", "report 2\n"], "of the newest three reports one has none"
    registry.keep_checkpoint("another ledger's\n", ledger="530d903a")
    assert registry.kept_checkpoints() == ("second\n\n\u2014 note\n", "another ledger's\n")


def test_a_checkpoint_for_a_registry_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    absent = MlflowRegistry(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(ConfigurationError, match="no registry"):
        absent.kept_checkpoints()
    with pytest.raises(ConfigurationError, match="no registry"):
        absent.keep_checkpoint("note", ledger="0df3144c")


def test_a_report_that_cannot_be_kept_leaves_a_failed_run(
    tmp_path: Path, client: SimpleNamespace, registry: Registry
) -> None:
    client.register("hiring", tmp_path / "files")
    with pytest.raises(ConfigurationError, match="no name for a report file"):
        registry.log_report(registry.latest("hiring"), {"../escape.html": b""}, {})
    experiment = client.bare.get_experiment_by_name("fairgate")
    assert [run.info.status for run in client.bare.search_runs([experiment.experiment_id])] == ["FAILED"]
    assert not list(tmp_path.rglob("escape.html"))


def test_asking_creates_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for uri in ("sqlite:///mlflow.db", "sqlite:///deeper/mlflow.db"):
        with pytest.raises(ConfigurationError, match=r"no registry at .*mlflow\.db: .* set MLFLOW_REGISTRY_URI"):
            MlflowRegistry(uri).live_aliases()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_registry_is_left_as_it_is(tmp_path: Path) -> None:
    other, junk, empty = tmp_path / "other.db", tmp_path / "junk.db", tmp_path / "empty.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE ledger (seq INTEGER)")
    junk.write_bytes(b"not a database " * 100)
    empty.write_bytes(b"")
    for path in (other, junk, empty):
        before = path.read_bytes()
        with pytest.raises(
            ConfigurationError, match=f"{path.name} (is not a SQLite database|holds no MLflow registry)"
        ):
            MlflowRegistry(f"sqlite:///{path}").latest("hiring")
        assert path.read_bytes() == before


def test_an_unreachable_registry_is_a_service_error_within_seconds(capfd: pytest.CaptureFixture[str]) -> None:
    registry = MlflowRegistry("http://127.0.0.1:9")
    for asked in (
        lambda: registry.latest("hiring"),
        lambda: registry.version("hiring", "1"),
        registry.live_aliases,
        lambda: registry.set_alias("hiring", "champion", "1"),
    ):
        with pytest.raises(ServiceError, match=r"http://127.0.0.1:9 cannot be reached"):
            asked()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_locked_database_is_a_service_error(
    tmp_path: Path, client: SimpleNamespace, registry: Registry, uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    client.register("hiring", tmp_path / "files")
    registry.latest("hiring")
    capfd.readouterr()
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ServiceError, match="database is locked; try again later"):
            registry.latest("hiring")
    assert capfd.readouterr() == ("", "")

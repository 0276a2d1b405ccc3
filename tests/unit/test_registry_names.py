"""Addresses, names and metric names of a registry, without one."""

from __future__ import annotations

import pytest

from governance.errors import ConfigurationError
from governance.registry.artifact_bytes import model_id_in
from governance.registry.mlflow_registry import MlflowRegistry, _inside, _speakable
from governance.registry.sqlite_file import sqlite_path


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:////var/lib/mlflow.db?timeout=1", "mlflow.db"),
        ("governed:sqlite:///sub/registry.db", "registry.db"),
        ("sqlite+pysqlite:///mlflow.db", "mlflow.db"),
    ],
)
def test_the_file_of_a_sqlite_address_is_found(uri: str, name: str) -> None:
    path = sqlite_path(uri)
    assert path is not None
    assert path.is_absolute()
    assert path.name == name


@pytest.mark.parametrize("uri", ["http://localhost:5000", "postgresql://u@h/db", "sqlite://", "sqlite:///:memory:"])
def test_other_addresses_name_no_file(uri: str) -> None:
    assert sqlite_path(uri) is None


def test_the_password_never_gets_into_records() -> None:
    registry = MlflowRegistry("postgresql://scientist:s3cret@db.example:5432/mlflow")
    assert registry.uri == "postgresql://db.example:5432/mlflow"


def test_metric_names_become_what_mlflow_takes_and_stay_apart() -> None:
    spoken = _speakable(
        {"selection_rate sex=female": 0.2, "selection_rate sex:female": 0.3, "selection_rate sex_female": 0.4}
    )
    assert list(spoken.values()) == [0.2, 0.3, 0.4]
    assert set("".join(spoken)) <= set("abcdefghijklmnopqrstuvwxyz_: 2")


@pytest.mark.parametrize("name", ["../report.html", "/report.html", "", "a/../../b"])
def test_a_report_file_stays_inside_its_run(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name for a report file"):
        _inside(name)


def test_only_logged_models_have_an_id() -> None:
    assert model_id_in("models:/m-0a1b") == "m-0a1b"
    assert model_id_in("models:/hiring/1") is None
    assert model_id_in("/models/m-0a1b") is None

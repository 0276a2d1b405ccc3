"""Settings come from an environment and a project folder, and from nothing else of this process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.settings import read_settings
from governance.errors import ConfigurationError

PROJECT = Path("/somewhere/project")


def test_without_a_word_everything_lies_in_the_project() -> None:
    settings = read_settings({}, PROJECT)
    assert settings.home == PROJECT / ".fairgate"
    assert settings.data_roots == (PROJECT,)
    assert settings.ledger_url == "sqlite:////somewhere/project/.fairgate/ledger.db"
    assert (settings.registry_uri, settings.environment) == ("sqlite:///mlflow.db", "local")


def test_paths_are_relative_to_the_project_and_not_to_the_current_folder() -> None:
    environ = {"FAIRGATE_DATA": "../lake:/elsewhere", "FAIRGATE_POLICY": "strict.toml", "FAIRGATE_HOME": "house"}
    settings = read_settings(environ, PROJECT)
    assert settings.data_roots == (PROJECT, Path("/somewhere/lake"), Path("/elsewhere"))
    assert (settings.policy, settings.home) == (PROJECT / "strict.toml", PROJECT / "house")


def test_the_registry_is_where_mlflow_says() -> None:
    uris = {"MLFLOW_TRACKING_URI": "sqlite:///runs.db"}
    assert read_settings(uris, PROJECT).registry_uri == "sqlite:///runs.db"
    uris["MLFLOW_REGISTRY_URI"] = "sqlite:///models.db"
    settings = read_settings(uris, PROJECT)
    assert (settings.registry_uri, settings.tracking_uri) == ("sqlite:///models.db", "sqlite:///runs.db")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FAIRGATE_CONSOLE_PORT", "0"),
        ("FAIRGATE_CONSOLE_PORT", "65536"),
        ("FAIRGATE_CONSOLE_PORT", "http"),
        ("FAIRGATE_CONSOLE_URL", "http://audit.example"),
        ("FAIRGATE_CONSOLE_URL", "https://"),
        ("FAIRGATE_CONSOLE_URL", "https://audit.example/console"),
        ("FAIRGATE_CONSOLE_URL", "https://audit.example/?a=b"),
        ("FAIRGATE_CONSOLE_URL", "audit.example"),
        ("FAIRGATE_NIGHT_EVERY_HOURS", "0"),
        ("FAIRGATE_NIGHT_EVERY_HOURS", "1.5"),
        ("FAIRGATE_NIGHT_EVERY_HOURS", ""),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is '{re.escape(value)}'; write "):
        read_settings({name: value}, PROJECT)


def test_the_console_is_on_this_machine_unless_a_proxy_gives_it_an_https_address() -> None:
    assert read_settings({}, PROJECT).console_url is None
    assert read_settings({"FAIRGATE_CONSOLE_URL": "https://audit.example/"}, PROJECT).console_url == (
        "https://audit.example"
    )


def test_the_rows_set_aside_are_found_by_the_digest_of_the_data() -> None:
    found = read_settings({}, PROJECT).quarantine("sha256:" + "0123456789abcdef" * 4)
    assert found == PROJECT / ".fairgate" / "quarantine" / "0123456789abcdef.csv"

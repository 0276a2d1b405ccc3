"""The file that names the provider of single sign-on, and asking a scheduler that is or is not there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.scheduler import schedules
from flows.settings import read_settings
from governance.errors import ConfigurationError
from reports.console.provider_file import read_provider

RIGHT = {
    "name": '"Example Bank"',
    "issuer": '"https://login.example/realm"',
    "client_id": '"fairgate"',
    "client_secret_file": '"secret"',
    "scopes": '["openid", "profile"]',
    "several_factors": '["urn:two"]',
}


def written(folder: Path, **changes: str | None) -> Path:
    lines = {**RIGHT, **changes}
    path = folder / "sign-on.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None))
    return path


def test_the_file_is_read_with_its_secret_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret\n")
    found = read_provider(written(tmp_path))
    assert (found.name, found.issuer, found.client_id) == ("Example Bank", "https://login.example/realm", "fairgate")
    assert found.client_secret == "a secret"
    assert "a secret" not in repr(found)
    assert found.scopes == ("openid", "profile")
    assert found.several_factors == ("urn:two",)
    assert (
        read_settings({"FAIRGATE_SINGLE_SIGN_ON": "sign-on.toml"}, tmp_path).single_sign_on == tmp_path / "sign-on.toml"
    )
    assert read_settings({}, tmp_path).single_sign_on is None


def test_a_public_client_has_no_secret(tmp_path: Path) -> None:
    found = read_provider(written(tmp_path, client_secret_file=None, scopes=None, several_factors=None))
    assert (found.client_secret, found.scopes, found.several_factors) == ("", ("openid",), ())


BAD: dict[str, tuple[dict[str, str | None], str]] = {
    "no issuer": ({"issuer": None}, "issuer"),
    "an issuer in the clear": ({"issuer": '"http://login.example"'}, "issuer"),
    "an issuer with a question": ({"issuer": '"https://login.example?x=1"'}, "issuer"),
    "no name": ({"name": '" "'}, "name"),
    "a name that is no text": ({"name": "7"}, "name"),
    "no client": ({"client_id": None}, "client_id"),
    "a secret in the file": ({"client_secret": '"x"'}, "client_secret"),
    "a scope without openid": ({"scopes": '["profile"]'}, "openid"),
    "scopes that are no list": ({"scopes": '"openid"'}, "scopes"),
    "no secret file": ({"client_secret_file": '"nowhere"'}, "nowhere"),
    "an empty secret": ({"client_secret_file": '"empty"'}, "empty"),
    "a secret that is no text": ({"client_secret_file": '"bytes"'}, "bytes"),
    "no TOML": ({"name": '"open'}, "TOML"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_is_named_with_the_file(tmp_path: Path, what: str) -> None:
    (tmp_path / "secret").write_text("a secret\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    changes, word = BAD[what]
    with pytest.raises(ConfigurationError, match=word):
        read_provider(written(tmp_path, **changes))


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_provider(tmp_path / "nowhere.toml")
    large = tmp_path / "large.toml"
    large.write_text("#" * 70_000)
    with pytest.raises(ConfigurationError, match="more than"):
        read_provider(large)


# --- the scheduler ---------------------------------------------------------------------------------------------------

DEPLOYMENT = {
    "id": "1",
    "name": "nightly",
    "paused": False,
    "schedules": [{"schedule": {"cron": "0 2 * * *", "timezone": "UTC"}, "active": True}],
}
ANSWERS: dict[str, tuple[int, Any]] = {
    "right": (200, {"/deployments/filter": [DEPLOYMENT], "/flow_runs/filter": []}),
    "nothing scheduled": (200, {"/deployments/filter": [], "/flow_runs/filter": []}),
    "another server": (200, {"/deployments/filter": {"hello": "world"}, "/flow_runs/filter": []}),
    "an error": (500, {"/deployments/filter": [], "/flow_runs/filter": []}),
    "elsewhere": (302, {"/deployments/filter": [], "/flow_runs/filter": []}),
}


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[str]:
    status, answers = ANSWERS[request.param]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(answers[self.path.removeprefix("/api")]).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("location", "http://127.0.0.1:9/")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("answering", ANSWERS, indirect=True)
def test_the_scheduler_is_believed_where_it_answers_as_prefect_does(
    answering: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    settings = read_settings({}, tmp_path)
    settings.prefect_home.mkdir(parents=True)
    (settings.prefect_home / "server.url").write_text(answering)
    found = schedules(settings)
    what = request.node.callspec.params["answering"]
    if what == "right":
        assert found is not None
        assert [(item.name, item.every) for item in found] == [("nightly", "0 2 * * * (UTC)")]
    else:
        assert found == (() if what == "nothing scheduled" else None)


def test_without_a_scheduler_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    settings = read_settings({}, tmp_path)
    assert schedules(settings) is None
    settings.prefect_home.mkdir(parents=True)
    for text in ("http://127.0.0.1:9/api", "https://evil.example/api", "nonsense"):
        (settings.prefect_home / "server.url").write_text(text)
        assert schedules(settings) is None
    monkeypatch.setenv("PREFECT_API_URL", "no address")
    assert schedules(settings) is None

"""The JSON API: what the pages show, for reading alone; a token opens nothing else, and no form takes one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import report_factory as factory
from argon2 import PasswordHasher
from console_browser import Browser
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hostile import PAYLOADS
from jsonschema import Draft202012Validator, ValidationError
from starlette.routing import BaseRoute, Mount

from flows.cli import main
from governance import accounts
from governance.api_tokens import ApiTokens
from governance.case import open_case
from governance.desk import Desk
from governance.digests import canonical_json
from governance.errors import ServiceError
from reports.console.api import PREFIX
from reports.console.app import create_app
from reports.evidence import gather
from reports.publish import WITHHELD
from reports.release import release_view

QUERY = urlencode({"name": "hiring", "version": "2", "alias": "champion"})
PATHS = (
    "/me",
    "/inbox",
    "/models",
    f"/case?{QUERY}",
    f"/record?{QUERY}",
    "/history?on=2026-10-05",
    "/figures",
    "/entries",
    "/entries/3",
    "/entries/3/envelope",
    "/entries/3/proof",
    "/checkpoint",
)


@pytest.fixture(scope="module", autouse=True)
def _light_hashing() -> Iterator[None]:
    """Real argon2 with a small cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


def _new_desk(folder: Path) -> Desk:
    made = factory.new_desk(folder, real=True)
    factory.record_case(made, "1")
    case = factory.record_case(made, "2")
    factory.put_signature(made, case, "compliance-officer", "compliance", reason="16 of 42 is few.")
    return made


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One desk for all that only read it."""
    return _new_desk(tmp_path_factory.mktemp("api"))


@pytest.fixture
def fresh(tmp_path: Path) -> Desk:
    """A desk that the test may change."""
    return _new_desk(tmp_path)


@pytest.fixture(scope="module")
def app(desk: Desk) -> FastAPI:
    return create_app(desk, secure_cookies=False)


def _token(desk: Desk, person: str, days: int = 300) -> str:
    found = desk.accounts.person(person)
    assert found is not None
    return ApiTokens(desk.accounts).give(found, "test", days)[0]


class Script(Browser):
    """A script: no cookies, a token with each question."""

    token = ""

    def ask(self, path: str, token: str | None = None) -> httpx.Response:
        return self.get(PREFIX + path, authorization=f"Bearer {token or self.token}")


def _script(desk: Desk, person: str, app: FastAPI | None = None) -> Script:
    script = Script(app or create_app(desk, secure_cookies=False))
    script.token = _token(desk, person)
    return script


@pytest.fixture(scope="module")
def officer(app: FastAPI, desk: Desk) -> Script:
    return _script(desk, "risk-officer", app)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()
    assert set(found) == {"error", "message", "exit_code"}
    return found


def test_without_a_token_that_holds_nothing_is_said(app: FastAPI, desk: Desk) -> None:
    script = Script(app)
    revoked = _token(desk, "risk-officer")
    ApiTokens(desk.accounts).revoke(ApiTokens(desk.accounts).all()[-1].id)
    ended = _token(desk, "risk-officer", days=1)
    desk.clock.now += timedelta(days=2)  # type: ignore[attr-defined]
    wrong = ("nonsense", "fgt_" + "a" * 43, revoked, ended)
    for path in PATHS:
        answers = [script.get(PREFIX + path), *(script.ask(path, token) for token in wrong)]
        answers.append(script.get(PREFIX + path, authorization=f"Basic {revoked}"))
        for answer in answers:
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert _problem(answer)["error"] == "NotAuthorizedError"
            assert _problem(answer)["exit_code"] == 4
            assert "hiring" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_each_address_answers_with_the_consoles_headers(officer: Script, path: str) -> None:
    answer = officer.ask(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].split(";")[0] in {"application/json", "text/plain"}


def test_a_disabled_persons_tokens_are_dead(fresh: Desk) -> None:
    officer = _script(fresh, "risk-officer")
    assert officer.ask("/me").status_code == 200
    fresh.accounts.disable("risk-officer")
    assert officer.ask("/me").status_code == 401


def test_a_session_of_the_console_may_ask_too(app: FastAPI) -> None:
    browser = Browser(app)
    browser.login("risk-officer")
    assert browser.get(f"{PREFIX}/me").json()["id"] == "risk-officer"
    assert browser.get(f"{PREFIX}/me", authorization="Bearer nonsense").status_code == 401


def test_a_token_opens_no_page_and_no_form(officer: Script, app: FastAPI, desk: Desk) -> None:
    """Every route of the console, pages and forms, with a token and nothing else."""
    size, seen = desk.ledger.size(), 0
    for method, path in _routes(app):
        answer = officer._send(
            method,
            path,
            {"authorization": f"Bearer {officer.token}", "origin": officer.base},
            {"csrf": "", "password": factory.SECRET, "decision": "approve"} if method == "POST" else None,
        )
        seen += method == "POST"
        open_to_all = path.startswith(("/login", "/reset", "/static/", "/healthz"))
        assert answer.status_code in ({200, 403, 404} if open_to_all else {303, 401, 403, 404, 405, 422}), (
            method,
            path,
        )
        assert "hiring" not in answer.text
        assert "set-cookie" not in answer.headers or path in {"/login", "/reset"}
    assert seen >= 3
    assert desk.ledger.size() == size


def _routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        if isinstance(route, Mount):
            assert {method for _, method in _methods(route.routes)} == {"GET"}
    for path, method in _methods(app.routes):
        yield method, path.replace("{name}", "console.css").replace("{seq}", "3")


def _methods(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(routes):
        for method in sorted(set(context.methods or ()) - {"HEAD"}):
            yield context.path, method


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_api_only_reads(officer: Script, desk: Desk, method: str) -> None:
    size = desk.ledger.size()
    headers = {"authorization": f"Bearer {officer.token}", "origin": officer.base}
    for path in PATHS:
        answer = officer._send(method, PREFIX + path, headers, {"decision": "approve"})
        assert answer.status_code == 405
        assert "answers GET alone" in _problem(answer)["message"]
        assert officer._send(method, PREFIX + path, {"authorization": headers["authorization"]}, {}).status_code == 403
    assert desk.ledger.size() == size


def test_the_description_is_complete_and_valid(app: FastAPI) -> None:
    answer = Browser(app).get(f"{PREFIX}/openapi.json")
    assert answer.status_code == 200
    found = answer.json()
    assert found["openapi"].startswith("3.1")
    for schema in found["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert found["servers"] == [{"url": PREFIX}]
    asked = {path.partition("?")[0].replace("/3", "/{seq}") for path in PATHS}
    assert set(found["paths"]) == asked
    for path, methods in found["paths"].items():
        assert set(methods) == {"get"}, path
        assert methods["get"]["description"]
        schema = next(iter(methods["get"]["responses"]["200"]["content"].values()))["schema"]
        assert schema != {}, path
        assert methods["get"]["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].endswith("Problem")
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_each_answer_is_as_described(officer: Script, app: FastAPI) -> None:
    described = Browser(app).get(f"{PREFIX}/openapi.json").json()
    for path in PATHS:
        place = path.partition("?")[0].replace("/3", "/{seq}")
        kind, content = next(iter(described["paths"][place]["get"]["responses"]["200"]["content"].items()))
        answer = officer.ask(path)
        schema = {**content["schema"], "components": described["components"]}
        value = answer.json() if kind == "application/json" else answer.text
        Draft202012Validator(_closed(schema)).validate(value)
        with pytest.raises(ValidationError):
            Draft202012Validator(_closed(schema)).validate([7] if isinstance(value, dict) else {"a": 7})


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with nothing allowed beside what an object describes: an answer may not say more than is told."""
    parts = schema["components"]["schemas"]
    closed = {name: {**part, "additionalProperties": False} for name, part in parts.items()}
    return {**schema, "components": {"schemas": closed}}


def test_the_record_is_the_reports_record_byte_for_byte(officer: Script, desk: Desk) -> None:
    record = json.loads(officer.ask(f"/record?{QUERY}").content)
    view = release_view(gather(desk, open_case(desk, "hiring", "2", "champion")))
    same = {key: value for key, value in view.record.items() if key != "at"}
    assert canonical_json({k: v for k, v in record.items() if k != "at"}) == canonical_json(same)
    assert officer.ask(f"/record?{QUERY}").content.startswith(b"{")


def test_a_case_says_what_the_gate_says(officer: Script, desk: Desk) -> None:
    case = open_case(desk, "hiring", "2", "champion")
    found = officer.ask(f"/case?{QUERY}").json()
    assert found["outcome"] == case.decision.outcome.value == "HELD"
    assert [(x["requirement"], x["status"]) for x in found["requirements"]] == [
        (item.requirement, item.status.value) for item in case.decision.findings
    ]
    assert found["digests"]["audit_report"] == case.shown().report_digest
    (signed,) = found["sign_offs"]
    assert (signed["printed_name"], signed["decision"], signed["void"]) == ("Compliance Officer", "approve", None)
    assert signed["reason"] == "16 of 42 is few."


def test_the_inbox_and_the_models_are_those_of_the_pages(officer: Script) -> None:
    rows = officer.ask("/inbox").json()
    assert [(x["case"]["version"], x["only_sign_off_missing"]) for x in rows] == [("1", False), ("2", True)]
    assert rows[1]["needs"] == ["model-risk"]
    (model,) = officer.ask("/models").json()
    assert (model["name"], [x["version"] for x in model["versions"]]) == ("hiring", ["1", "2"])
    assert model["versions"][1]["places"][0]["state"] == "waiting"


def test_history_answers_for_a_day(officer: Script, desk: Desk) -> None:
    found = officer.ask("/history?on=2026-10-05").json()
    assert (found["on"], found["spells"]) == ("2026-10-05", [])
    checkpoint = desk.ledger.checkpoint()
    assert checkpoint is not None
    assert found["ledger_root"] == checkpoint.root.hex()


def test_entries_are_read_on_from_one_to_the_next(officer: Script, desk: Desk) -> None:
    seqs, since = [], 0
    while since is not None:
        page = officer.ask(f"/entries?since={since}&limit=4").json()
        seqs += [item["seq"] for item in page["entries"]]
        since = page["next"]
    assert seqs == list(range(desk.ledger.size()))
    entry = next(iter(desk.ledger.entries(since=3)))
    one = officer.ask("/entries/3").json()
    assert (one["leaf_hash"], one["meaning"]) == (entry.leaf_hash.hex(), entry.statement.meaning)
    assert officer.ask("/entries/3/envelope").content == entry.envelope
    assert officer.ask("/entries/3/proof").text.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")


@pytest.mark.parametrize(
    ("path", "status", "error", "exit_code"),
    [
        ("/case?name=nothing&version=1&alias=champion", 404, "UnknownCaseError", 2),
        ("/case?name=hiring", 422, "UsageError", 2),
        ("/history?on=tomorrow", 422, "UsageError", 2),
        ("/history", 422, "UsageError", 2),
        ("/entries/9999", 404, "ConfigurationError", 2),
        ("/entries/x", 422, "UsageError", 2),
        ("/entries?limit=501", 422, "UsageError", 2),
        ("/entries?since=-1", 422, "UsageError", 2),
        ("/nowhere", 404, "HTTP404", 2),
        (f"/case?{urlencode({'name': 'x' * 2_001, 'version': '1', 'alias': 'a'})}", 422, "UsageError", 2),
    ],
)
def test_errors_are_json_with_name_sentence_and_exit_code(
    officer: Script, path: str, status: int, error: str, exit_code: int
) -> None:
    answer = officer.ask(path)
    assert answer.status_code == status
    found = _problem(answer)
    assert (found["error"], found["exit_code"]) == (error, exit_code)
    assert found["message"]


def test_evidence_that_was_changed_is_an_error_and_not_an_answer(fresh: Desk) -> None:
    desk, officer = fresh, _script(fresh, "risk-officer")
    digest = open_case(desk, "hiring", "2", "champion").shown().report_digest
    assert digest is not None
    name = digest.removeprefix("sha256:")
    (desk.evidence.folder / name[:2] / name).write_bytes(b"{}")
    answer = officer.ask(f"/record?{QUERY}")
    assert answer.status_code == 500
    assert (_problem(answer)["error"], _problem(answer)["exit_code"]) == ("LedgerTamperedError", 5)


def test_small_counts_are_masked_by_the_function_of_the_tokens_person(fresh: Desk) -> None:
    desk, officer, scientist = fresh, _script(fresh, "risk-officer"), _script(fresh, "data-scientist")
    factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), suppress_below=50))
    case = open_case(desk, "hiring", "2", "champion")
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason="16 of 42 is few.")
    assert officer.ask("/me").json()["reads_small_counts"] is True
    assert scientist.ask("/me").json()["reads_small_counts"] is False
    whole, masked = officer.ask(f"/case?{QUERY}"), scientist.ask(f"/case?{QUERY}")
    assert whole.json()["masked"] == ""
    assert masked.json()["masked"]
    assert "16 of 42" in whole.text
    assert "16 of 42" not in masked.text
    assert {x["reason"] for x in masked.json()["sign_offs"]} == {WITHHELD}
    small = [x for x in json.loads(officer.ask(f"/record?{QUERY}").content)["audit"]["estimates"] if 0 < x["n"] < 50]
    assert small
    hidden = json.loads(scientist.ask(f"/record?{QUERY}").content)["audit"]["estimates"]
    assert not [x for x in hidden if 0 < x["n"] < 50]
    answer = scientist.ask("/entries/3/envelope")
    assert answer.status_code == 403
    assert _problem(answer)["error"] == "NotForYouError"
    assert scientist.ask("/entries/3/proof").status_code == 200


def test_hostile_names_go_out_and_come_back_as_they_are(fresh: Desk) -> None:
    officer = _script(fresh, "risk-officer")
    payloads = [payload.replace("\0", "") for payload in PAYLOADS]  # a ledger in a database refuses NUL
    names = ["m " + " ".join(payloads[at : at + 5])[:1_500] for at in range(0, len(payloads), 5)]
    for name in names:
        factory.record_case(fresh, "2", name=name)
    found = [x["case"] for x in officer.ask("/inbox").json() if x["case"]["name"] != "hiring"]
    assert [item["name"] for item in found] == names
    for item in found:
        asked = urlencode({key: item[key] for key in ("name", "version", "alias")})
        answer = officer.ask(f"/case?{asked}")
        assert answer.status_code == 200
        assert answer.json()["case"]["name"] == item["name"]
        assert answer.headers["content-type"] == "application/json"


def test_health_says_up_or_down_and_nothing_else(app: FastAPI, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(app)
    answer = browser.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})

    def gone(_self: object) -> object:
        raise ServiceError("postgresql://officer:hunter2@db does not answer")

    monkeypatch.setattr(type(desk.accounts), "people", gone)
    answer = browser.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "down"})
    assert browser.get("/healthz", host="evil.example").status_code == 400


def test_the_page_lists_every_address_and_how_to_get_a_token(app: FastAPI) -> None:
    browser = Browser(app)
    assert browser.get("/api").status_code == 303
    browser.login("risk-officer")
    text = browser.get("/api").text
    for path in PATHS:
        assert f"<code>{path.partition('?')[0].replace('/3', '/{seq}')}</code>" in text
    assert "fairgate people token risk-officer" in text


def test_tokens_are_made_listed_and_revoked_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairgate").mkdir()
    desk = factory.new_desk(tmp_path / ".fairgate", real=True)
    desk.accounts.database.dispose()
    (tmp_path / "password").write_text(factory.SECRET)
    (tmp_path / "wrong").write_text("not the password")
    make = ["people", "token", "risk-officer", "--label", "export", "--days", "30", "--credential-file"]
    assert main([*make, "wrong"]) == 4
    assert main([*make, "password", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["token"].startswith("fgt_")
    assert main(["people", "tokens"]) == 0
    listed = capsys.readouterr().out
    assert found["about"]["id"] in listed
    assert found["token"] not in listed
    assert main(["people", "revoke-token", found["about"]["id"]]) == 0
    assert main(["people", "revoke-token", found["about"]["id"]]) == 2
    assert main(["people", "tokens"]) == 0
    assert "revoked" in capsys.readouterr().out

"""`fairgate people link | unlink | add --issuer`: identities at a provider, at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main

ISSUER = "https://login.example"
PASSWORD = "a long enough password"
WHO = ("--issuer", ISSUER, "--subject", "248289761001")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two officers in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credential").write_text(PASSWORD)
    for name in ("FAIRGATE_PERSON", "FAIRGATE_POLICY", "FAIRGATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAIRGATE_CREDENTIAL_FILE", "credential")
    for identity, function in (("officer", "compliance"), ("risk", "model-risk")):
        assert main(["people", "add", identity, "--name", identity.title(), "--function", function]) == 0
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["people", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_one_links_ones_own_identity_with_ones_own_password(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    code, found = answer(capsys, "link", "officer", *WHO)
    assert (code, found["person"], found["issuer"]) == (0, "officer", ISSUER)
    assert answer(capsys, "link", "officer", *WHO)[1]["entry"] == found["entry"]  # once more changes nothing
    (project / "wrong").write_text("another password")
    assert answer(capsys, "link", "risk", *WHO, "--credential-file", "wrong")[0] == 4
    code, refused = answer(capsys, "link", "risk", *WHO)
    assert code == 2
    assert "is that of officer" in json.dumps(refused)


def test_a_person_of_single_sign_on_is_added_by_one_who_may(capsys: pytest.CaptureFixture[str]) -> None:
    new = ("add", "new", "--name", "New Officer", "--function", "compliance", *WHO)
    assert answer(capsys, *new)[0] == 4
    code, found = answer(capsys, *new, "--by", "officer", "--by-credential-file", "credential")
    assert (code, found["person"]["issuer"]) == (0, ISSUER)
    people = {item["id"]: item for item in answer(capsys, "list")[1]["people"]}
    assert people["new"]["issuer"] == ISSUER
    assert answer(capsys, "link", "new", "--issuer", ISSUER, "--subject", "another")[0] == 4  # no password is hers


@pytest.mark.parametrize("given", [("--issuer", ISSUER), ("--subject", "1")])
def test_half_an_identity_is_a_mistake(capsys: pytest.CaptureFixture[str], given: tuple[str, str]) -> None:
    code, found = answer(capsys, "add", "half", "--name", "Half", "--function", "legal", *given)
    assert code == 2
    assert "needs both" in json.dumps(found)


def test_an_identity_is_taken_away_by_anybody_and_may_be_anothers(capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "link", "officer", *WHO)
    code, found = answer(capsys, "unlink", *WHO)
    assert (code, found["subject"]) == (0, "248289761001")
    assert answer(capsys, "unlink", *WHO)[0] == 2
    assert answer(capsys, "link", "risk", *WHO)[1]["person"] == "risk"
    assert main(["ledger", "verify"]) == 0

"""`fairgate people password | reset`: a new password, and a colleague's forgotten one, at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flows.cli import main
from flows.settings import read_settings
from flows.wiring import open_desk
from governance.desk import Desk
from governance.errors import NotAuthorizedError
from governance.resetting import finish_reset

PASSWORD, NEW = "a long enough password", "another long password"
ISSUER = "https://login.example"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three officers in a folder of their own; two have a key, and the third was added by one of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credential").write_text(PASSWORD)
    (tmp_path / "new").write_text(f"{NEW}\n")
    for name in ("FAIRGATE_PERSON", "FAIRGATE_POLICY", "FAIRGATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAIRGATE_CREDENTIAL_FILE", "credential")
    for identity, function in (("officer", "compliance"), ("risk", "model-risk")):
        assert main(["people", "add", identity, "--name", identity.title(), "--function", function]) == 0
        _key(tmp_path, identity)
        assert main(["people", "enroll-key", "--public", f"{identity}.pub", "--as", identity]) == 0
    third = ["people", "add", "third", "--name", "Third", "--function", "compliance"]
    assert main([*third, "--by", "risk", "--by-credential-file", "credential"]) == 0
    return tmp_path


def _key(folder: Path, name: str) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(
        key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    )


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["people", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def by(who: str) -> tuple[str, ...]:
    return ("--as", who, "--key", f"{who}.pem")


def _desk() -> Desk:
    return open_desk(read_settings())


def test_she_changes_her_own_password(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    change = ("password", "third", "--new-credential-file", "new")
    code, found = answer(capsys, *change)
    assert (code, found["event"], found["person"]) == (0, "password-changed", "third")
    assert answer(capsys, *change)[0] == 4, "the old one is not hers any more"
    assert _desk().accounts.authenticate("third", NEW).id == "third"
    capsys.readouterr()
    assert main(["people", "password", "third", "--credential-file", "new", "--new-credential-file", "credential"]) == 0
    assert "Third (third) has changed her password (ledger entry" in capsys.readouterr().out
    assert main(["ledger", "verify"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("officer", "--new-credential-file", "new"), 4, "her password alone is too little"),
        (("third", "--new-credential-file", "credential"), 2, "the new password is the old one"),
        (("third", "--new-credential-file", "none"), 2, "cannot be read"),
        (("third",), 2, "use --new-credential-file"),
        (("nobody", "--new-credential-file", "new"), 4, "is wrong"),
    ],
)
def test_a_change_that_is_refused(
    arguments: tuple[str, ...], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, said = answer(capsys, "password", *arguments)
    assert found == code
    assert words in said["message"]


def test_a_key_of_her_own_is_the_second_factor(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "password", "officer", "--new-credential-file", "new", "--key", "officer.pem")[0] == 0
    entry = list(_desk().ledger.entries())[-1]
    assert entry.statement.body["authentication"] == "password and key at the command line"


def test_who_comes_in_by_single_sign_on_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    new = ("add", "anna", "--name", "Anna", "--function", "legal", "--issuer", ISSUER, "--subject", "7")
    assert answer(capsys, *new)[0] == 0
    for arguments in (
        ("password", "anna", "--new-credential-file", "new"),
        ("reset", "anna", *by("officer"), "--reason", "x"),
    ):
        code, said = answer(capsys, *arguments)
        assert code == 2
        assert f"comes in by single sign-on at {ISSUER}" in said["message"]


def test_two_reset_a_third_and_the_list_says_how_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    code, begun = answer(capsys, "reset", "third", *by("officer"), "--reason", "She called.", "--forget-factors")
    assert (code, begun["event"]) == (0, "password-reset-begun")
    capsys.readouterr()
    main(["people", "list"])
    said = capsys.readouterr().out
    waits = f"begun, waits for another person: --confirm {begun['entry']}, until 2"
    assert f"password reset by officer, with her authenticator app and passkeys: {waits}" in said
    confirm = ("reset", "third", "--confirm", str(begun["entry"]))
    assert "they are one person" in answer(capsys, *confirm, *by("officer"))[1]["message"]
    assert "must use it for this" in answer(capsys, *confirm, "--as", "risk")[1]["message"]
    assert (
        "leave --stop and --forget-factors out"
        in answer(capsys, *confirm, *by("risk"), "--forget-factors")[1]["message"]
    )
    capsys.readouterr()
    assert main(["people", *confirm, *by("risk")]) == 0
    shown = capsys.readouterr()
    assert "are FORGOTTEN" in shown.err
    assert "This half is shown this once. Give it to third yourself" in shown.out
    half = next(line.strip() for line in shown.out.splitlines() if line.startswith("  "))
    finish_reset(_desk(), "third", (half, begun["half"]), NEW)
    assert _desk().accounts.authenticate("third", NEW).id == "third"
    main(["people", "list"])
    assert (
        "password reset by officer and risk, with her authenticator app and passkeys: done on 2"
        in capsys.readouterr().out
    )
    assert [item["state"] for item in answer(capsys, "list")[1]["resets"]] == ["done"]


def test_a_reset_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    _, begun = answer(capsys, "reset", "third", *by("officer"), "--reason", "She called.")
    stop = ("reset", "third", "--stop", str(begun["entry"]), "--reason", "It was not she.")
    assert "a reason is required" in answer(capsys, *stop[:-2], "--as", "third")[1]["message"]
    code, found = answer(capsys, *stop, "--as", "third")
    assert (code, found["event"]) == (0, "password-reset-void")
    with pytest.raises(NotAuthorizedError):
        finish_reset(_desk(), "third", (begun["half"], "0" * 20), NEW)
    capsys.readouterr()
    main(["people", "list"])
    assert "password reset by officer: void on 2" in capsys.readouterr().out


def test_where_one_could_be_behind_both_the_way_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The risk officer has added the third: the officer's password cannot be reset by these two."""
    code, said = answer(capsys, "reset", "officer", *by("risk"), "--reason", "She called.")
    assert code == 2
    assert "nobody could confirm this" in said["message"]
    assert "there is third" in said["message"]
    assert "fairgate people add NEW-ID" in said["message"]

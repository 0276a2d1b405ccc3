"""A receipt alone, years later: read without a decoder, checked without Fairgate, and under no key on its own word."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import console_factory
import pytest
import report_factory as factory
from console_browser import Browser

from governance.ledger import verify_receipt
from governance.statement import Entry
from reports.receipt_files import readable


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entry, bytes]:
    """A sign-off, and the ZIP of its receipt from the console."""
    desk = factory.new_desk(tmp_path_factory.mktemp("desk"), real=True)
    factory.record_case(desk, "2")
    browser = Browser(console_factory.console_of(desk))
    browser.login("compliance-officer")
    browser.post("/sign", browser.form())
    *_, entry = desk.ledger.entries()
    return entry, browser.get(f"/entry/{entry.seq}/receipt.zip").content


@pytest.fixture
def folder(signed: tuple[Entry, bytes], tmp_path: Path) -> Path:
    zipfile.ZipFile(io.BytesIO(signed[1])).extractall(tmp_path)
    return tmp_path


def _check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As an outsider runs it: isolated, from another folder."""
    command = [sys.executable, "-I", str(folder / "verify_receipt.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)


def test_the_entry_is_there_to_read_with_who_what_when_and_why(signed: tuple[Entry, bytes], folder: Path) -> None:
    entry = signed[0]
    text = (folder / f"fairgate-entry-{entry.seq}.txt").read_text(encoding="utf-8")
    lines = text.split("\n")
    assert lines[0] == f"Entry {entry.seq} of the ledger: sign-off."
    assert (
        f"{entry.time:%Y-%m-%d %H:%M:%S} UTC Compliance Officer (compliance-officer, compliance) recorded:" in lines[1]
    )
    assert entry.statement.meaning in lines[1]
    assert f"Reason: {entry.statement.body['reason']}" in text
    assert json.loads(text[text.index("\n{") :])["predicate"]["body"] == entry.statement.body
    assert signed[0] == entry


def test_hidden_characters_in_a_name_are_written_out(signed: tuple[Entry, bytes]) -> None:
    entry = signed[0]
    payload = json.loads(base64.b64decode(json.loads(entry.envelope)["payload"]))
    payload["predicate"]["meaning"] = "M\u00fcller \u202e\0"
    outer = {"payload": base64.b64encode(json.dumps(payload, ensure_ascii=False).encode()).decode()}
    changed = Entry(entry.seq, entry.time, entry.statement, json.dumps(outer).encode(), b"", b"")
    assert '"meaning": "M\u00fcller \\u202e\\u0000"' in readable(changed)


def test_plain_python_checks_it(signed: tuple[Entry, bytes], folder: Path) -> None:
    """With the keys that came along, which it says, and with the log key from elsewhere, also out of a file."""
    keys = json.loads((folder / "keys.json").read_text())
    done = _check(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"VERIFIED: entry {signed[0].seq} of ")
    assert "on its own word" in done.stdout
    (folder / "log.vkey").write_text(keys["log_key"] + "\n")
    for key in (keys["log_key"], str(folder / "log.vkey")):
        brought = _check(folder, "--log-key", key)
        assert brought.returncode == 0
        assert "on its own word" not in brought.stdout
    assert "no file can vouch for its own key" in json.dumps(keys)
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "python verify_receipt.py" in text
    assert "no file can vouch for its own key" in " ".join(text.split())


@pytest.mark.parametrize("what", ["entry", "proof", "log key", "attestation key", "no entry", "no proof", "no keys"])
def test_what_does_not_hold_is_not_verified(
    what: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [proof] = folder.glob("*.tlog-proof")
    entry, keys = proof.with_suffix(".json"), folder / "keys.json"
    told = json.loads(keys.read_text())
    other = base64.b64encode(bytes(31) + b"\x07").decode()
    changes = {
        "entry": lambda: entry.write_bytes(entry.read_bytes().replace(b'"sig":"', b'"sig":"A', 1)),
        "proof": lambda: proof.write_text(proof.read_text().replace("index ", "index 1", 1)),
        "log key": lambda: keys.write_text(json.dumps({**told, "log_key": "other+00000000+AAAA"})),
        "attestation key": lambda: keys.write_text(json.dumps({**told, "attestation_key": other})),
        "no entry": entry.unlink,
        "no proof": proof.unlink,
        "no keys": lambda: keys.write_text(json.dumps({**told, "attestation_key": None})),
    }
    changes[what]()
    monkeypatch.setattr(verify_receipt, "HERE", Path(verify_receipt.__file__).parent)
    asked = [] if what == "no proof" else [str(proof)]
    assert verify_receipt.main([*asked, "--keys", str(keys)]) == 5
    assert capsys.readouterr().out.startswith("NOT VERIFIED: ")


def test_the_command_line_leaves_the_same_beside_its_receipts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from governance_factory import PEOPLE

    from flows.cli import main
    from flows.settings import read_settings
    from flows.wiring import open_ledger
    from governance.charter_record import key_event
    from governance.people import MACHINE

    monkeypatch.chdir(tmp_path)
    open_ledger(read_settings()).append(key_event("added", PEOPLE[0], MACHINE))
    assert main(["ledger", "receipt", "0"]) == 0
    assert "the entry to read (.txt)" in capsys.readouterr().out
    found = tmp_path / ".fairgate" / "receipts"
    [text] = found.glob("0-*.txt")
    assert text.read_text(encoding="utf-8").startswith("Entry 0 of the ledger: key-event.")
    assert _check(found).returncode == 0

"""Uploads: what a receipt, an export and an archive prove in words; hostile files; and bodies larger than forms."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import life_factory as life
import pytest
import report_factory as factory
from console_browser import Browser
from fastapi import FastAPI
from ledger_factory import ledger_at, sign_off
from upload_factory import key_of, ledger_of, receipt_of, send, zipped

from governance.case import open_case
from governance.desk import Desk
from governance.digests import digest_bytes
from governance.ledger.checkpoint import log_key
from governance.ledger.export import export
from governance.ledger.receipt import write_proof
from governance.ledger.sql import SqlLedger
from governance.ledger.unpacked import MAX_MEMBERS
from reports.bundle import LedgerSource, write_bundle
from reports.console import upload as uploads
from reports.console.app import create_app
from reports.console.outside import Outside
from reports.console.upload import Upload, examined
from reports.evidence import gather
from reports.formats import Format
from reports.publish import published_evidence
from reports.report import report_of


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return life.lived(tmp_path_factory.mktemp("desk"), monitored=1, real=True)


@pytest.fixture(scope="module")
def app(desk: Desk) -> FastAPI:
    return create_app(desk, secure_cookies=False, outside=Outside(log_key=key_of(desk)))


@pytest.fixture(scope="module")
def browser(app: FastAPI) -> Browser:
    made = Browser(app)
    made.login("risk-officer")
    return made


@pytest.fixture(scope="module")
def exported(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("export") / "ledger.jsonl"
    export(ledger_of(desk), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def receipt(desk: Desk) -> dict[str, bytes]:
    return receipt_of(desk)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SqlLedger:
    """Another ledger, under other keys."""
    ledger = ledger_at(tmp_path_factory.mktemp("stranger"))
    for number in range(3):
        ledger.append(sign_off(number))
    return ledger


# --- what holds ----------------------------------------------------------------------------------------------------


def test_a_receipt_says_what_it_proves_against_what_and_what_it_does_not(
    browser: Browser, receipt: dict[str, bytes], desk: Desk
) -> None:
    text = send(browser, receipt).text
    assert ">Verified<" in text
    assert "What it proves" in text
    assert "still holds all of it, unchanged" in text
    assert "What it does not prove" in text
    assert "later entries can withdraw, refuse or replace it" in text
    assert key_of(desk) in text
    assert "I approve the release of hiring v2" in text


def test_an_archive_of_a_receipt_an_export_and_evidence_is_answered_file_by_file(
    browser: Browser, receipt: dict[str, bytes], exported: bytes, desk: Desk
) -> None:
    audit = (factory.GOLDEN / "hiring_v2_audit.json").read_bytes()
    files = {"deep/a/14.json": receipt["14.json"], "deep/a/14.tlog-proof": receipt["14.tlog-proof"]}
    data = zipped({**files, "ledger.jsonl": exported, "audit.json": audit, "report.pdf": b"%PDF"})
    text = send(browser, {"bundle.zip": data}).text
    assert ">Verified<" in text
    assert text.count('badge-met">verified') == 2
    assert text.count("audit-report of entry") == 2
    assert text.count("by no entry") == 2
    assert f"Each of its {desk.ledger.size()} entries" in text


def test_under_a_key_that_was_brought_nothing_is_said_of_this_console(
    browser: Browser, stranger: SqlLedger, tmp_path: Path
) -> None:
    export(stranger, tmp_path / "other.jsonl")
    key = f"{log_key(stranger.keys.log.public)}"
    text = send(browser, {"other.jsonl": (tmp_path / "other.jsonl").read_bytes()}, log_key=key).text
    assert ">Verified<" in text
    assert "It is not the log key of this console" in text
    assert "this console&#39;s ledger still" not in text


def bundle(desk: Desk, *, published: bool = False) -> dict[str, bytes]:
    """The evidence bundle of the released version, as files by name."""
    case = open_case(desk, "hiring", "2", "champion")
    evidence = gather(desk, case)
    source = LedgerSource(
        entries=tuple(desk.ledger.entries(digest=case.subject.digest)),
        receipt=desk.ledger.receipt,
        export=lambda path: export(ledger_of(desk), path),
        evidence=desk.evidence,
    )
    stream = io.BytesIO()
    report = report_of(published_evidence(evidence) if published else evidence)
    write_bundle(stream, report, source, (Format.JSON, Format.MARKDOWN))
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_evidence_bundle_is_checked_whole_with_its_receipts_its_export_and_its_evidence(
    browser: Browser, desk: Desk
) -> None:
    files = bundle(desk)
    receipts = sum(name.endswith(".tlog-proof") for name in files)
    text = send(browser, {"bundle.zip": zipped(files)}).text
    assert ">Verified<" in text
    assert "compared</span>" in text
    assert text.count('badge-met">verified') == receipts + 1
    assert f'badge-met">{receipts} of {receipts} verified' in text
    said = re.findall(r'<p class="lead">(.*?)</p>', text)[0]
    assert said.startswith(
        f"Of hiring v2 as champion in local: {receipts} of {receipts} receipts hold and 1 of 1 export"
    )
    assert "The newest, entry " in said and re.search(r"Looked at on 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\.$", said)
    for once in ("Exactly these bytes stood", "later entries can withdraw", "still holds all of it", "was recorded so"):
        assert text.count(once) == (2 if once.startswith("still") else 1), once  # the export is still held too
    assert text.index(said) < text.index("What it proves") < text.index("Receipts, one by one")
    assert re.search(r"evidence/[0-9a-f]{64}.*?audit-report of entry", text, re.DOTALL)
    for name, words in (
        ("report/report.json", "is not the record"),
        ("report/report.md", "report/report.md was changed"),
    ):
        other = send(browser, {"bundle.zip": zipped({**files, name: files[name] + b" "})}).text
        assert ">Not verified<" in other
        assert words in other
    for changed_files, words in (
        ({**files, "more.txt": b"x"}, "more.txt is in the folder and not in the manifest"),
        ({name: data for name, data in files.items() if name != "README.txt"}, "README.txt is missing"),
    ):
        assert words in send(browser, {"bundle.zip": zipped(changed_files)}).text


def test_a_bundle_for_publication_proves_places_without_what_stands_there(browser: Browser, desk: Desk) -> None:
    files = bundle(desk, published=True)
    text = send(browser, {"bundle.zip": zipped(files)}).text
    assert ">Verified in part: what this bundle keeps back could not be compared<" in text
    assert "Not compared: numbers, names and decisions" in text
    assert "complete</span>" not in text
    assert "lists its leaf hash alone" in text
    assert "Bytes with exactly this leaf hash stood" in text and "Exactly these bytes" not in text
    leaves = files["ledger/leaves.json"]
    place = leaves.index(b'"leaf": "') + 9
    forged = leaves[:place] + (b"0" if leaves[place : place + 1] != b"0" else b"1") + leaves[place + 1 :]
    assert (
        "no entry with the leaf hash" in send(browser, {"b.zip": zipped({**files, "ledger/leaves.json": forged})}).text
    )


def test_a_bundle_without_a_receipt_proves_nothing(browser: Browser, desk: Desk) -> None:
    record = b"{}"
    says = {"format": "urn:fairgate:evidence-bundle:v1", "title": "t", "record_digest": digest_bytes(record)}
    listed = {**says, "files": [{"name": "report/report.json", "sha256": digest_bytes(record), "size": 2}]}
    files = {"report/report.json": record, "manifest.json": json.dumps(listed).encode()}
    text = send(browser, {"b.zip": zipped(files)}).text
    assert ">Verified<" not in text
    assert "is not written as it should be" in text
    broken = json.dumps({**says, "files": [1]}).encode()
    assert "is not written as it should be" in send(browser, {"b.zip": zipped({**files, "manifest.json": broken})}).text


# --- what does not -------------------------------------------------------------------------------------------------


def test_an_export_of_another_ledger_holds_in_itself_and_no_more(
    browser: Browser, stranger: SqlLedger, tmp_path: Path
) -> None:
    export(stranger, tmp_path / "other.jsonl")
    text = send(browser, {"other.jsonl": (tmp_path / "other.jsonl").read_bytes()}).text
    assert ">Verified<" not in text
    assert "under a key that this console does not vouch for" in text
    assert "Bring the log key of that ledger" in text


def test_a_receipt_of_another_ledger_is_told_as_such(browser: Browser, stranger: SqlLedger) -> None:
    entry = next(stranger.entries())
    proof = write_proof(stranger.receipt(0)).encode()
    text = send(browser, {"0.json": entry.envelope, "0.tlog-proof": proof}).text
    assert ">Not verified<" in text
    assert "another ledger&#39;s" in text


def test_a_ledger_that_was_rolled_back_is_an_alarm(
    desk: Desk, receipt: dict[str, bytes], exported: bytes, tmp_path: Path
) -> None:
    """The console runs on a copy that ends before the checkpoints that were kept."""
    keys = ledger_of(desk).keys
    short = SqlLedger(f"sqlite:///{tmp_path / 'short.db'}", keys, desk.clock)
    for entry in list(desk.ledger.entries())[:9]:
        short.append(entry.statement)
    console = create_app(
        dataclasses.replace(desk, ledger=short), secure_cookies=False, outside=Outside(log_key=key_of(desk))
    )
    browser = Browser(console)
    browser.login("risk-officer")
    for files in (receipt, {"ledger.jsonl": exported}):
        text = send(browser, files).text
        assert "does not hold what these files prove" in text
        assert "are gone. It was rolled back" in text
        assert 'role="alert"' in text
    while short.size() < desk.ledger.size() + 1:
        short.append(sign_off(short.size()))
    text = send(browser, receipt).text
    assert "is not that of the receipt" in text
    assert "are not those that the log key signed" in text


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def hostile(receipt: dict[str, bytes], exported: bytes) -> Iterator[tuple[str, dict[str, bytes], str]]:
    """(what, files, words of the answer)."""
    proof, envelope = receipt["14.tlog-proof"], receipt["14.json"]
    link = zipfile.ZipInfo("14.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    linked = io.BytesIO()
    with zipfile.ZipFile(linked, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    twice = zipped({"a.json": b"1", "b.json": b"2"}, zipfile.ZIP_STORED).replace(b"b.json", b"a.json")
    secret = bytearray(zipped({"a": b"x"}))
    at = secret.index(b"PK\x01\x02") + 8
    secret[at : at + 2] = struct.pack("<H", 1)
    deep = b'{"format":"fairgate-ledger-export","a":' + b"[" * 100_000
    lines = exported.split(b"\n")
    other_byte = base64.b64encode(
        base64.b64decode(json.loads(lines[3])["envelope"]).replace(b"payloadType", b"payloadtype")
    )
    yield "nothing known", {"x.txt": b"hello"}, "Nothing here can be verified"
    yield "empty file", {"x.json": b""}, "Nothing here can be verified"
    yield "a proof alone", {"14.tlog-proof": proof}, "send both"
    yield "changed entry", {"14.json": envelope + b" ", "14.tlog-proof": proof}, "one of the two files was changed"
    yield (
        "changed proof",
        {"14.json": envelope, "14.tlog-proof": changed(proof, b"index 1", b"index 2")},
        "Not verified",
    )
    yield "truncated proof", {"14.json": envelope, "14.tlog-proof": proof[:90]}, "Not verified"
    yield "binary proof", {"14.json": envelope, "14.tlog-proof": proof[:30] + b"\xff\x00"}, "Not verified"
    yield "endless proof", {"14.json": envelope, "14.tlog-proof": proof + b"A" * 200_000}, "is over 131,072 bytes"
    yield "truncated export", {"l.jsonl": exported[:-300]}, "Not verified"
    yield "export without its end", {"l.jsonl": b"\n".join(lines[:-3]) + b"\n"}, "are not here"
    yield (
        "export with another entry",
        {"l.jsonl": exported.replace(json.loads(lines[3])["envelope"].encode(), other_byte)},
        "entry 2",
    )
    yield "entries swapped", {"l.jsonl": b"\n".join([lines[0], lines[2], lines[1], *lines[3:]])}, "Not verified"
    yield "header alone", {"l.jsonl": lines[0] + b"\n"}, "Not verified"
    yield "deep JSON", {"l.jsonl": deep}, "is not an export of a ledger"
    yield (
        "a million entries",
        {"l.jsonl": lines[0] + b"\n" + b'{"envelope":"AAAA","seq":0}\n' * 1_000_000},
        "reading ended",
    )
    yield "a line without end", {"l.jsonl": lines[0] + b"\n" + b"A" * 3_000_000}, "reading ended"
    yield "bomb", {"b.zip": zipped({f"{n}": bytes(40 * 1024**2) for n in range(7)})}, "more than 256 MiB"
    half = zipped({f"{n}": bytes(40 * 1024**2) for n in range(4)})
    yield "a bomb in two parts", {"a.zip": half, "b.zip": half}, "more than 256 MiB"
    yield "a symbolic link", {"b.zip": linked.getvalue()}, "is a link or a special file"
    yield "a name twice", {"b.zip": twice}, "stands twice"
    yield "a way out", {"b.zip": zipped({"../../etc/cron.d/x": b"x"})}, "outside itself"
    yield "an absolute name", {"b.zip": zipped({"/etc/passwd": b"x"})}, "outside itself"
    yield "a way out of Windows", {"b.zip": zipped({"..\\x": b"x"})}, "outside itself"
    yield "encrypted", {"b.zip": bytes(secret)}, "encrypted"
    yield "too many members", {"b.zip": zipped({f"{n}": b"" for n in range(MAX_MEMBERS + 1)})}, "at most 2,000"
    yield "truncated ZIP", {"b.zip": zipped({"a": bytes(9_999)})[:-40]}, "cannot be read to its end"
    yield "no ZIP", {"b.zip": b"PK\x03\x04" + bytes(300)}, "cannot be read to its end"
    yield "an archive in an archive", {"b.zip": zipped({"a.zip": zipped({"l.jsonl": exported})})}, "Nothing here can be"
    yield "a hostile name", {'<img src=x onerror="a">\u202e.json': b"x"}, "Nothing here can be verified"


def test_hostile_files_get_a_clear_answer(
    browser: Browser, receipt: dict[str, bytes], exported: bytes, record_property: Any
) -> None:
    cases = list(hostile(receipt, exported))
    for what, files, words in cases:
        answer = send(browser, files)
        assert answer.status_code == 200, what
        assert words in answer.text, what
        assert ">Verified<" not in answer.text, what
        assert "still holds all of it" not in answer.text, what
        assert "<img" not in answer.text, what
        assert "/tmp/" not in answer.text, what
    record_property("hostile uploads", len(cases))
    assert len(cases) == 29


def test_looking_is_stopped_when_it_takes_too_long(
    exported: bytes, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sent-0").write_bytes(exported)
    upload = Upload(tmp_path, (("l.jsonl", "sent-0"),), {})
    found = examined(upload, key_of(desk), seconds=0.001)
    assert "was stopped" in found.problems[0]
    monkeypatch.setattr(uploads, "_command", lambda: ["/bin/false"])
    assert "broke off" in examined(upload, key_of(desk)).problems[0]

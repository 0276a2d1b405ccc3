"""Bundles of a forger who writes every list and digest anew: neither verifier lets one pass, and honest ones pass."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import format_factory as formats
import pytest
import report_factory as factory
from upload_factory import key_of, ledger_of

from governance.case import open_case
from governance.desk import Desk
from governance.ledger.examined import BUNDLE, Seen, examine
from governance.ledger.export import export
from governance.ledger.unpacked import Member
from governance.ledger.verify_bundle import REPORTS
from reports.bundle import LedgerSource, write_bundle
from reports.evidence import gather
from reports.formats import Format
from reports.publish import published_evidence
from reports.report import report_of

RECORD = "report/report.json"


def _desk(folder: Path, version: str, act: str = "") -> Desk:
    desk = factory.new_desk(folder, real=True)
    case = formats.ruled_case(desk, "nyc-ll144") if act == "ruled" else factory.record_case(desk, version)
    if act in {"approve", "refuse"}:
        for person, function in (("compliance-officer", "compliance"), ("risk-officer", "model-risk")):
            factory.put_signature(desk, case, person, function, act)
            if act == "refuse":
                break
    return desk


def _unpack(desk: Desk, version: str, folder: Path, *, published: bool = False, pdf: bool = False) -> Path:
    case = open_case(desk, "hiring", version, "champion")
    evidence = gather(desk, case)
    source = LedgerSource(
        entries=tuple(desk.ledger.entries(digest=case.subject.digest)),
        receipt=desk.ledger.receipt,
        export=lambda path: export(ledger_of(desk), path),
        evidence=desk.evidence,
    )
    stream = io.BytesIO()
    report = report_of(published_evidence(evidence) if published else evidence)
    write_bundle(stream, report, source, [form for form in Format if pdf or form is not Format.PDF])
    zipfile.ZipFile(stream).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return _desk(tmp_path_factory.mktemp("desk"), "2", "approve")


@pytest.fixture(scope="module")
def honest(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpack(desk, "2", tmp_path_factory.mktemp("honest"), pdf=True)


def _script(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(folder / "verify_bundle.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _console(folder: Path, desk: Desk, place: Path) -> Seen:
    """What the console's process finds in the folder as a ZIP."""
    place.mkdir()
    path = place / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for item in sorted(x for x in folder.rglob("*") if x.is_file()):
            archive.write(item, item.relative_to(folder).as_posix())
    found = examine([Member("b.zip", path)], place, key_of(desk))
    return next(item for item in found.seen if item.kind == BUNDLE)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sealed(folder: Path) -> None:
    """Every list anew, and in every text the digest of the record as it is now."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    old, new = manifest["record_digest"], f"sha256:{_sha((folder / RECORD).read_bytes())}"
    for path in [*(folder / "report").iterdir(), folder / "README.txt"]:
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    names = sorted(x.relative_to(folder).as_posix() for x in folder.rglob("*") if x.is_file())
    listed = [name for name in names if name not in {"manifest.json", "SHA256SUMS"}]
    (folder / "SHA256SUMS").write_text("".join(f"{_sha((folder / x).read_bytes())}  {x}\n" for x in listed))
    files = []
    for name in [*listed, "SHA256SUMS"]:
        data = (folder / name).read_bytes()
        files.append({"name": name, "sha256": f"sha256:{_sha(data)}", "size": len(data)})
    (folder / "manifest.json").write_text(json.dumps({**manifest, "record_digest": new, "files": files}))


def _in_record(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def forge(folder: Path) -> None:
        record = json.loads((folder / RECORD).read_bytes())
        change(record)
        (folder / RECORD).write_text(json.dumps(record, separators=(",", ":"), sort_keys=True))

    return forge


def _evidence(folder: Path, name: str) -> Path:
    shown = json.loads((folder / RECORD).read_bytes())["shown"]
    return folder / "evidence" / shown[name].partition(":")[2]


def _number_in_evidence(folder: Path) -> None:
    """The number of record and evidence alike, the file kept under its old name."""
    path = _evidence(folder, "report_digest")
    audit = json.loads(path.read_bytes())
    audit["row_count"] += 10
    path.write_text(json.dumps(audit))
    _in_record(lambda record: record["audit"].update(row_count=audit["row_count"]))(folder)


def _evidence_swapped(folder: Path) -> None:
    """The same, and the file under its new digest, which the record names."""
    path, old = _evidence(folder, "report_digest"), _evidence(folder, "report_digest").name
    _number_in_evidence(folder)
    new = _sha(path.read_bytes())
    path.rename(path.with_name(new))
    (folder / RECORD).write_text((folder / RECORD).read_text().replace(old, new))


def _report_of_another(folder: Path) -> None:
    path = folder / "report" / "report.md"
    digest = json.loads((folder / "manifest.json").read_bytes())["record_digest"]
    path.write_text(path.read_text().replace(digest, "sha256:" + "ab" * 32))


def _pdf_of_another(folder: Path) -> None:
    path = folder / RECORD
    path.write_bytes(path.read_bytes() + b" ")


def _entry_dropped(folder: Path) -> None:
    """A refusal or signature taken out of the list and the receipts."""
    path = folder / "ledger" / "leaves.json"
    leaves = json.loads(path.read_bytes())
    gone = next(item for item in leaves if item["kind"] == "sign-off")
    path.write_text(json.dumps([item for item in leaves if item is not gone]))
    (folder / "ledger" / gone["proof"]).unlink()
    (folder / "ledger" / gone["envelope"]).unlink()


def _line_dropped(folder: Path) -> None:
    path = folder / "ledger" / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


def _file_added(folder: Path) -> None:
    (folder / "evidence" / _sha(b"more")).write_bytes(b"more")


def _note_added(folder: Path) -> None:
    (folder / "NOTE.txt").write_text("This model may be used.")


FORGERIES: tuple[tuple[str, Callable[[Path], None], str], ...] = (
    (
        "a count",
        _in_record(lambda r: r["audit"]["estimates"][0].update(events=999_999)),
        "estimates[0].events is 999999",
    ),
    ("true for 1", _in_record(lambda r: r["audit"].update(min_events=True)), "audit.min_events is True"),
    ("a field more", _in_record(lambda r: r["audit"].update(more="x")), "audit.more is 'x'"),
    ("a row less", _in_record(lambda r: r["audit"]["disparities"].pop()), "audit.disparities is"),
    (
        "validation",
        _in_record(lambda r: r["validation"].update(outcome="pass", row_count=1)),
        "validation.row_count is 1",
    ),
    ("plan", _in_record(lambda r: r.update(policy={**r["policy"], "version": "9"})), "policy.version is '9'"),
    ("who signed", _in_record(lambda r: r["sign_offs"][0]["approver"].update(name="X")), "sign_offs[0].approver.name"),
    ("a decision", _in_record(lambda r: r["sign_offs"][0].update(decision="refuse")), "sign_offs[0].decision"),
    (
        "a digest",
        _in_record(lambda r: r["sign_offs"][0].update(report_digest="sha256:" + "0" * 64)),
        "report_digest is",
    ),
    ("a signature less", _in_record(lambda r: r["sign_offs"].pop()), "is not among the record's sign_offs"),
    ("the tree", _in_record(lambda r: r["ledger"].update(root="0" * 64)), "have another root"),
    ("number in the evidence", _number_in_evidence, "is not the file of that digest"),
    ("evidence swapped", _evidence_swapped, "is named by no entry of the ledger"),
    ("a report of another record", _report_of_another, "report.md does not print the digest of this record"),
    ("the PDF of another record", _pdf_of_another, "carries another record"),
    ("an entry dropped", _entry_dropped, "has no receipt in the bundle"),
    ("a line of the export", _line_dropped, "is not the ledger of the receipts"),
    ("evidence added", _file_added, "is named by no entry"),
    ("a file added", _note_added, "is no part of an evidence bundle"),
    ("evidence lost", lambda folder: _evidence(folder, "report_digest").unlink(), "(audit) is missing"),
)


@pytest.mark.parametrize(("forge", "said"), [item[1:] for item in FORGERIES], ids=[item[0] for item in FORGERIES])
def test_a_forger_who_writes_every_list_anew_is_refused_by_both_verifiers(
    honest: Path, desk: Desk, tmp_path: Path, forge: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(honest, folder)
    forge(folder)
    _sealed(folder)
    done = _script(folder)
    assert done.returncode == 5
    assert said in done.stdout
    assert "\nVERIFIED" not in f"\n{done.stdout}"
    assert any(said in item for item in _console(folder, desk, tmp_path / "sent").problems)


def test_to_seal_an_honest_bundle_anew_is_no_forgery(honest: Path, tmp_path: Path) -> None:
    """Else a table above could be refused because of the sealing."""
    folder = tmp_path / "sealed"
    shutil.copytree(honest, folder)
    _sealed(folder)
    assert _script(folder).returncode == 0


@pytest.mark.parametrize(
    ("version", "act", "published"),
    [
        ("1", "", False),
        ("2", "approve", False),
        ("2", "refuse", False),
        ("2", "ruled", False),
        ("2", "approve", True),
    ],
    ids=["held", "signed", "refused", "with a rule", "published"],
)
def test_honest_bundles_pass_both(tmp_path: Path, version: str, act: str, *, published: bool) -> None:
    made = _desk(tmp_path / "desk", version, act)
    folder = _unpack(made, version, tmp_path / "bundle", published=published)
    done = _script(folder)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("HOLDS IN PART" if published else "VERIFIED as listed here")
    seen = _console(folder, made, tmp_path / "sent")
    assert (seen.problems, seen.whole) == ((), not published)


def test_the_script_knows_every_format() -> None:
    assert {f"report/report.{form.suffix}" for form in Format} == REPORTS

"""The evidence bundle, unpacked by an outsider; and the command that writes reports."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import format_factory as formats
import pytest
import report_factory as factory

from governance.desk import Desk
from governance.ledger import verify_bundle
from governance.ledger.export import export
from governance.ledger.tree import leaf_hash
from reports.bundle import LedgerSource, write_bundle
from reports.evidence import gather
from reports.formats import Format
from reports.publish import published_evidence
from reports.report import report_of

FORMS = tuple(form for form in Format if form is not Format.PDF)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = factory.new_desk(tmp_path_factory.mktemp("desk"), real=True)
    formats.ruled_case(made, "nyc-ll144")
    return made


def _bundle(desk: Desk, *, published: bool = False) -> tuple[bytes, tuple[str, ...]]:
    from governance.case import open_case

    case = open_case(desk, "hiring", "2", "champion")
    evidence = gather(desk, case)
    report = report_of(published_evidence(evidence) if published else evidence)
    source = LedgerSource(
        entries=tuple(desk.ledger.entries(digest=case.subject.digest)),
        receipt=desk.ledger.receipt,
        export=lambda path: export(desk.ledger, path),  # type: ignore[arg-type]
        evidence=desk.evidence,
    )
    stream = io.BytesIO()
    left_out = write_bundle(stream, report, source, FORMS)
    return stream.getvalue(), left_out


@pytest.fixture(scope="module")
def unpacked(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outsider")
    zipfile.ZipFile(io.BytesIO(_bundle(desk)[0])).extractall(folder)
    return folder


def _verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain Python: isolated, no site-packages, nothing of Fairgate on the path."""
    command = [sys.executable, "-I", "-S", str(folder / "verify_bundle.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_an_outsider_verifies_it_with_plain_python(unpacked: Path) -> None:
    done = _verify(unpacked)
    assert done.stdout.startswith("VERIFIED as listed here\n"), done.stdout + done.stderr
    assert "compared: the record's audit with its evidence sha256:" in done.stdout
    assert "not compared: signatures of entries" in done.stdout
    assert done.returncode == 0


def test_the_ledgers_own_script_verifies_the_signatures_and_each_receipt(unpacked: Path) -> None:
    receipts = sorted((unpacked / "ledger" / "receipts").glob("*.tlog-proof"))
    assert len(receipts) >= 5
    script = str(unpacked / "ledger" / "verify_export.py")
    asked = [option for path in receipts for option in ("--receipt", str(path))]
    command = [sys.executable, "-I", script, str(unpacked / "ledger" / "ledger.jsonl"), *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_ledgers_own_script_finds_the_ledger_and_every_receipt_by_itself(unpacked: Path, tmp_path: Path) -> None:
    """The one command of the read-me, from a folder elsewhere; and a receipt that was changed is found by it."""
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    receipts = sorted((copy / "ledger" / "receipts").glob("*.tlog-proof"))
    assert "\n       python ledger/verify_export.py\n" in (copy / "README.txt").read_text(encoding="utf-8")
    command = [sys.executable, "-I", str(copy / "ledger" / "verify_export.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n  {len(receipts)} receipts; log key " in done.stdout
    _changed(receipts[-1].with_suffix(".json"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 5
    assert receipts[-1].name in done.stdout


def test_what_is_in_it_and_what_the_read_me_says(unpacked: Path, desk: Desk) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    for form in FORMS:
        assert f"report/report.{form.suffix}" in names
    text = (unpacked / "README.txt").read_text(encoding="utf-8")
    manifest = json.loads((unpacked / "manifest.json").read_text())
    record = (unpacked / "report" / "report.json").read_bytes()
    assert "sha256:" + hashlib.sha256(record).hexdigest() == manifest["record_digest"]
    assert manifest["record_digest"] in text
    assert all(item in text for item in manifest["left_out"])
    assert "@" not in text.replace("@champion", "")
    shown = json.loads(record)["shown"]
    assert (unpacked / "evidence" / shown["report_digest"].partition(":")[2]).is_file()
    assert (unpacked / "evidence" / desk.policy.digest.partition(":")[2]).is_file()


def test_sha256sum_checks_every_file_but_the_lists(unpacked: Path) -> None:
    lines = (unpacked / "SHA256SUMS").read_text().splitlines()
    for line in lines:
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert names == {line.split("  ", 1)[1] for line in lines} | {"SHA256SUMS", "manifest.json"}


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_one_changed_byte_of_any_file_is_found(unpacked: Path, tmp_path: Path) -> None:
    files = sorted(path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file())
    kept = [name for name in files if name.name not in {"manifest.json", "verify_bundle.py"}]
    for name in kept:
        (tmp_path / name.name).write_bytes((unpacked / name).read_bytes())
        _changed(unpacked / name)
        found = verify_bundle.check(files_of(unpacked)).problems
        (unpacked / name).write_bytes((tmp_path / name.name).read_bytes())
        assert any(name.as_posix() in line for line in found), name


def _rewritten(folder: Path) -> None:
    """A forger who also mends the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for item in manifest["files"]:
        data = (folder / item["name"]).read_bytes()
        item |= {"size": len(data), "sha256": "sha256:" + hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _drop(folder: Path) -> None:
    next((folder / "evidence").iterdir()).unlink()


def _add(folder: Path) -> None:
    (folder / "report" / "more.html").write_text("x")


def _record(folder: Path) -> None:
    _changed(folder / "report" / "report.json")
    text = (folder / "report" / "report.json").read_bytes()
    (folder / "report" / "report.json").write_bytes(text.replace(b"HELD", b"FREE"))
    _rewritten(folder)


def _entry(folder: Path) -> None:
    _changed(next((folder / "ledger" / "receipts").glob("*.json")))
    _rewritten(folder)


def _no_json(folder: Path) -> None:
    (folder / "ledger" / "leaves.json").write_text("[{")
    _rewritten(folder)


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _leaf(folder: Path) -> None:
    path = folder / "ledger" / "leaves.json"
    leaves = json.loads(path.read_text())
    leaves[0]["leaf"] = "00" * 32
    path.write_text(json.dumps(leaves))
    _rewritten(folder)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (_drop, "is missing"),
        (_add, "is in the folder and not in the manifest"),
        (_record, "is not the record"),
        (_entry, "is not the entry that leaves.json names"),
        (_leaf, "does not prove entry"),
        (_no_json, "is not written as it should be"),
        (_no_manifest, "manifest.json is missing"),
    ],
)
def test_a_forger_who_mends_the_manifest_is_found(
    unpacked: Path, tmp_path: Path, attack: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(unpacked, folder)
    attack(folder)
    done = _verify(folder)
    assert done.returncode == 5
    assert said in done.stdout


def test_the_same_record_and_ledger_give_the_same_bytes(desk: Desk) -> None:
    case = gather(desk, formats.open_case(desk, "hiring", "2", "champion"))
    report = report_of(case)
    source = LedgerSource(
        tuple(desk.ledger.entries(digest=case.case.subject.digest)),
        desk.ledger.receipt,
        lambda path: export(desk.ledger, path),  # type: ignore[arg-type]
        desk.evidence,
    )
    made = []
    for _ in range(2):
        stream = io.BytesIO()
        write_bundle(stream, report, source, (Format.JSON, Format.MARKDOWN))
        made.append(stream.getvalue())
    assert made[0] == made[1]
    times = {info.date_time for info in zipfile.ZipFile(io.BytesIO(made[0])).infolist()}
    at = report.view.at
    assert times == {(at.year, at.month, at.day, at.hour, at.minute, at.second // 2 * 2)}


def test_a_bundle_for_publication_keeps_the_ledgers_content_back(desk: Desk, tmp_path: Path) -> None:
    data, left_out = _bundle(desk, published=True)
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    assert not [name for name in names if name.startswith("evidence/") or name.endswith("ledger.jsonl")]
    assert not [name for name in names if name.startswith("ledger/receipts/") and name.endswith(".json")]
    assert [name for name in names if name.endswith(".tlog-proof")]
    assert any("not for publication" in item for item in left_out)
    assert any(item.startswith("ll144-csv: ") for item in left_out)
    everything = b"".join(archive.read(name) for name in names)
    assert b"I read the report and the intervals" not in everything
    assert "the ledger's export, the entries and the evidence files" in archive.read("README.txt").decode()
    archive.extractall(tmp_path)
    done = _verify(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("HOLDS IN PART: not everything could be compared\n")
    assert "VERIFIED" not in done.stdout


def test_the_path_to_the_root_is_that_of_the_ledger() -> None:
    """Against the ledger's own tree, for every place of trees of 1 to 40 leaves."""
    from governance.ledger.tree import inclusion_proof, root_of_leaves

    chance = random.Random(1)
    for size in range(1, 41):
        leaves = [leaf_hash(chance.randbytes(8)) for _ in range(size)]
        for seq in range(size):
            steps = list(inclusion_proof(leaves, seq))
            assert verify_bundle._root(leaves[seq], seq, size, steps) == root_of_leaves(leaves)
            assert verify_bundle._root(leaves[seq], seq, size, [*steps, leaves[0]]) != root_of_leaves(leaves)
    assert verify_bundle._root(b"", 3, 3, []) == b""

"""The evidence bundle: one ZIP with every format, the ledger, the receipts and what an outsider needs to check them.

Written as a stream, a file at a time. The same report and the same ledger give the same bytes: names are in order, and
every file carries the time of the record. A bundle for publication holds what may be published and nothing more: the
ledger's entries repeat counts and reasons, so that it gives their hashes and proofs alone, and says so.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from governance.digests import digest_bytes
from governance.errors import ConfigurationError
from governance.evidence import EvidenceStore
from governance.ledger import verify_export
from governance.ledger.checkpoint import Receipt
from governance.ledger.receipt import write_proof
from governance.statement import Entry
from reports import verify_bundle
from reports.formats import Format, applies, write
from reports.report import Report
from reports.templating import TEMPLATES

FORMAT = "urn:fairgate:evidence-bundle:v1"
RECORD = verify_bundle.RECORD
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """What a bundle takes from the ledger and the evidence store.

    `entries` are those about the case, `receipt` gives the proof of one, `export` writes the whole ledger to a new
    file.
    """

    entries: tuple[Entry, ...]
    receipt: Callable[[int], Receipt]
    export: Callable[[Path], object]
    evidence: EvidenceStore


@dataclass(slots=True)
class _Zip:
    """A ZIP under way, and what went into it."""

    archive: zipfile.ZipFile
    time: tuple[int, int, int, int, int, int]
    written: list[dict[str, object]] = field(default_factory=list)

    def add(self, name: str, data: bytes) -> None:
        with self.archive.open(self._info(name), "w") as stream:
            stream.write(data)
        self.written.append({"name": name, "sha256": digest_bytes(data), "size": len(data)})

    def add_file(self, name: str, path: Path) -> None:
        seen, size = hashlib.sha256(), 0
        with path.open("rb") as source, self.archive.open(self._info(name), "w", force_zip64=True) as stream:
            while chunk := source.read(_CHUNK):
                seen.update(chunk)
                size += len(chunk)
                stream.write(chunk)
        self.written.append({"name": name, "sha256": f"sha256:{seen.hexdigest()}", "size": size})

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self.time)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        info.create_system = 3
        return info


def write_bundle(stream: BinaryIO, report: Report, source: LedgerSource, forms: Sequence[Format]) -> tuple[str, ...]:
    """Write the bundle with these formats; returns what was left out, each in a sentence that the bundle repeats.

    Raises the errors of a ledger that cannot be exported and of evidence that was changed.
    """
    at = report.view.at.astimezone(UTC)
    with zipfile.ZipFile(stream, "w") as archive:
        # A ZIP counts seconds by two.
        bundle = _Zip(archive, (at.year, at.month, at.day, at.hour, at.minute, at.second // 2 * 2))
        left_out = [*_formats(bundle, report, forms), *_ledger(bundle, report, source)]
        bundle.add("verify_bundle.py", Path(verify_bundle.__file__).read_bytes())
        bundle.add("README.txt", _read_me(report, left_out))
        bundle.add("SHA256SUMS", _sums(bundle.written))
        bundle.add("manifest.json", _manifest(report, left_out, bundle.written))
    return tuple(left_out)


def _formats(bundle: _Zip, report: Report, forms: Sequence[Format]) -> Iterator[str]:
    for form in forms:
        if not applies(report, form):
            yield f"{form}: the audit has no table of this rule, or none that may be published here"
            continue
        try:
            bundle.add(f"report/report.{form.suffix}", write(report, form))
        except ConfigurationError as error:  # a system without Pango still gives a bundle
            yield f"{form}: {error}"


def _ledger(bundle: _Zip, report: Report, source: LedgerSource) -> Iterator[str]:
    """The ledger and the receipts of the case's entries; for publication the proofs without the entries."""
    whole = not report.view.published
    leaves = []
    for entry in source.entries:
        name = f"receipts/{entry.seq}-{digest_bytes(entry.envelope).removeprefix('sha256:')[:12]}"
        bundle.add(f"ledger/{name}.tlog-proof", write_proof(source.receipt(entry.seq)).encode())
        leaf = {"seq": entry.seq, "leaf": entry.leaf_hash.hex(), "proof": f"{name}.tlog-proof"}
        leaf |= {"kind": entry.statement.predicate_type.word, "time": entry.time.isoformat()}
        if whole:
            bundle.add(f"ledger/{name}.json", entry.envelope)
            leaf["envelope"] = f"{name}.json"
        leaves.append(leaf)
    bundle.add("ledger/leaves.json", _json(leaves))
    bundle.add("ledger/verify_export.py", Path(verify_export.__file__).read_bytes())
    if not whole:
        yield (
            "the ledger's export, the entries and the evidence files: they repeat counts, reasons and persons that are"
            " not for publication. ledger/leaves.json has the hash of each entry of this case, and its receipt proves"
            " where it stands: who is given an entry later can check that it is that one"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        source.export(path)
        bundle.add_file("ledger/ledger.jsonl", path)
    yield from _evidence(bundle, report, source.evidence)


def _evidence(bundle: _Zip, report: Report, store: EvidenceStore) -> Iterator[str]:
    """The files that the record names by digest: what people signed for, and the scheduled audits since."""
    shown, audit = report.evidence.case.shown(), report.evidence.audit
    named = (shown.report_digest, shown.validation_digest, audit.plan_digest if audit else None, shown.policy_digest)
    newer = (x for item in report.evidence.case.dossier.monitoring() for x in (item.report_digest, item.plan_digest))
    for digest in dict.fromkeys((*named, shown.model_digest, *newer)):
        if digest and store.holds(digest):
            bundle.add(f"evidence/{digest.partition(':')[2]}", store.get(digest))
        elif digest:
            yield f"evidence {digest}: it is not kept here"


def _read_me(report: Report, left_out: Sequence[str]) -> bytes:
    name = "bundle_readme_published.txt" if report.view.published else "bundle_readme.txt"
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    values = {
        "@TITLE@": f"{report.view.title}: {report.view.label}",
        "@TIME@": report.about.time,
        "@RECORD@": report.about.record_digest,
        "@LEFT_OUT@": "\n".join(f"- {item}" for item in left_out) or "- nothing",
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text.encode()


def _sums(written: Sequence[dict[str, object]]) -> bytes:
    """For `sha256sum -c`."""
    lines = (f"{str(item['sha256']).removeprefix('sha256:')}  {item['name']}\n" for item in written)
    return "".join(lines).encode()


def _manifest(report: Report, left_out: Sequence[str], written: Sequence[dict[str, object]]) -> bytes:
    about: dict[str, object] = {
        "format": FORMAT,
        "title": report.view.title,
        "outcome": report.view.label,
        "time": report.view.at.astimezone(UTC).isoformat(),
        "record_digest": report.about.record_digest,
        "published": report.view.published,
        "left_out": list(left_out),
    }
    return _json({**about, "files": sorted(written, key=lambda item: str(item["name"]))})


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()

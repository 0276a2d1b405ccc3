"""Check an evidence bundle of Fairgate. Stands alone: Python 3.11 and nothing else, no network.

    python verify_bundle.py            in the folder that the bundle was unpacked into

Every file is the one that manifest.json names; the record has the digest that every report prints; the evidence files
are those that the record names; every receipt's entry stands in the ledger's tree. What needs a signature checked
(who signed the entries, and the tree) is done by ledger/verify_export.py, see README.txt.
Ends with 0 where everything holds, 5 where anything does not.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OWN = {"manifest.json"}
RECORD = "report/report.json"


def problems(folder: Path) -> Iterator[str]:
    """Everything that does not hold, in words."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        yield from _files(folder, manifest)
        record = (folder / RECORD).read_bytes()
        if _sha256(record) != manifest["record_digest"]:
            yield f"{RECORD} is not the record {manifest['record_digest']}"
        else:  # a record that was changed says nothing about the evidence
            yield from _evidence(folder, json.loads(record))
        yield from _receipts(folder)
    except OSError as error:
        yield f"{error.filename} cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        yield f"a list or the record is not written as it should be: {error!r}"


def _files(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    listed = {item["name"]: item for item in manifest["files"]}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
    yield from (f"{name} is missing" for name in sorted(listed.keys() - found))
    yield from (f"{name} is in the folder and not in the manifest" for name in sorted(found - listed.keys() - OWN))
    for name in sorted(listed.keys() & found):
        data = (folder / name).read_bytes()
        if (len(data), _sha256(data)) != (listed[name]["size"], listed[name]["sha256"]):
            yield f"{name} was changed: its SHA-256 is not the manifest's"


def _evidence(folder: Path, record: dict[str, Any]) -> Iterator[str]:
    """Files below evidence/ are named by their digest; the record says which ones it rests on."""
    for path in sorted((folder / "evidence").glob("*")):
        if _sha256(path.read_bytes()) != f"sha256:{path.name}":
            yield f"evidence/{path.name} is not the file of that digest"
    if (folder / "evidence").is_dir():
        for name in ("report_digest", "validation_digest"):
            digest = record["shown"][name]
            if digest and not (folder / "evidence" / digest.partition(":")[2]).is_file():
                yield f"the evidence {digest} ({name}) is missing"
        for item in record.get("newer_audits", ()):  # records of before have none
            digest = item["report_digest"]
            if item["result"] and not (folder / "evidence" / digest.partition(":")[2]).is_file():
                yield f"the evidence {digest} (the scheduled audit of entry {item['seq']}) is missing"


def _receipts(folder: Path) -> Iterator[str]:
    """Each entry stands in the tree that its receipt's checkpoint names (RFC 6962)."""
    leaves = json.loads((folder / "ledger" / "leaves.json").read_bytes())
    trees: dict[int, str] = {}
    for item in leaves:
        proof, envelope = folder / "ledger" / item["proof"], folder / "ledger" / item.get("envelope", "-")
        leaf = bytes.fromhex(item["leaf"])
        if "envelope" in item and hashlib.sha256(b"\0" + envelope.read_bytes()).digest() != leaf:
            yield f"ledger/{item['envelope']} is not the entry that leaves.json names"
        try:
            seq, steps, size, root = _proof(proof.read_text(encoding="utf-8"))
        except (ValueError, IndexError, OSError) as error:
            yield f"ledger/{item['proof']} is no receipt: {error}"
            continue
        if seq != item["seq"] or _root(leaf, seq, size, steps) != root:
            yield f"ledger/{item['proof']} does not prove entry {item['seq']}"
        if trees.setdefault(size, root.hex()) != root.hex():
            yield f"ledger/{item['proof']} names another tree of {size} entries than the other receipts"


def _proof(text: str) -> tuple[int, list[bytes], int, bytes]:
    """(entry, path, size of the tree, root) of a C2SP tlog-proof; its signature is checked by verify_export.py."""
    head, _, note = text.partition("\n\n")
    lines = [line for line in head.split("\n")[1:] if not line.startswith("extra ")]
    steps = [base64.b64decode(line, validate=True) for line in lines[1:]]
    _, size, root = note.split("\n")[:3]
    return int(lines[0].removeprefix("index ")), steps, int(size), base64.b64decode(root, validate=True)


def _root(leaf: bytes, seq: int, size: int, steps: list[bytes]) -> bytes:
    """The root that the path leads to (RFC 9162, 2.1.3.2); empty where the path does not fit."""
    place, last, found = seq, size - 1, leaf
    if not 0 <= seq < size:
        return b""
    for step in steps:
        if last == 0:
            return b""
        if place % 2 or place == last:
            found = hashlib.sha256(b"\1" + step + found).digest()
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + step).digest()
        place, last = place >> 1, last >> 1
    return found if last == 0 else b""


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def main(folder: Path) -> int:
    """Print what was found."""
    found = list(problems(folder))
    for line in found:
        sys.stdout.write(f"NOT VERIFIED: {line}\n")
    if not found:
        sys.stdout.write("VERIFIED: every file, the record, the evidence and the receipts agree\n")
    return 5 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))

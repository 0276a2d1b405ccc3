"""Check an evidence bundle of Fairgate. Stands alone: Python 3.11 and nothing else, no network.

    python verify_bundle.py            in the folder that the bundle was unpacked into

Every file is the one that manifest.json names; the record says what its evidence says, value by value; the ledger's
entries name that evidence and say what the record says of them; every report prints the digest of the record; every
receipt's entry stands in the ledger's tree. Signatures (who signed the entries, and the tree) are checked by
ledger/verify_export.py, see README.txt. Ends with 0 where nothing contradicts, 5 where anything does.
"""

import base64
import hashlib
import json
import re
import sys
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD, MANIFEST, SUMS = "report/report.json", "manifest.json", "SHA256SUMS"
LEAVES, EXPORT = "ledger/leaves.json", "ledger/ledger.jsonl"
FIXED = {MANIFEST, SUMS, "README.txt", "verify_bundle.py", LEAVES, EXPORT, "ledger/verify_export.py"}
SILENT = "report/report.ll144.csv"
ENDS = "html md json pdf cdx.json oscal.json model-card.md ll144.html ll144.csv annex-iv.html art-27.html"
REPORTS = {f"report/report.{end}" for end in ENDS.split()}
LISTS = ("registrations", "holds", "sign_offs", "conditions_met", "broken_glass", "incidents", "newer_audits")
KINDS = {"sign-off:v1": "sign_offs", "refusal:v1": "sign_offs", "hold:v1": "holds", "break-glass:v1": "broken_glass"}
ACTORS = ("approver", "requested_by", "person", "actor")
TEXTS = ("function", "decision", "reason", "missing", "registrant", "owners", "target", "on_behalf_of")
COUNTS = ("hours", "sign_off", "number", "verdicts")
PUBLISHED = (
    "numbers, names and decisions with what people signed: a bundle for publication has no evidence and no entries"
)
Files = Mapping[str, Path]
MOST = 8  # differences that are told of one file: the first say enough


@dataclass(slots=True)
class Found:
    """In words: what does not hold, what agrees, what was not compared; not `whole`: of the record itself."""

    problems: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    whole: bool = True


@dataclass(slots=True)
class _Ledger:
    """What the export says: statements by entry, every digest that an entry names, roots by size."""

    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    about: set[int] = field(default_factory=set)
    size: int = 0
    roots: dict[int, str] = field(default_factory=dict)


def check(files: Files) -> Found:
    """Compare the files of a bundle, given by their names in it."""
    found = Found()
    try:
        manifest = json.loads(_read(files, MANIFEST))
        found.problems += _files(files, manifest)
        record = _read(files, RECORD)
        if _sha256(record) != manifest["record_digest"]:
            found.problems.append(f"{RECORD} is not the record {manifest['record_digest']}")
        else:  # a record that was changed says nothing about the rest
            _record(files, record, found, published=bool(manifest["published"]))
        if not found.problems:
            found.compared.insert(0, f"each of the {len(files)} files with the manifest and SHA256SUMS")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, zlib.error) as error:
        found.problems.append(f"a list or the record is not written as it should be: {error!r}")
    return found


def _record(files: Files, data: bytes, found: Found, *, published: bool) -> None:
    record, trees = json.loads(data), dict[int, str]()
    found.problems += _reports(files, data)
    _say_reports(files, found)
    leaves = json.loads(_read(files, LEAVES))
    found.problems += _receipts(files, leaves, trees)
    found.compared.append(f"the {len(leaves)} receipts: the leaf hash of each leads to the root of its tree")
    found.not_compared.append("signatures of entries and of the tree: ledger/verify_export.py checks them")
    found.problems += _strangers(files, leaves, published=published)
    if published:
        found.whole = False
        found.not_compared.append(PUBLISHED)
        return
    head = record["ledger"]
    claims = {*trees.items(), *([(head["size"], head["root"])] if head else [])}
    kept = {item["seq"] for item in leaves}
    ledger = _export(files, record, {size for size, _ in claims}, kept)
    for size, _ in sorted(item for item in claims if ledger.roots.get(item[0]) != item[1]):
        found.problems.append(f"{EXPORT} is not the ledger of the receipts: the first {size} entries have another root")
    found.problems += _entries(record, ledger, kept, head["size"] if head else ledger.size)
    found.compared.append(f"the export of {ledger.size} entries with the trees of the receipts")
    found.compared.append("what the record says that people did with their entries")
    _evidence(files, record, ledger, found)


def _files(files: Files, manifest: dict[str, Any]) -> Iterator[str]:
    listed = {item["name"]: item for item in manifest["files"]}
    yield from (f"{name} is missing" for name in sorted(listed.keys() - files.keys()))
    more = sorted(files.keys() - {*listed, MANIFEST})
    yield from (f"{name} is in the folder and not in the manifest" for name in more)
    for name in sorted(listed.keys() & files.keys()):
        data = _read(files, name)
        if (len(data), _sha256(data)) != (listed[name]["size"], listed[name]["sha256"]):
            yield f"{name} was changed: its SHA-256 is not the manifest's"
    lines = {f"{item['sha256'].removeprefix('sha256:')}  {name}" for name, item in listed.items() if name != SUMS}
    if SUMS in files and lines != set(_read(files, SUMS).decode().splitlines()):
        yield f"{SUMS} does not name the files of the manifest"


def _strangers(files: Files, leaves: list[dict[str, Any]], *, published: bool) -> Iterator[str]:
    """Files that no bundle has."""
    receipts = {f"ledger/{item[key]}" for item in leaves for key in ("proof", "envelope") if key in item}
    for name in sorted(files.keys() - FIXED - REPORTS - receipts):
        if published or not re.fullmatch("evidence/[0-9a-f]{64}", name):
            yield f"{name} is no part of {'a bundle for publication' if published else 'an evidence bundle'}"


def _reports(files: Files, record: bytes) -> Iterator[str]:
    """Every report prints the digest of this record; the PDF carries the record itself."""
    digest = _sha256(record)
    for name in sorted((files.keys() & REPORTS | {"README.txt"}) - {RECORD, SILENT}):
        data = _read(files, name)
        if not name.endswith(".pdf") and digest.encode() not in data:
            yield f"{name} does not print the digest of this record, {digest}: it is of another record"
        if name.endswith(".pdf") and {record} != set(_attached(data, len(record) + 1)):
            yield f"{name} carries another record than {RECORD} as its attachment record.json, or none"


def _attached(pdf: bytes, most: int) -> Iterator[bytes]:
    """The files that a PDF carries, each unpacked to at most so many bytes."""
    for match in re.finditer(rb"/Type\s*/EmbeddedFile\b.{0,800}?>>\s*stream\r?\n", pdf, re.DOTALL):
        data, plain = pdf[match.end() :], b"/FlateDecode" not in match[0]
        yield data[: data.find(b"\nendstream")] if plain else zlib.decompressobj().decompress(data, most)


def _say_reports(files: Files, found: Found) -> None:
    printed = sorted(name for name in files.keys() & REPORTS - {RECORD, SILENT} if not name.endswith(".pdf"))
    found.compared.append(f"the record's digest with what is printed in {', '.join([*printed, 'README.txt'])}")
    if "report/report.pdf" in files:
        found.compared.append("the record with the file record.json that the PDF carries")
        found.not_compared.append("the text of report.pdf: it was not read")
    if SILENT in files:
        found.not_compared.append(f"{SILENT}: the rule's fields leave no place for a digest")
    found.not_compared.append("what the other reports print beside the digest: report.json is what was compared")
    found.not_compared.append("outcome and findings: Fairgate's rules made them of what was compared")


def _receipts(files: Files, leaves: list[dict[str, Any]], trees: dict[int, str]) -> Iterator[str]:
    """Each entry stands in the tree that its receipt's checkpoint names (RFC 6962)."""
    for item in leaves:
        leaf = bytes.fromhex(item["leaf"])
        if "envelope" in item and _node(_read(files, f"ledger/{item['envelope']}"), mark=b"\0") != leaf:
            yield f"ledger/{item['envelope']} is not the entry that leaves.json names"
        try:
            seq, steps, size, root = _proof(_read(files, f"ledger/{item['proof']}").decode())
        except (ValueError, IndexError) as error:
            yield f"ledger/{item['proof']} is no receipt: {error}"
            continue
        if seq != item["seq"] or _root(leaf, seq, size, steps) != root:
            yield f"ledger/{item['proof']} does not prove entry {item['seq']}"
        if trees.setdefault(size, root.hex()) != root.hex():
            yield f"ledger/{item['proof']} names another tree of {size} entries than the other receipts"


def _export(files: Files, record: dict[str, Any], sizes: set[int], kept: set[int]) -> _Ledger:
    """Read the export once, an entry at a time."""
    ledger, peaks = _Ledger(), list[tuple[int, bytes]]()
    wanted = kept | {item["seq"] for name in LISTS for item in record.get(name) or ()}
    with files[EXPORT].open("rb") as stream:
        stream.readline()
        for line in stream:
            envelope = base64.b64decode(json.loads(line)["envelope"], validate=True)
            statement = json.loads(base64.b64decode(json.loads(envelope)["payload"], validate=True))
            subjects = _subjects(statement)
            ledger.named |= set(_digests(statement)) | subjects
            if record["subject"]["digest"] in subjects:
                ledger.about.add(ledger.size)
            if ledger.size in wanted:
                ledger.entries[ledger.size] = statement
            peaks.append((1, _node(envelope, mark=b"\0")))
            while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
                peaks[-2:] = [(2 * peaks[-1][0], _node(peaks[-2][1], peaks[-1][1]))]
            ledger.size += 1
            if ledger.size in sizes:
                ledger.roots[ledger.size] = _top(peaks)
    return ledger


def _entries(record: dict[str, Any], ledger: _Ledger, kept: set[int], size: int) -> Iterator[str]:
    """The record's acts are what the entries say, and no entry about this version is left out."""
    for seq in sorted(item for item in ledger.about - kept if item < size):
        yield f"entry {seq} of the ledger is about this version and has no receipt in the bundle"
    for name in LISTS:
        for at, item in enumerate(record.get(name) or ()):
            entry = ledger.entries.get(item["seq"])
            if entry is None:
                yield f"{name}[{at}] of the record names entry {item['seq']}, which is not in the ledger's export"
            else:
                yield from _act(f"{name}[{at}]", item, entry)
    for seq, entry in sorted(ledger.entries.items()):
        name = KINDS.get(entry["predicateType"].removeprefix("urn:fairgate:predicate:"), "")
        told = {item["seq"] for item in record[name]} if name else {seq}
        if seq not in told and seq < size and entry["predicate"]["body"]["target"] == record["target"]:
            yield f"entry {seq} of the ledger is not among the record's {name}"
    shown = record["shown"]
    for name in (name for name in sorted(shown) if shown[name] and shown[name] not in ledger.named):
        yield f"no entry of the ledger names the record's {name}, {shown[name]}"
    needed = {shown["report_digest"], shown["data_digest"], record["subject"]["digest"]}
    if shown["report_digest"] and not any(needed <= _subjects(entry) for entry in ledger.entries.values()):
        yield f"no entry names the audit {shown['report_digest']} together with the record's data and model"


def _act(where: str, item: dict[str, Any], entry: dict[str, Any]) -> Iterator[str]:
    """An act of the record against its entry: who, what, why, and the digests that were signed for."""
    predicate, body = entry["predicate"], entry["predicate"]["body"]
    said = {name: (item[name], body[name]) for name in (*TEXTS, *COUNTS) if name in item and name in body}
    said |= {name: (item[name], predicate["actor"]) for name in ACTORS if isinstance(item.get(name), dict)}
    said |= {name: (item[name], predicate["meaning"]) for name in ("meaning", "what") if name in item}
    signed, named = body.get("shown") or {}, {*_digests(entry), *_subjects(entry)}
    for name in (key for key in item if key.endswith("_digest") and item[key]):
        if name in signed:
            said[name] = (item[name], signed[name])
        elif item[name] not in named:
            yield f"{where}.{name} is {item[name]} in the record, and entry {item['seq']} does not name it"
    for name, (one, other) in said.items():
        yield from _different(f"{where}.{name}", one, other, f"entry {item['seq']}")


def _evidence(files: Files, record: dict[str, Any], ledger: _Ledger, found: Found) -> None:
    """Files below evidence/ are named by their digest and by the ledger; the record says what they say."""
    for name in sorted(name for name in files if name.startswith("evidence/")):
        digest = f"sha256:{name.partition('/')[2]}"
        if _sha256(_read(files, name)) != digest:
            found.problems.append(f"{name} is not the file of that digest")
        if digest not in ledger.named:
            found.problems.append(f"{name} is named by no entry of the ledger")
    _part(files, "audit", record["shown"]["report_digest"], record["audit"], found)
    _part(files, "validation", record["shown"]["validation_digest"], record["validation"], found)
    for at, item in enumerate(record.get("newer_audits") or ()):
        if item.get("result"):
            _part(files, f"newer_audits[{at}].result", item["report_digest"], item["result"], found)
    _plan(files, record, found)
    policy = record["policy"]
    if text := _toml(files, "policy", policy["digest"], found):
        own = {"name": text["policy"]["name"], "version": text["policy"]["version"], "digest": policy["digest"]}
        _compared(found, "policy", policy["digest"], list(_different("policy", policy, own, "its evidence")))


def _part(files: Files, name: str, digest: str | None, value: Any, found: Found) -> None:
    """A part of the record against the evidence of its digest, value by value."""
    if not digest and value is None:
        return
    if (path := f"evidence/{f'{digest}'.partition(':')[2]}") not in files:
        found.problems.append(f"the evidence {digest} ({name}) is missing")
        return
    evidence = json.loads(_read(files, path))
    _compared(found, name, f"{digest}", list(_different(name, value, evidence, f"its evidence {digest}", older=True)))


def _compared(found: Found, name: str, digest: str, problems: list[str]) -> None:
    more = [f"and {len(problems) - MOST} more differences of {name} and its evidence"] if len(problems) > MOST else []
    found.problems += [*problems[:MOST], *more]
    if not problems:
        found.compared.append(f"the record's {name} with its evidence {digest}")


def _plan(files: Files, record: dict[str, Any], found: Found) -> None:
    """The plan as far as its file says it: what the file leaves at its default stands in no evidence."""
    plan, audit = record["plan"], record["audit"]
    if plan and audit:
        found.problems += _different("plan.digest", plan["digest"], audit["plan_digest"], "its audit")
    if not plan or not (text := _toml(files, "plan", plan["digest"], found)):
        return
    problems = list[str]()
    tables = [text["model"], text["data"], text["audit"]]
    for key, value in (item for table in tables for item in table.items()):
        own = "model" if key == "name" else "data_owner" if key == "owner" else key
        kept = plan.get(own)
        if own in plan and not isinstance(kept, dict) and "://" not in f"{value}" and _words(kept) != _words(value):
            problems.append(f"plan.{own} is {kept!r} in the record and {value!r} in its evidence {plan['digest']}")
    limits = [item["bound"] for item in text.get("bounds", ()) if "bound" in item]
    if len(limits) == len(plan["bounds"]) and limits != [item["limit"] for item in plan["bounds"]]:
        problems.append(f"plan.bounds has other limits in the record than {limits} in its evidence {plan['digest']}")
    _compared(found, "plan, what its file says of model, data, audit and bounds,", plan["digest"], problems)
    found.not_compared.append("fields of the plan that its file leaves at their defaults, and how features are made")


def _toml(files: Files, name: str, digest: str, found: Found) -> dict[str, Any] | None:
    if (path := f"evidence/{digest.partition(':')[2]}") in files:
        return tomllib.loads(_read(files, path).decode())
    found.whole = False
    found.not_compared.append(f"the record's {name}: its evidence {digest} is not in the bundle")
    return None


def _different(where: str, one: Any, other: Any, source: str, *, older: bool = False) -> Iterator[str]:
    """Where two JSON values differ. `older`: evidence that an older version wrote may lack fields that are empty."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if not (older and key not in other and not one[key]):
                here = f"{where}.{key}"
                yield from _different(here, one.get(key, "nothing"), other.get(key, "nothing"), source, older=older)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _different(f"{where}[{at}]", left, right, source, older=older)
    elif one != other or isinstance(one, bool) != isinstance(other, bool):
        yield f"{where} is {f'{one!r}'[:200]} in the record and {f'{other!r}'[:200]} in {source}"


def _words(value: Any) -> Any:
    """A value of TOML as the record has it."""
    return [_words(x) for x in value] if isinstance(value, list) else f"{value}".removesuffix(".0")


def _subjects(statement: dict[str, Any]) -> set[str]:
    return {f"sha256:{item['digest']['sha256']}" for item in statement["subject"]}


def _digests(value: Any) -> Iterator[str]:
    """Every digest that stands in a statement."""
    if isinstance(value, str) and value.startswith("sha256:"):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _digests(item)


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
            found = _node(step, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, step)
        place, last = place >> 1, last >> 1
    return found if last == 0 else b""


def _top(peaks: list[tuple[int, bytes]]) -> str:
    """The root of a tree from its whole subtrees, the largest first (RFC 9162, 2.1.1), in hex."""
    found = peaks[-1][1]
    for _, peak in reversed(peaks[:-1]):
        found = _node(peak, found)
    return found.hex()


def _node(*parts: bytes, mark: bytes = b"\1") -> bytes:
    return hashlib.sha256(mark + b"".join(parts)).digest()


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _read(files: Files, name: str) -> bytes:
    if name not in files:
        raise ValueError(f"{name} is missing")
    return files[name].read_bytes()


def main(folder: Path) -> int:
    """Print what was found."""
    paths = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    found = check({path.relative_to(folder).as_posix(): path for path in paths})
    lines = [f"NOT VERIFIED: {text}" for text in found.problems]
    if not lines:
        said = "VERIFIED as listed here" if found.whole else "HOLDS IN PART: not everything could be compared"
        lines = [said, *(f"  compared: {text}" for text in found.compared)]
    lines += [f"  not compared: {text}" for text in found.not_compared]
    sys.stdout.write("\n".join(lines) + "\n")
    return 5 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))

"""Verify an export of a Fairgate ledger, offline. Stands alone: Python 3.11 and `cryptography`, nothing of Fairgate.

    python verify_export.py [LEDGER.jsonl] [--log-key VKEY-OR-FILE] [--checkpoint FILE]... [--receipt PROOF]... [--json]

Without LEDGER.jsonl: ledger.jsonl beside this script, and every receipt in its folder and below. The export is a header
line, then one line for each entry with the exact bytes that were hashed and signed. For every entry: its DSSE envelope
is signed by the attestation key and names its place, time does not go back, no JSON key stands twice or is escaped;
over all: the Merkle tree (RFC 6962) has the root of the checkpoint (C2SP) that the log key signed.

It cannot show by itself that it is the whole truth. Bring what you got from elsewhere: `--log-key` (`fairgate ledger
keys` prints it), checkpoints, receipts with their .json. Ends with 0 where all holds, 5 where not, 2 on a wrong call.
"""

import argparse
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT, VERSION, MAX_LINE, MAX_PROBLEMS = "fairgate-ledger-export", 1, 131_072, 100
PAYLOAD_TYPE, STATEMENT = b"application/vnd.in-toto+json", "https://in-toto.io/Statement/v1"
LINE = re.compile(rb'\{"envelope":"([A-Za-z0-9+/]+={0,2})","seq":(0|[1-9][0-9]*)\}\n')
ENVELOPE = re.compile(  # RFC 8785 leaves one spelling of it
    rb'\{"payload":"([A-Za-z0-9+/]+={0,2})","payloadType":"application/vnd\.in-toto\+json",'
    rb'"signatures":\[\{"keyid":"[0-9a-f]{64}","sig":"([A-Za-z0-9+/]{86}==)"\}\]\}'
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:/|u(?!00[01][0-9a-f]))")  # canonical JSON escapes " \ and controls only
WRONG = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, InvalidSignature)
P, Y8 = 2**255 - 19, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
unbase64 = partial(binascii.a2b_base64, strict_mode=True)


@dataclass
class Report:
    """What was found. `problems` empty: everything holds. `anchored`: the log key came from outside."""

    size: int = 0
    root: str = ""
    log_key: str = ""
    anchored: bool = False
    receipts: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Memory:
    """From outside: the first `size` entries have this `root`; of a receipt, also that a leaf stands at `seq`."""

    where: str
    size: int
    root: bytes
    seq: int = -1
    proof: tuple[bytes, ...] = ()
    envelope: bytes | None = None


def verify(path: Path, log_key: str | None, checkpoints: Sequence[Path], receipts: Sequence[Path]) -> Report:
    """Read the export once, from its first byte to its last."""
    report = Report(anchored=log_key is not None, receipts=len(receipts))
    with path.open("rb") as stream:
        try:
            header = strict_json(stream.readline(MAX_LINE))
            report.log_key = header["log_key"] if log_key is None else log_key
            origin, log = read_vkey(report.log_key)
            attestation = public_key(unbase64(header["attestation_key"]))
            kept = [read_checkpoint(item.read_text("utf-8"), origin, log, f"checkpoint {item}") for item in checkpoints]
            kept += [read_receipt(item, origin, log) for item in receipts]
            if header["size"]:
                kept.append(read_checkpoint(header["checkpoint"], origin, log, "the checkpoint in the header"))
        except WRONG as error:
            report.problems.append(f"header, key or what was brought along: {error or 'a signature is wrong'}")
            return report
        walk(iter(partial(stream.readline, MAX_LINE), b""), attestation, kept, report)
    wanted = {"format": FORMAT, "version": VERSION, "log_key": report.log_key, "size": report.size}
    report.problems += [f"header: {x} is {header.get(x)}, not {y}" for x, y in wanted.items() if header.get(x) != y]
    return report


def walk(lines: Iterator[bytes], key: Ed25519PublicKey, kept: list[Memory], report: Report) -> None:
    """Every entry in turn; the tree grows by its frontier: the roots of its perfect subtrees, at most 64 hashes."""
    sha256, frontier, last = hashlib.sha256, list[bytes](), ""
    watched = {item.size for item in kept} | {item.seq for item in kept}
    for seq, line in enumerate(lines):
        found = LINE.fullmatch(line)
        if found is None or int(found[2]) != seq or len(report.problems) >= MAX_PROBLEMS:
            report.problems.append(f"reading ended before line {seq + 2}: it is not that of entry {seq}")
            break
        envelope = b""
        try:
            envelope = unbase64(found[1])
            last = check_entry(envelope, seq, last, key)
        except WRONG as error:
            report.problems.append(f"entry {seq}: {error or 'it is not signed by the attestation key'}")
        node, left = sha256(b"\x00" + envelope).digest(), seq
        if seq in watched:
            report.problems += [x for item in kept if item.seq == seq for x in check_leaf(item, node, envelope)]
        while left & 1:
            node, left = sha256(b"\x01" + frontier.pop() + node).digest(), left >> 1
        frontier.append(node)
        report.size = size = seq + 1
        if size in watched:
            other = [item for item in kept if item.size == size and item.root != root_of(frontier)]
            report.problems += [f"the first {size} entries are not those of {item.where}" for item in other]
    report.root = root_of(frontier).hex()
    for item in sorted((item for item in kept if item.size > report.size), key=lambda item: -item.size)[:1]:
        report.problems.append(f"entries {report.size} to {item.size - 1} are not here: {item.where} has them")


def check_entry(envelope: bytes, seq: int, earlier: str, key: Ed25519PublicKey) -> str:
    """Signature, shape, place and time of one entry; returns its time. Raises one of WRONG."""
    outer = ENVELOPE.fullmatch(envelope)
    if outer is None:
        raise ValueError("not a DSSE envelope with one signature, in canonical JSON")
    payload = unbase64(outer[1])
    key.verify(unbase64(outer[2]), b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(payload), payload))
    statement = strict_json(payload)
    predicate, subjects = statement["predicate"], statement["subject"]
    if statement["_type"] != STATEMENT or len({item["name"] for item in subjects}) != len(subjects):
        raise ValueError("not an in-toto Statement v1, or a subject stands twice")
    if type(predicate["seq"]) is not int or predicate["seq"] != seq:
        raise ValueError(f"seq is {predicate['seq']} in the signed body")
    time: str = predicate["time"]
    if not TIME.fullmatch(time) or time < earlier:
        raise ValueError(f"time {time} is not one, or goes back from {earlier}")
    return time


def strict_json(data: bytes) -> Any:
    """JSON that cannot be read in two ways: no key twice, no needless escapes, no NaN. Raises ValueError."""
    if b"\\" in data and ESCAPED.search(data):
        raise ValueError("a character is escaped that canonical JSON does not escape")
    return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=int)  # int refuses NaN


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, largest first (RFC 6962, 2.1)."""
    node = frontier[-1] if frontier else hashlib.sha256(b"").digest()
    for subtree in reversed(frontier[:-1]):
        node = hashlib.sha256(b"\x01" + subtree + node).digest()
    return node


def check_leaf(item: Memory, leaf: bytes, envelope: bytes) -> Iterator[str]:
    """Whether the receipt's path leads from this leaf to its signed root (RFC 9162, 2.1.3.2)."""
    place, last, node = item.seq, item.size - 1, leaf
    for step in item.proof:
        right = bool(place & 1) or place == last
        node = hashlib.sha256(b"\x01" + (step + node if right else node + step)).digest()
        while right and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    reached = last == 0 and item.seq < item.size and len(node) == 32 and node == item.root
    if not reached or envelope != (item.envelope or envelope):
        yield f"entry {item.seq} is not the one of {item.where}: it was changed or replaced"


def read_checkpoint(note: str, origin: str, key: bytes, where: str) -> Memory:
    """The tree in a signed note (https://c2sp.org/signed-note); signatures of others, as of witnesses, are ignored."""
    text, _, lines = note.rpartition("\n\n")
    blobs = [unbase64(line.split(" ")[2]) for line in lines.split("\n") if line.startswith(f"\u2014 {origin} ")]
    mine = [blob[4:] for blob in blobs if blob[:4] == key_id(origin, key)]
    named, size, root = text.split("\n")
    if named != origin or not mine or not re.fullmatch("0|[1-9][0-9]*", size, re.ASCII):
        raise ValueError(f"{where} is not signed by the log key of {origin}")
    for signature in mine:
        public_key(key).verify(signature, f"{text}\n".encode())
    return Memory(where, int(size), unbase64(root))


def read_receipt(path: Path, origin: str, key: bytes) -> Memory:
    """A tlog-proof (https://c2sp.org/tlog-proof), and the envelope that was kept beside it."""
    head, _, note = path.read_text("utf-8").partition("\n\n")
    first, *lines = head.split("\n")
    index, *steps = lines[1:] if lines[0].startswith("extra ") else lines
    if first != "c2sp.org/tlog-proof@v1" or not re.fullmatch("index (0|[1-9][0-9]*)", index, re.ASCII):
        raise ValueError(f"{path} is not a tlog-proof")
    tree, beside = read_checkpoint(note, origin, key, f"receipt {path}"), path.with_suffix(".json")
    envelope = beside.read_bytes() if beside.is_file() else None
    return Memory(tree.where, tree.size, tree.root, int(index[6:]), tuple(map(unbase64, steps)), envelope)


def read_vkey(text: str) -> tuple[str, bytes]:
    """Name and raw public key of a verifier key, `name+id+base64`."""
    name, identity, blob = text.split("+", 2)
    raw = unbase64(blob)
    if raw[:1] != b"\x01" or key_id(name, raw[1:]).hex() != identity:
        raise ValueError(f"{text!r} is not an Ed25519 verifier key")
    public_key(raw[1:])
    return name, raw[1:]


def key_id(name: str, raw: bytes) -> bytes:
    """SHA-256(name || 0x0A || 0x01 || public key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]


def public_key(raw: bytes) -> Ed25519PublicKey:
    """The key, unless it is a point of small order: under those, signatures prove nothing."""
    if int.from_bytes(raw, "little") % 2**255 % P in (0, 1, P - 1, Y8, P - Y8):
        raise ValueError("an Ed25519 key of small order")
    return Ed25519PublicKey.from_public_bytes(raw)


def sentences(report: Report) -> list[str]:
    """The report for people."""
    if report.problems:
        return [f"NOT VERIFIED: {report.size:,} entries read", *(f"  {item}" for item in report.problems)]
    key = report.log_key + " (the file's own word: bring one from elsewhere with --log-key)" * (not report.anchored)
    return [f"VERIFIED: {report.size:,} entries; root {report.root}", f"  {report.receipts:,} receipts; log key {key}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify and tell: the exit code."""
    parser = argparse.ArgumentParser(description="Verify an export of a Fairgate ledger, offline.")
    parser.add_argument("export", type=Path, nargs="?", help="else ledger.jsonl beside this, with all receipts there")
    parser.add_argument("--log-key", help="vkey of the log, or a file that holds it, got from elsewhere")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint kept elsewhere")
    parser.add_argument("--receipt", type=Path, action="append", default=[], help="a .tlog-proof kept elsewhere")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    given, beside = parser.parse_args(arguments), Path(__file__).parent
    given.receipt += [] if given.export else sorted(beside.rglob("*.tlog-proof"))
    try:
        vkey = given.log_key
        brought = Path(vkey).read_text("utf-8").strip() if vkey and "+" not in vkey else vkey
        report = verify(given.export or beside / "ledger.jsonl", brought, given.checkpoint, given.receipt)
    except (OSError, UnicodeDecodeError) as error:
        report = Report(problems=[f"a file cannot be read: {error}"])
    sys.stdout.write(json.dumps(vars(report), indent=2) + "\n" if given.json else "\n".join(sentences(report)) + "\n")
    return 5 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""What files that somebody sent prove: receipts, exports of a ledger, archives of both. Run in a process of its own.

    python -I -m governance.ledger.examined < JOB.json > ANSWER.json

The files are hostile input, so the process has little memory and processor time, and whoever starts it stops it when it
takes long. It reads the folder that it was given and nothing of Fairgate's; what the ledger of today says to the answer
is asked by `reports.console.verify`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from governance.digests import digest_file
from governance.errors import FairgateError
from governance.ledger import verify_export
from governance.ledger.checkpoint import ORIGIN, Receipt, checkpoint_in, open_checkpoint
from governance.ledger.envelope import moment, peek
from governance.ledger.export_file import envelopes_in, read_header
from governance.ledger.listed import compared, leaves, manifests
from governance.ledger.note import read_note, read_vkey
from governance.ledger.receipt import MAX_BYTES, check_receipt, read_proof
from governance.ledger.tree import leaf_hash, verify_inclusion
from governance.ledger.unpacked import MAX_UNPACKED, Member, unpack

MEMORY, SECONDS, FILE = 1024**3, 40, 300 * 1024 * 1024
MAX_PROBLEMS = 20
RECEIPT, EXPORT, BUNDLE = "receipt", "export", "bundle"


@dataclass(frozen=True, slots=True)
class Seen:
    """One receipt, export or bundle that was sent. `problems` empty: it holds, under `log_key` where it has one.

    `whose` says where that key came from: `given` with the question, or the `file` itself. `size` and `root` (hex) are
    the signed tree, `seq` and `leaf` (hex) the entry of a receipt, `says` what that entry says. A bundle says what was
    `compared`, what not, and whether its record was compared as a `whole`.
    """

    kind: str
    name: str
    problems: tuple[str, ...] = ()
    log_key: str = ""
    whose: str = "given"
    size: int = 0
    root: str = ""
    seq: int | None = None
    leaf: str = ""
    time: str = ""
    actor: str = ""
    says: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    compared: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """Another file that was sent: its digest, and the entries that name it as (kind of evidence, entry)."""

    name: str
    digest: str
    named: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """The answer: what was recognised, the other files, and why something could not be looked at."""

    seen: tuple[Seen, ...] = ()
    others: tuple[Sent, ...] = ()
    problems: tuple[str, ...] = ()


def examine(files: Sequence[Member], folder: Path, log_key: str) -> Examined:
    """Look at these files; `folder` is for what is unpacked, `log_key` the verifier key that is believed."""
    problems = list[str]()
    members = list(_flat(files, folder, problems))
    proofs, exports, rest = _sorted(members)
    by_stem = {item.name.removesuffix(".json"): item for item in rest if item.name.endswith(".json")}
    used = set[str]()
    known = leaves(rest)
    seen = [_bundle(item, says, members) for item, says in manifests(rest)]
    for item in proofs:
        envelope = _beside(item, by_stem, rest, proofs, used)
        seen.append(_receipt(item, envelope, known.get(item.name) if envelope is None else None, log_key))
    seen += [_export(item, log_key) for item in exports]
    named = _named(exports, seen)
    others = [Sent(x.name, digest_file(x.path)) for x in rest if x.name not in used]
    others = [Sent(x.name, x.digest, tuple(named.get(x.digest, ()))) for x in others]
    if not seen and not problems and not others:
        problems.append("nothing was sent")
    return Examined(tuple(seen), tuple(others), tuple(problems))


def _flat(files: Sequence[Member], folder: Path, problems: list[str]) -> Iterator[Member]:
    """The files, and those in the archives among them: all of these share the disk that one may take."""
    room = MAX_UNPACKED
    for at, item in enumerate(files):
        if not _begins(item.path, b"PK\x03\x04", b"PK\x05\x06"):
            yield item
            continue
        place = folder / f"unpacked-{at}"
        place.mkdir()
        try:
            yield from unpack(item.path, place, room)
        except FairgateError as error:
            problems.append(f"{item.name}: {error}")
        room -= sum(path.stat().st_size for path in place.iterdir())


def _sorted(members: Sequence[Member]) -> tuple[list[Member], list[Member], list[Member]]:
    """Receipts' proofs, exports, and the rest, by what the files begin with, not by their names."""
    proofs = [item for item in members if _begins(item.path, b"c2sp.org/tlog-proof@")]
    exports = [item for item in members if item not in proofs and _is_export(item.path)]
    return proofs, exports, [item for item in members if item not in proofs and item not in exports]


def _is_export(path: Path) -> bool:
    with path.open("rb") as stream:
        first = stream.readline(verify_export.MAX_LINE)
    return first.startswith(b"{") and verify_export.FORMAT.encode() in first


def _begins(path: Path, *marks: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(32).startswith(marks)


def _beside(
    proof: Member, by_stem: Mapping[str, Member], rest: Sequence[Member], proofs: Sequence[Member], used: set[str]
) -> Member | None:
    """The envelope of a proof: the .json of the same name, or the only other file that came with the only proof."""
    found = by_stem.get(proof.name.removesuffix(".tlog-proof"))
    if found is None and len(proofs) == 1 and len(rest) == 1:
        found = rest[0]
    if found is not None:
        used.add(found.name)
    return found


def _bundle(manifest: Member, says: Mapping[str, Any], members: Sequence[Member]) -> Seen:
    found = compared(manifest, members)
    problems = tuple(_short(text) for text in found.problems)
    if len(problems) > MAX_PROBLEMS:
        problems = (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more")
    return Seen(
        kind=BUNDLE,
        name=manifest.name,
        problems=problems,
        whose="file",
        says=f"{says.get('title')}"[:300],
        digests=(("record", f"{says.get('record_digest')}"[:100]),),
        compared=tuple(_short(text) for text in found.compared),
        not_compared=tuple(_short(text) for text in found.not_compared if not text.startswith("signatures ")),
        whole=found.whole,
    )


def _receipt(proof: Member, envelope: Member | None, leaf: bytes | None, log_key: str) -> Seen:
    """`leaf` stands for an entry that a bundle for publication keeps back."""
    try:
        text = _small(proof.path).decode("utf-8")
        receipt = read_proof(text)
        tree = receipt.checkpoint
        here = Seen(RECEIPT, proof.name, (), log_key, "given", tree.size, tree.root.hex(), receipt.seq)
        if envelope is None and leaf is not None:
            return _of_leaf(here, receipt, leaf)
        if envelope is None:
            return _failed(here, "the entry itself (.json) did not come with it: a proof is of exact bytes, send both")
        if not _signed_under(tree.note, log_key):
            return _failed(here, f"its checkpoint is signed by another log key ({_keys(tree.note)}): another ledger's")
        found = check_receipt(text, _small(envelope.path), read_vkey(log_key).public)
    except (FairgateError, ValueError) as error:
        return Seen(RECEIPT, proof.name, (_short(error),), log_key)
    statement = found.opened.statement
    return Seen(
        kind=RECEIPT,
        name=proof.name,
        log_key=log_key,
        size=tree.size,
        root=tree.root.hex(),
        seq=receipt.seq,
        leaf=leaf_hash(found.envelope).hex(),
        time=moment(found.opened.time),
        actor=statement.actor.name,
        says=statement.meaning,
        digests=tuple((item.name, item.digest) for item in statement.subjects),
    )


def _of_leaf(here: Seen, receipt: Receipt, leaf: bytes) -> Seen:
    """That an entry with this leaf hash stands there; what it says stays unknown."""
    signed = open_checkpoint(receipt.checkpoint.note, read_vkey(here.log_key))
    if not verify_inclusion(leaf, receipt.seq, signed.size, receipt.proof, signed.root):
        return _failed(
            here, "no entry with the leaf hash that the bundle lists stands at that place of the signed tree"
        )
    return replace(here, leaf=leaf.hex())


def _export(item: Member, log_key: str) -> Seen:
    try:
        own = f"{read_header(item.path).get('log_key')}"
    except FairgateError as error:
        return Seen(EXPORT, item.name, (_short(f"{error}".replace(f"{item.path}", "the file")),), log_key)
    ours = own == log_key
    report = verify_export.verify(item.path, log_key if ours else None, (), ())
    problems = tuple(_short(text) for text in report.problems[:MAX_PROBLEMS])
    if len(report.problems) > MAX_PROBLEMS:
        problems = (*problems, f"and {len(report.problems) - MAX_PROBLEMS} more")
    whose = "given" if ours else "file"
    return Seen(EXPORT, item.name, problems, own[:300], whose, report.size, report.root)


def _named(exports: Sequence[Member], seen: Sequence[Seen]) -> dict[str, list[tuple[str, int]]]:
    """Digest -> who names it, in the exports and receipts that hold."""
    found: dict[str, list[tuple[str, int]]] = {}
    held = {item.name for item in seen if not item.problems}
    for item in seen:
        if not item.problems and item.seq is not None:
            for name, digest in item.digests:
                found.setdefault(digest, []).append((name, item.seq))
    for export in exports:
        if export.name in held:
            for seq, envelope in enumerate(envelopes_in(export.path)):
                for subject in peek(envelope).statement.subjects:
                    found.setdefault(subject.digest, []).append((subject.name, seq))
    return found


def _signed_under(note: str, log_key: str) -> bool:
    """Whether a signature line names this key; whether it holds is checked later."""
    key = read_vkey(log_key)
    return any((x.name, x.key_id) == (key.name, key.key_id) for x in read_note(note).signatures)


def _keys(note: str) -> str:
    """The ids of the keys whose lines stand under a checkpoint."""
    checkpoint_in(note, ORIGIN)
    return ", ".join(f"{x.name}+{x.key_id.hex()}" for x in read_note(note).signatures)[:200]


def _failed(here: Seen, problem: str) -> Seen:
    return Seen(here.kind, here.name, (problem,), here.log_key, here.whose, here.size, here.root, here.seq)


def _small(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"a file of a receipt is over {MAX_BYTES:,} bytes")
    return data


def _short(error: object) -> str:
    return f"{error}"[:400]


def answer_from(text: bytes) -> Examined:
    """The answer in what the process wrote. Raises ValueError where it is none."""
    found = json.loads(text)
    seen = tuple(
        Seen(**{**item, **_tuples(item, "problems", "digests", "compared", "not_compared")}) for item in found["seen"]
    )
    others = tuple(Sent(**{**item, **_tuples(item, "named")}) for item in found["others"])
    return Examined(seen, others, tuple(found["problems"]))


def _tuples(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(tuple(x) if isinstance(x, list) else x for x in item[name]) for name in names}


def _limit() -> None:
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def main() -> int:
    """Read the job from standard input, write the answer to standard output."""
    job = json.load(sys.stdin)
    _limit()
    folder = Path(job["folder"])
    files = [Member(name, folder / path) for name, path in job["files"]]
    sys.stdout.write(json.dumps(asdict(examine(files, folder, job["log_key"]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

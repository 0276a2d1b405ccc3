"""How fast an export is verified, beside bare Ed25519 verification of as many signatures, and the memory it takes.

    python benchmarks/ledger_export.py [--entries 100000]

Makes an export of sealed entries directly (no database), then measures `verify_export.py` and `Ed25519PublicKey.verify`
alone over the same signed bytes: in one run and one process, in turns, in processor time, so that what else the
machine does counts for neither. The peak memory is that of the script in a process of its own. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from governance.digests import canonical_json
from governance.ledger import verify_export
from governance.ledger.checkpoint import sign_checkpoint
from governance.ledger.envelope import seal
from governance.ledger.export import entry_line, header
from governance.ledger.export_file import envelopes_in
from governance.ledger.keys import LedgerKeys, open_keys
from governance.ledger.tree import extend, leaf_hash, root_of
from governance.people import Actor
from governance.statement import PredicateType, ResourceDigest, Statement

MAX_MIB, LEAST_SHARE = 64, 0.5
START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNER = Actor("local", "officer", "An Officer")
_RUN_AND_SAY = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    if ended.code:
        raise
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def statement(number: int) -> Statement:
    """A sign-off as `governance.record.signed` makes it: five subjects and a body of the usual size."""
    digest = f"sha256:{number:064x}"
    shown = dict.fromkeys(
        ("model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest"), digest
    )
    model = {"registry": "sqlite:///mlflow.db", "name": "hiring", "version": str(number), "created_at": number}
    names = (f"model/hiring/{number}", "target", "audit-report", "data", "data-validation")
    body = {
        "subject": {**model, "source": "models:/m-1", "digest": digest, "model_id": None, "workspace": "default"},
        "target": {"environment": "production", "alias": "champion"},
        "shown": shown,
        "function": "compliance",
        "decision": "approve",
        "reason": "read the report; the difference is explained by experience",
        "authentication": "password at the console",
        "expires_at": "2026-12-31T00:00:00+00:00",
    }
    subjects = tuple(ResourceDigest(name, digest) for name in names)
    meaning = f"I approve the release of hiring v{number} as champion in production"
    return Statement(PredicateType.SIGN_OFF, subjects, SIGNER, meaning, body, digest)


def make(path: Path, count: int, keys: LedgerKeys) -> None:
    """An export of `count` entries, written beside first: the header comes before what it speaks of."""
    frontier: tuple[bytes, ...] = ()
    scratch = path.with_suffix(".entries")
    with scratch.open("wb") as stream:
        for seq in range(count):
            envelope = seal(statement(seq), seq, START + timedelta(seconds=seq), keys.attestation)
            frontier = extend(seq, frontier, leaf_hash(envelope))
            stream.write(entry_line(seq, envelope))
    checkpoint = sign_checkpoint(count, root_of(frontier), keys.log)
    with path.open("wb") as stream, scratch.open("rb") as entries:
        stream.write(canonical_json(header(checkpoint, keys)) + b"\n")
        stream.writelines(entries)
    scratch.unlink()


def bare(path: Path, raw: bytes) -> float:
    """Seconds that the signatures alone take; reading and taking apart is not counted."""
    key, seconds = Ed25519PublicKey.from_public_bytes(raw), 0.0
    for envelope in envelopes_in(path):
        found = verify_export.ENVELOPE.fullmatch(envelope)
        assert found
        payload, signature = verify_export.unbase64(found[1]), verify_export.unbase64(found[2])
        kind = verify_export.PAYLOAD_TYPE
        signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        start = time.process_time()
        key.verify(signature, signed)
        seconds += time.process_time() - start
    return seconds


def whole(path: Path) -> float:
    """Seconds that the verification of the export takes, reading it too."""
    start = time.process_time()
    report = verify_export.verify(path, None, (), ())
    seconds = time.process_time() - start
    if report.problems:
        sys.exit(f"the export does not verify: {report.problems[0]}")
    return seconds


def peak(path: Path) -> float:
    """Peak resident memory in MiB of the script as an outsider runs it: what the kernel says of that process itself."""
    command = [sys.executable, "-I", "-c", _RUN_AND_SAY, verify_export.__file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-2]) / 1024


def main() -> None:
    """Measure and print; ends with 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path, keys = Path(name) / "ledger.jsonl", open_keys(Path(name) / "keys")
        make(path, given.entries, keys)
        size = path.stat().st_size / 2**20
        pairs = [(bare(path, keys.attestation.public), whole(path)) for _ in range(given.runs)]
        memory = peak(path)
    signatures, verifying = (sorted(times)[given.runs // 2] for times in zip(*pairs, strict=True))
    share = signatures / verifying
    print("| entries | export | bare Ed25519 | verification | share of the bare rate | peak memory |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {given.entries:,} | {size:,.0f} MiB | {given.entries / signatures:,.0f}/s "
        f"| {given.entries / verifying:,.0f}/s | {share:.2f} | {memory:.0f} MiB |"
    )
    sys.exit(share < LEAST_SHARE or memory > MAX_MIB)


if __name__ == "__main__":
    main()

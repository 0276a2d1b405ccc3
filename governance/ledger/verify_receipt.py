"""Check receipts of a Fairgate ledger, offline. Alone but for verify_export.py beside it: Python, `cryptography`.

    python verify_receipt.py [--log-key VKEY-OR-FILE] [--keys keys.json] [PROOF.tlog-proof]...

Without a PROOF: every *.tlog-proof beside this file. PROOF.json beside each is the entry. It is the one that the
attestation key signed, it names its place itself, and it stands there in the tree that the log key signed.

keys.json came with the receipt, and no file can vouch for its own key: bring the log key from elsewhere with
`--log-key` (`fairgate ledger keys` prints it). Ends with 0 where everything holds, 5 where anything does not.
"""

import argparse
import hashlib
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def check(proof: Path, keys: dict[str, Any], rules: dict[str, Any]) -> str:
    """What the receipt proves, in a sentence. Raises one of verify_export.WRONG."""
    origin, log = rules["read_vkey"](keys["log_key"])
    attestation = rules["public_key"](rules["unbase64"](keys["attestation_key"]))
    found = rules["read_receipt"](proof, origin, log)
    if found.envelope is None:
        raise ValueError(f"the entry {proof.with_suffix('.json').name} is not beside its proof")
    time = rules["check_entry"](found.envelope, found.seq, "", attestation)
    leaf = hashlib.sha256(b"\x00" + found.envelope).digest()
    for problem in rules["check_leaf"](found, leaf, found.envelope):
        raise ValueError(problem)
    return f"entry {found.seq} of {time} stands in the tree of {found.size:,} entries that {origin} signed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check and tell: the exit code."""
    parser = argparse.ArgumentParser(description="Check receipts of a Fairgate ledger, offline.")
    parser.add_argument("proofs", type=Path, nargs="*", help="else every .tlog-proof beside this file")
    parser.add_argument("--log-key", help="vkey of the log, or a file that holds it, got from elsewhere")
    parser.add_argument("--keys", type=Path, default=HERE / "keys.json", help="the file of the two public keys")
    given = parser.parse_args(arguments)
    rules = runpy.run_path(str(HERE / "verify_export.py"), run_name="verify_export")
    problems, proofs = list[str](), given.proofs or sorted(HERE.glob("*.tlog-proof"))
    for proof in proofs:
        try:
            keys = rules["strict_json"](given.keys.read_bytes())
            keys["log_key"] = _brought(given.log_key) or keys["log_key"]
            sys.stdout.write(f"VERIFIED: {check(proof, keys, rules)}\n")
        except rules["WRONG"] as error:
            problems.append(f"NOT VERIFIED: {proof.name}: {error or 'a signature is not of this key'}\n")
    sys.stdout.write("".join(problems) if proofs else "NOT VERIFIED: no .tlog-proof is here\n")
    if proofs and not given.log_key:
        sys.stdout.write("  by the keys in keys.json, on its own word: bring the log key from elsewhere (--log-key)\n")
    return 0 if proofs and not problems else 5


def _brought(key: str | None) -> str | None:
    return Path(key).read_text("utf-8").strip() if key and "+" not in key else key


if __name__ == "__main__":
    sys.exit(main())

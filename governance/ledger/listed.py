"""What an evidence bundle lists of itself: its manifest, and the leaf hashes of entries that are not for publication.

A manifest is signed by nobody: it shows that files were changed or lost by accident, and names the record. What proves
an entry is its receipt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from governance.ledger import verify_bundle
from governance.ledger.unpacked import Member

MANIFEST, LEAVES = verify_bundle.MANIFEST, "leaves.json"
FORMAT = "urn:fairgate:evidence-bundle:v1"
MAX_BYTES = 4 * 1024 * 1024


def manifests(members: Sequence[Member]) -> Iterator[tuple[Member, Mapping[str, Any]]]:
    """The manifests of evidence bundles among these files."""
    for item in members:
        found = _document(item) if item.name.endswith(MANIFEST) else None
        if isinstance(found, Mapping) and found.get("format") == FORMAT:
            yield item, found


def compared(manifest: Member, members: Sequence[Member]) -> verify_bundle.Found:
    """What the script of the bundle finds in the files beside this manifest."""
    before = manifest.name.removesuffix(MANIFEST)
    here = {item.name.removeprefix(before): item.path for item in members if item.name.startswith(before)}
    return verify_bundle.check(here)


def leaves(members: Sequence[Member]) -> Mapping[str, bytes]:
    """Name of a proof -> leaf hash, from the lists of leaves of bundles without their entries."""
    found: dict[str, bytes] = {}
    for item in members:
        rows = _document(item) if item.name.endswith(LEAVES) else None
        before = item.name.removesuffix(LEAVES)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping) and isinstance(row.get("proof"), str):
                try:
                    found[before + row["proof"]] = bytes.fromhex(f"{row.get('leaf')}")
                except ValueError:
                    continue
    return found


def _document(item: Member) -> Any:
    if item.path.stat().st_size > MAX_BYTES:
        return None
    try:
        return json.loads(item.path.read_bytes())
    except (ValueError, RecursionError):
        return None

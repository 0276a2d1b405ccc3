"""What an evidence bundle lists of itself: its manifest, and the leaf hashes of entries that are not for publication.

A manifest is signed by nobody: it shows that files were changed or lost by accident, and names the record. What proves
an entry is its receipt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from governance.digests import digest_file
from governance.ledger.unpacked import Member

MANIFEST, LEAVES = "manifest.json", "leaves.json"
FORMAT = "urn:fairgate:evidence-bundle:v1"
RECORD = "report/report.json"
MAX_BYTES = 4 * 1024 * 1024


def manifests(members: Sequence[Member]) -> Iterator[tuple[Member, Mapping[str, Any]]]:
    """The manifests of evidence bundles among these files."""
    for item in members:
        found = _document(item) if item.name.endswith(MANIFEST) else None
        if isinstance(found, Mapping) and found.get("format") == FORMAT:
            yield item, found


def differences(manifest: Member, says: Mapping[str, Any], members: Sequence[Member]) -> Iterator[str]:
    """Files that are not those that the manifest names, that are missing, or that it does not name."""
    before = manifest.name.removesuffix(MANIFEST)
    here = {item.name.removeprefix(before): item for item in members if item.name.startswith(before)}
    listed = _listed(says)
    if listed is None:
        yield "its list of files cannot be read"
        return
    yield from (f"{name} is missing" for name in sorted(listed.keys() - here.keys()))
    yield from (f"{name} is not in the manifest" for name in sorted(here.keys() - listed.keys() - {MANIFEST}))
    digests = {name: digest_file(here[name].path) for name in listed.keys() & here.keys()}
    yield from (f"{name} was changed" for name in sorted(digests) if digests[name] != listed[name])
    if digests.get(RECORD) != says.get("record_digest"):
        yield f"{RECORD} is not the record whose digest the reports print"


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


def _listed(says: Mapping[str, Any]) -> dict[str, str] | None:
    try:
        return {f"{item['name']}": f"{item['sha256']}" for item in says["files"]}
    except (KeyError, TypeError):
        return None


def _document(item: Member) -> Any:
    if item.path.stat().st_size > MAX_BYTES:
        return None
    try:
        return json.loads(item.path.read_bytes())
    except (ValueError, RecursionError):
        return None

"""What goes out of a ledger is the same on PostgreSQL: receipts, exports, second places, witnesses, fsck."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_factory import now, sign_off
from postgres_server import absent, postgres_server, run

from governance.evidence import EvidenceStore
from governance.ledger import verify_export
from governance.ledger.checkpoint import log_key
from governance.ledger.export import export
from governance.ledger.export_file import envelopes_in
from governance.ledger.fsck import Stores, checked, fsck
from governance.ledger.keys import open_keys
from governance.ledger.places import FilePlace, copy_checkpoint, kept_checkpoints
from governance.ledger.receipt import check_receipt, keep_receipt, read_files
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.ledger.witness import Sight, witness
from governance.migrations import SCHEMA

SIZE = 5


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if reason := absent():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def ledger(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLedger]:
    found = SqlLedger(address, open_keys(tmp_path_factory.mktemp("home") / "keys"), now)
    for number in range(SIZE):
        found.append(sign_off(number))
    yield found
    found.database.engine.dispose()  # type: ignore[attr-defined]


def test_receipts_exports_places_and_witnesses_of_a_ledger_on_postgresql(ledger: SqlLedger, tmp_path: Path) -> None:
    entries, public = list(ledger.entries()), ledger.keys.log.public
    files = keep_receipt(ledger, entries[2], tmp_path / "receipts")
    assert check_receipt(*read_files(files), public).opened.seq == 2

    done = export(ledger, tmp_path / "ledger.jsonl")
    assert list(envelopes_in(done.path)) == [entry.envelope for entry in entries]
    report = verify_export.verify(done.path, str(log_key(public)), (), [files.proof])
    assert (report.size, report.problems) == (SIZE, [])

    place = FilePlace(tmp_path / "checkpoints.log")
    assert copy_checkpoint(ledger, [place])[0].size == SIZE
    kept = [*kept_checkpoints([place], public), *checked([files], public)[0]]
    assert verify_ledger(ledger, kept=kept).problems == ()

    newest = ledger.checkpoint()
    assert newest is not None
    assert witness(Sight(newest.note, envelopes_in(done.path)), tmp_path / "memory", log_key(public)).now.size == SIZE

    stores = Stores(EvidenceStore(tmp_path / "evidence"), tmp_path / "keys", tmp_path / "receipts", tmp_path)
    found = fsck(ledger, stores)
    assert (found.size, found.evidence, found.receipts) == (SIZE, SIZE + 1, 1)
    assert sum("is missing" in problem for problem in found.problems) == SIZE + 1


def test_a_database_rolled_back_is_seen_by_a_second_place_and_only_so(
    address: str, ledger: SqlLedger, tmp_path: Path
) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    ledger.append(sign_off(9))
    copy_checkpoint(ledger, [place])
    with ledger.reading() as snapshot:
        earlier = list(snapshot.rows())[-2]
        frontier = b"".join(_frontier([row.leaf_hash for row in snapshot.rows()][:-1]))
    _roll_back(address, earlier.root, frontier)
    back = SqlLedger(address, ledger.keys, now)
    assert verify_ledger(back).problems == ()
    [problem] = verify_ledger(back, kept=kept_checkpoints([place], ledger.keys.log.public)).problems
    assert problem == f"entries {SIZE} to {SIZE} are gone: a checkpoint in {place.path} has them"
    assert copy_checkpoint(back, [place])[0].tampered
    back.database.engine.dispose()  # type: ignore[attr-defined]


def _roll_back(address: str, root: bytes, frontier: bytes) -> None:
    """What an administrator of the database can do: guards off, the newest entries gone, guards on again."""
    tables = [f"{SCHEMA}.{name}" for name in ("checkpoint", "entry_subject", "entry", "head")]
    checkpoint, subject, entry, head = tables
    run(
        address,
        *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables),
        f"DELETE FROM {checkpoint} WHERE size > {SIZE}",
        f"DELETE FROM {subject} WHERE seq >= {SIZE}",
        f"DELETE FROM {entry} WHERE seq >= {SIZE}",
        f"UPDATE {head} SET size = {SIZE}, root = '\\x{root.hex()}', frontier = '\\x{frontier.hex()}'",
        """DO $$ DECLARE guard record; BEGIN
            FOR guard IN SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
                EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.relation, guard.tgname);
            END LOOP; END $$""",
    )


def _frontier(leaves: list[bytes]) -> tuple[bytes, ...]:
    from governance.ledger.tree import extend

    found: tuple[bytes, ...] = ()
    for size, leaf in enumerate(leaves):
        found = extend(size, found, leaf)
    return found

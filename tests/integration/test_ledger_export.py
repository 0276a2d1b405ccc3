"""An export verifies offline by one script that knows nothing of Fairgate; every change of the file is seen."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_factory import behind_its_back, filled, ledger_at, sign_off

from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger import verify_export
from governance.ledger.checkpoint import log_key, sign_checkpoint
from governance.ledger.envelope import PAYLOAD_TYPE, seal
from governance.ledger.export import Exported, entry_line, export
from governance.ledger.export_file import envelopes_in, read_header
from governance.ledger.keys import LedgerKeys
from governance.ledger.receipt import keep_receipt
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import extend, inclusion_proof, leaf_hash, root_of, root_of_leaves

SIZE = 9
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> SqlLedger:
    return filled(tmp_path_factory.mktemp("home"), SIZE)


@pytest.fixture
def exported(ledger: SqlLedger, tmp_path: Path) -> Exported:
    (tmp_path / "out").mkdir()
    return export(ledger, tmp_path / "out" / "ledger.jsonl")


def _vkey(ledger: SqlLedger) -> str:
    return str(log_key(ledger.keys.log.public))


def _problems(path: Path, **given: Any) -> list[str]:
    found = {"log_key": None, "checkpoints": (), "receipts": (), **given}
    return verify_export.verify(path, **found).problems


def _changed(path: Path, change: Callable[[list[bytes]], object]) -> Path:
    """A copy of the export whose lines were changed."""
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    copy = path.with_name("changed.jsonl")
    copy.write_bytes(b"".join(lines))
    return copy


def _header(lines: list[bytes], **given: object) -> None:
    lines[0] = json.dumps({**json.loads(lines[0]), **given}, ensure_ascii=False).encode() + b"\n"


# --- the file ------------------------------------------------------------------------------------------------------


def test_an_export_holds_every_stored_byte(ledger: SqlLedger, exported: Exported) -> None:
    assert list(envelopes_in(exported.path)) == [entry.envelope for entry in ledger.entries()]
    head = ledger.head()
    assert (exported.size, exported.root) == (head.size, head.root)
    header = read_header(exported.path)
    assert (header["format"], header["version"], header["origin"]) == (
        "fairgate-ledger-export",
        1,
        "fairgate.local/ledger",
    )
    assert (header["size"], header["root"], header["log_key"]) == (SIZE, head.root.hex(), _vkey(ledger))
    assert base64.b64decode(header["attestation_key"]) == ledger.keys.attestation.public
    assert exported.path.read_bytes().count(b"\n") == SIZE + 1


def test_the_script_beside_it_needs_nothing_of_ours(ledger: SqlLedger, exported: Exported) -> None:
    """Run isolated (-I), in an empty folder, with every package of ours forbidden."""
    assert exported.script is not None
    assert exported.script.read_text().count("\n") < 250
    ours = ("governance", "flows", "audits", "expectations", "reports", "rfc8785", "sqlalchemy")
    code = (
        "import runpy, sys\n"
        f"for name in {ours!r}: sys.modules[name] = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [sys.executable, "-I", "-c", code, str(exported.script), str(exported.path), "--log-key", _vkey(ledger)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=exported.path.parent, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"VERIFIED: {SIZE} entries; root {exported.root.hex()}\n  0 receipts; log key {_vkey(ledger)}\n"
    )


def test_an_export_of_an_empty_ledger(tmp_path: Path) -> None:
    done = export(ledger_at(tmp_path / "home"), tmp_path / "empty.jsonl")
    assert (done.size, _problems(done.path)) == (0, [])


def test_an_export_never_overwrites(ledger: SqlLedger, exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="never overwrites"):
        export(ledger, exported.path)
    exported.path.with_name("verify_export.py").write_text("somebody else's")
    assert export(ledger, exported.path.with_name("second.jsonl")).script is None
    assert exported.path.with_name("verify_export.py").read_text() == "somebody else's"
    with pytest.raises(LedgerError, match="cannot be written"):
        export(ledger, tmp_path / "nowhere" / "ledger.jsonl")


def test_a_tampered_ledger_is_not_exported(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "home", 3)
    [(first,), (second,)] = [(entry.envelope,) for entry in list(ledger.entries())[:2]]
    behind_its_back(ledger.path, "UPDATE entry SET envelope = ? WHERE seq = 1", given=(first,))
    with pytest.raises(LedgerTamperedError, match="cannot be exported: entry 1: seq is 0 in the signed body"):
        export(ledger, tmp_path / "ledger.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
    assert second != first


# --- changes of the file -------------------------------------------------------------------------------------------


def _swap(lines: list[bytes]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def _drop_inside(lines: list[bytes]) -> None:
    del lines[4]


def _drop_last(lines: list[bytes]) -> None:
    del lines[-1]


def _double(lines: list[bytes]) -> None:
    lines.insert(4, lines[4])


def _join_up(lines: list[bytes]) -> None:
    """Dropped, and the numbers of the lines put right."""
    del lines[4]
    for seq, line in enumerate(lines[1:]):
        lines[seq + 1] = entry_line(seq, base64.b64decode(json.loads(line)["envelope"]))


def _cut(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:-10]


def _garbage(lines: list[bytes]) -> None:
    lines[5] = b'{"envelope":"AAA","seq":4}\n'


def _spaces(lines: list[bytes]) -> None:
    lines[5] = lines[5].replace(b",", b", ")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_swap, "reading ended before line 4: it is not that of entry 2"),
        (_drop_inside, "reading ended before line 5: it is not that of entry 3"),
        (_drop_last, "entries 8 to 8 are not here: the checkpoint in the header has them"),
        (_double, "reading ended before line 6: it is not that of entry 4"),
        (_join_up, "entry 3: seq is 4 in the signed body"),
        (_cut, "reading ended before line 10: it is not that of entry 8"),
        (_garbage, "entry 4: Incorrect padding"),
        (_spaces, "reading ended before line 6: it is not that of entry 4"),
        (lambda lines: _header(lines, size=8), "header: size is 8, not 9"),
        (lambda lines: _header(lines, size=0), "header: size is 0, not 9"),
        (lambda lines: _header(lines, size=True), "header: size is True, not 9"),
        (lambda lines: _header(lines, format="other"), "header: format is other, not fairgate-ledger-export"),
        (lambda lines: _header(lines, version=2), "header: version is 2, not 1"),
        (lambda lines: _header(lines, checkpoint="x"), "header, key or what was brought along"),
        (lambda lines: _header(lines, checkpoint=None), "header, key or what was brought along"),
        (lambda lines: _header(lines, attestation_key="AAAA"), "header, key or what was brought along"),
        (lambda lines: _header(lines, log_key="a+b"), "header, key or what was brought along"),
        (lambda lines: lines.__setitem__(0, b"[]\n"), "header, key or what was brought along"),
        (lambda lines: lines.__setitem__(0, b"[" * 100_000 + b"\n"), "header, key or what was brought along"),
        (lambda lines: lines.__setitem__(0, b'{"size":1,"size":2}\n'), "stands twice"),
        (lambda lines: lines.clear(), "header, key or what was brought along"),
    ],
)
def test_a_changed_export_is_refused(exported: Exported, change: Callable[[list[bytes]], object], told: str) -> None:
    found = _problems(_changed(exported.path, change))
    assert any(told in problem for problem in found), found


def test_no_bit_of_an_entry_can_change(exported: Exported) -> None:
    """Flips anywhere in the envelopes: either the base64 says the same bytes, or it is seen."""
    truth, dice = list(envelopes_in(exported.path)), random.Random(5)
    seen = 0
    for _ in range(150):
        place, bit = dice.randrange(SIZE), 1 << dice.randrange(8)
        envelope = bytearray(truth[place])
        envelope[dice.randrange(len(envelope))] ^= bit
        line = entry_line(place, bytes(envelope))
        assert _problems(_changed(exported.path, lambda lines, p=place, x=line: lines.__setitem__(p + 1, x))) != []
        seen += 1
    assert seen == 150


def _written(folder: Path, keys: LedgerKeys, envelopes: list[bytes], log: Any = None) -> Path:
    """An export that somebody with keys makes by hand."""
    frontier: tuple[bytes, ...] = ()
    for seq, envelope in enumerate(envelopes):
        frontier = extend(seq, frontier, leaf_hash(envelope))
    checkpoint = sign_checkpoint(len(envelopes), root_of(frontier), log or keys.log)
    header = {
        "format": verify_export.FORMAT,
        "version": 1,
        "log_key": str(log_key((log or keys.log).public)),
        "attestation_key": base64.b64encode(keys.attestation.public).decode(),
        "size": len(envelopes),
        "checkpoint": checkpoint.note,
    }
    path = folder / "by-hand.jsonl"
    lines = [
        json.dumps(header, ensure_ascii=False).encode() + b"\n",
        *(entry_line(seq, x) for seq, x in enumerate(envelopes)),
    ]
    path.write_bytes(b"".join(lines))
    return path


def _signed(keys: LedgerKeys, payload: bytes) -> bytes:
    pae = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    outer = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": keys.attestation.keyid, "sig": base64.b64encode(keys.attestation.sign(pae)).decode()}],
    }
    return json.dumps(outer, separators=(",", ":")).encode()


BODY = b'{"decision":"approve"}'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (BODY, b'{"decision":"reject","decision":"approve"}', "a key stands twice"),
        (BODY, b'{"decision":"reject","\\u0064ecision":"approve"}', "escaped that canonical JSON does not escape"),
        (BODY, b'{"\\u0064ecision":"approve"}', "escaped that canonical JSON does not escape"),
        (BODY, b'{"decision":"\\/approve"}', "escaped that canonical JSON does not escape"),
        (BODY, b'{"decision":NaN}', "invalid literal"),
        (BODY, b'{"decision":-Infinity}', "invalid literal"),
        (BODY, b'{"decision":' + b"9" * 5_000 + b"}", "Exceeds the limit"),
        (BODY, b'{"decision":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "recursion"),
        (b'"seq":0', b'"seq":1', "seq is 1 in the signed body"),
        (b'"seq":0', b'"seq":false', "seq is False in the signed body"),
        (b'"seq":0', b'"seq":0.0', "seq is 0.0 in the signed body"),
        (b'"time":"2', b'"time":"9x2', "is not one, or goes back"),
        (b"https://in-toto.io/Statement/v1", b"https://in-toto.io/Statement/v2", "not an in-toto Statement v1"),
        (b'"name":"audit-report"', b'"name":"model/hiring/0"', "a subject stands twice"),
    ],
)
def test_what_is_signed_and_says_two_things_is_refused(
    ledger: SqlLedger, tmp_path: Path, before: bytes, after: bytes, told: str
) -> None:
    """Even under both keys."""
    first = next(iter(ledger.entries())).envelope
    payload = base64.b64decode(json.loads(first)["payload"])
    assert payload.count(before) == 1
    assert _problems(_written(tmp_path, ledger.keys, [_signed(ledger.keys, payload)])) == []
    found = _problems(_written(tmp_path, ledger.keys, [_signed(ledger.keys, payload.replace(before, after))]))
    assert len(found) == 1
    assert told in found[0]


@pytest.mark.parametrize("value", ['"', "\\", "\\u0064", "/", "\n\u0001\u001f", "\\\\u0064", "ü\u2028", "a\\/b"])
def test_every_text_that_the_ledger_writes_is_read(ledger: SqlLedger, tmp_path: Path, value: str) -> None:
    envelope = seal(
        sign_off(0, text=value, **{value: 1}), 0, next(iter(ledger.entries())).time, ledger.keys.attestation
    )
    assert _problems(_written(tmp_path, ledger.keys, [envelope])) == []


def test_time_that_goes_back_is_seen(ledger: SqlLedger, tmp_path: Path) -> None:
    first, second = list(ledger.entries())[:2]
    key = ledger.keys.attestation
    envelopes = [seal(sign_off(0), 0, second.time, key), seal(sign_off(1), 1, first.time, key)]
    [found] = _problems(_written(tmp_path, ledger.keys, envelopes))
    assert found.startswith("entry 1: time ")


def test_problems_end_at_a_hundred(ledger: SqlLedger, tmp_path: Path) -> None:
    first = next(iter(ledger.entries())).envelope
    found = _problems(_written(tmp_path, ledger.keys, [first] * 300))
    assert len(found) <= 103


# --- what comes from elsewhere -------------------------------------------------------------------------------------


def test_an_export_made_under_other_keys_is_seen_with_the_log_key_and_only_so(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    stranger = filled(tmp_path / "stranger", 3)
    done = export(stranger, tmp_path / "theirs.jsonl")
    assert _problems(done.path) == []
    assert not verify_export.verify(done.path, None, (), ()).anchored
    [found] = _problems(done.path, log_key=_vkey(ledger))
    assert "is not signed by the log key" in found
    header_changed = _changed(done.path, lambda lines: _header(lines, log_key=_vkey(ledger)))
    assert _problems(header_changed) != []


def test_an_older_export_is_seen_with_a_checkpoint_and_with_a_receipt(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "home", 3)
    old = export(ledger, tmp_path / "old.jsonl").path
    entry = ledger.append(sign_off(50))
    ledger.append(sign_off(51))
    kept = tmp_path / "kept.txt"
    kept.write_text(ledger.checkpoint().note)  # type: ignore[union-attr]
    files = keep_receipt(ledger, entry, tmp_path / "receipts")
    new = export(ledger, tmp_path / "new.jsonl").path
    assert _problems(old) == []
    assert _problems(new, checkpoints=[kept], receipts=[files.proof]) == []
    assert _problems(old, checkpoints=[kept]) == [f"entries 3 to 4 are not here: checkpoint {kept} has them"]
    assert _problems(old, receipts=[files.proof]) == [f"entries 3 to 4 are not here: receipt {files.proof} has them"]


def test_an_entry_written_anew_is_seen_with_its_receipt_and_only_so(ledger: SqlLedger, tmp_path: Path) -> None:
    entries = list(ledger.entries())
    files = keep_receipt(ledger, entries[4], tmp_path / "receipts")
    envelopes = [entry.envelope for entry in entries]
    envelopes[4] = seal(sign_off(4, decision="refuse"), 4, entries[4].time, ledger.keys.attestation, "key-4")
    anew = _written(tmp_path, ledger.keys, envelopes)
    assert _problems(anew) == []
    found = _problems(anew, receipts=[files.proof])
    assert f"entry 4 is not the one of receipt {files.proof}: it was changed or replaced" in found
    assert f"the first {SIZE} entries are not those of receipt {files.proof}" in found


def test_a_changed_envelope_beside_a_receipt_is_seen(ledger: SqlLedger, exported: Exported, tmp_path: Path) -> None:
    files = keep_receipt(ledger, list(ledger.entries())[4], tmp_path / "receipts")
    assert _problems(exported.path, receipts=[files.proof]) == []
    files.envelope.write_bytes(files.envelope.read_bytes() + b" ")
    assert _problems(exported.path, receipts=[files.proof]) != []
    files.envelope.unlink()
    assert _problems(exported.path, receipts=[files.proof]) == []


def test_what_is_brought_along_must_be_readable(exported: Exported, tmp_path: Path) -> None:
    for given in ({"checkpoints": [tmp_path / "none"]}, {"receipts": [tmp_path / "none"]}, {"log_key": "x"}):
        [found] = _problems(exported.path, **given)
        assert found.startswith("header, key or what was brought along")


def test_a_log_key_of_small_order_is_refused(exported: Exported) -> None:
    weak = str(log_key(bytes([1]) + bytes(31)))
    [found] = _problems(exported.path, log_key=weak)
    assert "small order" in found


def test_the_script_refuses_the_same_weak_keys_as_the_product() -> None:
    from governance.ledger.keys import _LOW_ORDER

    for raw in _LOW_ORDER:
        with pytest.raises(ValueError, match="small order"):
            verify_export.public_key(raw)


@pytest.mark.parametrize(("ending", "code"), [("", 0), ("changed", 5), ("absent", 5)])
def test_the_script_ends_with_a_code_and_a_document(
    exported: Exported, ending: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported.path
    if ending == "changed":
        path = _changed(path, _join_up)
    if ending == "absent":
        path = path.with_name("absent")
    assert verify_export.main([str(path), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert (document["problems"] == []) is (code == 0)
    assert verify_export.main([str(path)]) == code
    said = capsys.readouterr().out
    assert said.startswith("VERIFIED" if code == 0 else "NOT VERIFIED")
    assert code or "the file's own word" in said


def test_the_log_key_may_stand_in_a_file(ledger: SqlLedger, exported: Exported, tmp_path: Path) -> None:
    key = tmp_path / "log.vkey"
    key.write_text(_vkey(ledger) + "\n")
    assert verify_export.main([str(exported.path), "--log-key", str(key)]) == 0
    key.write_bytes(b"\xff")
    assert verify_export.main([str(exported.path), "--log-key", str(key)]) == 5


# --- the script's own arithmetic -----------------------------------------------------------------------------------


def test_the_script_computes_the_same_roots_and_paths() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    for size in range(1, 21):
        frontier: tuple[bytes, ...] = ()
        for seq in range(size):
            frontier = extend(seq, frontier, leaves[seq])
        root = root_of_leaves(leaves[:size])
        assert verify_export.root_of(frontier) == root
        for seq in range(size):
            proof = inclusion_proof(leaves[:size], seq)
            assert (
                list(verify_export.check_leaf(verify_export.Memory("", size, root, seq, proof), leaves[seq], b"x"))
                == []
            )


@pytest.mark.needs_shared
def test_the_script_passes_the_published_inclusion_vectors() -> None:
    path = VECTORS / "merkle_inclusion.jsonl"
    if not path.exists():
        pytest.skip(f"the conformance vectors are not at {path}")
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for case in cases:
        proof = tuple(base64.b64decode(step) for step in case["proof"] or ())
        root = base64.b64decode(case["root"] or "")
        item = verify_export.Memory("", case["treeSize"], root, case["leafIdx"], proof)
        problems = list(verify_export.check_leaf(item, base64.b64decode(case["leafHash"] or ""), b"x"))
        assert (problems != []) is case["wantErr"], case["case"]
    assert len(cases) == 98


def test_an_export_is_streamed(ledger: SqlLedger, exported: Exported) -> None:
    """Neither reader takes the file whole: a line is all that is held."""
    source = envelopes_in(exported.path)
    assert next(source) == next(iter(ledger.entries())).envelope
    with pytest.raises(ConfigurationError, match="is not an export"):
        read_header(exported.script or Path())
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_header(exported.path.with_name("absent"))
    with pytest.raises(LedgerTamperedError, match="line 5 is not that of entry 3"):
        list(envelopes_in(_changed(exported.path, _drop_inside)))

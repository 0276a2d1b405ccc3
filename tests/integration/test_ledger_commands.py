"""`fairgate ledger` and `fairgate history` as a person types them, in one process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governance_factory import COMPLIANCE, real_registry, sha
from ledger_factory import behind_its_back, sign_off

from flows.cli import main
from flows.settings import read_settings
from flows.wiring import checkpoint_places, open_ledger
from governance.ledger import verify_export
from governance.ledger.places import copy_checkpoint
from governance.ledger.receipt import keep_receipt
from governance.ledger.sql import SqlLedger
from governance.people import actor
from governance.record import step
from governance.statement import PredicateType
from governance.subject import Subject, Target

SIZE = 4
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlLedger:
    """A project with four sign-offs; each was copied to two places and its signer has a receipt."""
    for name in ("FAIRGATE_HOME", "FAIRGATE_LEDGER", "FAIRGATE_CHECKPOINTS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FAIRGATE_CHECKPOINTS", str(tmp_path / "disk2" / "checkpoints.log"))
    settings = read_settings()
    ledger = open_ledger(settings)
    for number in range(SIZE):
        entry = ledger.append(sign_off(number))
        keep_receipt(ledger, entry, settings.receipts)
        copied = copy_checkpoint(ledger, checkpoint_places(settings))
        assert [item.problem for item in copied] == [None, None]
    return ledger


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str]:
        code = main([str(item) for item in arguments])
        done = capsys.readouterr()
        return code, done.out + done.err

    return command


def _document(run: Run, *arguments: object) -> Any:
    _code, out = run(*arguments, "--json")
    return json.loads(out)


def _proof(seq: int) -> Path:
    [found] = Path(".fairgate/receipts").glob(f"{seq}-*.tlog-proof")
    return found


def _roll_back(ledger: SqlLedger) -> None:
    """The ledger of before the last entry, as an old copy of the file would be."""
    with ledger.reading() as snapshot:
        rows = list(snapshot.rows())
    earlier = rows[-2]
    frontier = b"".join(_frontier([row.leaf_hash for row in rows[:-1]]))
    behind_its_back(
        ledger.path,
        f"DELETE FROM checkpoint WHERE size = {SIZE}",
        f"DELETE FROM entry_subject WHERE seq = {SIZE - 1}",
        f"DELETE FROM entry WHERE seq = {SIZE - 1}",
        f"UPDATE head SET size = {SIZE - 1}, root = x'{earlier.root.hex()}', frontier = x'{frontier.hex()}'",
    )


def _frontier(leaves: list[bytes]) -> tuple[bytes, ...]:
    from governance.ledger.tree import extend

    found: tuple[bytes, ...] = ()
    for size, leaf in enumerate(leaves):
        found = extend(size, found, leaf)
    return found


# --- verify --------------------------------------------------------------------------------------------------------


def test_verify_looks_at_the_second_places(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    code, said = run("ledger", "verify")
    assert code == 0
    assert said.startswith(f"VERIFIED: {SIZE} entries")
    assert f"compared with {SIZE} checkpoints in {tmp_path / 'disk2' / 'checkpoints.log'}, up to {SIZE} entries" in said
    assert f"compared with {SIZE} checkpoints in {project.path.parent / 'checkpoints.log'}" in said
    assert "not compared: sqlite:///mlflow.db keeps no checkpoint" in said
    document = _document(run, "ledger", "verify")
    assert (document["size"], document["problems"], len(document["compared"])) == (SIZE, [], 2)


def test_verify_sees_a_roll_back_by_a_second_place_and_only_so(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    _roll_back(project)
    code, said = run("ledger", "verify", "--offline")
    assert code == 5
    assert f"entries {SIZE - 1} to {SIZE - 1} are gone: a checkpoint in " in said
    (project.path.parent / "checkpoints.log").unlink()
    assert run("ledger", "verify", "--offline")[0] == 5
    kept = tmp_path / "disk2" / "checkpoints.log"
    kept.unlink()
    assert run("ledger", "verify", "--offline")[0] == 0, "nobody elsewhere remembers"
    code, said = run("ledger", "verify", "--offline", "--receipt", _proof(SIZE - 1))
    assert code == 5
    assert f"a receipt {_proof(SIZE - 1)} has them" in said


def test_verify_sees_a_roll_back_by_the_registry_alone(project: SqlLedger, run: Run) -> None:
    real_registry(Path.cwd(), ())
    code, said = run("ledger", "checkpoint", "--copy")
    assert code == 0
    assert f"checkpoint of {SIZE} entries: sqlite:///mlflow.db" in said
    assert f"compared with 1 checkpoints in sqlite:///mlflow.db, up to {SIZE} entries" in run("ledger", "verify")[1]
    _roll_back(project)
    for place in read_settings().checkpoints:
        place.unlink()
    assert run("ledger", "verify", "--offline")[0] == 0, "nobody on disk remembers"
    code, said = run("ledger", "verify")
    assert code == 5
    assert "entries 3 to 3 are gone: a checkpoint in sqlite:///mlflow.db has them" in said
    code, said = run("ledger", "checkpoint", "--copy")
    assert code == 5
    assert "the ledger has 3 entries, sqlite:///mlflow.db remembers 4: it was rolled back" in said


def test_verify_takes_a_checkpoint_kept_by_hand(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    assert run("ledger", "checkpoint", "--output", kept)[0] == 0
    assert run("ledger", "verify", "--offline", "--checkpoint", kept)[0] == 0
    for place in checkpoint_places(read_settings()):
        Path(place.name).unlink()
    _roll_back(project)
    code, said = run("ledger", "verify", "--offline", "--checkpoint", kept)
    assert code == 5
    assert f"a checkpoint {kept} has them" in said
    code, said = run("ledger", "verify", "--offline", "--checkpoint", tmp_path / "absent")
    assert code == 2
    assert "cannot be read" in said


def test_a_place_that_was_changed_is_a_problem(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    place = tmp_path / "disk2" / "checkpoints.log"
    place.write_bytes(place.read_bytes().replace(b"fairgate.local", b"fairgate.lokal", 1))
    code, said = run("ledger", "verify", "--offline")
    assert code == 5
    assert "holds something that is not a checkpoint" in said


def test_a_place_that_does_not_answer_is_not_a_verification(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    place = tmp_path / "disk2" / "checkpoints.log"
    place.unlink()
    place.mkdir()
    code, said = run("ledger", "verify", "--offline")
    assert code == 6
    assert f"not compared: {place}: {place} cannot be read" in said


# --- fsck, show, keys ----------------------------------------------------------------------------------------------


def test_fsck_tells_missing_evidence(project: SqlLedger, run: Run) -> None:
    code, said = run("ledger", "fsck", "--offline")
    assert code == 5
    assert said.startswith(f"DAMAGED: {SIZE + 1} problems in {SIZE} entries, {SIZE + 1} pieces of evidence, {SIZE} rec")
    from governance.evidence import EvidenceStore

    store = EvidenceStore(read_settings().evidence)
    store.put(b"report")
    for number in range(SIZE):
        store.put(b"model %d" % number)
    code, said = run("ledger", "fsck", "--offline")
    assert (code, said.startswith("WHOLE:")) == (0, True)
    document = _document(run, "ledger", "fsck", "--offline")
    assert (document["problems"], document["evidence"], document["receipts"]) == ([], SIZE + 1, SIZE)


def test_show_filters(project: SqlLedger, run: Run) -> None:
    target, subject = Target("local", "champion"), Subject("r", "hiring", "1", 1, "m", sha("x"))
    project.append(step(PredicateType.PROMOTION, subject, target, body={}, policy=sha("policy")))

    def shown(*arguments: object) -> list[int]:
        return [item["seq"] for item in _document(run, "ledger", "show", *arguments)["entries"]]

    assert shown() == list(range(SIZE + 1))
    assert shown("--kind", "promotion") == [SIZE]
    assert shown("--kind", "sign-off", "--kind", "promotion") == list(range(SIZE + 1))
    assert shown("--actor", "officer") == list(range(SIZE))
    assert shown("--model", "hiring/1") == [1, SIZE]
    assert shown("--model", "hiring/1", "--kind", "sign-off") == [1]
    times = [entry.time.isoformat() for entry in project.entries()]
    assert shown("--since", times[2]) == [2, 3, 4]
    assert shown("--until", times[2]) == [0, 1]
    assert shown("--since", "2999-01-01") == []
    assert shown("--seq", 3) == [3]


def test_show_prints_one_entry_whole(project: SqlLedger, run: Run) -> None:
    entry = list(project.entries())[2]
    code, said = run("ledger", "show", "--seq", 2)
    assert code == 0
    for part in (entry.leaf_hash.hex(), entry.root.hex(), "sign-off", entry.statement.meaning, '"decision": "approve"'):
        assert part in said
    [document] = _document(run, "ledger", "show", "--seq", 2)["entries"]
    assert document["envelope"].encode() == entry.envelope


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--kind", "blessing"), "--kind is 'blessing'; write one of: policy, "),
        (("--since", "yesterday"), "--since is 'yesterday'"),
        (("--seq", 99), "no entry 99 is to be shown"),
    ],
)
def test_show_says_what_to_write(project: SqlLedger, run: Run, arguments: tuple[object, ...], told: str) -> None:
    code, said = run("ledger", "show", *arguments)
    assert code == 2
    assert told in said


def test_keys_are_printed_for_outsiders(project: SqlLedger, run: Run) -> None:
    document = _document(run, "ledger", "keys")
    assert verify_export.read_vkey(document["vkey"]) == ("fairgate.local/ledger", project.keys.log.public)
    assert document["log"]["pem"] == (project.path.parent / "keys" / "log.pub").read_text()
    assert document["attestation"]["keyid"] == project.keys.attestation.keyid
    code, said = run("ledger", "keys")
    assert code == 0
    assert document["vkey"] in said
    assert document["attestation"]["pem"].strip() in said
    assert "PRIVATE" not in said


# --- receipts ------------------------------------------------------------------------------------------------------


def test_a_receipt_is_written_and_checked(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    document = _document(run, "ledger", "receipt", 2, "--output", tmp_path / "mine")
    code, said = run("ledger", "check-receipt", document["proof"], document["envelope"])
    assert code == 0
    assert said.startswith("PROVED: entry 2 was in the ledger when it had 4 entries")
    assert run("ledger", "check-receipt", document["proof"])[0] == 0
    code, said = run("ledger", "receipt", 99)
    assert code == 2
    assert "there is no entry 99" in said


def test_a_receipt_is_checked_without_the_ledger(
    project: SqlLedger, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vkey, proof = _document(run, "ledger", "keys")["vkey"], _proof(2).resolve()
    public = (project.path.parent / "keys" / "log.pub").resolve()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "log.vkey").write_text(vkey)
    for key in (vkey, "log.vkey", public):
        assert run("ledger", "check-receipt", proof, "--log-key", key)[0] == 0
    code, said = run("ledger", "check-receipt", proof)
    assert code == 2
    assert "log.pub cannot be read" in said
    assert [path.name for path in Path().iterdir()] == ["log.vkey"], "nothing was made here"


def test_a_receipt_says_when_the_ledger_lost_its_entry(project: SqlLedger, run: Run) -> None:
    proof = _proof(SIZE - 1)
    code, said = run("ledger", "check-receipt", proof, "--compare")
    assert code == 0
    assert "the ledger still has this entry" in said
    _roll_back(project)
    code, said = run("ledger", "check-receipt", proof, "--compare")
    assert code == 5
    assert "PROVED: entry 3" in said
    assert f"entries 3 to 3 are gone: a receipt {proof} has them" in said
    assert _document(run, "ledger", "check-receipt", proof, "--compare")["problems"] != []


def test_a_changed_receipt_proves_nothing(project: SqlLedger, run: Run) -> None:
    path = _proof(1).with_suffix(".json")
    path.write_bytes(path.read_bytes() + b" ")
    code, said = run("ledger", "check-receipt", _proof(1))
    assert code == 5
    assert "the envelope is not entry 1" in said


# --- export, witness, copies ---------------------------------------------------------------------------------------


def test_an_export_and_a_witness_of_it(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    vkey = _document(run, "ledger", "keys")["vkey"]
    code, said = run("ledger", "export", "ledger.jsonl")
    assert code == 0
    assert "python verify_export.py ledger.jsonl --log-key KEY" in said
    assert verify_export.main(["ledger.jsonl", "--log-key", vkey]) == 0
    memory = tmp_path / "auditor" / "memory.log"
    code, said = run("ledger", "witness", "ledger.jsonl", "--memory", memory)
    assert code == 2
    assert "say whose log it is" in said
    code, said = run("ledger", "witness", "ledger.jsonl", "--memory", memory, "--log-key", vkey)
    assert code == 0
    assert "WITNESSED: 4 entries, seen for the first time" in said
    project.append(sign_off(9))
    key = tmp_path / "auditor" / "witness.pem"
    code, said = run("ledger", "witness", "--memory", memory, "--key", key, "--name", "auditor.example/w1")
    assert code == 0
    assert "WITNESSED: 5 entries, extends the 4 seen before" in said
    assert "\u2014 auditor.example/w1 " in said
    code, said = run("ledger", "witness", "ledger.jsonl", "--memory", memory, "--log-key", vkey)
    assert code == 5
    assert "ROLLED BACK: the ledger shows 4 entries, this witness has seen 5" in said
    document = _document(run, "ledger", "export", "second.jsonl")
    assert (document["size"], document["script"]) == (5, "verify_export.py")
    code, said = run("ledger", "export", "second.jsonl")
    assert code == 2


def test_a_checkpoint_is_copied_by_hand(project: SqlLedger, run: Run, tmp_path: Path) -> None:
    project.append(sign_off(9))
    code, said = run("ledger", "checkpoint", "--copy", "--offline")
    assert code == 0
    assert said.count("checkpoint of 5 entries: ") == 2
    code, said = run("ledger", "checkpoint", "--copy")
    assert code == 6
    assert "the checkpoint was not copied to sqlite:///mlflow.db: no registry at" in said
    assert run("ledger", "verify", "--offline")[0] == 0


def test_a_long_ledger_shows_its_progress(project: SqlLedger, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.cli import ledger

    assert "..." not in run("ledger", "verify", "--offline")[1]
    monkeypatch.setattr(ledger, "LONG", 2)
    assert "  ... verifying every entry" in run("ledger", "verify", "--offline")[1]
    assert "  ... writing and verifying out.jsonl" in run("ledger", "export", "out.jsonl")[1]
    assert json.loads(run("ledger", "verify", "--offline", "--json")[1])["problems"] == []


# --- history -------------------------------------------------------------------------------------------------------


def test_history_of_a_model(project: SqlLedger, run: Run) -> None:
    assert run("history", "hiring") == (0, "nothing of hiring was live\n")
    target, subject = Target("local", "champion"), Subject("r", "hiring", "2", 1, "m", sha("x"))
    by = actor(COMPLIANCE)
    promotion = project.append(step(PredicateType.PROMOTION, subject, target, by=by, body={}, policy=sha("policy")))
    ended = project.append(
        step(PredicateType.DEMOTION, subject, target, body={"reason": "drift"}, policy=sha("policy"))
    )
    code, said = run("history", "hiring", "--alias", "champion")
    assert code == 0
    assert said.startswith("hiring v2 as champion in local: from ")
    assert f"promoted entry {promotion.seq}, by Compliance Officer" in said
    assert "evidence none is recorded" in said
    assert f"ended    entry {ended.seq}" in said
    assert "demotion by Fairgate (unattended): drift" in said
    [reign] = _document(run, "history", "hiring", "--at", promotion.time.isoformat())["reigns"]
    assert (reign["version"], reign["seq"], reign["end"]["seq"]) == ("2", promotion.seq, ended.seq)
    assert reign["broken_glass"] is False
    assert _document(run, "history", "hiring", "--at", ended.time.isoformat())["reigns"] == []
    assert len(_document(run, "history", "hiring", "--on", f"{promotion.time:%Y-%m-%d}")["reigns"]) == 1
    assert _document(run, "history", "hiring", "--on", "1999-12-31")["reigns"] == []
    assert _document(run, "history", "hiring", "--environment", "production")["reigns"] == []
    assert run("history", "hiring", "--on", "1999-12-31")[1] == "nothing of hiring was live on 1999-12-31\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--on", "today"), "--on is 'today'; write a day"),
        (("--at", "noon"), "--at is 'noon'; write a moment"),
        (("--on", "2026-01-01", "--at", "2026-01-01"), "give one of them"),
    ],
)
def test_history_says_what_to_write(project: SqlLedger, run: Run, arguments: tuple[str, ...], told: str) -> None:
    code, said = run("history", "hiring", *arguments)
    assert code == 2
    assert told in said

"""The parent's side of scoring with hostile children: small scripts in place of the real child, no model."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import scoring, scoring_child
from audits.answer import predictions_of
from audits.plan import AuditPlan, Score, Task
from audits.scoring import Limits, score, score_batches
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
HEAD = "import json, os, signal, subprocess, sys, time\njob = json.loads(sys.argv[1])\n"
READ = "open(job['rows'], 'rb').read()\n"
Child = Callable[[str], Path]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Replace the child's script; returns a model folder that takes the column x."""

    def replace(script: str) -> Path:
        (tmp_path / "child.py").write_text(HEAD + script)
        monkeypatch.setattr(scoring, "_CHILD", tmp_path / "child.py")
        (tmp_path / "model").mkdir()
        inputs = json.dumps([{"type": "long", "name": "x", "required": True}])
        (tmp_path / "model" / "MLmodel").write_text("signature:\n  inputs: " + json.dumps(inputs))
        return tmp_path / "model"

    return replace


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    pd.DataFrame({"x": [1, 2, 3], "hired": ["no", "yes", "no"]}).to_parquet(tmp_path / "data.parquet")
    return tmp_path / "data.parquet"


def gone(pid: int) -> bool:
    """Has the process ended (or is only waiting to be reaped)?"""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


GRANDCHILD = "child = subprocess.Popen(['sleep', '600'])\nopen({note!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"


def test_a_model_that_never_answers_is_stopped_with_all_that_it_started(
    child: Child, rows: Path, tmp_path: Path
) -> None:
    note = str(tmp_path / "pids")
    model = child(GRANDCHILD.format(note=note) + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n")
    with pytest.raises(MeasurementError, match=r"did not answer within 3 s and was stopped\. .*\[data\] prediction"):
        score(model, rows, PLAN, limits=Limits(seconds=3))
    assert all(gone(int(pid)) for pid in Path(note).read_text().split())


def test_nothing_that_a_model_started_lives_on_after_its_answer(child: Child, rows: Path, tmp_path: Path) -> None:
    note = str(tmp_path / "pids")
    answer = READ + 'os.write(job[\'answer\'], b\'{"stage": "done", "pieces": [["bool", 3]]}\')\n'
    answer += "os.write(job['array'], b'\\x01\\x00\\x01')\n"
    model = child(GRANDCHILD.format(note=note) + answer)
    assert np.asarray(score(model, rows, PLAN)).tolist() == ["true", "false", "true"]
    assert all(gone(int(pid)) for pid in Path(note).read_text().split())


def test_the_child_gets_nothing_of_ours(
    child: Child, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAIRGATE_HOME", "MLFLOW_TRACKING_URI", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "LD_PRELOAD_X"):
        monkeypatch.setenv(name, "secret")
    leaked = os.open(rows, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    out = tmp_path / "seen.json"
    seen = "dict(env=dict(os.environ), cwd=os.getcwd(), there=os.listdir(), stdin=sys.stdin.read(), sid=os.getsid(0))"
    files = "[os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]"
    script = f"seen = {seen}\nseen['files'] = {files}\n"
    model = child(script + f"json.dump(seen, open({str(out)!r}, 'w'))")
    with pytest.raises(MeasurementError, match="no readable answer"):
        score(model, rows, PLAN)
    os.close(leaked)
    found = json.loads(out.read_text())
    assert set(found["env"]) - {"LC_CTYPE"} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"),
        *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"),
        "JOBLIB_MULTIPROCESSING",
    }
    assert "secret" not in found["env"].values()
    assert found["env"]["HOME"] == found["cwd"]
    assert (found["there"], found["stdin"]) == ([], "")
    assert found["sid"] != os.getsid(0)
    assert str(rows) not in found["files"]
    assert not Path(found["cwd"]).exists()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("", "no readable answer"),
        ("os._exit(3)", "ended with code 3 before it answered"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "stopped by signal 11 before it answered"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "more than 3600 s of processor time"),
        (
            'os.write(job[\'answer\'], b\'{"stage": "load", "error": "E", "message": "m"}\')',
            r"cannot be loaded \(E: m\)",
        ),
    ],
)
def test_a_child_that_ends_in_another_way_is_said_to(child: Child, rows: Path, script: str, says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        score(child(script), rows, PLAN)


def test_missing_columns_are_named_before_any_child_starts(child: Child, tmp_path: Path) -> None:
    pd.DataFrame({"xx": [1], "hired": ["no"]}).to_csv(tmp_path / "data.csv", index=False)
    model = child(f"open({str(tmp_path / 'started')!r}, 'w')")
    with pytest.raises(
        MeasurementError, match=r"data\.csv lacks 'x', which the model takes as input\. Did you mean 'xx'\?"
    ):
        score(model, tmp_path / "data.csv", PLAN)
    assert not (tmp_path / "started").exists()


def test_a_model_that_takes_the_label_is_refused(child: Child, rows: Path) -> None:
    plan = AuditPlan("m", "x", "1", (), (), date(2026, 1, 1), "sha256:0")
    with pytest.raises(MeasurementError, match="takes the label 'x' as an input"):
        score(child(""), rows, plan)


def test_a_model_without_a_signature_is_refused(child: Child, rows: Path) -> None:
    model = child("")
    (model / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(MeasurementError, match="does not say which columns it takes: log it with signature"):
        score(model, rows, PLAN)


def test_no_rows_are_nothing_to_score(child: Child, tmp_path: Path) -> None:
    pd.DataFrame({"x": pd.Series([], dtype="int64")}).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(MeasurementError, match=r"data\.parquet has no rows"):
        score(child(""), tmp_path / "data.parquet", PLAN)


def test_a_child_that_did_not_read_every_row_cannot_have_answered(child: Child, tmp_path: Path) -> None:
    many = tmp_path / "many.parquet"
    pd.DataFrame({"x": range(300_000)}).to_parquet(many)
    model = child('os.write(job[\'answer\'], b\'{"stage": "done", "pieces": [["bool", 300000]]}\')\n')
    with pytest.raises(MeasurementError, match="answered before it had read every row"):
        score(model, many, PLAN)


def test_a_child_that_never_reads_is_stopped_in_time(child: Child, tmp_path: Path) -> None:
    many = tmp_path / "many.parquet"
    pd.DataFrame({"x": range(300_000)}).to_parquet(many)
    start = time.monotonic()
    with pytest.raises(MeasurementError, match="did not answer within 1 s"):
        score(child("time.sleep(600)"), many, PLAN, limits=Limits(seconds=1))
    assert time.monotonic() - start < 60


def test_rows_that_fail_to_be_read_stop_the_child(child: Child, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    model = child(f"open({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"x": [1, 2]})
        while not note.exists() or not note.read_text():
            time.sleep(0.02)
        raise MeasurementError("the disk is gone")

    with pytest.raises(MeasurementError, match="the disk is gone"):
        score_batches(model, batches(), "the data", PLAN)
    assert gone(int(note.read_text()))


def test_rows_are_let_go_once_they_are_handed_over(child: Child) -> None:
    answer = 'os.write(job[\'answer\'], b\'{"stage": "done", "pieces": [["bool", 200000]]}\')\n'
    model = child(READ + answer + "os.write(job['array'], bytes(200_000))\n")
    pool = pa.default_memory_pool()
    held: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(200):
            held.append(pool.bytes_allocated())
            yield pa.record_batch({"x": pa.array(np.arange(1_000)).cast(pa.float64())})

    assert len(score_batches(model, batches(), "the data", PLAN)) == 200_000
    assert max(held) - held[0] < 20 * 8_000


def test_the_rows_come_as_one_stream_of_the_model_s_columns(child: Child, tmp_path: Path) -> None:
    data, copy = tmp_path / "many.parquet", tmp_path / "copy.arrow"
    pd.DataFrame({"hired": "no", "x": range(250_000)}).to_parquet(data)
    script = f"open({str(copy)!r}, 'wb').write(open(job['rows'], 'rb').read())\n"
    with pytest.raises(MeasurementError, match="no readable answer"):
        score(child(script), data, PLAN)
    with pa.ipc.open_stream(copy.read_bytes()) as stream:
        table = stream.read_all()
    assert table.column_names == ["x"]
    assert table["x"].to_pylist() == list(range(250_000))


def test_what_is_returned_no_longer_depends_on_the_child_s_file(child: Child, rows: Path) -> None:
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as numbers:
        answer.write(json.dumps({**DONE, "pieces": [["int64", 3]]}).encode())
        numbers.write(np.array([1, 0, 1]).tobytes())
        numbers.flush()
        found = predictions_of(answer, numbers, 3, PLAN)
        numbers.seek(0)
        numbers.write(np.array([9, 9, 9]).tobytes())
        numbers.flush()
    assert np.asarray(found).tolist() == ["1", "0", "1"]


def read(said: object, array: bytes = b"", rows: int | None = 3, plan: AuditPlan = PLAN) -> np.ndarray[Any, Any]:
    """What the parent makes of these bytes."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as numbers:
        answer.write(said if isinstance(said, bytes) else json.dumps(said).encode())
        numbers.write(array)
        answer.flush()
        numbers.flush()
        return np.asarray(predictions_of(answer, numbers, rows, plan))


DONE = {"stage": "done"}


def done(*pieces: Any, **more: Any) -> dict[str, Any]:
    """An answer of these pieces."""
    return {**DONE, "pieces": list(pieces), **more}


def text(values: Any = ("no", "yes")) -> dict[str, Any]:
    """Three codes of texts."""
    return done(["text", 3], values=values)


NUMBERS = done(["float64", 3])


def codes(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def floats(*values: float) -> bytes:
    return np.array(values, "<f8").tobytes()


@pytest.mark.parametrize(
    ("said", "array", "says"),
    [
        (b"", b"", "no readable answer"),
        (b"[" * 100_000, b"", "no readable answer"),
        (b'"' + b"x" * (1 << 20) + b'"', b"", "no readable answer"),
        ([], b"", "no readable answer"),
        ({"stage": "done"}, b"", "no readable answer"),
        (done(), b"", "no readable answer"),
        (done("int64"), b"", "no readable answer"),
        (done({"int64": 3}), b"", "no readable answer"),
        (done([["text"], 3]), b"", "no readable answer"),
        (done(["object", 3]), b"\x80\x04", "no readable answer"),
        (done(["int64", 3.0]), bytes(24), "no readable answer"),
        (done(["bool", True], ["bool", 2]), bytes(3), "no readable answer"),
        (done(["int64", -1], ["int64", 4]), bytes(24), "no readable answer"),
        (done(["int64", 0], ["int64", 3]), bytes(24), "no readable answer"),
        (done(["int64", 2**60]), bytes(24), "no readable answer"),
        (done(["int64", 2]), bytes(16), "2 predictions for 3 rows"),
        (done(["int64", 10**6]), bytes(8 * 10**6), "1000000 predictions for 3 rows"),
        (done(["int64", 3]), bytes(16), "no readable answer"),
        (done(["int64", 3]), bytes(32), "no readable answer"),
        (done(["int64", 2], ["bool", 1]), bytes(24), "no readable answer"),
        (done(["int64", 2], ["bool", 1]), bytes(17), "returned numbers and truth values: it must give the label's own"),
        (done(["text", 2], ["int64", 1], values=["1", "0"]), bytes(12), "returned numbers and texts"),
        (text(None), codes(0, 1, 0), "texts that are no labels"),
        (text(["no", "\x1b[2J"]), codes(0, 1, 0), "texts that are no labels"),
        (text(["no", "x" * 501]), codes(0, 1, 0), "texts that are no labels"),
        (text(["no", 1]), codes(0, 1, 0), "texts that are no labels"),
        (text([f"{n}" for n in range(1_001)]), codes(0, 1, 0), "no readable answer"),
        (text(), codes(0, 1, 2), "no readable answer"),
        (text(), codes(0, 1, -2), "no readable answer"),
        (done(["text", 3]), codes(0, 0, 0), "no readable answer"),
        (text(), codes(0, -1, -1), "2 of 3 predictions are missing .*first on row 1"),
        (text(["no", " "]), codes(0, 1, 0), "1 of 3 predictions are missing .*first on row 1"),
        (text(["a", "b", "c"]), codes(0, 1, 2), r"3 different values \(from a to c\), a decision has two"),
        (NUMBERS, floats(0, float("nan"), 1), "1 of 3 predictions are missing .*first on row 1"),
        (NUMBERS, floats(0.5, float("nan"), 1), "1 of 3 predictions are missing .*first on row 1"),
        (NUMBERS, floats(0, 0.25, 1), "from 0 to 1, which look like probabilities; an audit needs dec"),
        (done(["float64", 2], ["float64", 1]), floats(0, 25.5, 1), "from 0 to 25.5, which are scores"),
        (NUMBERS, floats(0, 2.0**53, 1), "which are scores"),
        (NUMBERS, floats(0, float("inf"), 1), "from 0 to inf"),
        (NUMBERS, floats(0, 1, 2), r"3 different values \(from 0 to 2\)"),
        (
            {"stage": "predict", "error": "E", "message": "\x1b[31m" * 99, "row": 7},
            b"",
            r"row 7 \(counted from 0\): E: \\x1b",
        ),
        ({"stage": "predict", "error": "E", "message": "m", "first": 0, "last": 9}, b"", "rows 0 to 9 together"),
        ({"stage": "predict", "error": "E", "message": 3, "row": "x", "every": True}, b"", "every row tried"),
        ({"stage": "predict", "error": "MemoryError", "message": "m"}, b"", "needs more memory"),
        (
            {"stage": "answer", "message": "2 columns per row"},
            b"",
            "returned 2 columns per row; an audit needs one decision",
        ),
        ({"stage": "rm -rf"}, b"", "no readable answer"),
    ],
)
def test_an_answer_is_read_as_hostile_input(said: object, array: bytes, says: str) -> None:
    with pytest.raises(MeasurementError, match=says) as caught:
        read(said, array)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def through(*pieces: Any, plan: AuditPlan = PLAN) -> np.ndarray[Any, Any]:
    """Predictions as the child writes and the parent reads them."""
    frames = [pd.DataFrame({"x": range(len(piece))}) for piece in pieces]
    answers = iter(pieces)
    model = SimpleNamespace(predict=lambda frame: next(answers))
    with tempfile.TemporaryFile() as numbers, tempfile.TemporaryFile() as answer:
        said = scoring_child.predicted(model, {}, iter(frames), scoring_child.Written(numbers))
        numbers.flush()
        answer.write(json.dumps(said).encode())
        return np.asarray(predictions_of(answer, numbers, sum(map(len, pieces)), plan))


@pytest.mark.parametrize(
    ("pieces", "values"),
    [
        ([["no", "yes"], ["no"]], ["no", "yes", "no"]),
        ([["no", "no"], ["yes", "no"]], ["no", "no", "yes", "no"]),
        ([np.array(["é", "ü"], dtype=object)], ["é", "ü"]),
        ([pd.Series(["a", "b"], dtype="category")], ["a", "b"]),
        ([[True, False]], ["true", "false"]),
        ([np.array([True, False], dtype=object)], ["true", "false"]),
        ([np.array([1, 0], dtype="uint8"), [1]], ["1", "0", "1"]),
        ([[1.0, 0.0]], ["1", "0"]),
        ([[1, 0], [1.0, 0.0]], ["1", "0", "1", "0"]),
        ([np.array([1, 0], dtype=object)], ["1", "0"]),
        ([pd.Series([1, 0], dtype="Int64")], ["1", "0"]),
    ],
)
def test_decisions_come_through_as_they_are(pieces: list[Any], values: list[Any]) -> None:
    assert through(*pieces).tolist() == values


CLASSES = replace(PLAN, task=Task.MULTICLASS)


def test_many_classes_come_through_where_the_plan_says_so() -> None:
    classes = [f"{number % 700}" for number in range(2_100)]
    assert through(classes[:1_000], classes[1_000:], plan=CLASSES).tolist() == classes
    assert through(list(range(999)), plan=CLASSES).tolist() == [str(number) for number in range(999)]
    with pytest.raises(MeasurementError, match="1001 different values"):
        through(list(range(501)), list(range(501, 1_001)), plan=CLASSES)


SCORED = replace(PLAN, score=Score(0.0, 10.0, cutoff=5.0))


@given(st.lists(st.lists(st.floats(0, 10) | st.integers(0, 10), min_size=1, max_size=9), min_size=1, max_size=4))
def test_scores_come_through_to_the_last_bit(pieces: list[list[float]]) -> None:
    found = through(*pieces, plan=SCORED)
    assert found.dtype == float
    assert found.tolist() == [float(value) for piece in pieces for value in piece]


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ([[0.5], [float("nan"), 1]], "1 of 3 scores are missing .*first on row 1"),
        ([[0.5], [None, 1.5]], "1 of 3 scores are missing .*first on row 1"),
        ([[0.5], [3.0, float("inf")]], "1 of 3 scores are outside the declared range 0 to 10 .*from 0.5 to inf.*row 2"),
        ([[-0.5], [3.0, 10.5]], "2 of 3 scores are outside the declared range 0 to 10 .*from -0.5 to 10.5.*row 0"),
        ([[True, False]], "returned truth values, but the plan says that its answer is a score"),
        ([["yes", "no"]], "returned texts, but the plan says that its answer is a score"),
        ([[1.0, 2.0], ["no"]], "returned texts, but the plan says"),
        (
            [np.ones((3, 2))],
            r"2 columns per row \(as predict_proba does\); an audit needs one score \(a number\) per row",
        ),
    ],
)
def test_what_is_no_score_is_refused(pieces: list[Any], says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        through(*pieces, plan=SCORED)


def test_predicted_numbers_are_not_rounded() -> None:
    plan = replace(PLAN, label="wage", task=Task.REGRESSION)
    assert through([1e300, -2.5], [0.1], plan=plan).tolist() == [1e300, -2.5, 0.1]
    with pytest.raises(MeasurementError, match="1 of 2 scores are infinite"):
        through([1e300, float("-inf")], plan=plan)


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        ([None, None], "2 of 2 predictions are missing"),
        (np.array(["yes", None], dtype=object), "1 of 2 predictions are missing .* row 1"),
        (pd.Series([True, None], dtype="boolean"), "1 of 2 predictions are missing .* row 1"),
        (np.array([1, "yes"], dtype=object), "values of type int"),
        (np.array([b"a", b"b"]), "values of type"),
        (pd.to_datetime(pd.Series(["2020-01-01"])), "values of type datetime64"),
        ([f"{n}" for n in range(1_001)], "1001 different texts"),
    ],
)
def test_what_is_no_decision_is_refused(piece: Any, says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        through(piece)

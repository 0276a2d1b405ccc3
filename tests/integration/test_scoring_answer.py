"""The parent's side of scoring with hostile children: small scripts in place of the real child, no model."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits import scoring, scoring_child
from audits.answer import predictions_of
from audits.plan import AuditPlan
from audits.scoring import Limits, score
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
HEAD = "import json, os, signal, subprocess, sys, time\njob = json.loads(sys.argv[1])\n"
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
    answer = 'os.write(job[\'answer\'], b\'{"stage": "done", "kind": "bool"}\')\n'
    answer += "os.write(job['array'], b'\\x01\\x00\\x01')\n"
    model = child(GRANDCHILD.format(note=note) + answer)
    assert score(model, rows, PLAN).tolist() == [True, False, True]
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
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"),
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


def read(said: object, array: bytes = b"", rows: int = 3) -> np.ndarray[Any, Any]:
    """What the parent makes of these bytes."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as numbers:
        answer.write(said if isinstance(said, bytes) else json.dumps(said).encode())
        numbers.write(array)
        answer.flush()
        numbers.flush()
        return predictions_of(answer, numbers, rows)


DONE = {"stage": "done", "kind": "int64"}
TEXT = {"stage": "done", "kind": "text", "values": ["no", "yes"]}


def codes(*values: int) -> bytes:
    return np.array(values, "<i4").tobytes()


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
        ({"stage": "done", "kind": ["text"]}, b"", "no readable answer"),
        ({"stage": "done", "kind": "object"}, b"\x80\x04", "no readable answer"),
        (DONE, bytes(16), "2 predictions for 3 rows"),
        (DONE, bytes(8 * 10**6), "1000000 predictions for 3 rows"),
        ({**TEXT, "values": None}, codes(0, 1, 0), "texts that are no labels"),
        ({**TEXT, "values": ["no", "\x1b[2J"]}, codes(0, 1, 0), "texts that are no labels"),
        ({**TEXT, "values": ["no", "x" * 501]}, codes(0, 1, 0), "texts that are no labels"),
        ({**TEXT, "values": ["no", 1]}, codes(0, 1, 0), "texts that are no labels"),
        (TEXT, codes(0, 1, 2), "no readable answer"),
        (TEXT, codes(0, 1, -2), "no readable answer"),
        (TEXT, codes(0, -1, -1), "2 of 3 predictions are missing .*first on row 1"),
        ({**DONE, "kind": "float64"}, floats(0, float("nan"), 1), "1 of 3 predictions are missing .*first on row 1"),
        (
            {**DONE, "kind": "float64"},
            floats(0, 0.25, 1),
            "from 0 to 1, which look like probabilities; an audit needs dec",
        ),
        ({**DONE, "kind": "float64"}, floats(0, 25.5, 1), "from 0 to 25.5, which are scores"),
        ({**DONE, "kind": "float64"}, floats(0, float("inf"), 1), "from 0 to inf"),
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


def through(*pieces: Any) -> np.ndarray[Any, Any]:
    """Predictions as the child writes and the parent reads them."""
    with tempfile.TemporaryFile() as numbers:
        copy = os.dup(numbers.fileno())
        said = scoring_child.written([np.asarray(piece) for piece in pieces], copy)
        with tempfile.TemporaryFile() as answer:
            answer.write(json.dumps(said).encode())
            return predictions_of(answer, numbers, sum(map(len, pieces)))


@pytest.mark.parametrize(
    ("pieces", "values", "dtype"),
    [
        ([["no", "yes"], ["no"]], ["no", "yes", "no"], object),
        ([np.array(["é", "ü"], dtype=object)], ["é", "ü"], object),
        ([pd.Series(["a", "b"], dtype="category")], ["a", "b"], object),
        ([[True, False]], [True, False], bool),
        ([np.array([True, False], dtype=object)], [True, False], bool),
        ([np.array([1, 0], dtype="uint8"), [1]], [1, 0, 1], "int64"),
        ([[1.0, 0.0]], [1, 0], "int64"),
        ([np.array([1, 0], dtype=object)], [1, 0], "int64"),
        ([pd.Series([1, 0], dtype="Int64")], [1, 0], "int64"),
    ],
)
def test_decisions_come_through_as_they_are(pieces: list[Any], values: list[Any], dtype: Any) -> None:
    found = through(*pieces)
    assert found.tolist() == values
    assert found.dtype == dtype


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

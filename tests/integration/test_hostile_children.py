"""Models that exhaust, lie and end badly: the real sandbox with a small script in place of MLflow and the model."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audits import scoring, scoring_child
from audits.plan import AuditPlan, Score
from audits.sandbox import Sandbox, sandbox
from audits.scoring import Limits, score
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
SCORED = replace(PLAN, label=None, score=Score(0.0, 10.0))
HEAD = f"""
import json, os, resource, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, {str(Path(scoring_child.__file__).parent)!r})
from scoring_child import confine
job = json.loads(sys.argv[1])
confine(job)

def answer(pieces, data, **more):
    open(job['rows'], 'rb', closefd=False).read()
    os.write(job['array'], data)
    os.write(job['answer'], json.dumps({{"stage": "done", "pieces": pieces, **more}}).encode())
"""
GOOD = "answer([['bool', 3]], b'\\x01\\x00\\x01')\n"
SMALL = Limits(seconds=30, memory_bytes=1 << 30, cpu_seconds=20, file_bytes=16 << 20)
Child = Callable[[str], Path]

pytestmark = pytest.mark.skipif(not sandbox().holds(), reason=f"no sandbox holds here: {sandbox().told()}")


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A model folder whose scoring child is this script, confined."""

    def replaced(script: str) -> Path:
        # Beside nothing of ours: what it reads after it is confined lies in the model's folder.
        (tmp_path / "child.py").write_text(HEAD + script)
        monkeypatch.setattr(scoring, "_CHILD", tmp_path / "child.py")
        (tmp_path / "model").mkdir()
        inputs = json.dumps([{"type": "long", "name": "x", "required": True}])
        (tmp_path / "model" / "MLmodel").write_text("signature:\n  inputs: " + json.dumps(inputs))
        return tmp_path / "model"

    return replaced


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    pd.DataFrame({"x": [1, 2, 3], "hired": ["no", "yes", "no"]}).to_parquet(tmp_path / "data.parquet")
    return tmp_path / "data.parquet"


REFUSED = {
    "memory bomb": ("held = []\nwhile True: held.append(bytearray(64 << 20))", "may have needed more than 1,024 MiB"),
    "memory in a mapping": ("import mmap\nmmap.mmap(-1, 2 << 30)", "may have needed more than 1,024 MiB"),
    "sleeps for ever": ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(600)", "within 3 s"),
    "stops itself": ("os.kill(os.getpid(), signal.SIGSTOP)", "within 3 s"),
    "never reads": (
        'os.close(job[\'rows\']); os.write(job[\'answer\'], b\'{"stage": "done", "pieces": [["bool", 3]]}\')',
        "no readable answer",
    ),
    "one file too large": ("open('big', 'wb').truncate(17 << 20)", "before it answered"),
    "answer too large": (
        "os.write(job['array'], bytes(16 << 20)); os.write(job['array'], bytes(1))",
        "before it answered",
    ),
    "ends half way": ("os.write(job['array'], b'\\x01')\nos._exit(0)", "no readable answer"),
    "crashes half way": ("os.write(job['array'], b'\\x01')\nos.kill(os.getpid(), 11)", "stopped by signal 11"),
    "closes everything": ("os.closerange(0, 512)\nos._exit(0)", "no readable answer"),
    "too few": ("answer([['bool', 2]], b'\\x01\\x00')", "2 predictions for 3 rows"),
    "too many": ("answer([['bool', 4]], bytes(4))", "4 predictions for 3 rows"),
    "fewer bytes than said": ("answer([['int64', 3]], bytes(8))", "no readable answer"),
    "objects": ("answer([['object', 3]], bytes(24))", "no readable answer"),
    "a pickle": ("answer([['pickle', 3]], b'cos\\nsystem\\n(Vtrue\\ntR.')", "no readable answer"),
    "calls by 32-bit numbers": (
        "import ctypes, mmap\n"
        "code = b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'\n"  # mov eax, 20; int 0x80; ret
        "room = mmap.mmap(-1, 4096, prot=7); room.write(code)\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(room)))()",
        "stopped by signal 31",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_model_does_is_said_and_ends_it(child: Child, rows: Path, name: str) -> None:
    script, says = REFUSED[name]
    if "32-bit" in name and os.uname().machine != "x86_64":
        pytest.skip("32-bit numbers of x86")
    short = replace(SMALL, seconds=3) if says == "within 3 s" else SMALL
    with pytest.raises(MeasurementError, match=says) as caught:
        score(child(script), rows, PLAN, limits=short)
    assert str(caught.value).isprintable()


def test_a_loop_is_ended_by_its_processor_time(child: Child, rows: Path) -> None:
    with pytest.raises(MeasurementError, match="more than 1 s of processor time"):
        score(child("while True: pass"), rows, PLAN, limits=replace(SMALL, cpu_seconds=1, seconds=120))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("float('nan'), 1.0, 2.0", "1 of 3 scores are missing"),
        ("float('inf'), 1.0, 2.0", "1 of 3 scores are outside the declared range"),
        ("1e308, 1.0, 2.0", "1 of 3 scores are outside the declared range"),
        ("-1e-300, 1.0, 2.0", "1 of 3 scores are outside the declared range"),
    ],
)
def test_scores_are_checked_for_their_range(child: Child, rows: Path, values: str, says: str) -> None:
    script = f"import array\nanswer([['float64', 3]], array.array('d', [{values}]).tobytes())"
    with pytest.raises(MeasurementError, match=says):
        score(child(script), rows, SCORED, limits=SMALL)


def test_a_negative_zero_is_a_zero(child: Child, rows: Path) -> None:
    script = "import array\nanswer([['float64', 3]], array.array('d', [-0.0, 0.0, 10.0]).tobytes())"
    assert np.asarray(score(child(script), rows, SCORED, limits=SMALL)).tolist() == [0.0, 0.0, 10.0]
    decided = np.asarray(score(rows.parent / "model", rows, PLAN, limits=SMALL)).tolist()
    assert decided[:2] == ["0", "0"]


def test_a_disk_is_not_filled(child: Child, rows: Path) -> None:
    """Files without a name count too: the whole disk is looked at."""
    disk = os.statvfs(rows.parent)
    free = disk.f_bavail * disk.f_frsize
    limits = replace(SMALL, free_bytes=free - (256 << 20), seconds=120)
    script = """
for number in range(60):
    file = open(f"filler-{number}", "wb"); os.unlink(f"filler-{number}")
    globals()[f"held{number}"] = file
    file.write(bytes(15 << 20)); file.flush()
time.sleep(600)
"""
    with pytest.raises(MeasurementError, match=r"MiB were left on the disk of temporary files\. Make room"):
        score(child(script), rows, PLAN, limits=limits)


SURVIVES = {
    "fork bomb": (
        "n = 0\nwhile n < 1000:\n    try: os.fork(); raise SystemExit(9)\n    except PermissionError: n += 1\n"
    ),
    "threads": (
        "try:\n    for _ in range(2000): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "except RuntimeError: pass\n"
    ),
    "links in the scratch folder": (
        "os.symlink('/etc/passwd', 'a'); os.symlink('/', 'b'); os.symlink('a', 'home'); os.mkdir('shut', 0)\n"
    ),
    "deep folders": "for _ in range(3000):\n    os.mkdir('d' * 50); os.chdir('d' * 50)\n",
    "many names": "for n in range(3000): open(str(n), 'w').close()\n",
    "odd names": "open(b'\\xff\\n\\x1b[2J', 'w').close()\n",
    "noise": "sys.stdout.write('x' * (1 << 20)); sys.stderr.write('\\x1b[2J' * 1000)\n",
    "signals refused": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n",
    "mode 0 on its folder": "os.chmod('.', 0)\n",
}


@pytest.mark.parametrize("name", SURVIVES)
def test_what_does_no_harm_gets_the_right_answer(
    child: Child, rows: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of it is left in the folder of temporary files."""
    mode = rows.stat().st_mode & 0o777
    scratch = rows.parent / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    last = "import os as o\nsys.stdout.flush(); o._exit(0)\n"
    found = score(child(SURVIVES[name] + GOOD + last), rows, PLAN, limits=SMALL)
    assert np.asarray(found).tolist() == ["true", "false", "true"]
    assert list(scratch.iterdir()) == []
    assert rows.stat().st_mode & 0o777 == mode


def test_an_answer_cannot_be_changed_after_it_was_given(child: Child, rows: Path) -> None:
    script = (
        "def later():\n    time.sleep(0.3)\n    os.lseek(job['array'], 0, 0); os.write(job['array'], b'\\x00' * 3)\n"
        "threading.Thread(target=later, daemon=True).start()\n"
    )
    assert np.asarray(score(child(script + GOOD + "os._exit(0)"), rows, PLAN, limits=SMALL)).tolist()[0] == "true"


def test_a_child_that_cannot_shut_itself_in_does_not_score(
    child: Child, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = Sandbox(landlock=99, network=True, uid=True, limits=True)
    monkeypatch.setattr(scoring, "sandbox", lambda: more)
    with pytest.raises(MeasurementError, match=r"could not confine itself .*the model was not loaded.*fairgate doctor"):
        score(child(GOOD), rows, PLAN, limits=SMALL)


def test_what_stays_open_is_what_the_guide_says(child: Child, rows: Path) -> None:
    """Whether a file exists, its size and times, the load: `audits.sandbox.LEFT_OPEN`."""
    script = f"seen = os.stat({str(rows)!r}).st_size\nos.getloadavg()\n"
    script += f"assert seen == {rows.stat().st_size}\n"
    assert np.asarray(score(child(script + GOOD), rows, PLAN, limits=SMALL)).tolist()[0] == "true"

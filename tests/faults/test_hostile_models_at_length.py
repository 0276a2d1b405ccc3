"""Models that exhaust and end badly, saved with MLflow and scored in the real child: five seconds and more each.

The same with a small script in place of MLflow, and what a model is refused: tests/integration/test_hostile_*.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import attacks
import numpy as np
import pandas as pd
import pytest

from audits.plan import AuditPlan, Task
from audits.sandbox import sandbox
from audits.scoring import Limits, score
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
TEXTS = replace(PLAN, task=Task.MULTICLASS)
SMALL = Limits(seconds=120, memory_bytes=4 << 30, cpu_seconds=60, file_bytes=16 << 20)

AT_LENGTH = pytest.mark.skipif(os.environ.get("FAULTS") != "full", reason="make test-faults runs it")
pytestmark = pytest.mark.skipif(not sandbox().holds(), reason=f"no sandbox holds here: {sandbox().told()}")

MODES = """
import os, signal, threading, time
import numpy as np
import mlflow

class Hostile(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        mode, n = model_input["mode"].iloc[0], len(model_input)
        if mode == "memory":
            held = []
            while True:
                held.append(np.ones(8 << 20))
        if mode == "loop":
            while True:
                pass
        if mode == "sleep":
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            time.sleep(600)
        if mode == "disk":
            for number in range(100):
                held = open(f"filler{number}", "wb"); os.unlink(held.name)
                globals()[f"held{number}"] = held
                held.write(bytes(15 << 20)); held.flush()
            time.sleep(600)
        if mode == "end":
            os._exit(0)
        if mode == "descriptors":
            for number in range(256):
                try:
                    os.write(number, b"\\x01" * 64)
                except OSError:
                    pass
        if mode == "close":
            os.closerange(0, 256)
        if mode == "threads":
            try:
                for _ in range(5000):
                    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            except RuntimeError:
                pass
        if mode == "ids":
            return [f"{os.getuid()} {os.getpid()}"] * n
        return np.ones(n, dtype=bool)

mlflow.models.set_model(Hostile())
"""
LOADER = """
import json
from pathlib import Path
import attacks

class Loaded:
    def __init__(self, done):
        self.done = done

    def predict(self, frame):
        return [self.done] * len(frame)

def _load_pyfunc(path):
    targets = json.loads((Path(__file__).parent / "targets.json").read_text())
    names = ("read_private_key", "write_new_file", "run_shell", "listen", "write_model_copy", "start_process")
    return Loaded(" ".join(name for name in names if attacks.tried(name, targets) == "done") or "nothing")
"""
MAKE = """
import sys
from pathlib import Path
import mlflow, numpy as np, pandas as pd, yaml
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from sklearn.linear_model import LogisticRegression

folder = Path(sys.argv[1])
taken = ModelSignature(inputs=Schema([ColSpec("string", "mode")]))
mlflow.pyfunc.save_model(folder / "modes", python_model=folder / "modes.py", signature=taken, pip_requirements=[])
model = LogisticRegression().fit([[0], [1]], [0, 1])
mlflow.sklearn.save_model(model, folder / "loader", serialization_format="skops", signature=taken, pip_requirements=[])
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
frame = pd.DataFrame({"x": np.arange(400.0)})
honest = make_pipeline(
    make_union(StandardScaler(), StandardScaler(), n_jobs=2), RandomForestClassifier(20, n_jobs=-1, random_state=0)
).fit(frame, frame["x"] > 123)
mlflow.sklearn.save_model(
    honest, folder / "workers", serialization_format="cloudpickle", pip_requirements=[],
    signature=ModelSignature(inputs=Schema([ColSpec("double", "x")])),
)
frame.assign(hired=honest.predict(frame)).to_parquet(folder / "workers.parquet")
described = yaml.safe_load((folder / "loader" / "MLmodel").read_text())
described["flavors"]["python_function"] |= {"loader_module": "evil_loader", "code": "code"}
(folder / "loader" / "MLmodel").write_text(yaml.safe_dump(described))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "modes.py").write_text(MODES)
    (folder / "make.py").write_text(MAKE)
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, str(folder / "make.py"), str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return folder


def rows(folder: Path, mode: str) -> Path:
    pd.DataFrame({"mode": [mode] * 3, "hired": "no"}).to_parquet(folder / f"{mode}.parquet")
    return folder / f"{mode}.parquet"


@AT_LENGTH
@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("memory", "needs more memory than scoring allows"),
        ("loop", "more than 25 s of processor time"),
        ("sleep", "did not answer within 60 s"),
        ("disk", "MiB were left on the disk"),
        ("end", "no readable answer"),
        ("descriptors", "no readable answer|cannot be loaded|before it answered"),
        ("close", "no readable answer|before it answered"),
    ],
)
def test_a_model_is_ended_and_the_reason_said(models: Path, tmp_path: Path, mode: str, says: str) -> None:
    disk = os.statvfs(tmp_path)
    limits = {
        "loop": replace(SMALL, cpu_seconds=25),
        "sleep": replace(SMALL, seconds=60),
        "disk": replace(SMALL, free_bytes=disk.f_bavail * disk.f_frsize - (512 << 20)),
    }
    with pytest.raises(MeasurementError, match=says):
        score(models / "modes", rows(tmp_path, mode), PLAN, limits=limits.get(mode, SMALL))


@AT_LENGTH
def test_a_model_that_asks_for_workers_answers_without_them(models: Path) -> None:
    found = np.asarray(score(models / "workers", models / "workers.parquet", PLAN))
    expected = pd.read_parquet(models / "workers.parquet")["hired"]
    assert found.tolist() == ["true" if value else "false" for value in expected]


@AT_LENGTH
def test_many_threads_change_no_answer(models: Path, tmp_path: Path) -> None:
    found = score(models / "modes", rows(tmp_path, "threads"), PLAN, limits=SMALL)
    assert np.asarray(found).tolist() == ["true"] * 3


def test_a_loader_of_its_own_reaches_nothing(models: Path, tmp_path: Path) -> None:
    """A skops model, which a reader of pickles calls harmless."""
    (tmp_path / "secret").write_text("a key")
    code = models / "loader" / "code"
    code.mkdir()
    shutil.copy(attacks.__file__, code / "attacks.py")
    (code / "evil_loader.py").write_text(LOADER)
    (code / "targets.json").write_text(json.dumps({"secret": str(tmp_path / "secret"), "folder": str(tmp_path)}))
    found = score(models / "loader", rows(tmp_path, "any"), TEXTS, limits=SMALL)
    assert set(np.asarray(found).tolist()) == {"nothing"}
    assert not (tmp_path / "new").exists()


@AT_LENGTH
@pytest.mark.skipif(os.getuid() != 0, reason="another user for each model needs root")
def test_models_that_are_scored_at_once_are_different_users(models: Path, tmp_path: Path) -> None:
    data = rows(tmp_path, "ids")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: score(models / "modes", data, TEXTS, limits=SMALL).values[0], range(3)))
    users = {int(item.split()[0]) for item in found}
    assert len(users) == 3
    assert min(users) >= 0x70000000

"""Models that attack, saved with MLflow and scored in the real child. What they try: tests/attacks.py.

One child tries everything that does not end it (starting MLflow takes seconds), the tests then look at one attack each.
A control, the same functions in a process without a sandbox, shows that the attacks are some.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import attacks
import numpy as np
import pandas as pd
import pytest

from audits.model_formats import formats_of
from audits.plan import AuditPlan, Task
from audits.plan_file import read_plan
from audits.run import audit
from audits.sandbox import sandbox
from audits.scoring import score

PLAN = AuditPlan("hostile", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
TEXTS = replace(PLAN, task=Task.MULTICLASS)

PLAN_TEXT = """
[model]
name = "hostile"
impact = "high"
[data]
label = "hired"
favourable = "1"
[[sensitive_features]]
name = "sex"
levels = ["female", "male"]
reference = "male"
[audit]
decided_at = 2026-01-05
min_group_size = 30
min_events = 5
[[bounds]]
metric = "selection_rate"
comparison = "difference"
bound = 0.2
"""

# With a code path, as a model of a team's own package has it.
BATCH = """
import json
import attacks
import mlflow

class Hostile(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        targets = json.loads(model_input["targets"].iloc[0])
        return [f"{name}|{attacks.tried(name, targets)}" for name in model_input["attack"]]

mlflow.models.set_model(Hostile())
"""

# A scikit-learn model whose pickle runs code when it is loaded: it reads, sends, plants, and patches what measures.
PICKLED = """
import json, os, socket
from pathlib import Path
import numpy as np

class Patched:
    def __init__(self, targets):
        self.targets = targets

    def __reduce__(self):
        return (exec_it, (self.targets,))

    def predict(self, frame):
        return np.asarray(frame["x"])

def exec_it(targets):
    model = object.__new__(Patched)
    model.targets = targets
    tries = [lambda: Path(targets["secret"]).read_bytes(), lambda: Path(targets["folder"], "by-pickle").write_text(""),
             lambda: socket.create_connection(("127.0.0.1", targets["tcp"])), lambda: os.system("true") and 1 / 0]
    model.done = []
    for number, step in enumerate(tries):
        try:
            step()
        except Exception:
            continue
        model.done.append(number)
    import fairlearn.metrics, sys
    for module in [m for name, m in list(sys.modules.items()) if name.startswith("fairlearn")]:
        for name in dir(module):
            if "difference" in name or "ratio" in name:
                setattr(module, name, lambda *a, **k: 0.0)
    np.mean = lambda *a, **k: 0.5
    if model.done:
        raise SystemExit(f"loading did {model.done}")
    return model
"""

MAKE = """
import json, sys
from pathlib import Path
import cloudpickle, mlflow, pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

folder, targets = Path(sys.argv[1]), json.loads(sys.argv[2])
sys.path[:0] = [str(folder), sys.argv[3]]
mlflow.pyfunc.save_model(
    folder / "batch", python_model=folder / "batch.py", code_paths=[sys.argv[3] + "/attacks.py"], pip_requirements=[],
    signature=ModelSignature(inputs=Schema([ColSpec("string", "attack"), ColSpec("string", "targets")])),
)
signature = ModelSignature(inputs=Schema([ColSpec("long", "x")]))
from sklearn.dummy import DummyClassifier
from sklearn.base import BaseEstimator
import pickled
cloudpickle.register_pickle_by_value(pickled)
mlflow.sklearn.save_model(
    DummyClassifier().fit([[0]], [1]), folder / "pickled", serialization_format="cloudpickle", signature=signature,
    pip_requirements=[],
)
(folder / "pickled" / "model.pkl").write_bytes(cloudpickle.dumps(pickled.Patched(targets)))
"""


def make(folder: Path, targets: dict[str, Any]) -> None:
    """Save the models, in a process of its own."""
    (folder / "batch.py").write_text(BATCH)
    (folder / "pickled.py").write_text(PICKLED)
    (folder / "make.py").write_text(MAKE)
    command = [sys.executable, str(folder / "make.py"), str(folder), json.dumps(targets)]
    command.append(str(Path(attacks.__file__).parent))
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]


def owned(folder: Path) -> dict[str, str]:
    """A user's things: a key, a ledger, files to lose."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    found = {name: str(home / name) for name in ("secret", "victim_file", "delete_file", "ledger")}
    for name in ("secret", "victim_file", "delete_file"):
        Path(found[name]).write_text("a key of the user")
        Path(found[name]).chmod(0o600)
    with sqlite3.connect(found["ledger"]) as database:
        database.execute("CREATE TABLE entries (body TEXT)")
    database.close()
    beside = folder / "beside"
    beside.mkdir()
    beside.chmod(0o777)
    return found | {"folder": str(home), "beside": str(beside)}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the attacks aim at: files, listening sockets, a process of this user."""
    if not sandbox().holds():
        pytest.skip(f"no sandbox holds here: {sandbox().told()}")
    folder = tmp_path_factory.mktemp("targets")
    room = np.zeros(1)
    with ExitStack() as stack:

        def server(family: int, kind: int, address: Any) -> socket.socket:
            opened = stack.enter_context(socket.socket(family, kind))
            opened.bind(address)
            if kind == socket.SOCK_STREAM:
                opened.listen()
            return opened

        tcp = server(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)).getsockname()[1]
        udp = server(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)).getsockname()[1]
        abstract = f"fairgate-{os.getpid()}"
        server(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract)
        server(socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{abstract}-datagram")
        short = Path(stack.enter_context(_ShortFolder()))
        server(socket.AF_UNIX, socket.SOCK_STREAM, str(short / "s"))
        victim = stack.enter_context(subprocess.Popen(["sleep", "600"]))
        stack.callback(victim.kill)
        address = Path(f"/proc/{victim.pid}/maps").read_text().split("-", 1)[0]
        leaked = stack.enter_context((folder / "leaked").open("w"))
        os.set_inheritable(leaked.fileno(), True)
        yield owned(folder) | {
            "tcp": tcp,
            "udp": udp,
            "abstract": abstract,
            "abstract_datagram": f"{abstract}-datagram",
            "unix": str(short / "s"),
            "victim": victim.pid,
            "victim_address": int(address, 16),
            "planted": "a secret of the environment",
            "leaked": str(folder / "leaked"),
            "test": os.getpid(),
        }
        assert victim.poll() is None
    del room


class _ShortFolder:  # a path of a unix socket has 107 bytes at most
    def __enter__(self) -> str:
        self.path = Path("/tmp") / f"fg-{os.getpid()}"
        self.path.mkdir(mode=0o700)
        return str(self.path)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)


@pytest.fixture(scope="module")
def models(targets: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    make(folder, targets)
    return folder


def state(targets: dict[str, Any]) -> dict[str, Any]:
    """All that stands in the user's folders: names, modes, bytes."""
    paths = [path for key in ("folder", "beside") for path in sorted(Path(targets[key]).rglob("*"))]
    return {
        str(path): (path.stat().st_mode, path.stat().st_uid, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in paths
        if path.is_file()
    }


@pytest.fixture(scope="module")
def outcomes(models: Path, targets: dict[str, Any]) -> dict[str, str]:
    """Attack -> what came of it, in one child. The files of the user are looked at before and after."""
    before, names = state(targets), sorted(attacks.ATTACKS)
    data = models / "batch.parquet"
    pd.DataFrame({"attack": names, "targets": json.dumps(targets)}).to_parquet(data)
    planted = os.environ.setdefault("FAIRGATE_SECRET", targets["planted"])
    answers = np.asarray(score(models / "batch", data, TEXTS)).tolist()
    assert os.environ.pop("FAIRGATE_SECRET") == planted
    assert state(targets) == before
    return dict(answer.split("|", 1) for answer in answers)


@pytest.fixture(scope="module")
def control(targets: dict[str, Any], outcomes: dict[str, str]) -> dict[str, str]:
    """The same without a sandbox, after the models were scored: it does real harm to the targets."""
    last = {"take_capabilities"}  # it gives up all others
    names = [*sorted(set(attacks.ATTACKS) - attacks.INSIDE_ONLY - last), *last]
    environment = {**os.environ, "FAIRGATE_SECRET": targets["planted"], "TMPDIR": targets["beside"]}
    copy = shutil.copy(attacks.__file__, targets["beside"])
    command = [sys.executable, copy, json.dumps(targets), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, close_fds=False, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
def test_a_model_is_refused(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name].startswith("refused: ")
    for sign in ("NameError", "TypeError", "AttributeError", "KeyError", "FileNotFoundError", "Connection", "ENOENT"):
        assert sign not in outcomes[name]


@pytest.mark.parametrize("name", sorted(set(attacks.ATTACKS) - attacks.INSIDE_ONLY))
def test_the_attack_works_where_no_sandbox_is(name: str, control: dict[str, str]) -> None:
    if name in attacks.NEEDS_ROOT and os.getuid() != 0:
        pytest.skip("only root can do it without a sandbox")
    if name == "write_libraries" and not os.access(sysconfig.get_path("purelib"), os.W_OK):
        pytest.skip("the libraries are another user's")
    if name in attacks.OFTEN_SHUT and control[name] != "done":
        pytest.skip(f"this machine refuses it to everybody: {control[name]}")
    assert control[name] == "done"


def test_code_in_a_pickle_reaches_nothing_and_patches_nothing_that_measures(
    models: Path, targets: dict[str, Any], tmp_path: Path
) -> None:
    """The pickle raises where it reached something; the difference is the one of the answers, not of its patches."""
    data = tmp_path / "data.parquet"
    sexes = ["female"] * 60 + ["male"] * 60
    x = [0] * 60 + [1] * 60
    pd.DataFrame({"sex": sexes, "x": x, "hired": x}).to_parquet(data)
    plan = read_plan(PLAN_TEXT.encode(), name="the plan")
    found = audit(plan, data, model=models / "pickled")
    rates = [item for item in found.disparities if item.metric == "selection_rate"]
    assert {item.value for item in rates if item.comparison.value == "difference"} == {-1.0}
    assert not Path(targets["folder"], "by-pickle").exists()


def test_what_the_models_need_is_named(models: Path) -> None:
    assert formats_of(models / "pickled") == ("pickle", "cloudpickle")
    assert formats_of(models / "batch") == ("cloudpickle", "python-code")

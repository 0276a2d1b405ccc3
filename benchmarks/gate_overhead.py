"""What the gate costs per alias call, hashing apart, beside MLflow's plain store; and how fast model bytes are hashed.

    python benchmarks/gate_overhead.py [--calls 60] [--megabytes 256]

The call that is timed is the dearest one that moves something: it alternates between two released versions, so each
call decides, appends a promotion-intent and a promotion, and moves the alias. Hashing is timed inside the same call.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.update(DO_NOT_TRACK="1", MLFLOW_DISABLE_TELEMETRY="true")


def main() -> None:
    """Print one JSON document: medians in milliseconds, rates in MB/s."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--megabytes", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps({**alias_calls(Path(folder), options.calls), **hashing(Path(folder), options.megabytes)}))


def alias_calls(folder: Path, calls: int) -> dict[str, float]:
    """Median ms of a call: plain store; governed (refused, already live, moved) without and with its hashing."""
    from gate_factory import approved, governed_store
    from project_factory import ALIAS, new_project, registry_template

    from governance.registry import store_plugin

    (folder / "empty").mkdir()
    project = new_project(folder / "project", registry_template(folder / "empty"))
    (folder / "plain").mkdir()
    plain_project = new_project(folder / "plain", (folder / "empty/mlflow.db").read_bytes())
    for name in ("1", "2"):
        approved(project, "hiring")
        assert plain_project.register("hiring") == name
    held = project.register("hiring")
    governed, plain = governed_store(project), plain_of(plain_project)
    spent = _time_hashing(store_plugin)
    found = {
        "plain": _median(lambda n: plain.set_registered_model_alias("hiring", ALIAS, str(n % 2 + 1)), calls, spent)
    }
    found["moved"] = _median(lambda n: _released(governed, ALIAS, n), calls, spent)
    live = _alias(plain_of(project), ALIAS)
    found["live"] = _median(lambda _: governed.set_registered_model_alias("hiring", ALIAS, live), calls, spent)
    found["refused"] = _median(lambda _: _refused(governed, held), calls, spent)
    found["free"] = _median(lambda n: _released(governed, "candidate", n), calls, spent)
    answer = {f"{kind}_ms": total - hashed for kind, (total, hashed) in found.items()}
    answer |= {f"{kind}_hashing_ms": hashed for kind, (_, hashed) in found.items() if hashed}
    answer |= {
        f"overhead_{kind}_ms": answer[f"{kind}_ms"] - answer["plain_ms"] for kind in ("moved", "live", "refused")
    }
    return {key: round(value, 2) for key, value in answer.items()} | {"ledger_entries": project.desk.ledger.size()}


def hashing(folder: Path, megabytes: int) -> dict[str, float]:
    """MB/s of the manifest of one large file, beside a plain sequential read with SHA-256, and a read alone."""
    from governance.registry.manifest import manifest_of

    model = folder / "large"
    model.mkdir()
    block = os.urandom(1 << 20)
    with (model / "weights.bin").open("wb") as stream:
        for _ in range(megabytes):
            stream.write(block)
    ways: dict[str, Callable[[], Any]] = {
        "manifest": lambda: manifest_of(model),
        "read_and_sha256": lambda: _read(model / "weights.bin", hashlib.sha256().update),
        "read": lambda: _read(model / "weights.bin", lambda _: None),
    }
    rates = {}
    for name, way in ways.items():
        times = []
        for _ in range(5):
            started = time.perf_counter()
            way()
            times.append(time.perf_counter() - started)
        rates[f"{name}_mb_per_s"] = round(megabytes * 1.048576 / statistics.median(times), 1)
    return rates


def _read(path: Path, use: Callable[[bytes], object]) -> None:
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(1 << 20):
            use(chunk)


def plain_of(project: Any) -> Any:
    """MLflow's own store, without the gate."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(project.settings.registry_uri)


def _released(store: Any, alias: str, number: int) -> None:
    store.set_registered_model_alias("hiring", alias, str(number % 2 + 1))


def _alias(store: Any, alias: str) -> str:
    return str(store.get_registered_model("hiring").aliases[alias])


def _refused(store: Any, version: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.set_registered_model_alias("hiring", "champion", version)
    except MlflowException:
        return
    raise AssertionError("it was not refused")


def _time_hashing(module: Any) -> list[float]:
    """Times of `manifest_of` as the store calls it, in order."""
    spent: list[float] = []
    original = module.manifest_of

    def timed(folder: Path) -> Any:
        started = time.perf_counter()
        try:
            return original(folder)
        finally:
            spent.append(time.perf_counter() - started)

    module.manifest_of = timed
    return spent


def _median(call: Callable[[int], None], calls: int, spent: list[float]) -> tuple[float, float]:
    """Median of the calls and of the hashing in them, in ms."""
    totals, hashes = [], []
    for number in range(calls + 3):
        spent.clear()
        started = time.perf_counter()
        call(number)
        if number >= 3:  # the first calls open connections
            totals.append((time.perf_counter() - started) * 1000)
            hashes.append(sum(spent) * 1000)
    return statistics.median(totals), statistics.median(hashes)


if __name__ == "__main__":
    main()

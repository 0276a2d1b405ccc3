"""Predictions of a registered model, made in a child process: a model is code, and code of others is not run here.

What the child is not handed: our environment (credentials, tracking server), open files, columns that the model's
signature does not take (never the label), and the registered bytes themselves (it works on a copy). Code that it runs
cannot patch the libraries that measure here. It has a share of memory, processor time, file size and wall clock, and
its process group is killed at the end. What it answers is read as hostile input.

What a hostile model can still do, until a sandbox exists: use the network; read and write what this operating-system
user can, so also the registered bytes, the data file and, through /proc, the environment of this user's processes;
start a session of its own that outlives the kill; lift its limits where it runs as root; and behave here otherwise
than in use. Run models that you do not trust as a user of their own. Linux only.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from audits.answer import predictions_of
from audits.model_signature import ModelInput, model_inputs
from audits.plan import AuditPlan
from audits.table import BATCH_ROWS, Table, column_names, feature_batches, table_name
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np

_LOG = logging.getLogger(__name__)
_CHILD = Path(__file__).with_name("scoring_child.py")
_STDERR_TAIL = 4_000
_LISTED = 10
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use. `seconds` of wall clock, `cpu_seconds` over all threads, bytes of address space, bytes
    of any one file, `threads` of numeric libraries, rows per call of the model."""

    seconds: float = 900
    cpu_seconds: int = 3_600
    memory_bytes: int = 8 << 30
    file_bytes: int = 4 << 30
    threads: int = 2
    batch_rows: int = BATCH_ROWS


def score(model: Path, table: Table, plan: AuditPlan, *, limits: Limits = Limits()) -> np.ndarray[Any, Any]:
    """One prediction per row of `table`, in its order: an array of int64, bool or text objects, shape (rows,).

    `model` is the folder of an MLflow model with a signature. Raises MeasurementError: no signature, columns missing,
    the label among the inputs, no rows, the model failed (which row, where that can be found) or used more than its
    limits, predictions missing, of the wrong number, or probabilities instead of decisions.
    """
    inputs = _inputs(model, plan)
    columns = _present(inputs, table)
    with tempfile.TemporaryDirectory(prefix="fairgate-scoring-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        rows = _write_rows(table, columns, folder / "rows.parquet")
        _copy(model, folder / "model")
        return _answered(folder, rows, limits)


def _inputs(model: Path, plan: AuditPlan) -> tuple[ModelInput, ...]:
    inputs = model_inputs(model)
    if inputs is None:
        raise MeasurementError(
            f"The model in {model} does not say which columns it takes: log it with"
            " signature=infer_signature(X, model.predict(X)), where X is a DataFrame with named columns."
        )
    if plan.label in {item.name for item in inputs}:
        raise MeasurementError(
            f"The model takes the label {plan.label!r} as an input, so it would be told the answer: train and"
            " register it without that column."
        )
    return inputs


def _present(inputs: Sequence[ModelInput], table: Table) -> tuple[str, ...]:
    """The columns to hand over; inputs that are not required may be absent."""
    there = column_names(table)
    missing = [item.name for item in inputs if item.required and item.name not in there]
    if missing:
        close = difflib.get_close_matches(missing[0], there, n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(map(repr, missing[:_LISTED])) + (
            f" and {len(missing) - _LISTED} more" * (len(missing) > _LISTED)
        )
        raise MeasurementError(
            f"{table_name(table)} lacks {listed}, which the model takes as input.{hint} Give data with every column"
            " of the model's signature."
        )
    present = tuple(item.name for item in inputs if item.name in there)
    if not present:
        raise MeasurementError(f"{table_name(table)} has none of the columns that the model takes.")
    return present


def _write_rows(table: Table, columns: Sequence[str], path: Path) -> int:
    """Only the model's columns, streamed to Parquet. Returns the number of rows."""
    import pyarrow.parquet as pq

    rows, writer = 0, None
    try:
        for batch in feature_batches(table, columns):
            writer = writer or pq.ParquetWriter(path, batch.schema)
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer:
            writer.close()
    if not rows:
        raise MeasurementError(f"{table_name(table)} has no rows: there is nothing to score.")
    return rows


def _copy(model: Path, target: Path) -> None:
    try:
        shutil.copytree(model, target)
    except (OSError, shutil.Error) as error:
        raise MeasurementError(f"The model in {model} cannot be copied for scoring: {type(error).__name__}") from error


def _answered(folder: Path, rows: int, limits: Limits) -> np.ndarray[Any, Any]:
    """Run the child; its answer comes back through files that exist in no folder, so no link can be put in the way."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as array, tempfile.TemporaryFile() as noise:
        job = {
            "model": str(folder / "model"),
            "rows": str(folder / "rows.parquet"),
            "answer": answer.fileno(),
            "array": array.fileno(),
            "parent": os.getpid(),
            "batch_rows": limits.batch_rows,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "file_bytes": limits.file_bytes,
        }
        code = _run(job, _environment(folder, limits), folder, noise, limits)
        _LOG.debug("scoring ended with %s; the end of what it printed: %r", code, _tail(noise))
        if code != 0:
            raise MeasurementError(_ended(code, limits))
        return predictions_of(answer, array, rows)


def _run(job: Mapping[str, Any], environment: dict[str, str], folder: Path, noise: IO[bytes], limits: Limits) -> int:
    home = folder / "home"
    home.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", str(_CHILD), json.dumps(job)],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=noise,
        stderr=noise,
        pass_fds=(job["answer"], job["array"]),
        start_new_session=True,
    )
    try:
        ended = _wait(child.pid, limits.seconds)
    finally:
        # The child is not reaped yet, so its number still names its group: nobody else's can be hit.
        os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
    if not ended:
        raise MeasurementError(
            f"The model did not answer within {limits.seconds:g} s and was stopped. Audit fewer rows, or score"
            " elsewhere and name the column in [data] prediction of the plan."
        )
    return code


def _wait(pid: int, seconds: float) -> bool:
    """Has the process ended in time? It is left unreaped."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _environment(folder: Path, limits: Limits) -> dict[str, str]:
    """All that the child gets to see: nothing of our own environment."""
    home, threads = str(folder / "home"), str(limits.threads)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MALLOC_ARENA_MAX": "2",  # arenas reserve address space, which is limited
    }


def _tail(noise: IO[bytes]) -> str:
    noise.seek(max(0, noise.seek(0, os.SEEK_END) - _STDERR_TAIL))
    return noise.read(_STDERR_TAIL).decode("utf-8", "replace")


def _ended(code: int, limits: Limits) -> str:
    if code == -signal.SIGXCPU:
        return f"The model used more than {limits.cpu_seconds} s of processor time and was stopped: audit fewer rows."
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with code {code}"
    return (
        f"Scoring {how} before it answered; it may have needed more than {limits.memory_bytes >> 20:,} MiB of memory."
        " Load the model by hand to see why, or audit fewer rows."
    )

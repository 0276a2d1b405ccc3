"""Predictions of a registered model, made in a child process: a model is code, and code of others is not run here.

What the child is not handed: our environment (credentials, tracking server), open files, columns that the model's
signature does not take (never the label), and the registered bytes themselves (it works on a copy). Code that it runs
cannot patch the libraries that measure here. Before it touches the model the child confines itself
(`audits.sandbox_child`): no file but the interpreter's, the copy and a scratch folder, no network, one process,
another user where we are root, and limits of memory, processor time, file size, disk and wall clock. What it answers
is read as hostile input.

What holds on this machine is found out by trying (`audits.sandbox`); a child that cannot reach as much as was reached
then does not score. What a model can still do in there: docs/guides/hostile-models.md. Linux only.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from audits.answer import predictions_of
from audits.model_signature import ModelInput, model_inputs
from audits.plan import AuditPlan
from audits.predictions import Encoded, Scores
from audits.sandbox import sandbox
from audits.sandbox_child import UNCONFINED
from audits.scoring_folder import scoring_folder
from audits.scoring_pipe import Watch, feed, pipe
from audits.table import BATCH_ROWS, Table, column_names, feature_batches, table_name
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger(__name__)
_CHILD = Path(__file__).with_name("scoring_child.py")
_STDERR_TAIL = 4_000
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use. `seconds` of wall clock, `cpu_seconds` over all threads, bytes of address space, bytes
    of any one file, bytes that must stay free on the disk of temporary files, `threads` of numeric libraries, rows per
    call of the model."""

    seconds: float = 900
    cpu_seconds: int = 3_600
    memory_bytes: int = 8 << 30
    file_bytes: int = 4 << 30
    free_bytes: int = 256 << 20
    threads: int = 2
    batch_rows: int = BATCH_ROWS


def score(model: Path, table: Table, plan: AuditPlan, *, limits: Limits = Limits()) -> Encoded | Scores:
    """One prediction per row of `table`, in its order: decisions, or scores where the plan says that they are.

    `model` is the folder of an MLflow model with a signature. The rows go to the child batch by batch and the answers
    into a file: memory does not grow with the rows, here or there. Raises MeasurementError: no signature, columns
    missing, the label among the inputs, no rows, the model failed (which row, where that can be found) or used more
    than its limits, and what `audits.answer.predictions_of` refuses.
    """
    columns = required_columns(model, column_names(table), table_name(table), plan)
    with closing(cast("Generator[pa.RecordBatch, None, None]", feature_batches(table, columns))) as batches:
        return score_batches(model, batches, table_name(table), plan, limits=limits)


def required_columns(model: Path, there: Sequence[str], name: str, plan: AuditPlan) -> tuple[str, ...]:
    """Which of the columns `there` of a table called `name` the model takes. Raises MeasurementError as `score`."""
    return _present(_inputs(model, plan), there, name)


def score_batches(
    model: Path, batches: Iterator[pa.RecordBatch], name: str, plan: AuditPlan, *, limits: Limits = Limits()
) -> Encoded | Scores:
    """As `score`, for rows that come as Arrow batches with just the columns that the model takes."""
    first = next((batch for batch in batches if batch.num_rows), None)
    if first is None:
        raise MeasurementError(f"{name} has no rows: there is nothing to score.")
    with scoring_folder(model) as folder:
        return _answered(folder, chain([first], batches), plan, limits)


def _inputs(model: Path, plan: AuditPlan) -> tuple[ModelInput, ...]:
    inputs = model_inputs(model)
    if inputs is None:
        raise MeasurementError(
            f"The model in {model} does not say which columns it takes: log it with"
            " signature=infer_signature(X, model.predict(X)), where X is a DataFrame with named columns."
        )
    if plan.label is not None and plan.label in {item.name for item in inputs}:
        raise MeasurementError(
            f"The model takes the label {plan.label!r} as an input, so it would be told the answer: train and"
            " register it without that column."
        )
    return inputs


def _present(inputs: Sequence[ModelInput], there: Sequence[str], name: str) -> tuple[str, ...]:
    """The columns to hand over; inputs that are not required may be absent."""
    missing = [item.name for item in inputs if item.required and item.name not in there]
    if missing:
        close = difflib.get_close_matches(missing[0], there, n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(map(repr, missing[:_LISTED])) + (
            f" and {len(missing) - _LISTED} more" * (len(missing) > _LISTED)
        )
        raise MeasurementError(
            f"{name} lacks {listed}, which the model takes as input.{hint} Give data with every column"
            " of the model's signature."
        )
    present = tuple(item.name for item in inputs if item.name in there)
    if not present:
        raise MeasurementError(f"{name} has none of the columns that the model takes.")
    return present


def _answered(folder: Path, batches: Iterable[pa.RecordBatch], plan: AuditPlan, limits: Limits) -> Encoded | Scores:
    """Run the child; its answer comes back through files that exist in no folder, so no link can be put in the way."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as array, tempfile.TemporaryFile() as noise:
        job = {
            "model": str(folder / "model"),
            "home": str(folder / "home"),
            "demands": sandbox().demands(),
            "answer": answer.fileno(),
            "array": array.fileno(),
            "parent": os.getpid(),
            "batch_rows": limits.batch_rows,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "file_bytes": limits.file_bytes,
        }
        code, rows = _run(job, batches, folder, noise, limits)
        _LOG.debug("scoring ended with %s; the end of what it printed: %r", code, _tail(noise))
        if code != 0:
            raise MeasurementError(_ended(code, limits))
        return predictions_of(answer, array, rows, plan)


def _run(
    job: Mapping[str, Any], batches: Iterable[pa.RecordBatch], folder: Path, noise: IO[bytes], limits: Limits
) -> tuple[int, int | None]:
    """(the child's code, the rows that it read: None where not all)."""
    reading, writing = pipe()
    try:
        child = _started({**job, "rows": reading}, folder, noise, limits)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    watch, ended, over = Watch(child.pid, time.monotonic() + limits.seconds, folder, limits.free_bytes), False, ""
    try:
        rows = feed(batches, writing, watch)
        ended = watch.wait()
        over = watch.over()  # before what it wrote is gone
    finally:
        # The child is not reaped yet, so its number still names its group: nobody else's can be hit.
        os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
    if not ended:
        raise MeasurementError(_stopped(over, limits))
    return code, rows


def _started(job: Mapping[str, Any], folder: Path, noise: IO[bytes], limits: Limits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-B", str(_CHILD), json.dumps(job)],
        env=_environment(folder, limits),
        cwd=folder / "home",
        stdin=subprocess.DEVNULL,
        stdout=noise,
        stderr=noise,
        pass_fds=(job["rows"], job["answer"], job["array"]),
        start_new_session=True,
    )


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
        "JOBLIB_MULTIPROCESSING": "0",  # it may start no process; told so, joblib works in a row instead of failing
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "passive",  # threads that spin while others work cost up to twice the time on a busy machine
        "OPENBLAS_NUM_THREADS": threads,
        "MALLOC_ARENA_MAX": "2",  # arenas reserve address space, which is limited
    }


def _tail(noise: IO[bytes]) -> str:
    noise.seek(max(0, noise.seek(0, os.SEEK_END) - _STDERR_TAIL))
    return noise.read(_STDERR_TAIL).decode("utf-8", "replace")


def _stopped(over: str, limits: Limits) -> str:
    if over == "disk":
        return (
            f"The model was stopped because less than {limits.free_bytes >> 20:,} MiB were left on the disk of"
            " temporary files. Make room, or name a larger disk in TMPDIR; do not trust a model that fills disks."
        )
    return (
        f"The model did not answer within {limits.seconds:g} s and was stopped. Audit fewer rows, or score"
        " elsewhere and name the column in [data] prediction of the plan."
    )


def _ended(code: int, limits: Limits) -> str:
    if code == UNCONFINED:
        return (
            f"The scoring process could not confine itself as it could before ({sandbox().told()}), so the model was"
            " not loaded. Run `fairgate doctor`."
        )
    if code == -signal.SIGXCPU:
        return f"The model used more than {limits.cpu_seconds} s of processor time and was stopped: audit fewer rows."
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with code {code}"
    return (
        f"Scoring {how} before it answered; it may have needed more than {limits.memory_bytes >> 20:,} MiB of memory."
        " Load the model by hand to see why, or audit fewer rows."
    )

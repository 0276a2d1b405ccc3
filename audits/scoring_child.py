"""What runs beside the model: loads it, reads rows from a pipe, predicts and writes batch by batch, so that memory
does not grow with the rows. Started by `audits.scoring` only.

This file stands alone (standard library, numpy, pandas, pyarrow, mlflow, and `sandbox_child` beside it): the child
process is isolated and cannot import the other rooms. It confines itself before it imports any library. It answers
through two files that the parent opened, never through paths, and the parent trusts nothing of what they hold, because
the model can write there too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MAX_TEXTS = 1_000
_MAX_PROBES = 40
_NUMBERS = "biuf"
_TEXTS = "OUT"
_MLFLOW_QUOTES_ROWS = "Failed to enforce schema of data"  # then come rows of the data; the cause names the column
_NO_MEMORY = ("Cannot allocate memory", "failed to map segment")  # how the loader of libraries says it

_OWN_ROOMS = ("audits", "expectations", "governance", "reports", "flows")

Answer = dict[str, Any]


class UnusableAnswerError(Exception):
    """The model answered with something that is not one prediction per row."""


def main(job: Answer) -> None:
    """Do the job: `model` is a path, `rows`, `answer` and `array` are file descriptors, the rest numbers."""
    confine(job)
    answer = scored(job)
    with os.fdopen(job["answer"], "wb") as stream:
        stream.write(json.dumps(answer).encode("ascii"))


def confine(job: Answer) -> None:
    """Shut this process in, or end it: it must reach what was reached when it was tried (`demands`)."""
    place = Path(__file__).with_name("sandbox_child.py")
    spec = importlib.util.spec_from_file_location(place.stem, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} is missing")
    shut_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shut_in)
    done = shut_in.confine(job)
    if any(done[name] < wanted for name, wanted in job["demands"].items()):
        sys.stderr.write("; ".join(done["failed"]))
        os._exit(shut_in.UNCONFINED)


def scored(job: Answer) -> Answer:
    """The answer in a form for JSON; the array itself goes to its own file."""
    # MLflow would import the plug-ins that Fairgate gives to it: out of reach here, and no business of a model.
    sys.modules.update(dict.fromkeys(_OWN_ROOMS))  # type: ignore[arg-type]
    try:
        import mlflow.pyfunc

        model = mlflow.pyfunc.load_model(job["model"], suppress_warnings=True)
        types = {spec.name: getattr(spec.type, "name", "") for spec in model.metadata.get_input_schema().inputs}
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        return {"stage": "load", **described(error)}
    with os.fdopen(job["array"], "wb") as array:
        return predicted(model, types, batches(job["rows"], job["batch_rows"]), Written(array))


def predicted(model: Any, types: dict[str, str], frames: Iterator[pd.DataFrame], written: Written) -> Answer:
    """Every frame's predictions, written as they come."""
    first = 0
    for frame in frames:
        ready = as_declared(frame, types)
        try:
            written.add(one_column(model.predict(ready), len(ready)))
        except UnusableAnswerError as error:
            return {"stage": "answer", "message": str(error)}
        except Exception as error:  # noqa: BLE001
            ends = {"stage": "predict", "first": first, "last": first + len(ready) - 1}
            return ends | located(model, ready, first, error)
        first += len(ready)
    return {"stage": "done", "pieces": written.pieces, "values": list(written.texts)}


def batches(rows: int, size: int) -> Iterator[pd.DataFrame]:
    """What the pipe brings (an Arrow stream) in frames of at most `size` rows, each with an index from 0."""
    import pyarrow as pa

    with os.fdopen(rows, "rb") as stream, pa.ipc.open_stream(stream) as reader:
        for batch in reader:
            for first in range(0, batch.num_rows, size):
                yield batch.slice(first, size).to_pandas()


def as_declared(frame: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    """Columns cast to the types of the signature where no value changes (float32 rounds); MLflow refuses the others."""
    import pandas as pd

    return pd.DataFrame({name: _cast(frame[name], types.get(str(name), "")) for name in frame.columns})


def _cast(column: Any, kind: str) -> Any:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    types = pd.api.types
    if kind in ("double", "float") and (types.is_numeric_dtype(column) or _decimals(column)):
        return column if types.is_bool_dtype(column) else _floating(column, kind)
    if kind in ("long", "integer") and types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return _whole(column, "int64" if kind == "long" else "int32")
    if kind == "datetime" and types.infer_dtype(column, skipna=True) == "date":
        return pd.to_datetime(column)
    return column


def _floating(column: Any, kind: str) -> Any:
    """Whole numbers stay what they are, fractions are rounded to float32 as its users must; none becomes infinite."""
    import numpy as np
    import pandas as pd

    dtype = np.dtype("float64" if kind == "double" else "float32")
    if pd.api.types.is_integer_dtype(column):
        most = 2 ** (np.finfo(dtype).nmant + 1)
        return column.astype(dtype) if bool(column.between(-most, most).all()) else column
    if kind == "double" or column.dtype == dtype:
        return column.astype(dtype)
    wide = column.astype("float64")
    return column if bool((np.isfinite(wide) & (wide.abs() > np.finfo(dtype).max)).any()) else wide.astype(dtype)


def _decimals(column: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.infer_dtype(column, skipna=True) == "decimal")


def _whole(column: Any, dtype: str) -> Any:
    import numpy as np

    ends = np.iinfo(dtype)
    if column.hasnans or not bool(column.between(ends.min, ends.max, inclusive="left").all()):
        return column
    cast = column.astype(dtype)
    return cast if bool((cast == column).all()) else column


def one_column(predicted: Any, rows: int) -> np.ndarray[Any, Any]:
    """The predictions as an array of shape (rows,). Raises UnusableAnswerError for another shape."""
    import numpy as np

    try:
        array = np.asarray(predicted)
    except ValueError as error:
        raise UnusableAnswerError(f"a {type(predicted).__name__} whose rows differ in length") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and len(array) == rows:
        raise UnusableAnswerError(f"{array.shape[1]} columns per row (as predict_proba does)")
    if array.ndim != 1:
        raise UnusableAnswerError(f"a {type(predicted).__name__} of shape {array.shape}")
    if len(array) != rows:
        raise UnusableAnswerError(f"{len(array)} predictions for {rows} rows")
    return array


def located(model: Any, frame: pd.DataFrame, first: int, error: Exception) -> Answer:
    """The first failing row by bisection; `every` where the last row of the batch fails alone as well."""
    probes = 0

    def fails(low: int, high: int) -> Exception | None:
        nonlocal probes
        probes += 1
        try:
            model.predict(frame.iloc[low:high])
        except Exception as raised:  # noqa: BLE001
            return raised
        return None

    low, high = 0, len(frame)
    while high - low > 1 and probes < _MAX_PROBES and not isinstance(error, MemoryError):
        middle = (low + high) // 2
        if raised := fails(low, middle):
            error, high = raised, middle
        elif raised := fails(middle, high):
            error, low = raised, middle
        else:  # only together: no single row is to blame
            return described(error)
    if high - low > 1:
        return described(error)
    every = len(frame) > 1 and low == 0 and fails(len(frame) - 1, len(frame)) is not None
    return {"row": first + low, "every": every, **described(error)}


def described(error: BaseException) -> Answer:
    """Type and first line of an exception, cut short."""
    message = (str(error).strip().splitlines() or [""])[0][:500]
    if message.startswith(_MLFLOW_QUOTES_ROWS) and error.__context__ is not None:
        return described(error.__context__)
    starved = isinstance(error, MemoryError) or any(sign in message for sign in _NO_MEMORY)
    return {"error": "MemoryError" if starved else type(error).__name__[:100], "message": message}


class Written:
    """Predictions as raw bytes in a file: numbers and truth values as they are, texts as codes of the few that occur.

    `pieces` says how many were written in which way, `texts` what the codes stand for.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """`file` is open for writing, and stays open."""
        self._file = file
        self.pieces: list[list[Any]] = []
        self.texts: dict[str, int] = {}

    def add(self, array: np.ndarray[Any, Any]) -> None:
        """Write the next predictions. Raises UnusableAnswerError where they are none of these."""
        if array.dtype.kind not in _NUMBERS + _TEXTS:
            raise UnusableAnswerError(f"values of type {array.dtype}")
        if array.dtype.kind in _TEXTS:
            array = _plain(array)
        kind, array = ("text", self._coded(array)) if array.dtype == object else _numbers(array)
        self._file.write(array.tobytes())
        if self.pieces and self.pieces[-1][0] == kind:
            self.pieces[-1][1] += len(array)
        else:
            self.pieces.append([kind, len(array)])

    def _coded(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np
        import pandas as pd

        found, uniques = pd.factorize(array)
        if strange := {type(value).__name__ for value in uniques if not isinstance(value, str)}:
            raise UnusableAnswerError(f"values of type {', '.join(sorted(strange))}")
        for text in map(str, uniques):
            self.texts.setdefault(text, len(self.texts))
        if len(self.texts) > MAX_TEXTS:
            raise UnusableAnswerError(f"{len(self.texts)} different texts")
        return np.array([*(self.texts[str(text)] for text in uniques), -1], "<i2")[found]


def _numbers(array: np.ndarray[Any, Any]) -> tuple[str, np.ndarray[Any, Any]]:
    if array.dtype.kind == "b":
        return "bool", array
    return ("float64", array.astype("<f8")) if array.dtype.kind == "f" else ("int64", array.astype("<i8"))


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Texts as objects; objects that are all numbers or truth values as such an array, missing ones as NaN."""
    import numpy as np
    import pandas as pd

    array = array.astype(object)

    kind = pd.api.types.infer_dtype(array, skipna=True)
    missing = bool(pd.isna(array).any())
    if kind == "boolean" and not missing:
        return array.astype(bool)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"):
        return np.array([np.nan if pd.isna(value) else float(value) for value in array], dtype="<f8")
    return array


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

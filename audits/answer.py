"""What the scoring child wrote -> predictions. All of it is hostile input: the model could write there too."""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING, Any

from governance.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np

_MAX_ANSWER = 1 << 20
_MAX_TEXT = 500
_SHOWN = 200
_TYPES = {"bool": "|u1", "int64": "<i8", "float64": "<f8", "text": "<i4"}
_UNREADABLE = "The scoring process gave no readable answer: the model ended it, or wrote where it must not."


def predictions_of(answer: IO[bytes], array: IO[bytes], rows: int) -> np.ndarray[Any, Any]:
    """The predictions that two open files hold: int64, bool or text objects, shape (rows,), none missing.

    Raises MeasurementError for a failure that the child reports, for what cannot be read, and for predictions that
    are no decisions.
    """
    said = _answer(answer)
    if said.get("stage") != "done":
        raise MeasurementError(_failure(said))
    values = _array(said, array, rows)
    return _texts(said, values) if said["kind"] == "text" else _decisions(values)


def _answer(file: IO[bytes]) -> dict[str, Any]:
    file.seek(0)
    data = file.read(_MAX_ANSWER + 1)
    try:
        said = json.loads(data) if len(data) <= _MAX_ANSWER else None
    except (ValueError, RecursionError) as error:
        raise MeasurementError(_UNREADABLE) from error
    if not isinstance(said, dict):
        raise MeasurementError(_UNREADABLE)
    return said


def _failure(said: dict[str, Any]) -> str:
    stage, message = said.get("stage"), readable(said.get("message"))
    raised = f"{readable(said.get('error'))}: {message}"
    if said.get("error") == "MemoryError":
        return f"The model needs more memory than scoring allows ({raised}): audit fewer rows."
    match stage:
        case "load":
            return f"The model cannot be loaded ({raised}). Its code and its requirements must be here: see code_paths."
        case "answer":
            return f"The model returned {message}; an audit needs one decision per row: the label's own values."
        case "predict":
            types = ". Write the data as Parquet, with the types of the signature" if "input types" in message else ""
            way_out = types or "; correct the row, or the model"
            return f"The model failed on {_where(said)}: {raised.rstrip('.')}{way_out}."
    return _UNREADABLE


def _where(said: dict[str, Any]) -> str:
    row, first, last = (_whole(said.get(key)) for key in ("row", "first", "last"))
    if said.get("every") is True:
        return f"every row tried (row {row}, counted from 0, and others)"
    return f"rows {first} to {last} together (counted from 0)" if row is None else f"row {row} (counted from 0)"


def _array(said: dict[str, Any], file: IO[bytes], rows: int) -> np.ndarray[Any, Any]:
    import numpy as np

    kind = said.get("kind")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise MeasurementError(_UNREADABLE)
    dtype, size = np.dtype(_TYPES[kind]), os.fstat(file.fileno()).st_size
    if size != rows * dtype.itemsize:
        raise MeasurementError(
            f"The model returned {size // dtype.itemsize} predictions for {rows} rows: it must answer on every row."
        )
    file.seek(0)
    values = np.frombuffer(file.read(size), dtype=dtype)
    if len(values) != rows:
        raise MeasurementError(_UNREADABLE)
    return values.astype(bool) if kind == "bool" else values.copy()


def _texts(said: dict[str, Any], codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    texts = said.get("values")
    if not isinstance(texts, list) or not all(_is_label(text) for text in texts):
        raise MeasurementError("The model returned texts that are no labels: too long, or with control characters.")
    _refuse_missing(codes == -1)
    if codes.min() < 0 or codes.max() >= len(texts):
        raise MeasurementError(_UNREADABLE)
    found: np.ndarray[Any, Any] = np.array(texts, dtype=object)[codes]
    return found


def _decisions(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers as int64. Fractions are scores: who is selected by them is not for an audit to guess."""
    import numpy as np

    if values.dtype.kind != "f":
        return values
    _refuse_missing(np.isnan(values))
    if np.array_equal(values, np.rint(values)) and np.abs(values).max() < 2**53:
        return values.astype("int64")
    low, high = float(values.min()), float(values.max())
    likely = "look like probabilities" if low >= 0 and high <= 1 else "are scores"
    raise MeasurementError(
        f"The model returned numbers from {low:.6g} to {high:.6g}, which {likely}; an audit needs decisions. Log the"
        " model so that predict returns the label's own values (the default pyfunc_predict_fn, or a model that cuts"
        " the score at the value in use)."
    )


def _refuse_missing(missing: np.ndarray[Any, Any]) -> None:
    count = int(missing.sum())
    if count:
        raise MeasurementError(
            f"{count} of {len(missing)} predictions are missing (NaN or None), the first on row {int(missing.argmax())}"
            " (counted from 0): the model must answer on every row."
        )


def readable(value: object) -> str:
    """A text of the child for a message: one line, escaped where it is not printable, at most 200 characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text[: _SHOWN * 2]
    safe = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return safe if len(safe) <= _SHOWN else safe[: _SHOWN - 3] + "..."


def _is_label(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _MAX_TEXT and text.isprintable()


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None

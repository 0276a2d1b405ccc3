"""What the scoring child wrote -> predictions. All of it is hostile input: the model could write there too.

What is returned was copied while it was checked: a process that outlives the child can change its own file only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from audits.plan import AuditPlan
from audits.predictions import (
    MAX_VALUES,
    Encoded,
    Rows,
    Scores,
    answers_scores,
    checked_scores,
    most_values,
    refuse_many,
)
from audits.stored import CHUNK_ROWS, read_at, stored
from audits.table import as_text
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

_MAX_ANSWER = 1 << 20
_MAX_TEXT = 500
_SHOWN = 200
_TYPES = {"bool": "|u1", "int64": "<i8", "float64": "<f8", "text": "<i2"}
_SORTS = {"bool": "truth values", "int64": "numbers", "float64": "numbers", "text": "texts"}
_CODES = "<i2"
_UNREADABLE = "The scoring process gave no readable answer: the model ended it, or wrote where it must not."


class Piece(NamedTuple):
    """`rows` predictions that follow each other in the child's file, all written in the same way."""

    kind: str
    rows: int


def predictions_of(answer: IO[bytes], array: IO[bytes], rows: int | None, plan: AuditPlan) -> Encoded | Scores:
    """The predictions that two open files hold, one per row: scores where the plan says so, otherwise decisions.

    `rows` None: the child did not read them all, so it can only have failed. Memory does not grow with the rows.
    Raises MeasurementError for a failure that the child reports, for what cannot be read, for missing predictions,
    for decisions that are none (fractions, too many values), and for scores that are no numbers or lie outside the
    declared range.
    """
    said = _answer(answer)
    if said.get("stage") != "done":
        wanted = "score (a number)" if answers_scores(plan) else "decision (a value of the label)"
        raise MeasurementError(_failure(said, wanted))
    if rows is None:
        raise MeasurementError("The scoring process answered before it had read every row: the model ended it.")
    pieces = _pieces(said)
    _refuse_size(pieces, array, rows)
    if answers_scores(plan):
        return Scores(stored(checked_scores(_numbers(pieces, array), rows, plan), "<f8"))
    decisions = _Decisions(_labels(said), rows, most_values(plan))
    return Encoded(stored(decisions.coded(_chunks(pieces, array)), _CODES), decisions.values())


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


def _failure(said: dict[str, Any], wanted: str) -> str:
    stage, message = said.get("stage"), readable(said.get("message"))
    raised = f"{readable(said.get('error'))}: {message}"
    if said.get("error") == "MemoryError":
        return f"The model needs more memory than scoring allows ({raised}): audit fewer rows."
    match stage:
        case "load":
            return f"The model cannot be loaded ({raised}). Its code and its requirements must be here: see code_paths."
        case "answer":
            return f"The model returned {message}; an audit needs one {wanted} per row."
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


def _pieces(said: dict[str, Any]) -> tuple[Piece, ...]:
    pieces = said.get("pieces")
    if not isinstance(pieces, list) or not pieces:
        raise MeasurementError(_UNREADABLE)
    return tuple(_piece(item) for item in pieces)


def _piece(item: object) -> Piece:
    match item:
        case [str() as kind, int() as rows] if kind in _TYPES and type(rows) is int and 0 < rows < 2**48:
            return Piece(kind, rows)
    raise MeasurementError(_UNREADABLE)


def _refuse_size(pieces: tuple[Piece, ...], file: IO[bytes], rows: int) -> None:
    """What was said to be written must be one prediction per row, and the file must hold just that."""
    said = sum(piece.rows for piece in pieces)
    if said != rows:
        raise MeasurementError(f"The model returned {said} predictions for {rows} rows: it must answer on every row.")
    if os.fstat(file.fileno()).st_size != sum(piece.rows * _width(piece.kind) for piece in pieces):
        raise MeasurementError(_UNREADABLE)


def _width(kind: str) -> int:
    import numpy as np

    return np.dtype(_TYPES[kind]).itemsize


def _chunks(pieces: tuple[Piece, ...], file: IO[bytes]) -> Iterator[tuple[str, Array]]:
    """What the file holds, a few rows at a time, copied out of it."""
    import numpy as np

    position = 0
    for piece in pieces:
        width = _width(piece.kind)
        for first in range(0, piece.rows, CHUNK_ROWS):
            size = min(CHUNK_ROWS, piece.rows - first) * width
            data = read_at(file, position, size)
            if len(data) != size:
                raise MeasurementError(_UNREADABLE)
            position += size
            yield piece.kind, np.frombuffer(data, dtype=_TYPES[piece.kind])


def _numbers(pieces: tuple[Piece, ...], file: IO[bytes]) -> Iterator[Array]:
    if strange := sorted({_SORTS[piece.kind] for piece in pieces} - {"numbers"}):
        raise MeasurementError(
            f"The model returned {' and '.join(strange)}, but the plan says that its answer is a score: log the model"
            " so that predict returns one number per row, or take the score out of the plan."
        )
    return (chunk.astype("<f8") for _, chunk in _chunks(pieces, file))


def _labels(said: dict[str, Any]) -> tuple[str, ...]:
    """The texts that codes point into."""
    texts = said.get("values", [])
    if not isinstance(texts, list) or not all(_is_label(text) for text in texts):
        raise MeasurementError("The model returned texts that are no labels: too long, or with control characters.")
    if len(texts) > MAX_VALUES:
        raise MeasurementError(_UNREADABLE)
    return tuple(texts)


class _Decisions:
    """Codes for decisions that come chunk by chunk, and the values that they stand for."""

    def __init__(self, texts: tuple[str, ...], rows: int, classes: int) -> None:
        self._texts = texts
        self._classes = classes
        self._known: dict[str, int] = {}
        self._sorts: set[str] = set()
        self._missing = Rows(rows)
        self._ends: tuple[float, float] | None = None
        self._fractions = False

    def coded(self, chunks: Iterator[tuple[str, Array]]) -> Iterator[Array]:
        """One code per row. At the end raises MeasurementError where not every row has a decision."""
        for kind, chunk in chunks:
            yield self._codes(kind, chunk)
        self._check()

    def values(self) -> tuple[str, ...]:
        """The values that occurred, in the order of their codes."""
        return tuple(self._known)

    def _codes(self, kind: str, chunk: Array) -> Array:
        import numpy as np
        import pandas as pd

        self._sorts.add(_SORTS[kind])
        if kind == "float64" and self._are_fractions(chunk):
            self._missing.add(np.isnan(chunk))
            return np.full(len(chunk), -1, _CODES)
        found, uniques = pd.factorize(chunk.astype(bool) if kind == "bool" else chunk)
        if len(uniques) > MAX_VALUES:
            refuse_many(len(uniques), self._classes, uniques)
        own = [self._code(self._value(kind, unique)) for unique in uniques.tolist()]
        codes = np.array([*own, -1], _CODES)[found]
        self._missing.add(codes == -1)
        return codes

    def _check(self) -> None:
        self._missing.refuse("predictions are missing (NaN or None)", "the model must answer on every row")
        if self._fractions and self._ends:
            raise MeasurementError(_no_decisions(*self._ends))
        if len(self._sorts) > 1:
            raise MeasurementError(
                f"The model returned {' and '.join(sorted(self._sorts))}: it must give the label's own values."
            )
        refuse_many(len(self._known), self._classes, self.values())

    def _are_fractions(self, chunk: Array) -> bool:
        """Has a chunk had numbers that are not whole (or too large to tell)? Those are scores."""
        import numpy as np

        low, high = self._ends or (np.inf, -np.inf)
        low, high = float(np.fmin.reduce(chunk, initial=low)), float(np.fmax.reduce(chunk, initial=high))
        self._ends = low, high
        whole = np.isnan(chunk) | (chunk == np.rint(chunk))
        self._fractions = self._fractions or not whole.all() or max(-low, high) >= 2**53
        return self._fractions

    def _value(self, kind: str, value: object) -> str | None:
        if kind != "text":
            return as_text(value)
        if type(value) is not int or not -1 <= value < len(self._texts):
            raise MeasurementError(_UNREADABLE)
        return as_text(self._texts[value]) if value >= 0 else None

    def _code(self, value: str | None) -> int:
        if value is None:
            return -1
        if value not in self._known and len(self._known) == MAX_VALUES:
            refuse_many(MAX_VALUES + 1, self._classes, (*self._known, value))
        return self._known.setdefault(value, len(self._known))


def _no_decisions(low: float, high: float) -> str:
    likely = "look like probabilities" if low >= 0 and high <= 1 else "are scores"
    return (
        f"The model returned numbers from {low:.6g} to {high:.6g}, which {likely}; an audit needs decisions. Log the"
        " model so that predict returns the label's own values (the default pyfunc_predict_fn, or a model that cuts"
        " the score at the value in use), or declare [data] score_range and cutoff in the plan."
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

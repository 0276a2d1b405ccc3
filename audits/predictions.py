"""What a model answered, one value per row: decisions as codes and the few values they stand for, or scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from audits.plan import AuditPlan, Task
from audits.stored import Column, Stream, as_relation
from audits.table import as_text
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MAX_VALUES = 1_000
"""Different decisions of one model; more are numbers or free text."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Decisions: `codes` (one per row, the table's order) point into `values`, the distinct predictions as text."""

    codes: Column
    values: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001
        """The values, one text per row, as an array in memory."""
        import numpy as np

        values: np.ndarray[Any, Any] = np.array(self.values, dtype=object)
        found: np.ndarray[Any, Any] = values[np.asarray(self.codes)].astype(dtype or object, copy=False)
        return found

    def table(self, name: str) -> pa.Table | Stream:
        """The codes as a relation with one column, for the positional join; it can be read more than once."""
        return as_relation(self.codes, name)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores or predicted numbers: `values` is float64, one per row in the table's order, each finite."""

    values: Column

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001
        import numpy as np

        return np.asarray(self.values).astype(dtype or float, copy=False)

    def table(self, name: str) -> pa.Table | Stream:
        """The scores as a relation with one column of doubles; it can be read more than once."""
        return as_relation(self.values, name)


Predictions: TypeAlias = "np.ndarray[Any, Any] | Encoded | Scores"
"""One prediction per row of a table, in its order."""


def answers_scores(plan: AuditPlan) -> bool:
    """Is what the model (or an array given instead) answers a number, rather than a decision?"""
    return plan.task is Task.REGRESSION or (plan.score is not None and plan.score.column is None)


def answered(predictions: Predictions, rows: int, plan: AuditPlan) -> Encoded | Scores:
    """The predictions as the plan means them: `Scores` where the answer is a number, otherwise `Encoded`.

    Raises MeasurementError as `encoded` and `scores` do, and where they are not as many as the table's `rows`.
    """
    if isinstance(predictions, Encoded | Scores):
        if len(predictions) != rows:
            raise MeasurementError(f"There are {len(predictions)} predictions for {rows} rows: one prediction per row.")
        found: Encoded | Scores = predictions
    elif answers_scores(plan):
        found = scores(predictions, rows, plan)
    else:
        found = encoded(predictions, rows, classes=most_values(plan))
    if isinstance(found, Encoded):
        refuse_many(len(set(found.values)), most_values(plan), found.values)
    return found


def most_values(plan: AuditPlan) -> int:
    """How many different decisions the plan's task has at most."""
    return MAX_VALUES if plan.task is Task.MULTICLASS else 2


def encoded(predictions: Predictions, rows: int, *, classes: int = 2) -> Encoded:
    """Encode an array of shape (rows,) or (rows, 1).

    Raises MeasurementError for another shape, for missing values (None, NaN), and for more than `classes` distinct
    values, which are scores or the classes of another problem: what a score selects is for the plan's owner to say.
    """
    import numpy as np
    import pandas as pd

    codes, uniques = pd.factorize(_one_column(predictions, rows))
    values = tuple(as_text(value) for value in uniques.tolist())
    missing = int(np.isin(codes, [-1, *(code for code, value in enumerate(values) if value is None)]).sum())
    if missing:
        raise MeasurementError(
            f"{missing} of {rows} predictions are missing (None or NaN): the model must answer on every row."
        )
    refuse_many(len(set(values)), classes, uniques)
    return Encoded(codes.astype("int32"), values)


def refuse_many(count: int, classes: int, values: Any) -> None:
    """Raise MeasurementError where `count` different values (`values`, to be shown) are more than `classes`."""
    if count <= classes:
        return
    expected = "a decision has two" if classes == 2 else f"an audit of classes takes at most {classes}"
    raise MeasurementError(
        f"The predictions have {count} different values ({_ends(values)}), {expected}: these look like scores or"
        " several classes. Predict the label's own values (cut the scores at the value in use before the audit), or"
        " declare [data] score_range or task in the plan."
    )


def scores(predictions: Predictions, rows: int, plan: AuditPlan) -> Scores:
    """An array of numbers, shape (rows,) or (rows, 1), as scores. Raises MeasurementError as `checked_scores` does."""
    import numpy as np

    array = _one_column(predictions, rows)
    if array.dtype == object:
        try:
            array = array.astype(float)
        except (TypeError, ValueError) as error:
            raise MeasurementError("The predictions are no numbers, and the plan says that they are scores.") from error
    if array.dtype.kind not in "iuf":
        raise MeasurementError(
            f"The predictions are of type {array.dtype}, but the plan says that they are scores: one number per row."
        )
    return Scores(np.concatenate([np.empty(0), *checked_scores([array.astype(float)], rows, plan)]))


def checked_scores(
    chunks: Iterable[np.ndarray[Any, Any]], rows: int, plan: AuditPlan
) -> Iterator[np.ndarray[Any, Any]]:
    """The chunks (float64) as they are. At their end raises MeasurementError for missing and infinite scores and for
    such as lie outside the range that the plan declares: how many, the first row, and what they look like."""
    import numpy as np

    low, high = (plan.score.low, plan.score.high) if plan.score else (-np.inf, np.inf)
    missing, outside = Rows(rows), Rows(rows)
    ends = [np.inf, -np.inf]
    for chunk in chunks:
        absent = np.isnan(chunk)
        missing.add(absent)
        outside.add(~absent & (np.isinf(chunk) | (chunk < low) | (chunk > high)))
        ends = [float(np.fmin.reduce(chunk, initial=ends[0])), float(np.fmax.reduce(chunk, initial=ends[1]))]
        yield chunk
    missing.refuse("scores are missing (NaN or None)", "the model must answer on every row")
    declared = f"outside the declared range {low:g} to {high:g}" if plan.score else "infinite"
    outside.refuse(
        f"scores are {declared} (they go from {ends[0]:.6g} to {ends[1]:.6g})", "correct the range, or the model"
    )


class Rows:
    """Rows of a table that are not as they must be, counted chunk by chunk."""

    def __init__(self, rows: int) -> None:
        """`rows`: how many the whole table has."""
        self._rows = rows
        self._seen = 0
        self._count = 0
        self._first = 0

    def add(self, wrong: np.ndarray[Any, Any]) -> None:
        """The next rows: True where wrong."""
        if not self._count and wrong.any():
            self._first = self._seen + int(wrong.argmax())
        self._count += int(wrong.sum())
        self._seen += len(wrong)

    def refuse(self, what: str, way_out: str) -> None:
        """Raise MeasurementError where any was wrong: `3 of 9 <what>, the first on row 2 (...): <way_out>`."""
        if self._count:
            raise MeasurementError(
                f"{self._count} of {self._rows} {what}, the first on row {self._first} (counted from 0): {way_out}."
            )


def _one_column(predictions: Any, rows: int) -> np.ndarray[Any, Any]:
    import numpy as np

    array = np.asarray(predictions)
    if array.shape not in ((rows,), (rows, 1)):
        hint = " (these look like the columns of predict_proba)" if array.ndim == 2 and len(array) == rows else ""
        raise MeasurementError(
            f"The predictions have the shape {array.shape}{hint}, the data has {rows} rows: one prediction per row."
        )
    return array.ravel()


def _ends(uniques: Any) -> str:
    try:
        return f"from {min(uniques)} to {max(uniques)}"
    except TypeError:
        return f"of types {', '.join(sorted({type(value).__name__ for value in uniques}))}"

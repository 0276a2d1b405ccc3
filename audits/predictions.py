"""An array of predictions -> codes and the few values they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audits.table import as_text
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Encoded:
    """`codes` (one per row, the table's order) point into `values`, the distinct predictions as text."""

    codes: np.ndarray[Any, Any]
    values: tuple[str | None, ...]

    def table(self, name: str) -> pa.Table:
        """The codes as an Arrow table with one column, for the positional join."""
        import pyarrow as pa

        return pa.table({name: pa.array(self.codes)})


def encoded(predictions: np.ndarray[Any, Any], rows: int) -> Encoded:
    """Encode an array of shape (rows,) or (rows, 1).

    Raises MeasurementError for another shape, for missing values (None, NaN), and for more than two distinct values,
    which are scores or the classes of another problem: what a score selects is for the plan's owner to say.
    """
    import numpy as np
    import pandas as pd

    array = np.asarray(predictions)
    if array.shape not in ((rows,), (rows, 1)):
        hint = " (these look like the columns of predict_proba)" if array.ndim == 2 and len(array) == rows else ""
        raise MeasurementError(
            f"The predictions have the shape {array.shape}{hint}, the data has {rows} rows: one prediction per row."
        )
    codes, uniques = pd.factorize(array.ravel())
    values = tuple(as_text(value) for value in uniques.tolist())
    missing = int(np.isin(codes, [-1, *(code for code, value in enumerate(values) if value is None)]).sum())
    if missing:
        raise MeasurementError(
            f"{missing} of {rows} predictions are missing (None or NaN): the model must answer on every row."
        )
    if len(set(values)) > 2:
        raise MeasurementError(
            f"The predictions have {len(set(values))} different values ({_ends(uniques)}), a decision has two: these"
            " look like scores or several classes. Predict the label's own two values: cut the scores at the value in"
            " use before the audit."
        )
    return Encoded(codes.astype("int32"), values)


def _ends(uniques: Any) -> str:
    try:
        return f"from {min(uniques)} to {max(uniques)}"
    except TypeError:
        return f"of types {', '.join(sorted({type(value).__name__ for value in uniques}))}"

"""Which label is favourable, and which prediction selects: settled on the values that a scan found, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.levels import same_value
from audits.plan import AuditPlan, Task
from audits.scan import Counted
from governance.errors import ConfigurationError, MeasurementError

MAX_CLASSES = 50
"""Classes of a label that are measured one against the rest."""

_SHOWN_VALUES = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """`favourable` is the label's good value (None: no label), `selects` the prediction that gives it, as texts.

    `classes` are all values of label and prediction, sorted, where the prediction is no cut score.
    """

    favourable: str | None
    selects: str
    classes: tuple[str, ...]


def decision_of(counted: Counted, plan: AuditPlan, name: str) -> Decision:
    """What `plan` means on the values that occur; `name` is what messages call the data.

    Raises MeasurementError for a missing label or prediction, a label without exactly two values (or, for classes,
    with fewer than 2 or more than MAX_CLASSES), a favourable value that does not occur, a prediction that is none of
    the label's values; ConfigurationError where nothing predicts.
    """
    if "prediction" not in counted.table.column_names:
        raise ConfigurationError(
            "Nothing predicts: the plan names no prediction column, and no model was scored. Add `prediction` to the"
            " plan, or give a model."
        )
    predicted = _complete(_sizes(counted, "prediction"), f"{name}: the prediction is missing (null or NaN)")
    if counted.spec.label is None:
        favourable = None
        classes = () if counted.cut else predicted
        chosen = None if counted.cut else _favourable(_few(predicted, plan, name), plan, f"{name}: the prediction")
    else:
        labels = _complete(_sizes(counted, "label"), f"{name}: the label {plan.label!r} is missing")
        chosen = favourable = _favourable(_label(labels, plan, name), plan, f"{name}: the label {plan.label!r}")
        classes = labels if counted.cut else _classes(labels, predicted, plan, name)
    return Decision(favourable, "true" if counted.cut or chosen is None else chosen, classes)


def _sizes(counted: Counted, column: str) -> dict[str | None, int]:
    grouped = counted.table.group_by([column]).aggregate([("n", "sum")])
    return dict(zip(grouped[column].to_pylist(), grouped["n_sum"].to_pylist(), strict=True))


def _complete(sizes: Mapping[str | None, int], what: str) -> tuple[str, ...]:
    """The values, sorted. Raises MeasurementError where some rows have none."""
    if missing := sizes.get(None, 0):
        way_out = "The model must answer on every row." if "prediction" in what else "Remove or complete these rows."
        raise MeasurementError(f"{what} in {missing} rows. {way_out}")
    return tuple(sorted(value for value in sizes if value is not None))


def _label(values: Sequence[str], plan: AuditPlan, name: str) -> Sequence[str]:
    if plan.task is Task.MULTICLASS:
        return _few_classes(values, f"{name}: the label {plan.label!r}")
    if len(values) != 2:
        raise MeasurementError(
            f"{name}: the label {plan.label!r} has {len(values)} values ({_shown(values)}); an audit of a binary"
            " decision needs exactly two. Remove or join values before the audit."
        )
    return values


def _few(predicted: Sequence[str], plan: AuditPlan, name: str) -> Sequence[str]:
    """Without a label the prediction's own values decide what is favourable."""
    if plan.task is Task.MULTICLASS:
        return _few_classes(predicted, f"{name}: the prediction")
    if len(predicted) > 2:
        raise MeasurementError(
            f"{name}: the prediction has {len(predicted)} values ({_shown(predicted)}); a decision has two. Cut scores"
            " at the value in use, or join values, before the audit."
        )
    return predicted


def _few_classes(values: Sequence[str], what: str) -> Sequence[str]:
    if not 2 <= len(values) <= MAX_CLASSES:
        raise MeasurementError(
            f"{what} has {len(values)} values ({_shown(values)}); an audit of classes takes 2 to {MAX_CLASSES}: join"
            " classes, or correct the column."
        )
    return values


def _favourable(values: Sequence[str], plan: AuditPlan, what: str) -> str:
    found = [value for value in values if same_value(value, plan.favourable)]
    if len(found) != 1:
        raise MeasurementError(
            f"{what} has the values {_shown(values)}, but the plan's favourable value is {plan.favourable!r}: name one"
            " of them."
        )
    return found[0]


def _classes(labels: Sequence[str], predicted: Sequence[str], plan: AuditPlan, name: str) -> tuple[str, ...]:
    """A class that the data lacks may be predicted; a binary prediction must be one of the label's values."""
    strange = sorted(set(predicted) - set(labels))
    if strange and (plan.task is not Task.MULTICLASS or len(strange) == len(predicted)):
        known = sorted(labels, key=lambda value: not same_value(value, plan.favourable))
        raise MeasurementError(
            f"{name}: {len(strange)} predicted values are none of the label {plan.label!r} (predicted:"
            f" {_shown(strange)}; label: {_shown(known)})."
            " The model must predict the label's own values: map its classes, or cut its scores at the value in use,"
            " before the audit."
        )
    classes = tuple(sorted({*labels, *predicted}))
    return tuple(_few_classes(classes, f"{name}: label and prediction")) if strange else classes


def _shown(values: Sequence[str]) -> str:
    rest = f", and {len(values) - _SHOWN_VALUES} more" if len(values) > _SHOWN_VALUES else ""
    return ", ".join(values[:_SHOWN_VALUES]) + rest

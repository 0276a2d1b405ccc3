"""Predictions of a registered model, made by Spark's workers, where the rows are.

The model's code runs in the workers with all that they may do: their network, their files, the credentials of the
cluster, and no limits but the cluster's. The workers are the sandbox, and Fairgate cannot see how good a one. So this
is for models that the policy trusts; for all others copy the rows (`pinned.pinned`) and score them in the child
(`audits.scoring`).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from audits.model_signature import model_inputs
from audits.plan import AuditPlan
from audits.predictions import answers_scores
from audits.scoring import required_columns
from audits.source_uri import table_address
from audits.spark_source import SparkAnswers, SparkTable, column_of, row_of, spark_table
from governance.errors import MeasurementError

# MLflow's word -> Spark's; the signature refuses a long for a double, so columns are cast first.
_NUMBERS = {"double": "double", "float": "float", "long": "bigint", "integer": "int"}
_ANSWERS = {"U": "string", "O": "string", "S": "string", "b": "boolean"}  # numpy's letter of the kind of type
_SPARK_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


def score_on_spark(model: Path, table: str | SparkTable, plan: AuditPlan) -> SparkAnswers:
    """The rows of `table` with what the trusted `model` answers; nothing runs before they are counted.

    `model` is the folder of an MLflow model whose signature has inputs and one output; `table` an address spark:...
    Give the result to `cells.read_cells` as `predictions`.

    Raises MeasurementError: no signature, no output in it, columns missing, the label among the inputs.
    """
    found = spark_table(table_address(table)) if isinstance(table, str) else table
    taken = required_columns(model, tuple(found.frame.columns), found.name, plan)
    types = {item.name: item.type for item in model_inputs(model) or ()}
    answer = _free_name(found)
    udf = _pyfunc().spark_udf(
        found.frame.sparkSession, str(model), result_type=_result_type(model, plan), env_manager="local"
    )
    inputs = row_of({name: _declared(found, name, types[name]) for name in taken})
    return SparkAnswers(SparkTable(found.frame.withColumn(answer, udf(inputs)), found.name), answer)


def _pyfunc() -> Any:
    with warnings.catch_warnings():
        # Of MLflow's own classes, at every first import: nothing a reader could do about it.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType", category=UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc


def _declared(table: SparkTable, name: str, kind: str) -> Any:
    """The column in the number type of the signature, where it is a number."""
    column = column_of(name)
    is_number = dict(table.frame.dtypes)[name].split("(", 1)[0] in _SPARK_NUMBERS
    return column.cast(_NUMBERS[kind]) if is_number and kind in _NUMBERS else column


def _result_type(model: Path, plan: AuditPlan) -> str:
    """What Spark makes of an answer: numbers stay numbers (1.0 is the label 1), texts and truth values themselves."""
    from mlflow.models import Model

    if answers_scores(plan):
        return "double"
    schema = Model.load(str(model)).get_output_schema()
    if schema is None or len(schema.inputs) != 1:
        raise MeasurementError(
            f"The model in {model} does not say what it answers: log it with signature=infer_signature(X,"
            " model.predict(X)), one decision per row."
        )
    kind = schema.numpy_types()[0].kind  # of a table's column types too
    return _ANSWERS.get(kind, "double")


def _free_name(table: SparkTable) -> str:
    name = "fairgate_answer"
    while name in table.frame.columns:
        name += "_"
    return name

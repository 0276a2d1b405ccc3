"""The evaluator `fairgate` of MLflow: `mlflow.models.evaluate(..., evaluators="fairgate")` runs an audit and logs it.

It is a data scientist's own run: the model predicts in that process, on data that the caller chose, and whoever can
write to the tracking server can write the same numbers. It is never evidence for a release.

MLflow loads this module with its evaluators, also where nobody asks for Fairgate. So it imports values only, and the
class follows MLflow's `ModelEvaluator` without inheriting from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audits.plan import AuditPlan, Task
from governance.errors import ConfigurationError, MeasurementError

if TYPE_CHECKING:
    import pandas as pd

    from audits.result import AuditResult

MODEL_TYPES = ("classifier", "regressor")
CONFIG = ("plan", "columns")
FOLDER = "fairgate"
"""Where the artifacts lie in the run."""


class FairgateEvaluator:
    """Measures the model's predictions (or those in the data) as an audit plan says."""

    name = "fairgate"

    @classmethod
    def can_evaluate(cls, *, model_type: str, evaluator_config: Mapping[str, Any], **_: Any) -> bool:
        """Only where a plan is given: without `evaluators`, MLflow asks every evaluator that is installed."""
        return model_type in MODEL_TYPES and "plan" in (evaluator_config or {})

    def evaluate(
        self,
        *,
        model_type: str,  # noqa: ARG002 (MLflow's interface; the plan says what the model is)
        dataset: Any,
        run_id: str,
        evaluator_config: Mapping[str, Any],
        model: Any = None,
        predictions: str | None = None,
        **_: Any,
    ) -> Any:
        """Audit, log metrics and artifacts to `run_id`, return MLflow's EvaluationResult.

        `evaluator_config`: `plan` is an AuditPlan, a path or TOML text; `columns` (optional) a data frame with the
        columns that the plan names and the model must not get, one row per row of the data, in its order.

        Raises ConfigurationError for a plan that cannot be read or asks for something else than was given,
        MeasurementError for data that cannot be measured.
        """
        plan = plan_of(evaluator_config)
        table = _table(plan, dataset, evaluator_config.get("columns"))
        answers = _answers(plan, model, dataset, predictions)
        return _logged(audit_of(plan, table, answers, run=model is not None), run_id)


def audit_of(plan: AuditPlan, table: pd.DataFrame, answers: Any, *, run: bool) -> AuditResult:
    """The audit of `answers` (None: a column of the table holds them); `run`: a model has just made them."""
    from importlib import metadata

    from audits.run import audit

    found = audit(plan, table, predictions=answers, environment={"mlflow": metadata.version("mlflow")})
    notes = ["Measured by mlflow.models.evaluate, in its caller's process: a trial, no evidence for a release."]
    if not run and answers is not None:
        notes.append("The model was NOT run: its predictions came with the data.")
    return replace(found, notes=(*found.notes, *notes))


def plan_of(config: Mapping[str, Any]) -> AuditPlan:
    """The plan of an evaluator's configuration. Raises ConfigurationError for what is none."""
    from audits.plan_file import read_plan

    if unknown := sorted(set(config) - set(CONFIG)):
        raise ConfigurationError(
            f"evaluator_config of fairgate: unknown key {unknown[0]!r}; it takes {' and '.join(CONFIG)}."
        )
    match config.get("plan"):
        case AuditPlan() as plan:
            return plan
        case str() as text if "\n" in text:
            return read_plan(text.encode(), name="evaluator_config plan")
        case str() | Path() as path:
            return read_plan(_bytes(Path(path)), name=str(path))
    raise ConfigurationError(
        "evaluator_config of fairgate: plan must be the path of a plan, its TOML text (of several lines) or an"
        f" AuditPlan, not {type(config.get('plan')).__name__}."
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"evaluator_config of fairgate: plan: {path} cannot be read ({error.strerror}); give the path of a plan or"
            " its TOML text."
        ) from error


def validation_thresholds() -> dict[str, Any]:
    """For `mlflow.validate_evaluation_results`: something was bounded, nothing is adverse, and all of it was measured.

    A run in which every group is too small has no adverse verdict either: missing is not met.
    """
    from mlflow.models import MetricThreshold

    from audits.evaluator_metrics import BOUNDED, verdict_name
    from audits.result import Verdict

    none = MetricThreshold(threshold=0, greater_is_better=False)
    held = (Verdict.ADVERSE, Verdict.INSUFFICIENT, Verdict.NOT_ESTIMABLE)
    return {
        BOUNDED: MetricThreshold(threshold=1, greater_is_better=True),
        **{verdict_name(verdict): none for verdict in held},
    }


def _table(plan: AuditPlan, dataset: Any, given: Any) -> pd.DataFrame:
    """The columns of the data, those given beside it, and the targets under the label's name."""
    import pandas as pd

    features = dataset.features_data
    found = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features, columns=dataset.feature_names)
    if given is not None:
        found = _beside(found, given)
    for name, values in _named(plan, dataset):
        if name in found.columns:
            raise ConfigurationError(f"The column {name} is given twice: as {name} of the data and as MLflow's.")
        found = found.assign(**{name: values})
    return found


def _named(plan: AuditPlan, dataset: Any) -> Iterator[tuple[str, Any]]:
    """What MLflow takes out of the data: its targets and predictions."""
    if plan.label is not None and dataset.has_targets:
        if dataset.targets_name not in (None, plan.label):
            raise ConfigurationError(
                f"MLflow evaluates against targets={dataset.targets_name!r}, the plan's label is {plan.label!r}: both"
                " must be the same column."
            )
        yield plan.label, dataset.labels_data
    elif dataset.has_targets and dataset.targets_name is not None:
        yield dataset.targets_name, dataset.labels_data
    if dataset.has_predictions and dataset.predictions_name is not None:
        yield dataset.predictions_name, dataset.predictions_data


def _beside(found: pd.DataFrame, given: Any) -> pd.DataFrame:
    """The two frames side by side; refused where it is not certain that their rows are the same."""
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        raise ConfigurationError(
            f"evaluator_config of fairgate: columns must be a pandas DataFrame, not {type(given).__name__}."
        )
    if len(given) != len(found) or not given.index.equals(found.index):
        raise MeasurementError(
            f"evaluator_config of fairgate: columns has {len(given)} rows, the data {len(found)}; both need the same"
            " index in the same order, so that each row finds its own."
        )
    if twice := sorted(set(map(str, given.columns)) & set(map(str, found.columns))):
        raise ConfigurationError(f"evaluator_config of fairgate: columns and the data both have {', '.join(twice)}.")
    return pd.concat([found, given], axis=1)


def _answers(plan: AuditPlan, model: Any, dataset: Any, predictions: str | None) -> Any:
    """One answer per row: the model's, on a copy of its inputs, or those in the data; None where the plan's column
    holds them."""
    column = _column(plan)
    if model is not None:
        if column:
            raise ConfigurationError(
                f"The plan reads the answers from the column {column}, but a model was given to evaluate: take the"
                f" column out of the plan's [data], or evaluate without a model, with predictions={column!r}."
            )
        return _one_column(model.predict(dataset.features_data.copy()), predictions)
    if not dataset.has_predictions:
        raise ConfigurationError("There is neither a model nor a column of predictions: give predictions='COLUMN'.")
    if column and dataset.predictions_name not in (None, column):
        raise ConfigurationError(
            f"MLflow evaluates predictions={dataset.predictions_name!r}, the plan reads {column!r}: both must"
            " be the same column."
        )
    return None if column else dataset.predictions_data


def _column(plan: AuditPlan) -> str | None:
    """The column from which the plan reads what a model would answer, if any."""
    if plan.prediction or plan.score is None:
        return plan.prediction
    decides = plan.score.cutoff is not None or plan.task in (Task.RANKING, Task.REGRESSION)
    return plan.score.column if decides else None


def _one_column(answers: Any, name: str | None) -> Any:
    """The column `name` of answers that have several."""
    if name is None or not hasattr(answers, "columns"):
        return answers
    if name not in answers.columns:
        raise MeasurementError(
            f"The model's answer has no column {name!r}, it has: {', '.join(map(str, answers.columns))}."
        )
    return answers[name]


def _logged(result: AuditResult, run_id: str) -> Any:
    """Log what may be published: a tracking server has more readers than the data has."""
    import json

    import mlflow
    from mlflow.models import EvaluationResult
    from mlflow.models.evaluation.artifacts import JsonEvaluationArtifact, TextEvaluationArtifact

    from audits.evaluator_metrics import metrics_of
    from audits.notebook import to_html
    from audits.record import to_json
    from audits.suppression import published

    shown = published(result)
    record, html = to_json(shown).decode(), to_html(shown)
    metrics = metrics_of(shown)
    mlflow.log_metrics(metrics, run_id=run_id)
    artifacts = {}
    for name, text, kind, content in (
        ("fairgate_audit.json", record, JsonEvaluationArtifact, json.loads(record)),
        ("fairgate_audit.html", html, TextEvaluationArtifact, html),
    ):
        mlflow.log_text(text, f"{FOLDER}/{name}", run_id=run_id)
        key = name.replace(".", "_")
        artifacts[key] = kind(uri=mlflow.get_artifact_uri(f"{FOLDER}/{name}"), content=content)
    return EvaluationResult(metrics=metrics, artifacts=artifacts, run_id=run_id)

"""The evaluator `fairgate` inside the real `mlflow.models.evaluate`, on a SQLite tracking store."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.evaluator import FairgateEvaluator, plan_of, validation_thresholds
from audits.evaluator_metrics import MAX_NAME, metric_name, metrics_of
from audits.plan import AuditPlan, Bound, Comparison, Score, SensitiveFeature
from audits.record import from_json
from audits.result import Verdict
from audits.run import audit
from governance.errors import ConfigurationError, MeasurementError

# What MLflow does with pandas 3; warnings of our own code stay errors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0 all arguments of all"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop is deprecated"),
]

ROOT = Path(__file__).parents[2]
GROUP = "mlflow.model_evaluator"
TOML = """
[model]
name = "hiring"

[data]
label = "hired"
favourable = "1"

[[sensitive_features]]
name = "sex"
reference = "male"

[audit]
decided_at = 2026-11-01

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="male"),),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 11, 1),
    digest="sha256:" + "0" * 64,
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """MLflow's tables, made once: creating them takes a second each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own type hints where its models are imported
        import mlflow.models.evaluation.evaluator_registry
        import mlflow.pyfunc  # noqa: F401
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def store(tmp_path: Path, empty_database: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tracking store of its own, and the evaluator known to MLflow as its entry point names it."""
    from mlflow.models.evaluation.evaluator_registry import _model_evaluation_registry as registry

    (tmp_path / "mlflow.db").write_bytes(empty_database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(registry._registry, "fairgate", _declared().load())
    # Not by set_tracking_uri, which the tests after this one would inherit.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)
    return tmp_path


@pytest.fixture
def frame() -> pd.DataFrame:
    """400 women and 400 men, half of each hired; the score selects 120 women and 240 men."""
    rows = [
        {"sex": sex, "hired": n % 2, "x": 1.0 if n < selected else 0.0}
        for sex, selected in (("female", 120), ("male", 240))
        for n in range(400)
    ]
    return pd.DataFrame(rows)


def _declared() -> EntryPoint:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ((name, value),) = document["project"]["entry-points"][GROUP].items()
    return EntryPoint(name, value, GROUP)


def selects(data: pd.DataFrame) -> np.ndarray[Any, Any]:
    return (data["x"] > 0.5).astype(int).to_numpy()


def evaluated(frame: pd.DataFrame, config: dict[str, Any], **given: Any) -> Any:
    import mlflow

    arguments = {"model": selects, "targets": "hired", "model_type": "classifier", **given}
    if arguments["targets"] is None:
        del arguments["targets"]
    return mlflow.models.evaluate(
        data=frame, evaluators=["fairgate"], evaluator_config={"fairgate": config}, **arguments
    )


def test_a_model_is_measured_and_its_run_holds_metrics_record_and_page(store: Path, frame: pd.DataFrame) -> None:
    import mlflow

    (store / "plan.toml").write_text(TOML, encoding="utf-8")
    before = frame.copy()
    with mlflow.start_run() as run:
        found = evaluated(frame, {"plan": "plan.toml"})
    assert found.metrics == {
        "fairgate/bounded": 1.0,
        "fairgate/verdict/adverse": 1.0,
        "fairgate/verdict/watch": 0.0,
        "fairgate/verdict/no_indication": 0.0,
        "fairgate/verdict/insufficient_evidence": 0.0,
        "fairgate/verdict/not_estimable": 0.0,
        "fairgate/worst/impact_ratio": 0.5,
        "fairgate/impact_ratio/sex.female": 0.5,
    }
    assert mlflow.get_run(run.info.run_id).data.metrics == found.metrics
    pd.testing.assert_frame_equal(frame, before)

    record = from_json(mlflow.artifacts.load_text(found.artifacts["fairgate_audit_json"].uri).encode())
    expected = audit(plan_of({"plan": TOML}), frame.drop(columns="x"), predictions=selects(frame))
    assert record.disparities == expected.disparities
    assert record.estimates == expected.estimates
    assert record.environment["mlflow"] == mlflow.__version__
    assert any("a trial, no evidence for a release" in note for note in record.notes)
    assert not any("was NOT run" in note for note in record.notes)
    page = mlflow.artifacts.load_text(found.artifacts["fairgate_audit_html"].uri)
    assert "sex=female against sex=male" in "".join(ET.fromstring(page).itertext())
    listed = mlflow.MlflowClient().list_artifacts(run.info.run_id, "fairgate")
    assert [item.path for item in listed] == ["fairgate/fairgate_audit.html", "fairgate/fairgate_audit.json"]


def test_what_was_found_can_be_saved_and_loaded_by_mlflow(store: Path, frame: pd.DataFrame) -> None:
    from mlflow.models import EvaluationResult

    found = evaluated(frame, {"plan": PLAN})
    found.save(store / "kept")
    again = EvaluationResult.load(store / "kept")
    assert again.metrics == found.metrics
    assert again.artifacts["fairgate_audit_json"].content["row_count"] == 800
    assert again.artifacts["fairgate_audit_html"].content.strip().startswith("<div>")


def test_thresholds_hold_a_model_with_an_adverse_disparity_and_let_an_equal_one_pass(
    store: Path, frame: pd.DataFrame
) -> None:
    import mlflow
    from mlflow.models.evaluation.validation import ModelValidationFailedException

    found = evaluated(frame, {"plan": PLAN})
    with pytest.raises(ModelValidationFailedException, match="fairgate/verdict/adverse"):
        mlflow.validate_evaluation_results(validation_thresholds(), found)
    equal = frame.assign(x=frame.groupby("sex").cumcount().lt(200).astype(float))
    mlflow.validate_evaluation_results(validation_thresholds(), evaluated(equal, {"plan": PLAN}))


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, bounds=())])
def test_thresholds_hold_a_model_of_which_nothing_was_measured(
    store: Path, frame: pd.DataFrame, plan: AuditPlan
) -> None:
    import mlflow
    from mlflow.models.evaluation.validation import ModelValidationFailedException

    few = frame.groupby("sex").head(20)
    found = evaluated(few, {"plan": plan})
    assert found.metrics["fairgate/verdict/adverse"] == 0
    with pytest.raises(ModelValidationFailedException):
        mlflow.validate_evaluation_results(validation_thresholds(), found)


def test_the_guide_runs_as_it_is_written(store: Path, frame: pd.DataFrame) -> None:
    from mlflow.models.evaluation.validation import ModelValidationFailedException

    (store / "plan.toml").write_text(TOML, encoding="utf-8")
    guide = (ROOT / "docs" / "guides" / "mlflow-evaluate.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    names: dict[str, Any] = {"model": selects, "frame": frame}
    with pytest.raises(ModelValidationFailedException):
        exec(code, names)
    told = set(re.findall(r"`(fairgate/[^`]*)`", guide)) - {"fairgate/equalized_odds_difference/all groups.sex"}
    assert told <= set(names["found"].metrics)


def test_predictions_in_the_data_are_measured_and_said_to_be_read(store: Path, frame: pd.DataFrame) -> None:
    data = frame.assign(answer=selects(frame))
    free = evaluated(data, {"plan": PLAN}, model=None, predictions="answer")
    named = evaluated(data, {"plan": replace(PLAN, prediction="answer")}, model=None, predictions="answer")
    assert free.metrics == named.metrics == evaluated(frame, {"plan": PLAN}).metrics
    for found in (free, named):
        notes = found.artifacts["fairgate_audit_json"].content["notes"]
        assert sum("The model was NOT run" in note for note in notes) == 1


def test_a_logged_model_gets_its_own_inputs_and_its_metrics(store: Path, frame: pd.DataFrame) -> None:
    """The signature keeps the sensitive column from the model; metrics are linked to the logged model too."""
    import mlflow

    class Model(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
            assert list(model_input.columns) == ["x"]
            return selects(model_input)

    signature = mlflow.models.infer_signature(frame[["x"]], selects(frame))
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="m", python_model=Model(), signature=signature, pip_requirements=[], input_example=frame[["x"]].head()
        )
        found = evaluated(frame, {"plan": PLAN}, model=logged.model_uri)
    assert found.metrics["fairgate/impact_ratio/sex.female"] == 0.5
    linked = {item.key: item.value for item in mlflow.get_logged_model(logged.model_id).metrics}
    assert linked["fairgate/worst/impact_ratio"] == 0.5


def test_columns_beside_the_data_are_kept_from_the_model(store: Path, frame: pd.DataFrame) -> None:
    def blind(data: pd.DataFrame) -> Any:
        assert list(data.columns) == ["x"]
        return selects(data)

    beside = {"plan": PLAN, "columns": frame[["sex"]]}
    found = evaluated(frame[["x", "hired"]], beside, model=blind)
    assert found.metrics == evaluated(frame, {"plan": PLAN}).metrics
    chosen = evaluated(frame, beside, model=blind, feature_names=["x"])
    assert chosen.metrics == found.metrics


def test_scores_of_a_regressor_are_cut_as_the_plan_says(store: Path, frame: pd.DataFrame) -> None:
    plan = replace(PLAN, score=Score(0.0, 1.0, cutoff=0.5))
    found = evaluated(frame, {"plan": plan}, model=lambda data: data["x"] * 0.9, model_type="regressor")
    assert found.metrics["fairgate/impact_ratio/sex.female"] == 0.5


def test_a_prediction_that_is_one_column_of_several(store: Path, frame: pd.DataFrame) -> None:
    def several(data: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"why": "", "answer": selects(data)})

    found = evaluated(frame, {"plan": PLAN}, model=several, predictions="answer")
    assert found.metrics["fairgate/worst/impact_ratio"] == 0.5
    with pytest.raises(MeasurementError, match="no column 'other', it has: why, answer"):
        evaluated(frame, {"plan": PLAN}, model=several, predictions="other")


def test_small_counts_are_not_logged_where_the_plan_suppresses_them(store: Path, frame: pd.DataFrame) -> None:
    few = pd.concat([frame, pd.DataFrame({"sex": ["other"] * 7, "hired": [0] * 7, "x": [0.0] * 7})], ignore_index=True)
    found = evaluated(few, {"plan": replace(PLAN, suppress_below=11)})
    estimates = found.artifacts["fairgate_audit_json"].content["estimates"]
    other = [item for item in estimates if item["group"] == ["other"]]
    assert other
    assert all((item["n"], item["value"]) == (-1, None) for item in other)
    assert "0 of 7" not in found.artifacts["fairgate_audit_html"].content


@pytest.mark.parametrize(
    ("config", "given", "says"),
    [
        ({"plan": "absent.toml"}, {}, "absent.toml cannot be read"),
        ({"plan": 5}, {}, "not int"),
        ({"plan": TOML.replace("0.8", "8")}, {}, "bound"),
        ({"plan": PLAN, "plans": 1}, {}, "unknown key 'plans'; it takes plan and columns"),
        ({"plan": PLAN}, {"targets": "x"}, "targets='x', the plan's label is 'hired'"),
        ({"plan": replace(PLAN, prediction="x")}, {}, "reads the answers from the column x, but a model was given"),
        (
            {"plan": replace(PLAN, prediction="y")},
            {"model": None, "predictions": "x"},
            "predictions='x', the plan reads 'y'",
        ),
        ({"plan": PLAN, "columns": [1]}, {}, "must be a pandas DataFrame, not list"),
        ({"plan": PLAN, "columns": pd.DataFrame({"age": [1, 2]})}, {}, "columns has 2 rows, the data 800"),
        ({"plan": PLAN, "columns": pd.DataFrame({"sex": ["f"] * 800})}, {}, "both have sex"),
        ({"plan": PLAN}, {"model": lambda data: data["sex"].map({"male": 0.25, "female": 2})}, "none of the label"),
        ({"plan": PLAN}, {"model": lambda data: [1]}, "one prediction per row"),
        ({"plan": replace(PLAN, sensitive_features=(SensitiveFeature("age", "age"),))}, {}, "no column 'age'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_sentence(
    store: Path, frame: pd.DataFrame, config: dict[str, Any], given: dict[str, Any], says: str
) -> None:
    with pytest.raises((ConfigurationError, MeasurementError), match=says):
        evaluated(frame, config, **given)


def test_rows_in_another_order_are_not_put_side_by_side(store: Path, frame: pd.DataFrame) -> None:
    shuffled = frame[["sex"]].sample(frac=1, random_state=0)
    with pytest.raises(MeasurementError, match="same index in the same order"):
        evaluated(frame[["x", "hired"]], {"plan": PLAN, "columns": shuffled})


def test_without_a_plan_a_model_is_left_to_others(store: Path, frame: pd.DataFrame) -> None:
    """Installed beside MLflow, it must not speak up where nobody asked."""
    assert not FairgateEvaluator.can_evaluate(model_type="classifier", evaluator_config={})
    assert not FairgateEvaluator.can_evaluate(model_type="classifier", evaluator_config=None)  # type: ignore[arg-type]
    assert not FairgateEvaluator.can_evaluate(model_type="text", evaluator_config={"plan": PLAN})
    assert FairgateEvaluator.can_evaluate(model_type="regressor", evaluator_config={"plan": PLAN}, more=1)


def test_the_class_takes_what_mlflow_gives() -> None:
    from mlflow.models.evaluation import ModelEvaluator

    for name in ("can_evaluate", "evaluate"):
        asked = inspect.signature(getattr(ModelEvaluator, name)).parameters
        taken = inspect.signature(getattr(FairgateEvaluator, name)).parameters
        assert any(item.kind is inspect.Parameter.VAR_KEYWORD for item in taken.values())
        required = {key for key, item in taken.items() if item.default is item.empty and item.kind is item.KEYWORD_ONLY}
        assert required <= set(asked)


def test_mlflow_finds_it_by_its_entry_point_and_pays_nothing_for_it(tmp_path: Path) -> None:
    """A distribution with the entry point of pyproject.toml, so that it does not matter when this one was installed."""
    made = tmp_path / "declared-0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 0\n", encoding="utf-8")
    declared = _declared()
    (made / "entry_points.txt").write_text(f"[{GROUP}]\n{declared.name} = {declared.value}\n", encoding="utf-8")
    script = (
        "import sys, json, mlflow\n"
        "before = [name for name in sys.modules if name.split('.')[0] == 'audits']\n"
        "from mlflow.models import list_evaluators\n"
        "names = list_evaluators()\n"
        "rooms = sorted(name for name in sys.modules if name.split('.')[0] in ('audits', 'governance'))\n"
        "heavy = sorted({'duckdb', 'fairlearn', 'aif360', 'statsmodels', 'jinja2'} & set(sys.modules))\n"
        "print(json.dumps([before, names, rooms, heavy]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    before, names, rooms, heavy = json.loads(done.stdout.splitlines()[-1])
    assert before == []
    assert "fairgate" in names
    assert rooms == ["audits", "audits.evaluator", "audits.plan", "governance", "governance.errors"]
    assert heavy == []


def _named(change: Callable[[Any], Any]) -> str:
    result = audit(
        replace(PLAN, prediction="p"),
        pd.DataFrame({"sex": ["male", "b"] * 50, "hired": [0, 0, 1, 1] * 25, "p": [1, 0] * 50}),
    )
    return metric_name(change(next(item for item in result.disparities if item.bound is not None)))


@pytest.mark.parametrize(
    "level", ["<25", "25/30", "..", ".", " x", "é", "a" * 300, "\u202e", "x\n", "=cmd", "%s", "a:b"]
)
def test_names_of_metrics_are_what_mlflow_takes_and_stay_apart(level: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    name = _named(lambda item: replace(item, group=(level,)))
    _validate_metric_name(name)
    assert len(name) <= MAX_NAME
    assert name != _named(lambda item: replace(item, group=(level + "!",)))
    wide = _named(lambda item: replace(item, features=("f" * 99,) * 4, group=(level * 99,) * 4, at=level))
    _validate_metric_name(wide)
    assert len(wide) <= MAX_NAME


def test_no_more_metrics_than_mlflow_takes_at_once_and_none_that_is_infinite(frame: pd.DataFrame) -> None:
    result = audit(replace(PLAN, prediction="p"), frame.assign(p=selects(frame)))
    (one,) = result.with_verdict(Verdict.ADVERSE)
    many = tuple(replace(one, group=(f"g{n}",), value=None if n == 1 else 0.3 + n / 10_000) for n in range(1200))
    found = metrics_of(replace(result, disparities=many))
    assert len(found) <= 520
    assert found["fairgate/bounded"] == 1200
    assert found["fairgate/worst/impact_ratio"] == 0.3
    assert found["fairgate/impact_ratio/sex.g0"] == 0.3
    higher = metrics_of(replace(result, disparities=(replace(one, value=4.0),)))
    assert (higher["fairgate/worst/impact_ratio"], higher["fairgate/impact_ratio/sex.female"]) == (0.25, 4.0)
    unclear = metrics_of(replace(result, disparities=(replace(one, verdict=Verdict.INSUFFICIENT),)))
    assert "fairgate/worst/impact_ratio" not in unclear

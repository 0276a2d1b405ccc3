"""The demo's two models: what they are, and what they do to the groups (counted here with pandas alone)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from audits.intervals import koopman
from audits.plan import AuditPlan
from audits.plan_file import read_plan
from audits.result import Verdict
from audits.run import audit
from flows.demo.data import HISTORY, NEW_VENDOR, PANEL, Process, draw, write_newer, write_project
from flows.demo.models import CATEGORIES, NUMBERS, reweighed, train
from governance.registry.declared import declared_plan
from governance.registry.mlflow_registry import MlflowRegistry


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    table = draw(HISTORY)
    return {recipe: train(recipe, table) for recipe in NUMBERS}


def _selected(model: Any, recipe: str, table: pd.DataFrame) -> pd.DataFrame:
    answers = model.predict(table[[*NUMBERS[recipe], *CATEGORIES]])
    assert set(answers) == {"yes", "no"}
    return table.assign(selected=answers == "yes")


def _ratio(table: pd.DataFrame, feature: str) -> tuple[float, float, float]:
    """Lowest selection rate against the highest, with its 95 % interval."""
    counts = table.groupby(feature)["selected"].agg(["sum", "size"])
    rates = counts["sum"] / counts["size"]
    low, high = counts.loc[rates.idxmin()], counts.loc[rates.idxmax()]
    interval = koopman(int(low["sum"]), int(low["size"]), int(high["sum"]), int(high["size"]), 0.95)
    assert interval is not None
    assert interval.upper is not None
    return rates.min() / rates.max(), interval.lower, interval.upper


def test_v1_selects_women_at_about_two_thirds_of_the_rate_of_men(models: dict[str, Any]) -> None:
    table = _selected(models["v1"], "v1", draw(PANEL))
    value, _, upper = _ratio(table, "sex")
    assert value == pytest.approx(2 / 3, abs=0.03)
    assert upper < 0.8
    rates = table.groupby("sex")["selected"].mean()
    assert rates["female"] < rates["male"]
    value, lower, upper = _ratio(table, "ethnicity")
    assert lower > 0.8
    assert upper > 1


@pytest.mark.parametrize("feature", ["sex", "ethnicity"])
def test_v2_shows_no_indication(models: dict[str, Any], feature: str) -> None:
    table = _selected(models["v2"], "v2", draw(PANEL))
    value, lower, upper = _ratio(table, feature)
    assert value > 0.9
    assert lower > 0.8
    assert upper >= 1
    suitable = table[table["hired"] == "yes"]
    assert suitable.groupby(feature).size().min() > 500
    rates = suitable.groupby(feature)["selected"].mean()
    assert rates.max() - rates.min() < 0.05
    assert rates.min() > 0.75


def test_the_disparity_has_come_back_in_the_newer_data(models: dict[str, Any]) -> None:
    table = _selected(models["v2"], "v2", draw(NEW_VENDOR))
    value, _, upper = _ratio(table, "sex")
    assert value == pytest.approx(0.5, abs=0.05)
    assert upper < 0.8
    assert _ratio(table, "ethnicity")[1] > 0.8


def test_the_weights_make_sex_and_past_decisions_independent() -> None:
    table = draw(HISTORY).assign(weight=reweighed)
    yes = table["weight"].where(table["hired"] == "yes", 0.0)
    rates = yes.groupby(table["sex"]).sum() / table.groupby("sex")["weight"].sum()
    assert rates["female"] == pytest.approx(rates["male"], abs=1e-12)
    assert table["weight"].sum() == pytest.approx(len(table))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which the scripts ran as in the demo: current folder, nothing set."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    for recipe, version in (("v1", "1"), ("v2", "2")):
        command = [sys.executable, "-m", "flows.demo.models", recipe]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"registered hiring version {version}\n", "")
    return folder


def test_the_versions_are_registered_in_the_project_with_their_plan(project: Path, tmp_path: Path) -> None:
    assert {path.name for path in project.iterdir()} == {"data", "mlflow.db", "mlruns", "plan.toml"}
    registry = MlflowRegistry(f"sqlite:///{project / 'mlflow.db'}")
    assert registry.latest("hiring").version == "2"
    for number in ("1", "2"):
        folder = tmp_path / number
        registry.snapshot(registry.version("hiring", number), folder)
        assert declared_plan(folder) == (project / "plan.toml").read_bytes()


@pytest.mark.parametrize(("recipe", "version"), [("v1", "1"), ("v2", "2")])
def test_no_model_asks_for_sex_or_ethnicity(project: Path, tmp_path: Path, recipe: str, version: str) -> None:
    import yaml

    registry = MlflowRegistry(f"sqlite:///{project / 'mlflow.db'}")
    registry.snapshot(registry.version("hiring", version), tmp_path / "model")
    description = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())
    inputs = [column["name"] for column in json.loads(description["signature"]["inputs"])]
    assert inputs == [*NUMBERS[recipe], *CATEGORIES]
    assert not {"sex", "ethnicity", "hired", "applicant_id"} & set(inputs)


@pytest.mark.parametrize("arguments", [[], ["v3"], ["v1", "v2"]])
def test_a_wrong_call_says_how(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "flows.demo.models", *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 1
    assert done.stderr == "usage: python -m flows.demo.models v1|v2\n"


@pytest.fixture(scope="module")
def plan(project: Path) -> AuditPlan:
    return read_plan((project / "plan.toml").read_bytes())


def test_the_plan_speaks_of_what_is_in_the_data(project: Path, plan: AuditPlan) -> None:
    table = draw(PANEL)
    assert {feature.column for feature in plan.sensitive_features} <= set(table.columns)
    for feature in plan.sensitive_features:
        assert set(feature.levels) == set(table[feature.column])
    for column, levels in plan.quality.categories:
        assert set(levels) == set(table[column])
    for column, low, high in plan.quality.ranges:
        assert table[column].between(low, high).all()
    assert plan.source is not None
    assert plan.newer is not None
    assert (project / plan.source).is_file()
    newer = write_newer(project)
    assert list(project.glob(plan.newer)) == [newer]
    assert (plan.model, plan.registrant, plan.impact) == ("hiring", "data-scientist", "high")


@pytest.mark.parametrize(
    ("recipe", "process", "adverse"),
    [("v1", PANEL, True), ("v2", PANEL, False), ("v2", NEW_VENDOR, True)],
    ids=["v1", "v2", "v2 on newer data"],
)
def test_the_audit_finds_what_the_document_says(
    models: dict[str, Any], plan: AuditPlan, recipe: str, process: Process, *, adverse: bool
) -> None:
    table = draw(process)
    predictions = models[recipe].predict(table[[*NUMBERS[recipe], *CATEGORIES]])
    result = audit(plan, table, predictions=predictions)
    by_sex = [item for item in result.disparities if item.features == ("sex",) and item.bound is not None]
    assert [item.name for item in by_sex] == ["impact_ratio", "true_positive_rate_difference"]
    assert {item.where() for item in by_sex} == {"sex=female against sex=male"}
    assert {item.verdict for item in by_sex} == {Verdict.ADVERSE if adverse else Verdict.NO_INDICATION}
    groups = [item for item in result.disparities if item.features == ("ethnicity",)]
    assert {item.verdict for item in groups} == {Verdict.NO_INDICATION}
    if not adverse:
        assert {item.verdict for item in result.disparities} == {Verdict.NO_INDICATION}

"""German Credit through the public command line: an age cut declared, sex by merge, a column of decisions, held."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import SHARED, Project, Ran

pytestmark = [pytest.mark.needs_shared, pytest.mark.slow]
DATA = SHARED / "german" / "german_raw.csv"
TRAIN = Path(__file__).parent / "scripts" / "train_german.py"
PLAN = """\
[model]
name = "german"
registrant = "data-scientist"

[data]
source = "{source}"
label = "credit"
favourable = 1
{prediction}

[[sensitive_features]]
name = "age"
cuts = [{cut}]                       # a lower end: who is {cut} belongs to the older
labels = ["younger", "older"]
reference = "older"

[[sensitive_features]]
name = "sex"
column = "personal_status"
merge = {{ female = ["A92"], male = ["A91", "A93", "A94"] }}
reference = "male"

[audit]
decided_at = 2026-11-01
intersections = [["sex", "age"]]

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8

[quality.categories]
personal_status = ["A91", "A92", "A93", "A94"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a copy of the data, a saved model and a plan."""
    project = Project(tmp_path_factory.mktemp("german"))
    (project.folder / "data").mkdir()
    shutil.copy(DATA, project.folder / "data" / "german.csv")
    project.python(TRAIN, "save")
    project.write("plan.toml", PLAN.format(source="data/german.csv", prediction="", cut=25))
    return project


@pytest.fixture(scope="module")
def people(project: Project) -> pd.DataFrame:
    """The data with the model's decisions, for counting without Fairgate."""
    frame = pd.read_csv(project.folder / "data" / "decisions.csv")
    sex = frame["personal_status"].map({"A92": "female"}).fillna("male")
    return frame.assign(sex=sex, band=frame["age"].ge(25).map({True: "older", False: "younger"}))


@pytest.fixture(scope="module")
def dry(project: Project) -> Ran:
    """The saved model, scored and measured before it is registered."""
    return project.fairgate("audit", "--dry-run", "--model", "saved", "--json")


def test_the_model_is_measured_on_the_declared_groups(dry: Ran, people: pd.DataFrame) -> None:
    assert dry.exit_code in (0, 13), dry.said
    audit = dry.document["audit"]
    selected = people["decision"] == 1
    by_sex, by_age = (selected.groupby(people[name]).mean() for name in ("sex", "band"))
    assert ratio(audit, "sex", "female")["value"] == pytest.approx(by_sex["female"] / by_sex["male"], abs=1e-12)
    assert ratio(audit, "age", "younger")["value"] == pytest.approx(by_age["younger"] / by_age["older"], abs=1e-12)
    sizes = {
        tuple(item["group"]): item["size"]
        for item in audit["estimates"]
        if item["metric"] == "selection_rate" and item["features"] == ["sex", "age"]
    }
    assert sizes == {(str(a), str(b)): n for (a, b), n in people.groupby(["sex", "band"]).size().items()}
    assert sum(sizes.values()) == 1000


def test_a_column_of_decisions_measures_the_same_as_the_model(project: Project, dry: Ran) -> None:
    text = PLAN.format(source="data/decisions.csv", prediction='prediction = "decision"', cut=25)
    project.write("decisions.toml", text)
    ran = project.fairgate("audit", "--dry-run", "--plan", "decisions.toml", "--json")
    assert ran.exit_code == dry.exit_code, ran.said
    for part in ("estimates", "disparities"):
        assert ran.document["audit"][part] == dry.document["audit"][part]


@pytest.mark.parametrize(
    ("cut", "expected", "crossed"), [(25, 0.821248, False), (26, 0.794826, True)], ids=["age >= 25", "age > 25"]
)
def test_one_year_in_the_cut_moves_the_ratio_over_the_bound(
    project: Project, cut: int, expected: float, crossed: bool
) -> None:
    """Golden values G10b: the ratio of the labels themselves, so that no model is in it."""
    text = PLAN.format(source="data/decisions.csv", prediction='prediction = "as_labelled"', cut=cut)
    project.write("labels.toml", text)
    ran = project.fairgate("audit", "--dry-run", "--plan", "labels.toml", "--json")
    found = ratio(ran.document["audit"], "age", "younger")
    assert found["value"] == pytest.approx(expected, abs=1e-6)
    assert found["verdict"] in (("adverse",) if crossed else ("watch", "no indication"))
    assert found["interval"]["lower"] < found["value"] < found["interval"]["upper"]
    assert (ran.exit_code == 13) == any(
        item["verdict"] == "adverse" for item in ran.document["audit"]["disparities"] if item["bound"] is not None
    )


def test_the_registered_version_is_held_for_people(project: Project, dry: Ran) -> None:
    scientist = project.person("data-scientist", "data-science")
    project.python(TRAIN, "register")
    ran = project.fairgate("release", "german", "1", "--alias", "champion", *scientist, "--json")
    assert ran.exit_code == 10, ran.said
    missing = {item["requirement"]: item["needs"] for item in ran.document["findings"] if item["status"] != "met"}
    assert missing["sign-off"] == ["compliance", "model-risk"]
    assert ("no-adverse-disparity" in missing) == (dry.exit_code == 13)
    said = project.fairgate("holds").out
    assert "german" in said
    assert "nobody; add a person with this function" in said


def ratio(audit: dict[str, Any], feature: str, group: str) -> dict[str, Any]:
    """The impact ratio of a group of one feature."""
    (found,) = (
        item
        for item in audit["disparities"]
        if item["name"] == "impact_ratio" and item["features"] == [feature] and item["group"] == [group]
    )
    return dict(found)

"""UCI Adult through the public command line: drafted, dry run, registered, held; numbers counted again in pandas."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import SHARED, Project, Ran

pytestmark = [pytest.mark.needs_shared, pytest.mark.slow]
DATA = SHARED / "adult" / "adult.parquet"
TRAIN = Path(__file__).parent / "scripts" / "train_adult.py"
Z = 1.959963984540054


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose administrator lets plans name the shared data, with a trained and saved model."""
    project = Project(tmp_path_factory.mktemp("adult"), {"FAIRGATE_DATA": str(DATA.parent)})
    project.python(TRAIN, "save", str(DATA))
    return project


@pytest.fixture(scope="module")
def drafted(project: Project) -> str:
    """The plan as `fairgate init` drafts it from the data and the model's signature."""
    ran = project.fairgate("init", "adult", "--data", str(DATA), "--model", "saved", "--output", "draft.toml")
    assert ran.exit_code == 0, ran.said
    return (project.folder / "draft.toml").read_text()


@pytest.fixture(scope="module")
def plan(project: Project, drafted: str) -> Path:
    """The draft, finished as a person would: who registers, which guesses go, which reference, one bound more."""
    text = drafted.replace('# registrant = "', 'registrant = "')
    text = without_features(text, "age", "marital-status", "native-country")
    text = text.replace('# reference = "Male"', 'reference = "Male"').replace(
        '# reference = "White"', 'reference = "White"'
    )
    for line in (
        "[[bounds]]                    #",
        'metric = "equalized_odds"',
        'comparison = "difference"',
        "bound = 0.1",
    ):
        text = text.replace(f"# {line}", line)
    return project.write("plan.toml", text)


@pytest.fixture(scope="module")
def dry(project: Project, plan: Path) -> Ran:
    """`fairgate audit --dry-run`: before anything is registered."""
    return project.fairgate("audit", "--dry-run", "--model", "saved", "--json")


@pytest.fixture(scope="module")
def released(project: Project, plan: Path) -> Ran:
    """`fairgate release` of the version, registered with plain MLflow."""
    scientist = project.person("data-scientist", "data-science")
    project.person("compliance-officer", "compliance")
    project.python(TRAIN, "register", str(DATA))
    return project.fairgate("release", "adult", "1", "--alias", "champion", *scientist, "--json")


@pytest.fixture(scope="module")
def people(project: Project) -> pd.DataFrame:
    """Adult with the model's predictions, for counting without Fairgate."""
    frame = pd.read_parquet(DATA).astype({"sex": str, "race": str, "class": str})
    return frame.assign(predicted=pd.read_parquet(project.folder / "predictions.parquet")["predicted"].to_numpy())


def test_the_draft_needs_little(drafted: str, plan: Path) -> None:
    found = tomllib.loads(drafted)
    assert found["data"]["label"] == "class"
    assert found["data"]["favourable"] == ">50K"
    assert found["audit"]["intersections"] == [["sex", "race"]]
    finished = tomllib.loads(plan.read_text())
    assert [feature["name"] for feature in finished["sensitive_features"]] == ["race", "sex"]
    assert finished["model"]["registrant"] == "data-scientist"


def test_the_dry_run_is_adverse_and_records_nothing(project: Project, dry: Ran) -> None:
    assert dry.exit_code == 13
    assert dry.document["exit_code"] == 13
    assert dry.document["validation"]["outcome"] == "pass"
    assert dry.document["audit"]["row_count"] == 48_842
    assert not (project.folder / ".fairgate" / "ledger.db").exists()


def test_every_rate_is_what_pandas_counts(dry: Ran, people: pd.DataFrame) -> None:
    counted = 0
    for item in dry.document["audit"]["estimates"]:
        rows = people
        for feature, level in zip(item["features"], item["group"], strict=True):
            rows = rows[rows[feature] == level]
        n, events = counts(rows, item["metric"])
        assert (item["size"], item["n"], item["events"]) == (len(rows), n, events), item
        assert item["value"] == pytest.approx(events / n, abs=1e-12)
        assert (item["interval"]["lower"], item["interval"]["upper"]) == pytest.approx(wilson(events, n), abs=1e-9)
        counted += 1
    assert counted == 9 * (2 + 5 + 10)


def test_disparities_follow_from_the_rates(dry: Ran, people: pd.DataFrame) -> None:
    rate = (people["predicted"] == ">50K").groupby(people["sex"]).mean()
    found = one(dry.document["audit"]["disparities"], "impact_ratio", ["Female"])
    assert found["value"] == pytest.approx(rate["Female"] / rate["Male"], abs=1e-12)
    assert found["reference"] == ["Male"]
    assert found["verdict"] == "adverse"
    # Another method than Fairgate's (Katz's logarithm): with thousands of people the two must nearly agree.
    low, high = katz(people[people["sex"] == "Female"], people[people["sex"] == "Male"])
    assert found["interval"]["lower"] == pytest.approx(low, abs=1e-3)
    assert found["interval"]["upper"] == pytest.approx(high, abs=1e-3)

    bad = people[people["class"] == "<=50K"]
    good = people[people["class"] == ">50K"]
    gaps = [spread(rows["predicted"].eq(">50K").groupby(rows["race"]).mean()) for rows in (good, bad)]
    odds = next(
        item
        for item in dry.document["audit"]["disparities"]
        if item["name"] == "equalized_odds_difference" and item["features"] == ["race"]
    )
    assert odds["value"] == pytest.approx(max(gaps), abs=1e-12)


def test_intersections_are_measured_with_their_small_groups(dry: Ran, people: pd.DataFrame) -> None:
    document = dry.document["audit"]
    sizes = {
        tuple(item["group"]): item["size"]
        for item in document["estimates"]
        if item["metric"] == "selection_rate" and len(item["features"]) == 2
    }
    by = document["features"]
    assert sizes == {tuple(map(str, group)): n for group, n in people.groupby([*pair(document)]).size().items()}
    assert sorted(by) == ["race", "sex"]
    smallest = min(sizes.values())
    assert 100 < smallest < 200


def test_the_release_is_held_and_says_who_why_and_how_surely(project: Project, released: Ran) -> None:
    assert released.exit_code == 10, released.said
    answer = released.document
    assert (answer["outcome"], answer["state"], answer["exit_code"]) == ("HELD", "Held", 10)
    missing = {item["requirement"]: item for item in answer["findings"] if item["status"] != "met"}
    assert set(missing) == {"no-adverse-disparity", "sign-off"}
    reason = missing["no-adverse-disparity"]["reason"]
    assert "race=" in reason or "sex=Female against sex=Male" in reason
    assert re.search(r"selection_rate ratio \d\.\d\d \(\d\.\d\d to \d\.\d\d\)", reason)
    assert answer["who"] == {"compliance": ["compliance-officer"], "model-risk": []}
    assert project.fairgate("verify", "models:/adult@champion").exit_code == 14  # nothing is live


def test_the_registered_version_measures_the_same(project: Project, released: Ran, dry: Ran) -> None:
    ran = project.fairgate("report", "adult", "1", "--alias", "champion", "--format", "json", "--output", "-")
    audit = ran.document["audit"]
    assert audit["disparities"] == dry.document["audit"]["disparities"]
    assert audit["estimates"] == dry.document["audit"]["estimates"]
    assert audit["model_digest"] == released.document["digest"]
    assert json.loads(Path(released.document["report_json"]).read_bytes())["audit"] == audit
    page = Path(released.document["report"]).read_text()
    assert "Amer-Indian-Eskimo" in page
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+", "", page)


def test_five_people_are_shown_and_never_compared(project: Project, plan: Path, people: pd.DataFrame) -> None:
    """Five people, all selected: the highest rate of all, and still neither compared nor a reference."""
    chosen = people.index[(people["predicted"] == ">50K") & (people["sex"] == "Female")][:5]
    frame = pd.read_parquet(DATA)
    frame["race"] = frame["race"].astype(str)
    frame.loc[chosen, "race"] = "Planted"
    frame.to_parquet(project.folder / "planted.parquet")
    text = re.sub(r'\n(levels|reference) = (\["Amer|"White).*', "", plan.read_text())
    project.write("planted.toml", text)

    given = ("--plan", "planted.toml", "--model", "saved", "--data", "planted.parquet")
    ran = project.fairgate("audit", "--dry-run", *given, "--json")
    assert ran.exit_code == 13, ran.said
    audit = ran.document["audit"]
    planted = [item for item in audit["estimates"] if "Planted" in item["group"]]
    assert {(tuple(item["group"])[-1:], item["size"]) for item in planted if len(item["group"]) == 1} == {
        (("Planted",), 5)
    }
    assert not any(item["counted"] for item in planted)
    rates = [item for item in planted if item["metric"] == "selection_rate" and item["size"]]
    assert {item["value"] for item in rates} == {1.0}
    assert all("5 rows, the plan asks for 30" in item["reason"] for item in rates)
    for item in audit["disparities"]:
        assert "Planted" not in item["reference"]
        if "Planted" in item["group"]:
            assert item["verdict"] in ("insufficient evidence", "not estimable"), item
    worst = [item for item in audit["disparities"] if item["name"] == "demographic_parity_ratio"]
    assert worst
    assert all(item["value"] > 0 for item in worst)


# --- counting without Fairgate ----------------------------------------------------------------------------------------


def counts(rows: pd.DataFrame, metric: str) -> tuple[int, int]:
    """The denominator and the events of a metric."""
    good, selected = rows["class"] == ">50K", rows["predicted"] == ">50K"
    of = {
        "selection_rate": (pd.Series(True, rows.index), selected),
        "base_rate": (pd.Series(True, rows.index), good),
        "accuracy": (pd.Series(True, rows.index), good == selected),
        "true_positive_rate": (good, selected),
        "false_positive_rate": (~good, selected),
        "false_negative_rate": (good, ~selected),
        "true_negative_rate": (~good, ~selected),
        "positive_predictive_value": (selected, good),
        "negative_predictive_value": (~selected, ~good),
    }
    within, event = of[metric]
    return int(within.sum()), int((within & event).sum())


def wilson(events: int, n: int) -> tuple[float, float]:
    """Wilson's score interval (1927), written out."""
    p, z2 = events / n, Z * Z
    middle, half = p + z2 / (2 * n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def katz(group: pd.DataFrame, reference: pd.DataFrame) -> tuple[float, float]:
    """The interval of a ratio of two selection rates by its logarithm (Katz and others, 1978)."""
    (n, a), (m, b) = counts(group, "selection_rate"), counts(reference, "selection_rate")
    ratio, spread_ = (a / n) / (b / m), Z * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return ratio * math.exp(-spread_), ratio * math.exp(spread_)


def spread(rates: pd.Series) -> float:
    """The largest difference between two groups."""
    return float(rates.max() - rates.min())


def one(disparities: Iterable[dict[str, Any]], name: str, group: list[str]) -> dict[str, Any]:
    """The only disparity of this name for this group."""
    (found,) = (item for item in disparities if item["name"] == name and item["group"] == group)
    return found


def pair(document: dict[str, Any]) -> list[str]:
    """The two features of the intersection, in the report's order."""
    return next(item["features"] for item in document["estimates"] if len(item["features"]) == 2)


def without_features(text: str, *names: str) -> str:
    """The plan without these guessed features."""
    for name in names:
        text = re.sub(rf'\[\[sensitive_features\]\][^\n]*\nname = "{name}"\n(?:[^\[\n][^\n]*\n)*\n?', "", text)
    return text

"""The demo's applicants: the same every time, equal in truth, and documented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from flows.demo.data import HISTORY, NEW_VENDOR, PANEL, Process, broken, draw, write_newer, write_project
from flows.demo.describe import document, true_rates
from governance.digests import digest_file

ROOT = Path(__file__).parents[2]
COLUMNS = [
    "applicant_id",
    "sex",
    "ethnicity",
    "qualification",
    "years_experience",
    "assessment",
    "career_gap_years",
    "department",
    "hired",
]


def _rate(table: pd.DataFrame, by: str) -> dict[str, float]:
    return dict((table["hired"] == "yes").groupby(table[by]).mean())


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    written = [(*write_project(folder), write_newer(folder)) for folder in (tmp_path / "one", tmp_path / "two")]
    assert [digest_file(path) for path in written[0]] == [digest_file(path) for path in written[1]]
    assert [path.relative_to(tmp_path / "one").as_posix() for path in written[0]] == [
        "plan.toml",
        "data/training.parquet",
        "data/applicants.parquet",
        "data/broken/missing_column.parquet",
        "data/broken/nulls.parquet",
        "data/broken/unseen_category.parquet",
        "data/broken/everything.parquet",
        "data/incoming/2026-06.parquet",
    ]
    assert not list(tmp_path.rglob("*.part"))


def test_writing_over_an_earlier_run_changes_nothing(tmp_path: Path) -> None:
    before = [digest_file(path) for path in write_project(tmp_path)]
    assert [digest_file(path) for path in write_project(tmp_path)] == before


def test_another_seed_draws_other_people() -> None:
    assert not draw(PANEL).equals(draw(replace(PANEL, seed=1)))
    assert draw(PANEL).equals(draw(PANEL))


@pytest.mark.parametrize("process", [HISTORY, PANEL, NEW_VENDOR], ids=lambda process: process.name)
def test_the_columns_their_ranges_and_levels(process: Process) -> None:
    table = draw(process)
    assert list(table.columns) == COLUMNS
    assert len(table) == process.rows
    assert not table.isna().any().any()
    assert table["applicant_id"].is_unique
    assert table["years_experience"].between(0, 30).all()
    assert table["assessment"].between(0, 100).all()
    assert table["career_gap_years"].between(0, 8).all()
    assert set(table["hired"]) == {"yes", "no"}
    assert set(table["qualification"]) == {"certificate", "degree", "postgraduate"}
    assert table.groupby(["sex", "ethnicity"]).size().min() == 800


def test_the_career_gap_is_a_proxy_for_sex_and_merit_is_not() -> None:
    table = draw(PANEL)
    gap = (table["career_gap_years"] > 0).groupby(table["sex"]).mean()
    assert gap["female"] == pytest.approx(0.60, abs=0.01)
    assert gap["male"] == pytest.approx(0.15, abs=0.01)
    points = table.groupby("sex")["assessment"].mean()
    assert points["female"] == pytest.approx(points["male"], abs=0.1)


def test_the_panel_finds_all_groups_equally_suitable_and_history_did_not() -> None:
    for process in (PANEL, NEW_VENDOR):
        for feature in ("sex", "ethnicity"):
            rates = _rate(draw(process), feature)
            assert min(rates.values()) / max(rates.values()) > 0.97
    past = _rate(draw(HISTORY), "sex")
    assert past["female"] / past["male"] < 0.72


def test_the_true_rates_are_equal_and_the_files_are_near_them() -> None:
    true = true_rates()
    for name, process in (("applicants.parquet", PANEL), ("incoming/2026-06.parquet", NEW_VENDOR)):
        levels = true[name]
        assert max(levels.values()) - min(levels.values()) < 0.005
        for feature in ("sex", "ethnicity"):
            for level, observed in _rate(draw(process), feature).items():
                assert observed == pytest.approx(levels[level], abs=0.015)
    assert true["training.parquet"]["female"] / true["training.parquet"]["male"] < 0.72


def test_the_new_vendor_takes_points_from_women_only() -> None:
    honest = draw(replace(NEW_VENDOR, lost_points=0.0))
    lowered = draw(NEW_VENDOR)
    lost = (honest["assessment"] - lowered["assessment"]).groupby(honest["sex"]).mean()
    assert lost["female"] == pytest.approx(8, abs=0.05)
    assert lost["male"] == 0
    assert honest["hired"].equals(lowered["hired"])


def test_the_broken_files_are_broken_as_named() -> None:
    table = draw(PANEL)
    cases = broken(table)
    assert set(cases["missing_column"].columns) == set(COLUMNS) - {"assessment"}
    assert cases["nulls"]["sex"].isna().sum() == 400
    assert cases["nulls"]["hired"].isna().sum() == 320
    assert (cases["unseen_category"]["department"] == "robotics").sum() == 160
    everything = cases["everything"]
    assert "assessment" not in everything
    assert everything["sex"].isna().any()
    assert (everything["department"] == "robotics").any()
    assert table.equals(draw(PANEL))


def test_the_document_says_what_the_process_does() -> None:
    """After a change of the process: python -m flows.demo.describe > docs/demo-data.md."""
    assert (ROOT / "docs" / "demo-data.md").read_text(encoding="utf-8") == document()

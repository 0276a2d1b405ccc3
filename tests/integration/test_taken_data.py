"""Data that is no single file: taken once, as a file that stays; and which databases a plan may name."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from audits.plan import AuditPlan, SensitiveFeature
from flows.assess import refuse_future
from flows.settings import Settings, read_settings
from flows.sources import data_file
from governance.errors import ConfigurationError, MeasurementError

ROWS = pd.DataFrame({"sex": ["f", "m"] * 50, "hired": ["yes", "no"] * 50})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    with duckdb.connect(tmp_path / "data" / "people.duckdb") as connection:
        connection.register("rows", ROWS)
        connection.execute("CREATE TABLE applicants AS SELECT * FROM rows")
    return read_settings({}, tmp_path)


def test_a_single_file_is_itself(settings: Settings) -> None:
    path = settings.project / "data" / "one.parquet"
    ROWS.to_parquet(path)
    assert data_file(settings, "data/one.parquet") == path


@pytest.mark.parametrize("name", ["duckdb:data/people.duckdb#applicants", "data/months", "data/months/*.parquet"])
def test_a_table_or_a_folder_is_taken_once_and_stays(settings: Settings, name: str) -> None:
    months = settings.project / "data" / "months"
    months.mkdir()
    for number in (1, 2):
        ROWS.iloc[(number - 1) * 50 : number * 50].to_parquet(months / f"{number}.parquet")
    first, again = data_file(settings, name), data_file(settings, name)
    assert first == again
    assert first.parent == settings.home / "data"
    assert pd.read_parquet(first).astype(str).equals(ROWS.astype(str))
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_another_row_gives_another_file(settings: Settings) -> None:
    first = data_file(settings, "duckdb:data/people.duckdb#applicants")
    with duckdb.connect(settings.project / "data" / "people.duckdb") as connection:
        connection.execute("INSERT INTO applicants VALUES ('f', 'no')")
    second = data_file(settings, "duckdb:data/people.duckdb#applicants")
    assert (len(pd.read_parquet(first)), len(pd.read_parquet(second))) == (100, 101)


def test_a_plan_does_not_choose_where_this_machine_connects(settings: Settings, tmp_path: Path) -> None:
    address = "postgresql://warehouse.example/hr"
    with pytest.raises(ConfigurationError, match=r"plans may not name: .*FAIRGATE_DATABASES"):
        data_file(settings, f"{address}#applicants")
    with pytest.raises(ConfigurationError, match="named with a password: leave it out") as refused:
        data_file(settings, "postgresql://me:hunter2@warehouse.example/hr#applicants")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="outside the data folders"):
        data_file(settings, "duckdb:/etc/people.duckdb#applicants")
    assert read_settings({"FAIRGATE_DATABASES": f"{address} duckdb:x"}, tmp_path).databases == (address, "duckdb:x")


def test_what_is_not_there_is_said(settings: Settings) -> None:
    with pytest.raises(MeasurementError, match=r"no data file data/absent\.parquet"):
        data_file(settings, "data/absent.parquet")
    with pytest.raises(MeasurementError, match="applicants"):
        data_file(settings, "duckdb:data/people.duckdb#nobody")


def test_a_plan_from_the_future_was_not_fixed_before_the_measurement() -> None:
    plan = AuditPlan("m", "y", "1", (SensitiveFeature("sex", "sex"),), (), date(2026, 6, 1), "sha256:plan")
    refuse_future(plan, date(2026, 6, 1))
    with pytest.raises(ConfigurationError, match="decided_at of the plan is 2026-06-01, but today is 2026-05-31"):
        refuse_future(plan, date(2026, 5, 31))

"""`fairgate figures` in a folder of one's own: nothing yet, then what the ledger has; for people and for scripts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import report_factory as factory

from flows.cli import main
from flows.settings import read_settings
from flows.wiring import open_desk


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("FAIRGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_nothing_yet_then_what_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures"]) == 0
    text = capsys.readouterr().out
    assert "Held: nothing yet (no requests)" in text
    assert "%" not in text.replace("95 %", "")
    desk = open_desk(read_settings())
    factory.record_case(desk, "1")
    factory.record_case(desk, "2")
    assert main(["figures", "--quarters", "2"]) == 0
    text = capsys.readouterr().out
    assert "Held: 100.0% (2 of 2 requests)" in text
    assert "Still open: 2 requests" in text
    assert "of those decided in the period, the middle one" in text


def test_a_script_gets_seconds_shares_and_null_for_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factory.record_case(open_desk(read_settings()), "1")
    assert main(["figures", "--quarters", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["period"]["held"]["n"] == found["quarters"][0]["held"]["n"] == 1
    assert found["period"]["refused"] == {"hits": 0, "n": 0, "value": None, "interval": None}
    assert found["period"]["seconds_to_decision"]["median"] is None
    assert len(found["period"]["seconds_to_decision"]["ages_of_open"]) == 1


@pytest.mark.parametrize("quarters", ["0", "41", "many"])
def test_a_number_of_quarters_that_is_none_is_refused(project: Path, quarters: str) -> None:
    assert main(["figures", "--quarters", quarters]) == 2

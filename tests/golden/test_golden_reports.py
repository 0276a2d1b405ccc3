"""Reports of two decisions and one night, compared with files. FAIRGATE_UPDATE_GOLDEN=1 writes them anew.

Charts are left out of the comparison: their path data belongs to the drawing library, and other tests look at them.
"""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path

import format_factory as formats
import pytest
import report_factory as factory

from governance.case import open_case
from reports.evidence import gather
from reports.formats import QUICK, Format, render
from reports.html import night_html
from reports.markdown import night_markdown
from reports.night import NightRow, NightSummary, night_view
from reports.record_json import night_json
from reports.release import release_view
from reports.report import Asked

HERE = Path(__file__).parent
UPDATE = os.environ.get("FAIRGATE_UPDATE_GOLDEN") == "1"


def _compare(name: str, data: bytes) -> None:
    text = re.sub(r"<svg.*?</svg>", "<svg/>", data.decode(), flags=re.DOTALL)
    path = HERE / name
    if UPDATE:
        path.write_bytes(text.encode())
    assert path.exists(), f"{name} is missing; run once with FAIRGATE_UPDATE_GOLDEN=1 and read what was written"
    assert text == path.read_bytes().decode()


def _report(folder: Path, version: str, form: Format) -> bytes:
    desk = factory.new_desk(folder)
    case = factory.record_case(desk, version)
    if version == "1":
        factory.put_signature(
            desk, case, "compliance-officer", "compliance", "refuse", "Women are selected far less.\nRetrain."
        )
    else:
        factory.put_signature(desk, case, "compliance-officer", "compliance")
    return render(release_view(gather(desk, open_case(desk, "hiring", version, "champion"))), form)


@pytest.mark.parametrize("form", QUICK)
@pytest.mark.parametrize(("version", "word"), [("1", "refused"), ("2", "held")])
def test_the_report_of_a_release_decision(tmp_path: Path, version: str, word: str, form: Format) -> None:
    _compare(f"release_{word}.{form.value}", _report(tmp_path, version, form))


_TEXTS = (Format.LL144_HTML, Format.LL144_CSV, Format.ANNEX_IV, Format.ART_27, Format.MODEL_CARD)


@pytest.mark.parametrize("form", _TEXTS)
def test_every_other_text_format(tmp_path: Path, form: Format) -> None:
    asked = Asked(date(2026, 11, 1), "Applications that were decided in 2025.")
    evidence = formats.ruled_evidence(tmp_path, "nyc-ll144-small-left-out", "eu-ai-act", "us-sr-11-7")
    _compare(f"format_{form.suffix}", render(evidence, form, asked))


def test_the_summary_of_a_night() -> None:
    rows = (
        NightRow("hiring", "champion", "2", "ADVERSE", 13, "selection_rate ratio 0.66 (0.62 to 0.70), sex=female"),
        NightRow("credit", "champion", "7", "DONE", 0, "15 comparisons, none adverse"),
        NightRow("<img src=x onerror=alert(1)>", "champion", "1", "SERVICE", 6, "the registry does not answer"),
    )
    missed = ("the night of 2026-10-04 did not run",)
    summary = NightSummary(factory.START, factory.START + timedelta(minutes=7), rows, missed)
    view = night_view(summary)
    _compare("night.html", night_html(view).encode())
    _compare("night.md", night_markdown(view).encode())
    _compare("night.json", night_json(summary))

"""`audit(...)` in a notebook: a plan and a data frame with predictions, no registry, no ledger, no file."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from audits.notebook import page
from audits.notebook_tables import MOST_ROWS, beyond
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.plan_file import read_plan
from audits.result import AuditResult, Quantity, RuleReport, RuleTable, Verdict
from audits.run import audit
from governance.errors import MeasurementError

PLAN = AuditPlan(
    model="notebook",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="male"),),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 11, 1),
    digest="sha256:" + "0" * 64,
)


@pytest.fixture
def frame() -> pd.DataFrame:
    """400 women and 400 men, half of each hired; 120 women and 240 men are predicted to be."""
    selected = {"female": 120, "male": 240}
    rows = [
        {"sex": sex, "hired": "yes" if n % 2 else "no", "predicted": "yes" if n < selected[sex] else "no"}
        for sex in selected
        for n in range(400)
    ]
    return pd.DataFrame(rows)


def test_a_data_frame_with_predictions_is_audited(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = frame.copy()
    result = audit(PLAN, frame)
    (adverse,) = result.with_verdict(Verdict.ADVERSE)
    assert adverse.value == pytest.approx(0.5, abs=1e-12)
    assert adverse.where() == "sex=female against sex=male"
    assert adverse.interval is not None
    assert adverse.interval.lower < 0.5 < (adverse.interval.upper or 0) < 0.8
    assert result.row_count == 800
    assert list(tmp_path.iterdir()) == []
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("kind", ["array", "series", "list"])
def test_predictions_may_stand_beside_the_frame(frame: pd.DataFrame, kind: str) -> None:
    beside = {"array": lambda x: x.to_numpy(), "series": lambda x: x, "list": list}[kind](frame["predicted"])
    without = replace(PLAN, prediction=None)
    result = audit(without, frame.drop(columns="predicted"), predictions=beside)
    assert result.disparities == audit(PLAN, frame).disparities


@pytest.mark.parametrize(
    "how", [{"sex": "category", "hired": "category"}, {"sex": "string"}, {"sex": object, "predicted": object}]
)
def test_the_column_types_of_pandas_do_not_matter(frame: pd.DataFrame, how: dict[str, object]) -> None:
    assert audit(PLAN, frame.astype(how)).disparities == audit(PLAN, frame).disparities


def test_numbers_and_truth_values_are_the_words_of_the_plan(frame: pd.DataFrame) -> None:
    ones = frame.assign(
        hired=frame["hired"].eq("yes").astype(int), predicted=frame["predicted"].eq("yes").astype(float)
    )
    assert audit(replace(PLAN, favourable="1"), ones).disparities == audit(PLAN, frame).disparities
    truths = frame.assign(hired=frame["hired"].eq("yes"), predicted=frame["predicted"].eq("yes"))
    assert audit(replace(PLAN, favourable="true"), truths).disparities == audit(PLAN, frame).disparities


def test_a_shuffled_frame_gives_the_same_numbers_under_another_digest(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1, random_state=0)
    one, other = audit(PLAN, frame), audit(PLAN, shuffled)
    assert one.disparities == other.disparities
    assert one.data_digest != other.data_digest
    assert one == audit(PLAN, frame.copy())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frame: frame.drop(columns="sex"), r"sex"),
        (lambda frame: frame.head(0), r"no rows|empty"),
        (lambda frame: frame.assign(predicted=None), r"missing|no value"),
        (lambda frame: frame.assign(predicted=[n / 800 for n in range(800)]), r"none of the label"),
        (lambda frame: frame.assign(hired=["yes", "no", "maybe", "no"] * 200), r"3 values .* needs exactly two"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(
    frame: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    with pytest.raises(MeasurementError, match=says):
        audit(PLAN, change(frame))


HOSTILE = '<script>alert("1")</script>\u202e\x00&'
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "notebook.md"
TOML = b"""
[model]
name = "hiring"

[data]
label = "hired"
favourable = "yes"
prediction = "predicted"

[[sensitive_features]]
name = "sex"
reference = "male"

[audit]
decided_at = 2026-11-01
search_depth = 1

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""


def parsed(result: AuditResult) -> ET.Element:
    """What a notebook shows; as XML, so that nothing is left open and nothing of the data is read as markup."""
    return ET.fromstring(result._repr_html_())


def rows_of(shown: ET.Element, title: str) -> list[list[str]]:
    """The cells of the table with this title, as texts."""
    table = next(t for t in shown.iter("table") if title in " ".join("".join(t.find("caption").itertext()).split()))  # type: ignore[union-attr]
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in table.findall("tbody/tr")]


def test_a_plan_a_frame_and_what_the_notebook_shows(frame: pd.DataFrame) -> None:
    shown = parsed(audit(read_plan(TOML), frame))
    sentence, verdicts = (" ".join("".join(item.itertext()).split()) for item in shown.findall("p")[:2])
    assert sentence.startswith("Measured on 800 rows, by sex: 1 of ")
    assert "have a bound declared before the run" in sentence
    assert verdicts == "■ 1 adverse · ▲ 0 watch · ◇ 0 insufficient evidence · × 0 not estimable · ● 0 no indication"
    ((verdict, measure, groups, value, interval, bound, p, why),) = rows_of(shown, "Comparisons with a bound")
    assert (verdict, measure, groups) == ("■ adverse", "impact ratio", "sex=female against sex=male")
    assert (value, bound, p) == ("0.50", "at least 0.8", "below 0.0001")
    assert interval.startswith("0.4")
    assert why.startswith("bound 0.8 crossed, interval excludes 1")
    assert [row[:2] for row in rows_of(shown, "Rates of groups by sex")] == [["female", "400"], ["male", "400"]]
    assert rows_of(shown, "Rates of groups by sex")[0][2].startswith("30.0% 25.7% to 34.7%, 120 of 400")
    assert rows_of(shown, "Search: who is selected least")[0][:5] == ["sex=female", "400", "120", "30.0%", "60.0%"]
    notes = ["".join(item.itertext()) for item in shown.iter("li")]
    assert "The model was NOT run: its predictions were read from the column predicted." in notes


def test_a_bar_stands_where_its_rate_is(frame: pd.DataFrame) -> None:
    first, second = list(parsed(audit(PLAN, frame)).iter("svg"))[:2]
    at = [float(item.find("circle").get("cx", "")) for item in (first, second)]  # type: ignore[union-attr]
    assert at == pytest.approx([4 + 0.3 * 112, 4 + 0.6 * 112], abs=0.05)
    low, high = map(float, re.findall(r"[\d.]+", first.findall("path")[1].get("d", "").replace(" 5H", " ")))
    assert low < at[0] < high


def test_names_of_data_are_never_markup(frame: pd.DataFrame) -> None:
    hostile = frame.replace({"sex": {"female": HOSTILE}}).rename(columns={"sex": "<b>sex</b>"})
    feature = SensitiveFeature("<b>sex</b>", "<b>sex</b>", reference="male")
    result = audit(replace(PLAN, sensitive_features=(feature,), search_depth=1), hostile)
    table = RuleTable(HOSTILE, (HOSTILE,), ((HOSTILE,),), (HOSTILE,))
    texts = dict.fromkeys(("pack", "version", "digest", "title", "citation", "status"), HOSTILE)
    result = replace(
        result,
        plan_digest=HOSTILE,
        notes=(HOSTILE,),
        quantities=(Quantity(HOSTILE, (HOSTILE,), (HOSTILE,), 9, 0.5, at=HOSTILE, reason=HOSTILE),),
        rule_reports=(RuleReport(**texts, tables=(table,), notes=(HOSTILE,)),),
        environment={HOSTILE: HOSTILE},
    )
    shown = parsed(result)
    allowed = {"div", "p", "strong", "small", "br", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg"}
    assert {item.tag for item in shown.iter()} <= allowed | {"path", "circle", "ul", "li", "details", "summary"}
    text = "".join(shown.itertext())
    assert "\u202e" not in text
    visible = '<script>alert("1")</script>\\u202e\\x00&'
    assert text.count(visible) > 12
    assert not any("alert" in value for item in shown.iter() for value in item.attrib.values())


def test_the_worst_stand_first_and_long_tables_say_what_they_leave_out(frame: pd.DataFrame) -> None:
    result = audit(PLAN, frame)
    (worst,) = result.with_verdict(Verdict.ADVERSE)
    near = replace(worst, value=0.79)
    higher = replace(worst, value=2.5)
    unclear = replace(worst, verdict=Verdict.WATCH, value=0.1)
    assert beyond(worst) == pytest.approx(1.6)
    assert beyond(higher) == pytest.approx(2.0)
    many = replace(result, disparities=(*[unclear] * MOST_ROWS, near, worst, higher))
    shown = parsed(many)
    rows = rows_of(shown, "Comparisons with a bound")
    assert [row[3] for row in rows[:4]] == ["2.50", "0.50", "0.79", "0.10"]
    assert len(rows) == MOST_ROWS
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 3}; result.disparities has all." in "".join(shown.itertext())


def test_without_a_bound_there_is_no_verdict(frame: pd.DataFrame) -> None:
    shown = "".join(parsed(audit(replace(PLAN, bounds=()), frame)).itertext())
    assert "no bound was declared, so there is no verdict" in shown
    assert "■ 0 adverse" in shown


def test_what_the_plan_suppresses_is_not_shown(frame: pd.DataFrame) -> None:
    few = pd.concat([frame, pd.DataFrame({"sex": ["other"] * 7, "hired": ["no"] * 7, "predicted": ["no"] * 7})])
    masked = parsed(audit(replace(PLAN, suppress_below=11), few))
    rows = {row[0].split()[0]: row[1:] for row in rows_of(masked, "Rates of groups by sex")}
    assert rows["other"][0] == "suppressed"
    assert rows["other"][1] == "suppressed"
    assert "0 of 7" not in "".join(masked.itertext())
    opened = parsed(audit(PLAN, few))
    open_rows = {row[0].split()[0]: row[1] for row in rows_of(opened, "Rates of groups by sex")}
    assert "0 of 7" in "".join(opened.itertext())
    assert open_rows["other"] == "7"


def test_curves_are_folded_and_single_measures_are_not(frame: pd.DataFrame) -> None:
    one = Quantity("auc", ("sex",), ("female",), 400, 0.7)
    curve = tuple(
        Quantity("observed_rate", ("sex",), ("female",), 40, n / 10, at=f"0.{n} to 0.{n + 1}") for n in range(5)
    )
    parts = page(replace(audit(PLAN, frame), quantities=(one, *curve))).parts
    found = {part.title: (part.folded, len(part.rows)) for part in parts if "easures" in part.title}
    assert found == {"Other measures": (False, 1), "Measures along an axis (5 values)": (True, 5)}


def test_a_result_alone_needs_no_template_engine() -> None:
    script = "import sys, audits.result; print(sorted({'jinja2', 'audits.notebook', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_guide_runs_as_it_is_written(frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame.to_parquet("applicants.parquet")
    first, second = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(first, names)
    result = names["result"]
    assert isinstance(result, AuditResult)
    assert len(result.with_verdict(Verdict.ADVERSE)) == 1
    assert parsed(result).tag == "div"
    table = eval(second.split("\n\n")[-1], {**names, "Verdict": Verdict})
    assert table["groups"].tolist() == ["sex=female against sex=male"]

"""Reports of a wide audit, measured here: scores, strata, unknown rows, a search, rules, weights, what is masked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_factory as factory
from hostile import PAYLOADS, SVG_TAGS, Shape

from audits.plan import AuditPlan, Bound, Comparison, Score, SensitiveFeature
from audits.result import SUPPRESSED, AuditResult, Disparity, RuleReport, RuleTable, Verdict
from audits.run import audit
from audits.suppression import published
from audits.wording import together
from flows.cli.audit_words import audit_lines, table_lines
from governance.case import open_case
from reports.evidence import CaseEvidence, gather
from reports.formats import Format, render
from reports.measured import panels, worst_first
from reports.publish import published_evidence
from reports.reading import ADJUSTED, family_size
from reports.release import release_view
from reports.terms import OTHER, quantity_label, quantity_meaning, topic_of
from reports.view import Part, ReleaseView

PLAN = AuditPlan(
    model="credit",
    label="repaid",
    favourable="1",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="male"), SensitiveFeature("origin", "origin")),
    control_features=(SensitiveFeature("income", "income"),),
    bounds=(
        Bound("selection_rate", Comparison.RATIO, 0.8),
        Bound("demographic_parity", Comparison.DIFFERENCE, 0.2),
        Bound("auc", Comparison.DIFFERENCE, 0.1),
    ),
    decided_at=date(2026, 1, 5),
    digest="sha256:" + "a1" * 32,
    intersections=(("sex", "origin"),),
    score=Score(0.0, 1.0, "score", 0.5),
    search_depth=2,
    suppress_below=11,
    rule_packs=("us-ugesp",),
    replicates=100,
)


def _people() -> pd.DataFrame:
    draw = np.random.default_rng(7)
    n = 2_400
    frame = pd.DataFrame(
        {
            "sex": draw.choice(["female", "male"], n),
            "origin": draw.choice(["here", "near", "far"], n, p=[0.7, 0.27, 0.03]),
            "income": draw.choice(["low", "high"], n),
            "weight": draw.uniform(0.5, 2.0, n),
        }
    )
    lift = 0.18 * (frame["sex"] == "male") + 0.1 * (frame["income"] == "high") - 0.25 * (frame["origin"] == "far")
    frame["score"] = (draw.uniform(0, 0.75, n) + lift).clip(0.01, 0.99).round(5)
    frame["repaid"] = (draw.uniform(size=n) < frame["score"]).astype(int)
    frame.loc[draw.choice(n, 60, replace=False), "origin"] = None
    return frame


@pytest.fixture(scope="module")
def wide() -> AuditResult:
    return audit(PLAN, _people(), data_digest="sha256:" + "d4" * 32)


@pytest.fixture(scope="module")
def weighted() -> AuditResult:
    plan = replace(PLAN, weight="weight", rule_packs=(), search_depth=0)
    return audit(plan, _people(), data_digest="sha256:" + "d4" * 32)


def _evidence(folder: Path, result: AuditResult) -> CaseEvidence:
    desk = factory.new_desk(folder)
    case = factory.record_case(desk, "2", audit=result)
    factory.put_signature(desk, case, "compliance-officer", "compliance", "refuse", "I saw 7 of 9 people.")
    return gather(desk, open_case(desk, "hiring", "2", "champion"))


def _view(folder: Path, result: AuditResult) -> ReleaseView:
    return release_view(_evidence(folder, result))


def _parts(view: ReleaseView) -> tuple[Part, ...]:
    inside = (part for panel in view.panels for part in (*panel.strata, *panel.parts))
    return (*view.more, *view.rules, *inside)


def _texts(view: ReleaseView) -> str:
    cells = [cell for part in _parts(view) for table in part.tables for row in table.rows for cell in row.cells]
    return "\n".join(text for cell in cells for text in (cell.text, *cell.notes))


# --- what a report must show ------------------------------------------------------------------------------------------


def test_every_disparity_with_a_bound_has_its_p_and_every_no_indication_what_would_have_been_seen(
    wide: AuditResult,
) -> None:
    bounded = {(d.name, d.features, d.group): d for d in wide.disparities if d.bound is not None}
    seen = 0
    for panel in panels(wide):
        assert panel.chance == ADJUSTED
        rows = [row for row in panel.disparities if row.bounded]
        mine = worst_first(tuple(d for d in bounded.values() if " × ".join(d.features) == panel.title))
        assert len(rows) == len(mine)
        for row, item in zip(rows, mine, strict=True):
            if item.adjusted_p is None:
                assert row.p == "–"
            elif item.adjusted_p >= 0.0001:
                assert float(row.p) == pytest.approx(item.adjusted_p, rel=0.06)
            if item.verdict is Verdict.NO_INDICATION and item.detectable is not None:
                assert row.seen.endswith("would have been seen")
                assert f"{item.detectable:.2f}" in row.seen
                seen += 1
            else:
                assert row.seen == ""
            assert bool(row.corrected) == (item.corrected is not None and not item.group)
    assert seen


def test_the_family_is_named_with_its_size(wide: AuditResult, tmp_path: Path) -> None:
    size = family_size(wide.disparities)
    assert int(size) >= sum(d.adjusted_p is not None for d in wide.disparities)
    text = render(_view(tmp_path, wide), Format.HTML).decode()
    assert f"which count as {size} (Holm)" in text


@pytest.mark.parametrize("number", [2, 31, 10_289])
def test_the_size_is_read_as_the_reason_writes_it(number: int) -> None:
    base = factory.audit_of("1").disparities[0]
    reason = f"bound 0.8 crossed{together(0.01, number, 0.95, interval_excludes=True)}"
    assert family_size([replace(base, reason=reason)]) == f"{number:,}"


def test_a_plan_without_a_family_says_that_nothing_allows_for_the_number() -> None:
    result = factory.audit_of("1")
    alone = replace(result, disparities=tuple(replace(d, adjusted_p=None) for d in result.disparities), family="none")
    panel = panels(alone)[0]
    assert panel.chance == "p"
    assert any("nothing allows for their number" in line for line in panel.reading)


def test_every_quantity_is_printed_with_interval_and_error(wide: AuditResult, tmp_path: Path) -> None:
    text = _texts(_view(tmp_path, wide))
    area = next(q for q in wide.quantities if q.metric == "auc" and q.group == ("female",))
    assert area.value is not None
    assert area.interval is not None
    assert area.interval.upper is not None
    assert f"{area.value:.3f}" in text
    assert f"{area.interval.lower:.3f} to {area.interval.upper:.3f}" in text
    errors = [q.error for q in wide.quantities if q.error]
    printed = [float(found) for found in re.findall(r"± (\S+)", text)]
    assert errors
    assert len(printed) == len(errors)
    assert all(any(shown >= error for shown in printed) for error in errors)
    assert max(printed) >= max(errors)


def test_no_measure_is_lost(wide: AuditResult, tmp_path: Path) -> None:
    heads = {c.label for part in _parts(_view(tmp_path, wide)) for table in part.tables for c in table.columns}
    steps = {"observed_rate": "Came true", "impact_ratio": "Impact ratio"}
    for metric in {item.metric for item in wide.quantities}:
        assert steps.get(metric, quantity_label(metric)) in heads, metric
    assert not [part for part in _parts(_view(tmp_path / "b", wide)) if part.title == OTHER.title]


def test_every_measure_that_an_audit_knows_has_words() -> None:
    from audits.score_metrics import QUANTITY_METRICS
    from audits.task_metrics import TASK_METRICS

    for metric in (*QUANTITY_METRICS, *(name for metrics in TASK_METRICS.values() for name in metrics)):
        assert quantity_meaning(metric), metric
        assert topic_of(metric) is not OTHER, metric
        assert topic_of(f"{metric}_difference") is topic_of(metric)


def test_pictures_show_what_the_record_holds(wide: AuditResult) -> None:
    sex = panels(wide)[0]
    calibration = next(part for part in sex.parts if part.plots and part.plots[0].diagonal)
    observed = [q for q in wide.quantities if q.metric == "observed_rate" and q.group == ("female",)]
    female = next(plot for plot in calibration.plots if plot.title == "female")
    assert [point.y for point in female.points] == [q.value for q in observed]
    assert [point.counted for point in female.points] == [q.counted for q in observed]
    sweep = next(part for part in sex.parts if part.plots and not part.plots[0].diagonal)
    ratios = [q for q in wide.quantities if q.metric == "impact_ratio" and q.group == ("female",) and q.counted]
    assert [point.y for point in sweep.plots[0].points] == [q.value for q in ratios]
    assert [line.at for line in sweep.plots[0].lines] == [1.0, 0.8]


def test_a_flag_has_what_is_left_of_it_within_strata_beside_it(wide: AuditResult) -> None:
    item = next(s for s in wide.stratified if s.group == ("female",))
    assert item.adjusted is not None
    row = next(row for row in panels(wide)[0].disparities if row.name == "Impact ratio")
    assert row.verdict in {"adverse", "watch"}
    assert any("Within levels of income" in line and f"{item.adjusted:.2f}" in line for line in row.strata)


def test_unknown_rows_the_search_and_rules_have_their_parts(wide: AuditResult, tmp_path: Path) -> None:
    view = _view(tmp_path, wide)
    origin = view.panels[1]
    unknown = next(part for part in origin.parts if "rows without origin" in part.title)
    assert "60" in unknown.title
    assert len(unknown.charts[0].marks) == len([x for x in wide.unknown_bounds if x.feature == "origin"])
    assert wide.search is not None
    assert f"{wide.search.tried} subgroups" in view.more[0].words[0]
    assert len(view.more[0].tables[0].rows) == len(wide.search.found)
    for report, part in zip(wide.rule_reports, view.rules, strict=True):
        assert [tuple(c.text for c in row.cells) for t in part.tables for row in t.rows] == [
            row for table in report.tables for row in table.rows
        ]
        assert {value for _, value in part.facts} >= {report.citation, report.status, report.digest}


def test_empty_sections_do_not_appear(wide: AuditResult, tmp_path: Path) -> None:
    bare = replace(wide, quantities=(), stratified=(), unknown_bounds=(), search=None, rule_reports=())
    view = _view(tmp_path, bare)
    assert _parts(view) == ()
    text = render(view, Format.HTML).decode()
    assert "Over all features" not in text
    assert "What rules ask" not in text
    assert "Over all features" not in render(view, Format.MARKDOWN).decode()


def test_weighted_rates_say_how_many_rows_they_rest_on(weighted: AuditResult, tmp_path: Path) -> None:
    item = weighted.estimates[0]
    assert item.effective_n is not None
    rate = panels(weighted)[0].groups[0].rates[0]
    assert rate.weight == f"effective rows {round(item.effective_n):,}"
    assert rate.counts == f"{item.events:,} of {item.n:,}"
    text = render(_view(tmp_path, weighted), Format.MARKDOWN).decode()
    assert rate.weight in text
    assert "Rates are weighted" in text
    assert ", weighted)" in text.split("## sex")[0]


def test_long_lists_begin_with_the_worst_and_fold_the_rest() -> None:
    base = factory.audit_of("1")
    rate = next(e for e in base.estimates if e.features == ("sex",) and e.metric == "selection_rate")
    flag = next(d for d in base.disparities if d.group == ("female",))
    many = tuple(replace(rate, group=(f"g{at}",), value=(at * 37 % 143) / 143) for at in range(143))
    flags = tuple(replace(flag, group=(f"g{at}",), value=0.2 + (at * 37 % 143) / 200) for at in range(143))
    panel = panels(replace(base, estimates=many, disparities=flags, quantities=(), stratified=()))[0]
    assert [row.name for row in panel.groups[:2]] == ["sex=g0", "sex=g58"]
    values = [float(row.value) for row in panel.disparities]
    assert values == sorted(values)
    assert panel.shown < 143
    assert "lowest selection rate first" in panel.order


def test_the_page_folds_long_tables_and_no_row_is_lost(tmp_path: Path) -> None:
    base = factory.audit_of("1")
    rate = next(e for e in base.estimates if e.features == ("sex",) and e.metric == "selection_rate")
    many = tuple(replace(rate, group=(f"g{at:03}",)) for at in range(143))
    view = _view(tmp_path, replace(base, estimates=many, disparities=(), quantities=(), unknown_bounds=()))
    text = render(view, Format.HTML).decode()
    assert "119 more: Group rates for sex" in text
    assert all(f'<th scope="row">sex=g{at:03}' in text for at in range(143))


def test_a_comparison_of_another_class_is_listed_and_not_drawn(wide: AuditResult) -> None:
    item = next(d for d in wide.disparities if d.name == "impact_ratio" and d.group == ("female",))
    reason = item.reason.replace("; ", ", class = late; ", 1)
    other = replace(item, at="class = late", value=0.123, bound=None, adjusted_p=None, reason=reason)
    before, after = panels(wide)[0], panels(replace(wide, disparities=(*wide.disparities, other)))[0]
    assert after.charts == before.charts
    row = next(row for row in after.disparities if row.value == "0.12")
    assert row.metric == "Selection rate, class = late"
    assert row.reason.startswith("bound 0.8")
    assert row.strata == ()


def test_classes_have_a_row_for_every_group_and_class(wide: AuditResult) -> None:
    base = next(q for q in wide.quantities if q.metric == "scoring_rate" and q.group == ("female",))
    made = tuple(
        replace(base, metric=metric, group=(group,), at=f"class = {name}")
        for name in "ABC"
        for metric in ("selection_rate", "base_rate")
        for group in ("female", "male")
    )
    (part,) = (x for x in panels(replace(wide, quantities=made))[0].parts if x.title == "Each class against the rest")
    rows = [tuple(cell.text for cell in row.cells[:2]) for row in part.tables[0].rows]
    assert rows == [(group, name) for group in ("female", "male") for name in "ABC"]
    assert [column.label for column in part.tables[0].columns[3:]] == ["Selection rate", "Base rate"]


# --- what may be published --------------------------------------------------------------------------------------------


def test_what_is_published_says_suppressed_and_never_a_masked_count(wide: AuditResult, tmp_path: Path) -> None:
    evidence = _evidence(tmp_path, wide)
    shown = published_evidence(evidence)
    assert shown.audit is not None
    hidden = [item for item in shown.audit.estimates if item.suppressed]
    assert hidden
    view = release_view(shown)
    for form in (Format.HTML, Format.MARKDOWN):
        text = render(view, form).decode()
        assert "suppressed" in text
        assert not re.search(r"[>|(] ?-1 ?[<|)]|(?:of|is) -1\b|-1 (?:of|rows|people|persons)", text)
        assert "7 of 9" not in text
    for row in (row for panel in view.panels for row in panel.groups):
        for rate in row.rates:
            assert (rate.value == "suppressed") == (not rate.counts and not rate.reason)


def test_no_small_count_of_the_record_is_left_in_what_is_published(wide: AuditResult, tmp_path: Path) -> None:
    small = [e for e in wide.estimates if 0 < e.events < 11 and e.counted]
    assert small
    text = render(release_view(published_evidence(_evidence(tmp_path, wide))), Format.MARKDOWN).decode()
    record = json.loads(render(release_view(published_evidence(_evidence(tmp_path / "b", wide))), Format.JSON))
    for item in small:
        assert f" {item.events} of {item.n:,} " not in text
    for found in record["audit"]["estimates"]:
        assert found["events"] not in range(1, 11)
        assert found["n"] not in range(1, 11)
    assert not any((q["at"] or "").startswith("score >=") for q in record["audit"]["quantities"])
    assert record["audit"]["rule_reports"] == []
    assert all("selection_rate ratio" not in item["reason"] for item in record["decision"]["findings"])
    assert {item["reason"] for item in record["sign_offs"]} == {
        "not published: the text may repeat counts of small groups"
    }


def test_a_share_that_gives_a_small_count_away_goes_with_its_whole_feature(wide: AuditResult, tmp_path: Path) -> None:
    rates = [q for q in wide.quantities if q.metric == "scoring_rate" and q.features == ("origin",)]
    largest = max(rates, key=lambda item: item.n)
    few = replace(largest, value=4 / largest.n)
    planted = replace(wide, quantities=tuple(few if q is largest else q for q in wide.quantities))
    shown = published_evidence(_evidence(tmp_path, planted)).audit
    assert shown is not None
    left = [q for q in shown.quantities if q.metric.startswith("scoring_rate") and q.features == ("origin",)]
    assert left
    assert {q.reason for q in left} == {SUPPRESSED}


def test_rules_that_demand_every_count_stay_whole_when_named(wide: AuditResult, tmp_path: Path) -> None:
    shown = published_evidence(_evidence(tmp_path, wide), whole_rules=["us-ugesp"])
    assert len(release_view(shown).rules) == 1


def test_officers_read_everything(wide: AuditResult, tmp_path: Path) -> None:
    text = render(_view(tmp_path, wide), Format.HTML).decode()
    assert "suppressed" not in text
    assert "I saw 7 of 9 people." in text


def test_a_plan_that_masks_nothing_says_so_in_what_is_published(tmp_path: Path, wide: AuditResult) -> None:
    view = release_view(published_evidence(_evidence(tmp_path, replace(wide, suppress_below=0))))
    assert "masks no counts" in view.published
    assert view.published in render(view, Format.HTML).decode()


def test_the_command_writes_what_is_published_beside_the_officers_report(
    wide: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import flows.wiring
    from flows.cli import main

    desk = factory.new_desk(tmp_path / "desk")
    factory.record_case(desk, "2", audit=wide)
    monkeypatch.setattr(flows.wiring, "open_desk", lambda _settings: desk)
    monkeypatch.chdir(tmp_path)
    asked = ["report", "hiring", "2", "--alias", "champion"]
    assert main(asked) == 0
    assert main([*asked, "--published"]) == 0
    assert "counts from 1 to 10" in capsys.readouterr().out
    whole, shown = sorted(tmp_path.rglob("hiring-v2-champion*.html"), key=lambda path: len(path.name))
    assert shown.name == "hiring-v2-champion-published.html"
    assert "suppressed" not in whole.read_text(encoding="utf-8")
    assert "What rules ask" not in shown.read_text(encoding="utf-8")
    assert main([*asked, "--published", "--whole-rule", "us-ugesp"]) == 0
    assert "What rules ask" in shown.read_text(encoding="utf-8")
    assert main([*asked, "--whole-rule", "us-ugesp"]) == 2
    assert main([*asked, "--published", "--whole-rule", "nyc-ll144"]) == 2
    assert "this audit has: us-ugesp" in capsys.readouterr().err


# --- what a command prints --------------------------------------------------------------------------------------------


def test_a_dry_run_prints_what_matters(wide: AuditResult) -> None:
    lines = audit_lines(wide)
    text = "\n".join(lines)
    assert lines[0].startswith("audit of 2,400 rows: ")
    for words in (
        "adjusted p",
        "would have been seen",
        "  together: ",
        "  strata: ",
        "  unknown: 60 rows",
        "  search: ",
    ):
        assert words in text, words
    assert wide.search is not None
    assert wide.search.found[0].group[0] in text
    assert wide.rule_reports[0].digest in text
    assert "one selection moved" in text
    assert all("\n" not in line for line in lines)


def test_a_table_is_aligned_and_what_is_cut_is_marked() -> None:
    table = RuleTable("t", ("a", "much"), (("x", "1"), ("long", "y" * 80)))
    lines = list(table_lines(table))
    assert lines[0] == "a     much"
    assert lines[1] == "x     1"
    assert lines[2] == f"long  {'y' * 47}…"
    assert list(table_lines(replace(table, rows=(("x", "1"),) * 30)))[-1] == "and 10 more rows"


def test_masked_audits_are_told_without_numbers(wide: AuditResult) -> None:
    hidden: list[Disparity] = [item for item in published(wide).disparities if item.suppressed]
    assert hidden
    rows = [row for panel in panels(published(wide)) for row in panel.disparities if row.value == "suppressed"]
    assert len(rows) == len(hidden)
    assert {row.interval for row in rows} == {""}
    assert {row.p for row in rows} == {"–"}


def test_rule_texts_are_printed_as_they_are(tmp_path: Path, wide: AuditResult) -> None:
    table = RuleTable("requirements", ("reference", "from"), (("Art 9 <b>|x|</b>", "2027-12-02"),), ("A note.",))
    report = RuleReport("p", "3", "sha256:00", "An act", "Art 9", "adopted", (table,), ("in force later",))
    view = _view(tmp_path, replace(wide, rule_reports=(report,)))
    assert view.rules[0].tables[0].rows[0].cells[0].text == "Art 9 <b>|x|</b>"
    assert "Art 9 &lt;b&gt;|x|&lt;/b&gt;" in render(view, Format.HTML).decode()
    assert r"Art 9 \<b\>\|x\|\</b\>" in render(view, Format.MARKDOWN).decode()


def test_hostile_names_add_nothing_to_the_new_parts(wide: AuditResult, tmp_path: Path) -> None:
    """Scores, strata, unknown rows, the search and rules: every text that others write holds the payload."""

    def page(name: str, folder: str) -> Shape:
        result = factory.renamed(_few(wide), "far", name)
        swapped = tuple(replace(item, control=name, reason=name) for item in result.stratified)
        quantities = tuple(replace(item, at=name, reason=name) for item in result.quantities[:4])
        table = RuleTable(name, (name, "b"), ((name, "1"),), (name,))
        report = RuleReport(name, name, name, name, name, name, (table,), (name,))
        unknown = tuple(replace(item, level=name) for item in result.unknown_bounds)
        hostile = replace(
            result,
            stratified=swapped,
            quantities=(*result.quantities, *quantities),
            rule_reports=(report,),
            unknown_bounds=unknown,
        )
        return Shape(render(_view(tmp_path / folder, hostile), Format.HTML).decode())

    plain = page("plain", "plain")
    for number, payload in enumerate((*PAYLOADS[:4], PAYLOADS[9], PAYLOADS[-1])):
        shape = page(payload, f"{number}")
        assert shape.tags == plain.tags, payload
        assert {tag for tag, _ in shape.inside} <= SVG_TAGS, payload
        assert not [name for _, names in shape.inside for name in names if name.startswith("on")], payload
        assert len(shape.ids) == len(set(shape.ids)), payload


def _few(result: AuditResult) -> AuditResult:
    """What is drawn is alike, and pages are made in a moment."""
    return replace(
        result,
        estimates=tuple(x for x in result.estimates if x.features == ("origin",) and x.metric == "selection_rate"),
        disparities=tuple(x for x in result.disparities if x.features == ("origin",)),
        quantities=tuple(x for x in result.quantities if x.features == ("origin",) and "far" in (*x.group, *x.against)),
    )

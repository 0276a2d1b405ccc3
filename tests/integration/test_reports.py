"""Reports of realistic cases: every number from the record, hostile names harmless, nothing fetched, no promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import report_factory as factory
from hostile import PAYLOADS, SVG_TAGS, Shape

from audits.result import AuditResult
from expectations.result import DataValidation, FailedExpectation, Outcome, Severity
from governance.case import Case, open_case
from governance.desk import Desk
from governance.digests import canonical_json
from governance.people import Person
from reports.charts import svg
from reports.evidence import CaseEvidence, gather
from reports.formats import Format, render
from reports.measured import panels
from reports.release import release_view
from reports.view import Chart, Mark, ReleaseView

REPORTS = Path(__file__).parents[2] / "reports"


def _view(tmp_path: Path, version: str = "1") -> ReleaseView:
    desk = factory.new_desk(tmp_path)
    return release_view(gather(desk, factory.record_case(desk, version)))


class _Known:
    """Accounts that know these people and nobody else, whatever they are called."""

    def __init__(self, *people: Person) -> None:
        self.known = people

    def people(self) -> tuple[Person, ...]:
        return self.known


def _knowing(desk: Desk, *people: Person) -> Desk:
    return replace(desk, accounts=_Known(*people))  # type: ignore[arg-type]


def _hostile(tmp_path: Path, payload: str) -> ReleaseView:
    """A report in which everything that others write holds the payload."""
    desk = factory.new_desk(tmp_path)
    desk = _knowing(desk, *factory.PEOPLE, Person("officer", f"Officer {payload}", ("compliance",)))
    audit = factory.renamed(_small(factory.audit_of("2")), "female", payload)
    audit = replace(audit, notes=(payload,), environment={payload: payload})
    case = factory.record_case(desk, "2", name=f"m {payload}", audit=audit)
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason=f"because {payload}")
    failed = (FailedExpectation(payload, f"c {payload}", Severity.WARNING, payload, payload),)
    quality = DataValidation(payload, "sha256:" + "c3" * 32, audit.data_digest, Outcome.BLOCK, 9, 3, failed, (payload,))
    now = open_case(desk, case.subject.name, "2", "champion")
    return release_view(CaseEvidence(now, desk.policy, audit, quality))


def _small(audit: AuditResult) -> AuditResult:
    """One feature and one metric: what is drawn is alike, and 25 reports are drawn in seconds."""
    return replace(
        audit,
        estimates=tuple(x for x in audit.estimates if x.features == ("sex",) and x.metric == "selection_rate"),
        disparities=tuple(item for item in audit.disparities if len(item.features) == 1),
    )


def test_hostile_names_add_nothing_to_the_structure_of_the_page(tmp_path: Path) -> None:
    plain = Shape(render(_hostile(tmp_path / "plain", "plain"), Format.HTML).decode())
    for number, payload in enumerate(PAYLOADS):
        shape = Shape(render(_hostile(tmp_path / f"{number}", payload), Format.HTML).decode())
        assert shape.tags == plain.tags, payload
        assert {tag for tag, _ in shape.inside} <= SVG_TAGS, payload
        assert not [name for _, names in shape.inside for name in names if name.startswith("on")], payload


def test_hostile_names_add_nothing_to_the_structure_of_the_markdown(tmp_path: Path) -> None:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")

    def tags(payload: str, number: int) -> Counter[str]:
        text = render(_hostile(tmp_path / f"{number}", payload), Format.MARKDOWN).decode()
        return Counter(re.findall(r"<(\w+)", reader.render(text)))

    plain = tags("plain", 1000)
    for number, payload in enumerate(PAYLOADS):
        assert tags(payload, number) == plain, payload


def test_the_html_report_is_self_contained(tmp_path: Path) -> None:
    text = render(_view(tmp_path), Format.HTML).decode()
    shape = Shape(text)
    tags = {tag for tag, _ in shape.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not [names for _, names in (*shape.tags, *shape.inside) if "style" in names]
    assert not [link for link in shape.links if not link.startswith("#")]
    assert "url(" not in text
    assert "@import" not in text
    assert len(shape.ids) == len(set(shape.ids))


def test_the_json_report_is_the_record(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "1")
    data = render(release_view(gather(desk, case)), Format.JSON)
    record = json.loads(data)
    assert data == canonical_json(record)
    assert canonical_json(record["audit"]) == canonical_json(factory.audit_of("1"))
    assert record["decision"]["outcome"] == "HELD"
    assert record["shown"]["report_digest"] == case.shown().report_digest


@pytest.mark.parametrize("form", [Format.HTML, Format.MARKDOWN])
def test_every_rate_of_the_record_is_printed_with_its_interval_and_counts(tmp_path: Path, form: Format) -> None:
    text = render(_view(tmp_path), form).decode()
    for item in factory.audit_of("1").estimates:
        assert f"{item.events:,} of {item.n:,}" in text
        assert item.value is not None
        assert f"{item.value * 100:.1f}%" in text
        assert item.interval is not None
        assert item.interval.upper is not None
        assert f"{item.interval.lower * 100:.1f}–{item.interval.upper * 100:.1f}%" in text


def test_numbers_change_with_the_record_and_only_with_it(tmp_path: Path) -> None:
    """A count, a rate and an interval that stand nowhere else appear in the summary, the table and the chart."""
    audit = factory.audit_of("1")
    changed = _with_marker(audit)
    before = render(_of(tmp_path / "a", audit), Format.HTML).decode()
    after = render(_of(tmp_path / "b", changed), Format.HTML).decode()
    for mark in ("777,123", "999,331", "77.8%"):
        assert mark not in before
        assert after.count(mark) >= 2, mark
    assert "77.7–77.9%" in after


def _with_marker(audit: AuditResult) -> AuditResult:
    first = audit.estimates[0]
    assert first.interval is not None
    value = 777_123 / 999_331
    marked = replace(first, size=999_331, n=999_331, events=777_123, value=value)
    marked = replace(marked, interval=replace(first.interval, lower=0.777, upper=0.779))
    return replace(audit, estimates=(marked, *audit.estimates[1:]))


def _of(folder: Path, audit: AuditResult) -> ReleaseView:
    desk = factory.new_desk(folder)
    return release_view(gather(desk, factory.record_case(desk, "1", audit=audit)))


def test_the_summary_says_counts_verdicts_what_is_missing_and_who_can_give_it(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "second-officer", "compliance")
    found = release_view(gather(desk, open_case(desk, "hiring", "2", "champion"))).summary
    assert found.decided[0] == (
        "Held: hiring v2 does not become champion in local until this is met: sign-off by people."
    )
    assert found.decided[1].startswith("Second Officer (compliance) approved it on 2026-10-05")
    assert found.measured[0].startswith("Of 3,012 people with sex=female, 1,399 were selected (46.4%, interval 44.7")
    assert found.missing[0].who == (
        "model-risk: Model Risk Officer can give it. "
        "Second Officer cannot: has already signed, and each slot takes a different person.",
    )
    assert any("Only what the plan names was measured: sex and age_band." in line for line in found.limits)


def test_nobody_who_may_sign_is_said(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    desk = _knowing(desk, *factory.PEOPLE[:2])
    found = release_view(gather(desk, factory.record_case(desk, "2"))).summary
    assert found.missing[-1].who[1] == "model-risk: nobody who may sign holds this function."


def test_a_case_without_evidence_is_said_and_not_hidden(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "1")
    bare = Case(replace(case.dossier, audits=(), validations=()), case.decision)
    text = render(release_view(CaseEvidence(bare, desk.policy, None, None)), Format.HTML).decode()
    assert "No audit is recorded for a release, so nothing can be said about group rates." in text
    assert "No data validation is recorded for a release." in text


def test_charts_are_named_and_hold_no_style(tmp_path: Path) -> None:
    charts = [chart for panel in _view(tmp_path).panels for chart in panel.charts]
    assert len({chart.key for chart in charts}) == len(charts)
    for chart in charts:
        drawn = svg(chart)
        assert 'role="img"' in drawn
        assert f'aria-labelledby="{chart.key}-title"' in drawn
        assert "style=" not in drawn
        assert "http://" not in drawn.replace('"http://www.w3.org/2000/svg"', "").replace(
            '"http://www.w3.org/1999/xlink"', ""
        )


def test_what_is_not_compared_has_another_shape_and_a_ratio_without_upper_end_is_drawn() -> None:
    counted = Chart("a", "t", "", (Mark("g", "1", 0.5, 0.4, 0.6, "counted"),), (), percent=True, primary=True)
    aside = replace(counted, marks=(replace(counted.marks[0], state="aside"),))
    assert "stroke-dasharray" in svg(aside)
    assert "stroke-dasharray" not in svg(counted)
    endless = Chart("b", "t", "", (Mark("g", "1", 2.0, 0.4, None, "watch"),), (), percent=False, primary=True)
    assert "NaN" not in svg(endless)
    assert "NaN" not in svg(replace(endless, marks=(Mark("g", "–", None, None, None, "not estimable"),)))


def test_a_chart_of_many_groups_shows_the_largest_and_says_so() -> None:
    audit = factory.audit_of("1")
    base = next(item for item in audit.estimates if item.features == ("sex",) and item.metric == "selection_rate")
    many = tuple(replace(base, group=(f"g{number}",), size=100 + number) for number in range(60))
    chart = panels(replace(audit, estimates=many, disparities=()))[0].charts[0]
    assert len(chart.marks) == 24
    assert chart.marks[-1].label == "g59"
    assert "The 24 largest of 60 groups; the table has all." in chart.caption


@pytest.mark.parametrize("path", sorted(p for p in REPORTS.rglob("*") if p.suffix in {".py", ".html", ".css"}), ids=str)
def test_no_page_promises_what_was_not_measured(path: Path) -> None:
    words = re.compile(
        r"\b(fair|fairly|unfair|unbiased|biased|debias\w*|compliant|certif\w+|privileged)\b", re.IGNORECASE
    )
    assert words.findall(path.read_text(encoding="utf-8")) == []


def test_no_report_promises_what_was_not_measured(tmp_path: Path) -> None:
    for version in "12":
        text = render(_view(tmp_path / version, version), Format.HTML).decode()
        assert not re.search(r"\b(fair|unfair|unbiased|compliant)\b", text, re.IGNORECASE)


def test_the_registry_is_named_without_its_password(tmp_path: Path) -> None:
    for form in (Format.HTML, Format.MARKDOWN):
        text = render(_view(tmp_path / form.value), form).decode()
        assert "hunter2" not in text
        assert "db.example/registry" in text

"""Every format: of which record it is, what it must hold and must not, hostile names, what may be published."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import format_factory as formats
import pytest
import report_factory as factory
import yaml
from hostile import PAYLOADS, Shape
from rule_examples import RACES, SELECTION_BOTH

from audits.result import RuleTable
from audits.rule_packs import RulePack, load_pack, read_pack
from governance.digests import digest_bytes
from governance.errors import ConfigurationError
from reports.evidence import CaseEvidence, UsedRule, gather
from reports.formats import QUICK, Format, render, write
from reports.ll144 import ll144_paper, missing
from reports.provenance import pack_standing, provenance, standing
from reports.publish import published_evidence
from reports.release import release_view
from reports.report import Asked, report_of
from reports.signature_block import SignatureBlock
from reports.templating import page
from reports.words import ASSURANCES, group_name, metric_label

ASKED = Asked(date(2026, 11, 1), "Applications of 2025")
TEXTS = tuple(form for form in Format if form is not Format.PDF)
PAGES = (Format.HTML, Format.LL144_HTML, Format.ANNEX_IV, Format.ART_27)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> CaseEvidence:
    return formats.ruled_evidence(tmp_path_factory.mktemp("desk"), "nyc-ll144", "eu-ai-act")


# --- of which record --------------------------------------------------------------------------------------------------


def test_the_digest_in_every_format_is_that_of_the_json(evidence: CaseEvidence) -> None:
    report = report_of(evidence, ASKED)
    digest = "sha256:" + hashlib.sha256(write(report, Format.JSON)).hexdigest()
    assert report.about.record_digest == digest
    for form in TEXTS:
        if form not in (Format.JSON, Format.LL144_CSV):  # the record itself, and exactly the rule's fields
            assert digest in write(report, form).decode(), form


def test_the_footer_says_what_was_read_and_how_each_rule_stands(evidence: CaseEvidence) -> None:
    assert evidence.ledger is not None
    text = render(evidence, Format.MARKDOWN).decode()
    footer = text.partition("## About this report")[2]
    law = load_pack("nyc-ll144")
    for words in (
        evidence.ledger.root,
        evidence.policy.digest,
        f"nyc-ll144 1 ({law.digest})",
        "NYC Admin. Code 20-870 to 20-874; 6 RCNY 5-300 to 5-304",
        "Status: in force; from 2023-07-05, no last day is known; source read on 2026-10-01",
        "In force on 2026-10-05.",
        "only from 2027-12-02: Art 9",
    ):
        assert words in footer, words


def test_the_plan_is_in_the_record_without_the_password_of_its_source(evidence: CaseEvidence) -> None:
    record = release_view(evidence).record
    assert record["plan"]["source"] == "postgresql://auditor@db.example/hr#public.applicants"
    for form in TEXTS:
        assert b"hunter2" not in render(evidence, form, ASKED), form


def _pack(**changes: str) -> RulePack:
    """The pack of a rule with other days or another status."""
    head = {"in_force_from": "2024-01-01", "status": '"in force"', **changes}
    lines = [f"{key} = {value}" for key, value in head.items()]
    rest = (
        'id = "law"\nversion = "3"\ntitle = "A law"\njurisdiction = "X"\ncitation = "X 1"\nsource = "s"\n'
        'checked_on = 2026-10-01\n[[requirements]]\nreference = "Art 1"\ntext = "t"\n'
    )
    return read_pack(("\n".join(lines) + "\n" + rest).encode())


DAY = date(2026, 10, 5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "In force on 2026-10-05."),
        (
            {"in_force_from": "2027-01-01", "status": '"adopted"'},
            "Not in force yet on 2026-10-05: it applies from 2027-01-01.",
        ),
        (
            {"in_force_to": "2026-04-17", "status": '"repealed"'},
            "Not in force any more on 2026-10-05: its last day was 2026-04-17.",
        ),
        ({"in_force_to": "2026-12-31", "status": '"repealed"'}, "It is repealed, with 2026-12-31 as its last day."),
        (
            {"status": '"under challenge"'},
            "It was under challenge when its source was read on 2026-10-01: it may fall.",
        ),
        ({"voluntary": "true"}, "In force on 2026-10-05 as a voluntary framework, not a law."),
    ],
)
def test_a_rule_says_in_words_how_it_stands(changes: dict[str, str], said: str) -> None:
    assert said in pack_standing(_pack(**changes), DAY).words


def test_a_pack_that_ships_no_more_or_otherwise_is_said(evidence: CaseEvidence) -> None:
    report = evidence.rules[0].report
    gone = standing(report, None, DAY)
    assert gone.words == ("This pack ships with Fairgate no more.",)
    assert gone.days == "its days are not known here"
    other = standing(replace(report, digest="sha256:" + "0" * 64), load_pack("nyc-ll144"), DAY)
    assert "another text of this pack" in other.words[-1]
    assert other.digest == "sha256:" + "0" * 64
    lost = replace(evidence, rules=(UsedRule(report, None),))
    assert "ships with Fairgate no more" in provenance(release_view(lost)).rules[0].line


def test_a_view_alone_is_printed_and_nothing_else_is_made_of_it(evidence: CaseEvidence) -> None:
    view = release_view(evidence)
    for form in Format:
        if form in QUICK:
            assert render(view, form) == render(evidence, form)
        else:
            with pytest.raises(ConfigurationError, match="whole evidence"):
                render(view, form)


# --- NYC Local Law 144 ------------------------------------------------------------------------------------------------


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_the_csv_has_the_fields_of_the_rule_and_the_counts_of_its_example(evidence: CaseEvidence) -> None:
    rows = _rows(render(evidence, Format.LL144_CSV, ASKED))
    assert list(rows[0]) == [
        *("audit_date", "distribution_date", "data_source", "data_explanation", "class", "table", "race_ethnicity"),
        *("sex", "applicants", "selected", "selection_rate", "impact_ratio", "note"),
    ]
    assert {row["audit_date"] for row in rows} == {"2026-10-05"}
    assert {row["distribution_date"] for row in rows} == {"2026-11-01"}
    found = {(row["sex"], row["race_ethnicity"]): row for row in rows if row["table"] == "intersectional"}
    for sex, groups in SELECTION_BOTH.items():
        for race, (n, selected, _) in zip(RACES, groups, strict=True):
            assert (found[sex, race]["applicants"], found[sex, race]["selected"]) == (f"{n:,}", f"{selected:,}")
    assert found["Unknown", "Unknown"]["applicants"] == "12"


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("pack", ["nyc-ll144", "nyc-ll144-small-left-out"])
def test_the_checker_of_published_audits_finds_no_discrepancy_in_ours(tmp_path: Path, pack: str, scored: bool) -> None:
    from audits.published_checks import Severity, check_published
    from audits.published_table import read_published
    from audits.rule_packs import ImpactRatioRule

    rule = load_pack(pack).computes
    assert isinstance(rule, ImpactRatioRule)
    data = render(formats.ruled_evidence(tmp_path, pack, scored=scored), Format.LL144_CSV, ASKED)
    found = check_published(read_published(data, rule), rule)
    assert found.of(Severity.DISCREPANCY) == ()
    if not scored:
        left_out = [row for row in _rows(data) if row["note"].startswith("Left out of the ratios")]
        assert bool(left_out) == (pack != "nyc-ll144")
        assert all(row["impact_ratio"] == "" and row["selection_rate"] and row["applicants"] for row in left_out)


@pytest.mark.needs_shared
def test_the_ratios_are_those_that_the_rule_prints(evidence: CaseEvidence) -> None:
    shared = Path(__file__).parents[2].parent / "shared" / "data" / "ll144_rule_tables" / "selection_example.csv"
    printed = _rows(shared.read_bytes())
    ours = {(row["table"], row["race_ethnicity"], row["sex"]): row for row in _rows(render(evidence, Format.LL144_CSV))}
    compared = 0
    for row in printed:
        if row["table"] == "intersectional":  # the rule's three tables do not add up: its race table has other counts
            found = ours[row["table"], row["race_ethnicity"], row["sex"]]
            assert found["impact_ratio"] == f"{float(row['printed_impact_ratio']):.3f}"
            assert f"{float(found['selection_rate']):.1%}" == row["printed_selection_rate"]
            compared += 1
    assert compared == 14


def test_what_the_rule_asks_for_and_nobody_gave_is_listed(evidence: CaseEvidence) -> None:
    bare = report_of(evidence)
    assert [text.partition(":")[0] for text in missing(bare)] == [
        "the distribution date of the tool",
        "the explanation of the data",
    ]
    text = render(evidence, Format.LL144_HTML).decode()
    assert "This document is not complete. Missing:" in text
    assert "--" not in text.partition("This document is not complete")[2].partition("</ul>")[0]
    assert missing(report_of(evidence, ASKED)) == ()
    assert "not complete" not in render(evidence, Format.LL144_HTML, ASKED).decode()
    assert missing(report_of(replace(evidence, plan=None)))[1] == "the source of the data"
    told = render(evidence, Format.LL144_HTML, replace(ASKED, source="the applicant system of 2025")).decode()
    assert f"{ASKED.distribution_date} (as stated by the publisher at the command line on " in told
    assert "the applicant system of 2025 (as stated by the publisher" in told
    for words in ("no more than one year", "6 months after the last use", "at least 10 business days before use"):
        assert words in told


def test_the_summary_knows_no_threshold_no_verdict_and_no_age(evidence: CaseEvidence) -> None:
    text = re.sub(r"<style>.*?</style>", "", render(evidence, Format.LL144_HTML, ASKED).decode(), flags=re.DOTALL)
    text = text.replace("at least 10 business days before use", "")  # when notice is given, in the pack's words
    for word in ("adverse", "watch", "no indication", "four fifths", "0.8 ", "at least", "age_band", "passed"):
        assert word not in text.lower(), word


def test_without_tables_of_the_rule_the_error_says_how_to_get_them(tmp_path: Path) -> None:
    plain = formats.ruled_evidence(tmp_path)
    for form in (Format.LL144_HTML, Format.LL144_CSV):
        with pytest.raises(ConfigurationError, match=r"rule_packs = \['nyc-ll144'\]"):
            render(plain, form)


def test_for_publication_the_rule_must_be_named(evidence: CaseEvidence) -> None:
    with pytest.raises(ConfigurationError, match="--whole-rule nyc-ll144"):
        render(published_evidence(evidence), Format.LL144_CSV)
    whole = published_evidence(evidence, whole_rules=["nyc-ll144"])
    assert render(whole, Format.LL144_CSV, ASKED) == render(evidence, Format.LL144_CSV, ASKED)


# --- EU AI Act --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "points"),
    [
        (Format.ANNEX_IV, ["1 ", "2 ", "2(g) ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "9 "]),
        (Format.ART_27, ["(a) ", "(b) ", "(c) ", "(d) ", "(e) ", "(f) "]),
    ],
)
def test_every_point_is_there_in_order_with_a_blank(evidence: CaseEvidence, form: Format, points: list[str]) -> None:
    text = render(evidence, form).decode()
    heads = re.findall(r"<h2[^>]*>([^<]+)</h2>", text)
    assert [head for head, point in zip(heads, points, strict=True) if head.startswith(point)] == heads
    assert text.count('<div class="blank">') == len(points)


def test_the_forms_say_from_when_they_apply(evidence: CaseEvidence) -> None:
    assert (
        "on 2026-10-05 Art 27 does not apply yet: it applies from 2027-12-02"
        in render(evidence, Format.ART_27).decode()
    )
    case = evidence.case
    later = replace(case, dossier=replace(case.dossier, now=datetime(2027, 12, 2, tzinfo=UTC)))
    text = render(replace(evidence, case=later), Format.ANNEX_IV).decode()
    assert "on 2027-12-02 Annex IV 2(g) applies from 2027-12-02" in text
    assert "does not apply yet" not in text


def test_the_test_report_is_dated_and_signed_by_name(evidence: CaseEvidence) -> None:
    text = render(evidence, Format.ANNEX_IV).decode()
    signed = text.partition('id="point-2g"')[2].partition("</section>")[0]
    for words in (
        "Compliance Officer",
        "2026-10-05 08:00:1",
        "I approve the release of hiring v2 as champion in local",
    ):
        assert words in signed, words


@pytest.mark.parametrize(("form", "point"), [(Format.ANNEX_IV, "point-2g"), (Format.ART_27, "point-e")])
def test_a_signature_stands_with_its_reason_and_its_proof_and_without_one_no_table(
    evidence: CaseEvidence, form: Format, point: str
) -> None:
    def chapter(given: CaseEvidence) -> str:
        text = html.unescape(render(given, form).decode())
        return text.partition(f'id="{point}"')[2].partition("</section>")[0]

    (signed,) = evidence.case.dossier.sign_offs
    found, caption = chapter(evidence), "Signatures under the test report"
    assert caption in found and signed.reason in found
    assert "server-attested: Fairgate checked two factors" in found
    assert found.index("server-attested:") < found.index("recognised by password and code")
    bare = replace(evidence.case, dossier=replace(evidence.case.dossier, sign_offs=()))
    nobody = chapter(replace(evidence, case=bare))
    assert "Nobody has signed the test report." in nobody and caption not in nobody


def test_the_favourable_outcome_stands_beside_what_it_is_an_outcome_of(evidence: CaseEvidence) -> None:
    text = render(evidence, Format.ART_27).decode().partition('id="point-a"')[2].partition("</section>")[0]
    assert evidence.plan is not None
    assert re.search(r"Favourable outcome for a person</dt>\s*<dd>", text)
    assert re.search(rf"Outcome in the data</dt>\s*<dd>{evidence.plan.label or 'none is known'}</dd>", text)
    assert "What it answers" in text


def test_the_key_that_signed_is_named_before_how_the_person_was_recognised(evidence: CaseEvidence) -> None:
    row = release_view(evidence).sign_offs[0]
    own = replace(row, assurance=ASSURANCES["user-key"], authentication="password at the command line")
    said = "user-key: signed with a key that is the person's own; recognised by password at the command line"
    assert own.proved == said
    block = page("_signature_block.html", {"block": SignatureBlock((own,), (), "")})
    assert said in html.unescape(block)


def test_a_case_without_an_audit_gives_forms_that_say_so(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2")
    bare = replace(case, dossier=replace(case.dossier, audits=(), validations=()))
    nothing = CaseEvidence(bare, desk.policy, None, None)
    for form in (Format.ANNEX_IV, Format.ART_27, Format.MODEL_CARD):
        assert "No audit is recorded" in render(nothing, form).decode(), form


# --- the model card ---------------------------------------------------------------------------------------------------


def _front(data: bytes) -> tuple[dict[str, object], str]:
    _, front, body = data.decode().split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_card_has_valid_front_matter_with_the_records_own_numbers(evidence: CaseEvidence) -> None:
    front, body = _front(render(evidence, Format.MODEL_CARD))
    assert front["model_name"] == "hiring"
    [result] = front["model-index"][0]["results"]  # type: ignore[index]
    assert result["task"]["type"] == "tabular-classification"
    assert evidence.audit is not None
    kept = [item.value for item in evidence.audit.estimates if item.counted and item.value is not None]
    assert [metric["value"] for metric in result["metrics"]] == kept
    for title in (
        "The model",
        "Intended use",
        "Metrics",
        "Data that was measured",
        "Training data",
        "Quantitative analyses",
    ):
        assert f"## {title}\n" in body


def test_the_card_invents_nothing(evidence: CaseEvidence) -> None:
    front, body = _front(render(evidence, Format.MODEL_CARD))
    assert {"license", "language", "library_name"}.isdisjoint(front)
    assert body.count("**To be written by the people who made the model:**") == 6


# --- hostile names, and what may be published -------------------------------------------------------------------------


def _hostile(folder: Path, payload: str) -> CaseEvidence:
    folder.mkdir()
    desk = factory.new_desk(folder)
    audit, _, data = formats.ruled_audit("nyc-ll144")
    desk.evidence.put(data)
    named = factory.renamed(audit, "female", payload)
    kept = replace(
        named,
        estimates=tuple(x for x in named.estimates if x.features == ("sex",) and x.metric == "selection_rate"),
        disparities=tuple(item for item in named.disparities if len(item.features) == 1),
        rule_reports=tuple(
            replace(report, title=f"t {payload}", tables=tuple(_renamed(table, payload) for table in report.tables))
            for report in named.rule_reports
        ),
        notes=(payload,),
    )
    case = factory.record_case(desk, "2", name=f"m {payload}", audit=kept)
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason=f"because {payload}")
    return gather(desk, case)


def _renamed(table: RuleTable, payload: str) -> RuleTable:
    rows = tuple(tuple(payload if cell == "White" else cell for cell in row) for row in table.rows)
    return replace(table, rows=rows, notes=(*table.notes, payload))


def test_hostile_names_add_nothing_to_any_format(tmp_path: Path) -> None:
    plain = report_of(_hostile(tmp_path / "plain", "plain"), ASKED)
    for number, payload in enumerate(PAYLOADS):
        report = report_of(_hostile(tmp_path / f"{number}", payload), Asked(ASKED.distribution_date, f"from {payload}"))
        for form in (Format.LL144_HTML, Format.ANNEX_IV, Format.ART_27):
            assert Shape(write(report, form).decode()).tags == Shape(write(plain, form).decode()).tags, (form, payload)
        rows = _rows(write(report, Format.LL144_CSV))
        assert [len(row) for row in rows] == [len(row) for row in _rows(write(plain, Format.LL144_CSV))], payload
        assert all(cell.isprintable() and not cell.startswith(("=", "@")) for row in rows for cell in row.values())
        front, body = _front(write(report, Format.MODEL_CARD))
        assert list(front) == ["model_name", "tags", "model-index"], payload
        assert not re.search(r"(?<!\\)<(?:script|img|svg)", body), payload


def test_what_is_published_holds_no_small_count_in_any_format(tmp_path: Path) -> None:
    """nonbinary has 42 people of whom 16 are selected; within the age bands there are 4, 17 and 21."""
    audit, _, _ = formats.ruled_audit("nyc-ll144")
    desk = factory.new_desk(tmp_path)
    case = formats.ruled_case(desk, "nyc-ll144")
    shown = published_evidence(gather(desk, case))
    assert shown.audit is not None
    assert shown.audit.suppress_below == audit.suppress_below > 0
    report = report_of(shown, ASKED)
    small = {x.size for x in audit.estimates if 0 < x.size < audit.suppress_below}
    assert small
    for form in (Format.HTML, Format.MARKDOWN, Format.ANNEX_IV, Format.ART_27, Format.MODEL_CARD):
        text = write(report, form).decode()
        assert "suppressed" in text, form
        assert "I read the report and the intervals" not in text, form
        for size in small:
            assert not re.search(rf"with nonbinary[^.]*\b{size} people|>{size}</td>|\| {size} \|", text), (form, size)
    masked = {
        f"{metric_label(x.metric)}, {group_name(x.features, x.group)}" for x in shown.audit.estimates if x.suppressed
    }
    front, _ = _front(write(report, Format.MODEL_CARD))
    named = {metric["name"] for metric in front["model-index"][0]["results"][0]["metrics"]}  # type: ignore[index]
    assert masked
    assert masked.isdisjoint(named)


@pytest.mark.parametrize("form", TEXTS)
def test_no_format_makes_a_promise(evidence: CaseEvidence, form: Format) -> None:
    text = render(evidence, form, ASKED).decode().lower()
    for word in (r"\bfair\b", r"\bunbiased\b", r"\bcomplian(?:t|ce with)\b", r"\bcertifi"):
        assert not re.search(word, text), word


@pytest.mark.parametrize("form", PAGES)
def test_a_page_fetches_nothing_and_runs_nothing(evidence: CaseEvidence, form: Format) -> None:
    shape = Shape(render(evidence, form, ASKED).decode())
    assert "script" not in {tag for tag, _ in shape.tags}
    assert all(link.startswith("#") for link in shape.links)
    assert len(shape.ids) == len(set(shape.ids))


def test_a_summary_of_another_text_of_the_rule_names_that_text(evidence: CaseEvidence) -> None:
    paper = ll144_paper(report_of(evidence, ASKED))
    assert "In force on 2026-10-05." in paper.lead[1]
    assert digest_bytes(formats.plan_bytes("nyc-ll144", "eu-ai-act")) == release_view(evidence).record["plan"]["digest"]

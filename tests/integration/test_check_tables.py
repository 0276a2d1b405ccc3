"""`fairgate check-tables`: published audits recomputed, as a person runs it, and hostile files."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from command_line import Project
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_examples import RACES, selection_csv

from audits.plan import AuditPlan, SensitiveFeature
from audits.published_checks import Finding, Kind, Severity, TablesCheck, check_published
from audits.published_table import MAX_BYTES, MAX_ROWS, Published, read_published
from audits.result import Cell, Cells
from audits.rule_packs import ImpactRatioRule, load_pack
from audits.rule_reports import rule_reports
from flows.cli import main
from governance.errors import ConfigurationError, MeasurementError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
EXAMPLE = selection_csv()
HEADER = "sex,n,selected,selection_rate,impact_ratio\n"


def rule() -> ImpactRatioRule:
    found = load_pack("nyc-ll144").computes
    assert isinstance(found, ImpactRatioRule)
    return found


def read(text: str) -> Published:
    return read_published(text.encode(), rule(), file="table.csv")


def check(text: str, tolerance: float = 0.005) -> TablesCheck:
    return check_published(read(text), rule(), tolerance=tolerance)


def wrong(text: str, tolerance: float = 0.005) -> list[Finding]:
    return list(check(text, tolerance).of(Severity.DISCREPANCY))


def kinds(text: str) -> list[Kind]:
    return [item.kind for item in wrong(text)]


def changed(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1
    return EXAMPLE.replace(old, new)


# --- the rule's own examples --------------------------------------------------------------------------------


def test_the_rules_example_of_selection_agrees_but_for_its_totals() -> None:
    found = check(EXAMPLE)
    assert found.of(Severity.DISCREPANCY) == ()
    totals = [item.message for item in found.of(Severity.WARNING) if item.kind is Kind.TOTALS]
    assert len(totals) == 2
    assert "sex has 2,571 persons and 1,222 selected; race/ethnicity has 2,584 persons and 1,254 selected" in totals[0]
    assert totals[1].startswith("Hispanic or Latino has 408 persons and 204 selected, and 395 persons and 172 selected")


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["selection", "scoring"])
def test_the_files_of_both_examples_end_with_exit_code_0(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = SHARED / "ll144_rule_tables" / f"{name}_example.csv"
    assert main(["check-tables", str(path)]) == 0
    said = capsys.readouterr().out
    assert "0 discrepancies" in said
    assert ("64.2% is 0.6429" in said) == (name == "scoring")
    assert main(["check-tables", str(path), "--tolerance", "0"]) == (0 if name == "selection" else 14)


def test_a_rate_that_was_cut_off_is_a_warning_within_the_tolerance() -> None:
    """Two rows of the rule's example of scoring: 18 of 28 are 64.29 %, and 64.2 % is printed."""
    text = "race,n,scoring_rate,impact_ratio\nHispanic or Latino,28,64.2%,1.00\nWhite,40,37.5%,0.58\n"
    assert wrong(text) == []
    (warned,) = [item for item in check(text).findings if item.kind is Kind.RATE]
    assert (warned.severity, warned.recomputed) == (Severity.WARNING, "0.6429")
    assert [item.kind for item in wrong(text, tolerance=0)] == [Kind.RATE]


@pytest.mark.needs_shared
def test_the_typed_example_is_the_file() -> None:
    text = (SHARED / "ll144_rule_tables" / "selection_example.csv").read_text(encoding="utf-8")
    assert [line.strip() for line in text.splitlines()] == EXAMPLE.splitlines()


# --- every kind of discrepancy ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kind", "sentence"),
    [
        ("1390,667,48%", "1390,667,49%", Kind.RATE, "the rate 49% is 0.4799 from 667 of 1390 persons"),
        ("1390,667,48%", "1390,667,148%", Kind.RATE, "the rate 148% is above 100 %"),
        ("52%,1.00", "52%,0.95", Kind.RATIO, "the ratio 0.95 is 1.0000"),
        ("45%,0.87", "45%,0.97", Kind.RATIO, "the ratio 0.97 is 0.8719 from the rates and the highest of them"),
        ("45%,0.87", "45%,1.07", Kind.ABOVE_ONE, "the ratio 1.07 is above 1; to the highest rate it is 0.8719"),
        (",1390,", ",,", Kind.MISSING, "the number of persons is missing"),
        ("1181,555,47%", "1181,555,", Kind.MISSING, "the rate is missing"),
        ("616,302,49%,0.95", "616,302,49%,", Kind.LEFT_OUT, "the impact ratio is missing; with 23.8 % of the persons"),
        ("41,18,44%,0.85", "41,18,44%,N/A", Kind.LEFT_OUT, "left out of the ratios (1.6 % of the persons, below 2 %)"),
        ("213,96,", "213,296,", Kind.COUNT, "296 selected of 213 persons"),
        (f"{RACES[4]},,616", f"{RACES[0]},,616", Kind.TWICE, "the category is listed twice in this table"),
    ],
)
def test_one_change_is_found_and_named(old: str, new: str, kind: Kind, sentence: str) -> None:
    found = wrong(changed(old, new))
    assert kind in {item.kind for item in found}
    assert any(item.message.startswith(sentence) for item in found)


def test_a_wrong_number_is_found_once_and_where_it_is() -> None:
    (found,) = wrong(changed("45.2%,0.866", "45.2%,0.886"))
    assert (found.kind, found.table, found.category) == (Kind.RATIO, "sex x race/ethnicity", "Two or More Races, Male")
    assert (found.line, found.printed, found.recomputed) == (17, "0.886", "0.8665")


def test_ratios_to_another_category_than_the_highest() -> None:
    found = wrong(HEADER + "Male,100,40,40%,1.00\nFemale,100,50,50%,1.25\n")
    assert {item.kind for item in found} == {Kind.RATIO, Kind.ABOVE_ONE, Kind.HIGHEST}
    (highest,) = [item for item in found if item.kind is Kind.HIGHEST]
    assert highest.message == "the ratio 1 is printed for Male; the highest rate is that of Female (0.5000)"


def test_a_highest_category_that_is_open_is_no_discrepancy() -> None:
    """Without counts 45% may be the higher one of two: what is printed decides."""
    text = "sex,n,scoring_rate,impact_ratio\nMale,1000,45%,0.99\nFemale,1000,45%,1.00\n"
    assert wrong(text) == []
    assert kinds(text.replace("0.99", "0.97")) == [Kind.RATIO]


@pytest.mark.parametrize(
    ("column", "what"),
    [("n", "number of persons"), ("selection_rate", "selection rate"), ("impact_ratio", "impact ratio")],
)
def test_a_missing_column_is_told_once(column: str, what: str) -> None:
    rows = list(csv.DictReader(io.StringIO(HEADER + "Male,100,50,50%,1.00\nFemale,100,40,40%,0.80\n")))
    kept = [name for name in rows[0] if name != column]
    lines = [",".join(kept), *(",".join(row[name] for name in kept) for row in rows)]
    (found,) = wrong("\n".join(lines))
    assert (found.kind, found.line) == (Kind.MISSING, None)
    assert what in found.message


def test_a_small_category_may_be_left_out_with_a_justification_and_then_is_not_the_highest() -> None:
    header = "race,n,selected,selection_rate,impact_ratio,justification\n"
    rows = "White,1000,300,30%,1.00,\nBlack,1000,290,29%,0.967,\nAsian,5,4,80%,,below 2 % of the applicants\n"
    assert wrong(header + rows) == []
    assert kinds(header + rows.replace("below 2 % of the applicants", "")) == [Kind.LEFT_OUT]


def test_nobody_selected_needs_no_ratio_and_can_have_none() -> None:
    assert wrong(HEADER + "Male,100,0,0%,\nFemale,90,0,0%,N/A\n") == []
    assert kinds(HEADER + "Male,100,0,0%,1.00\nFemale,90,0,0%,1.00\n") == [Kind.RATIO, Kind.RATIO]


def test_unknown_categories_are_counted_and_take_no_part() -> None:
    text = HEADER + "Male,100,50,50%,1.00\nFemale,100,40,40%,0.80\nUnknown,10,9,90%,\n"
    assert wrong(text) == []
    assert not any("unknown category" in item.message for item in check(text).findings)
    assert any("unknown category" in item.message for item in check(EXAMPLE).findings)


def test_rows_of_totals_are_added_up() -> None:
    text = HEADER + "Male,100,50,50%,1.00\nFemale,100,40,40%,0.80\nTotal,{},90,45%,\n"
    assert not any(item.kind is Kind.TOTALS for item in check(text.format(200)).findings)
    found = check(text.format(220))
    assert [item.severity for item in found.findings if item.kind is Kind.TOTALS] == [Severity.WARNING]
    (rate,) = found.of(Severity.DISCREPANCY)
    assert (rate.category, rate.kind) == ("total", Kind.RATE)


def test_suppressed_counts_are_ranges() -> None:
    text = HEADER + "Male,100,50,50%,1.00\nFemale,10,<5,{},{}\n"
    assert wrong(text.format("40%", "0.80")) == []
    assert kinds(text.format("50%", "1.00")) == [Kind.RATE, Kind.RATIO]
    found = check(HEADER + "Male,100,50,50%,1.00\nFemale,<5,<5,50%,1.00\n")
    assert found.of(Severity.DISCREPANCY) == ()
    assert any("suppressed (<5)" in item.message for item in found.of(Severity.WARNING))


def test_missing_tables_and_categories_are_warnings() -> None:
    messages = [item.message for item in check(HEADER + "Male,100,50,50%,1.00\n").findings]
    assert "no row for Female" in messages
    assert "no table of race/ethnicity: the rule wants three tables" in messages
    assert "no table of sex x race/ethnicity: the rule wants three tables" in messages


def test_every_class_has_tables_of_its_own() -> None:
    text = "class,sex,n,selected,selection_rate,impact_ratio\n"
    text += "invite,Male,100,50,50%,1.00\ninvite,Female,100,40,40%,0.80\n"
    text += "reject,Male,100,50,50%,0.83\nreject,Female,100,60,60%,1.00\n"
    assert wrong(text) == []
    assert {row.table for row in check(text).rows} == {"class invite: sex", "class reject: sex"}


# --- layouts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Gender,# of Applicants,# Selected,Selection Rate,Impact Ratio\n"
        'Male,"1,390",667,48%,1.00\nFemale,"1,181",555,47%,0.979\n',
        "gender;total applicants;number selected;Printed Selection Rate (%);AIR\n"
        "M;1390;667;48;1.00\nF;1181;555;47;0.979\n",
        "sex\tn\tselected\trate\tratio\nmale\t1390\t667\t0.48\t1\nfemale\t1181\t555\t0.47\t97.9%\n",
        "\ufefftable,category,count,hired,hiring rate,adverse impact ratio\r\n"
        "Sex,Men,1390.0,667.0,48,100\r\nSex,Women,1181,555,47,97.9\r\n",
    ],
)
def test_layouts_and_spellings_that_mean_the_same(text: str) -> None:
    found = check(text)
    assert found.of(Severity.DISCREPANCY) == ()
    assert [row.row.levels for row in found.rows] == [(("sex", "Male"),), (("sex", "Female"),)]
    assert [row.row.n.count for row in found.rows if row.row.n] == [1390, 1181]
    assert kinds(text.replace("667", "767")) != []


def test_bare_numbers_are_read_as_per_cent_and_that_is_said() -> None:
    found = check(HEADER + "Male,1390,667,48,1.00\nFemale,1181,555,47,0.979\n")
    assert found.of(Severity.DISCREPANCY) == ()
    assert any(item.message == "column selection_rate was read as per cent" for item in found.findings)


def test_a_column_that_says_nothing_is_named() -> None:
    found = check("sex,n,rate,ratio,colour\nMale,10,50%,1.00,=red\n")
    assert any(item.message == "column colour was not understood and not read" for item in found.findings)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(("m", "f")), st.sampled_from(("white", "black", "asian", "two or more races"))),
        st.tuples(st.integers(1, 3000), st.floats(0, 1)),
        min_size=1,
    ),
    st.sampled_from(("nyc-ll144", "nyc-ll144-small-left-out")),
)
@settings(max_examples=40, deadline=None)
def test_what_fairgate_publishes_has_no_discrepancy(
    counts: dict[tuple[str, str], tuple[int, float]], pack: str
) -> None:
    """The tables of `rule_reports`, written as CSV, are recomputed without a complaint; a changed ratio is found."""
    features = tuple(SensitiveFeature(name, name) for name in ("sex", "race"))
    plan = AuditPlan("m", None, "1", features, (), date(2026, 1, 1), "sha256:p", prediction="p", rule_packs=(pack,))
    cells = tuple(
        Cell(levels, False, chosen, rows)
        for levels, (n, wanted) in counts.items()
        for chosen, rows in ((True, round(n * wanted)), (False, n - round(n * wanted)))
        if rows
    )
    (report,) = rule_reports(Cells(("sex", "race"), cells, sum(c.n for c in cells), "d", "e"), plan)
    for table in report.tables:
        note = "below the minimum share" if any(text.startswith("Left out") for text in table.notes) else ""
        stream = io.StringIO()
        csv.writer(stream).writerows([(*table.columns, "note"), *((*row, note) for row in table.rows)])
        text = stream.getvalue()
        assert wrong(text, tolerance=0) == []
        at = next((row for row in table.rows if row[-1] not in ("–", "left out", "1.000")), None)
        if at is not None and "." in at[-1]:
            moved = float(at[-1]) + (0.02 if float(at[-1]) < 0.5 else -0.02)
            broken = text.replace(",".join(at[-2:]), f"{at[-2]},{moved:.3f}")
            assert {item.kind for item in wrong(broken)} == {Kind.RATIO}


# --- bad files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "table.csv has no rows"),
        (HEADER, "table.csv has no rows"),
        ("a,b,c\n1,2,3\n", "row 1 has the columns a, b, c; a published table needs sex"),
        ("sex,n\nMale,1\n", "needs sex, race_ethnicity or category, and selection_rate"),
        ("sex,gender,rate\nMale,Male,1\n", "row 1, columns sex and gender both mean sex: keep one"),
        (HEADER + "Male,twelve,1,50%,1.00\n", "row 2, column n holds 'twelve'; write a whole number such as 1,390"),
        (HEADER + "Male,1,390,667,48%,1.00\n", "row 2 has 6 cells and the header 5; a comma inside a cell needs"),
        (HEADER + 'Male,"1,39",1,48%,1.00\n', "row 2, column n holds '1,39'; write a whole number"),
        (HEADER + "Male,10,5,about half,1.00\n", "column selection_rate holds 'about half'; write a share such as"),
        (HEADER + 'Male,10,5,"0,5",1.00\n', "row 2, column selection_rate holds '0,5'; write a share such as 0.48"),
        (HEADER + "Male,-10,5,50%,1.00\n", "row 2, column n begins as a spreadsheet formula does, -10"),
        (HEADER + "=cmd|'/c calc'!A0,10,5,50%,1.00\n", "row 2, column sex begins as a spreadsheet formula does"),
        (HEADER + "\n\n@SUM(1),10,5,50%,1.00\n", "row 4, column sex begins as a spreadsheet formula does, @SUM"),
        (HEADER + "Ma\x1b[31mle,10,5,50%,1.00\n", r"row 2, column sex holds 'Ma\x1b[31mle'"),
        (HEADER + 'Male,10,"5\n",50%,1.00\n"Fe\nmale",10,5,50%,1.00\n', "column sex holds"),
        (HEADER + 'Male,10,5,50%,"1.00\n', "is not CSV"),
        (HEADER + "Male,10\x00,5,50%,1.00\n", "row"),
        (HEADER + "Male," + "9" * 5000 + ",5,50%,1.00\n", "row 2, column n holds"),
        (HEADER + "Male,10,5,50%,1.00\n" * (MAX_ROWS + 1), "has 2,001 rows; a published table has at most 2,000"),
    ],
)
def test_a_bad_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MeasurementError) as caught:
        read(text)
    said = str(caught.value)
    assert sentence in said
    assert said.startswith("table.csv")
    assert said.isprintable()
    assert len(said) < 400


def test_a_file_that_is_no_text_or_too_large() -> None:
    with pytest.raises(MeasurementError, match="not UTF-8 at byte 1"):
        read_published(b"s\xff", rule())
    with pytest.raises(MeasurementError, match="larger than 4,194,304 bytes"):
        read_published(b"x" * (MAX_BYTES + 1), rule())


@pytest.mark.parametrize("tolerance", [-0.1, 0.11, float("nan"), float("inf")])
def test_a_tolerance_is_a_small_share(tolerance: float) -> None:
    with pytest.raises(ConfigurationError, match=r"write a share from 0 to 0\.1"):
        check(EXAMPLE, tolerance)


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                (
                    "Male",
                    "Female",
                    "Total",
                    "Unknown",
                    "",
                    "10",
                    "0",
                    "<5",
                    "1,390",
                    "50%",
                    "1.00",
                    "0",
                    "–",
                    "N/A",
                    "150%",
                    "2",
                    ".5",
                )
            ),
            min_size=5,
            max_size=5,
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_table_is_checked_or_refused(rows: list[list[str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([HEADER.strip().split(","), *rows])
    try:
        found = check(stream.getvalue())
    except MeasurementError:
        return
    assert len(found.rows) <= len(rows)
    assert all(0 <= low <= high <= 1 for row in found.rows for spans in (row.rates, row.ratios) for low, high in spans)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: (HEADER + text).encode("utf-8", "replace")))
@settings(max_examples=150, deadline=None)
def test_no_bytes_crash_the_check(data: bytes) -> None:
    try:
        check_published(read_published(data, rule()), rule())
    except MeasurementError as error:
        assert str(error).isprintable()


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_prints_the_table_and_ends_with_14(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("audit.csv", changed("1181,555,47%", "1181,555,57%"))
    ran = project.fairgate("check-tables", "audit.csv")
    assert ran.exit_code == 14
    assert ran.err == ""
    assert "DISCREPANCY rate against counts: row 3, sex, Female: the rate 57% is 0.4699 from 555 of 1181" in ran.out
    (row,) = [line for line in ran.out.splitlines() if line.startswith("  Female ")]
    assert row.split() == ["Female", "1181", "555", "57%", "0.4699", "0.979", "0.9793", "discrepancy"]
    assert "1 discrepancy, 3 warnings in 23 rows (tolerance 0.005)" in ran.out


def test_the_json_document_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.csv"
    path.write_text(changed("1181,555,47%", "1181,555,57%"), encoding="utf-8")
    assert main(["check-tables", str(path), "--json"]) == 14
    document = json.loads(capsys.readouterr().out)
    assert list(document) == [
        *("file", "digest", "pack", "tolerance", "exit_code", "discrepancies", "warnings", "tables")
    ]
    assert (document["file"], document["exit_code"], document["pack"]["id"]) == ("audit.csv", 14, "nyc-ll144")
    (found,) = document["discrepancies"]
    assert (found["line"], found["kind"], found["printed"]) == (3, "rate against counts", "57%")
    assert [table["table"] for table in document["tables"]] == ["sex", "race/ethnicity", "sex x race/ethnicity"]
    female = document["tables"][0]["rows"][1]
    assert female["category"] == {"sex": "Female"}
    assert female["rate"] == {"low": 555 / 1181, "high": 555 / 1181}
    assert female["ratio"]["low"] == pytest.approx(0.97934, abs=5e-6)


@pytest.mark.parametrize(
    ("name", "text", "code", "sentence"),
    [
        ("absent.csv", None, 2, "cannot be read: No such file"),
        ("words.csv", "a,b\n1,2\n", 3, "words.csv: row 1 has the columns a, b"),
        ("evil\x1b[2J.csv", HEADER + "\x1b]0;owned\x07,1,1,50%,1.00\n", 3, "row 2, column sex holds"),
    ],
)
def test_a_bad_file_ends_with_its_code_and_never_moves_the_terminal(
    name: str, text: str | None, code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["check-tables", str(path)]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert "\x1b" not in said.out + said.err
    assert main(["check-tables", str(path), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


def test_a_folder_or_a_wrong_tolerance_is_a_configuration_error(tmp_path: Path) -> None:
    assert main(["check-tables", str(tmp_path)]) == 2
    path = tmp_path / "audit.csv"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert main(["check-tables", str(path), "--tolerance", "0.5"]) == 2

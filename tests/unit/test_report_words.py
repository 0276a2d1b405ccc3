"""How reports write names and numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audits.plan import Comparison
from audits.result import Disparity, Interval, Verdict
from governance.errors import Exit
from reports.markdown import md
from reports.night import NightRow, NightSummary, night_view
from reports.words import (
    disparity_interval,
    disparity_value,
    group_name,
    listed,
    metric_label,
    moment,
    one_line,
    percent_interval,
    printable,
    share,
    verdict_counts,
)

NIGHT = datetime(2026, 10, 5, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("hiring", "hiring"),
        ("Inès 東京", "Inès 東京"),
        ("a\0b", "a\\u0000b"),
        ("a\nb", "a\\u000ab"),
        ("abc\u202ecba", "abc\\u202ecba"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_hidden_characters_are_made_visible_and_long_names_are_cut(text: str, seen: str) -> None:
    assert printable(text) == seen


def test_reasons_keep_their_lines_and_sentences_have_none() -> None:
    assert printable("one\ntwo", None, lines=True) == "one\ntwo"
    assert one_line("one\n\ttwo") == "one two"
    assert one_line("word " * 100, 22) == "word word word word …"


def test_numbers_are_written_one_way() -> None:
    assert share(0.3101) == "31.0%"
    assert percent_interval(Interval(0.294, 0.327, 0.95, "wilson")) == "29.4–32.7%"
    assert percent_interval(None) == ""
    assert moment(datetime(2026, 11, 21, 8, 12, 18, tzinfo=UTC)) == "2026-11-21 08:12:18 UTC"
    assert listed(("a", "b", "c")) == "a, b and c"
    assert listed(()) == ""


def _disparity(value: float | None, interval: Interval | None = None) -> Disparity:
    return Disparity(
        "impact_ratio",
        "selection_rate",
        Comparison.RATIO,
        ("sex",),
        ("female",),
        ("male",),
        value,
        interval,
        0.8,
        Verdict.WATCH,
        "",
    )


def test_a_ratio_just_under_its_bound_does_not_read_as_the_bound() -> None:
    assert disparity_value(_disparity(0.7996)) == "0.7996"
    assert disparity_value(_disparity(0.6461)) == "0.65"
    assert disparity_value(_disparity(None)) == "–"


def test_an_interval_that_excludes_no_difference_does_not_read_as_if_it_did_not() -> None:
    assert disparity_interval(_disparity(0.9, Interval(0.81, 0.9991, 0.95, "koopman"))) == "0.81 to 0.999"
    assert disparity_interval(_disparity(0.9, Interval(0.81, None, 0.95, "koopman"))) == "0.81 to no upper end"
    assert disparity_interval(_disparity(0.9)) == ""


def test_groups_and_metrics_are_named_and_unknown_metrics_are_printed_as_they_stand() -> None:
    assert group_name(("sex", "race"), ("female", "Black")) == "sex=female, race=Black"
    assert group_name(("sex", "race"), ()) == "all counted groups of sex × race"
    assert metric_label("selection_rate") == "Selection rate"
    assert metric_label("new_measure") == "New measure"


@pytest.mark.parametrize("text", ["<b>", "[x](y)", "a|b", "`c`", "*d*", "_e_", "# f", "\\", "line\nbreak", "http://x"])
def test_markdown_text_is_one_escaped_line(text: str) -> None:
    escaped = md(text)
    assert "\n" not in escaped
    assert "://" not in escaped
    for special in "<[|`*_#":
        assert escaped.count(special) == escaped.count(f"\\{special}")


def _row(model: str, code: int) -> NightRow:
    return NightRow(model, "champion", "1", Exit(code).name, code, "")


@pytest.mark.parametrize(
    ("codes", "missed", "expected"),
    [
        ((0, 0), (), 0),
        ((0, 13, 6), (), 13),
        ((3, 14, 13), (), 14),
        ((0, 6), (), 6),
        ((0,), ("the night of 4 October",), 6),
        ((), (), 0),
    ],
)
def test_a_night_has_one_exit_code_that_of_its_most_serious_row(
    codes: tuple[int, ...], missed: tuple[str, ...], expected: int
) -> None:
    rows = tuple(_row(f"m{number}", code) for number, code in enumerate(codes))
    assert NightSummary(NIGHT, NIGHT + timedelta(hours=1), rows, missed).exit_code() == expected


def test_a_night_says_what_it_looked_at_and_what_was_missed() -> None:
    summary = NightSummary(NIGHT, NIGHT + timedelta(minutes=4), (_row("b", 0), _row("a", 13)), ("one night",))
    view = night_view(summary)
    assert view.headline == (
        "2 live aliases were looked at: 1 no adverse finding and 1 adverse finding. 1 scheduled run was missed."
    )
    assert [line.model for line in view.lines] == ["a", "b"]
    assert night_view(NightSummary(NIGHT, NIGHT, ())).headline == "No live alias was audited."


def test_verdicts_are_counted_the_worst_first_and_none_is_said() -> None:
    found = {"insufficient evidence": 3, "no indication": 1100, "watch": 1, "adverse": 2, "not estimable": 0}
    assert verdict_counts(found) == "2 adverse, 1 watch, 1,100 no indication and 3 insufficient evidence"
    assert verdict_counts({}) == verdict_counts({"adverse": 0}) == "no comparison with a bound"

"""What the summary, the inbox and the sign page say in a sentence: nothing that people must see is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import report_factory as factory

from audits.result import AuditResult, Verdict
from reports.console.desktop import inbox
from reports.evidence import gather
from reports.publish import published_evidence
from reports.release import release_view
from reports.view_summary import Selected

SELECTED = {"a": 40, "b": 50, "c": 45, "d": 48, "e": 46, "f": 44, "lowest": 10, "highest": 90, "g": 47, "White": 49}


def _many(groups: dict[str, int]) -> AuditResult:
    """An audit of one feature with these groups of 100 people each, compared with White, as the record has it."""
    made = factory.audit_of("2")
    rate = next(item for item in made.estimates if item.features == ("sex",) and item.metric == "selection_rate")
    ratio = next(item for item in made.disparities if item.features == ("sex",) and item.name == "impact_ratio")
    return replace(
        made,
        features=("ethnicity",),
        estimates=tuple(
            replace(rate, features=("ethnicity",), group=(name,), size=100, n=100, events=events, value=events / 100)
            for name, events in groups.items()
        ),
        disparities=tuple(
            replace(ratio, features=("ethnicity",), group=(name,), reference=("White",))
            for name in groups
            if name != "White"
        ),
    )


def _selected(folder: Path, groups: dict[str, int]) -> Selected:
    desk = factory.new_desk(folder)
    case = factory.record_case(desk, "2", audit=_many(groups))
    (found,) = release_view(gather(desk, case)).summary.release.selected
    return found


@pytest.mark.parametrize("left_out", [(), ("a",), ("a", "b")])
def test_the_reference_the_highest_and_the_lowest_group_are_always_told(
    tmp_path: Path, left_out: tuple[str, ...]
) -> None:
    found = _selected(tmp_path, {name: rate for name, rate in SELECTED.items() if name not in left_out})
    for name in ("White", "highest", "lowest"):
        assert any(f"ethnicity={name}," in text for text in found.groups), name
    assert len(found.groups) == 6
    assert found.more == f"{4 - len(left_out)} more groups: see the table."


def test_a_seventh_group_is_told_and_not_counted(tmp_path: Path) -> None:
    found = _selected(tmp_path, dict(list(SELECTED.items())[-7:]))
    assert (len(found.groups), found.more) == (7, "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "Everything measured is met. Sign-off is missing from"),
        (
            (Verdict.INSUFFICIENT,) * 2,
            "Not everything measured is met: of 4 comparisons with a bound, 2 insufficient evi",
        ),
        (
            (Verdict.WATCH, *[Verdict.INSUFFICIENT] * 3),
            "with a bound, 1 watch and 3 insufficient evidence. Sign-off is",
        ),
        ((Verdict.NOT_ESTIMABLE,), "Not everything measured is met: of 3 comparisons with a bound, 1 not estimable."),
    ],
)
def test_the_inbox_counts_what_is_not_met(tmp_path: Path, more: tuple[Verdict, ...], said: str) -> None:
    desk, made = factory.new_desk(tmp_path), factory.audit_of("2")
    bounded = [item for item in made.disparities if item.bound is not None]
    sex, age = (next(item for item in bounded if item.features == (name,)) for name in made.features)
    found = (replace(sex, verdict=item) for item in (Verdict.NO_INDICATION, *more))
    audit = replace(made, disparities=(*found, replace(age, verdict=Verdict.NO_INDICATION)))
    (row,) = inbox(desk, factory.PEOPLE[1], (factory.record_case(desk, "2", audit=audit),))
    assert said in row.why


def test_what_is_masked_is_said_once_and_the_digest_of_the_whole_is_named(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), suppress_below=11))
    view = release_view(published_evidence(gather(desk, case)))
    assert view.published.endswith(f"read the whole record, {case.shown().report_digest}.")
    panel = next(item for item in view.panels if item.title == "age_band")
    part = next(item for item in panel.parts if item.key.endswith("-unknown"))
    printed = {group.name: group.size for group in panel.groups}
    assert printed["age_band=(unknown)"] == "20"
    assert part.words[0].startswith("20 persons have no value of age_band.")
    (table,) = part.tables
    for row in table.rows:
        name, rows, unknown = (cell.text for cell in row.cells[:3])
        assert (rows, unknown) == (printed[name], "20"), name
    assert any(cell.text == "suppressed" for row in table.rows for cell in row.cells[3:])
    labels = [mark.text for chart in panel.charts for mark in chart.marks if "indication" in mark.text]
    assert "no indication (number suppressed)" in labels
    assert not any(text.startswith("suppressed,") for text in labels)


def test_a_small_number_without_a_level_is_masked_everywhere(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), suppress_below=21))
    view = release_view(published_evidence(gather(desk, case)))
    panel = next(item for item in view.panels if item.title == "age_band")
    part = next(item for item in panel.parts if item.key.endswith("-unknown"))
    assert next(item.size for item in panel.groups if item.name == "age_band=(unknown)") == "suppressed"
    assert part.words[0].startswith("Persons whose number is suppressed have no value of age_band.")
    assert part.title == "What the rows without age_band could change"
    assert all(row.cells[2].text == "suppressed" for row in part.tables[0].rows)

"""Terms explained in place, and the sections of the evidence."""

from __future__ import annotations

import re

import pytest

from governance.sections import SECTIONS as NAMES
from reports.glossary import TERMS, Words
from reports.sections import KEYS, SECTIONS, around, section_of
from reports.templating import TEMPLATES


def test_a_term_is_explained_once_and_reached_by_key_and_finger() -> None:
    words = Words("rates")
    first, again = words.term("interval", "interval"), words.term("interval", "Interval")
    target = re.search(
        r'<dfn><button type="button" class="term" popovertarget="([^"]+)">interval</button></dfn>', first
    )
    assert target
    assert again == "Interval"
    assert words.notes == ((target[1], "Interval", TERMS["interval"][1]),)


def test_what_has_no_meaning_is_plain_and_what_is_hostile_is_text() -> None:
    words = Words("rates")
    assert words.say("<b>", "") == "&lt;b&gt;"
    assert "<b>" not in words.say("<b>", "meaning")
    assert words.notes == (("word-rates-0", "<b>", "meaning"),)
    with pytest.raises(KeyError):
        words.term("no such term")


def test_sections_are_those_that_policies_and_records_name_in_their_order() -> None:
    assert tuple(section.key for section in SECTIONS) == NAMES == KEYS
    assert all((TEMPLATES / f"section_{key}.html").is_file() for key in KEYS)
    assert all(section.title and section.about.endswith(".") for section in SECTIONS)


def test_every_section_leads_to_the_one_before_and_the_one_after() -> None:
    assert around("summary") == (None, section_of("verdicts"))
    assert around("record") == (section_of("limits"), None)
    seen, key = ["summary"], "summary"
    while (after := around(key)[1]) is not None:
        assert around(after.key)[0] == section_of(key)
        key = after.key
        seen.append(key)
    assert tuple(seen) == KEYS


def test_no_template_hides_a_meaning_behind_the_pointer() -> None:
    for path in TEMPLATES.glob("*.html"):
        assert not re.search(r"<t[hd][^>]*\stitle=", path.read_text(encoding="utf-8")), path.name

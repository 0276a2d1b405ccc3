"""Hostile texts through every page and every format: a real parse finds the same structure as with harmless ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import injection
import pytest
from console_browser import Browser
from injection import PAYLOADS, PLAIN, Dom, Hostile, hostile_desk

from governance.case import open_case
from reports.console.app import create_app
from reports.evidence import gather
from reports.formats import Format, render
from reports.words import printable

Counted = Callable[[str, int], None]
CASES = "hostile texts looked for in a parsed page or file"
LISTS = ("/", "/ledger", "/ledger?before=300", "/models", "/history?on=2026-10-06")
PIECES = 8
"""The cases are looked at in so many tests, each about as long."""
TURNS = 2
"""The summary of every case is looked at, of the other pages every second one."""
ALIKE = {0, 1, 3, 4, 5}
"""Pages (places in `_pages`) on which two cases differ in their texts alone; the ledger's search finds more."""

Pair = tuple[Hostile, Hostile]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The hostile desk, and a few cases with harmless names, whose pages look alike."""
    return hostile_desk(tmp_path_factory.mktemp("hostile")), hostile_desk(tmp_path_factory.mktemp("plain"), PLAIN[:9])


@pytest.fixture(scope="module")
def browsers(pair: Pair) -> tuple[Browser, Browser]:
    made = tuple(Browser(create_app(each.desk, secure_cookies=False)) for each in pair)
    for browser in made:
        assert browser.login("second-officer").status_code == 303
    return made[0], made[1]


def test_the_table_is_wide() -> None:
    assert len(PAYLOADS) >= 150
    assert len(injection.CONTEXTS) >= 9
    assert all(injection.MARK in text or text in {"null", "true", "~"} for text in PAYLOADS)


@pytest.mark.parametrize("path", LISTS)
def test_lists_of_hostile_names_are_lists(path: str, browsers: tuple[Browser, Browser], counted: Counted) -> None:
    found, plain = (Dom(browser.get(path).text) for browser in browsers)
    assert set(found.tags) == set(plain.tags)
    assert not found.amiss()
    assert not _hidden_characters(found.text)
    counted(CASES, sum(injection.MARK in text for text in found.texts))


def _pages(hostile: Hostile, number: int) -> Iterator[str]:
    """The pages about one case."""
    case = {"name": hostile.name(number), "version": "2", "alias": "champion"}
    yield f"/case?{urlencode(case)}"
    yield f"/model?{urlencode({'name': hostile.name(number)})}"
    yield f"/ledger?{urlencode({'model': hostile.name(number)})}"
    yield f"/entry/{hostile.signed[number]}?signed=1"
    yield f"/entry/{hostile.signed[number] + 1}"
    yield f"/entry/{hostile.signed[number] + 2}"


@pytest.mark.parametrize("piece", range(PIECES))
def test_hostile_texts_add_nothing_to_a_page(
    piece: int, pair: Pair, browsers: tuple[Browser, Browser], counted: Counted
) -> None:
    plain = [Dom(browsers[1].get(path).text) for path in _pages(pair[1], 0)]
    for number in range(piece, len(PAYLOADS), PIECES):
        for place, path in enumerate(_pages(pair[0], number)):
            if place and place % TURNS != number % TURNS:
                continue
            found = _looked_at(browsers[0], path, plain[place], alike=place in ALIKE)
            counted(CASES, 6)
            if place == 0:
                assert _squeezed(printable(pair[0].name(number))) in _squeezed(found.text)


def _looked_at(browser: Browser, path: str, plain: Dom, *, alike: bool) -> Dom:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    found = Dom(answer.text)
    assert not found.amiss(), (path, found.amiss())
    assert not _hidden_characters(found.text), path
    assert set(found.tags) <= set(plain.tags), (path, set(found.tags) - set(plain.tags))
    if alike:
        assert found.tags == plain.tags, (path, found.tags - plain.tags, plain.tags - found.tags)
    return found


def _hidden_characters(text: str) -> set[str]:
    return {char for char in text if printable(char) != char} - {"\n"}


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


FORMS = [form for form in Format if not form.startswith("ll144")]
"""These audits have no tables of that rule; its summaries are looked at with hostile names beside their own tests."""


@pytest.mark.parametrize("form", FORMS)
def test_hostile_texts_add_nothing_to_a_report(form: Format, pair: Pair, counted: Counted) -> None:
    check = CHECKS[form]
    plain = _report(pair[1], 0, form)
    for number in range(0, len(PAYLOADS), SHARES.get(form, 1)):
        check(_report(pair[0], number, form), plain)
        counted(CASES, 6)


def _report(hostile: Hostile, number: int, form: Format) -> bytes:
    case = open_case(hostile.desk, hostile.name(number), "2", "champion")
    return render(gather(hostile.desk, case), form)


def _html(found: bytes, plain: bytes) -> None:
    ours, theirs = Dom(found.decode()), Dom(plain.decode())
    styles = [mark for mark in ours.marked if not mark.startswith("<style")]
    assert not styles
    assert ours.tags == theirs.tags
    assert not [place for place in ours.addresses if not place.startswith("#")]


def _markdown(found: bytes, plain: bytes) -> None:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")

    def tags(data: bytes) -> Counter[str]:
        return Counter(tag for tag, _ in Dom(reader.render(data.decode())).tags.elements())

    assert tags(found) == tags(plain)


def _json(found: bytes, plain: bytes) -> None:
    assert _keys(found) == _keys(plain)


def _keys(data: bytes) -> int:
    """How many keys the document has, each only once in its object."""
    number = 0

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal number
        number += len(items)
        assert len({name for name, _ in items}) == len(items)
        return dict(items)

    json.loads(data, object_pairs_hook=pairs)
    return number


def _nothing_active(found: bytes, _plain: bytes) -> None:
    from io import BytesIO

    from pypdf import PdfReader

    reader = PdfReader(BytesIO(found))
    assert "/OpenAction" not in reader.trailer["/Root"]
    for page in reader.pages:
        for note in page.get("/Annots", []):
            action = note.get_object().get("/A", {})
            assert action.get("/S") in {None, "/GoTo"}, action


def _card(found: bytes, plain: bytes) -> None:
    """YAML between dashes, then Markdown."""
    import yaml

    heads = [data.decode().split("---\n", 2) for data in (found, plain)]
    ours, theirs = (yaml.safe_load(head[1]) for head in heads)
    assert set(ours) == set(theirs)
    _markdown(heads[0][2].encode(), heads[1][2].encode())


CHECKS: dict[str, Callable[[bytes, bytes], None]] = {
    "html": _html,
    "md": _markdown,
    "json": _json,
    "pdf": _nothing_active,
    "annex-iv": _html,
    "art-27": _html,
    "model-card": _card,
    "cyclonedx": _json,
    "oscal": _json,
}
"""How each format is parsed; a new format without a line here fails."""
SHARES = {"pdf": 100, "annex-iv": 7, "art-27": 7, "cyclonedx": 5, "oscal": 5, "json": 3, "model-card": 3}
"""Formats that take long to write: every so many cases."""

"""Filters and pages of the ledger, against a naive filter over all entries; and how little is read for a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from governance_factory import START, TARGET, sha
from hypothesis import given
from hypothesis import strategies as st

from governance.inventory import model_in
from governance.people import MACHINE, Actor
from governance.record import observed, target_of
from governance.statement import Entry, PredicateType, ResourceDigest, Statement
from reports.ledger_search import Search, entry_at, matches_name, search

ANNA, OTTO = Actor("local", "anna", "Anna Ä. Officer"), Actor("local", "otto", "Otto")


@dataclass
class Shelf:
    """A ledger that counts what is read of it."""

    kept: list[Entry] = field(default_factory=list)
    read: int = 0

    def put(self, statement: Statement, hours: float) -> None:
        last = self.kept[-1].time if self.kept else START
        self.kept.append(Entry(len(self.kept), last + timedelta(hours=hours), statement, b"", b"", b""))

    def size(self) -> int:
        return len(self.kept)

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        for entry in self.kept[since:]:
            self.read += 1
            yield entry


def said(kind: PredicateType, name: str, by: Actor) -> Statement:
    subjects = (ResourceDigest(f"model/{name}/1", sha(name)), target_of(name, TARGET))
    return Statement(kind, subjects, by, "said", {})


KINDS = (PredicateType.HOLD, PredicateType.SIGN_OFF, PredicateType.OBSERVATION)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["hiring", "hiring/eu", "credit"]),
        st.sampled_from([ANNA, OTTO, MACHINE]),
        st.sampled_from([0.0, 1.0, 30.0]),
    ),
    max_size=40,
)
DAYS = st.one_of(st.none(), st.integers(0, 20).map(lambda days: START.date() + timedelta(days=days)))
WANTED = st.builds(
    Search,
    kind=st.sampled_from(["", "hold", "observation", "nonsense"]),
    model=st.sampled_from(["", "HIR", '"hiring"', "credit", "nothing"]),
    person=st.sampled_from(["", "anna", "ä.", '"Otto"', "officer"]),
    first=DAYS,
    last=DAYS,
)


def shelf(rows: list[tuple[PredicateType, str, Actor, float]]) -> Shelf:
    made = Shelf()
    for kind, name, by, hours in rows:
        plain = kind is PredicateType.OBSERVATION
        made.put(observed(name, TARGET, "seen", {}) if plain else said(kind, name, by), hours)
    return made


def naive(made: Shelf, wanted: Search) -> list[int]:
    owner = {target_of(name, TARGET).digest: name for name in (model_in(e)[0] for e in made.kept if model_in(e))}  # type: ignore[index]

    def fits(entry: Entry) -> bool:
        statement, about = entry.statement, model_in(entry)
        name = about[0] if about else owner.get(statement.digest_of("target") or "")
        who = statement.actor
        return (
            wanted.kind in ("", statement.predicate_type.word)
            and (not wanted.model or (name is not None and matches_name(name, wanted.model)))
            and (not wanted.person or who.id == wanted.person or matches_name(who.name, wanted.person))
            and (wanted.first or date.min) <= entry.time.date() <= (wanted.last or date.max)
        )

    return [entry.seq for entry in reversed(made.kept) if fits(entry)]


@given(rows=ENTRIES, wanted=WANTED, page=st.integers(1, 7))
def test_pages_together_are_what_a_naive_filter_finds(rows: Any, wanted: Search, page: int) -> None:
    made = shelf(rows)
    found: list[int] = []
    before: int | None = None
    while True:
        part = search(made, wanted, before, page)  # type: ignore[arg-type]
        found += [entry.seq for entry in part.entries]
        assert len(part.entries) <= page
        if part.older is None:
            break
        assert len(part.entries) == page
        before = part.older
    assert found == naive(made, wanted)


def test_the_newest_page_of_a_long_ledger_reads_one_page() -> None:
    made = shelf([(PredicateType.HOLD, "hiring", ANNA, 1.0)] * 5_000)
    assert len(search(made, Search()).entries) == 100  # type: ignore[arg-type]
    assert made.read <= 102
    made.read = 0
    day = made.kept[2_500].time.date()
    found = search(made, Search(first=day, last=day))  # type: ignore[arg-type]
    assert {entry.time.date() for entry in found.entries} == {day}
    assert made.read <= 200


@pytest.mark.parametrize("before", [-5, 0, 10**12])
def test_any_place_to_begin_is_answered(before: int) -> None:
    made = shelf([(PredicateType.HOLD, "hiring", ANNA, 1.0)] * 3)
    assert len(search(made, Search(), before).entries) == (3 if before > 0 else 0)  # type: ignore[arg-type]


def test_an_entry_is_found_by_its_place() -> None:
    made = shelf([(PredicateType.HOLD, "hiring", ANNA, 1.0)] * 3)
    assert [found and found.seq for found in (entry_at(made, n) for n in (0, 2, 3, -1))] == [0, 2, None, None]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [("hiring", "IR", True), ("hiring", '"hiring"', True), ("hiring-eu", '"hiring"', False), ('a"b', '"', True)],
)
def test_quotes_ask_for_the_whole_name(name: str, wanted: str, found: bool) -> None:
    assert matches_name(name, wanted) is found

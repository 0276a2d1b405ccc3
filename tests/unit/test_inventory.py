"""What the ledger knows of models: states by replay, the timeline, and names that are hostile or reused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from governance_factory import COMPLIANCE, RISK, START, TARGET, sha

from governance.inventory import (
    LIVE,
    REFUSED,
    REPLACED,
    TAKEN_DOWN,
    WAITING,
    KnownModel,
    inventory,
    model_in,
    timeline,
)
from governance.people import MACHINE, actor
from governance.record import model, observed, registered, step, target_of
from governance.statement import Entry, PredicateType, ResourceDigest, Statement
from governance.subject import Subject, Target

SHADOW = Target("local", "shadow")


def subject(version: str, name: str = "hiring", made: str = "") -> Subject:
    return Subject("sqlite:///mlflow.db", name, version, int(version), "models:/m", sha(f"{name} {version} {made}"))


class Book:
    """Entries one hour after another."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, statement: Statement) -> Entry:
        time: datetime = START + timedelta(hours=len(self.entries))
        self.entries.append(Entry(len(self.entries), time, statement, b"", b"", b""))
        return self.entries[-1]

    def step(self, kind: PredicateType, about: Subject, target: Target = TARGET, **body: Any) -> Entry:
        return self.add(step(kind, about, target, body=body, policy=sha("policy")))

    def about(self, kind: PredicateType, found: Subject, target: Target = TARGET, **body: Any) -> Entry:
        said = {"subject": _plain(found), "target": {"environment": target.environment, "alias": target.alias}, **body}
        subjects = (model(found), target_of(found.name, target))
        return self.add(Statement(kind, subjects, actor(COMPLIANCE), "somebody acts", said))

    def hiring(self) -> KnownModel:
        [found] = (item for item in inventory(self.entries) if item.name == "hiring")
        return found

    def states(self) -> dict[tuple[str, str], str]:
        return {(v.version, place.target.alias): place.state for v in self.hiring().versions for place in v.places}


def _plain(found: Subject) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Subject.__slots__}


def test_a_version_waits_is_live_is_replaced_and_taken_down() -> None:
    book = Book()
    book.about(PredicateType.HOLD, subject("1"))
    assert book.states() == {("1", "champion"): WAITING}
    book.step(PredicateType.PROMOTION, subject("1"))
    assert book.states() == {("1", "champion"): LIVE}
    book.about(PredicateType.HOLD, subject("2"))
    book.step(PredicateType.PROMOTION, subject("2"))
    assert book.states() == {("1", "champion"): REPLACED, ("2", "champion"): LIVE}
    book.step(PredicateType.DEMOTION, subject("2"))
    assert book.states()["2", "champion"] == TAKEN_DOWN
    book.about(PredicateType.HOLD, subject("2"))
    assert book.states()["2", "champion"] == WAITING


def test_a_refusal_of_what_is_live_shows_once_it_is_taken_down() -> None:
    book = Book()
    book.step(PredicateType.PROMOTION, subject("1"))
    book.about(PredicateType.REFUSAL, subject("1"))
    assert book.states() == {("1", "champion"): LIVE}
    book.step(PredicateType.DEMOTION, subject("1"))
    assert book.states() == {("1", "champion"): REFUSED}
    book.about(PredicateType.HOLD, subject("1"))
    assert book.states() == {("1", "champion"): REFUSED}


def test_targets_do_not_mix_and_neither_do_models() -> None:
    book = Book()
    book.step(PredicateType.PROMOTION, subject("1"))
    book.step(PredicateType.PROMOTION, subject("2"), SHADOW)
    book.step(PredicateType.PROMOTION, subject("7", "credit"))
    assert book.states() == {("1", "champion"): LIVE, ("2", "shadow"): LIVE}
    assert [item.name for item in inventory(book.entries)] == ["credit", "hiring"]


def test_the_same_number_with_other_bytes_is_another_version() -> None:
    book = Book()
    book.add(registered(subject("1"), "a", "declared", MACHINE))
    book.add(registered(subject("1", made="again"), "b", "declared", MACHINE))
    assert [(item.version, item.registrant) for item in book.hiring().versions] == [("1", "a"), ("1", "b")]


@pytest.mark.parametrize("name", ["a/b", "a/b/", "model/x", "\u202e\x00\n<img>", "x" * 1000])
def test_a_name_may_hold_anything(name: str) -> None:
    book = Book()
    entry = book.add(registered(subject("3", name), None, "unknown", MACHINE))
    assert model_in(entry) == (name, "3", subject("3", name).digest)
    assert [item.name for item in inventory(book.entries)] == [name]
    assert [event.version for event in timeline(book.entries, name)] == ["3"]


def test_the_timeline_is_newest_first_and_has_what_was_seen_of_its_targets() -> None:
    book = Book()
    book.about(PredicateType.HOLD, subject("1"))
    book.about(PredicateType.SIGN_OFF, subject("1"), reason="read")
    book.about(PredicateType.HOLD, subject("1", "credit"))
    book.add(observed("credit", TARGET, "moved", {}))
    book.add(observed("hiring", TARGET, "champion moved", {"version": "9"}))
    events = timeline(book.entries, "hiring")
    assert [(event.entry.seq, event.kind, event.version) for event in events] == [
        (4, "incident", "9"),
        (1, "sign-off", "1"),
        (0, "hold", "1"),
    ]
    assert {event.target for event in events} == {TARGET}
    assert book.hiring().incidents == 1


def test_a_withdrawal_names_its_target_by_digest_alone() -> None:
    book = Book()
    book.about(PredicateType.HOLD, subject("1"))
    subjects = (model(subject("1")), target_of("hiring", TARGET))
    book.add(Statement(PredicateType.WITHDRAWAL, subjects, actor(RISK), "withdrawn", {"sign_off": 0}))
    assert timeline(book.entries, "hiring")[0].target == TARGET


def test_what_is_about_no_model_is_no_model() -> None:
    book = Book()
    book.add(Statement(PredicateType.POLICY, (ResourceDigest("policy", sha("p")),), MACHINE, "in use", {}))
    book.add(observed("nobody", TARGET, "seen", {}))
    assert inventory(book.entries) == ()
    assert timeline(book.entries, "hiring") == ()

"""What was live when: read from promotions and demotions alone, against a naive replay of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from governance_factory import COMPLIANCE, RISK, sha
from hypothesis import given
from hypothesis import strategies as st

from governance.history import Grounds, Reign, histories, history, live_at, live_on
from governance.people import MACHINE, Actor, actor
from governance.record import model, observed, step, target_of
from governance.statement import Entry, PredicateType, ResourceDigest, Statement
from governance.subject import Subject, Target

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
CHAMPION, SHADOW = Target("production", "champion"), Target("production", "shadow")
POLICY = sha("policy")


def subject(version: str, name: str = "hiring") -> Subject:
    return Subject("sqlite:///mlflow.db", name, version, int(version), "models:/m", sha(f"{name} {version}"))


class Book:
    """Entries one hour after another."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, statement: Statement, hours: float = 1) -> Entry:
        last = self.entries[-1].time if self.entries else START
        entry = Entry(len(self.entries), last + timedelta(hours=hours), statement, b"", b"", b"")
        self.entries.append(entry)
        return entry

    def promote(self, version: str, target: Target = CHAMPION, hours: float = 1, **body: Any) -> Entry:
        said = {"sign_offs": [], "tier": "high", **body}
        kind = PredicateType.PROMOTION
        return self.add(step(kind, subject(version), target, body=said, policy=POLICY), hours)

    def demote(self, version: str, target: Target = CHAMPION, hours: float = 1, **body: Any) -> Entry:
        said = {"reason": "refused", "back_to": None, **body}
        kind = PredicateType.DEMOTION
        return self.add(step(kind, subject(version), target, body=said, policy=POLICY), hours)

    def act(self, kind: PredicateType, version: str, by: Actor, target: Target = CHAMPION, **body: Any) -> Entry:
        about = (model(subject(version)), target_of("hiring", target))
        return self.add(Statement(kind, about, by, f"{by.name} acts", body, POLICY))

    def read(self, **given: Any) -> tuple[Reign, ...]:
        return history(self.entries, "hiring", **given)


SHOWN = {"report_digest": sha("report"), "data_digest": sha("data"), "validation_digest": sha("validation")}


def signed(book: Book, version: str = "1") -> list[int]:
    """Two sign-offs, as `governance.record.signed` writes them."""
    people = ((COMPLIANCE, "compliance", "read it"), (RISK, "model-risk", "measured it"))
    return [
        book.act(
            PredicateType.SIGN_OFF,
            version,
            actor(person),
            function=function,
            decision="approve",
            reason=reason,
            authentication="password at the console",
            shown=SHOWN,
        ).seq
        for person, function, reason in people
    ]


def audited(book: Book, version: str = "1", purpose: str = "release", report: str = "report") -> Entry:
    names = {"data": sha("data"), "plan": sha("plan"), "audit-report": sha(report)}
    about = (model(subject(version)), *(ResourceDigest(name, digest) for name, digest in names.items()))
    return book.add(Statement(PredicateType.FAIRNESS_AUDIT, about, MACHINE, "audited", {"purpose": purpose}, POLICY))


def test_a_reign_says_who_on_what_evidence_and_under_which_policy() -> None:
    book = Book()
    policy = (ResourceDigest("policy", POLICY),)
    book.add(Statement(PredicateType.POLICY, policy, MACHINE, "in use", {"name": "house", "version": "3"}, POLICY))
    audit = audited(book)
    audited(book, purpose="monitoring", report="monitoring report")
    seqs = signed(book)
    promotion = book.promote("1", sign_offs=seqs)
    [reign] = book.read()
    assert (reign.name, reign.version, reign.digest, reign.target) == ("hiring", "1", sha("hiring 1"), CHAMPION)
    assert (reign.seq, reign.since, reign.by, reign.tier) == (promotion.seq, promotion.time, MACHINE, "high")
    assert [(act.seq, act.function, act.reason) for act in reign.acts] == [
        (seqs[0], "compliance", "read it"),
        (seqs[1], "model-risk", "measured it"),
    ]
    assert {act.authentication for act in reign.acts} == {"password at the console"}
    assert reign.grounds == Grounds(audit.seq, sha("report"), sha("data"), sha("validation"), sha("plan"))
    assert (reign.policy, reign.policy_name) == (POLICY, "house 3")
    assert (reign.end, reign.incidents, reign.broken_glass) == (None, (), False)


def test_a_release_without_a_sign_off_rests_on_the_newest_release_audit() -> None:
    book = Book()
    audited(book, report="first")
    audit = audited(book, report="second")
    book.promote("1", tier="minimal")
    audited(book, report="third")
    [reign] = book.read()
    assert reign.acts == ()
    assert (reign.grounds.audit, reign.grounds.report) == (audit.seq, sha("second"))


def test_a_release_without_evidence_says_so() -> None:
    book = Book()
    book.promote("1")
    assert book.read()[0].grounds == Grounds()


def test_a_replacement_ends_a_reign() -> None:
    book = Book()
    book.promote("1")
    second = book.promote("2")
    first, now = book.read()
    assert first.end is not None
    assert (first.end.kind, first.end.seq, first.end.time) == ("replacement", second.seq, second.time)
    assert (first.end.reason, first.end.back_to) == ("version 2 took its place", "2")
    assert now.end is None


def test_a_demotion_says_why_and_who_withdrew() -> None:
    book = Book()
    seqs = signed(book)
    book.act(PredicateType.WITHDRAWAL, "1", actor(RISK), sign_off=99, reason="an old one, before the release")
    book.promote("1", sign_offs=seqs)
    gone = book.act(PredicateType.WITHDRAWAL, "1", actor(RISK), sign_off=seqs[1], reason="drift")
    book.act(PredicateType.WITHDRAWAL, "1", actor(RISK), SHADOW, sign_off=1, reason="another target")
    ended = book.demote("1", reason="a sign-off was withdrawn", back_to="0")
    [reign] = book.read()
    assert reign.end is not None
    assert (reign.end.kind, reign.end.seq, reign.end.back_to) == ("demotion", ended.seq, "0")
    assert reign.end.reason == "a sign-off was withdrawn"
    assert [(act.seq, act.kind, act.reason) for act in reign.end.acts] == [(gone.seq, "withdrawal", "drift")]


def test_broken_glass_is_shown_for_what_it_is() -> None:
    book = Book()
    for hours in (1, 72):
        book.act(PredicateType.BREAK_GLASS, "1", actor(COMPLIANCE), function="compliance", reason="outage", hours=hours)
        book.add(Statement(PredicateType.OBSERVATION, (), MACHINE, "time goes by"), hours=2)
    book.promote("1")
    [reign] = book.read()
    assert reign.broken_glass
    assert [(act.kind, act.reason) for act in reign.acts] == [("break-glass", "outage")], "the first had run out"


def test_glass_that_a_promotion_does_not_rest_on_is_not_its_ground() -> None:
    book = Book()
    book.act(PredicateType.BREAK_GLASS, "1", actor(COMPLIANCE), reason="outage", hours=72)
    book.promote("1", sign_offs=signed(book))
    assert not book.read()[0].broken_glass


def test_a_sign_off_by_delegation_names_the_delegator() -> None:
    book = Book()
    given = book.act(
        PredicateType.SIGN_OFF, "1", actor(RISK), function="compliance", reason="ok", on_behalf_of="compliance-officer"
    )
    book.promote("1", sign_offs=[given.seq])
    assert book.read()[0].acts[0].on_behalf_of == "compliance-officer"


def test_incidents_belong_to_what_was_live() -> None:
    book = Book()
    book.add(observed("hiring", CHAMPION, "before anything was live", {}))
    book.promote("1")
    seen = book.add(observed("hiring", CHAMPION, "the alias moved outside", {"version": "3"}))
    book.add(observed("hiring", SHADOW, "another target", {}))
    book.add(observed("other", CHAMPION, "another model", {}))
    book.demote("1")
    book.add(observed("hiring", CHAMPION, "nothing is live", {}))
    [reign] = book.read()
    assert [(item.seq, item.what) for item in reign.incidents] == [(seen.seq, "the alias moved outside")]


def test_targets_and_models_are_apart() -> None:
    book = Book()
    book.promote("1")
    book.promote("2", SHADOW)
    book.promote("3", Target("test", "champion"))
    other = subject("9", "hiring/second")
    book.add(step(PredicateType.PROMOTION, other, CHAMPION, body={}, policy=POLICY))
    assert [item.version for item in book.read()] == ["1", "2", "3"]
    assert all(item.end is None for item in book.read())
    assert [item.version for item in book.read(alias="champion")] == ["1", "3"]
    assert [item.version for item in book.read(alias="champion", environment="test")] == ["3"]
    assert [item.version for item in history(book.entries, "hiring/second")] == ["9"]
    assert history(book.entries, "unknown") == ()


def test_a_demotion_of_nothing_changes_nothing() -> None:
    book = Book()
    book.demote("1")
    assert book.read() == ()


def test_a_moment_belongs_to_one_reign_and_a_day_to_all_that_it_touches() -> None:
    book = Book()
    book.promote("1", hours=1)  # 1 June, 09:00
    book.promote("2", hours=24)  # 2 June, 09:00
    book.demote("2", hours=24)  # 3 June, 09:00
    reigns = book.read()
    moments = {(1, 8): [], (1, 9): ["1"], (2, 8): ["1"], (2, 9): ["2"], (3, 8): ["2"], (3, 9): []}
    for (day, hour), versions in moments.items():
        assert [x.version for x in live_at(reigns, datetime(2026, 6, day, hour, tzinfo=UTC))] == versions
    days = {date(2026, 5, 31): [], date(2026, 6, 1): ["1"], date(2026, 6, 2): ["1", "2"], date(2026, 6, 3): ["2"]}
    days[date(2026, 6, 4)] = []
    for day, versions in days.items():
        assert [x.version for x in live_on(reigns, day, UTC)] == versions
    far_east = timezone(timedelta(hours=14))
    assert [x.version for x in live_on(reigns, date(2026, 6, 4), far_east)] == []
    assert [x.version for x in live_on(reigns, date(2026, 6, 3), far_east)] == ["2"]


def test_a_reign_that_ended_at_midnight_does_not_touch_the_day() -> None:
    book = Book()
    book.promote("1", hours=1)
    book.demote("1", hours=15)  # 2 June, 00:00
    assert live_on(book.read(), date(2026, 6, 2), UTC) == ()
    assert len(live_on(book.read(), date(2026, 6, 1), UTC)) == 1


steps = st.lists(
    st.tuples(
        st.sampled_from(["promote", "demote", "sign", "observe"]),
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from([CHAMPION, SHADOW]),
        st.integers(0, 3),
    ),
    max_size=25,
)


def _naive(book: Book) -> Iterator[tuple[datetime, dict[Target, str]]]:
    """At each entry's time, after all entries of that time: a dictionary that promotions set and demotions clear."""
    live: dict[Target, str] = {}
    for place, entry in enumerate(book.entries):
        body, kind = entry.statement.body, entry.statement.predicate_type
        if kind is PredicateType.PROMOTION:
            live[Target(**body["target"])] = body["subject"]["version"]
        if kind is PredicateType.DEMOTION:
            live.pop(Target(**body["target"]), None)
        following = book.entries[place + 1 : place + 2]
        if not following or following[0].time > entry.time:
            yield entry.time, dict(live)


@given(steps)
def test_history_gives_the_same_live_versions_as_a_naive_replay(drawn: list[tuple[str, str, Target, int]]) -> None:
    book = Book()
    for what, version, target, hours in drawn:
        match what:
            case "promote":
                book.promote(version, target, hours)
            case "demote":
                book.demote(version, target, hours)
            case "sign":
                book.act(PredicateType.SIGN_OFF, version, actor(RISK), target)
            case _:
                book.add(observed("hiring", target, "seen", {}), hours)
    reigns = book.read()
    assert histories(book.entries) == reigns
    for moment, live in _naive(book):
        found = live_at(reigns, moment)
        assert {item.target: item.version for item in found} == live
        assert len(found) == len(live)


def test_the_histories_of_all_models_are_those_of_each() -> None:
    book = Book()
    book.add(Statement(PredicateType.POLICY, (ResourceDigest("policy", POLICY),), MACHINE, "in use", {"name": "p"}))
    book.add(observed("credit", CHAMPION, "seen before anything was live", {}))
    book.promote("1")
    other = step(PredicateType.PROMOTION, subject("1", "credit"), CHAMPION, body={"sign_offs": []}, policy=POLICY)
    book.add(other)
    book.add(observed("credit", CHAMPION, "moved", {}))
    book.promote("2")
    book.demote("2")
    both = (*history(book.entries, "hiring"), *history(book.entries, "credit"))
    assert histories(book.entries) == tuple(sorted(both, key=lambda item: item.seq))
    assert [len(item.incidents) for item in histories(book.entries)] == [0, 1, 0]


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_are_days_too(day: date) -> None:
    book = Book()
    book.promote("1")
    assert len(live_on(book.read(), day, UTC)) == (1 if day == date.max else 0)


@pytest.mark.parametrize("body", [{}, {"subject": {}, "target": {}}, {"sign_offs": None}])
def test_a_body_with_less_in_it_is_still_read(body: dict[str, Any]) -> None:
    book = Book()
    about = (model(subject("1")), target_of("hiring", CHAMPION))
    book.add(Statement(PredicateType.PROMOTION, about, MACHINE, "live", body))
    [reign] = book.read()
    assert (reign.digest, reign.policy, reign.tier) == (sha("hiring 1"), None, None)

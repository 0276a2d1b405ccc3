"""Key figures by hand-made ledgers: what a request is, what is censored, and that nothing is never zero."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, TARGET, VERDICTS, default_policy, sha
from hypothesis import given
from hypothesis import strategies as st

from governance.figures import Figures, Period, Share, Times, facts_from, figures, last_days, quarters
from governance.people import MACHINE, Actor, actor
from governance.record import model, observed, schedule_of, target_of
from governance.requests import GIVEN_UP, REFUSED, RELEASED, requests
from governance.statement import Entry, PredicateType, ResourceDigest, Statement
from governance.subject import Subject, Target
from reports.figures import NOTHING, figures_view, span, table

START = datetime(2026, 2, 1, 12, tzinfo=UTC)
POLICY = default_policy()
OPEN = timedelta(days=3650)


def version(number: str = "1", name: str = "hiring") -> Subject:
    return Subject("sqlite:///r.db", name, number, 1, "models:/m", sha(f"{name}/{number}"))


class Book:
    """Entries at days after START, in their order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, day: float, statement: Statement) -> Entry:
        time = START + timedelta(days=day)
        assert not self.entries or time >= self.entries[-1].time
        self.entries.append(Entry(len(self.entries), time, statement, b"", b"", b""))
        return self.entries[-1]

    def act(
        self, day: float, kind: PredicateType, about: Subject | None = None, by: Actor = MACHINE, **body: Any
    ) -> Entry:
        found = about or version()
        said = {
            "subject": {name: getattr(found, name) for name in Subject.__slots__},
            "target": {"environment": TARGET.environment, "alias": TARGET.alias},
            **body,
        }
        subjects = (model(found), target_of(found.name, TARGET))
        return self.add(day, Statement(kind, subjects, by, "somebody acts", said, POLICY.digest))

    def hold(self, day: float, about: Subject | None = None) -> Entry:
        return self.act(day, PredicateType.HOLD, about, missing=[])

    def promote(self, day: float, about: Subject | None = None, **body: Any) -> Entry:
        return self.act(day, PredicateType.PROMOTION, about, **{"sign_offs": [], "tier": "high", **body})

    def refuse(self, day: float, about: Subject | None = None, by: Actor | None = None) -> Entry:
        return self.act(day, PredicateType.REFUSAL, about, by or actor(COMPLIANCE), expires_at=None)

    def sign(
        self, day: float, about: Subject | None = None, by: Actor | None = None, valid: int = 90, **body: Any
    ) -> Entry:
        until = (START + timedelta(days=day + valid)).isoformat()
        return self.act(day, PredicateType.SIGN_OFF, about, by or actor(RISK), expires_at=until, **body)

    def audit(self, day: float, about: Subject | None = None, purpose: str = "release", **verdicts: int) -> Entry:
        counts = {**VERDICTS, "watch": 0, **verdicts}
        return self.act(day, PredicateType.FAIRNESS_AUDIT, about, purpose=purpose, verdicts=counts)

    def figures(self, now: float, days: int = 3650) -> Figures:
        moment = START + timedelta(days=now)
        return figures(facts_from(self.entries), POLICY, last_days(moment, days), moment)


def test_a_request_runs_from_its_first_hold_to_its_decision() -> None:
    book = Book()
    book.hold(0)
    book.hold(1)
    book.promote(4)
    [request] = requests(book.entries)
    assert (request.outcome, request.took(), request.held) == (RELEASED, timedelta(days=4), True)


def test_asked_again_after_a_decision_is_a_new_request() -> None:
    book = Book()
    book.hold(0)
    book.promote(1)
    book.hold(10)
    book.refuse(13)
    assert [(r.outcome, r.took()) for r in requests(book.entries)] == [
        (RELEASED, timedelta(days=1)),
        (REFUSED, timedelta(days=3)),
    ]


def test_what_another_version_replaced_was_given_up_and_is_no_decision() -> None:
    book = Book()
    book.hold(0, version("1"))
    book.hold(1, version("2"))
    book.promote(2, version("2"))
    assert [r.outcome for r in requests(book.entries)] == [GIVEN_UP, RELEASED]
    found = book.figures(3)
    assert (found.given_up, found.refused, found.times.open) == (1, Share(0, 1), ())
    assert found.times.decided == (timedelta(days=1),)


def test_a_release_at_once_was_asked_for_and_not_held() -> None:
    book = Book()
    book.promote(0, version("1", "a"))
    book.hold(1, version("1", "b"))
    assert book.figures(2).held == Share(1, 2)
    assert book.figures(2).times.decided == ()


def test_a_refusal_of_what_nobody_asked_for_ends_nothing() -> None:
    book = Book()
    book.promote(0)
    book.refuse(1)
    assert [r.outcome for r in requests(book.entries)] == [RELEASED]
    assert book.figures(2).refused == Share(0, 0)


def test_what_is_open_is_said_beside_the_median_that_it_would_raise() -> None:
    book = Book()
    for number in range(3):
        book.hold(number, version(f"{number}", f"m{number}"))
    book.promote(4, version("0", "m0"))
    times = book.figures(30).times
    assert times == Times((timedelta(days=4),), (timedelta(days=28), timedelta(days=29)))
    assert (times.median, times.at_least) == (timedelta(days=4), timedelta(days=28))


@pytest.mark.parametrize(
    ("days", "median", "ninetieth"),
    [([5], 5, 5), ([1, 3], 2, 3), (list(range(1, 11)), 5.5, 9), (list(range(1, 12)), 6, 10), ([2, 2, 2], 2, 2)],
)
def test_median_and_ninetieth_percentile_by_hand(days: list[int], median: float, ninetieth: int) -> None:
    times = Times(tuple(timedelta(days=day) for day in days), ())
    assert (times.median, times.ninetieth) == (timedelta(days=median), timedelta(days=ninetieth))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_nine_of_ten_are_within_the_ninetieth_percentile(days: list[int]) -> None:
    decided = tuple(sorted(timedelta(days=day) for day in days))
    found = Times(decided, ()).ninetieth
    assert found is not None
    within = sum(item <= found for item in decided)
    assert within * 10 >= 9 * len(days)
    assert sum(item < found for item in decided) * 10 < 9 * len(days)


def test_nothing_is_nothing_yet_and_never_a_share_of_zero() -> None:
    found = figures(facts_from(()), POLICY, last_days(START, 365), START)
    assert [x.value for x in (found.held, found.refused, found.covered, found.expiring, found.warned)] == [None] * 5
    assert found.held.interval is None
    assert (found.times.median, found.times.ninetieth, found.conditions) == (None, None, None)
    assert quarters(None, START, 4) == ()
    view = figures_view(found, ())
    assert {row.value.text for row in view.rows} == {NOTHING, "none", "0"}
    assert not [cell for row in table(view) for cell in row if "0.0%" in cell]


def test_coverage_needs_an_audit_of_the_same_bytes_that_is_new_enough() -> None:
    book = Book()
    book.audit(0, version("1", "fresh"))
    book.audit(0, version("2", "other"))
    for name in ("fresh", "other", "never"):
        book.promote(1, version("1", name))
    assert book.figures(2).covered == Share(1, 3)
    assert book.figures(90).covered == Share(1, 3)
    assert book.figures(90.1).covered == Share(0, 3)
    book.audit(100, version("1", "never"), purpose="monitoring")
    assert book.figures(101).covered == Share(1, 3)


@pytest.mark.parametrize("tier", [None, "unheard-of", "prohibited"])
def test_an_unknown_tier_is_not_covered(tier: str | None) -> None:
    book = Book()
    book.audit(0)
    book.promote(1, tier=tier)
    assert book.figures(2).covered == Share(0, 1)


def test_sign_offs_expire_while_what_rests_on_them_is_live() -> None:
    book = Book()
    book.sign(0, by=actor(RISK), valid=90)
    book.sign(0, by=actor(COMPLIANCE), valid=40)
    book.promote(1, sign_offs=[0, 1])
    assert book.figures(2).expiring == Share(0, 2)
    assert book.figures(11).expiring == Share(1, 2)
    assert book.figures(70).expiring == Share(2, 2)
    book.act(80, PredicateType.DEMOTION, reason="x", back_to=None)
    assert book.figures(81).expiring == Share(0, 0)


def test_overrides_are_emergencies_warnings_and_incidents() -> None:
    book = Book()
    book.audit(0, version("1", "a"), watch=1)
    book.audit(0, version("1", "b"))
    book.audit(0, version("1", "c"), watch=1, purpose="monitoring")
    book.act(
        1, PredicateType.BREAK_GLASS, version("1", "a"), actor(RISK), hours=72, function="model-risk", reason="fire"
    )
    for name in "abc":
        book.promote(1, version("1", name))
    book.add(2, observed("a", TARGET, "moved", {}))
    book.add(2, Statement(PredicateType.OBSERVATION, (schedule_of("nightly"),), MACHINE, "ran", {}))
    found = book.figures(3)
    assert (found.overridden, found.warned, found.incidents) == (Share(1, 3), Share(1, 2), 1)


def test_conditions_are_met_in_time_or_lapse() -> None:
    book = Book()
    due = (START + timedelta(days=10)).date()
    terms = [{"text": "t", "owner": "o", "due": due.isoformat()} for _ in range(3)]
    book.sign(0, conditions=terms)
    word = ResourceDigest("condition", sha("c"))
    condition = PredicateType("urn:fairgate:predicate:condition:v1") if _has_conditions() else None
    assert book.figures(9).conditions is not None
    before, after = book.figures(10.4).conditions, book.figures(11).conditions
    assert before is not None
    assert after is not None
    assert (before.given, before.met, before.lapsed) == (3, 0, 0)
    assert (after.given, after.met, after.lapsed) == (3, 0, 3)
    if condition is None:
        return
    late = Book()
    late.sign(0, conditions=terms)
    for number, day in ((1, 5), (2, 12)):
        body = {"sign_off": 0, "number": number, "met": True}
        late.add(day, Statement(condition, (model(version()), word), actor(RISK), "met", body))
    found = late.figures(20).conditions
    assert found is not None
    assert (found.given, found.met, found.lapsed) == (3, 2, 2)


def _has_conditions() -> bool:
    return any(kind.word == "condition" for kind in PredicateType)


def test_reviewers_are_persons_and_each_has_her_n() -> None:
    book = Book()
    book.sign(0, by=actor(RISK))
    book.refuse(1, by=actor(RISK))
    book.sign(2, by=actor(DEPUTY))
    namesake = Actor("https://id.example", RISK.id, RISK.name)
    book.sign(3, by=namesake)
    found = {(x.person.issuer, x.person.id): x.refused for x in book.figures(4).reviewers}
    assert found == {
        ("local", RISK.id): Share(1, 2),
        ("local", DEPUTY.id): Share(0, 1),
        ("https://id.example", RISK.id): Share(0, 1),
    }


def test_quarters_are_those_of_the_calendar_in_utc() -> None:
    found = quarters(datetime(2025, 11, 3, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), 8)
    assert [item.label for item in found] == ["2026 Q3", "2026 Q2", "2026 Q1", "2025 Q4"]
    assert found[1] == Period("2026 Q2", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert len(quarters(datetime(1999, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), 4)) == 4
    west = datetime.fromisoformat("2026-06-30T20:00:00-05:00")
    assert quarters(west, west, 1)[0].label == "2026 Q3"


@given(st.lists(st.integers(0, 700), min_size=1, max_size=30))
def test_quarters_together_have_every_request_once(days: list[int]) -> None:
    book = Book()
    for at, day in enumerate(sorted(days)):
        book.hold(day, version(f"{at}", f"m{at}"))
    now = START + timedelta(days=701)
    facts = facts_from(book.entries)
    found = [figures(facts, POLICY, item, now) for item in quarters(facts.first, now, 40)]
    assert sum(item.requests for item in found) == len(days)
    assert sum(item.held.hits for item in found) == len(days)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=89), "89 minutes"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2.25), "2.2 days"),
        (timedelta(days=100), "100 days"),
    ],
)
def test_durations_read_as_people_say_them(duration: timedelta, words: str) -> None:
    assert span(duration) == words


def test_the_table_has_the_same_rows_for_every_quarter() -> None:
    book = Book()
    book.hold(0)
    book.promote(2)
    now = START + timedelta(days=80)
    facts = facts_from(book.entries)
    by_quarter = [figures(facts, POLICY, item, now) for item in quarters(facts.first, now, 4)]
    view = figures_view(figures(facts, POLICY, last_days(now, 365), now), by_quarter)
    assert view.quarters == ("2026 Q2", "2026 Q1")
    rows = table(view)
    assert {len(row) for row in rows} == {len(rows[0])}
    median = next(row for row in rows if row[0].endswith("median"))
    assert median[2:] == ("2 days (n = 1 decided)", f"{NOTHING} (n = 0 decided)", "2 days (n = 1 decided)")
    assert date(2026, 4, 22) == now.date()


def test_another_target_is_another_request() -> None:
    book = Book()
    book.hold(0)
    other = Target("local", "shadow")
    said = {"target": {"environment": "local", "alias": "shadow"}}
    book.add(1, Statement(PredicateType.REFUSAL, (model(version()), target_of("hiring", other)), MACHINE, "no", said))
    assert [r.outcome for r in requests(book.entries)] == [None]

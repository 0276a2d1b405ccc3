"""Approvals on conditions, on the real ledger: recorded with them, met in time or lapsed, by the verbs and commands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, SECRET, Clock, FakeRegistry, approve
from plea_factory import by
from signoff_rules import HELD, HELPER, RELEASED, given, nothing_is_recorded, now_of, outcome_of, why_held

from flows.cli import main
from flows.settings import read_settings
from governance.accounts import Accounts
from governance.case import Case, asked
from governance.condition import MAX_CONDITIONS, Condition
from governance.desk import Desk
from governance.enrolment import enrol
from governance.errors import AlreadyDecidedError, FairgateError, NotAuthorizedError, SignOffRefusedError
from governance.fulfilling import Fulfilment, duties, fulfil
from governance.history import history
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE, Person
from governance.release import intend, record_promotion
from governance.sections import Opened
from governance.signoff import Wish, sign, withdraw
from governance.statement import Entry
from governance.user_key import challenge


def _term(clock: Clock, days: int = 9, owner: str = SCIENTIST.id, text: str = "audit newer data") -> Condition:
    return Condition(text, owner, clock.now.date() + timedelta(days=days))


def _sign(desk: Desk, case: Case, person: Person, *terms: Condition, function: str | None = None, **how: Any) -> Entry:
    chosen = function or person.functions[0]
    wish = Wish(chosen, "approve", "read", case.shown(), "password", assurance=factory.ATTESTED, conditions=terms)
    return sign(desk, case, person, replace(wish, **how))


def _meet(desk: Desk, case: Case, person: Person, seq: int, number: int = 1, reason: str = "seen") -> Entry:
    return fulfil(desk, case, person, Fulfilment(seq, number, reason, "password"))


def test_an_approval_on_conditions_releases_at_once_and_lapses_for_good(desk: Desk, case: Case, clock: Clock) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock), _term(clock, 20))
    approve(desk, case, RISK)
    assert entry.statement.body["conditions"][0] == {
        "text": "audit newer data",
        "owner": SCIENTIST.id,
        "due": f"{clock.now.date() + timedelta(days=9)}",
    }
    assert outcome_of(desk, case) is RELEASED
    clock.forward(days=9)
    assert outcome_of(desk, case) is RELEASED, "its day has not ended"
    clock.forward(days=1)
    assert "Compliance Officer (compliance): lapsed: condition 1 was not recorded as met" in why_held(desk, case)
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="nothing brings it back"):
        _meet(desk, case, COMPLIANCE, entry.seq)
    _sign(desk, now_of(desk, case), COMPLIANCE)
    assert outcome_of(desk, case) is RELEASED, "a new sign-off does"


def test_conditions_met_in_time_keep_it_and_what_stands_is_readable(desk: Desk, case: Case, clock: Clock) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock), _term(clock, 20, RISK.id, "publish the notice"))
    approve(desk, case, RISK)
    first = _meet(desk, case, COMPLIANCE, entry.seq)
    assert first.statement.meaning == f"condition 1 of sign-off {entry.seq} of hiring v2 as champion in local is met"
    _meet(desk, case, DEPUTY, entry.seq, 2)
    clock.forward(days=40)
    assert outcome_of(desk, case) is RELEASED
    assert [item.number for item in now_of(desk, case).dossier.met] == [1, 2]
    assert isinstance(desk.ledger, SqlLedger)
    assert verify_ledger(desk.ledger).problems == ()


WRONG = [
    ("no text", {"text": "  "}, "has 0 characters"),
    ("a long text", {"text": "x" * 501}, "has 501 characters"),
    ("a stranger", {"owner": "nobody"}, "who is no active person here"),
    ("yesterday", {"due": factory.START.date() - timedelta(days=1)}, "write a day from 2026-06-01 to 2026-08-30"),
    ("too late", {"due": date(2026, 8, 31)}, "when the sign-off expires"),
]


@pytest.mark.parametrize(("what", "changes", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_a_condition_that_nobody_could_keep_is_refused(
    desk: Desk, case: Case, clock: Clock, what: str, changes: dict[str, Any], words: str
) -> None:
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match=words):
        _sign(desk, case, COMPLIANCE, _term(clock), replace(_term(clock), **changes))


def test_the_first_and_the_last_possible_day_are_taken(desk: Desk, case: Case, clock: Clock) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock, 0), _term(clock, 90))
    assert entry.statement.body["expires_at"][:10] == entry.statement.body["conditions"][1]["due"]


def test_a_refusal_carries_none_and_an_approval_at_most_ten(desk: Desk, case: Case, clock: Clock) -> None:
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="carries no conditions"):
        _sign(desk, case, COMPLIANCE, _term(clock), decision="refuse")
    many = [_term(clock)] * (MAX_CONDITIONS + 1)
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="at most 10"):
        _sign(desk, case, COMPLIANCE, *many)


def test_a_disabled_person_owns_nothing_new(desk: Desk, case: Case, clock: Clock) -> None:
    desk.accounts.disable(SCIENTIST.id)
    with pytest.raises(SignOffRefusedError, match="no active person"):
        _sign(desk, case, COMPLIANCE, _term(clock))


def test_who_may_say_that_it_is_met(desk: Desk, case: Case, clock: Clock) -> None:
    enrol(desk, HELPER, SECRET, None)
    given(desk, DEPUTY, HELPER, "compliance")
    entry = _sign(desk, case, COMPLIANCE, _term(clock, owner=DEPUTY.id), _term(clock, owner=COMPLIANCE.id))
    for person, number, words in (
        (SCIENTIST, 1, "registered this version"),
        (RISK, 1, "does not hold the function compliance"),
        (DEPUTY, 1, "its owner alone cannot say"),
        (HELPER, 1, "its owner alone cannot say"),
        (COMPLIANCE, 2, "its owner alone cannot say"),
    ):
        with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match=words):
            _meet(desk, case, person, entry.seq, number)
    done = _meet(desk, case, HELPER, entry.seq, 2)
    assert done.statement.body["on_behalf_of"] == DEPUTY.id
    assert _meet(desk, case, COMPLIANCE, entry.seq).statement.body["on_behalf_of"] is None


def test_a_condition_is_met_once_with_a_reason_and_of_a_sign_off_that_counts(
    desk: Desk, case: Case, clock: Clock
) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock))
    bare = approve(desk, case, RISK)
    for seq, number, reason, error in (
        (entry.seq, 1, "  ", SignOffRefusedError),
        (entry.seq, 2, "seen", SignOffRefusedError),
        (entry.seq, 0, "seen", SignOffRefusedError),
        (bare.seq, 1, "seen", SignOffRefusedError),
        (0, 1, "seen", SignOffRefusedError),
    ):
        with nothing_is_recorded(desk), pytest.raises(error):
            _meet(desk, case, COMPLIANCE, seq, number, reason)
    _meet(desk, case, COMPLIANCE, entry.seq)
    with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="recorded as met"):
        _meet(desk, case, DEPUTY, entry.seq)
    withdraw(desk, case, by(COMPLIANCE), "new facts", (entry.seq,))
    assert [item.withdrawn for item in now_of(desk, case).dossier.sign_offs] == [True, False]


def test_withdrawing_chosen_entries_takes_no_other(desk: Desk, case: Case) -> None:
    first, second = approve(desk, case, COMPLIANCE), approve(desk, case, RISK)
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="among those chosen"):
        withdraw(desk, case, by(COMPLIANCE), "why", ())
    [gone] = withdraw(desk, case, by(COMPLIANCE), "why", (second.seq, 999))
    assert gone.statement.body["sign_off"] == second.seq
    assert first.seq in {item.seq for item in now_of(desk, case).dossier.sign_offs if not item.withdrawn}


def test_a_key_of_her_own_signs_the_conditions_too(desk: Desk, case: Case, clock: Clock) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock))
    body, other = dict(entry.statement.body), dict(entry.statement.body)
    other["conditions"] = [{**body["conditions"][0], "due": "2027-01-01"}]
    without = {name: value for name, value in body.items() if name != "conditions"}
    assert len({challenge(COMPLIANCE.id, item) for item in (body, other, without)}) == 3
    moved = {**body, "reading": {"summary": {"opened": 1, "seconds": 1}}}
    assert challenge(COMPLIANCE.id, moved) == challenge(COMPLIANCE.id, body), "what was opened is the server's word"


def test_what_was_opened_stands_in_the_record(desk: Desk, case: Case) -> None:
    entry = _sign(desk, case, COMPLIANCE, reading={"summary": Opened(2, 130), "rates": Opened(1)})
    assert entry.statement.body["reading"] == {
        "summary": {"opened": 2, "seconds": 130},
        "rates": {"opened": 1, "seconds": 0},
    }
    [item] = now_of(desk, case).dossier.sign_offs
    assert item.reading == {"summary": Opened(2, 130), "rates": Opened(1)}
    assert now_of(desk, case).dossier.sign_offs[0].conditions == ()
    assert "reading" not in approve(desk, case, RISK).statement.body


def test_a_policy_that_asks_for_sections_is_not_met_at_the_command_line(tmp_path: Path, clock: Clock) -> None:
    data = factory.default_policy_bytes().replace(b"must_open = []", b'must_open = ["summary"]')
    desk = factory.new_desk(tmp_path, clock, data)
    case = factory.held_case(desk, factory.fake_registry())
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="open them on the console and sign there"):
        _sign(desk, case, COMPLIANCE)
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="opened summary of exactly this evidence"):
        _sign(desk, case, COMPLIANCE, reading={"rates": Opened(3)})
    _sign(desk, case, COMPLIANCE, reading={"summary": Opened(1)})
    _sign(desk, case, RISK, reading={"summary": Opened(1)})
    assert outcome_of(desk, case) is RELEASED


def test_what_is_open_or_lapsed_is_listed_the_first_due_first(
    desk: Desk, case: Case, clock: Clock, registry: FakeRegistry
) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock, 20, text="later"), _term(clock, 5, text="sooner"))
    other = factory.held_case(desk, registry, "3")
    _sign(desk, other, RISK, _term(clock, 9, text="between"))

    def told() -> list[tuple[str, str]]:
        return [(item.state.condition.text, item.state.word) for item in duties(desk, asked(desk))]

    assert told() == [("sooner", "open"), ("between", "open"), ("later", "open")]
    _meet(desk, case, COMPLIANCE, entry.seq, 2)
    assert told() == [("between", "open"), ("later", "open")]
    clock.forward(days=11)
    assert told() == [("between", "lapsed"), ("later", "open")]
    _sign(desk, now_of(desk, other), RISK)
    assert told() == [("later", "open")]
    approve(desk, case, DEPUTY, "compliance", "refuse")
    assert told() == []


def test_the_history_of_a_release_tells_its_conditions_and_when_they_were_met(
    desk: Desk, case: Case, clock: Clock
) -> None:
    entry = _sign(desk, case, COMPLIANCE, _term(clock), _term(clock, 20, text="publish"))
    approve(desk, case, RISK)
    now = now_of(desk, case)
    record_promotion(desk, now, intend(desk, now, MACHINE), MACHINE)
    done = _meet(desk, case, COMPLIANCE, entry.seq, 2)
    [reign] = history(desk.ledger.entries(), "hiring")
    terms = next(act.conditions for act in reign.acts if act.seq == entry.seq)
    assert [(item.text, item.owner, item.met) for item in terms] == [
        ("audit newer data", SCIENTIST.id, None),
        ("publish", SCIENTIST.id, done.seq),
    ]


# --- the commands ----------------------------------------------------------------------------------------------------

CASE = ("hiring", "2", "--alias", "champion")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A project folder with a held case, as the commands find it; the policy asks for a password alone."""
    for name in ("FAIRGATE_PERSON", "FAIRGATE_CREDENTIAL_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAIRGATE_CREDENTIAL", SECRET)
    monkeypatch.chdir(tmp_path)
    data = factory.default_policy_bytes().replace(b'assurance = "server-attested"', b'assurance = "password"')
    (tmp_path / "policy.toml").write_bytes(data)
    monkeypatch.setenv("FAIRGATE_POLICY", str(tmp_path / "policy.toml"))
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    from flows.wiring import open_desk

    desk = open_desk(settings)
    people = Accounts(settings.accounts_url, desk.clock)
    for person in factory.PEOPLE:
        desk.ledger.append(factory.key_event("added", person, MACHINE))
        people.add(person, SECRET)
    factory.use_policy(desk, MACHINE)
    factory.held_case(desk, factory.fake_registry())
    return desk


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    said = capsys.readouterr()
    return code, said.out + said.err


def test_the_commands_sign_on_conditions_list_and_meet_them(project: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    day = f"{project.clock().date() + timedelta(days=9)}"
    approve_it = ("sign", *CASE, "--approve", "--reason", "read", "--as", COMPLIANCE.id)
    code, said = _run(
        capsys, *approve_it, "--condition", f"{day} {SCIENTIST.id} audit newer data | all of it", "--json"
    )
    assert code == 0, said
    document = json.loads(said)
    seq = document["seq"]
    term = {"text": "audit newer data | all of it", "owner": SCIENTIST.id, "due": day}
    assert document["conditions"] == [term]
    code, said = _run(capsys, "condition", "list")
    assert (code, said.splitlines()[0]) == (0, f"open   due {day}, {SCIENTIST.id}: audit newer data | all of it")
    meet = ("condition", "met", *CASE, "--sign-off", str(seq), "--number", "1", "--reason", "seen", "--as")
    code, said = _run(capsys, *meet, RISK.id)
    assert code == 4
    assert "does not hold the function compliance" in said
    code, said = _run(capsys, *meet, COMPLIANCE.id, "--json")
    assert code == 0, said
    document = json.loads(said)
    assert (document["sign_off"], document["number"], document["met"], len(document["receipts"])) == (seq, 1, True, 1)
    assert _run(capsys, "condition", "list", "--json") == (0, '{\n  "conditions": []\n}\n')


@pytest.mark.parametrize("text", ["", "2026-12-31", "2026-12-31 data-scientist", "soon data-scientist audit", "a b c"])
def test_a_condition_that_is_not_written_right_says_how(
    project: Desk, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    size = project.ledger.size()
    code, said = _run(
        capsys, "sign", *CASE, "--approve", "--reason", "read", "--as", COMPLIANCE.id, "--condition", text
    )
    assert code == 2
    assert "write 'DUE OWNER TEXT'" in said
    assert project.ledger.size() == size


def test_errors_of_fairgate_only(desk: Desk, case: Case, clock: Clock) -> None:
    """What nobody would write is refused in a sentence too."""
    for said in (Fulfilment(-1, -1, "x", "password"), Fulfilment(10**12, 10**12, "x", "")):
        with pytest.raises(FairgateError):
            fulfil(desk, case, COMPLIANCE, said)
    assert outcome_of(desk, case) is HELD

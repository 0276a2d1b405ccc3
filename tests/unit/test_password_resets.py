"""Resets of passwords by the ledger alone, the halves of their codes, and whom they make one person in a quorum."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, START
from hypothesis import given
from hypothesis import strategies as st

from governance.charter import Charter, charter_from
from governance.charter_factors import Passkey
from governance.charter_record import factor_event, key_event, password_changed, reset_begun, reset_moved
from governance.charter_resets import TOGETHER, PasswordReset, ResetState
from governance.halves import ALPHABET, LENGTH, half_fingerprint, new_half, tidy_half
from governance.independence import first_of, why_one
from governance.people import MACHINE, Actor, Person, actor
from governance.statement import Entry, Statement

PEOPLE = (COMPLIANCE, RISK, SCIENTIST, DEPUTY)
HOURS = 24


def _charter(*statements: Statement) -> Charter:
    """The charter after these statements, one an hour."""
    entries = (Entry(n, START + timedelta(hours=n), item, b"", b"", b"") for n, item in enumerate(statements))
    return charter_from(entries)


ADDED = tuple(key_event("added", person, MACHINE) for person in PEOPLE)
APP = factor_event("code-enrolled", DEPUTY, DEPUTY, "password", {"fingerprint": "f"})
KEY = factor_event(
    "passkey-enrolled",
    DEPUTY,
    DEPUTY,
    "password",
    {
        "credential": "c",
        "public_key": "k",
        "rp_id": "localhost",
        "origin": "http://localhost",
        "label": "p",
        "aaguid": "0",
    },
)


def _begun(by: Person = COMPLIANCE, who: Person = DEPUTY, *, forget: bool = False) -> Statement:
    until = (START + timedelta(hours=HOURS)).isoformat()
    return reset_begun(who, by, "code", {"reason": "r", "forget": forget, "until": until, "half": "one"})


def _moved(event: str, begun: int, by: Actor, *, forget: bool = False, who: Person = DEPUTY) -> Statement:
    found = PasswordReset(begun, START, who.id, COMPLIANCE.id, "r", forget, START, "one")
    said = {"authentication": "code", "half": "two", "why": "because"}
    return reset_moved(event, who, found, (COMPLIANCE, RISK), by, said)


def _done(*before: Statement, forget: bool = False) -> Charter:
    seq = len(ADDED) + len(before)
    steps = (
        _begun(forget=forget),
        _moved("confirmed", seq, actor(RISK), forget=forget),
        _moved("done", seq, actor(DEPUTY), forget=forget),
    )
    return _charter(*ADDED, *before, *steps)


def test_a_reset_is_begun_confirmed_and_done() -> None:
    charter = _charter(*ADDED, _begun())
    found = charter.password_reset(DEPUTY.id)
    assert found is not None
    assert (found.seq, found.begun_by, found.first, found.state, found.forget) == (
        4,
        COMPLIANCE.id,
        "one",
        "begun",
        False,
    )
    assert found.open(START + timedelta(hours=HOURS, seconds=-1))
    assert not found.open(START + timedelta(hours=HOURS))
    assert charter.password_reset(RISK.id) is None
    done = _done().password_reset_done(DEPUTY.id)
    assert done is not None
    assert (done.confirmed_by, done.second, done.state, done.ended_by) == (RISK.id, "two", ResetState.DONE, 6)
    assert not done.open(START)


def test_what_cannot_follow_changes_nothing() -> None:
    begun, confirmed = _begun(), _moved("confirmed", 4, actor(RISK))
    for steps, state in (
        ((begun, _moved("done", 4, actor(DEPUTY))), "begun"),  # without a confirmation
        ((begun, _moved("confirmed", 4, actor(COMPLIANCE))), "begun"),  # by who began it
        ((begun, _moved("confirmed", 4, actor(DEPUTY))), "begun"),  # by who forgot it
        ((begun, _moved("confirmed", 9, actor(RISK))), "begun"),  # of another entry
        ((begun, confirmed, _moved("confirmed", 4, actor(SCIENTIST))), "confirmed"),
        ((begun, _moved("void", 4, actor(RISK)), confirmed), "void"),
        ((begun, confirmed, _moved("void", 4, MACHINE), _moved("done", 4, actor(DEPUTY))), "void"),
        ((begun, confirmed, _moved("done", 4, actor(DEPUTY)), _moved("void", 4, actor(RISK))), "done"),
    ):
        found = _charter(*ADDED, *steps).password_resets
        assert [item.state for item in found] == [state]
    assert found[0].confirmed_by == RISK.id


def test_a_newer_one_makes_the_older_one_void_and_only_hers() -> None:
    charter = _charter(*ADDED, _begun(), _begun(who=SCIENTIST), _begun(RISK))
    assert [(item.person, item.state) for item in charter.password_resets] == [
        (DEPUTY.id, "void"),
        (SCIENTIST.id, "begun"),
        (DEPUTY.id, "begun"),
    ]
    assert charter.password_resets[0].why == "begun anew by entry 6"


def test_factors_stay_or_are_forgotten_and_what_a_passkey_signed_before_stays() -> None:
    kept, gone = _done(APP, KEY), _done(APP, KEY, forget=True)
    assert kept.code_of(DEPUTY.id) and kept.passkeys_of(DEPUTY.id)
    assert not kept.password_resets[0].alone
    assert not gone.has_factor(DEPUTY.id)
    assert DEPUTY.id in gone.reset
    held = gone.passkey("c")
    assert held is not None
    assert (held.revoked, held.retired, held.signs(7), held.signs(8), held.signs(9)) == (False, 8, True, False, False)
    assert gone.password_resets[0].alone


def test_what_one_signer_allowed_before_ends_with_a_reset_that_keeps_the_factors() -> None:
    allowed = factor_event("factors-reset", DEPUTY, RISK, "code", {})
    assert DEPUTY.id in _charter(*ADDED, KEY, allowed).reset
    assert DEPUTY.id not in _done(KEY, allowed).reset


def test_who_let_her_in_counts_with_her_where_a_password_was_all_that_showed_her() -> None:
    then, both = START + timedelta(hours=20), {COMPLIANCE.id, RISK.id}
    bare, kept, gone = _done(), _done(APP), _done(APP, forget=True)
    assert bare.let_in_by(DEPUTY.id, then, before=99, password=False) == both
    assert gone.let_in_by(DEPUTY.id, then, before=99, password=False) == both
    assert kept.let_in_by(DEPUTY.id, then, before=99, password=False) == set()
    assert kept.let_in_by(DEPUTY.id, then, before=99, password=True) == both
    assert bare.let_in_by(DEPUTY.id, then, before=6, password=True) == set(), "what she did before is hers"
    assert bare.let_in_by(DEPUTY.id, START + TOGETHER + timedelta(hours=6), before=99, password=True) == set()
    assert bare.let_in_by(RISK.id, then, before=99, password=True) == set()


def test_old_ledgers_and_a_changed_password_leave_the_charter_as_it_was() -> None:
    assert _charter(*ADDED, APP, KEY, password_changed(DEPUTY, "code")) == _charter(*ADDED, APP, KEY)
    assert _charter(*ADDED).password_resets == ()
    assert Passkey(1, START, "a", "c", "k", "h", "o", "l", "0").usable


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("begun", "confirmed", "done", "void")),
        st.sampled_from(PEOPLE),
        st.sampled_from((DEPUTY, SCIENTIST)),
        st.integers(4, 14),
        st.booleans(),
    ),
    max_size=12,
)


@given(STEPS)
def test_whatever_is_written_nobody_is_let_in_without_two_others(
    steps: list[tuple[str, Person, Person, int, bool]],
) -> None:
    made = [
        _begun(by, who, forget=forget) if event == "begun" else _moved(event, seq, actor(by), who=who)
        for event, by, who, seq, forget in steps
    ]
    charter = _charter(*ADDED, *made)
    for item in charter.password_resets:
        assert sum(x.person == item.person and x.ended_by is None for x in charter.password_resets) <= 1
        if item.state is ResetState.DONE:
            assert item.confirmed_by and item.second
            assert item.confirmed_by not in {item.begun_by, item.person}
            assert item.confirmed_at and item.ended_at and item.time < item.confirmed_at < item.ended_at


# Halves


def test_a_half_has_a_hundred_random_bits_in_groups_to_be_read_out() -> None:
    made = [new_half() for _ in range(200)]
    assert len(set(made)) == 200
    assert len(ALPHABET) ** LENGTH == 2**100
    for half in made:
        assert [len(group) for group in half.split("-")] == [4] * 5
        assert tidy_half(half) == half.replace("-", "")
    assert set("".join(made)) - {"-"} == set(ALPHABET), "every letter is used"


@given(st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH), st.randoms(use_true_random=False))
def test_a_half_is_known_however_it_is_typed(half: str, random: object) -> None:
    said = {"0": "0oO", "1": "1iIlL"}
    typed = "".join(random.choice(said.get(x, x + x.lower())) + random.choice(("", "", " ", "-", "\t")) for x in half)  # type: ignore[attr-defined]
    assert tidy_half(typed) == half
    assert half_fingerprint("ann", tidy_half(typed) or "") == half_fingerprint("ann", half)
    assert half_fingerprint("bea", half) != half_fingerprint("ann", half)


@pytest.mark.parametrize(
    "typed", ["", "x", "A" * 19, "A" * 21, "U" * 20, "É" * 20, "\ud800" * 20, "A" * 19 + "!", "０" * 20]
)
def test_what_is_no_half(typed: str) -> None:
    assert tidy_half(typed) is None


# Two ids, one person


def test_a_line_of_people_who_added_each_other_is_one_person_while_its_first_is_there() -> None:
    child, grandchild = Person("child", "Child", ("compliance",)), Person("grandchild", "Grandchild", ("compliance",))
    line = (key_event("added", child, actor(RISK)), key_event("added", grandchild, actor(child)))
    charter, now = _charter(*ADDED, *line), START
    assert [first_of(charter, item) for item in (RISK.id, "child", "grandchild", COMPLIANCE.id)] == [
        RISK.id, RISK.id, RISK.id, COMPLIANCE.id,
    ]  # fmt: skip
    assert "could be behind both" in (why_one(charter, "grandchild", RISK.id, now) or "")
    assert why_one(charter, "grandchild", COMPLIANCE.id, now) is None
    gone = _charter(*ADDED, *line, key_event("disabled", RISK, MACHINE), key_event("disabled", child, MACHINE))
    assert first_of(gone, "grandchild") == "grandchild"
    twin = replace(child, id="twin", name="  cOmpliance\tOFFICER")
    named = _charter(*ADDED, key_event("added", replace(twin, name=COMPLIANCE.name.upper()), MACHINE))
    assert "the same printed name" in (why_one(named, "twin", COMPLIANCE.id, now) or "")

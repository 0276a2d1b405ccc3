"""A forgotten password is reset by two persons: the way, and every way round it that was thought of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from recovery_factory import (
    COMPLIANCE,
    DEPUTY,
    NEW,
    REASON,
    RISK,
    SCIENTIST,
    events,
    halves_of,
    later,
    let_in,
    strong,
)

from governance.accounts import Source
from governance.api_tokens import ApiTokens
from governance.case import open_case
from governance.charter_record import identity_event, key_event
from governance.delegating import delegate
from governance.desk import Desk, charter_of
from governance.enrolment import dismiss, enrol
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    FairgateError,
    NotAuthorizedError,
    SeparationOfDutiesError,
)
from governance.factors import begin_code, confirm_code, enrol_passkey, reset_factors
from governance.halves import new_half
from governance.passkey import NewPasskey, Page
from governance.passwords import change_password
from governance.people import MACHINE, Person, actor
from governance.policy import Assurance
from governance.proving import Proof, prove
from governance.resetting import NEAR_TRIES, WRONG, begin_reset, confirm_reset, finish_reset, void_reset
from governance.second_factor import code_at, step_of
from governance.signoff import Wish, sign

PAGE = Page("http://localhost:8765", "localhost")
PASSKEY = NewPasskey("Y3JlZGVudGlhbA", "AAAA", "0", 0)


BYSTANDER = Person("bystander", "A Bystander", ("compliance",))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return factory.new_desk(tmp_path)


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """With one more who could confirm: what is refused is refused for who tries it, and not for want of others."""
    desk.ledger.append(key_event("added", BYSTANDER, MACHINE))
    desk.accounts.add(BYSTANDER, factory.SECRET)
    return desk


def by_password(person: Person, proof: str = "password at the console") -> Proof:
    return Proof(person, proof, Assurance.PASSWORD)


def refused(desk: Desk, *given: str, new: str = NEW, who: str = DEPUTY.id) -> str:
    """What who tries it is told; nothing is recorded of it but the count."""
    one, other = given
    with pytest.raises(NotAuthorizedError) as caught:
        finish_reset(desk, who, (one, other), new)
    return str(caught.value)


# The way


def test_two_let_a_third_in_again_and_every_step_says_who(desk: Desk) -> None:
    factory.code(desk, DEPUTY.id)
    token, _ = ApiTokens(desk.accounts).give(DEPUTY, "a script", 9)
    session = desk.accounts.open_session(DEPUTY.id, desk.clock())
    one, other = halves_of(desk)
    assert desk.accounts.authenticate(DEPUTY.id, factory.SECRET) == DEPUTY, "until it is used, nothing changes"
    finish_reset(desk, DEPUTY.id, (other, one), NEW)  # in either order
    assert desk.accounts.authenticate(DEPUTY.id, NEW) == DEPUTY
    with pytest.raises(NotAuthorizedError):
        desk.accounts.authenticate(DEPUTY.id, factory.SECRET)
    assert desk.accounts.session(session, desk.clock()) is None
    assert ApiTokens(desk.accounts).holder(token, desk.clock()) is None
    assert charter_of(desk).code_of(DEPUTY.id) is not None, "her app stays"
    assert events(desk) == [f"password-reset-{word}" for word in ("begun", "confirmed", "done")]
    entries = [item for item in desk.ledger.entries() if "reset" in item.statement.body]
    assert [entry.statement.actor.id for entry in entries] == [COMPLIANCE.id, RISK.id, DEPUTY.id]
    assert [entry.statement.meaning for entry in entries] == [
        "Compliance Officer (compliance-officer) begins a reset of the password of Second Officer (second-officer)",
        f"Model Risk Officer (risk-officer) confirms the reset of the password of Second Officer (second-officer) that "
        f"entry {entries[0].seq} began",
        "Second Officer (second-officer) has set a new password, let in by Compliance Officer (compliance-officer) and "
        "Model Risk Officer (risk-officer)",
    ]
    for entry in entries[1:]:
        said = entry.statement.body["reset"]
        assert (said["begun_by"]["id"], said["confirmed_by"]["id"]) == (COMPLIANCE.id, RISK.id)
    kept = "".join(entry.envelope.decode() for entry in desk.ledger.entries())
    for half in (one, other):
        assert half not in kept and half.replace("-", "") not in kept, "a half is kept nowhere"


def test_a_half_may_be_typed_as_people_write_it(desk: Desk) -> None:
    one, other = halves_of(desk)
    finish_reset(desk, DEPUTY.id, (one.lower().replace("0", "o").replace("1", "l"), other.replace("-", "  ")), NEW)
    assert desk.accounts.authenticate(DEPUTY.id, NEW) == DEPUTY


def test_factors_are_forgotten_where_that_was_chosen_and_what_they_signed_stays(desk: Desk) -> None:
    factory.code(desk, DEPUTY.id)
    enrol_passkey(desk, strong(DEPUTY), PASSKEY, PAGE, "my phone")
    let_in(desk, forget=True)
    charter = charter_of(desk)
    assert charter.code_of(DEPUTY.id) is None
    assert charter.passkeys_of(DEPUTY.id) == ()
    held = charter.passkey(PASSKEY.credential)
    assert held is not None and not held.revoked and held.retired is not None
    assert held.signs(held.retired - 1) and not held.signs(held.retired + 1)
    assert "forgets her authenticator app and passkeys" in str([e.statement.meaning for e in desk.ledger.entries()])
    with pytest.raises(ConfigurationError, match="is or was enrolled"):
        enrol_passkey(desk, by_password(COMPLIANCE), PASSKEY, PAGE, "hers no more")
    made = begin_code(desk, prove(desk, DEPUTY.id, NEW))
    confirm_code(desk, DEPUTY, "password", code_at(made.secret, step_of(desk.clock())))
    with pytest.raises(NotAuthorizedError, match="a further one needs it"):
        begin_code(desk, by_password(DEPUTY))


def test_a_colleague_who_signs_nothing_can_be_let_in_too(desk: Desk) -> None:
    let_in(desk, SCIENTIST)
    assert desk.accounts.authenticate(SCIENTIST.id, NEW) == SCIENTIST


def test_she_or_any_signer_stops_it(desk: Desk) -> None:
    for stopper in (DEPUTY, RISK, COMPLIANCE):
        begun, one = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
        _, other = confirm_reset(desk, DEPUTY.id, begun.seq, strong(RISK))
        with pytest.raises(NotAuthorizedError, match="neither Second Officer nor signs"):
            void_reset(desk, DEPUTY.id, begun.seq, by_password(SCIENTIST), "for fun")
        entry = void_reset(desk, DEPUTY.id, begun.seq, by_password(stopper), "she did not ask")
        assert "is void: she did not ask" in entry.statement.meaning
        assert refused(desk, one, other) == WRONG
        with pytest.raises(ConfigurationError, match="is no reset of second-officer's password that is open"):
            void_reset(desk, DEPUTY.id, begun.seq, by_password(stopper), "twice")


# Attacks


@dataclass(frozen=True)
class Attack:
    """Something that a person tries; it raises `error` with these words, and the password stays what it was."""

    name: str
    act: Callable[[Desk], object]
    error: type[FairgateError]
    words: str


def _begin(desk: Desk, by: Person = COMPLIANCE, who: Person = DEPUTY, reason: str = REASON) -> int:
    return begin_reset(desk, who.id, strong(by), reason, forget=False)[0].seq


def _confirm(by: Person) -> Callable[[Desk], object]:
    return lambda desk: confirm_reset(desk, DEPUTY.id, _begin(desk), strong(by))


def _added(desk: Desk, identity: str, by: Person, name: str | None = None) -> Person:
    made = Person(identity, name or f"Person {identity}", ("model-risk",))
    enrol(desk, made, factory.SECRET, by)
    return made


def _own_puppet(desk: Desk) -> object:
    return confirm_reset(desk, DEPUTY.id, _begin(desk), strong(_added(desk, "puppet", COMPLIANCE)))


def _two_puppets(desk: Desk) -> object:
    one, other = _added(desk, "puppet-1", COMPLIANCE), _added(desk, "puppet-2", COMPLIANCE)
    return confirm_reset(desk, DEPUTY.id, _begin(desk, one), strong(other))


def _puppet_of_a_puppet(desk: Desk) -> object:
    other = _added(desk, "puppet-2", _added(desk, "puppet-1", COMPLIANCE))
    return confirm_reset(desk, DEPUTY.id, _begin(desk), strong(other))


def _same_name(desk: Desk) -> object:
    twin = _added(desk, "twin", RISK, "  COMPLIANCE   officer ".strip())
    return confirm_reset(desk, DEPUTY.id, _begin(desk), strong(twin))


def _same_identity(desk: Desk) -> object:
    """One identity at a provider, moved from one id to the other."""
    for who, event in ((COMPLIANCE, "linked"), (COMPLIANCE, "unlinked"), (RISK, "linked")):
        statement = identity_event(f"identity-{event}", who, actor(who), "https://login.example", "17")
        desk.ledger.append(statement)
    return _confirm(RISK)(desk)


def _her_own_other_id(desk: Desk) -> object:
    """Who forgot it helps herself under another id that she has."""
    return confirm_reset(desk, DEPUTY.id, _begin(desk), strong(_added(desk, "deputy-2", RISK, DEPUTY.name)))


def _delegate_confirms(desk: Desk) -> object:
    until = desk.clock() + timedelta(days=9)
    delegate(desk, COMPLIANCE, RISK.id, "compliance", until, "on leave", "code", Assurance.SERVER_ATTESTED)
    return _confirm(RISK)(desk)


def _by_a_delegation_alone(desk: Desk) -> object:
    until = desk.clock() + timedelta(days=9)
    delegate(desk, RISK, SCIENTIST.id, "model-risk", until, "on leave", "code", Assurance.SERVER_ATTESTED)
    return _confirm(SCIENTIST)(desk)


def _after_expiry(desk: Desk) -> object:
    begun = _begin(desk)
    later(desk, hours=24)
    return confirm_reset(desk, DEPUTY.id, begun, strong(RISK))


def _after_a_newer_one(desk: Desk) -> object:
    begun = _begin(desk)
    _begin(desk)
    return confirm_reset(desk, DEPUTY.id, begun, strong(RISK))


def _of_another_person(desk: Desk) -> object:
    return confirm_reset(desk, SCIENTIST.id, _begin(desk), strong(RISK))


def _twice(desk: Desk) -> object:
    begun = _begin(desk)
    confirm_reset(desk, DEPUTY.id, begun, strong(RISK))
    extra = _added(desk, "third", RISK)
    return confirm_reset(desk, DEPUTY.id, begun, strong(extra))


def _beginner_is_gone(desk: Desk) -> object:
    begun = _begin(desk)
    dismiss(desk, COMPLIANCE.id, None)
    return confirm_reset(desk, DEPUTY.id, begun, strong(RISK))


def _disabled_person(desk: Desk) -> object:
    dismiss(desk, DEPUTY.id, None)
    return _begin(desk)


def _disabled_between(desk: Desk) -> object:
    begun = _begin(desk)
    dismiss(desk, DEPUTY.id, None)
    return confirm_reset(desk, DEPUTY.id, begun, strong(RISK))


def _single_sign_on(desk: Desk) -> object:
    who = Person("anna", "Anna", ("legal",), "https://login.example")
    desk.ledger.append(key_event("added", who, actor(COMPLIANCE)))
    desk.accounts.add(who, None)
    return _begin(desk, who=who)


def _weaker_than_she_can(desk: Desk) -> object:
    enrol_passkey(desk, by_password(COMPLIANCE), PASSKEY, PAGE, "my phone")
    return _begin(desk)


def _resets_the_factors_after(desk: Desk) -> object:
    """One of the two then lets her, or whoever has her password, set up a factor."""
    factory.code(desk, DEPUTY.id)
    let_in(desk)
    return reset_factors(desk, DEPUTY.id, strong(RISK))


def _resets_the_factors_meanwhile(desk: Desk) -> object:
    halves_of(desk)
    return reset_factors(desk, DEPUTY.id, strong(COMPLIANCE))


def _factor_after_an_older_permission(desk: Desk) -> object:
    """What one signer allowed before ends with the reset, which keeps the factors."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from governance.enrolment import enrol_key
    from governance.user_key import sign_with

    enrol_key(desk, DEPUTY, sign_with(Ed25519PrivateKey.generate(), b"").public)
    reset_factors(desk, DEPUTY.id, strong(RISK))
    assert DEPUTY.id in charter_of(desk).reset
    let_in(desk)
    return begin_code(desk, by_password(DEPUTY))


ATTACKS = (
    Attack("begins her own", lambda desk: _begin(desk, DEPUTY), SeparationOfDutiesError, "cannot do this for herself"),
    Attack("confirms her own", _confirm(DEPUTY), SeparationOfDutiesError, "cannot do this for herself"),
    Attack("confirms what she began", _confirm(COMPLIANCE), SeparationOfDutiesError, "they are one person"),
    Attack("confirms under an id that she added", _own_puppet, SeparationOfDutiesError, "could be behind both"),
    Attack("two ids that she added", _two_puppets, SeparationOfDutiesError, "could be behind both"),
    Attack("an id that her id added", _puppet_of_a_puppet, SeparationOfDutiesError, "could be behind both"),
    Attack("two ids of one printed name", _same_name, SeparationOfDutiesError, "the same printed name"),
    Attack("two ids of one identity elsewhere", _same_identity, SeparationOfDutiesError, "the same identity at a prov"),
    Attack("who forgot it, under another id", _her_own_other_id, SeparationOfDutiesError, "the same printed name"),
    Attack("the delegate of who began it", _delegate_confirms, SeparationOfDutiesError, "are one person"),
    Attack("a function by delegation alone", _by_a_delegation_alone, NotAuthorizedError, "a delegation is not enough"),
    Attack("who signs nothing", _confirm(SCIENTIST), NotAuthorizedError, "it takes who holds"),
    Attack("begun by who signs nothing", lambda d: _begin(d, SCIENTIST), NotAuthorizedError, "it takes who holds"),
    Attack(
        "with a password alone",
        lambda desk: begin_reset(desk, DEPUTY.id, by_password(COMPLIANCE), REASON, forget=False),
        NotAuthorizedError,
        "must show a second factor",
    ),
    Attack("with less than she can show", _weaker_than_she_can, NotAuthorizedError, "must use it for this"),
    Attack("without a reason", lambda desk: _begin(desk, reason="  "), FairgateError, "a reason is required"),
    Attack("after 24 hours", _after_expiry, ConfigurationError, "has ended"),
    Attack("an older one", _after_a_newer_one, ConfigurationError, "another one was begun since"),
    Attack("another person's", _of_another_person, ConfigurationError, "is no reset of data-scientist's password"),
    Attack("confirmed twice", _twice, AlreadyDecidedError, "is confirmed already, by risk-officer"),
    Attack("who began it is gone", _beginner_is_gone, ConfigurationError, "may act no more: begin a new one"),
    Attack("a disabled account", _disabled_person, ConfigurationError, "is disabled, for ever"),
    Attack("an account disabled meanwhile", _disabled_between, ConfigurationError, "is disabled, for ever"),
    Attack("without a password here", _single_sign_on, ConfigurationError, "comes in by single sign-on at https://lo"),
    Attack(
        "nobody", lambda d: _begin(d, who=Person("x", "X", ())), ConfigurationError, "do not both know a person 'x'"
    ),
    Attack(
        "then resets her factors alone", _resets_the_factors_after, SeparationOfDutiesError, "took part in the last"
    ),
    Attack("resets her factors meanwhile", _resets_the_factors_meanwhile, SeparationOfDutiesError, "took part in the"),
    Attack("an older permission", _factor_after_an_older_permission, NotAuthorizedError, "a further one needs it"),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_does_not_work(attack: Attack, crowd: Desk, counted: Callable[[str, int], None]) -> None:
    with pytest.raises(attack.error, match=attack.words):
        attack.act(crowd)
    known = crowd.accounts.person(DEPUTY.id)
    assert known is not None
    if known.active and "password-reset-done" not in events(crowd):
        assert crowd.accounts.authenticate(DEPUTY.id, factory.SECRET) == DEPUTY
    counted("attacks on a reset of a password", 1)


def test_where_nobody_could_confirm_it_the_way_out_is_told(desk: Desk) -> None:
    dismiss(desk, RISK.id, None)
    with pytest.raises(ConfigurationError, match="nobody could confirm this") as caught:
        _begin(desk)
    assert "there is nobody else. The way out: somebody who may sign adds Second Officer under a new id" in str(
        caught.value
    )
    _added(desk, "puppet", COMPLIANCE)
    with pytest.raises(ConfigurationError, match=r"there is puppet\. The way out"):
        _begin(desk)
    _added(desk, "colleague", DEPUTY)  # added by another person: two, as far as the ledger can tell
    confirm_reset(desk, DEPUTY.id, _begin(desk), strong(Person("colleague", "Person colleague", ("model-risk",))))


# The halves


WRONG_GIVEN = {
    "the first half twice": lambda one, other: (one, one),
    "the second half twice": lambda one, other: (other, other),
    "a guess beside the first": lambda one, other: (one, new_half()),
    "a guess beside the second": lambda one, other: (new_half(), other),
    "two guesses": lambda one, other: (new_half(), new_half()),
}


@pytest.mark.parametrize("name", WRONG_GIVEN)
def test_wrong_halves_open_nothing(name: str, desk: Desk, counted: Callable[[str, int], None]) -> None:
    one, other = halves_of(desk)
    assert refused(desk, *WRONG_GIVEN[name](one, other)) == WRONG
    finish_reset(desk, DEPUTY.id, (one, other), NEW)
    counted("attacks on a reset of a password", 1)


def test_a_stranger_learns_nothing_whatever_the_id(desk: Desk) -> None:
    one, other = halves_of(desk)
    guesses = (new_half(), new_half())
    told = {
        refused(desk, *guesses, who=who)
        for who in (DEPUTY.id, RISK.id, "nobody", "", "NO ID", "x" * 200, "\ud800", "\0")
    }
    assert told == {WRONG}
    clumsy = (
        (("short", other), NEW, "a half has 20"),
        ((one, "U" * 20), NEW, "a half has 20"),
        ((one, other), "short", "a password has 12"),
    )
    for given, new, words in clumsy:
        told = set()
        for who in (DEPUTY.id, "nobody"):
            with pytest.raises(ConfigurationError, match=words) as caught:
                finish_reset(desk, who, given, new)
            told.add(str(caught.value))
        assert len(told) == 1
    finish_reset(desk, DEPUTY.id, (one, other), NEW)


def test_halves_of_another_person_and_before_the_confirmation_open_nothing(desk: Desk) -> None:
    begun, one = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
    assert refused(desk, one, new_half()) == WRONG, "not confirmed yet"
    _, other = confirm_reset(desk, DEPUTY.id, begun.seq, strong(RISK))
    halves_of(desk, SCIENTIST)
    assert refused(desk, one, other, who=SCIENTIST.id) == WRONG
    finish_reset(desk, DEPUTY.id, (one, other), NEW)


def test_used_halves_are_used(desk: Desk) -> None:
    one, other = halves_of(desk)
    finish_reset(desk, DEPUTY.id, (one, other), NEW)
    assert refused(desk, one, other, new="another new password") == WRONG
    assert desk.accounts.authenticate(DEPUTY.id, NEW) == DEPUTY


def test_they_end_after_a_day_whatever_was_confirmed_when(desk: Desk) -> None:
    begun, one = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
    later(desk, hours=23)
    _, other = confirm_reset(desk, DEPUTY.id, begun.seq, strong(RISK))
    later(desk, hours=1)
    assert refused(desk, one, other) == WRONG


def test_who_has_one_half_may_not_try_the_other_for_long(desk: Desk) -> None:
    one, other = halves_of(desk)
    for _ in range(NEAR_TRIES - 1):
        assert refused(desk, one, new_half()) == WRONG
        later(desk, hours=1)
    assert refused(desk, new_half(), other) == WRONG, "either half is one right half"
    entry = list(desk.ledger.entries())[-1]
    assert "5 tries with one right half and a wrong one" in entry.statement.meaning
    assert entry.statement.actor.kind == "machine"
    later(desk, hours=1)
    assert refused(desk, one, other) == WRONG
    assert events(desk)[-1] == "password-reset-void"


def test_a_stranger_without_a_half_makes_no_reset_void(desk: Desk) -> None:
    one, other = halves_of(desk)
    stranger, mine = Source("address 203.0.113.9", strange=True), Source("address 198.51.100.7", strange=True)
    for _ in range(40):
        with pytest.raises(NotAuthorizedError):
            finish_reset(desk, DEPUTY.id, (new_half(), new_half()), NEW, stranger)
    finish_reset(desk, DEPUTY.id, (one, other), NEW, mine)


def test_who_began_or_confirmed_it_and_was_disabled_lets_nobody_in(desk: Desk) -> None:
    one, other = halves_of(desk)
    dismiss(desk, COMPLIANCE.id, None)
    assert refused(desk, one, other) == WRONG


# At the same time


def _at_once(*acts: Callable[[], object]) -> list[object]:
    """What each act gave or raised; all begin together."""
    found: list[object] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            found.append(act())
        except FairgateError as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_two_confirmations_at_once_one_counts(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    third = _added(desk, "third", RISK)
    begun, one = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
    both = _at_once(
        *(lambda who=who: confirm_reset(desk, DEPUTY.id, begun.seq, strong(who)) for who in (RISK, third) for _ in "ab")
    )
    given = [item for item in both if isinstance(item, tuple)]
    assert len(given) == 1
    assert all(isinstance(item, AlreadyDecidedError) for item in both if not isinstance(item, tuple))
    finish_reset(desk, DEPUTY.id, (one, given[0][1]), NEW)


def test_of_two_new_passwords_at_once_one_counts(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    halves = halves_of(desk)
    words = [f"new password number {number}" for number in range(4)]
    told = _at_once(*(lambda word=word: finish_reset(desk, DEPUTY.id, halves, word) for word in words))
    assert sum(isinstance(item, NotAuthorizedError) for item in told) == 3
    assert events(desk).count("password-reset-done") == 1
    opened = []
    for word in words:
        try:
            opened.append(desk.accounts.authenticate(DEPUTY.id, word))
        except NotAuthorizedError:
            continue
    assert opened == [DEPUTY]


# Her own password


def test_she_changes_her_own_password_and_the_entry_holds_neither(desk: Desk) -> None:
    session = desk.accounts.open_session(RISK.id, desk.clock())
    token, _ = ApiTokens(desk.accounts).give(RISK, "a script", 9)
    entry = change_password(desk, by_password(RISK), factory.SECRET, NEW)
    assert entry.statement.meaning == "Model Risk Officer (risk-officer) has changed her password"
    assert entry.statement.body["authentication"] == "password at the console"
    assert NEW not in entry.envelope.decode() and factory.SECRET not in entry.envelope.decode()
    assert desk.accounts.authenticate(RISK.id, NEW) == RISK
    assert desk.accounts.session(session, desk.clock()) is None
    assert ApiTokens(desk.accounts).holder(token, desk.clock()) == RISK, "she knows of them"
    with pytest.raises(NotAuthorizedError):
        desk.accounts.authenticate(RISK.id, factory.SECRET)


REFUSED_CHANGES = [
    ("a wrong old password", {"old": "a wrong guess or two"}, "the id or the password is wrong"),
    ("the same", {"new": factory.SECRET}, "the new password is the old one"),
    ("too short", {"new": "short"}, "a password has 12 to 1,024 characters"),
    ("no text", {"new": "\ud800" * 12}, "not Unicode text"),
]


@pytest.mark.parametrize(("name", "given", "words"), REFUSED_CHANGES, ids=[row[0] for row in REFUSED_CHANGES])
def test_a_change_that_is_refused_changes_nothing(name: str, given: dict[str, str], words: str, desk: Desk) -> None:
    size = desk.ledger.size()
    with pytest.raises(FairgateError, match=words):
        change_password(desk, by_password(RISK), **{"old": factory.SECRET, "new": NEW, **given})
    assert desk.ledger.size() == size
    assert desk.accounts.authenticate(RISK.id, factory.SECRET) == RISK


def test_who_has_a_second_factor_shows_it_and_a_passkey_alone_does_not_do(desk: Desk) -> None:
    factory.code(desk, RISK.id)
    with pytest.raises(NotAuthorizedError, match="her password alone is too little"):
        change_password(desk, by_password(RISK), factory.SECRET, NEW)
    passkey = replace(strong(RISK), how="passkey at the console", own=True)
    with pytest.raises(NotAuthorizedError, match="the id or the password is wrong"):
        change_password(desk, passkey, "not hers at all", NEW)
    change_password(desk, passkey, factory.SECRET, NEW)


def test_a_secret_that_was_begun_with_the_old_password_waits_no_more(desk: Desk) -> None:
    for act in (lambda: change_password(desk, by_password(DEPUTY), factory.SECRET, NEW), lambda: let_in(desk)):
        thief = begin_code(desk, by_password(DEPUTY))
        act()
        with pytest.raises(ConfigurationError, match="waits for its first code"):
            confirm_code(desk, DEPUTY, "password", code_at(thief.secret, step_of(desk.clock())))


# Whoever let her in later signs


def _signs(desk: Desk, person: Person, function: str, behalf: str = "") -> None:
    case = open_case(desk, "hiring", "2", "champion")
    wish = Wish(function, "approve", "I read it.", case.shown(), "code", assurance=Assurance.SERVER_ATTESTED)
    sign(desk, case, person, replace(wish, behalf=behalf))


def _outcome(desk: Desk, *signers: tuple[Person, str]) -> str:
    case = factory.record_case(desk, "2")
    for person, function in signers:
        _signs(desk, person, function)
    assert case.target.alias == "champion"
    return open_case(desk, "hiring", "2", "champion").decision.outcome.value


@pytest.mark.parametrize(
    ("app", "forget", "with_", "outcome"),
    [
        (False, False, COMPLIANCE, "HELD"),  # nothing but the new password showed that it was she
        (True, True, COMPLIANCE, "HELD"),
        (True, False, COMPLIANCE, "RELEASED"),  # her app stayed, and they lack it
        (False, False, BYSTANDER, "RELEASED"),  # another person, who let nobody in
    ],
)
def test_who_let_her_in_and_she_are_one_person_in_a_quorum(
    app: bool, forget: bool, with_: Person, outcome: str, crowd: Desk
) -> None:
    if app:
        factory.code(crowd, DEPUTY.id)
    let_in(crowd, forget=forget)
    assert _outcome(crowd, (with_, "compliance"), (DEPUTY, "model-risk")) == outcome


def test_what_she_signed_before_she_was_let_in_stays_hers(crowd: Desk) -> None:
    assert _outcome(crowd, (COMPLIANCE, "compliance"), (DEPUTY, "model-risk")) == "RELEASED"
    let_in(crowd, forget=True)
    assert open_case(crowd, "hiring", "2", "champion").decision.outcome.value == "RELEASED"


def test_her_delegate_does_not_sign_beside_them_either(crowd: Desk) -> None:
    let_in(crowd)
    until = crowd.clock() + timedelta(days=9)
    clerk = Person("clerk", "A Clerk", ("legal",))
    crowd.ledger.append(key_event("added", clerk, MACHINE))
    crowd.accounts.add(clerk, factory.SECRET)
    delegate(crowd, DEPUTY, clerk.id, "model-risk", until, "on leave", "password")
    factory.record_case(crowd, "2")
    _signs(crowd, COMPLIANCE, "compliance")
    _signs(crowd, clerk, "model-risk", DEPUTY.id)
    assert open_case(crowd, "hiring", "2", "champion").decision.outcome.value == "HELD"

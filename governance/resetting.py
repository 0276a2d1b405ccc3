"""A forgotten password is reset by two persons who sign: one begins, another confirms, and each hands over one half.

Neither could come in with what she has. The ledger alone says how far a reset is and which halves fit it; what the
accounts keep of it is a count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from governance.accounts import REFUSED, Source, check_secret, is_id
from governance.accounts_resets import count_near, was_told
from governance.charter import Charter, confirmed
from governance.charter_record import reset_begun, reset_moved
from governance.charter_resets import PasswordReset, ResetState
from governance.desk import Desk, charter_of
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
)
from governance.halves import half_fingerprint, new_half, tidy_half
from governance.independence import why_one, why_same
from governance.passwords import drop_waiting, has_password
from governance.people import MACHINE, Actor, Person, actor
from governance.proving import Proof
from governance.signoff import reasoned
from governance.statement import Entry, Statement

LASTS = timedelta(hours=24)
NEAR_TRIES = 5
"""Tries with one right half after which a reset is void: who makes them has one, and lacks the other."""

WRONG = (
    "the id or a half is wrong, or there is no reset that can be used: it may have ended after 24 hours, be void, not "
    "yet confirmed, or used. Ask the colleagues who gave you the halves"
)
HOW = "both halves of a one-time code"


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who may take part in the reset of one person's password now: the charter, her, and everybody who counts."""

    desk: Desk
    charter: Charter
    person: Person
    people: tuple[Person, ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that sign under the policy in force."""
        adopted = self.charter.adopted()
        return adopted.signers if adopted else self.desk.policy.all_signers()

    def signers(self) -> tuple[Person, ...]:
        """The active persons who sign in a function of their own, and are not the one who forgot."""
        able = (item for item in self.people if any(item.has(function) for function in self.functions))
        return tuple(item for item in able if why_same(self.charter, item.id, self.person.id) is None)

    def with_(self, one: str) -> tuple[Person, ...]:
        """The signers who could take part beside this one."""
        now = self.desk.clock()
        return tuple(item for item in self.signers() if why_one(self.charter, item.id, one, now) is None)

    def signs(self, identity: str) -> bool:
        """Whether this person may act and holds a function of her own that signs."""
        mine = self.active(identity)
        return mine is not None and any(mine.has(function) for function in self.functions)

    def active(self, identity: str) -> Person | None:
        """Who has this id, where ledger and account both say that she may act."""
        return next((item for item in self.people if item.id == identity and item.active), None)


def hearing(desk: Desk, identity: str) -> Hearing:
    """Raises ConfigurationError for an id that nobody has, a disabled account, and a person without a password."""
    charter = charter_of(desk)
    people = confirmed(charter, desk.accounts.people())
    person = next((item for item in people if item.id == identity), None)
    if person is None:
        raise ConfigurationError(
            f"ledger and accounts do not both know a person {identity!r}; see: fairgate people list"
        )
    if not person.active:
        raise ConfigurationError(
            f"{person.name} ({person.id}) is disabled, for ever: who comes back gets a new id, with fairgate people add"
        )
    has_password(desk, person)
    return Hearing(desk, charter, person, people)


def begin_reset(desk: Desk, identity: str, by: Proof, reason: str, *, forget: bool) -> tuple[Entry, str]:
    """Record that `by` begins a reset of this person's password; also the first half, which is kept nowhere.

    `forget`: her authenticator app and her passkeys go too, once the reset is done. An older reset of hers is void.
    Raises as `why_not_take_part`, and ConfigurationError where nobody could confirm it.
    """
    reasoned(reason)
    half = new_half()

    def decide() -> Statement:
        found = hearing(desk, identity)
        mine = _takes_part(found, by, found.person.id)
        _somebody_confirms(found, mine.id)
        said = {
            "reason": reason.strip(),
            "forget": forget,
            "until": (desk.clock() + LASTS).isoformat(),
            "half": half_fingerprint(found.person.id, half),
        }
        return reset_begun(found.person, mine, by.how, said)

    return desk.ledger.append_decided(decide), half


def confirm_reset(desk: Desk, identity: str, begun: int, by: Proof) -> tuple[Entry, str]:
    """Record that another person confirms the reset that the entry `begun` began; also the second half.

    Raises as `why_not_take_part`, AlreadyDecidedError where somebody has confirmed it, ConfigurationError where it is
    not open: what she confirms is exactly what she was shown.
    """
    half = new_half()

    def decide() -> Statement:
        found = hearing(desk, identity)
        reset = _open(found, begun)
        if reset.state is ResetState.CONFIRMED:
            raise AlreadyDecidedError(f"the reset of entry {begun} is confirmed already, by {reset.confirmed_by}")
        mine, first = _takes_part(found, by, reset.begun_by), found.active(reset.begun_by)
        if first is None:
            raise ConfigurationError(f"{reset.begun_by}, who began the reset, may act no more: begin a new one")
        said = {"authentication": by.how, "half": half_fingerprint(found.person.id, half)}
        return reset_moved("confirmed", found.person, reset, (first, mine), actor(mine), said)

    return desk.ledger.append_decided(decide), half


def finish_reset(desk: Desk, identity: str, halves: tuple[str, str], new: str, source: Source | None = None) -> Entry:
    """Give the person a new password, by both halves in either order. Her sessions and her scripts' tokens end.

    Raises NotAuthorizedError, the same for an unknown id, a person without a reset, and wrong halves;
    ConfigurationError for what cannot be a password or a half, whoever asks.
    """
    check_secret(new)
    given = tuple(map(tidy_half, halves))
    if None in given:
        raise ConfigurationError(
            "a half has 20 letters and digits, in five groups of four: type it as you were told it"
        )
    if not is_id(identity):  # nobody can have it, so nothing of it is stored
        raise NotAuthorizedError(WRONG)
    fits = frozenset(half_fingerprint(identity, item) for item in given if item)
    try:
        begun = desk.accounts.counted(f"reset of {identity}", "halves", lambda: _fitting(desk, identity, fits), source)
    except NotAuthorizedError as error:
        raise NotAuthorizedError(WRONG if str(error) == REFUSED else str(error)) from error

    def decide() -> Statement:
        found = hearing(desk, identity)
        reset = _open(found, begun)
        both = tuple(item for item in map(found.active, (reset.begun_by, reset.confirmed_by)) if item)
        if reset.state is not ResetState.CONFIRMED or len(both) < 2:
            raise NotAuthorizedError(WRONG)
        return reset_moved("done", found.person, reset, both, actor(found.person), {"authentication": HOW})

    try:
        entry = desk.ledger.append_decided(decide)
    except ConfigurationError as error:  # it ended, or she was disabled, in this very moment: told as all else
        raise NotAuthorizedError(WRONG) from error
    desk.accounts.set_secret(identity, new, tokens=True)
    drop_waiting(desk, charter_of(desk), identity)
    return entry


def void_reset(desk: Desk, identity: str, begun: int, by: Proof, why: str) -> Entry:
    """Record that an open reset is void. She herself may, and everybody who signs: a stop waits for nobody.

    Raises NotAuthorizedError, ConfigurationError where the reset is not open.
    """
    reasoned(why)

    def decide() -> Statement:
        found = hearing(desk, identity)
        reset, mine = _open(found, begun), found.active(by.person.id)
        if mine is None or not (mine.id == identity or found.signs(mine.id)):
            raise NotAuthorizedError(f"{by.person.name} is neither {found.person.name} nor signs: she stops no reset")
        return _voided(found, reset, actor(mine), by.how, " ".join(why.split()))

    return desk.ledger.append_decided(decide)


def untold(desk: Desk, identity: str) -> PasswordReset | None:
    """The reset of this person's password that is done and that she has not been told of, None where there is none."""
    done = charter_of(desk).password_reset_done(identity)
    return done if done is not None and not was_told(desk.accounts, done.seq) else None


def why_not_take_part(found: Hearing, who: Person, beside: str) -> str | None:
    """Why this person may not begin (`beside`: who forgot) or confirm (`beside`: who began), None where she may."""
    return _reason(lambda: _may(found, who, beside))


def _reason(check: Callable[[], object]) -> str | None:
    try:
        check()
    except SignOffRefusedError as error:
        return str(error)
    return None


def _may(found: Hearing, who: Person, beside: str) -> Person:
    charter, person, mine = found.charter, found.person, found.active(who.id)
    same = why_same(charter, who.id, person.id)
    if same:
        raise SeparationOfDutiesError(f"{who.name} cannot do this for herself, as {same}: two others must")
    if mine is None or not found.signs(mine.id):
        raise NotAuthorizedError(
            f"{who.name} cannot do this: it takes who holds {' or '.join(found.functions)} herself, under the policy "
            f"in force; a delegation is not enough"
        )
    one = why_one(charter, who.id, beside, found.desk.clock()) if beside != person.id else None
    if one:
        others = ", ".join(item.id for item in found.with_(beside)) or "nobody"
        raise SeparationOfDutiesError(f"it takes another person: {one}. Who could: {others}")
    return mine


def _takes_part(found: Hearing, by: Proof, beside: str) -> Person:
    """Who begins or confirms, proved with the strongest that she has: a passkey or a key of her own before a code."""
    mine = _may(found, by.person, beside)
    own = found.charter.passkeys_of(mine.id) or found.charter.keys_of(mine.id)
    if own and not by.own:
        raise NotAuthorizedError(
            f"{mine.name} has a passkey or a key of her own, and must use it for this: the passkey on the console, at "
            f"the address where it was set up, or --key at the command line"
        )
    if not by.factor:
        raise NotAuthorizedError(
            f"{mine.name} must show a second factor for this: a passkey, or a code of an authenticator app (set one up "
            f"on the page /me of the console)"
        )
    return mine


def _somebody_confirms(found: Hearing, by: str) -> None:
    if found.with_(by):
        return
    able = ", ".join(item.id for item in found.signers() if item.id != by) or "nobody else"
    person = found.person
    raise ConfigurationError(
        f"nobody could confirm this: beside {by} it takes a second person who holds {' or '.join(found.functions)}, "
        f"was not added by {by} (nor both of them by a third), and signs neither for {by} nor she for her; there is "
        f"{able}. The way out: somebody who may sign adds {person.name} under a new id (fairgate people add NEW-ID "
        f"--by ID) and disables {person.id}"
    )


def _open(found: Hearing, begun: int) -> PasswordReset:
    newest = found.charter.password_reset(found.person.id)
    if newest is None or newest.seq != begun or not newest.open(found.desk.clock()):
        raise ConfigurationError(
            f"entry {begun} is no reset of {found.person.id}'s password that is open: it was used, is void, has ended, "
            f"or another one was begun since"
        )
    return newest


def _fitting(desk: Desk, identity: str, given: frozenset[str]) -> int | None:
    """The entry of the confirmed reset that these halves fit. One right half is counted, and too many end it."""
    reset = charter_of(desk).password_reset(identity)
    if reset is None or not reset.open(desk.clock()):
        return None
    right = given & {reset.first, reset.second or "none yet"}
    if len(right) == 2:
        return reset.seq
    if right and count_near(desk.accounts, identity, reset.seq) >= NEAR_TRIES:
        _void_by_tries(desk, identity, reset)
    return None


def _void_by_tries(desk: Desk, identity: str, reset: PasswordReset) -> None:
    why = f"{NEAR_TRIES} tries with one right half and a wrong one"

    def decide() -> Statement:
        found = hearing(desk, identity)
        return _voided(found, _open(found, reset.seq), MACHINE, "none", why)

    try:
        desk.ledger.append_decided(decide, idempotency_key=f"password-reset-void:{reset.seq}")
    except ConfigurationError:  # it was stopped or used in this very moment
        return


def _voided(found: Hearing, reset: PasswordReset, by: Actor, how: str, why: str) -> Statement:
    known = (found.charter.person(item) for item in (reset.begun_by, reset.confirmed_by))
    both = tuple(item for item in known if item is not None)
    return reset_moved("void", found.person, reset, both, by, {"authentication": how, "why": why})

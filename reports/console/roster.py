"""Everybody that ledger and accounts know, and what the two do not agree on. Frozen values, read from the desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from governance.charter import CHARTER, Charter, Delegation, confirmed
from governance.charter_resets import TOGETHER, ResetState
from governance.desk import Desk, charter_of
from governance.people import Person
from governance.statement import Entry, PredicateType
from reports.words import listed, moment, one_line, printable


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry about a person: added, disabled, a key."""

    seq: int
    time: str
    words: str
    by: str


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """A delegation from one person to another. `state` in words; `open`: it can be used now or later."""

    seq: int
    function: str
    delegator: str
    delegate: str
    since: str
    until: str
    reason: str
    state: str
    open: bool


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of the list. `functions` are those that both ledger and account give her: they count.

    `differs` says where the two do not agree, `failed` is None for who may not see it, `reset` what happens to her
    password, empty where nothing does.
    """

    link: str
    id: str
    name: str
    issuer: str
    functions: str
    state: str
    active: bool
    signs: str
    differs: tuple[str, ...]
    factors: tuple[str, ...]
    given: int
    held: int
    failed: str | None
    reset: str


@dataclass(frozen=True, slots=True)
class Roster:
    """What the pages of people are made from, read once: the charter, accounts, and who counts by both."""

    charter: Charter
    accounts: tuple[Person, ...]
    both: tuple[Person, ...]
    events: tuple[Entry, ...]
    now: datetime

    def counted(self, identity: str) -> Person | None:
        """The person as ledger and accounts both have her."""
        return next((person for person in self.both if person.id == identity), None)

    def account(self, identity: str) -> Person | None:
        """The person as the accounts have her."""
        return next((person for person in self.accounts if person.id == identity), None)

    def ids(self) -> tuple[str, ...]:
        """Everybody that either knows, by id."""
        return tuple(sorted({person.id for person in (*self.charter.people, *self.accounts)}))

    def administers(self, identity: str) -> bool:
        """Whether this person may add and disable others: she holds a function that signs under the policy in force."""
        known, now = self.counted(identity), self.charter.adopted()
        return known is not None and now is not None and any(known.has(function) for function in now.signers)


def roster(desk: Desk) -> Roster:
    """Everybody, as ledger and accounts have them now."""
    charter, accounts = charter_of(desk), desk.accounts.people()
    entries = desk.ledger.entries(subject=CHARTER)
    events = tuple(entry for entry in entries if entry.statement.predicate_type is PredicateType.KEY_EVENT)
    return Roster(charter, accounts, confirmed(charter, accounts), events, desk.clock())


def person_row(desk: Desk, found: Roster, identity: str, viewer: Person) -> PersonRow:
    """One person of the list, as `viewer` may see her."""
    counted, account, known = found.counted(identity), found.account(identity), found.charter.person(identity)
    shown = counted or known or account
    assert shown is not None, "ids() names only whom one of the two knows"  # noqa: S101
    delegations = [item for item in found.charter.delegations if item.holds(found.now)]
    active = all(person is None or person.active for person in (known, account))
    return PersonRow(
        link=f"/people/person?{urlencode({'id': identity})}",
        id=printable(identity),
        name=printable(shown.name),
        issuer=printable(shown.issuer),
        functions=listed(tuple(printable(item) for item in shown.functions)) or "none",
        state=_state(found, known, account, identity),
        active=active,
        signs=_signs(found, counted, shown),
        differs=differences(known, account),
        factors=factors(found, account),
        given=sum(item.delegator == identity for item in delegations),
        held=sum(item.delegate == identity for item in delegations),
        failed=_failed(desk, identity) if found.administers(viewer.id) else None,
        reset=reset_words(found, identity),
    )


def differences(known: Person | None, account: Person | None) -> tuple[str, ...]:
    """Where the ledger's record of a person and her account do not agree, and what follows; empty where they do."""
    if known is None:
        return ("The ledger does not know this account: it signs nothing.",)
    if account is None:
        return ("There is no account for her, so she cannot come in. Adding the same person again makes one.",)
    found = []
    if known.name != account.name:
        found.append(f"The account calls her {printable(account.name)}; signatures carry the ledger's name.")
    if known.issuer != account.issuer:
        found.append(
            f"The ledger says {printable(known.issuer)} vouches for her, the account {printable(account.issuer)}: "
            f"it signs nothing."
        )
    for one, other, who in ((known, account, "the ledger"), (account, known, "the account")):
        only = tuple(printable(item) for item in one.functions if item not in other.functions)
        if only:
            found.append(f"Only {who} gives her {listed(only)}: it does not count.")
    if known.active != account.active:
        where = "account" if known.active else "ledger"
        found.append(f"She is disabled in the {where} alone. Disabled in one is disabled.")
    return tuple(found)


def factors(found: Roster, account: Person | None) -> tuple[str, ...]:
    """With what she proves who she is, without any secret."""
    if account is None:
        return ("nothing: no account",)
    charter, who = found.charter, account.id
    places = sorted({item.issuer for item in charter.identities if item.holder == who})
    said = (
        "password" if account.issuer == "local" else "",
        "authenticator app" if charter.code_of(who) else "",
        _counted(len(charter.passkeys_of(who)), "passkey"),
        _counted(len(charter.keys_of(who)), "own key"),
        *(f"single sign-on at {printable(place)}" for place in places),
    )
    return tuple(item for item in said if item) or ("nothing: nobody can come in as this person",)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def reset_words(found: Roster, identity: str) -> str:
    """How a reset of her password stands; of one that is done, for as long as it matters in a quorum."""
    item = found.charter.password_reset(identity)
    if item is not None and item.open(found.now):
        waits = (
            "waits for another person"
            if item.state is ResetState.BEGUN
            else f"confirmed by {named(found, item.confirmed_by)}, waits for her"
        )
        return f"Password reset begun by {named(found, item.begun_by)}, {waits}; ends {moment(item.until)}"
    done = found.charter.password_reset_done(identity)
    if done is None or done.ended_at is None or found.now >= done.ended_at + TOGETHER:
        return ""
    factors = ", her app and passkeys forgotten" if done.forget else ""
    by = f"{named(found, done.begun_by)} and {named(found, done.confirmed_by)}"
    return f"Password reset by {by} on {moment(done.ended_at)}{factors}"


def happenings(found: Roster, identity: str) -> tuple[Happening, ...]:
    """What the ledger says happened to this person, the newest first."""
    mine = (entry for entry in found.events if entry.statement.body["person"]["id"] == identity)
    rows = (
        Happening(
            entry.seq,
            moment(entry.time),
            one_line(entry.statement.meaning, 300),
            printable(entry.statement.actor.name),
        )
        for entry in mine
    )
    return tuple(rows)[::-1]


def delegations_of(found: Roster, identity: str) -> tuple[tuple[DelegationRow, ...], tuple[DelegationRow, ...]]:
    """The delegations that she gave, and those that she holds, the newest first."""
    return (
        _delegations(found, (item for item in found.charter.delegations if item.delegator == identity)),
        _delegations(found, (item for item in found.charter.delegations if item.delegate == identity)),
    )


def _delegations(found: Roster, items: Iterable[Delegation]) -> tuple[DelegationRow, ...]:
    return tuple(_delegation(found, item) for item in items)[::-1]


def _delegation(found: Roster, item: Delegation) -> DelegationRow:
    if item.revoked:
        state = "revoked: what was signed by it counts no more"
    else:
        state = "in use" if item.holds(found.now) else "ended; what was signed by it stays"
    return DelegationRow(
        seq=item.seq,
        function=printable(item.function),
        delegator=named(found, item.delegator),
        delegate=named(found, item.delegate),
        since=moment(item.since),
        until=moment(item.until),
        reason=one_line(item.reason, 400),
        state=state,
        open=item.holds(found.now),
    )


def named(found: Roster, identity: str) -> str:
    """`Name (id)`."""
    known = found.charter.person(identity) or found.account(identity)
    return f"{printable(known.name)} ({printable(identity)})" if known else printable(identity)


def _state(found: Roster, known: Person | None, account: Person | None, identity: str) -> str:
    """Active, disabled since when, or known to one of ledger and accounts alone."""
    if any(person is not None and not person.active for person in (known, account)):
        entry = next((item for item in found.events if _disabled(item, identity)), None)
        return f"since {moment(entry.time)}" if entry else "the ledger does not say since when"
    if known is not None and account is not None:
        return "active"
    return "in the ledger alone" if known is not None else "an account alone"


def _disabled(entry: Entry, identity: str) -> bool:
    body = entry.statement.body
    return bool(body["event"] == "disabled" and body["person"]["id"] == identity)


def _signs(found: Roster, counted: Person | None, shown: Person) -> str:
    """What she may sign under the policy in force, by her own functions."""
    now = found.charter.adopted()
    fits = tuple(item for item in now.signers if counted and counted.has(item)) if now else ()
    if not fits:
        return "signs nothing of her own"
    return "may sign" if set(fits) == set(shown.functions) else f"may sign as {listed(tuple(map(printable, fits)))}"


def _failed(desk: Desk, identity: str) -> str:
    tries, times = desk.accounts.failed_since_success(identity), desk.accounts.failed_attempts(identity)
    if not tries:
        return "none"
    last = f", the last at {moment(max(times))}" if times else ""
    return f"{tries} since the last success{last}"

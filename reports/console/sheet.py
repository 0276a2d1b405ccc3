"""What the sign page tells before anybody signs: what a signature is bound to, who signed, who is needed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from audits.result import Verdict
from governance.case import Case, rules_of
from governance.condition import MAX_CONDITIONS
from governance.desk import Desk
from governance.dossier import SignOff
from governance.fulfilling import may_fulfil
from governance.people import Person
from governance.quorum import quorum
from governance.sections import Reading, unopened
from governance.signoff import withdrawable
from reports.console.desktop import case_link, link_of
from reports.signed import digest_rows, opened_words, section_name, sign_off_row
from reports.summary import who_can_sign
from reports.view import SignOffRow
from reports.words import count, moment, printable, verdict_counts

ROWS = 3
LISTED = 3
"""So many newer audits are named."""
SHOWN = ("model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest")


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that a signature is bound to: its name in the form, what it is in words, its digest."""

    field: str
    label: str
    words: str
    digest: str
    value: str


@dataclass(frozen=True, slots=True)
class Given:
    """A sign-off of this case, and what this person may do about it: withdraw it, or record conditions as met."""

    row: SignOffRow
    withdraw: str | None
    meet: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class TermRow:
    """A row of the form for one condition, as typed so far."""

    number: int
    text: str
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is on the page beside the form. `unread` are sections that the policy asks for, not opened.

    `newer` are the scheduled audits since the audit that a signature is bound to, the newest first.
    `first_day` and `last_day` are the days between which a condition can be due.
    """

    bound: tuple[Bound, ...]
    until: str
    given: tuple[Given, ...]
    needed: tuple[str, ...]
    opened: str
    unread: tuple[str, ...]
    owners: tuple[tuple[str, str], ...]
    first_day: str
    last_day: str
    newer: tuple[str, ...] = ()


def sheet(desk: Desk, case: Case, person: Person, reading: Reading) -> Sheet:
    """The sheet of this case for this person, who has opened `reading` of its evidence."""
    rules, now = rules_of(desk, case), case.dossier.now
    end = now + timedelta(days=rules.sign_off_valid_days if rules else 0)
    asked = quorum(rules, case.dossier, desk.policy.digest).missing if rules else ()
    return Sheet(
        bound=bound(desk, case),
        until=moment(end),
        given=given(desk, case, person),
        needed=tuple(who_can_sign(function, case, desk.policy) for function in asked),
        opened=f"You opened {opened_words(reading)}",
        unread=tuple(section_name(key) for key in unopened(reading, rules.must_open if rules else ())),
        owners=tuple((item.id, f"{printable(item.name)} ({item.id})") for item in case.dossier.people if item.active),
        first_day=f"{now:%Y-%m-%d}",
        last_day=f"{end:%Y-%m-%d}",
        newer=tuple(newer_audits(case)),
    )


def newer_audits(case: Case) -> Iterator[str]:
    """What was measured on newer data since, by ledger entry, the newest first: LISTED of them, the rest counted."""
    found = tuple(reversed(case.dossier.monitoring()))
    for item in found[:LISTED]:
        yield f"Scheduled audit, ledger entry {item.seq}, {moment(item.time)}: {verdict_counts(item.verdicts)}."
    if len(found) > LISTED:
        rest = found[LISTED:]
        adverse = sum(bool(item.verdicts.get(Verdict.ADVERSE)) for item in rest)
        audits = f"{len(rest)} earlier scheduled audit{'' if len(rest) == 1 else 's'}"
        yield f"{audits}, {count(adverse)} of them adverse: the ledger has them."


def term_rows(typed: Mapping[str, str]) -> tuple[TermRow, ...]:
    """The rows of the form for conditions: as many as were there, three at least, and some more where asked for."""
    there = next((n for n in range(MAX_CONDITIONS, 0, -1) if f"condition_text_{n}" in typed), ROWS)
    count = min(MAX_CONDITIONS, max(ROWS, there) + (ROWS if "more" in typed else 0))
    return tuple(
        TermRow(n, *(typed.get(f"condition_{what}_{n}", "") for what in ("text", "owner", "due")))
        for n in range(1, count + 1)
    )


def bound(desk: Desk, case: Case) -> tuple[Bound, ...]:
    """The five things that a signature is bound to."""
    audit, validation = case.dossier.audit(), case.dossier.validation()
    name, size = printable(case.subject), f"ledger entry {audit.seq}, {moment(audit.time)}" if audit else ""
    words = (
        f"Every byte of {name} as it was audited",
        f"What was measured of it for the release ({size})" if audit else "None is recorded",
        "The rows that it was measured on",
        f"What the checks of these rows found: {printable(validation.outcome)}" if validation else "None is recorded",
        f"What a release needs: policy {printable(desk.policy.name)}, version {printable(desk.policy.version)}",
    )
    values = (getattr(case.shown(), field) or "" for field in SHOWN)
    rows = zip(SHOWN, digest_rows(case.shown()), words, values, strict=True)
    return tuple(Bound(field, row.label, said, row.digest, value) for field, row, said, value in rows)


def acts(desk: Desk, case: Case, person: Person) -> dict[int, tuple[tuple[str, str], ...]]:
    """What this person may do about each sign-off of the case, by ledger entry: words and addresses."""
    found = {item.seq: () for item in case.dossier.sign_offs} | {
        item.row.seq: (
            *((f"Record condition {number} as met", address) for number, address in item.meet),
            *([("Withdraw", item.withdraw)] if item.withdraw else []),
        )
        for item in given(desk, case, person)
    }
    return dict(found)


def given(desk: Desk, case: Case, person: Person) -> tuple[Given, ...]:
    """The sign-offs of this case and target, and what this person may do about each."""
    mine = withdrawable(desk, case, person)
    found = (item for item in case.dossier.sign_offs if item.target == case.target)
    return tuple(_given(desk, case, item, person, may_withdraw=item.seq in mine) for item in found)


def _given(desk: Desk, case: Case, item: SignOff, person: Person, *, may_withdraw: bool) -> Given:
    row = sign_off_row(item, case, desk.policy)
    open_ones = [x.number for x in row.conditions if x.state == "open"] if row.counts else []
    meet = tuple((n, _condition_link(case, item.seq, n)) for n in open_ones if may_fulfil(case, item, n, person))
    return Given(row, link_of(case, "/case/withdraw") if may_withdraw else None, meet)


def _condition_link(case: Case, seq: int, number: int) -> str:
    path = case_link(case.subject.name, case.subject.version, case.target.alias, "/case/condition")
    return f"{path}&sign_off={seq}&number={number}"

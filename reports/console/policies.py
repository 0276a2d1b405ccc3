"""Policies: the one in force in words, who adopted what, what changed, and the approval of the next one."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.adoption import approve_policy, why_not_approve
from governance.charter import ADOPTERS, Adoption, Charter
from governance.desk import Desk, charter_of
from governance.errors import (
    ConfigurationError,
    FairgateError,
    NotAuthorizedError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import Person
from governance.policy import Policy
from governance.policy_file import read_policy
from governance.signoff import MAX_REASON
from reports.console.answers import html
from reports.console.credentials import act, authenticated, ways
from reports.console.desktop import policy_banner
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.policy_words import (
    Difference,
    Fact,
    RaciRow,
    TierTable,
    head_facts,
    policy_differences,
    raci_rows,
    tier_table,
)
from reports.words import listed, moment, printable

router = APIRouter()


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy in words. `problem` says why it cannot be read; it has no words then."""

    title: str
    digest: str
    head: tuple[Fact, ...] = ()
    tiers: TierTable | None = None
    raci: tuple[RaciRow, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AdoptionRow:
    """When a policy came into force, and by whom. `changes` leads to what differs from the one before, if any."""

    seq: int
    time: str
    title: str
    digest: str
    by: str
    changes: str


@dataclass(frozen=True, slots=True)
class PendingRow:
    """Approvals of a policy that is not in force (yet). `mine`: it is the one that this console works with."""

    digest: str
    title: str
    approvals: tuple[tuple[int, str], ...]
    missing: int
    mine: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """The policy that this console works with, where another one is in force: what would change and who would sign.

    `barred` says why this person cannot approve it; empty where she can.
    """

    view: PolicyView
    changes: tuple[Difference, ...]
    unreadable: str
    signers: tuple[tuple[str, str], ...]
    approvals: tuple[tuple[int, str], ...]
    missing: int
    barred: str


@router.get("/policies")
def policies_page(request: Request, session: Visitor) -> Response:
    """The policy in force, what is proposed, and what was in force before."""
    return _page(request, session)


@router.get("/policies/changes")
def changes_page(request: Request, session: Visitor, before: str, after: str) -> Response:
    """What differs between two policies that were adopted, or between one and the console's own."""
    desk = desk_of(request)
    charter = charter_of(desk)
    views = (_described(desk, charter, before), _described(desk, charter, after))
    old, new = _read(desk, charter, before), _read(desk, charter, after)
    changes = policy_differences(old, new) if isinstance(old, Policy) and isinstance(new, Policy) else None
    problems = tuple(item for item in (old, new) if isinstance(item, str))
    return html("console_policy_changes.html", session, views=views, changes=changes, problems=problems)


@router.post("/policies/approve")
def approve(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Approve the policy that the console works with, if it is the one that was shown; the password again."""
    desk = desk_of(request)
    reason = fields.get("reason", "").replace("\r\n", "\n")
    try:
        if fields.get("digest") != desk.policy.digest:
            raise StaleEvidenceError("the policy is another one than the page showed; read it and approve it again")
        will = act("approve a policy", session.person, digest=desk.policy.digest, reason=reason)
        who = authenticated(request, session, fields, will)
        entry, _ = approve_policy(desk, who.person, reason, who.authentication, who.assurance)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _page(request, session, str(error), reason, 403 if isinstance(error, NotAuthorizedError) else 409)
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _page(request: Request, session: Session, problem: str = "", reason: str = "", status: int = 200) -> Response:
    desk = desk_of(request)
    charter = charter_of(desk)
    now = charter.adopted()
    return html(
        "console_policies.html",
        session,
        status,
        view=_described(desk, charter, now.digest) if now else None,
        adoption=_adoption(charter, now, None) if now else None,
        valid=_validity(desk, charter),
        proposal=None if now is None or now.digest == desk.policy.digest else _proposal(desk, charter, session.person),
        history=_history(charter),
        pending=_pending(desk, charter),
        policy_banner=policy_banner(desk),
        problem=problem,
        ways=ways(request, session),
        typed=reason,
        max_reason=MAX_REASON,
        adopters=ADOPTERS,
    )


def _history(charter: Charter) -> tuple[AdoptionRow, ...]:
    earlier: tuple[Adoption | None, ...] = (None, *charter.adoptions)
    pairs = zip(charter.adoptions, earlier, strict=False)
    return tuple(_adoption(charter, item, before) for item, before in pairs)[::-1]


def _adoption(charter: Charter, item: Adoption, before: Adoption | None) -> AdoptionRow:
    return AdoptionRow(
        seq=item.seq,
        time=moment(item.time),
        title=_title(item),
        digest=printable(item.digest),
        by=listed(tuple(_name(charter, who) for who in item.by)) or "its first use, as no two persons could sign yet",
        changes=f"/policies/changes?before={before.digest}&after={item.digest}" if before else "",
    )


def _proposal(desk: Desk, charter: Charter, person: Person) -> Proposal:
    policy, now = desk.policy, charter.adopted()
    old = _read(desk, charter, now.digest) if now else "no policy is in force"
    approvals = _approvals(charter, policy.digest)
    return Proposal(
        view=_view(policy),
        changes=policy_differences(old, policy) if isinstance(old, Policy) else (),
        unreadable="" if isinstance(old, Policy) else old,
        signers=tuple((printable(name), _able(charter, name)) for name in policy.all_signers()),
        approvals=approvals,
        missing=ADOPTERS - len(approvals),
        barred=why_not_approve(desk, person) or "",
    )


def _pending(desk: Desk, charter: Charter) -> tuple[PendingRow, ...]:
    digests = dict.fromkeys(item.digest for item in charter.endorsements)
    found = ((digest, _approvals(charter, digest)) for digest in digests)
    return tuple(
        PendingRow(
            digest=printable(digest),
            title=_described(desk, charter, digest).title,
            approvals=approvals,
            missing=ADOPTERS - len(approvals),
            mine=digest == desk.policy.digest,
        )
        for digest, approvals in found
        if approvals
    )


def _approvals(charter: Charter, digest: str) -> tuple[tuple[int, str], ...]:
    """Of those that count now: the entry, and who in which function."""
    return tuple(
        (item.seq, f"{_name(charter, item.person)} ({printable(item.function)})") for item in charter.endorsed(digest)
    )


def _able(charter: Charter, function: str) -> str:
    return listed(tuple(printable(person.name) for person in charter.able((function,)))) or "nobody"


def _name(charter: Charter, identity: str) -> str:
    known = charter.person(identity)
    return printable(known.name if known else identity)


def _validity(desk: Desk, charter: Charter) -> str:
    """What to say where the policy in force is not valid today; empty where it is."""
    now = charter.adopted()
    policy = _read(desk, charter, now.digest) if now else None
    if not isinstance(policy, Policy) or policy.in_force(desk.clock().date()):
        return ""
    until = policy.valid_until.isoformat() if policy.valid_until else "no end"
    return (
        f"It is valid from {policy.valid_from} to {until}, so not today: nothing is released under it. "
        f"Two persons adopt another one."
    )


def _read(desk: Desk, charter: Charter, digest: str) -> Policy | str:
    """The policy with this digest, from the bytes in the evidence store, or why it cannot be read.

    Raises ConfigurationError for a digest that no policy here ever had.
    """
    if digest == desk.policy.digest:
        return desk.policy
    known = {item.digest for item in charter.adoptions} | {item.digest for item in charter.endorsements}
    if digest not in known:
        raise ConfigurationError("no policy with this digest was adopted or approved here")
    try:
        return read_policy(desk.evidence.get(digest), name=f"the policy {digest[:19]}")
    except FairgateError as error:
        return printable(error, 600)


def _described(desk: Desk, charter: Charter, digest: str) -> PolicyView:
    found = _read(desk, charter, digest)
    if isinstance(found, Policy):
        return _view(found)
    known = next((item for item in charter.adoptions if item.digest == digest), None)
    return PolicyView(_title(known) if known else digest[:19], printable(digest), problem=found)


def _view(policy: Policy) -> PolicyView:
    return PolicyView(_title(policy), policy.digest, head_facts(policy), tier_table(policy), raci_rows(policy))


def _title(policy: Policy | Adoption) -> str:
    return f"{printable(policy.name)} {printable(policy.version)}"

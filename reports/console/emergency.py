"""Break the glass: a page for the first of two persons, and the same page for the second, who confirms or leaves it.

What is recorded is what `fairgate break-glass` records, through `governance.emergency`: this room refuses nothing of
its own but a form on which she did not say that she has read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.break_glass import ends
from governance.case import Case, open_case
from governance.desk import Desk
from governance.digests import digest_value
from governance.emergency import Plea, barred, break_glass, check, most_hours, waiting_glass
from governance.errors import ConfigurationError, SignOffRefusedError
from governance.people import Person
from governance.policy import Assurance
from governance.signoff import withdrawable
from reports.console.answers import html
from reports.console.case_form import case_in, frame, reason_in, shown_in, status_of
from reports.console.credentials import Will, act, authenticated
from reports.console.desktop import glass_words, link_of
from reports.console.masking import case_for
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.console.sheet import bound
from reports.glass import emergency_line
from reports.words import moment, one_line, printable, requirement_label

router = APIRouter()


@dataclass(frozen=True, slots=True)
class PartRow:
    """The part of the first person, as the second one reads it before she confirms."""

    seq: int
    who: str
    time: str
    hours: int
    reason: str
    until: str


@router.get("/case/emergency")
def emergency_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """What breaking the glass of this case does, what is missing, and the form of the first or the second person."""
    return _show(request, session, open_case(desk_of(request), name, version, alias), {})


@router.post("/emergency")
def break_it(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Record one person's part: the person proved again, everything computed again, what moved refused."""
    desk, case = desk_of(request), case_in(request, fields)
    try:
        plea = _plea(fields)
        who = authenticated(request, session, fields, _will(desk, case, session.person, plea))
        said = replace(plea, authentication=who.authentication, assurance=who.assurance)
        entry, _ = break_glass(desk, case, who.person, said)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _show(request, session, case_in(request, fields), fields, str(error), status_of(error))
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _will(desk: Desk, case: Case, person: Person, plea: Plea) -> Will:
    """What her passkey signs. The plea is judged before she touches it; how she proves herself, when it is recorded."""
    said = {
        "model": case.subject.digest,
        "target": f"{case.target}",
        "hours": f"{plea.hours}",
        "confirms": f"{plea.confirms}",
        "reason": plea.reason,
        "shown": digest_value(plea.shown),
    }
    signed = act("break glass", person, **said)

    def will(asked: datetime) -> bytes:
        now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
        proved = replace(plea, authentication="passkey", assurance=Assurance.SERVER_ATTESTED)
        check(desk, now, person, proved)
        return signed(asked)

    return will


def _plea(fields: Mapping[str, str]) -> Plea:
    """What the form says, not yet proved. Raises ConfigurationError where it is not whole."""
    numbers = {name: fields.get(name, "").strip() for name in ("hours", "confirms")}
    for name, text in numbers.items():
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise ConfigurationError(f"{name} is {printable(text, 40)!r}, which is no whole number")
    if fields.get("sure") != "yes":
        raise ConfigurationError("you did not say that you have read what is missing: tick the box, or leave it")
    return Plea(int(numbers["hours"]), reason_in(fields), "", confirms=int(numbers["confirms"]), shown=shown_in(fields))


def _show(
    request: Request,
    session: Session,
    case: Case,
    typed: Mapping[str, str],
    problem: str | None = None,
    status: int = 200,
) -> Response:
    desk = desk_of(request)
    seen = case_for(desk, session, case)
    part, most = _part(desk, seen), most_hours(desk, case)
    mine = {item.seq for item in case.dossier.broken_glass} & set(withdrawable(desk, case, session.person))
    return html(
        "console_emergency.html",
        session,
        status,
        model=printable(case.subject),
        target=printable(case.target),
        part=part,
        banner=emergency_line(seen) or glass_words(desk, seen),
        barred=barred(desk, case, session.person),
        missing=_missing(seen),
        bound=bound(desk, case),
        most=most,
        hours=typed.get("hours", f"{min(part.hours, most)}" if part else ""),
        latest=moment(case.dossier.now + timedelta(hours=most)),
        withdraw=link_of(case, "/case/withdraw") if mine else None,
        **frame(request, session, case, typed, problem),
    )


def _missing(case: Case) -> tuple[tuple[str, str], ...]:
    """What a release would need and does not have: the requirement and why it is not met."""
    return tuple((requirement_label(x.requirement), one_line(x.reason, 400)) for x in case.decision.missing())


def _part(desk: Desk, case: Case) -> PartRow | None:
    part, rules = waiting_glass(desk, case), desk.policy.rules(case.decision.tier)
    if part is None or rules is None:
        return None
    return PartRow(
        seq=part.seq,
        who=f"{printable(part.person.name)} ({printable(part.function)})",
        time=moment(part.time),
        hours=part.hours,
        reason=printable(part.reason, None, lines=True),
        until=moment(ends(part, rules)),
    )

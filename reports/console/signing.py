"""The one page that writes: sign what was shown, through `governance.signoff` alone."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.case import open_case
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError, StaleEvidenceError
from governance.record import Shown
from governance.signoff import Wish, will_of
from governance.signoff import sign as record_signature
from reports.console.answers import html
from reports.console.credentials import authenticated
from reports.console.desktop import link_of, moved_rows
from reports.console.evidence import SHOWN, show_case
from reports.console.session import OwnForm, Visitor, desk_of, outside_of

router = APIRouter()


@router.post("/sign")
def sign(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Sign what was shown: the password again, everything computed again, moved evidence refused."""
    desk = desk_of(request)
    case = open_case(desk, fields.get("name", ""), fields.get("version", ""), fields.get("alias", ""))
    wish = _wish(fields)
    try:
        who = authenticated(request, session, fields, lambda asked: will_of(desk, case, session.person, wish, asked))
        entry = record_signature(desk, case, who.person, who.prove(wish))
    except StaleEvidenceError as error:
        now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
        rows = moved_rows(now, wish.shown)
        return html("console_moved.html", session, 409, link=link_of(now), rows=rows, message=str(error))
    except (SignOffRefusedError, ConfigurationError) as error:
        status = 403 if isinstance(error, NotAuthorizedError) else 409
        return show_case(request, session, case, str(error), fields, status)
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _wish(fields: Mapping[str, str]) -> Wish:
    given = {name: fields.get(name) or None for name in SHOWN}
    shown = Shown(
        model_digest=given["model_digest"] or "",
        report_digest=given["report_digest"],
        data_digest=given["data_digest"],
        validation_digest=given["validation_digest"],
        policy_digest=given["policy_digest"] or "",
    )
    reason = fields.get("reason", "").replace("\r\n", "\n")
    return Wish(fields.get("function", ""), fields.get("decision", ""), reason, shown, "")

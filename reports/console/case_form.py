"""What every form about one case has alike: its case, its reason, what stood wrong, and the status of a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from governance.accounts import Session
from governance.case import Case, open_case
from governance.errors import NotAuthorizedError
from governance.record import Shown
from governance.signoff import MAX_REASON
from reports.console.credentials import ways
from reports.console.desktop import link_of
from reports.console.session import desk_of
from reports.console.sheet import SHOWN
from reports.words import printable


def frame(
    request: Request, session: Session, case: Case, typed: Mapping[str, str], problem: str | None
) -> dict[str, object]:
    """What the template of such a form prints; `problem` says why what was `typed` was not recorded."""
    return {
        "case": case,
        "title": f"{printable(case.subject)} as {printable(case.target)}",
        "link": link_of(case),
        "sign_link": link_of(case, "/case/sign"),
        "problem": problem,
        "reason": typed.get("reason", ""),
        "max_reason": MAX_REASON,
        "ways": ways(request, session),
    }


def case_in(request: Request, fields: Mapping[str, str]) -> Case:
    """The case that the form is about, as it stands now."""
    return open_case(desk_of(request), *(fields.get(name, "") for name in ("name", "version", "alias")))


def reason_in(fields: Mapping[str, str]) -> str:
    """The reason as typed, its lines ended as the record ends them."""
    return fields.get("reason", "").replace("\r\n", "\n")


def shown_in(fields: Mapping[str, str]) -> Shown:
    """The digests of the evidence that the page of this form showed."""
    given = {name: fields.get(name) or None for name in SHOWN}
    return Shown(
        model_digest=given["model_digest"] or "",
        report_digest=given["report_digest"],
        data_digest=given["data_digest"],
        validation_digest=given["validation_digest"],
        policy_digest=given["policy_digest"] or "",
    )


def status_of(error: Exception) -> int:
    """403 where the person may not, 409 where what she asks for does not fit the case."""
    return 403 if isinstance(error, NotAuthorizedError) else 409

"""Pages as answers: a template, the session of who asks, and the status."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from governance.accounts import Session
from reports.console.navigation import PLACES
from reports.templating import page


def html(template: str, session: Session | None, status: int = 200, **values: object) -> HTMLResponse:
    """A page of the console."""
    return HTMLResponse(page(template, {"session": session, "places": PLACES, **values}), status_code=status)

"""The JSON API under /api/v1, beside the pages: for scripts, for reading alone, described by /api/v1/openapi.json.

An application of its own, mounted into the console's: its errors are JSON, and nothing of it can be reached by POST.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import State

from governance.case import open_case, still_waiting
from governance.desk import Desk
from governance.digests import canonical_json
from governance.errors import ConfigurationError
from governance.figures import facts_from
from governance.history import histories, live_on
from governance.inventory import inventory
from governance.ledger.receipt import write_proof
from governance.statement import Entry
from reports.console import api_answers as answers
from reports.console.answers import html
from reports.console.api_access import Caller, NotForYouError, Problem, add_problems
from reports.console.figures import yearly
from reports.console.masking import case_for, evidence_for, may_read_bytes, reads_all, reigns_for
from reports.console.session import Visitor, cases_of, desk_of
from reports.console.worked import worked
from reports.ledger_search import entry_at
from reports.release import release_view
from reports.words import printable

PREFIX = "/api/v1"
MOST = 500
ABOUT = (
    "What the console shows, for scripts. It is for reading: nothing can be signed, refused or changed here. Ask with "
    "`Authorization: Bearer TOKEN`; `fairgate people token` makes a token. Counts of small groups are masked as in the "
    "console, by the functions of the token's person."
)
_Responses = dict[int | str, dict[str, Any]]
_PROBLEMS: _Responses = {
    status: {"model": Problem, "description": words}
    for status, words in {
        401: "No token, or one that does not hold",
        403: "Not for this person",
        404: "There is no such thing",
        422: "The question is not complete",
        500: "The ledger or the evidence is not as it was recorded",
        503: "A service does not answer",
    }.items()
}
_RECORD: _Responses = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "The record"}
}
_TEXT: _Responses = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "A C2SP tlog-proof"}
}
_BYTES: _Responses = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "A DSSE envelope"}
}

Name = Annotated[str, Query(max_length=2_000, description="The registered model's name")]
Number = Annotated[str, Query(max_length=200, description="The version's number")]
Alias = Annotated[str, Query(max_length=500, description="The alias, for example champion")]

router = APIRouter(responses=_PROBLEMS)
pages = APIRouter()


def api_application(state: State) -> FastAPI:
    """The API over the console's own state: the same desk, memory and cookies."""
    app = FastAPI(
        title="Fairgate", version="1", description=ABOUT, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    app.state = state
    app.include_router(router)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    add_problems(app)
    return app


def described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 with the way to show a token, which FastAPI cannot know."""
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    found["servers"] = [{"url": PREFIX}]
    found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return found


@router.get("/me")
def me(request: Request, session: Caller) -> answers.Me:
    """Whose token this is."""
    return answers.me(session.person, whole=reads_all(desk_of(request), session))


@router.get("/inbox")
def inbox(request: Request, session: Caller) -> tuple[answers.Waiting, ...]:
    """The holds that wait for people, the oldest first."""
    desk = desk_of(request)
    return tuple(answers.waiting(case_for(desk, session, case)) for case in still_waiting(cases_of(request)))


@router.get("/models")
def models(request: Request, _session: Caller) -> tuple[answers.Model, ...]:
    """Every model that the ledger knows, with its versions and where they are."""
    return tuple(answers.model(item) for item in worked(request, inventory))


@router.get("/case")
def case(request: Request, session: Caller, name: Name, version: Number, alias: Alias) -> answers.CaseAnswer:
    """The decision of one case now: each requirement, who signed, and the digests that a signature would name."""
    desk = desk_of(request)
    return answers.case_answer(evidence_for(desk, session, open_case(desk, name, version, alias)))


@router.get("/record", response_class=Response, responses=_RECORD)
def record(request: Request, session: Caller, name: Name, version: Number, alias: Alias) -> Response:
    """The whole record of one case, RFC 8785 canonical JSON: the report that every other format is made from."""
    desk = desk_of(request)
    view = release_view(evidence_for(desk, session, open_case(desk, name, version, alias)))
    return Response(canonical_json(view.record), media_type="application/json")


@router.get("/history")
def history(
    request: Request,
    session: Caller,
    on: Annotated[date, Query(description="A day in UTC, 2026-11-30")],
    name: Name = "",
) -> answers.History:
    """What was live at any moment of a day, of one model or of all."""
    desk = desk_of(request)
    found = reigns_for(desk, session, live_on(worked(request, histories), on, UTC))
    checkpoint = desk.ledger.checkpoint()
    spells = tuple(answers.spell(item) for item in found if name in ("", item.name))
    root = checkpoint.root.hex() if checkpoint else None
    return answers.History(on.isoformat(), desk.ledger.size(), root, spells)


@router.get("/figures")
def figures(request: Request, _session: Caller) -> answers.FiguresAnswer:
    """The key figures of the last year, and of its quarters."""
    return answers.key_figures(yearly(desk_of(request), worked(request, facts_from)))


@router.get("/entries")
def entries(
    request: Request,
    _session: Caller,
    since: Annotated[int, Query(ge=0, description="The first entry")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most")] = 100,
) -> answers.Entries:
    """Entries of the ledger in their order."""
    ledger = desk_of(request).ledger
    found: Iterator[Entry] = islice(ledger.entries(since=since), limit)
    return answers.entries(found, ledger.size(), limit)


@router.get("/entries/{seq}")
def entry(request: Request, _session: Caller, seq: int) -> answers.LedgerEntry:
    """One entry of the ledger."""
    return answers.entry(_entry(desk_of(request), seq))


@router.get("/entries/{seq}/envelope", response_class=Response, responses=_BYTES)
def envelope(request: Request, session: Caller, seq: int) -> Response:
    """The exact bytes of an entry, which can hold small counts: for who reads these, and for whose act it is."""
    desk = desk_of(request)
    found = _entry(desk, seq)
    if not may_read_bytes(desk, session, found):
        raise NotForYouError("the bytes of an entry can hold counts of small groups, which this person may not read")
    return Response(found.envelope, media_type="application/json")


@router.get("/entries/{seq}/proof", response_class=Response, responses=_TEXT)
def proof(request: Request, _session: Caller, seq: int) -> Response:
    """The proof that an entry is in the ledger; with its exact bytes, the receipt."""
    desk = desk_of(request)
    text = write_proof(desk.ledger.receipt(_entry(desk, seq).seq))
    return Response(text.encode(), media_type="text/plain; charset=utf-8")


@router.get("/checkpoint")
def checkpoint(request: Request, _session: Caller) -> answers.SignedCheckpoint | None:
    """The newest signed checkpoint of the ledger; keep it elsewhere."""
    return answers.checkpoint(desk_of(request).ledger.checkpoint())


@pages.get("/api")
def api_page(request: Request, session: Visitor) -> Response:
    """What the API answers, and how to get a token."""
    found = described(api_application(request.app.state))["paths"]
    rows = tuple(
        (path, answer["get"]["description"], tuple(item["name"] for item in answer["get"].get("parameters", ())))
        for path, answer in found.items()
    )
    return html("console_api.html", session, rows=rows, prefix=PREFIX, person=printable(session.person.id))


@pages.get("/healthz")
def health(request: Request) -> Response:
    """Whether the ledger and the accounts answer. For machines that watch: no login, and no details."""
    desk = desk_of(request)
    try:
        desk.ledger.size()
        desk.accounts.people()
    except Exception:  # noqa: BLE001 - whatever it is, it is down; who watches learns no more
        return Response('{"status":"down"}', 503, media_type="application/json")
    return Response('{"status":"up"}', media_type="application/json")


def _entry(desk: Desk, seq: int) -> Entry:
    found = entry_at(desk.ledger, seq)
    if found is None:
        raise ConfigurationError(f"the ledger has no entry {seq}")
    return found

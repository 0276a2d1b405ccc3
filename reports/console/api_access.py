"""Who asks the JSON API, and how it says no. Tokens are looked at here alone: they open no page and no form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from governance.accounts import Session
from governance.api_tokens import ApiTokens
from governance.errors import (
    ConfigurationError,
    Exit,
    FairgateError,
    LedgerError,
    NotAuthorizedError,
    ServiceError,
    SignOffRefusedError,
)
from reports.console.session import cookies_of, desk_of
from reports.words import one_line

_STATUS: tuple[tuple[type[FairgateError], int], ...] = (
    (NotAuthorizedError, 401),
    (SignOffRefusedError, 403),
    (ConfigurationError, 404),
    (ServiceError, 503),
    (LedgerError, 500),
)


class NotForYouError(SignOffRefusedError):
    """This person may not read it: it can give counts of small groups away."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no answer: the error's name, a sentence with the way out, and the exit code of the command line."""

    error: str
    message: str
    exit_code: int


def caller(request: Request) -> Session:
    """Who asks: by a token in `Authorization: Bearer`, or by the console's own session.

    A token is no session: it has no form token, so nothing can be sent with it. Raises NotAuthorizedError.
    """
    desk, now = desk_of(request), desk_of(request).clock()
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        person = ApiTokens(desk.accounts).holder(secret.strip(), now) if scheme.lower() == "bearer" else None
        if person is None:
            raise NotAuthorizedError("the token is unknown, has ended, was revoked, or its person is disabled")
        return Session(person, "")
    cookie = request.cookies.get(cookies_of(request).session)
    session = desk.accounts.session(cookie, now) if cookie else None
    if session is None:
        raise NotAuthorizedError("send a token (fairgate people token), or sign in to the console")
    return session


Caller = Annotated[Session, Depends(caller)]


def add_problems(app: FastAPI) -> None:
    """Every error of this application becomes a `Problem`."""
    app.add_exception_handler(FairgateError, _said)
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _http)


def _said(_request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    exit_code = error.exit_code if isinstance(error, FairgateError) else Exit.CONFIGURATION
    return _problem(status, type(error).__name__, str(error), int(exit_code))


def _unusable(_request: Request, error: Exception) -> JSONResponse:
    """What is wrong with the question; the value is not repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    words = "; ".join(f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in found)
    return _problem(422, "UsageError", f"{words or 'the question is not complete'}; see /api", int(Exit.CONFIGURATION))


def _http(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is nothing under this address; see /api", 405: "the API is for reading: it answers GET alone"}
    return _problem(status, f"HTTP{status}", words.get(status, f"status {status}"), int(Exit.CONFIGURATION))


def _problem(status: int, error: str, message: str, exit_code: int) -> JSONResponse:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    body = {"error": error, "message": one_line(message, 2_000), "exit_code": exit_code}
    return JSONResponse(body, status, headers)

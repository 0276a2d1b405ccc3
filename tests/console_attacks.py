"""The table of attacks on the console: every route with a request that is good, and every way of spoiling one.

A route of the application that is not in ROUTES fails `test_every_route_has_its_cases`. What is refused is refused
without a trace: no entry in the ledger, no account, no session.
"""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import console_scenes as scenes
import report_factory as factory
from browser_pages import query
from console_factory import Ticking, console_of, project_desk, project_settings
from recovery_factory import NEW, halves_of, some_resets
from wire import Ask, Reply, send

from governance.desk import Desk, charter_of
from governance.statement import PredicateType
from reports import sections

OFFICER, OTHER, OUTSIDER = "compliance-officer", "second-officer", "data-scientist"
HIDDEN = re.compile(r'type="hidden" name="([^"]*)" value="([^"]*)"')


STRANGERS = ("/login", "/reset")
"""Forms of who is not signed in: their token is tied to a cookie of their own."""

RECORDED = {"failure", "failures", "codes"}
"""Tables of what was tried in vain: they are meant to grow."""


@dataclass
class Site:
    """The console over a real desk, with one session for each person, and what must not change."""

    app: Any
    desk: Desk
    accounts_file: Path
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    asks: dict[str, Ask] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """After an attack that got through: sessions and forms are opened anew."""
        self.sessions.clear()
        self.asks.clear()
        self.tokens.clear()

    def send(self, ask: Ask) -> Reply:
        return send(self.app, ask)

    def cookies(self, person: str | None) -> dict[str, str]:
        """The cookies of this person's session, opened on first use."""
        if person is None:
            return {}
        if person not in self.sessions:
            self.sessions[person] = self.login(person)
        return self.sessions[person]

    def login(self, person: str) -> dict[str, str]:
        """A new session of this person."""
        asked = Ask("POST", "/login", fields=[("id", person), ("password", factory.SECRET), ("wanted", "/")])
        answer = self.send(self.with_token(asked, None))
        assert answer.status == 303, answer.text
        return kept_cookies(answer)

    def with_token(self, ask: Ask, person: str | None) -> Ask:
        """The request with the token that its form has, and the cookies that go with it."""
        if ask.target.partition("?")[0] in STRANGERS:
            form = self.send(Ask("GET", "/login"))
            token = dict(HIDDEN.findall(form.text))["token"]
            return replace(ask, cookies=kept_cookies(form), fields=[*(ask.fields or ()), ("token", token)])
        cookies = self.cookies(person)
        return replace(ask, cookies=cookies, fields=[*(ask.fields or ()), ("csrf", self.csrf(cookies))])

    def csrf(self, cookies: Mapping[str, str]) -> str:
        """The token of this session's forms."""
        key = repr(sorted(cookies.items()))
        if key not in self.tokens:
            text = self.send(Ask("GET", "/", cookies=cookies)).text
            self.tokens[key] = dict(HIDDEN.findall(text))["csrf"]
        return self.tokens[key]

    def address(self, target: str) -> str:
        """The target with the numbers and digests of this desk."""
        said = target.replace("%7B", "{").replace("%7D", "}")
        if "{" not in said:
            return said
        entries = self.desk.ledger.entries()
        condition = next(entry.seq for entry in entries if entry.statement.body.get("conditions"))
        return said.format(condition=condition, policy=self.desk.policy.digest, delegation=_delegation(self))

    def state(self) -> tuple[object, ...]:
        """What no refused request may change: the ledger, and the rows of the accounts; failures are recorded."""
        with closing(sqlite3.connect(self.accounts_file)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            counts = [
                (name, database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
                for name in sorted(tables)
                if name not in RECORDED
            ]
        return (self.desk.ledger.size(), *counts)


def new_site(folder: Path) -> Site:
    """A month at a desk, at which the clock then stands still: sessions stay open, and codes good."""
    clock = Ticking()
    desk = scenes.play(project_desk(folder, clock, scenes.PEOPLE), clock)
    clock.step = timedelta(0)
    for person in (OFFICER, OTHER, "risk-officer"):
        factory.code(desk, person)
    some_resets(desk)
    file = project_settings(folder).accounts_url.removeprefix("sqlite:///")
    return Site(console_of(desk), desk, Path(file))


def kept_cookies(answer: Reply) -> dict[str, str]:
    """The cookies that a browser keeps of this answer."""
    pairs = (line.split(";")[0].partition("=") for line in answer.cookies() if "Max-Age=0" not in line)
    return {name: value.strip('"') for name, _, value in pairs}


Fields = Callable[[Site], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Route:
    """A route with a good request: its path, who asks, its form, and the status that it answers."""

    method: str
    path: str
    target: str
    person: str | None = OFFICER
    fields: Fields | None = None
    good: int = 200
    signed_out: int = 303
    media: str = "text/html"
    upload: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def token(self) -> str:
        """The name of the field that says the form is our own."""
        return "token" if self.path in STRANGERS else "csrf"

    def ask(self, site: Site) -> Ask:
        """The good request; its form is filled in once, and good until it is sent."""
        if self.name not in site.asks:
            site.asks[self.name] = self._made(site)
        return site.asks[self.name]

    def _made(self, site: Site) -> Ask:
        if self.method == "GET":
            return Ask("GET", site.address(self.target), cookies=site.cookies(self.person))
        fields = self.fields(site) if self.fields else ()
        file = ("notes.txt", b"no receipt") if self.upload else None
        return site.with_token(Ask(self.method, self.target, fields=list(fields), file=file), self.person)


CASE = query("credit")


def _login(_site: Site) -> Sequence[tuple[str, str]]:
    return [("id", OFFICER), ("password", factory.SECRET), ("wanted", "/")]


def _proof(site: Site, person: str = OFFICER) -> Sequence[tuple[str, str]]:
    return [("password", factory.SECRET), ("code", factory.code(site.desk, person))]


def _form_of(site: Site, page: str, action: str, person: str = OFFICER) -> Sequence[tuple[str, str]]:
    """The hidden fields of the form with this action on this page, without its token and the passkey's."""
    text = site.send(Ask("GET", page, cookies=site.cookies(person))).text
    found = HIDDEN.findall(text[text.index(f'action="{action}"') :])
    first = found[: next((at for at, (name, _) in enumerate(found) if at and name == "csrf"), None)]
    return [(name, html.unescape(value)) for name, value in first if name not in {"csrf", "passkey", "passkey_answer"}]


def _sign(site: Site) -> Sequence[tuple[str, str]]:
    typed = [("decision", "approve"), ("function", "compliance"), ("reason", "I read the report.")]
    return [*_form_of(site, f"/case/sign?{CASE}", "/sign"), *typed, *_proof(site)]


def _withdraw(site: Site) -> Sequence[tuple[str, str]]:
    page = f"/case/withdraw?{query('lending')}"
    text = site.send(Ask("GET", page, cookies=site.cookies(OFFICER))).text
    boxes = re.findall(r'type="checkbox" name="(take_\d+)" value="([^"]*)"', text)
    return [*_form_of(site, page, "/withdraw"), *boxes, ("reason", "New facts came up."), *_proof(site)]


def _emergency(site: Site) -> Sequence[tuple[str, str]]:
    typed = [("hours", "4"), ("reason", "Nobody gets a loan."), ("sure", "yes")]
    return [*_form_of(site, f"/case/emergency?{query('hiring', '1')}", "/emergency"), *typed, *_proof(site)]


def _condition(site: Site) -> Sequence[tuple[str, str]]:
    seq = next(entry.seq for entry in site.desk.ledger.entries() if entry.statement.body.get("conditions"))
    page = f"/case/condition?{query('credit', sign_off=str(seq), number='1')}"
    return [
        *_form_of(site, page, "/condition", "risk-officer"),
        ("reason", "The audit of this week."),
        *_proof(site, "risk-officer"),
    ]


def _policy(site: Site) -> Sequence[tuple[str, str]]:
    return [("digest", site.desk.policy.digest), ("reason", "as agreed"), *_proof(site)]


def _disable(site: Site) -> Sequence[tuple[str, str]]:
    return [("id", "visitor"), ("sure", "yes"), ("reason", "left"), *_proof(site)]


def _delegate(site: Site) -> Sequence[tuple[str, str]]:
    day = (site.desk.clock.now + timedelta(days=3)).date().isoformat()  # type: ignore[attr-defined]
    return [("to", "chief-risk"), ("function", "compliance"), ("last_day", day), ("reason", "on leave"), *_proof(site)]


def _delegation(site: Site) -> int:
    kinds = ((entry.seq, entry.statement.predicate_type) for entry in site.desk.ledger.entries())
    return [seq for seq, kind in kinds if kind is PredicateType.DELEGATION][-1]


def _revoke(site: Site) -> Sequence[tuple[str, str]]:
    return [("delegation", str(_delegation(site))), ("reason", "back again"), *_proof(site)]


def _label(site: Site) -> Sequence[tuple[str, str]]:
    return [("label", "my phone"), *_proof(site)]


def _password(site: Site) -> Sequence[tuple[str, str]]:
    new = [("old_password", factory.SECRET), ("new_password", NEW), ("again", NEW)]
    return [*new, ("code", factory.code(site.desk, OFFICER))]


def _reset(site: Site) -> Sequence[tuple[str, str]]:
    return [("id", OUTSIDER), ("reason", "She called me."), *_proof(site)]


def _open_reset(site: Site) -> Sequence[tuple[str, str]]:
    found = charter_of(site.desk).password_reset("legal-helper")
    assert found
    return [("id", "legal-helper"), ("begun", str(found.seq)), ("reason", "She did not ask."), *_proof(site)]


def _halves(site: Site) -> Sequence[tuple[str, str]]:
    who = next(person for person in site.desk.accounts.people() if person.id == OTHER)
    one, other = halves_of(site.desk, who)
    return [("id", OTHER), ("one", one), ("other", other), ("new_password", NEW), ("again", NEW)]


def _reading(site: Site) -> Sequence[tuple[str, str]]:
    text = site.send(Ask("GET", f"/case?{CASE}", cookies=site.cookies(OFFICER))).text
    found = re.search(r'data-evidence="([^"]*)"', text)
    assert found
    return [("evidence", found[1]), ("seconds_summary", "3")]


CASES = tuple(key for key in ("", *(section.key for section in sections.SECTIONS if section.key != "summary"), "all"))
API = (
    ("/me", "/me"), ("/inbox", "/inbox"), ("/models", "/models"), ("/case", f"/case?{CASE}"), ("/record", f"/record?{CASE}"),
    ("/history", "/history?on=2026-10-20"), ("/figures", "/figures"), ("/entries", "/entries"), ("/entries/{seq}", "/entries/3"),
    ("/entries/{seq}/envelope", "/entries/3/envelope"), ("/entries/{seq}/proof", "/entries/3/proof"), ("/checkpoint", "/checkpoint"),
)  # fmt: skip
"""Pages for scripts: without a token or a session nothing is answered."""
ROUTES = (
    Route("GET", "/login", "/login", None, signed_out=200),
    Route("POST", "/login", "/login", None, _login, good=303),
    Route("GET", "/reset", "/reset", None, signed_out=200),
    Route("POST", "/reset", "/reset", None, _halves, good=303),
    Route("POST", "/logout", "/logout", good=303),
    Route("GET", "/single-sign-on/login", "/single-sign-on/login", None, good=404, signed_out=404),
    Route("GET", "/single-sign-on/callback", "/single-sign-on/callback?state=a&code=b", None, good=404, signed_out=404),
    Route("POST", "/single-sign-on/prove", "/single-sign-on/prove", fields=_sign, good=404),
    Route("GET", "/", "/"),
    *(Route("GET", f"/case/{key}".rstrip("/"), f"{f'/case/{key}'.rstrip('/')}?{CASE}") for key in CASES),
    Route("GET", "/case/report", f"/case/report?{CASE}"),
    Route("GET", "/case/reports", f"/case/reports?{CASE}"),
    Route("GET", "/case/sign", f"/case/sign?{CASE}"),
    Route("POST", "/case/sign", "/case/sign", fields=_sign),
    Route("POST", "/sign", "/sign", fields=_sign, good=303),
    Route("POST", "/reading", "/reading", fields=_reading, good=204),
    Route("GET", "/case/withdraw", f"/case/withdraw?{query('lending')}"),
    Route("GET", "/case/emergency", f"/case/emergency?{query('hiring', '1')}"),
    Route("POST", "/emergency", "/emergency", fields=_emergency, good=303),
    Route("POST", "/withdraw", "/withdraw", fields=_withdraw, good=303),
    Route(
        "GET",
        "/case/condition",
        f"/case/condition?{query('credit', sign_off='{condition}', number='1')}",
        "risk-officer",
    ),
    Route("POST", "/condition", "/condition", "risk-officer", _condition, good=303),
    Route("GET", "/models", "/models"),
    Route("GET", "/model", "/model?name=credit"),
    Route("GET", "/history", "/history"),
    Route("GET", "/history.csv", "/history.csv?on=2026-10-20", media="text/csv"),
    Route("GET", "/history.json", "/history.json?on=2026-10-20", media="application/json"),
    Route("GET", "/entry/{seq}", "/entry/3"),
    Route("GET", "/entry/{seq}/envelope", "/entry/3/envelope", media="application/json"),
    Route("GET", "/entry/{seq}/proof", "/entry/3/proof", media="text/plain"),
    Route("GET", "/entry/{seq}/receipt.zip", "/entry/3/receipt.zip", media="application/zip"),
    Route("GET", "/ledger", "/ledger"),
    Route("GET", "/verify", "/verify"),
    Route("POST", "/verify", "/verify", upload=True),
    Route("GET", "/figures", "/figures"),
    Route("GET", "/figures.csv", "/figures.csv", media="text/csv"),
    Route("GET", "/policies", "/policies"),
    Route("GET", "/policies/changes", "/policies/changes?before={policy}&after={policy}"),
    Route("POST", "/policies/approve", "/policies/approve", fields=_policy, good=409),
    Route("GET", "/schedules", "/schedules"),
    Route("GET", "/people", "/people"),
    Route("GET", "/people/person", "/people/person?id=risk-officer"),
    Route("GET", "/people/disable", "/people/disable?id=visitor"),
    Route("POST", "/people/disable", "/people/disable", fields=_disable, good=303),
    Route("GET", "/people/delegate", "/people/delegate"),
    Route("POST", "/people/delegate", "/people/delegate", fields=_delegate, good=303),
    Route("GET", "/people/revoke", "/people/revoke?delegation={delegation}"),
    Route("POST", "/people/revoke", "/people/revoke", fields=_revoke, good=303),
    Route("GET", "/people/reset", f"/people/reset?id={OUTSIDER}"),
    Route("POST", "/people/reset", "/people/reset", fields=_reset),
    Route("GET", "/people/reset/confirm", "/people/reset/confirm?id=legal-helper"),
    Route("POST", "/people/reset/confirm", "/people/reset/confirm", fields=_open_reset),
    Route("GET", "/people/reset/stop", "/people/reset/stop?id=legal-helper"),
    Route("POST", "/people/reset/stop", "/people/reset/stop", fields=_open_reset, good=303),
    Route("GET", "/me", "/me"),
    Route("GET", "/me/password", "/me/password"),
    Route("POST", "/me/password", "/me/password", fields=_password, good=303),
    Route("GET", "/me/password/told", "/me/password/told", good=303),
    Route("POST", "/me/password/told", "/me/password/told", fields=lambda _site: [("begun", "1")], good=303),
    Route("GET", "/me/passkey", "/me/passkey"),
    Route("POST", "/me/passkey", "/me/passkey", fields=_label),
    Route("POST", "/me/passkey/made", "/me/passkey/made", fields=_label, good=403),
    Route("GET", "/me/passkey/revoke", "/me/passkey/revoke?credential=none", good=404),
    Route("POST", "/me/passkey/revoke", "/me/passkey/revoke", fields=_label, good=403),
    Route("GET", "/me/code", "/me/code"),
    Route("POST", "/me/code", "/me/code", fields=_proof),
    Route("POST", "/me/code/confirm", "/me/code/confirm", fields=_proof, good=403),
    Route("GET", "/me/code/remove", "/me/code/remove"),
    Route("POST", "/me/code/remove", "/me/code/remove", fields=_proof, good=303),
    Route("GET", "/api", "/api"),
    Route("GET", "/healthz", "/healthz", None, signed_out=200, media="application/json"),
    Route("GET", "/api/v1/openapi.json", "/api/v1/openapi.json", None, signed_out=200, media="application/json"),
    *(Route("GET", f"/api/v1{path}", f"/api/v1{target}", None, good=401, signed_out=401) for path, target in API),
    Route("GET", "/static/{name}", "/static/console.css", None, signed_out=200, media="text/css"),
)
POSTS = tuple(route for route in ROUTES if route.method == "POST")
GETS = tuple(route for route in ROUTES if route.method == "GET")

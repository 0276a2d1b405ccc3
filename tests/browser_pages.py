"""Every page of the console as one table, and a visitor who opens it in a real browser.

A new page is one line of PAGES. `test_every_route_has_a_page` fails where a route of the application has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import console_scenes as scenes
import report_factory as factory
from console_factory import Ticking

from governance.desk import Desk
from governance.statement import PredicateType
from reports import sections

OUTPUT = Path(__file__).parents[1] / "test-output" / "browser"
WIDTHS = (1280, 360)
SCHEMES = ("light", "dark")
OFFICER = "compliance-officer"


@dataclass(frozen=True)
class House:
    """A served desk: its address, and the desk behind it for what happens elsewhere meanwhile."""

    url: str
    desk: Desk
    clock: Ticking
    folder: Path

    def newest(self, kind: PredicateType) -> int:
        """The newest entry of this kind."""
        return [entry.seq for entry in self.desk.ledger.entries() if entry.statement.predicate_type is kind][-1]


def query(name: str, version: str = "2", alias: str = "champion", **more: str) -> str:
    """A case as the query of an address."""
    return urlencode({"name": name, "version": version, "alias": alias, **more})


@dataclass
class Visit:
    """One person at the browser. `open` gives a page in a context of its own."""

    chromium: Any
    house: House
    contexts: list[Any] = field(default_factory=list)

    def open(self, person: str | None = OFFICER, **options: Any) -> Any:
        """A new page, signed in as this person, who has an authenticator app."""
        if person is not None:
            factory.code(self.house.desk, person)
        context = self.chromium.new_context(base_url=self.house.url, locale="en-GB", **options)
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        context.tracing.start()
        page = context.new_page()
        if person is not None:
            login(page, person)
        return page

    def close(self, failed: Path | None) -> None:
        """Close what was opened; with `failed`, keep a picture and a trace of each there."""
        for number, context in enumerate(self.contexts):
            if failed:
                failed.parent.mkdir(parents=True, exist_ok=True)
                for place, page in enumerate(context.pages):
                    page.screenshot(path=f"{failed}-{number}-{place}.png", full_page=True)
                context.tracing.stop(path=f"{failed}-{number}.zip")
            context.close()


def login(page: Any, person: str, secret: str = factory.SECRET) -> None:
    """Sign in with the form."""
    page.goto("/login")
    page.get_by_label("Id", exact=True).fill(person)
    page.get_by_label("Password", exact=True).fill(secret)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("/login"))


Act = Callable[[Any, House], None]


@dataclass(frozen=True)
class Page:
    """A page in the table: the person who opens it (None: nobody signed in), and how one comes there.

    `path` may name {sign_off}, {refusal} and more of `_Newest`: the newest entry of that kind. `act` is what
    is done there first.
    """

    name: str
    path: str
    person: str | None = OFFICER
    act: Act | None = None

    def show(self, page: Any, house: House) -> None:
        """Bring the browser to this page."""
        page.goto(self.path.replace("%7B", "{").replace("%7D", "}").format_map(_Newest(house)))
        if self.act:
            self.act(page, house)
            page.wait_for_load_state()


class _Newest(dict[str, str]):
    """Numbers of entries by the names that paths use, looked up when they are needed."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house

    def __missing__(self, name: str) -> str:
        if name == "policy":
            return self.house.desk.policy.digest
        if name == "condition":
            entries = self.house.desk.ledger.entries()
            return str(next(entry.seq for entry in entries if entry.statement.body.get("conditions")))
        kinds = {
            "sign_off": PredicateType.SIGN_OFF,
            "refusal": PredicateType.REFUSAL,
            "glass": PredicateType.BREAK_GLASS,
            "delegation": PredicateType.DELEGATION,
        }
        return str(self.house.newest(kinds[name]))


def _wrong_password(page: Any, _house: House) -> None:
    page.get_by_label("Id", exact=True).fill("nobody")
    page.get_by_label("Password", exact=True).fill("wrong password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").wait_for()


def _evidence_moves(page: Any, house: House) -> None:
    factory.record_case(house.desk, "2", name="hiring", audit=scenes.moved())
    fill_sign_form(page, house)
    page.get_by_role("heading", name="The evidence has moved").wait_for()
    factory.record_case(house.desk, "2", name="hiring")


def _refused_form(page: Any, house: House) -> None:
    fill_sign_form(page, house, reason=" ")
    page.get_by_role("alert").first.wait_for()


def _unfolded(page: Any, _house: House) -> None:
    """Every fold of the page open, as a reader may have it."""
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")


def _checked(page: Any, house: House) -> None:
    """A receipt is sent, and checks."""
    entry = house.newest(PredicateType.SIGN_OFF)
    files = [house.folder / f"fairgate-entry-{entry}.json", house.folder / f"fairgate-entry-{entry}.tlog-proof"]
    for path, kind in zip(files, ("envelope", "proof"), strict=True):
        path.write_bytes(page.request.get(f"/entry/{entry}/{kind}").body())
    send_files(page, *files)


def _not_checked(page: Any, house: House) -> None:
    """A text that is no receipt is sent."""
    path = house.folder / "notes.txt"
    path.write_text("no receipt")
    send_files(page, path)


def _app_begun(page: Any, house: House) -> None:
    """The picture with which an authenticator app begins."""
    prove(page, house, OFFICER)
    page.get_by_role("main").get_by_role("button").last.click()
    page.get_by_label("The code that the app shows now").wait_for()


def _wrong_halves(page: Any, _house: House) -> None:
    page.get_by_label("Id", exact=True).fill("nobody")
    for name in ("Half from one colleague", "Half from the other colleague"):
        page.get_by_label(name, exact=True).fill("0000-0000-0000-0000-0000")
    _twice(page, "a new password", "a new password")
    page.get_by_role("button", name="Set the new password").click()
    page.get_by_role("alert").wait_for()


def _typed_in_two_ways(page: Any, house: House) -> None:
    page.get_by_label("Your password until now", exact=True).fill(factory.SECRET)
    _twice(page, "a new password", "another password")
    page.get_by_label("Code of your authenticator app", exact=True).fill(factory.code(house.desk, OFFICER))
    page.get_by_role("button", name="Change my password").click()
    page.get_by_role("alert").wait_for()


def _twice(page: Any, new: str, again: str) -> None:
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password, once more", exact=True).fill(again)


def _half_shown(page: Any, house: House) -> None:
    page.get_by_label("Reason", exact=True).fill("She called me from her desk.")
    prove(page, house, OFFICER)
    page.get_by_role("button", name="Begin and show my half").click()
    page.get_by_role("heading", name="Your half of the code").wait_for()


def send_files(page: Any, *files: Path) -> None:
    """Send files to the verify page."""
    page.get_by_label("Files", exact=True).set_input_files(list(files))
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("heading", name="Check something else").wait_for()


def prove(page: Any, house: House, person: str) -> None:
    """Type the password, and a code of the authenticator app where the form asks for one."""
    page.get_by_label("Your password", exact=True).fill(factory.SECRET)
    code = page.get_by_label("Code of your authenticator app", exact=True)
    if code.count():
        code.fill(factory.code(house.desk, person))


def fill_sign_form(
    page: Any, house: House, decision: str = "Approve", reason: str = "I read the report.", person: str = OFFICER
) -> None:
    """Fill the form of the sign page in and send it."""
    page.get_by_role("radio", name=re.compile(f"^{decision}")).first.check()
    page.get_by_label("Reason", exact=True).fill(reason)
    prove(page, house, person)
    page.get_by_role("button", name="Sign and record").click()


SECTIONS = tuple(section.key for section in sections.SECTIONS if section.key != "summary")

PAGES = (
    Page("login", "/login", None),
    Page("login-refused", "/login", None, _wrong_password),
    Page("forgotten", "/reset", None),
    Page("forgotten-refused", "/reset", None, _wrong_halves),
    Page("inbox", "/"),
    Page("inbox-nothing", "/", "data-scientist"),
    Page("case-waiting", f"/case?{query('credit')}"),
    Page("case-not-mine", f"/case?{query('credit')}", "data-scientist"),
    Page("case-adverse", f"/case?{query('hiring', '1')}"),
    Page("case-released", f"/case?{query('lending')}"),
    Page("case-refused", f"/case?{query('pricing', '1')}"),
    Page("case-emergency", f"/case?{query('fraud', '1')}"),
    Page("case-half-glass", f"/case?{query('claims', '1')}"),
    Page("case-withdrawn", f"/case?{query('marketing')}"),
    Page("case-hostile-name", f"/case?{query(scenes.HOSTILE)}"),
    *(Page(f"section-{key}", f"/case/{key}?{query('credit')}") for key in SECTIONS),
    Page("section-rates-suppressed", f"/case/rates?{query('credit')}", "data-scientist"),
    Page("section-verdicts-adverse", f"/case/verdicts?{query('hiring', '1')}"),
    Page("evidence-whole", f"/case/all?{query('hiring', '1')}", act=_unfolded),
    Page("reports", f"/case/reports?{query('hiring', '1')}"),
    Page("reports-masked", f"/case/reports?{query('credit')}", "data-scientist"),
    Page("sign", f"/case/sign?{query('credit')}", act=_unfolded),
    Page("sign-not-mine", f"/case/sign?{query('credit')}", "data-scientist"),
    Page("sign-refused", f"/case/sign?{query('hiring')}", act=_refused_form),
    Page("evidence-moved", f"/case/sign?{query('hiring')}", act=_evidence_moves),
    Page("withdraw", f"/case/withdraw?{query('lending')}"),
    Page("emergency", f"/case/emergency?{query('hiring', '1')}"),
    Page("emergency-second", f"/case/emergency?{query('claims', '1')}"),
    Page("emergency-barred", f"/case/emergency?{query('claims', '1')}", "data-scientist"),
    Page("withdraw-glass", f"/case/withdraw?{query('claims', '1')}", "second-officer"),
    Page("condition", f"/case/condition?{query('credit', sign_off='{condition}', number='1')}", "risk-officer"),
    Page("models", "/models"),
    Page("model", "/model?name=lending"),
    Page("model-unknown", "/model?name=nobody"),
    Page("ledger", "/ledger"),
    Page("ledger-older", "/ledger?before=20"),
    Page("ledger-filtered", "/ledger?kind=sign-off&model=lending"),
    Page("ledger-nothing", "/ledger?model=nobody&from=2026-13-01"),
    Page("model-hostile-name", f"/model?{urlencode({'name': scenes.HOSTILE})}"),
    Page("model-comparisons", "/model?name=lending&comparisons=all"),
    Page("history-nothing", "/history?on=2020-01-01"),
    Page("entry-sign-off", "/entry/{sign_off}"),
    Page("receipt", "/entry/{sign_off}?signed=1"),
    Page("entry-refusal", "/entry/{refusal}"),
    Page("entry-glass", "/entry/{glass}"),
    Page("history", "/history"),
    Page("history-of-a-day", "/history?on=2026-10-20"),
    Page("verify", "/verify"),
    Page("verify-receipt", "/verify", act=_checked),
    Page("verify-nothing", "/verify", act=_not_checked),
    Page("figures", "/figures"),
    Page("policies", "/policies"),
    Page("policy-changes", "/policies/changes?before={policy}&after={policy}"),
    Page("schedules", "/schedules"),
    Page("people", "/people"),
    Page("person", "/people/person?id=risk-officer"),
    Page("person-disable", "/people/disable?id=chief-risk"),
    Page("person-delegate", "/people/delegate"),
    Page("person-revoke", "/people/revoke?delegation={delegation}"),
    Page("person-let-in", "/people/person?id=visitor"),
    Page("person-reset-waits", "/people/person?id=legal-helper"),
    Page("person-reset", "/people/reset?id=data-scientist"),
    Page("person-reset-half", "/people/reset?id=data-scientist", act=_half_shown),
    Page("person-reset-confirm", "/people/reset/confirm?id=legal-helper"),
    Page("person-reset-stop", "/people/reset/stop?id=legal-helper"),
    Page("me", "/me"),
    Page("me-reset-begun", "/me", "legal-helper"),
    Page("me-password", "/me/password"),
    Page("me-password-refused", "/me/password", act=_typed_in_two_ways),
    Page("me-told", "/me/password/told", "visitor"),
    Page("me-passkey", "/me/passkey"),
    Page("me-code", "/me/code"),
    Page("me-code-begun", "/me/code", act=_app_begun),
    Page("me-code-remove", "/me/code/remove"),
    Page("me-passkey-revoke", "/me/passkey/revoke?credential=none"),
    Page("api", "/api"),
    Page("no-single-sign-on", "/single-sign-on/login", None),
    Page("not-found", "/nowhere"),
    Page("not-found-signed-out", "/nowhere", None),
    Page("no-such-entry", "/entry/99999"),
    Page("no-such-case", f"/case?{query('nobody')}"),
    Page("address-incomplete", "/case"),
)

FILES = frozenset({
    "/case/report", "/entry/{seq}/envelope", "/entry/{seq}/proof", "/entry/{seq}/receipt.zip", "/static/{name}",
    "/history.csv", "/history.json", "/figures.csv", "/single-sign-on/callback", "/healthz",
})  # fmt: skip
"""Routes that answer GET with a file or lead elsewhere; every other one is a page of the table."""


def routes(app: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route of the application, hidden ones and those of applications mounted in it too."""
    from fastapi.routing import iter_route_contexts

    for context in iter_route_contexts(app.routes):
        inside = getattr(getattr(context, "route", context), "app", None)
        if hasattr(inside, "openapi"):
            yield from routes(inside, f"{above}{context.path}")
            continue
        for method in sorted((context.methods or {"GET"}) - {"HEAD"}):
            yield method, f"{above}{context.path}"

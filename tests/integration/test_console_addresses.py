"""Addresses that try to be more than addresses: paths, queries, and where a login leads."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
import report_factory as factory
from console_attacks import OFFICER, Site, new_site
from wire import Ask

Counted = Callable[[str, int], None]
CASES = "attacks on the console"

UP = ("..", "%2e%2e", "%252e%252e", "..%00", "..;", "....//", "..\\", "..%5c", "%c0%ae%c0%ae", "．．")
FILES = (
    "app.py",
    "session.py",
    "report.css/../app.py",
    "../templates/console_base.html",
    "/etc/passwd",
    "console.css%00.py",
    "CONSOLE.CSS",
    "",
)
PATHS = (
    *(f"/static/{up}/{file}" for up in UP for file in ("app.py", "etc/passwd")),
    *(f"/static/{file}" for file in FILES),
    *(f"/static/{quote(file, safe='')}" for file in FILES if "/" in file),
    *("/static", "/static/", "//static/console.css", "/./static/console.css", "/static//console.css"),
    *("/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect", "/metrics", "/debug", "/.git/config", "/.env", "/favicon.ico"),
    *("/entry", "/entry/", "/entry/x", "/entry/-1", "/entry/1.5", "/entry/1e1", "/entry/0x1", "/entry/%00", "/entry/1%00"),
    *("/entry/9999999999999999999999", "/entry/" + "9" * 5_000, "/entry/NaN", "/entry/1;x", "/entry/1/../../static/app.py"),
    *("/entry/1/envelope/", "/entry/1/proof/x", "/entry/1/ENVELOPE", "/entry/-1/proof", "/entry/99999/proof"),
    *("/case/", "/case/..", "/case/report/x", "/CASE", "/sign", "/logout", "/ledger/", "/ledger/1"),
    *("/%", "/%zz", "/%ff", "/\x7f", "/" + "a" * 9_000, "/\u202e", "/login/", "/login%00", "*", "http://evil.example/"),
)  # fmt: skip
NUMBERS = (
    "",
    "x",
    "-1",
    "0",
    "1.5",
    "1e9",
    "99999999999999999999999",
    "-99999999999999999999999",
    "9" * 5_000,
    "\0",
    "٣",
    "1;",
    "0x10",
)
VALUES = (
    "", "\0", "\n", "\r\nset-cookie: a=b", "../../etc/passwd", "' OR '1'='1", "'; DROP TABLE entry; --", '"', "%", "_", "{{7*7}}", "${7*7}",
    "<script>alert(1)</script>", "\u202e", "\ufeff", "\ud7ff\ue000", "x" * 5_000, "hiring\0", " hiring", "HIRING", "hiring ", "model/hiring",
)  # fmt: skip
ELSEWHERE = (
    "//evil.example", "///evil.example", "////evil.example", "https://evil.example", "http:evil.example", "https:/evil.example", "HTTPS://EVIL.EXAMPLE",
    "\\\\evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "\t//evil.example", " //evil.example", "/\n/evil.example",
    "/\r\nlocation: //evil.example", "/\0/evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "data:text/html,<b>",
    "vbscript:x", "evil.example", "./x", "../x", "?x", "#x", "@evil.example", "/\u2028/evil.example", "/\u202e//evil.example", "%2f%2fevil.example",
    "http://localhost:8765@evil.example", "http://localhost:8765.evil.example", "ftp://evil.example", "blob:x", "file:///etc/passwd", "", "\ufeff//evil.example",
)  # fmt: skip
HARMLESS = (
    "/",
    "/ledger",
    "/case?name=a&version=1&alias=b",
    "/entry/3?signed=1",
    "/%2f%2fevil.example",
    "/@evil.example",
    "/.//evil.example",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return new_site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("person", [None, OFFICER])
def test_no_path_leads_out_of_the_pages(person: str | None, site: Site, counted: Counted) -> None:
    for path in PATHS:
        answer = site.send(Ask("GET", path, cookies=site.cookies(person)))
        assert answer.status in {303, 307, 404, 405}, f"{path[:80]}: {answer.status}"
        assert "def " not in answer.text
        assert "root:" not in answer.text
        if answer.status in {303, 307}:
            assert answer.header("location").startswith(("/login?wanted=%2F", "http://localhost:8765/")), path[:80]
        counted(CASES, 1)


@pytest.mark.parametrize("path", ["/ledger?before=", "/entry/3?signed="])
def test_a_number_that_is_none_is_said_to_be_no_page(path: str, site: Site, counted: Counted) -> None:
    for value in NUMBERS:
        answer = site.send(Ask("GET", path + quote(value), cookies=site.cookies(OFFICER)))
        assert answer.status in {200, 404}, f"{value[:40]!r}: {answer.status}"
        counted(CASES, 1)


@pytest.mark.parametrize("field", ["name", "version", "form"])
@pytest.mark.parametrize("page", ["/case", "/case/report"])
def test_a_name_that_nobody_has_is_not_found(page: str, field: str, site: Site, counted: Counted) -> None:
    good = {"name": "credit", "version": "2", "alias": "champion"}
    if field == "form" and page == "/case":
        pytest.skip("only reports have a form")
    for value in VALUES:
        answer = site.send(Ask("GET", f"{page}?{urlencode({**good, field: value})}", cookies=site.cookies(OFFICER)))
        assert answer.status == 404, f"{value[:40]!r}: {answer.status}"
        assert "set-cookie" not in {name for name, _ in answer.headers}
        assert "<script>alert" not in answer.text
        counted(CASES, 1)


@pytest.mark.parametrize("page", ["/case", "/case/report"])
def test_a_target_that_nobody_asked_for_is_only_text(page: str, site: Site, counted: Counted) -> None:
    """A case may be looked at for any target: who wants to ask for it can see first what would be missing."""
    for value in VALUES:
        query = urlencode({"name": "credit", "version": "2", "alias": value})
        answer = site.send(Ask("GET", f"{page}?{query}", cookies=site.cookies(OFFICER)))
        assert answer.status in {200, 404}
        assert "<script>alert" not in answer.text
        assert not {"\0", "\u202e", "\ufeff"} & set(re.sub(r'value="[^"]*"', "", answer.text))
        counted(CASES, 1)


@pytest.mark.parametrize("where", [*ELSEWHERE, *HARMLESS], ids=range(len(ELSEWHERE) + len(HARMLESS)))
def test_a_login_leads_nowhere_else(where: str, site: Site, counted: Counted) -> None:
    form = site.send(Ask("GET", f"/login?{urlencode({'wanted': where})}"))
    assert form.status == 200
    ask = Ask("POST", "/login", fields=[("id", OFFICER), ("password", factory.SECRET), ("wanted", where)])
    answer = site.send(site.with_token(ask, None))
    assert answer.status == 303
    assert answer.header("location") == (where if where in HARMLESS else "/")
    counted(CASES, 1)

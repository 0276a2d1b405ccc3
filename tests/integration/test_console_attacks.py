"""Attacks on every route of the console: forged forms, hosts, bodies, cookies, methods; nothing is ever recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browser_pages import routes
from console_attacks import GETS, OFFICER, POSTS, ROUTES, Route, Site, new_site
from console_spoils import BODIES, ELSEWHERE, FORGED, HOSTS, METHODS, SIGNED_OUT, Attack
from wire import Ask, Reply

from reports.console.guard import HEADERS

Counted = Callable[[str, int], None]
CASES = "attacks on the console"


UPLOAD = {
    "with a file": frozenset({200}),
    "too large": frozenset({400}),
    "too large in pieces of no said length": frozenset({400}),
    "a lone surrogate": frozenset({400}),
}
"""What the one form that takes files answers else: a file is looked at and not kept, a field may be 8 KiB long."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return new_site(tmp_path_factory.mktemp("site"))


def test_every_route_has_its_cases(site: Site) -> None:
    there = {pair for pair in routes(site.app) if pair[0] != "HEAD"}
    assert there == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_good_request_is_answered(route: Route, site: Site, tmp_path: Path) -> None:
    """The control: what the attacks spoil works, so that they are refused for what is spoilt."""
    own = new_site(tmp_path) if route.method == "POST" else site
    answer = own.send(route.ask(own))
    assert answer.status == route.good, answer.text[:2000]
    if route.good == 200:
        assert answer.header("content-type").startswith(route.media)


@pytest.mark.parametrize("route", POSTS, ids=lambda route: route.name)
@pytest.mark.parametrize("attack", (*ELSEWHERE, *HOSTS, *FORGED, *BODIES), ids=lambda attack: attack.name)
def test_a_spoilt_form_does_nothing(route: Route, attack: Attack, site: Site, counted: Counted) -> None:
    ask = attack.spoil(route.ask(site), route, site)
    before = site.state()
    answer = site.send(ask)
    if site.state() != before:
        site.forget()  # one attack that gets through fails once, not a hundred times
        pytest.fail(f"{answer.status}: {before} became {site.state()}")
    right = attack.right | UPLOAD.get(attack.name, frozenset()) if route.upload else attack.right
    assert answer.status in right, f"{answer.status} {answer.text[:300]}"
    _harmless(answer)
    counted(CASES, 1)


@pytest.mark.parametrize("attack", HOSTS, ids=lambda attack: attack.name)
def test_no_page_is_given_under_another_name(attack: Attack, site: Site, counted: Counted) -> None:
    for route in GETS:
        answer = site.send(attack.spoil(route.ask(site), route, site))
        assert answer.status in attack.right, route.name
        _harmless(answer)
        counted(CASES, 1)


@pytest.mark.parametrize("attack", SIGNED_OUT, ids=lambda attack: attack.name)
def test_without_a_session_nothing_is_shown_and_nothing_done(attack: Attack, site: Site, counted: Counted) -> None:
    for route in ROUTES:
        if route.person is None:
            continue
        ask = attack.spoil(route.ask(site), route, site)
        before = site.state()
        answer = site.send(ask)
        assert answer.status == route.signed_out, (route.name, answer.text[:300])
        if answer.status == 303:
            assert answer.header("location").startswith("/login?wanted=%2F"), route.name
        assert site.state() == before
        assert "credit" not in answer.text
        _harmless(answer)
        counted(CASES, 1)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_other_methods_are_not_answered(route: Route, site: Site, counted: Counted) -> None:
    known = {each.method for each in ROUTES if each.path == route.path}
    for method in (*METHODS, "POST"):
        if method in known:
            continue
        ask = Ask(method, route.target, cookies=site.cookies(route.person), fields=[("csrf", "x")])
        before = site.state()
        answer = site.send(ask)
        assert answer.status in {404, 405}, f"{method}: {answer.status}"
        assert site.state() == before
        _harmless(answer)
        counted(CASES, 1)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_answer_carries_every_header(route: Route, site: Site, counted: Counted) -> None:
    ask = route.ask(site) if route.method == "GET" else Ask("POST", route.target)
    answer = site.send(ask)
    _harmless(answer)
    assert answer.header("server") == ""
    assert answer.header("x-powered-by") == ""
    counted(CASES, 1)


NO_TOKENS = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Basic eDp5",
    "Bearer {session}",
    "Bearer {session} x",
    "Bearer\t{session}",
    "Digest x",
)


@pytest.mark.parametrize("words", NO_TOKENS, ids=range(len(NO_TOKENS)))
def test_what_is_no_token_opens_nothing_for_scripts(words: str, site: Site, counted: Counted) -> None:
    """Nor does the number of a session, given as one."""
    said = words.format(session=site.cookies(OFFICER)["fairgate"])
    for route in ROUTES:
        if route.path.startswith("/api/v1/") and not route.path.endswith("openapi.json"):
            answer = site.send(Ask("GET", route.target, headers=[("authorization", said)]))
            assert answer.status == 401, route.name
            assert "credit" not in answer.text
            _harmless(answer)
            counted(CASES, 1)


def test_the_whole_table_was_run(counted: Counted) -> None:
    """The table does not shrink unnoticed."""
    assert len((*ELSEWHERE, *HOSTS, *FORGED, *BODIES)) >= 60
    assert len(POSTS) >= 19


def _harmless(answer: Reply) -> None:
    """What holds for every answer, whatever was asked."""
    for name, value in HEADERS.items():
        found = [text for key, text in answer.headers if key == name]
        assert found == [value], f"{name}: {found}"
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    assert not [line for line in answer.cookies() if "httponly" not in line.lower()]
    assert not answer.header("access-control-allow-origin")
    location = answer.header("location")
    assert location == "" or (location.startswith("/") and not location.startswith(("//", "/\\")))

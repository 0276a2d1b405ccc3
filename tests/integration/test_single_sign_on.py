"""Single sign-on against a real provider: who comes in by it and who does not, and what a signature by it needs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import report_factory as factory
from console_browser import CASE, REASON, Browser, hidden
from sign_on_provider import CLIENT, CLIENT_SECRET, Running, running

from governance.desk import Desk
from governance.enrolment import dismiss
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.identities import Identities, Identity
from governance.linking import enrol_signed_on, link, unlink
from governance.people import Person
from reports.console.app import create_app
from reports.console.openid import Provider

RISK = factory.PEOPLE[2]
COMPLIANCE = factory.PEOPLE[1]
SUBJECT = "248289761001"
SIGN = CASE.replace("/case?", "/case/sign?")
CALLBACK = "/single-sign-on/callback"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(served: Running) -> Running:
    served.spoil("")
    served.says(SUBJECT)
    return served


@pytest.fixture
def desk(tmp_path: Path, provider: Running) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    link(made, RISK, Identity(provider.issuer, SUBJECT))
    made.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    return made


@pytest.fixture
def browser(desk: Desk, provider: Running) -> Browser:
    return Browser(create_app(desk, secure_cookies=False, provider=known(provider)))


def known(provider: Running, **changes: Any) -> Provider:
    return replace(Provider("Example Bank", provider.issuer, CLIENT, CLIENT_SECRET), **changes)


def begin(browser: Browser, wanted: str = "/people") -> str:
    """The provider's address, to which the console sends the browser."""
    answer = browser.get(f"/single-sign-on/login?{urlencode({'wanted': wanted})}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def come_in(browser: Browser, provider: Running, subject: str = SUBJECT) -> Any:
    return browser.get(path_of(provider.sign_on(begin(browser), subject)))


def inside(browser: Browser) -> bool:
    return browser.get("/people").status_code == 200


# --- coming in -------------------------------------------------------------------------------------------------------


def test_the_login_page_offers_it_beside_the_local_form(browser: Browser, desk: Desk) -> None:
    text = browser.get("/login?wanted=/policies").text
    assert "Sign in with Example Bank" in text
    assert 'href="/single-sign-on/login?wanted=%2Fpolicies"' in text
    assert 'name="password"' in text
    without = Browser(create_app(desk, secure_cookies=False))
    assert "single-sign-on" not in without.get("/login").text
    assert without.get("/single-sign-on/login").status_code == 404
    assert without.get(f"{CALLBACK}?state=a&code=b").status_code == 404


def test_the_question_holds_state_nonce_pkce_and_the_consoles_own_address(browser: Browser, provider: Running) -> None:
    first, second = (parse_qs(urlsplit(begin(browser)).query) for _ in range(2))
    assert first["response_type"] == ["code"]
    assert first["client_id"] == [CLIENT]
    assert first["redirect_uri"] == [f"http://localhost:8765{CALLBACK}"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["scope"] == ["openid"]
    assert all(
        len(first[name][0]) >= 43 and first[name] != second[name] for name in ("state", "nonce", "code_challenge")
    )
    assert "prompt" not in first


def test_a_linked_identity_comes_in_under_a_new_session_id_and_where_it_was_going(
    browser: Browser, provider: Running
) -> None:
    browser.cookies["fairgate"] = "chosen-by-somebody-else"
    answer = come_in(browser, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    assert browser.cookies["fairgate"] != "chosen-by-somebody-else"
    assert "fairgate-login" not in browser.cookies
    assert RISK.name in browser.get("/people").text


def test_over_https_the_address_is_the_consoles_and_the_cookie_the_hosts(desk: Desk, provider: Running) -> None:
    app = create_app(desk, secure_cookies=True, hosts=("audit.example",), provider=known(provider))
    browser = Browser(app, base="https://audit.example")
    assert parse_qs(urlsplit(begin(browser)).query)["redirect_uri"] == [f"https://audit.example{CALLBACK}"]
    assert come_in(browser, provider).status_code == 303
    assert "__Host-fairgate" in browser.cookies


def test_it_never_leads_to_another_site(browser: Browser, provider: Running) -> None:
    back = provider.sign_on(begin(browser, "https://evil.example/"), SUBJECT)
    assert browser.get(path_of(back)).headers["location"] == "/"


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "of-another-sign-on"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://other.example"},
    "another audience": {"aud": "another-console"},
    "two audiences, and no word for whom": {"aud": [CLIENT, "another-console"], "azp": None},
    "for another party": {"azp": "another-console"},
    "expired": {"exp": 1_700_000_000},
    "without an end": {"exp": None},
    "an end that is no time": {"exp": "tomorrow"},
    "made in the future": {"iat": 4_000_000_000},
    "not valid yet": {"nbf": 4_000_000_000},
    "methods that are no list": {"amr": "mfa"},
    "an access token that is another's": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("what", WRONG_CLAIMS)
def test_a_token_that_does_not_fit_lets_nobody_in(browser: Browser, provider: Running, what: str) -> None:
    provider.says(SUBJECT, **WRONG_CLAIMS[what])
    answer = come_in(browser, provider)
    assert answer.status_code == 403
    assert "not to be trusted" in answer.text
    assert not inside(browser)


SPOILT_TOKENS = {
    "alg none": 403,
    "alg HS256": 403,
    "another key": 403,
    "no ID token": 403,
    "no token at all": 403,
    "no keys": 403,
    "a shared secret as a key": 403,
    "a failure": 503,
}


@pytest.mark.parametrize("what", SPOILT_TOKENS)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(browser: Browser, provider: Running, what: str) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    provider.spoil(what)
    assert browser.get(path_of(back)).status_code == SPOILT_TOKENS[what]
    assert not inside(browser)


@pytest.mark.parametrize(
    "what",
    [
        "another issuer",
        "an unsafe token endpoint",
        "no key address",
        "plain PKCE alone",
        "a redirect",
        "a flood",
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(browser: Browser, provider: Running, what: str) -> None:
    provider.spoil(what)
    answer = browser.get("/single-sign-on/login")
    assert answer.status_code == 503
    assert 'name="password"' in answer.text
    assert "Not signed in: Example Bank" in answer.text


def test_a_provider_that_is_down_leaves_the_password(desk: Desk, provider: Running) -> None:
    down = replace(known(provider), issuer="http://localhost:9")
    browser = Browser(create_app(desk, secure_cookies=False, provider=down))
    answer = browser.get("/single-sign-on/login")
    assert answer.status_code == 503
    assert "use your password" in answer.text
    assert browser.login(RISK.id).status_code == 303


def test_a_provider_that_goes_down_meanwhile_is_told_as_such(browser: Browser, provider: Running, desk: Desk) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    browser.app.state.provider = replace(known(provider), issuer="http://localhost:9")
    answer = browser.get(path_of(back))
    assert answer.status_code == 503
    assert not inside(browser)


def changed(back: str, **query: str) -> str:
    parts = urlsplit(back)
    return f"{parts.path}?{urlencode({name: value[0] for name, value in parse_qs(parts.query).items()} | query)}"


BACK_WRONGLY: dict[str, Callable[[str], str]] = {
    "another state": lambda back: changed(back, state="guessed"),
    "no state": lambda back: changed(back, state=""),
    "another code": lambda back: changed(back, code="guessed"),
    "no code": lambda back: changed(back, code=""),
    "from another provider": lambda back: changed(back, iss="https://other.example"),
    "refused": lambda back: changed(back, error="access_denied"),
    "refused with a trick": lambda back: changed(back, error="<script>alert(1)</script>"),
}


@pytest.mark.parametrize("what", BACK_WRONGLY)
def test_an_answer_that_was_not_asked_for_lets_nobody_in(browser: Browser, provider: Running, what: str) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    answer = browser.get(BACK_WRONGLY[what](back))
    assert answer.status_code == 403
    assert "<script" not in answer.text
    assert not inside(browser)


def test_a_person_who_says_no_at_the_provider_stays_outside(browser: Browser, provider: Running) -> None:
    back = provider.deny(begin(browser))
    assert "error=access_denied" in back
    answer = browser.get(path_of(back))
    assert answer.status_code == 403
    assert not inside(browser)


def test_an_answer_counts_once_and_a_code_too(browser: Browser, provider: Running) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    assert browser.get(path_of(back)).status_code == 303
    again = Browser(browser.app)
    assert again.get(path_of(back)).status_code == 403
    used = parse_qs(urlsplit(back).query)["code"][0]
    fresh = provider.sign_on(begin(again), SUBJECT)
    assert again.get(changed(fresh, code=used)).status_code == 403
    assert not inside(again)


def test_an_answer_for_another_browser_lets_nobody_in(browser: Browser, provider: Running) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    victim = Browser(browser.app)
    victim.get("/login")
    assert victim.get(path_of(back)).status_code == 403
    assert not inside(victim)


def test_an_answer_under_another_address_lets_nobody_in(browser: Browser, provider: Running) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    other = Browser(browser.app, base="http://127.0.0.1:8765", cookies=dict(browser.cookies))
    answer = other.get(path_of(back))
    assert answer.status_code == 403
    assert "another address" in answer.text


def test_an_answer_after_ten_minutes_lets_nobody_in(browser: Browser, provider: Running, desk: Desk) -> None:
    back = provider.sign_on(begin(browser), SUBJECT)
    desk.clock.now += timedelta(minutes=11)  # type: ignore[attr-defined]
    answer = browser.get(path_of(back))
    assert answer.status_code == 403
    assert "too old" in answer.text


@pytest.mark.parametrize("how", ["plain", "none", "another"])
def test_a_weaker_pkce_gets_no_token(browser: Browser, provider: Running, how: str) -> None:
    asked = begin(browser)
    verifierless = {
        "plain": asked.replace("code_challenge_method=S256", "code_challenge_method=plain"),
        "another": re.sub(r"code_challenge=[^&]+", "code_challenge=" + "A" * 43, asked),
    }
    if how == "none":
        with pytest.raises(AssertionError, match="invalid_request"):
            provider.sign_on(re.sub(r"&code_challenge[^&]*=[^&]+", "", asked), SUBJECT)
        return
    answer = browser.get(path_of(provider.sign_on(verifierless[how], SUBJECT)))
    assert answer.status_code == 403
    assert not inside(browser)


# --- whose identity --------------------------------------------------------------------------------------------------


def unknown(answer: Any) -> bool:
    return answer.status_code == 403 and "no active account of Fairgate is linked" in answer.text


def test_an_identity_that_is_nobodys_gets_one_clear_page_and_makes_no_account(
    browser: Browser, provider: Running, desk: Desk
) -> None:
    before = desk.accounts.people()
    answer = come_in(browser, provider, "a-stranger")
    assert unknown(answer)
    assert "a-stranger" in answer.text
    assert provider.issuer in answer.text
    assert desk.accounts.people() == before
    assert not inside(browser)


def test_a_disabled_person_gets_the_same_page(browser: Browser, provider: Running, desk: Desk) -> None:
    dismiss(desk, RISK.id, None)
    assert unknown(come_in(browser, provider))


def test_an_address_of_mail_or_a_name_makes_nobody_somebody(browser: Browser, provider: Running) -> None:
    provider.says("mallory", email=RISK.id, preferred_username=RISK.id, name=RISK.name, email_verified=True)
    assert unknown(come_in(browser, provider, "mallory"))
    assert unknown(come_in(browser, provider, RISK.id))


def test_a_link_in_the_accounts_alone_lets_nobody_in(browser: Browser, provider: Running, desk: Desk) -> None:
    Identities(desk.accounts.database).link(Identity(provider.issuer, "mallory"), RISK.id, desk.clock())
    assert unknown(come_in(browser, provider, "mallory"))


def test_a_link_in_the_ledger_alone_lets_nobody_in(browser: Browser, provider: Running, desk: Desk) -> None:
    Identities(desk.accounts.database).unlink(Identity(provider.issuer, SUBJECT))
    assert unknown(come_in(browser, provider))


def test_the_same_subject_of_another_issuer_is_another_person(provider: Running, desk: Desk) -> None:
    link(desk, COMPLIANCE, Identity("https://other.example", "shared-subject"))
    browser = Browser(create_app(desk, secure_cookies=False, provider=known(provider)))
    assert unknown(come_in(browser, provider, "shared-subject"))


def test_an_identity_that_was_taken_away_lets_nobody_in_and_may_be_anothers(
    browser: Browser, provider: Running, desk: Desk
) -> None:
    unlink(desk, Identity(provider.issuer, SUBJECT), None)
    assert unknown(come_in(browser, provider))
    link(desk, COMPLIANCE, Identity(provider.issuer, SUBJECT))
    assert come_in(browser, provider).status_code == 303
    assert COMPLIANCE.name in browser.get("/people").text


def test_an_identity_is_one_persons(desk: Desk, provider: Running) -> None:
    mine = Identity(provider.issuer, SUBJECT)
    size = desk.ledger.size()
    with pytest.raises(ConfigurationError, match="is that of risk-officer"):
        link(desk, COMPLIANCE, mine)
    assert link(desk, RISK, mine).seq < size  # once more: nothing new
    assert desk.ledger.size() == size


def test_a_person_without_a_password_comes_in_by_single_sign_on_alone(
    browser: Browser, provider: Running, desk: Desk
) -> None:
    newcomer = Person("new-officer", "New Officer", ("compliance",), provider.issuer)
    enrol_signed_on(desk, newcomer, Identity(provider.issuer, "n-1"), COMPLIANCE)
    assert browser.login("new-officer", "").status_code == 401
    assert browser.login("new-officer", factory.SECRET).status_code == 401
    assert come_in(browser, provider, "n-1").status_code == 303
    text = browser.get("/people/person?id=new-officer").text
    assert f"single sign-on at {provider.issuer}" in text
    assert "password" not in text[text.index("Proves who it is with") : text.index("</dl>")]


def test_adding_her_again_after_a_crash_finishes_it(provider: Running, desk: Desk, monkeypatch: Any) -> None:
    newcomer, identity = Person("n", "N", ("legal",), provider.issuer), Identity(provider.issuer, "n-2")

    def crash(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.accounts), "add", crash)
        with pytest.raises(RuntimeError):
            enrol_signed_on(desk, newcomer, identity, None)
    with monkeypatch.context() as patched:
        patched.setattr(Identities, "link", crash)
        with pytest.raises(RuntimeError):
            enrol_signed_on(desk, newcomer, identity, None)
    enrol_signed_on(desk, newcomer, identity, None)
    browser = Browser(create_app(desk, secure_cookies=False, provider=known(provider)))
    assert come_in(browser, provider, "n-2").status_code == 303


@pytest.mark.parametrize("how", ["the person as she is", "with the provider as issuer"])
def test_nobody_links_an_identity_of_her_own_to_an_officer_who_is_there(
    provider: Running, desk: Desk, how: str
) -> None:
    issuer = "local" if how == "the person as she is" else provider.issuer
    size = desk.ledger.size()
    with pytest.raises(ConfigurationError):
        enrol_signed_on(desk, replace(RISK, issuer=issuer), Identity(provider.issuer, "mallory"), COMPLIANCE)
    assert desk.ledger.size() == size
    newcomer = Person("new-officer", "New Officer", ("compliance",), provider.issuer)
    enrol_signed_on(desk, newcomer, Identity(provider.issuer, "n-1"), COMPLIANCE)
    with pytest.raises(ConfigurationError, match="taken"):
        enrol_signed_on(desk, newcomer, Identity(provider.issuer, "mallory"), COMPLIANCE)


def test_who_shall_sign_is_added_by_somebody_who_may(provider: Running, desk: Desk) -> None:
    newcomer, identity = Person("n", "N", ("compliance",), provider.issuer), Identity(provider.issuer, "n-1")
    for by in (None, factory.PEOPLE[0]):
        with pytest.raises(NotAuthorizedError):
            enrol_signed_on(desk, newcomer, identity, by)
    enrol_signed_on(desk, newcomer, identity, COMPLIANCE)
    unlink(desk, identity, None)
    with pytest.raises(NotAuthorizedError):
        enrol_signed_on(desk, newcomer, Identity(provider.issuer, "n-2"), None)
    enrol_signed_on(desk, newcomer, Identity(provider.issuer, "n-2"), COMPLIANCE)


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("http://login.example", "1"),
        ("https://login.example/?a=b", "1"),
        ("https://user@login.example", "1"),
        ("login.example", "1"),
        ("https://login.example", ""),
        ("https://login.example", "x" * 256),
        ("https://login.example", "ünder"),
        ("https://login.example", "a\nb"),
        ("https://[::1", "1"),
    ],
)
def test_what_no_provider_writes_is_not_linked(desk: Desk, issuer: str, subject: str) -> None:
    size = desk.ledger.size()
    with pytest.raises(ConfigurationError):
        link(desk, RISK, Identity(issuer, subject))
    assert desk.ledger.size() == size


def test_strangers_who_begin_and_never_come_back_do_not_fill_the_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.identities.MOST_WAITING", 20)
    kept = Identities(desk.accounts.database)
    now, hour = desk.clock(), timedelta(hours=1)
    tokens = [kept.keep({"number": number}, now + timedelta(seconds=number), hour) for number in range(30)]
    assert kept.take(tokens[0], now) is None
    assert kept.take(tokens[-1], now) == {"number": 29}
    assert kept.take(tokens[9], now) is None
    assert kept.take(tokens[10], now) == {"number": 10}


def test_strangers_do_not_push_out_what_an_officer_is_proving(
    risk: Browser, provider: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.identities.MOST_WAITING", 3)

    back = path_of(provider.sign_on(to_the_provider(risk, form_of(risk)), SUBJECT))
    for _ in range(4):
        begin(Browser(risk.app))
    form = filled(risk.get(back))
    for _ in range(4):
        begin(Browser(risk.app))
    assert risk.post("/sign", form).status_code == 303


def test_logins_that_wait_for_the_provider_leave_threads_to_who_is_inside(
    risk: Browser, provider: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = BoundedSemaphore(1)
    monkeypatch.setattr("reports.console.single_sign_on._TURNS", turns)
    back = path_of(provider.sign_on(begin(stranger := Browser(risk.app)), SUBJECT))
    with turns:
        answer = stranger.get("/single-sign-on/login")
        assert (answer.status_code, "too many ask Example Bank at once" in answer.text) == (503, True)
        assert 'name="password"' in answer.text
        assert stranger.get(back).status_code == 503
        assert not inside(stranger)
        assert risk.post("/sign", filled(proved(risk, provider))).status_code == 303
    assert come_in(stranger, provider).status_code == 303, "each gives its turn back"


# --- signing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def risk(browser: Browser, provider: Running, desk: Desk) -> Browser:
    """The officer, signed in by single sign-on, whose provider asks several factors from now on."""
    assert come_in(browser, provider).status_code == 303
    desk.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    provider.says(SUBJECT, amr=["mfa"])
    return browser


def form_of(browser: Browser, **changes: str) -> dict[str, str]:
    return {**browser.form(), "password": "", "code": "", "act": "/sign", **changes}


def to_the_provider(browser: Browser, fields: dict[str, str]) -> str:
    answer = browser.post("/single-sign-on/prove", fields)
    assert answer.status_code == 200, answer.text
    assert "Nothing is recorded yet" in answer.text
    found = re.search(r'class="button" href="([^"]+)"', answer.text)
    assert found
    return html.unescape(found[1])


def proved(browser: Browser, provider: Running, fields: dict[str, str] | None = None, subject: str = SUBJECT) -> Any:
    """The page that the browser shows after the person proved herself at the provider."""
    return browser.get(path_of(provider.sign_on(to_the_provider(browser, fields or form_of(browser)), subject)))


def filled(answer: Any) -> dict[str, str]:
    """The form that the browser would send from the page after the sign-on."""
    assert answer.status_code == 200, answer.text
    return hidden(answer.text[answer.text.index('action="/sign"') :])


def test_who_signed_in_by_it_is_asked_by_the_provider_anew_for_each_signature(
    risk: Browser, provider: Running, desk: Desk
) -> None:
    text = risk.get(SIGN).text
    assert "Prove it with Example Bank" in text
    provider.says(SUBJECT, amr=["pwd", "otp"])
    size = desk.ledger.size()
    address = to_the_provider(risk, form_of(risk))
    asked = parse_qs(urlsplit(address).query)
    assert asked["prompt"] == ["login"]
    assert asked["max_age"] == ["0"]
    answer = risk.get(path_of(provider.sign_on(address, SUBJECT)))
    assert REASON in answer.text
    assert desk.ledger.size() == size
    done = risk.post("/sign", filled(answer))
    assert done.status_code == 303
    *_, entry = desk.ledger.entries()
    assert entry.statement.actor.id == RISK.id
    assert entry.statement.body["reason"] == REASON
    assert entry.statement.body["authentication"] == f"single sign-on at {provider.issuer} (amr pwd, otp)"
    assert f"single sign-on at {provider.issuer}" in risk.get(done.headers["location"]).text


@pytest.mark.parametrize(
    ("claims", "assurance"),
    [
        ({"amr": ["mfa"]}, "server-attested"),
        ({"amr": ["pwd", "otp"]}, "server-attested"),
        ({"amr": ["hwk", "fpt"]}, "server-attested"),
        ({"amr": ["pwd"]}, "password"),
        ({"amr": ["pwd", "pin"]}, "password"),
        ({"amr": ["pwd", "made-up"]}, "password"),
        ({"acr": "urn:example:two-factors"}, "server-attested"),
        ({"acr": "urn:example:one-factor"}, "password"),
        ({}, "password"),
    ],
)
def test_it_is_as_sure_as_the_provider_says(
    provider: Running, desk: Desk, claims: dict[str, Any], assurance: str
) -> None:
    settings = known(provider, several_factors=("urn:example:two-factors",))
    browser = Browser(create_app(desk, secure_cookies=False, provider=settings))
    come_in(browser, provider)
    provider.says(SUBJECT, **claims)
    size = desk.ledger.size()
    done = browser.post("/sign", filled(proved(browser, provider)))
    if assurance == "password":  # one factor: enough to refuse, not to approve under this policy
        assert done.status_code in (403, 409)
        assert desk.ledger.size() == size
        done = browser.post("/sign", filled(proved(browser, provider, form_of(browser, decision="refuse"))))
    assert done.status_code == 303
    *_, entry = desk.ledger.entries()
    assert entry.statement.body["assurance"] == assurance
    said = ", ".join(claims.get("amr", [])) or "not said"
    assert f"amr {said}" in entry.statement.body["authentication"]


@pytest.mark.parametrize(
    "claims", [{"auth_time": 1_700_000_000}, {"auth_time": None}, {"auth_time": 4_000_000_000}, {"auth_time": "now"}]
)
def test_a_provider_that_did_not_ask_just_now_proves_nothing(
    risk: Browser, provider: Running, claims: dict[str, Any]
) -> None:
    provider.says(SUBJECT, **claims)
    answer = proved(risk, provider)
    assert answer.status_code == 403
    assert "proof" not in hidden(answer.text)


def test_another_persons_sign_on_proves_nothing(risk: Browser, provider: Running, desk: Desk) -> None:
    link(desk, COMPLIANCE, Identity(provider.issuer, "c-1"))
    answer = proved(risk, provider, subject="c-1")
    assert answer.status_code == 403
    assert "somebody else" in answer.text
    assert proved(risk, provider, subject="a-stranger").status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "refuse"},
        {"reason": "another reason"},
        {"model_digest": "sha256:" + "0" * 64},
        {"added": "field"},
        {"proof": "guessed"},
        {"proof": ""},
    ],
    ids=str,
)
def test_a_proof_is_for_this_form_alone(risk: Browser, provider: Running, desk: Desk, changes: dict[str, str]) -> None:
    form = filled(proved(risk, provider))
    size = desk.ledger.size()
    assert risk.post("/sign", {**form, **changes}).status_code == 403
    assert desk.ledger.size() == size


def test_a_proof_counts_once_for_one_act_one_session_and_five_minutes(
    risk: Browser, provider: Running, desk: Desk
) -> None:
    form = filled(proved(risk, provider))
    assert risk.post("/people/disable", {**form, "id": RISK.id}).status_code in (403, 404)
    assert risk.post("/sign", form).status_code == 403  # it is gone with the first try
    form = filled(proved(risk, provider))
    other = Browser(risk.app)
    come_in(other, provider)
    csrf = hidden(other.get("/").text)["csrf"]
    assert other.post("/sign", {**form, "csrf": csrf}).status_code == 403
    form = filled(proved(risk, provider))
    desk.clock.now += timedelta(minutes=6)  # type: ignore[attr-defined]
    assert risk.post("/sign", form).status_code == 403
    desk.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    form = filled(proved(risk, provider))
    assert risk.post("/sign", form).status_code == 303
    assert risk.post("/sign", form).status_code == 403


def test_a_proof_of_the_login_is_none_for_an_act(risk: Browser, provider: Running) -> None:
    back = provider.sign_on(begin(risk), SUBJECT)
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert risk.post("/sign", {**form_of(risk), "proof": state}).status_code == 403


def test_other_acts_are_proved_in_the_same_way(risk: Browser, provider: Running, desk: Desk) -> None:
    page = risk.get("/people/delegate").text
    assert 'name="act" value="/people/delegate"' in page
    csrf = hidden(page)["csrf"]
    day = (desk.clock() + timedelta(days=5)).date().isoformat()
    fields = {
        "csrf": csrf,
        "act": "/people/delegate",
        "function": "model-risk",
        "to": "second-officer",
        "last_day": day,
        "reason": "on leave",
        "password": "",
    }
    answer = proved(risk, provider, fields)
    form = hidden(answer.text[answer.text.index('action="/people/delegate"') :])
    assert risk.post("/people/delegate", form).status_code == 303
    *_, entry = desk.ledger.entries()
    assert entry.statement.body["delegate"] == "second-officer"
    assert entry.statement.body["authentication"].startswith("single sign-on at ")


def test_who_has_no_identity_there_is_not_offered_it(browser: Browser) -> None:
    browser.login(COMPLIANCE.id)
    text = browser.get(SIGN).text
    assert "Prove it with" not in text
    assert re.search(r'name="password"[^>]* required', text)
    assert "/single-sign-on/" not in text


def test_a_password_and_a_code_still_sign_for_who_has_them(risk: Browser, desk: Desk) -> None:
    risk.person = RISK.id
    assert risk.post("/sign", risk.form(password="", code="")).status_code == 403
    assert risk.post("/sign", risk.form()).status_code == 303

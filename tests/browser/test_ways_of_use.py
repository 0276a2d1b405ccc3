"""Keyboard alone, no JavaScript, print, hostile names that want to run: other ways in which the pages are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import injection
import pytest
import report_factory as factory
from browser_pages import OFFICER, OUTPUT, PAGES, SECTIONS, House, Page, Visit, fill_sign_form, query

from governance.statement import PredicateType

FOCUSED = """() => {
  const here = document.activeElement, style = getComputedStyle(here);
  return { name: (here.innerText || here.value || here.name || here.id || "").trim(), tag: here.tagName, id: here.id,
           seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
}"""
LONGEST_WAY = 150


def _tab_to(page: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Press Tab until this is in focus; everything on the way shows that it has the focus."""
    for _ in range(LONGEST_WAY):
        page.keyboard.press("Tab")
        found: dict[str, Any] = page.evaluate(FOCUSED)
        assert found["seen"] or found["tag"] == "BODY", f"no focus is visible on {found}"
        if wanted(found):
            return found
    raise AssertionError("Tab never comes there")


def _named(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda found: str(found["name"]).startswith(name)


def _with_id(identity: str) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found["id"] == identity


def test_from_the_login_to_the_signature_with_the_keyboard_alone(visit: Visit, house: House) -> None:
    factory.record_case(house.desk, "2", name="aaa-keyboard")
    factory.code(house.desk, "risk-officer")
    page, keys = visit.open(None), None
    page.goto("/login")
    keys = page.keyboard
    _tab_to(page, _with_id("id"))
    keys.type("risk-officer")
    _tab_to(page, _with_id("password"))
    keys.type(factory.SECRET)
    keys.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/login"))
    page.goto(f"/case?{query('aaa-keyboard')}")
    first = _tab_to(page, lambda _found: True)
    assert first["name"] == "Skip to the content"
    keys.press("Enter")
    assert page.evaluate("document.activeElement.id || document.activeElement.tagName") in {"main", "BODY"}
    _tab_to(page, _named("Go to the decision"))
    keys.press("Enter")
    page.wait_for_url("**/case/sign**")
    _tab_to(page, lambda found: found["tag"] == "INPUT" and page.evaluate("document.activeElement.name") == "decision")
    keys.press("Space")
    assert page.evaluate("document.querySelector('[name=decision]:checked').value") == "approve"
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    assert page.evaluate("document.querySelector('[name=decision]:checked').value") == "approve"
    _tab_to(page, _with_id("reason"))
    keys.type("I read it with the keyboard.")
    _tab_to(page, _with_id("password"))
    keys.type(factory.SECRET)
    _tab_to(page, _with_id("code"))
    keys.type(factory.code(house.desk, "risk-officer"))
    _tab_to(page, _named("Sign and record"))
    keys.press("Enter")
    page.get_by_role("status").filter(has_text="Recorded as entry").wait_for()
    *_, entry = house.desk.ledger.entries()
    assert entry.statement.body["reason"] == "I read it with the keyboard."


@pytest.mark.parametrize(("decision", "kind"), [("Approve", PredicateType.SIGN_OFF), ("Refuse", PredicateType.REFUSAL)])
def test_everything_but_passkeys_works_without_scripts(
    decision: str, kind: PredicateType, visit: Visit, house: House
) -> None:
    name = f"noscript-{decision.lower()}"
    factory.record_case(house.desk, "2", name=name)
    page = visit.open(OFFICER, java_script_enabled=False)
    for key in SECTIONS:
        page.goto(f"/case/{key}?{query(name)}")
        assert page.get_by_role("heading", level=1).count() == 1
    page.get_by_role("link", name="Go to the decision").click()
    fill_sign_form(page, house, decision=decision)
    page.get_by_role("status").filter(has_text="Recorded as entry").wait_for()
    *_, entry = house.desk.ledger.entries()
    assert entry.statement.predicate_type is kind
    if kind is PredicateType.SIGN_OFF:
        assert set(SECTIONS) <= set(entry.statement.body["reading"])


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
def test_no_page_breaks_its_own_rules(
    place: Page, visit: Visit, house: House, counted: Callable[[str, int], None]
) -> None:
    """Nothing is blocked by the content security policy, nothing is fetched elsewhere, no script fails."""
    page, said, asked = visit.open(place.person), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    place.show(page, house)
    assert not [text for text in said if "the server responded with a status of 4" not in text], said
    assert not [url for url in asked if not url.startswith((house.url, "data:"))]
    counted("pages without an error in the browser", 1)


TRAP = """
window.sprung = [];
for (const name of ["xq7", "alert", "prompt", "confirm"]) {
  window[name] = () => { window.sprung.push(name); };
}
"""
PROVOKED = """() => {
  for (const item of document.querySelectorAll("body *")) {
    for (const kind of ["mouseover", "focus", "click", "toggle"]) {
      if (kind !== "click" || item.tagName === "XQ7") { item.dispatchEvent(new Event(kind, { bubbles: true })); }
    }
  }
  return window.sprung;
}"""
TRIED = tuple(
    dict.fromkeys((*injection.AS_TEXT[:40:3], *injection.OUT_OF_AN_ATTRIBUTE, *injection.OUT_OF_AN_ELEMENT[::4]))
)


def test_the_trap_springs_where_a_name_is_not_escaped(visit: Visit) -> None:
    page = visit.open(None, bypass_csp=True)
    page.add_init_script(TRAP)
    page.goto("/login")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=xq7(1)>')")
    page.wait_for_timeout(500)
    assert page.evaluate("window.sprung") == ["xq7"]


def test_no_hostile_name_runs_in_a_real_browser(
    visit: Visit, house: House, counted: Callable[[str, int], None]
) -> None:
    """Without the content security policy, which would stop what got through."""
    page = visit.open(OFFICER, bypass_csp=True)
    page.add_init_script(TRAP)
    for payload in TRIED:
        factory.record_case(
            house.desk, "2", name=f"m {payload}", audit=factory.renamed(factory.audit_of("2"), "female", payload)
        )
        for path in (
            f"/case?{query(f'm {payload}')}",
            f"/case/rates?{query(f'm {payload}')}",
            f"/case/sign?{query(f'm {payload}')}",
        ):
            page.goto(path)
            assert page.evaluate(PROVOKED) == [], payload
            counted("hostile texts in a real browser", 1)
    for path in ("/", "/models", "/ledger", "/history?on=2026-11-01"):
        page.goto(path)
        assert page.evaluate(PROVOKED) == []
        counted("hostile texts in a real browser", len(TRIED))


PRINTED = {
    "evidence": f"/case?{query('lending')}",
    "rates": f"/case/rates?{query('lending')}",
    "receipt": "/entry/{entry}?signed=1",
    "figures": "/figures",
    "history": "/history?on=2026-10-20",
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_page_is_printed_without_its_navigation(name: str, visit: Visit, house: House) -> None:
    from pypdf import PdfReader

    page = visit.open(OFFICER)
    page.goto(PRINTED[name].format(entry=house.newest(PredicateType.SIGN_OFF)))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"print-{name}.pdf"
    page.pdf(path=path, format="A4", print_background=True)
    page.emulate_media(media="print")
    page.screenshot(path=path.with_suffix(".png"), full_page=True)
    text = "".join(sheet.extract_text() for sheet in PdfReader(path).pages)
    assert "Sign out" not in text
    assert page.get_by_role("heading", level=1).inner_text().split()[0] in text

"""A desk with a past for the pages of people, policies and schedules: nights, delegations, two policies, gaps."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import report_factory as factory
from console_browser import Browser, hidden

from governance.adoption import approve_policy
from governance.case import open_case
from governance.charter_record import key_event
from governance.delegating import delegate
from governance.desk import Desk
from governance.digests import digest_bytes
from governance.people import MACHINE, Person, actor
from governance.policy_file import read_policy
from governance.record import held, ran

NEW_PERSON = Person("night-clerk", "Night Clerk", ("compliance",))
UNKNOWN_ACCOUNT = Person("shadow", "Shadow Account", ("compliance", "model-risk"))
HOSTILE = Person("hostile", "<img src=x onerror=alert(1)>", ("compliance",))


def person(identity: str) -> Person:
    return next(item for item in factory.PEOPLE if item.id == identity)


def under(desk: Desk, *changes: tuple[str, str], version: str = "2") -> Desk:
    """The desk working with another version of its policy, with these texts of the file replaced."""
    text = desk.policy_bytes.decode().replace(f'version = "{desk.policy.version}"', f'version = "{version}"')
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return replace(desk, policy=read_policy(text.encode(), name="v2.toml"), policy_bytes=text.encode())


def night(desk: Desk, days: float, code: int = 0, **more: Any) -> None:
    """A night that ran this many days after the last reading of the clock."""
    desk.clock.now += timedelta(days=days)  # type: ignore[attr-defined]
    body = {"report": digest_bytes(f"{days}/{code}".encode()), "exit_code": code, "aliases": 2, **more}
    desk.ledger.append(ran("nightly", f"2 live aliases were looked at: exit code {code}.", body))


def busy_desk(folder: Path) -> Desk:
    """Version 2 of the policy adopted by two, a delegation, and account and ledger that differ in three ways."""
    desk = factory.new_desk(folder)
    desk.ledger.append(key_event("added", NEW_PERSON, MACHINE))
    desk.ledger.append(key_event("added", HOSTILE, MACHINE))
    desk.accounts.add(UNKNOWN_ACCOUNT, factory.SECRET)
    until = desk.clock() + timedelta(days=20)
    delegate(desk, person("second-officer"), "risk-officer", "compliance", until, "on leave", "password")
    second = under(
        desk, ("break_glass_hours = 72", "break_glass_hours = 24"), ('informed = ["legal"]', "informed = []")
    )
    approve_policy(second, person("compliance-officer"), "less room for emergencies", "password")
    approve_policy(second, person("risk-officer"), "agreed", "password")
    for days, code in ((1, 0), (1, 13), (4, 0), (1, 6)):
        night(second, days, code)
    return second


def record_case_of(desk: Desk, asker: str) -> None:
    """The case of `report_factory`, for which this person asked too, so that she cannot sign it."""
    case = factory.record_case(desk, "2")
    desk.ledger.append(held(case.dossier, case.decision, actor(person(asker))))


def sign_all(desk: Desk, version: str) -> None:
    """Both approvals of the case."""
    for who, function in (("second-officer", "compliance"), ("risk-officer", "model-risk")):
        case = open_case(desk, "hiring", version, factory.TARGET.alias)
        factory.put_signature(desk, case, who, function)


def base_fields(browser: Browser) -> dict[str, str]:
    """What proves who sends a form, whatever the form is: its session's token, password and code."""
    code = factory.code(browser.app.state.desk, browser.person or "")
    csrf = hidden(browser.get("/people").text)["csrf"]
    return {"csrf": csrf, "password": factory.SECRET, "code": code}


def sign_form(browser: Browser) -> dict[str, str]:
    """The complete form of an approval of the case, whether or not a page offers it."""
    desk = browser.app.state.desk
    case = open_case(desk, "hiring", "2", factory.TARGET.alias)
    known = next(item for item in desk.accounts.people() if item.id == browser.person)
    function = next((item for item in known.functions if item in desk.policy.all_signers()), "compliance")
    shown = {name: value or "" for name, value in asdict(case.shown()).items()}
    about = {"name": "hiring", "version": "2", "alias": factory.TARGET.alias, "decision": "approve"}
    return {**base_fields(browser), **shown, **about, "function": function, "reason": "I read the whole report."}

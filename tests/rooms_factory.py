"""A desk with a past for the pages of people, policies and schedules: nights, delegations, two policies, gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import report_factory as factory

from governance.adoption import approve_policy
from governance.charter_record import key_event
from governance.delegating import delegate
from governance.desk import Desk
from governance.digests import digest_bytes
from governance.people import MACHINE, Person
from governance.policy_file import read_policy
from governance.record import ran

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


def busy_desk(folder: Path, *, real: bool = False) -> Desk:
    """Version 2 of the policy adopted by two, a delegation, and account and ledger that differ in three ways."""
    desk = factory.new_desk(folder, real=real)
    desk.ledger.append(key_event("added", NEW_PERSON, MACHINE))
    desk.ledger.append(key_event("added", HOSTILE, MACHINE))
    if real:
        desk.accounts.add(UNKNOWN_ACCOUNT, factory.SECRET)
    else:
        desk.accounts.known = (*factory.PEOPLE, UNKNOWN_ACCOUNT)  # type: ignore[attr-defined]
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

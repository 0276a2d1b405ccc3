"""The pages that every page leads to, in their order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation. `key` is what the template of the page calls itself (`here`)."""

    key: str
    path: str
    label: str


PLACES = (
    Place("inbox", "/", "Inbox"),
    Place("models", "/models", "Models"),
    Place("ledger", "/ledger", "Ledger"),
    Place("history", "/history", "History"),
    Place("verify", "/verify", "Verify"),
    Place("figures", "/figures", "Figures"),
    Place("policies", "/policies", "Policies"),
    Place("schedules", "/schedules", "Schedules"),
    Place("people", "/people", "People"),
)

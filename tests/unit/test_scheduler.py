"""What Prefect answers, read into schedules: unknown stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flows.scheduler import scheduled
from reports.console.outside import Scheduled


def deployment(name: str, **changes: Any) -> dict[str, Any]:
    cron = {"schedule": {"cron": "0 2 * * *", "timezone": "UTC"}, "active": True}
    return {"id": f"id-{name}", "name": name, "paused": False, "schedules": [cron], **changes}


def run(name: str, at: str) -> dict[str, Any]:
    return {"deployment_id": f"id-{name}", "expected_start_time": at}


def test_each_schedule_has_the_first_run_that_waits() -> None:
    runs = [run("nightly", "2026-12-01T02:00:00Z"), run("nightly", "2026-12-02T02:00:00Z")]
    (found,) = scheduled([deployment("nightly")], runs)
    assert found == Scheduled("nightly", "0 2 * * * (UTC)", datetime(2026, 12, 1, 2, tzinfo=UTC), paused=False)


def test_they_stand_by_name_and_those_without_a_schedule_are_left_out() -> None:
    found = scheduled([deployment("reconcile"), deployment("nightly"), deployment("audit", schedules=[])], [])
    assert [item.name for item in found] == ["nightly", "reconcile"]
    assert [item.next_run for item in found] == [None, None]


@pytest.mark.parametrize(
    "changes",
    [{"paused": True}, {"schedules": [{"schedule": {"cron": "* * * * *"}, "active": False}]}],
)
def test_a_paused_one_is_said_to_be_paused(changes: dict[str, Any]) -> None:
    (found,) = scheduled([deployment("nightly", **changes)], [])
    assert found.paused


def test_a_schedule_in_other_words_than_crons_is_unknown_and_not_none_at_all() -> None:
    (found,) = scheduled([deployment("odd", schedules=[{"schedule": {"interval": 60.0}, "active": True}])], [])
    assert found.every is None
    assert not found.paused


@pytest.mark.parametrize(
    ("deployments", "runs"),
    [
        ([{"name": "x"}], []),
        (["x"], []),
        ({"detail": "no"}, []),
        ([deployment("nightly")], [run("nightly", "soon")]),
        ([deployment("nightly")], [{}]),
    ],
)
def test_what_is_no_answer_of_prefect_raises_and_is_not_read_as_no_schedule(deployments: Any, runs: Any) -> None:
    with pytest.raises((KeyError, ValueError, TypeError, AttributeError)):
        scheduled(deployments, runs)

"""What the scheduler knows, asked over HTTP: the console waits two seconds for it, and imports nothing of it.

The addresses and fields are those of Prefect 3.8's REST interface (`/deployments/filter`, `/flow_runs/filter`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flows.prefect_env import server_address
from flows.settings import Settings
from reports.console.outside import Scheduled

SECONDS = 2.0
_WAITING = {
    "sort": "EXPECTED_START_TIME_ASC",
    "limit": 50,
    "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
}


def schedules(settings: Settings) -> tuple[Scheduled, ...] | None:
    """The schedules of the project's Prefect, by name; None where no scheduler runs, or none answers in two seconds.

    A server of one's own is asked where PREFECT_API_URL names it, with PREFECT_API_KEY where there is one.
    """
    import httpx

    url = os.environ.get("PREFECT_API_URL") or server_address(settings)
    if url is None:
        return None
    key = os.environ.get("PREFECT_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, timeout=SECONDS, headers=headers, trust_env=False) as client:
            found = client.post("/deployments/filter", json={}).raise_for_status().json()
            runs = client.post("/flow_runs/filter", json=_WAITING).raise_for_status().json()
        return scheduled(found, runs)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError):
        return None  # not what a Prefect answers: nothing is known


def scheduled(deployments: list[Mapping[str, Any]], runs: list[Mapping[str, Any]]) -> tuple[Scheduled, ...]:
    """Prefect's deployments that have a schedule, each with the first of the runs that wait. Pure.

    Raises KeyError, ValueError, TypeError or AttributeError for what is no answer of Prefect's.
    """
    first: dict[str, datetime] = {}
    for run in runs:
        if run["deployment_id"] and run["expected_start_time"]:
            first.setdefault(str(run["deployment_id"]), _moment(run["expected_start_time"]))
    with_one = [item for item in deployments if item["schedules"]]
    return tuple(
        Scheduled(
            name=str(item["name"]),
            every=_every(item["schedules"]),
            next_run=first.get(str(item["id"])),
            paused=bool(item["paused"]) or not any(one["active"] for one in item["schedules"]),
        )
        for item in sorted(with_one, key=lambda item: str(item["name"]))
    )


def _every(schedules: list[Mapping[str, Any]]) -> str | None:
    """The words of cron and their zone, None for a schedule that is written in another way."""
    said = [one["schedule"] for one in schedules]
    crons = [f"{one['cron']} ({one.get('timezone') or 'UTC'})" for one in said if one.get("cron")]
    return ", ".join(crons) or None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

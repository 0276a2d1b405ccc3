"""Prefect executes; it does not remember and it does not decide. What every flow here needs of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from governance.errors import ServiceError

T = TypeVar("T")


def step(name: str, work: Callable[[], T]) -> T:
    """Run a piece of work as a Prefect task. Service errors are tried again, everything else is said at once."""
    runner = task(
        name=name,
        task_run_name=name,
        retries=2,
        retry_delay_seconds=[1, 5],
        retry_condition_fn=_worth_another_try,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return runner(work)()


def finished(state: Any) -> Any:
    """What a flow that was called with `return_state=True` answered; raises what it raised."""
    return state.result()


def publish(key: str, markdown: str, description: str) -> None:
    """Show a report as an artifact of the run. Artifacts can be changed: they are for reading, never the record."""
    safe = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:200] or "report"
    create_markdown_artifact(markdown=markdown, key=safe, description=description)


def _worth_another_try(_task: object, _run: object, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), ServiceError)

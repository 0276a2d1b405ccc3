"""The flow `release`: gather evidence, decide, and move the alias or end in a state called Held."""

from __future__ import annotations

from dataclasses import replace

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.outwards import copy_outside, told_people
from flows.prefect_runtime import publish, step
from flows.releasing import Request, release_now
from flows.reporting import publish_release
from flows.requester import requester
from flows.settings import read_settings
from flows.wiring import open_desk, open_registry


@flow(name="release", flow_run_name="release {name} v{version} as {alias}", persist_result=False)
def release(name: str, version: str, alias: str, data: str | None = None) -> State:
    """Ask for the release of a model version under an alias. A held release is an ended run, not a waiting one."""
    settings = read_settings()
    answer = release_now(settings, Request(name, version, alias, requester(), data), step=step)
    files = step("write the report", lambda: publish_release(settings, answer))
    problems = step("copy the checkpoint", lambda: copy_outside(settings, open_registry(settings)))
    problems += step("tell people", lambda: told_people(settings, open_desk(settings)))
    publish(f"release-{name}-{version}-{alias}", files.markdown, f"Release of {name} v{version} as {alias}")
    missing = "; ".join(f"{item.requirement}: {item.reason}" for item in answer.case.decision.missing())
    message = "; ".join([missing or answer.word, *problems])
    return Completed(name=answer.word, message=message, data=(answer, replace(files, problems=problems)))

"""The flow `nightly`: audit every governed live alias on its newest data. One that fails never stops the rest."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.monitoring import governed, look, looks_outside, looks_untold
from flows.outwards import told_people
from flows.prefect_runtime import publish, step
from flows.reporting import publish_night, refresh_reports
from flows.settings import read_settings
from flows.wiring import open_desk, open_registry, utc_now


@flow(name="nightly", persist_result=False)
def nightly() -> State:
    """Audit what is live, write one summary, and end in one state with one exit code."""
    settings, started = read_settings(), utc_now()
    desk, registry = open_desk(settings), open_registry(settings)
    aliases = step("read the live aliases", lambda: governed(desk, registry))
    looks = tuple(look(settings, desk, registry, live, step=step) for live in aliases)
    looks += step("copy the checkpoint", lambda: looks_outside(settings, registry))
    looks += looks_untold(settings)
    night = step("write the summary", lambda: publish_night(settings, desk, started, looks))
    step("write the reports", lambda: refresh_reports(settings, desk, looks))
    untold = step("tell people", lambda: told_people(settings, desk))
    publish("nightly", night.markdown, "Scheduled audits of what is live")
    return Completed(name=night.word, message="; ".join([night.message, *untold]), data=night)

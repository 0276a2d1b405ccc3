"""The flow `validate`: run the quality gate on the data of a registered version and record what it finds."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.assess import Purpose, blocked, candidate, validate_data
from flows.prefect_runtime import step
from flows.requester import requester
from flows.settings import read_settings
from flows.sources import data_file
from flows.wiring import open_desk, open_registry
from governance.record import MONITORING


@flow(name="validate", flow_run_name="validate the data of {name} v{version}", persist_result=False)
def validate(name: str, version: str, data: str | None = None) -> State:
    """Validate the data that a version would be audited on."""
    settings = read_settings()
    desk, registry = open_desk(settings), open_registry(settings)
    chosen = step("take a private copy", lambda: candidate(settings, desk, registry, registry.version(name, version)))
    purpose = Purpose(MONITORING, data_file(settings, data or chosen.plan.source), requester())
    result = step("validate the data", lambda: validate_data(settings, desk, chosen, purpose))
    word = "Stopped by data quality" if blocked(result) else "Validated"
    return Completed(name=word, message=result.outcome.value, data=result)

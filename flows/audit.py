"""The flow `audit`: validate and audit a registered version, record both, and release nothing."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from audits.result import Verdict
from flows.assess import Purpose, audit_model, blocked, candidate, validate_data
from flows.prefect_runtime import step
from flows.requester import requester
from flows.settings import read_settings
from flows.sources import data_file
from flows.wiring import open_desk, open_registry
from governance.record import MONITORING


@flow(name="audit", flow_run_name="audit {name} v{version}", persist_result=False)
def audit(name: str, version: str, data: str | None = None) -> State:
    """Audit a registered version and record it as monitoring: what people have signed stays what a release rests on.

    The result is evidence; the run's state only says what was found.
    """
    settings = read_settings()
    desk, registry = open_desk(settings), open_registry(settings)
    chosen = step("take a private copy", lambda: candidate(settings, desk, registry, registry.version(name, version)))
    purpose = Purpose(MONITORING, data_file(settings, data or chosen.plan.source), requester())
    validation = step("validate the data", lambda: validate_data(settings, desk, chosen, purpose))
    if blocked(validation):
        return Completed(name="Stopped by data quality", message=validation.outcome.value, data=(validation, None))
    result, _ = step("audit the model", lambda: audit_model(settings, desk, chosen, purpose))
    adverse = result.with_verdict(Verdict.ADVERSE)
    word = "Adverse" if adverse else "Audited"
    return Completed(name=word, message=f"{len(adverse)} adverse disparities", data=(validation, result))

"""The flow `reconcile`: finish approved releases and compare what is live with the ledger. Runs every minute."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.monitoring import looks_outside
from flows.outwards import told_people
from flows.prefect_runtime import step
from flows.reconciling import check_live, finish_approved
from flows.settings import read_settings
from flows.wiring import open_desk, open_registry
from governance.errors import Exit


@flow(name="reconcile", persist_result=False)
def reconcile() -> State:
    """Finish, compare, and tell. Answers the looks that are worth a line."""
    settings = read_settings()
    desk, registry = open_desk(settings), open_registry(settings)
    finished = finish_approved(settings, desk, registry, step=step)
    found = step("compare what is live", lambda: check_live(settings, desk, registry))
    found = (*found, *step("copy the checkpoint", lambda: looks_outside(settings, registry)))
    untold = step("tell people", lambda: told_people(settings, desk))
    troubled = [item for item in (*finished, *found) if item.exit_code is not Exit.DONE]
    word = "Needs attention" if troubled else "Reconciled"
    message = "; ".join([f"{len(finished)} finished, {len(troubled)} troubled", *untold])
    return Completed(name=word, message=message, data=(*finished, *found))

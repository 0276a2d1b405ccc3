"""The flows on a real Prefect server: states, retries and artifacts. What they decide is told by the ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_factory import ALIAS, EVEN, SCIENTIST, UNEVEN, Project, new_project, registry_template, table

from flows.demo.data import write_project
from governance.errors import (
    ConfigurationError,
    LedgerTamperedError,
    MeasurementError,
    ServiceError,
    SignOffRefusedError,
)
from governance.people import MACHINE, actor
from governance.registry.mlflow_registry import MlflowRegistry
from governance.registry.port import RegisteredVersion
from governance.statement import PredicateType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project for the module, with the demo's second model registered; flows find it as a command would."""
    folder = tmp_path_factory.mktemp("project")
    template = registry_template(tmp_path_factory.mktemp("empty"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("FAIRGATE_POLICY", "policy.toml")
        made = new_project(folder, template)
        write_project(folder)
        subprocess.run([sys.executable, "-m", "flows.demo.models", "v2"], cwd=folder, check=True, capture_output=True)
        yield made


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[None]:
    """A Prefect server for this module. Its home is in the project, unless Prefect was imported before."""
    from flows.prefect_env import configure

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        before = dict(os.environ)
        configure(project.settings)
        try:
            from prefect.testing.utilities import prefect_test_harness

            with prefect_test_harness(server_startup_timeout=120):
                yield
        finally:
            for name in set(os.environ) - set(before):
                del os.environ[name]


def _artifact(key: str) -> Any:
    """The newest artifact with this key, as the server keeps it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    assert found, f"no artifact {key}"
    return found[0]


def _stored(state: Any) -> Any:
    """The state of the same run, as the server keeps it."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id).state


@pytest.mark.usefixtures("server")
class TestRelease:
    def test_a_held_release_is_an_ended_run_in_a_state_called_held(self, project: Project) -> None:
        from flows.release import release

        state = release("hiring", "1", ALIAS, return_state=True)
        assert (state.name, state.is_completed(), state.is_final()) == ("Held", True, True)
        assert "sign-off is missing from: compliance, model-risk" in state.message
        kept = _stored(state)
        assert (kept.name, kept.type.value, kept.message) == ("Held", "COMPLETED", state.message)
        answer, files = state.result()
        assert answer.case.subject.name == "hiring"
        assert project.live("hiring") is None

        shown = _artifact("release-hiring-1-champion")
        assert shown.type == "markdown"
        assert shown.data == files.markdown
        assert "hiring" in shown.data
        assert files.html.is_file()
        assert project.client.get_run(files.run_id).info.status == "FINISHED"

    def test_without_a_person_the_machine_asks_and_no_parameter_can_say_otherwise(self, project: Project) -> None:
        from flows.audit import audit
        from flows.nightly import nightly
        from flows.reconcile import reconcile
        from flows.release import release
        from flows.validate import validate

        version = project.register("unattended")
        release("unattended", version, ALIAS, return_state=True)
        asked = [item for item in project.entries() if "unattended" in str(item.statement.body)]
        assert {item.statement.actor for item in asked} == {MACHINE}
        flows = {release: {"name", "version", "alias", "data"}, nightly: set(), reconcile: set()}
        flows |= {audit: {"name", "version", "data"}, validate: {"name", "version", "data"}}
        assert {flow.name: set(flow.parameters.properties) for flow in flows} == {f.name: p for f, p in flows.items()}

    def test_who_is_authenticated_asks_and_can_then_not_sign(self, project: Project) -> None:
        from flows.release import release
        from flows.requester import acting_as

        version = project.register("attended")
        with acting_as(actor(SCIENTIST)):
            release("attended", version, ALIAS, return_state=True)
        hold = project.entries(PredicateType.HOLD)[-1]
        assert hold.statement.actor.id == SCIENTIST.id
        with pytest.raises(SignOffRefusedError):
            project.approve("attended", version, officers=[SCIENTIST])

    def test_data_that_does_not_pass_the_gate_stops_before_the_audit(self, project: Project) -> None:
        from flows.release import release

        version = project.register("gated")
        project.write("data/broken.csv", table(EVEN).replace(",yes,", ",perhaps,", 1))
        state = release("gated", version, ALIAS, "data/broken.csv", return_state=True)
        assert (state.name, state.is_completed()) == ("Stopped by data quality", True)
        mine = [item for item in project.entries(PredicateType.FAIRNESS_AUDIT) if "gated" in item.statement.meaning]
        assert mine == []

    def test_a_registry_that_is_away_for_a_moment_is_asked_again(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from flows.release import release

        version, asks = project.register("patient"), []
        ask = MlflowRegistry.version

        def first_away(registry: MlflowRegistry, name: str, number: str) -> RegisteredVersion:
            asks.append(name)
            if len(asks) == 1:
                raise ServiceError("the registry is away")
            return ask(registry, name, number)

        monkeypatch.setattr(MlflowRegistry, "version", first_away)
        assert release("patient", version, ALIAS, return_state=True).name == "Held"

    def test_an_unknown_model_fails_the_run_with_its_own_error(self) -> None:
        from flows.prefect_runtime import finished
        from flows.release import release

        state = release("nobody", "1", ALIAS, return_state=True)
        assert state.is_failed()
        with pytest.raises(ConfigurationError, match="no registered model 'nobody'"):
            finished(state)


@pytest.mark.usefixtures("server")
class TestOtherFlows:
    def test_validate_and_audit_name_what_they_found_and_release_nothing(self, project: Project) -> None:
        from flows.audit import audit
        from flows.validate import validate

        version = project.register("looked-at")
        project.write("data/uneven.csv", table(UNEVEN))
        project.write("data/short.csv", "id,sex\n1,female\n")
        found = {
            "validate": validate("looked-at", version, return_state=True).name,
            "validate short": validate("looked-at", version, "data/short.csv", return_state=True).name,
            "audit": audit("looked-at", version, return_state=True).name,
            "audit uneven": audit("looked-at", version, "data/uneven.csv", return_state=True).name,
            "audit short": audit("looked-at", version, "data/short.csv", return_state=True).name,
        }
        assert found == {
            "validate": "Validated",
            "validate short": "Stopped by data quality",
            "audit": "Audited",
            "audit uneven": "Adverse",
            "audit short": "Stopped by data quality",
        }
        assert project.live("looked-at") is None

    def test_reconcile_finishes_an_approved_release_once(self, project: Project) -> None:
        from flows.reconcile import reconcile
        from flows.release import release

        release("hiring", "1", ALIAS, return_state=True)
        assert reconcile(return_state=True).message == "0 finished, 0 troubled"
        assert project.live("hiring") is None
        project.approve("hiring", "1")
        state = reconcile(return_state=True)
        assert (state.name, state.message) == ("Reconciled", "1 finished, 0 troubled")
        assert project.live("hiring") == "1"
        size = project.desk.ledger.size()
        assert reconcile(return_state=True).message == "0 finished, 0 troubled"
        assert project.desk.ledger.size() == size
        assert release("hiring", "1", ALIAS, return_state=True).name == "Released"

    def test_the_night_and_the_reconciler_tell_of_a_moved_alias(self, project: Project) -> None:
        from flows.nightly import nightly
        from flows.reconcile import reconcile

        version = project.register("moved")
        project.move_outside("moved", ALIAS, version)
        state = nightly(return_state=True)
        assert state.name == "Needs attention"
        assert "verification failed" in state.message
        assert "moved" in _artifact("nightly").data
        assert reconcile(return_state=True).name == "Needs attention"
        project.client.delete_registered_model_alias("moved", ALIAS)
        assert reconcile(return_state=True).name == "Reconciled"


def _fails(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    calls: list[int] = []

    def work() -> str:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error
        return "done"

    return work, calls


@pytest.mark.usefixtures("server")
class TestRetries:
    def test_a_service_that_is_back_at_the_next_try_is_no_error(self) -> None:
        from prefect import flow

        from flows.prefect_runtime import step

        work, calls = _fails(1, ServiceError("the registry is away"))
        assert flow(lambda: step("ask", work), name="recovers")() == "done"
        assert len(calls) == 2

    def test_a_service_that_stays_away_is_tried_three_times(self) -> None:
        from prefect import flow

        from flows.prefect_runtime import step

        work, calls = _fails(9, ServiceError("the registry is away"))
        with pytest.raises(ServiceError, match="the registry is away"):
            flow(lambda: step("ask", work), name="stays away")()
        assert len(calls) == 3

    @pytest.mark.parametrize(
        "error",
        [MeasurementError("no column"), ConfigurationError("no plan"), LedgerTamperedError("gone"), RuntimeError("?")],
    )
    def test_no_other_error_is_tried_again(self, error: Exception) -> None:
        from prefect import flow

        from flows.prefect_runtime import step

        work, calls = _fails(9, error)
        with pytest.raises(type(error)):
            flow(lambda: step("ask", work), name="fails at once")()
        assert len(calls) == 1


def test_the_entrypoints_of_prefect_yaml_load_the_very_flows_that_the_code_imports(project: Project) -> None:
    """In module form: the path form would load a second copy of every class."""
    from importlib import import_module

    from prefect.flows import load_flow_from_entrypoint

    document = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    found = {item["name"]: item["entrypoint"] for item in document["deployments"]}
    assert sorted(found) == ["audit", "nightly", "reconcile", "release", "validate"]
    for name, entrypoint in found.items():
        assert load_flow_from_entrypoint(entrypoint) is getattr(import_module(f"flows.{name}"), name)

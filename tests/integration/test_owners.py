"""Who owns the run and the data cannot sign: read from MLflow and from the plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_factory import ALIAS, OFFICERS, PREDICTED, new_project, registry_template

from flows.assess import candidate
from governance.case import open_case
from governance.errors import SeparationOfDutiesError


def test_the_owners_of_the_run_and_of_the_data_are_recorded_and_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = registry_template(tmp_path)
    monkeypatch.chdir(tmp_path)
    project = new_project(tmp_path / "project", template)
    project.register("hiring", lines=(PREDICTED, 'owner = "compliance-officer"'))
    experiment = project.client.create_experiment("work")
    run = project.client.create_run(experiment, tags={"mlflow.user": "risk-officer"})
    place = str(project.folder / "models/hiring-1")
    version = str(project.client.create_model_version("hiring", place, run_id=run.info.run_id).version)
    assert version == "2"
    project.ask("hiring", "2")
    dossier = open_case(project.desk, "hiring", "2", ALIAS).dossier
    assert dict(dossier.registrations[-1].owners) == {"run": "risk-officer", "data": "compliance-officer"}
    assert dossier.excluded()["risk-officer"] == "owns the run"
    for officer in OFFICERS:
        with pytest.raises(SeparationOfDutiesError, match="owns the"):
            project.approve("hiring", "2", (officer,))

    # A version without a run has no owner; a run that is gone for good has none either, and nothing breaks.
    assert project.registry.run_owner(project.registry.version("hiring", "1")) is None
    size = project.desk.ledger.size()
    candidate(project.settings, project.desk, project.registry, project.registry.version("hiring", "2"))
    assert project.desk.ledger.size() == size


def test_a_runs_owner_whom_fairgate_does_not_know_excludes_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = registry_template(tmp_path)
    monkeypatch.chdir(tmp_path)
    project = new_project(tmp_path / "project", template)
    project.register("hiring")
    run = project.client.create_run(project.client.create_experiment("work"), tags={"mlflow.user": "somebody"})
    place = str(project.folder / "models/hiring-1")
    project.client.create_model_version("hiring", place, run_id=run.info.run_id)
    project.ask("hiring", "2")
    dossier = open_case(project.desk, "hiring", "2", ALIAS).dossier
    assert dict(dossier.registrations[-1].owners) == {"run": "somebody"}
    project.approve("hiring", "2")
    assert project.ask("hiring", "2").word == "Released"

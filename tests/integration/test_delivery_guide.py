"""The examples of docs/guides/delivery-pipeline.md: the YAML is YAML, and its shell steps end as the guide says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_factory import ALIAS, Project, new_project, registry_template

GUIDE = Path(__file__).parents[2] / "docs/guides/delivery-pipeline.md"


def _documents() -> list[Any]:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return [document for block in blocks for document in yaml.safe_load_all(block)]


def _kind(kind: str) -> Any:
    return next(item for item in _documents() if item.get("kind") == kind)


def _steps() -> dict[str, list[str]]:
    workflow = next(item for item in _documents() if "jobs" in item)
    actions = [step["run"] for step in workflow["jobs"]["deliver"]["steps"] if "run" in step]
    (container,) = _kind("Pod")["spec"]["initContainers"]
    assert container["command"] == ["sh", "-ec"]
    return {"actions": actions, "pod": container["args"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("delivery")
    project = new_project(folder, registry_template(tmp_path_factory.mktemp("empty")))
    for name in ("verified", "changed", "held"):
        project.make_live(name)
    (folder / "models/changed-1/model.bin").write_bytes(b"other weights")
    project.take_back("held", "1")
    return project


def _run(project: Project, steps: list[str], name: str, target: Path) -> list[int]:
    """Exit codes of the steps, each run as the runner does: the first that fails is the last."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MODEL": f"{name}@{ALIAS}",
        "TARGET": str(target),
        "MLFLOW_TRACKING_URI": project.settings.tracking_uri,
        "FAIRGATE_HOME": str(project.settings.home),
        "FAIRGATE_POLICY": "policy.toml",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    codes: list[int] = []
    for step in steps:
        script = step.replace("image/model", str(target))
        done = subprocess.run(["sh", "-ec", script], cwd=project.folder, env=env, capture_output=True, check=False)
        codes.append(done.returncode)
        if done.returncode:
            break
    return codes


@pytest.mark.parametrize(("name", "code"), [("verified", 0), ("changed", 14), ("held", 10)])
def test_the_shell_steps_end_as_the_guide_says(project: Project, tmp_path: Path, name: str, code: int) -> None:
    for example, steps in _steps().items():
        target = tmp_path / example
        assert _run(project, steps, name, target)[-1] == code, example
        assert (target / "model.bin").exists() is (code == 0)


def test_the_download_alone_refuses_what_was_changed(project: Project, tmp_path: Path) -> None:
    (code,) = _run(project, _steps()["actions"][1:], "changed", tmp_path / "target")
    assert code != 0
    assert not (tmp_path / "target/model.bin").exists()


def test_the_admission_policy_names_the_container_of_the_pod() -> None:
    pod, policy, binding = (
        _kind(kind) for kind in ("Pod", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    )
    (validation,) = policy["spec"]["validations"]
    assert pod["spec"]["initContainers"][0]["name"] in validation["expression"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert "fairgate.model" in pod["metadata"]["labels"]

"""Where the policy's untrusted formats meet the machine: the audit of a release, and the doctor."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import audits.sandbox
from audits.plan import AuditPlan
from audits.sandbox import LEFT_OPEN, Sandbox
from flows import doctor
from flows.assess import audit_model
from flows.settings import Settings
from governance.errors import Exit, MeasurementError

WHOLE = Sandbox(7, network=True, uid=True, limits=True)
PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")


def desk(*untrusted: str) -> Any:
    return SimpleNamespace(policy=SimpleNamespace(untrusted_formats=untrusted))


def test_an_audit_refuses_an_untrusted_format_before_anything_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits.sandbox, "sandbox", lambda: Sandbox(0, network=True, uid=False, limits=True))
    (tmp_path / "data.csv").write_text("x,hired\n1,yes\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors:\n  python_function: {loader_module: evil}\n")
    chosen = SimpleNamespace(plan=PLAN, folder=tmp_path / "model", subject=SimpleNamespace(digest="sha256:1"))
    purpose = SimpleNamespace(data=tmp_path / "data.csv")
    with pytest.raises(MeasurementError, match=r"needs python-code, which the policy calls untrusted.*no Landlock"):
        audit_model(cast("Settings", None), desk("python-code"), cast("Any", chosen), cast("Any", purpose))


@pytest.mark.parametrize(
    ("found", "untrusted", "code", "says"),
    [
        (
            WHOLE,
            ("pickle",),
            Exit.DONE,
            "scored with landlock abi 7, no network, own uid, limits. A model can still see",
        ),
        (Sandbox(), ("pickle",), Exit.CONFIGURATION, "Models of these formats are not scored here: pickle"),
        (Sandbox(), (), Exit.DONE, "scored with none. A model can still read and change the files of its user"),
        (Sandbox(7, limits=True), ("torch",), Exit.CONFIGURATION, "use the network (no seccomp filter)"),
    ],
)
def test_the_doctor_says_what_holds(
    found: Sandbox, untrusted: tuple[str, ...], code: Exit, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits.sandbox, "sandbox", lambda: found)
    monkeypatch.setattr(doctor, "open_desk", lambda settings: desk(*untrusted))
    told, detail = doctor._models(cast("Settings", None))
    assert told is code
    assert says in detail
    assert LEFT_OPEN in detail

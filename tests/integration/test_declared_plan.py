"""The plan that a model declares, read from its MLmodel file."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import ConfigurationError
from governance.registry.declared import declared_plan

PLAN = '[model]\nname = "hiring"\n\n[[bounds]]\nmetric = "selection_rate"\nlimit = 0.8\n'


def _write(folder: Path, text: str | bytes) -> Path:
    (folder / "MLmodel").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_the_plan_is_returned_to_the_letter(tmp_path: Path) -> None:
    _write(
        tmp_path, "metadata:\n  governance:\n    plan: |\n" + "".join(f"      {line}\n" for line in PLAN.splitlines())
    )
    assert declared_plan(tmp_path) == PLAN.encode()


@pytest.mark.parametrize("text", ["", "flavors: {}\n", "metadata:\n", "metadata: {governance: {}}", "metadata: {x: 1}"])
def test_a_model_may_declare_nothing(tmp_path: Path, text: str) -> None:
    assert declared_plan(_write(tmp_path, text)) is None


def test_a_folder_without_a_description_declares_nothing(tmp_path: Path) -> None:
    assert declared_plan(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metadata: [1]", "not a mapping"),
        ("metadata: {governance: text}", "not a mapping"),
        ("metadata: {governance: {plan: {model: hiring}}}", "is dict, not text"),
        ("metadata: {governance: {plan: 3}}", "is int, not text"),
        ("- metadata", "not a mapping"),
        ("metadata: {governance: {plan: a, plan: b}}", "'plan' twice"),
        ("a: &x {b: c}\nd: *x\n", "aliases"),
        ("a: !!python/object/apply:os.system ['true']", "not a readable"),
        ("a: [", "not a readable"),
        (b"a: \xff", "not a readable"),
        ("a: " + "x" * (1 << 20), "larger than"),
        ("[" * 100_000, "more than 50 levels"),
    ],
)
def test_a_malformed_description_is_named(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        declared_plan(_write(tmp_path, text))

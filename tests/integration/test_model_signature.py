"""Which columns a model takes, read from its MLmodel file as hostile input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audits.model_signature import ModelInput, model_inputs, signature_inputs
from governance.errors import MeasurementError


def _model(folder: Path, text: str | bytes) -> Path:
    (folder / "MLmodel").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def _signed(inputs: object) -> str:
    return "signature:\n  inputs: " + json.dumps(json.dumps(inputs)) + "\n"


def test_names_types_and_what_is_required(tmp_path: Path) -> None:
    written = [
        {"type": "double", "name": "a", "required": True},
        {"type": "string", "name": "b c", "required": False},
        {"type": "long", "name": "d", "optional": True},
        {"type": "tensor", "name": "e", "tensor-spec": {"dtype": "float64", "shape": [-1]}},
    ]
    model = _model(tmp_path, _signed(written))
    assert signature_inputs(model) == ("a", "b c", "d", "e")
    assert model_inputs(model) == (
        ModelInput("a", "double", required=True),
        ModelInput("b c", "string", required=False),
        ModelInput("d", "long", required=False),
        ModelInput("e", "tensor", required=True),
    )


@pytest.mark.parametrize(
    "text",
    [
        "flavors: {}\n",
        "signature:\n",
        "signature: {outputs: null}\n",
        _signed([]),
        _signed([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]),
        _signed([{"type": "double"}]),
    ],
)
def test_a_model_without_named_inputs_has_none(tmp_path: Path, text: str) -> None:
    assert signature_inputs(_model(tmp_path, text)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a mapping is expected"),
        ("- 1", "a mapping is expected"),
        ("signature: 3", "a mapping is expected"),
        ("signature: {inputs: '['}", "not JSON"),
        ("signature: {inputs: '" + "[" * 100_000 + "'}", "not JSON"),
        (_signed({"a": 1}), "not a list"),
        (_signed([3]), "a mapping is expected"),
        (_signed([{"name": 3}]), "name is not text"),
        (_signed([{"name": "a"}, {"name": "a"}]), "same name"),
        ("a: &x {b: c}\nd: *x\n", "aliases"),
        ("[" * 1_000, "more than 50 levels"),
        ("a: !!python/object/apply:os.system ['true']", "ConstructorError"),
        (b"\xff", "UnicodeDecodeError"),
        ("a: " + "x" * (1 << 20), "larger than"),
    ],
)
def test_a_malformed_description_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        signature_inputs(_model(tmp_path, text))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="holds no model: its file MLmodel is missing"):
        signature_inputs(tmp_path)

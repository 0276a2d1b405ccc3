"""Which columns a model takes, read from its MLmodel file without MLflow: nothing of the model is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.errors import MeasurementError

_MAX_BYTES = 1 << 20
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One named input of a signature; `type` is MLflow's word (double, string, ...), "" for anything else."""

    name: str
    type: str
    required: bool


def signature_inputs(model: Path) -> tuple[str, ...] | None:
    """The names of the columns that the model takes, in its order; None without a signature with named inputs.

    `model` is the folder that holds MLmodel. Raises MeasurementError where that file is missing or malformed.
    """
    inputs = model_inputs(model)
    return None if inputs is None else tuple(item.name for item in inputs)


def model_inputs(model: Path) -> tuple[ModelInput, ...] | None:
    """As `signature_inputs`, with type and whether the input is required."""
    path = model / "MLmodel"
    signature = model_description(model).get("signature")
    if signature is None:
        return None
    written = _mapping(signature, path).get("inputs")
    if written is None:
        return None
    inputs = tuple(_inputs(written, path))
    if not inputs or not all(item.name for item in inputs):
        return None
    if len({item.name for item in inputs}) < len(inputs):
        raise _malformed(path, "two inputs have the same name")
    return inputs


def model_description(model: Path) -> dict[Any, Any]:
    """What the MLmodel file in the folder `model` says. Raises MeasurementError where it is missing or malformed."""
    path = model / "MLmodel"
    return _mapping(_load(path), path)


def _inputs(written: object, path: Path) -> Iterator[ModelInput]:
    try:
        items = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError) as error:
        raise _malformed(path, "the signature's inputs are not JSON") from error
    if not isinstance(items, list):
        raise _malformed(path, "the signature's inputs are not a list")
    for item in items:
        name = _mapping(item, path).get("name") or ""
        kind = item.get("type")
        if not isinstance(name, str):
            raise _malformed(path, "an input's name is not text")
        required = item.get("required", not item.get("optional", False))
        yield ModelInput(name, kind if isinstance(kind, str) else "", required is not False)


def _load(path: Path) -> Any:
    import yaml  # type: ignore[import-untyped]

    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise _malformed(path, f"it is larger than {_MAX_BYTES:,} bytes")
        text = data.decode("utf-8")
        _refuse_unwritten(text, path)
        return yaml.safe_load(text)
    except FileNotFoundError as error:
        raise MeasurementError(f"{path.parent} holds no model: its file MLmodel is missing") from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise _malformed(path, type(error).__name__) from error


def _refuse_unwritten(text: str, path: Path) -> None:
    """Aliases and deep nesting, which MLflow never writes: both can keep the reader busy for hours."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _MAX_DEPTH:
            raise _malformed(path, f"it uses YAML aliases or more than {_MAX_DEPTH} levels")


def _mapping(value: object, path: Path) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise _malformed(path, "a mapping is expected where it has something else")
    return value


def _malformed(path: Path, reason: str) -> MeasurementError:
    return MeasurementError(f"{path} is not a readable MLflow model description ({reason}): register the model again")

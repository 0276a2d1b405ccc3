"""A `DataValidation` back from its canonical JSON (`governance.digests.canonical_json` writes it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from expectations.result import DataValidation, FailedExpectation, Outcome, Severity
from governance.errors import MeasurementError


def validation_from_json(data: bytes) -> DataValidation:
    """The validation whose canonical JSON `data` is; writing it again gives the same bytes.

    Raises MeasurementError where the bytes are no data validation.
    """
    try:
        return _validation(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasurementError(
            f"This is no data validation ({type(error).__name__}: {error}); validate the data again."
        ) from error


def _validation(value: Mapping[str, Any]) -> DataValidation:
    return DataValidation(
        **{
            **value,
            "outcome": Outcome(value["outcome"]),
            "failed": tuple(_failed(item) for item in value["failed"]),
            "errors": tuple(value["errors"]),
        }
    )


def _failed(value: Mapping[str, Any]) -> FailedExpectation:
    return FailedExpectation(**{**value, "severity": Severity(value["severity"])})

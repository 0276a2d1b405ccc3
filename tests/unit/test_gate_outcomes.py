"""What Great Expectations answers -> outcome, failures, errors; and the validation as bytes and back."""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.findings import Checked, errors, exception_in, failures, outcome, without_values
from expectations.record import validation_from_json
from expectations.result import DataValidation, FailedExpectation, Outcome, Severity
from expectations.text import forms, same
from governance.digests import canonical_json
from governance.errors import MeasurementError

NULLS = Checked(
    type="expect_column_values_to_not_be_null",
    name="no nulls",
    column="income",
    required="no row without a value",
    severity=Severity.CRITICAL,
    kwargs={"column": "income"},
    met=False,
    result={"element_count": 10, "unexpected_count": 3},
)


def _failed(severity: Severity) -> FailedExpectation:
    return FailedExpectation("no nulls", "income", severity, "3 of 10 rows", "none", 3)


@pytest.mark.parametrize(
    ("severities", "raised", "evaluated"),
    list(product([(), ("info",), ("warning",), ("critical",), ("info", "warning", "critical")], [0, 1], [0, 1])),
)
def test_the_truth_table_of_the_outcome(severities: tuple[str, ...], raised: int, evaluated: int) -> None:
    found = outcome(evaluated, [_failed(Severity(name)) for name in severities], ["crashed"] * raised)
    if raised or not evaluated:
        assert found is Outcome.ERROR
    elif "critical" in severities:
        assert found is Outcome.BLOCK
    elif "warning" in severities:
        assert found is Outcome.NEEDS_SIGN_OFF
    else:
        assert found is Outcome.PASS


def test_a_failure_says_counts() -> None:
    assert failures([NULLS]) == (
        FailedExpectation(
            "no nulls", "income", Severity.CRITICAL, "3 of 10 rows without a value", "no row without a value", 3
        ),
    )


def test_the_most_serious_failure_comes_first() -> None:
    items = [dataclasses.replace(NULLS, severity=severity) for severity in reversed(Severity)]
    assert [item.severity for item in failures(items)] == list(Severity)


def test_an_observed_value_that_is_no_count_is_not_passed_on() -> None:
    item = dataclasses.replace(NULLS, result={"observed_value": "Secret"})
    assert failures([item])[0].observed == "not met"


def test_a_failure_without_a_result_is_an_error() -> None:
    item = dataclasses.replace(NULLS, result={})
    assert failures([item]) == ()
    assert errors([item]) == ("no nulls (income) could not be evaluated: no result",)


def test_a_missing_column_has_no_result_and_is_a_failure() -> None:
    item = dataclasses.replace(NULLS, type="expect_column_to_exist", result={})
    assert errors([item]) == ()
    assert failures([item])[0].observed == "the column is missing"


@pytest.mark.parametrize("met", [True, False])
def test_an_exception_is_an_error_whatever_the_engine_calls_it(met: bool) -> None:
    item = dataclasses.replace(NULLS, met=met, exception="could not convert string to float: 'Secret'")
    assert failures([item]) == ()
    assert errors([item]) == ("no nulls (income) could not be evaluated: could not convert string to float: '...'",)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (None, None),
        ({}, None),
        ({"raised_exception": False, "exception_message": None}, None),
        ({"raised_exception": True, "exception_message": "boom"}, "boom"),
        ({"raised_exception": True, "exception_message": ""}, "no message"),
        ({"metric id": {"raised_exception": True, "exception_message": "boom"}}, "boom"),
    ],
)
def test_where_an_exception_is_found(info: dict[str, Any] | None, message: str | None) -> None:
    assert exception_in(info) == message


def test_messages_lose_quoted_text_and_numbers() -> None:
    assert without_values("bad 'one' and \"two\"\nin `three` at 81,500.25") == "bad '...' and '...' in '...' at #"


def test_messages_lose_words_of_the_data() -> None:
    assert without_values("cannot convert Somebody", frozenset({"somebody"})) == "cannot convert ..."


def test_declared_values_in_all_their_forms() -> None:
    assert forms(("1.0", "True", "x", "0.5")) == ("1.0", "1", "True", "true", "x", "0.5")
    assert same("true", "TRUE")
    assert not same("yes", "no")


_texts = st.text(max_size=20)
_counts = st.integers(min_value=0, max_value=2**53 - 1)
_failures = st.builds(
    FailedExpectation, _texts, st.none() | _texts, st.sampled_from(Severity), _texts, _texts, st.none() | _counts
)
_validations = st.builds(
    DataValidation,
    _texts,
    _texts,
    _texts,
    st.sampled_from(Outcome),
    _counts,
    _counts,
    st.lists(_failures, max_size=3).map(tuple),
    st.lists(_texts, max_size=3).map(tuple),
    _counts,
)


@given(_validations)
def test_a_validation_survives_its_json(validation: DataValidation) -> None:
    data = canonical_json(validation)
    assert validation_from_json(data) == validation
    assert canonical_json(validation_from_json(data)) == data


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"outcome": "fine"}', b'{"outcome": "pass", "failed": [1]}'])
def test_other_bytes_are_no_validation(data: bytes) -> None:
    with pytest.raises(MeasurementError, match="no data validation"):
        validation_from_json(data)

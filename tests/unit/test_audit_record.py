"""An audit result as canonical JSON: exact round trip, and the answers that are read from it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.plan import AuditPlan, Comparison, SensitiveFeature
from audits.record import from_json, measured, summary_lines, to_json
from audits.result import AuditResult, Disparity, GroupEstimate, Interval, Verdict
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "y", "1", (SensitiveFeature("sex", "sex"),), (), date(2026, 1, 1), "sha256:plan")

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
levels = st.tuples(names) | st.tuples(names, names)
whole = st.integers(0, 2**53 - 1)
intervals = st.none() | st.builds(Interval, numbers, maybe, numbers, names)
estimates = st.builds(
    GroupEstimate, names, levels, levels, whole, whole, whole, maybe, intervals, st.booleans(), st.none() | names
)
compared = st.builds(
    Disparity,
    name=names,
    metric=names,
    comparison=st.sampled_from(Comparison),
    features=levels,
    group=levels | st.just(()),
    reference=levels,
    value=maybe,
    interval=intervals,
    bound=maybe,
    verdict=st.sampled_from(Verdict),
    reason=names,
    n=whole,
    events=whole,
    min_n=whole,
)
results = st.builds(
    AuditResult,
    plan_digest=names,
    data_digest=names,
    model_digest=st.none() | names,
    row_count=whole,
    features=levels,
    unknown=st.dictionaries(names, whole, max_size=2),
    estimates=st.lists(estimates, max_size=3).map(tuple),
    disparities=st.lists(compared, max_size=3).map(tuple),
    environment=st.dictionaries(names, names, max_size=2),
    confidence=numbers,
    min_group_size=whole,
    min_events=whole,
    notes=st.lists(names, max_size=2).map(tuple),
)


def disparity(verdict: Verdict, *, bound: float | None = 0.8, features: tuple[str, ...] = ("sex",)) -> Disparity:
    return Disparity(
        "impact_ratio", "selection_rate", Comparison.RATIO, features, ("a",), ("b",), 0.5, None, bound, verdict, verdict
    )


def result(*disparities: Disparity, features: tuple[str, ...] = ("sex",)) -> AuditResult:
    return AuditResult("p", "d", None, 10, features, {}, (), disparities, {}, 0.95, 30, 5)


@given(results)
def test_a_result_survives_its_bytes_exactly(found: AuditResult) -> None:
    data = to_json(found)
    again = from_json(data)
    assert again == found
    assert to_json(again) == data


def test_types_survive_too() -> None:
    found = from_json(to_json(result(disparity(Verdict.WATCH))))
    assert isinstance(found.confidence, float)
    assert isinstance(found.disparities[0].verdict, Verdict)
    assert isinstance(found.disparities[0].comparison, Comparison)
    assert isinstance(found.disparities[0].features, tuple)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"plan_digest": "p"}', b"\xff", b"1"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MeasurementError, match="no audit result"):
        from_json(data)


def test_nan_is_not_evidence() -> None:
    broken = Disparity(
        "x", "x", Comparison.RATIO, ("sex",), ("a",), ("b",), float("nan"), None, 0.8, Verdict.WATCH, "x"
    )
    with pytest.raises(ValueError, match=r"(?i)nan|float"):
        to_json(result(broken))


def test_the_summary_starts_with_what_is_serious_and_counts_the_rest() -> None:
    found = result(
        disparity(Verdict.NO_INDICATION),
        disparity(Verdict.INSUFFICIENT),
        disparity(Verdict.WATCH),
        disparity(Verdict.ADVERSE),
        disparity(Verdict.WATCH, bound=None),
    )
    assert [line.split(":")[0] for line in summary_lines(found)] == [
        "adverse",
        "watch",
        "insufficient evidence",
        "no indication",
    ]
    assert summary_lines(found, limit=1)[-1] == "and 3 more"


@pytest.mark.parametrize("verdict", Verdict)
def test_what_counts_as_measured(verdict: Verdict) -> None:
    counts = verdict in (Verdict.ADVERSE, Verdict.WATCH, Verdict.NO_INDICATION)
    assert measured(result(disparity(verdict))) == {"sex": counts}
    assert measured(result(disparity(verdict, bound=None))) == {"sex": False}
    assert measured(result(disparity(verdict, features=("sex", "race")))) == {"sex": False}
    assert measured(result()) == {"sex": False}

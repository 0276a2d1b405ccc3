"""Measures at steps of the score give no small count away, whether or not a group of the audit is small itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from audits.masking import Node
from audits.plan import AuditPlan, Bound, Comparison, Score, SensitiveFeature
from audits.result import AuditResult, Disparity, GroupEstimate, Quantity, Verdict
from audits.run import audit
from audits.step_masking import Steps, hidden_steps, is_hidden, steps_of
from audits.suppression import masks_of, published

LIMIT = 11


def of(metric: str, group: str, n: int, events: int, at: str | None) -> Quantity:
    return Quantity(metric, ("sex",), (group,), n, events / n, at=at)


def hidden(*items: Quantity, masked: tuple[str, ...] = ()) -> set[Steps]:
    nodes = frozenset(Node(("sex",), (group,)) for group in masked)
    return {steps for steps, _ in hidden_steps(items, {}, nodes, LIMIT)}


@pytest.mark.parametrize(("events", "small"), [(0, False), (3, True), (10, True), (11, False), (89, False), (95, True)])
def test_a_share_with_few_events_or_few_others_is_hidden(events: int, small: bool) -> None:
    assert hidden(of("scoring_rate", "f", 100, events, "score > 3, the median of the full sample")) == (
        {Steps.MEDIAN} if small else set()
    )
    assert hidden(of("multiclass_accuracy", "f", 100, events, None)) == ({Steps.RIGHT} if small else set())


def test_two_cutoffs_give_the_rows_between_them_away() -> None:
    wide = [of("selection_rate", "f", 100, n, f"score >= {at}") for n, at in ((70, 0.3), (40, 0.5))]
    assert hidden(*wide) == set()
    assert hidden(*wide, of("selection_rate", "f", 100, 33, "score >= 0.6")) == {Steps.CUTOFFS}
    median = of("scoring_rate", "f", 100, 35, "score > 0.55, the median of the full sample")
    assert hidden(median) == set()
    assert hidden(median, *wide) == {Steps.CUTOFFS}  # what is looked at first stays


def test_an_interval_needs_rows_and_outcomes_of_both_kinds() -> None:
    assert hidden(
        of("observed_rate", "f", 60, 30, "score 0 to 0.5"), of("observed_rate", "f", 50, 11, "score 0.5 to 1")
    ) == (set())
    for n, events in ((9, 9), (40, 4), (40, 36)):
        few = of("observed_rate", "f", n, events, "score 0.5 to 1")
        assert hidden(of("observed_rate", "f", 60, 30, "score 0 to 0.5"), few) == {Steps.INTERVALS}


def test_masked_groups_count_together_only() -> None:
    at = "score > 3, the median of the full sample"
    items = (
        of("scoring_rate", "f", 100, 50, at),
        of("scoring_rate", "x", 5, 2, at),
        of("scoring_rate", "y", 90, 40, at),
    )
    assert hidden(*items) == {Steps.MEDIAN}
    assert hidden(*items, masked=("x", "y")) == set()


def test_the_unknown_rows_that_nobody_prints_are_what_another_feature_has_more() -> None:
    """At cutoffs only known groups are printed: of 200 rows 40 have no sex, and 3 of them reach the cutoff."""
    at = "score >= 0.5"
    sexes = [of("selection_rate", "f", 80, 40, at), of("selection_rate", "m", 80, 50, at)]
    place = replace(of("selection_rate", "here", 200, 93, at), features=("place",))
    assert hidden(*sexes) == set()
    assert hidden_steps([*sexes, place], {}, (), LIMIT) == {(Steps.CUTOFFS, ("sex",))}
    more = replace(of("selection_rate", "here", 200, 105, at), features=("place",))
    assert hidden_steps([*sexes, more], {}, (), LIMIT) == frozenset()


def test_what_compares_two_groups_at_hidden_steps_goes_with_them() -> None:
    found = hidden_steps((of("scoring_rate", "f", 100, 3, "score > 3, the median of the full sample"),), {}, (), LIMIT)
    pair = Quantity("scoring_rate_ratio", ("sex",), ("f",), 200, 0.1, against=("m",))
    judged = Disparity(
        "impact_ratio",
        "scoring_rate",
        Comparison.RATIO,
        ("sex",),
        ("f",),
        ("m",),
        0.1,
        None,
        0.8,
        Verdict.ADVERSE,
        "0.1",
    )
    assert is_hidden(pair, found) and is_hidden(judged, found)
    assert not is_hidden(replace(pair, features=("race",)), found)
    assert steps_of(replace(pair, metric="auc_difference")) is None


@pytest.fixture(scope="module")
def scored() -> AuditResult:
    """Two groups of 4,000 and two of 7,840 and 160: no count of the audit is small, those of the score's tails are."""
    rng, n = np.random.default_rng(1), 8_000
    score = rng.beta(5, 5, n)
    frame = pd.DataFrame(
        {
            "sex": np.array(["f", "m"])[np.arange(n) % 2],
            "place": np.where(np.arange(n) % 100 < 2, "east", "west"),
            "score": score,
            "label": np.where(rng.random(n) < score, "yes", "no"),
            "answer": np.where(score > 0.5, "yes", "no"),
        }
    )
    rare = frame.index[(frame["place"] == "east") & (frame["sex"] == "f")]
    frame.loc[rare, "answer"] = np.where(np.arange(len(rare)) < 3, "yes", "no")
    plan = AuditPlan(
        model="m",
        label="label",
        favourable="yes",
        sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("place", "place")),
        bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
        decided_at=date(2026, 1, 1),
        digest="0" * 64,
        prediction="answer",
        score=Score(0, 1, column="score"),
        replicates=100,
        search_depth=2,
        suppress_below=LIMIT,
    )
    return audit(plan, frame)


def test_small_counts_are_masked_where_no_group_is_small(scored: AuditResult) -> None:
    assert not any(masks_of(scored).values())
    assert any(0 < item.n < LIMIT for item in scored.quantities)
    assert scored.search is not None and any(item.events == 3 for item in scored.search.found)
    shown = published(scored)
    assert not any(0 < item.n < LIMIT for item in shown.quantities)
    assert shown.search is not None and not any(0 < item.events < LIMIT for item in shown.search.found)
    assert shown.estimates == scored.estimates
    assert any("Counts from 1 to 10 are not published" in note for note in shown.notes)
    assert any(item.metric == "auc" and item.value is not None for item in shown.quantities)
    whole = published(replace(scored, suppress_below=0))
    assert whole.quantities == scored.quantities


def test_no_small_count_follows_from_the_steps_that_stay(scored: AuditResult) -> None:
    """By brute force: every two counts of one group that follow from shares at steps, with those of the decision."""
    sides = {"selection_rate": "all", "scoring_rate": "all", "true_positive_rate": "yes", "false_positive_rate": "no"}

    def close(result: AuditResult) -> int:
        counts: dict[tuple[object, ...], set[int]] = defaultdict(set)
        items: list[Quantity | GroupEstimate] = [*result.quantities, *result.estimates]
        for item in items:
            at = getattr(item, "at", "decision") or ""
            if item.metric in sides and item.value is not None and not getattr(item, "against", ()):
                assert at
                counts[item.features, item.group, sides[item.metric]] |= {0, item.n, round(item.value * item.n)}
        return sum(0 < high - low < LIMIT for found in counts.values() for low, high in pairwise(sorted(found)))

    assert close(scored) > 20
    assert close(published(scored)) == 0
    assert not any(
        item.metric == "observed_rate" and item.value is not None and 0 < round(item.value * item.n) < LIMIT
        for item in published(scored).quantities
    )

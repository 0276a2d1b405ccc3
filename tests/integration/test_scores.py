"""Scores from a table to quantities and verdicts: against libraries on raw rows, and what is refused or set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, norm, wasserstein_distance
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from audits.plan import AuditPlan, Bound, Comparison, Family, Score, SensitiveFeature
from audits.record import from_json, to_json
from audits.result import UNKNOWN, Disparity, Quantity, Verdict
from audits.run import audit
from audits.score_cells import read_score_cells
from audits.score_disparity import score_disparities
from audits.score_metrics import QUANTITY_METRICS, pair_name
from audits.scores import score_quantities
from governance.errors import ConfigurationError, MeasurementError

Array: TypeAlias = "np.ndarray[Any, Any]"

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE
PLAN = AuditPlan(
    model="credit",
    label="paid",
    favourable="1",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="m"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    score=Score(0, 1, "score"),
    replicates=200,
)
TWO = replace(
    PLAN,
    sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
    intersections=(("sex", "race"),),
)


def people(n: int = 600, seed: int = 1) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    sex, race = generator.choice(["f", "m"], n), generator.choice(["a", "b", "c"], n, p=[0.6, 0.35, 0.05])
    score = generator.beta(np.where(sex == "f", 2, 3), 3)
    return pd.DataFrame({"sex": sex, "race": race, "score": score, "paid": (generator.random(n) < score).astype(int)})


def quantities(data: pd.DataFrame, plan: AuditPlan = PLAN) -> tuple[Quantity, ...]:
    return score_quantities(read_score_cells(data, plan), plan)


def one(found: Sequence[Quantity], metric: str, *group: str, against: Sequence[str] = (), at: str = "") -> Quantity:
    matches = [
        item
        for item in found
        if (item.metric, item.group, item.against) == (metric, group, tuple(against)) and (item.at or "").startswith(at)
    ]
    if not at:
        matches = [item for item in matches if not re.match(r"score [\d.]+ to", item.at or "")]
    assert len(matches) == 1
    return matches[0]


def near(item: Quantity, truth: float, rounding: float = 1e-11) -> bool:
    assert item.value is not None
    return abs(item.value - truth) <= item.error + rounding


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n, seed = draw(st.integers(8, 120)), draw(st.integers(0, 10_000))
    grain = draw(st.sampled_from([None, 4, 10]))
    data = people(n, seed)
    if grain:
        data["score"] = np.round(data["score"] * grain) / grain
    data["w"] = np.random.default_rng(seed).uniform(0.2, 4, n) if draw(st.booleans()) else 1.0
    # Both groups have both outcomes.
    return data.assign(sex=["f", "f", "m", "m", *data["sex"][4:]], paid=[0, 1, 0, 1, *data["paid"][4:]])


@settings(deadline=None, max_examples=25)
@given(tables())
def test_every_measure_is_that_of_the_raw_rows(data: pd.DataFrame) -> None:
    plan = replace(PLAN, weight="w" if (data["w"] != 1).any() else None, replicates=20)
    found = quantities(data, plan)
    by_sex = dict(list(data.groupby("sex")))
    for sex, rows in by_sex.items():
        y, s, w = (rows[name].to_numpy() for name in ("paid", "score", "w"))
        assert near(one(found, "mean_score", sex), np.average(s, weights=w))
        assert near(one(found, "auc", sex), roc_auc_score(y, s, sample_weight=w))
        assert near(one(found, "brier_score", sex), brier_score_loss(y, s, sample_weight=w))
        assert near(one(found, "log_loss", sex), log_loss(y, s, sample_weight=w), 1e-9)
        above = s > np.median(data["score"])
        assert near(one(found, "scoring_rate", sex), np.average(above, weights=w))
        part = np.digitize(s, np.round(np.arange(1, 10) * 102.4) / 1024)
        gaps = np.abs(np.bincount(part, w * (y - s), 10)).sum() / w.sum()
        assert near(one(found, "expected_calibration_error", sex), gaps)
    f, m = by_sex["f"], by_sex["m"]
    far = wasserstein_distance(f["score"], m["score"], f["w"], m["w"])
    item = one(found, "wasserstein_distance", "f", against=["m"])
    assert item.value is not None and item.value - 1e-11 <= far <= item.value + item.error + 1e-11
    if plan.weight is None:
        assert near(one(found, "kolmogorov_smirnov", "f", against=["m"]), ks_2samp(f["score"], m["score"]).statistic)
    rows = pd.concat([f[f["paid"] == 1], m[m["paid"] == 0]])
    truth = roc_auc_score(rows["paid"], rows["score"], sample_weight=rows["w"])
    assert near(one(found, "cross_group_auc", "f", against=["m"], at="favourable"), truth)


# Rows of the COMPAS file by decile 1 to 10 (two_year_recid 1, then 0), ProPublica's compas-scores-two-years.csv.
COMPAS = {
    "African-American": (
        (91, 119, 145, 177, 176, 215, 237, 245, 269, 227),
        (307, 274, 201, 208, 189, 169, 163, 114, 111, 59),
    ),
    "Caucasian": ((142, 113, 93, 113, 111, 111, 88, 82, 68, 45), (539, 248, 180, 172, 130, 83, 55, 32, 30, 19)),
}
COMPAS_ALL = (1440, 941, 747, 769, 681, 641, 592, 512, 508, 383)
COMPAS_PLAN = replace(PLAN, sensitive_features=(SensitiveFeature("race", "race"),), score=Score(1, 10, "score"))


def compas() -> pd.DataFrame:
    """All 7,214 rows: what belongs to neither group is "Other", with outcome 0."""
    rows = [
        (race, decile, 1 - outcome)
        for race, outcomes in COMPAS.items()
        for outcome, counts in enumerate(outcomes)
        for decile, n in enumerate(counts, 1)
        for _ in range(n)
    ]
    for decile, n in enumerate(COMPAS_ALL, 1):
        known = sum(counts[decile - 1] for outcomes in COMPAS.values() for counts in outcomes)
        rows += [("Other", decile, 0)] * (n - known)
    return pd.DataFrame(rows, columns=["race", "score", "paid"])


def test_compas_hides_behind_equal_auc_what_cross_group_auc_shows() -> None:
    """G19: AUC .6918 / .6931 in the groups, xAUC .8177 / .5445 between them; exact, as each decile has its own bin."""
    found = quantities(compas(), COMPAS_PLAN)
    black, white = ["African-American"], ["Caucasian"]
    assert one(found, "auc", *black).value == pytest.approx(0.6918, abs=5e-5)
    assert one(found, "auc", *white).value == pytest.approx(0.6931, abs=5e-5)
    assert one(found, "cross_group_auc", *black, against=white, at="fav").value == pytest.approx(0.8177, abs=5e-5)
    assert one(found, "cross_group_auc", *white, against=black, at="fav").value == pytest.approx(0.5445, abs=5e-5)
    assert {item.error for item in found} == {0.0}


def test_the_scoring_rate_is_strictly_above_the_median_of_the_full_sample() -> None:
    """Trap 7: `>` gives 0.588 / 0.348 on COMPAS deciles, `>=` 0.692 / 0.464."""
    found = quantities(compas(), COMPAS_PLAN)
    black, white = one(found, "scoring_rate", "African-American"), one(found, "scoring_rate", "Caucasian")
    assert (black.value, white.value) == (pytest.approx(0.588, abs=5e-4), pytest.approx(0.348, abs=5e-4))
    assert black.at == "score > 4, the median of the full sample"
    pair = one(found, "scoring_rate_ratio", "Caucasian", against=["African-American"])
    assert black.value and white.value and pair.value == pytest.approx(white.value / black.value, rel=1e-12)


@pytest.mark.needs_shared
def test_the_compas_file_gives_the_same() -> None:
    race = replace(COMPAS_PLAN, label="two_year_recid", score=Score(1, 10, "decile_score"))
    cells = read_score_cells(SHARED / "compas" / "compas-two-years-min.csv", race)
    found = score_quantities(cells, race)
    assert one(found, "auc", "African-American").value == pytest.approx(0.6918, abs=5e-5)
    assert one(found, "cross_group_auc", "Caucasian", against=["African-American"], at="fav").value == pytest.approx(
        0.5445, abs=5e-5
    )


def test_rows_of_unknown_groups_belong_to_the_median_and_are_shown_but_never_compared() -> None:
    data = people()
    data.loc[:99, "sex"] = None
    data.loc[:99, "score"] = 1.0
    found = quantities(data)
    unknown = one(found, "mean_score", UNKNOWN)
    assert unknown.value == 1.0 and not unknown.counted and unknown.reason == "the sensitive value is unknown"
    assert UNKNOWN not in {level for item in found for level in item.against}
    assert all(UNKNOWN not in item.group for item in found if item.against)
    whole = float(np.median(data["score"]))
    assert one(found, "scoring_rate", "f").value == (data["score"][data["sex"] == "f"] > whole).mean()


def test_the_median_is_told_for_odd_and_even_and_tied_samples() -> None:
    for scores in ([0.1, 0.2, 0.4], [0.1, 0.2, 0.4, 0.9], [0.5, 0.5, 0.5, 0.7], [0.2, 0.2, 0.7, 0.7]):
        data = pd.DataFrame({"sex": ["f", "m"] * 2, "paid": [0, 1] * 2})[: len(scores)].assign(score=scores)
        assert read_score_cells(data, PLAN).median == np.median(scores)


def test_a_small_group_is_shown_and_not_counted_and_is_no_reference() -> None:
    data = people(400)
    data.loc[data["race"] == "c", "score"] = 0.99
    plan = replace(TWO, min_group_size=60)
    found = quantities(data, plan)
    small = one(found, "mean_score", "c")
    assert small.value == pytest.approx(0.99) and not small.counted and "the plan asks for 60" in (small.reason or "")
    pair = next(item for item in found if item.metric == "mean_score_difference" and item.group == ("c",))
    assert not pair.counted and "race=c has" in (pair.reason or "") and pair.against in {("a",), ("b",)}


def test_a_level_that_the_plan_lists_and_the_data_lack_is_said() -> None:
    found = quantities(people(), replace(PLAN, sensitive_features=(SensitiveFeature("sex", "sex", levels=("x", "f")),)))
    missing = one(found, "auc", "x")
    assert missing.value is None and missing.reason == "no rows in this group" and not missing.counted
    assert all("x" not in (*item.group, *item.against) for item in found if item.against)


def test_one_outcome_only_has_no_auc_but_a_brier_score() -> None:
    data = people()
    data.loc[data["sex"] == "f", "paid"] = 0
    found = quantities(data)
    assert one(found, "auc", "f").value is None and one(found, "auc", "f").reason == "no favourable outcomes"
    pair = one(found, "auc_difference", "f", against=["m"])
    assert pair.value is None and pair.interval is None and "sex=f" in (pair.reason or "")
    assert one(found, "brier_score", "f").value is not None


def test_without_a_label_only_measures_of_selection_are_left() -> None:
    found = quantities(people(), replace(PLAN, label=None))
    measured = {item.metric for item in found if item.value is not None}
    assert measured == {
        "mean_score", "scoring_rate", "mean_score_difference", "scoring_rate_ratio", "scoring_rate_difference",
        "kolmogorov_smirnov", "wasserstein_distance", "selection_rate", "impact_ratio",
    }  # fmt: skip
    said = {item.metric: item.reason for item in found if item.value is None}
    assert "the plan names no label" in (said["auc"] or "") and "brier_score" in said


def test_scores_that_are_no_probabilities_have_no_calibration_and_say_so() -> None:
    found = quantities(compas(), COMPAS_PLAN)
    said = one(found, "log_loss")
    assert said.value is None and "their declared range is 1 to 10" in (said.reason or "")


def test_calibration_by_interval_and_the_sweep_are_those_of_the_rows() -> None:
    data = people(900)
    found = quantities(data)
    women = data[data["sex"] == "f"]
    part = women[(women["score"] >= 205 / 1024) & (women["score"] < 307 / 1024)]
    observed = one(found, "observed_rate", "f", at="score 0.2002 to 0.2998")
    assert observed.value == pytest.approx(part["paid"].mean(), abs=1e-12) and observed.n == len(part)
    assert one(found, "mean_score", "f", at="score 0.2002").value == pytest.approx(part["score"].mean(), abs=1e-12)
    at = "score >= 0.4375"
    for metric, rows in (
        ("selection_rate", women),
        ("true_positive_rate", women[women["paid"] == 1]),
        ("false_positive_rate", women[women["paid"] == 0]),
    ):
        item = one(found, metric, "f", at=at)
        assert item.value == pytest.approx((rows["score"] >= 0.4375).mean(), abs=1e-12) and item.n == len(rows)
        assert item.interval is not None and item.interval.method == "wilson"
    rates = data.groupby("sex")["score"].apply(lambda scores: (scores >= 0.4375).mean())
    assert one(found, "impact_ratio", "f", against=["m"], at=at).value == pytest.approx(rates["f"] / rates["m"])


def test_bpsn_and_bnsp_take_all_other_known_groups() -> None:
    data = people(800)
    found = quantities(data, replace(TWO, intersections=()))
    rest, own = data[data["race"] != "b"], data[data["race"] == "b"]
    for metric, high, low in (("bpsn_auc", rest, own), ("bnsp_auc", own, rest)):
        rows = pd.concat([high[high["paid"] == 1], low[low["paid"] == 0]])
        assert near(one(found, metric, "b", at="against"), roc_auc_score(rows["paid"], rows["score"]))


def test_whole_weights_are_repeated_rows() -> None:
    data = people(200).assign(w=np.random.default_rng(2).integers(1, 4, 200))
    repeated = data.loc[data.index.repeat(data["w"])]
    plan = replace(PLAN, weight="w")
    by_median = replace(plan, score=Score(0, 1, "score"))
    weighted, plain = quantities(data, by_median), quantities(repeated)
    for metric in ("mean_score", "auc", "brier_score", "expected_calibration_error"):
        assert one(weighted, metric, "f").value == pytest.approx(one(plain, metric, "f").value, abs=1e-9)
    wide, narrow = one(weighted, "auc", "f").interval, one(plain, "auc", "f").interval
    assert wide and narrow and wide.upper and narrow.upper
    assert wide.upper - wide.lower > narrow.upper - narrow.lower


def test_groups_known_by_probabilities_count_in_part_and_have_no_interval_of_a_comparison() -> None:
    data = people(500)
    p = np.where(data["sex"] == "f", 0.9, 0.2)
    data = data.assign(p_f=p, p_m=1 - p).drop(columns="sex")
    by_chance = SensitiveFeature("sex", "", probabilities=(("f", "p_f"), ("m", "p_m")))
    plan = replace(PLAN, sensitive_features=(by_chance,), bounds=(Bound("auc", DIFFERENCE, 0.1),))
    cells = read_score_cells(data, plan)
    found = score_quantities(cells, plan)
    women = one(found, "auc", "f")
    assert near(women, roc_auc_score(data["paid"], data["score"], sample_weight=p))
    assert women.n == 500 and one(found, "mean_score", "f").n == round(p.sum())
    assert cells.median == np.median(data["score"])
    pair = one(found, "auc_difference", "f", against=["m"])
    assert pair.value is not None and pair.interval is None and "by probability" in (pair.reason or "")
    (item,) = score_disparities(found, plan)
    assert (item.group, item.verdict) == (pair.group, Verdict.NOT_ESTIMABLE)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share", [0.5, None])
def test_the_scoring_rate_of_a_group_known_by_probabilities_is_that_of_its_weights(
    share: float | None, weighted: bool
) -> None:
    """Everybody may be in both groups; with 1/2 each, as many rows are above the median as people are expected."""
    score = (np.arange(400) + 0.5) / 400
    p = np.full(400, share) if share else np.where(score > 0.5, 0.7, 0.3)
    w = np.random.default_rng(1).uniform(0.5, 2, 400) if weighted else np.ones(400)
    by_chance = SensitiveFeature("sex", "", probabilities=(("f", "p_f"), ("m", "p_m")))
    data = pd.DataFrame({"score": score, "paid": np.arange(400) % 2, "p_f": p, "p_m": 1 - p, "w": w})
    found = quantities(data, replace(PLAN, sensitive_features=(by_chance,), weight="w" if weighted else None))
    for group, mine in (("f", p), ("m", 1 - p)):
        rate = one(found, "scoring_rate", group)
        assert rate.value == pytest.approx(np.average(score > 0.5, weights=mine * w), rel=1e-12)
        people_ = 400 * (mine * w).sum() / w.sum()
        assert rate.n == round(people_) and rate.effective_n is not None and rate.effective_n <= people_ + 1e-9
        assert rate.interval is not None and rate.interval.upper is not None and rate.interval.upper < 0.8
    whole = one(found, "scoring_rate")
    assert whole.value == pytest.approx(np.average(score > 0.5, weights=w), rel=1e-12) and whole.n == 400
    # In the calibration of the whole sample nobody is counted once for each group.
    assert sum(item.n for item in found if item.metric == "observed_rate" and not item.group) == 400


def test_one_row_that_weighs_all_is_no_evidence() -> None:
    """The rule of rates: a group counts by the equally weighted rows that it is worth (Kish)."""
    data = people(400).assign(w=1.0)
    data.loc[data.index[data["sex"] == "f"][0], "w"] = 1e5
    bounds = (Bound("mean_score", DIFFERENCE, 0.01), Bound("scoring_rate", RATIO, 0.8), Bound("auc", DIFFERENCE, 0.01))
    plan = replace(PLAN, weight="w", bounds=(*bounds, Bound("selection_rate", RATIO, 0.8)))
    result = audit(replace(plan, score=Score(0, 1, "score", cutoff=0.5)), data)
    found = {item.metric: item for item in result.disparities if item.bound is not None}
    n = (data["sex"] == "f").sum()
    assert {item.verdict for item in found.values()} == {Verdict.INSUFFICIENT} and len(found) == 4
    assert all(f"sex=f has {n} rows that count as 1.0, the plan asks for 30" in item.reason for item in found.values())


def test_outcomes_of_which_one_weighs_all_are_no_auc() -> None:
    data = people(400).assign(w=1.0)
    women = data["sex"] == "f"
    data.loc[women & (data["paid"] == 1), "w"] = 0.01
    heavy = data.index[women & (data["paid"] == 1)][0]
    data.loc[heavy, "w"] = 100.0
    data.loc[women & (data["paid"] == 0), "w"] = 50.0
    found = quantities(data, replace(PLAN, weight="w"))
    assert one(found, "mean_score", "f").counted
    area, n = one(found, "auc", "f"), (women & (data["paid"] == 1)).sum()
    assert not area.counted and area.reason == f"{n} favourable outcomes that count as 1.0, the plan asks for 5"


def test_scores_that_a_model_answered_are_those_of_a_column() -> None:
    data = people(300)
    plan = replace(PLAN, score=Score(0, 1))
    given_ = score_quantities(
        read_score_cells(data.drop(columns="score"), plan, predictions=data["score"].to_numpy()), plan
    )
    assert given_ == quantities(data)


def test_the_same_seed_gives_the_same_and_another_one_only_other_draws() -> None:
    data = people()
    assert quantities(data) == quantities(data)
    other = quantities(data, replace(PLAN, seed=7))
    assert [item.value for item in other] == [item.value for item in quantities(data)]
    assert other != quantities(data)


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf"), -0.01, 1.01])
def test_a_score_that_cannot_be_is_refused(bad: float | None) -> None:
    data = people(50).astype({"score": object})
    data.loc[3, "score"] = bad
    data["score"] = data["score"].astype(float)
    with pytest.raises(MeasurementError, match=r"'score' is missing, not finite or outside .* in 1 rows"):
        read_score_cells(data, PLAN)


def test_text_scores_and_a_plan_without_scores_are_refused() -> None:
    with pytest.raises(MeasurementError, match="'score' is VARCHAR"):
        read_score_cells(people(50).astype({"score": str}), PLAN)
    with pytest.raises(ConfigurationError, match="declares no score"):
        read_score_cells(people(50), replace(PLAN, score=None))
    with pytest.raises(MeasurementError, match="has no rows"):
        read_score_cells(people(50)[:0], PLAN)


def verdicts(data: pd.DataFrame, *bounds: Bound, **changes: Any) -> tuple[Disparity, ...]:
    plan = replace(PLAN, bounds=bounds, **changes)
    return score_disparities(quantities(data, plan), plan)


def test_every_measure_that_may_be_bounded_gets_a_verdict_with_p() -> None:
    data = people(2000)
    bounds = [Bound(metric, how, 0.5) for metric, ways in QUANTITY_METRICS.items() for how in ways]
    found = verdicts(data, *bounds)
    assert [(item.metric, item.comparison) for item in found] == [(bound.metric, bound.comparison) for bound in bounds]
    for item in found:
        assert item.verdict in {Verdict.WATCH, Verdict.NO_INDICATION, Verdict.ADVERSE}
        assert item.p is not None and item.adjusted_p is not None and item.interval is not None
        assert (item.n, item.min_n) == ((data["sex"] == "f").sum(), data["sex"].value_counts().min())
    assert {pair_name(bound.metric, bound.comparison) for bound in bounds} >= {"auc_difference", "kolmogorov_smirnov"}


def test_a_clear_gap_is_adverse_and_equal_groups_say_what_could_have_been_seen() -> None:
    found = verdicts(people(3000), Bound("mean_score", DIFFERENCE, 0.05), Bound("scoring_rate", RATIO, 0.8))
    assert {item.verdict for item in found} == {Verdict.ADVERSE}
    assert all(item.reason.startswith(f"{item.metric} {item.comparison}") for item in found)
    alike = people(3000, 3).assign(score=np.random.default_rng(4).random(3000))
    found = verdicts(alike, Bound("mean_score", DIFFERENCE, 0.2), Bound("auc", DIFFERENCE, 0.2))
    assert {item.verdict for item in found} == {Verdict.NO_INDICATION}
    assert all(item.detectable and "either way would have been seen with 80% power" in item.reason for item in found)


def test_what_could_have_been_seen_follows_from_the_standard_error() -> None:
    data = people(3000, 3).assign(score=np.random.default_rng(4).random(3000))
    item = verdicts(data, Bound("mean_score", DIFFERENCE, 0.2), label=None)[0]
    spread = np.sqrt(sum(rows.var(ddof=1) / len(rows) for _, rows in data.groupby("sex")["score"]))
    # One comparison at 5 %, seen in 80 of 100 samples: 1.96 + 0.84 standard errors.
    assert item.detectable == pytest.approx((norm.isf(0.025) + norm.isf(0.2)) * spread, rel=1e-6)


def test_too_small_or_missing_is_never_met() -> None:
    data = people(100)
    data.loc[data["sex"] == "f", "sex"] = np.where(np.arange((data["sex"] == "f").sum()) < 12, "f", "m")
    item = verdicts(data, Bound("auc", DIFFERENCE, 0.1))[0]
    assert item.verdict is Verdict.INSUFFICIENT and "sex=f has 12 rows, the plan asks for 30" in item.reason
    lonely = verdicts(data.assign(sex="m"), Bound("auc", DIFFERENCE, 0.1), Bound("scoring_rate", RATIO, 0.8))
    assert {item.verdict for item in lonely} == {Verdict.NOT_ESTIMABLE} and "only one group" in lonely[0].reason
    no_label = verdicts(people(), Bound("brier_score", DIFFERENCE, 0.1), label=None)[0]
    assert no_label.verdict is Verdict.NOT_ESTIMABLE and "names no label" in no_label.reason
    wrong = verdicts(people(), Bound("auc", RATIO, 0.8))[0]
    assert wrong.verdict is Verdict.NOT_ESTIMABLE and "auc is compared by difference only" in wrong.reason
    constant = verdicts(people().assign(score=0.5), Bound("mean_score", DIFFERENCE, 0.1), Bound("auc", DIFFERENCE, 0.1))
    assert {item.verdict for item in constant} == {Verdict.NOT_ESTIMABLE}
    assert all("no interval" in item.reason for item in constant)


def test_groups_of_one_score_each_are_apart_although_nothing_varies() -> None:
    data = people(400)
    data["score"] = np.where(data["sex"] == "f", 0.2, 0.9)
    item = verdicts(data, Bound("mean_score", DIFFERENCE, 0.1))[0]
    assert item.value == pytest.approx(-0.7) and item.verdict is Verdict.ADVERSE
    assert item.interval is not None and item.interval.upper is not None
    # Others than those seen are at most 1 - 0.025^(1 / (n - 1)) of either group, and may lie anywhere in 0 to 1.
    f, m = (1 - 0.025 ** (1 / ((data["sex"] == sex).sum() - 1)) for sex in "fm")
    assert item.interval.lower == pytest.approx(0.2 - 0.2 * f - (0.9 + 0.1 * m))
    assert item.interval.upper == pytest.approx(0.2 + 0.8 * f - (0.9 - 0.9 * m))
    assert item.p is not None and 0 < item.p < 1e-6 and item.adjusted_p == item.p
    near_ = verdicts(data.assign(score=np.where(data["sex"] == "f", 0.5, 0.51)), Bound("mean_score", DIFFERENCE, 0.1))[
        0
    ]
    assert near_.verdict is Verdict.NO_INDICATION and near_.p is not None and near_.p > 0.05


def test_a_value_without_an_interval_is_said() -> None:
    data = people(400)
    p = np.where(data["sex"] == "f", 0.9, 0.2)
    by_chance = SensitiveFeature("sex", "", probabilities=(("f", "p_f"), ("m", "p_m")))
    shared = data.assign(p_f=p, p_m=1 - p)
    item = verdicts(shared, Bound("mean_score", DIFFERENCE, 0.01), sensitive_features=(by_chance,))[0]
    gap = np.subtract(*(np.average(data["score"], weights=w) for w in (p, 1 - p)))
    assert item.verdict is Verdict.NOT_ESTIMABLE and (
        f"the value alone is {gap:.4g}; " in item.reason or f"the value alone is {-gap:.4g}; " in item.reason
    )


def test_a_level_that_the_plan_lists_and_the_data_lack_is_not_met_by_any_bound() -> None:
    sex = SensitiveFeature("sex", "sex", levels=("f", "m", "x"))
    bounds = [Bound(metric, how, 0.5) for metric, ways in QUANTITY_METRICS.items() for how in ways]
    found = verdicts(people(2000), *bounds, sensitive_features=(sex,))
    absent = [item for item in found if item.group == ("x",)]
    assert [(item.metric, item.comparison) for item in absent] == [(item.metric, item.comparison) for item in bounds]
    for item in absent:
        assert item.verdict is Verdict.NOT_ESTIMABLE and item.reason.endswith("sex=x: no rows in this group")
        assert item.reference in {("f",), ("m",)} and (item.n, item.value) == (0, None)
    # The others are what they are without it: who is not there is no member of the family.
    without = verdicts(people(2000), *bounds, sensitive_features=(replace(sex, levels=()),))
    assert [item for item in found if item.group != ("x",)] == list(without)
    # A combination that nobody has is only listed as a group.
    both = replace(TWO, sensitive_features=(sex, SensitiveFeature("race", "race")), bounds=(bounds[0],))
    pairs = score_disparities(quantities(people(), both), both)
    assert not [item for item in pairs if len(item.group) == 2 and "x" in item.group]


def test_a_bound_on_scores_that_nobody_measured_is_not_met() -> None:
    bounds = (Bound("auc", DIFFERENCE, 0.1),)
    data = people(300).assign(decided=lambda rows: rows["paid"])
    result = audit(replace(PLAN, bounds=bounds, score=None, prediction="decided"), data)
    assert [item.verdict for item in result.disparities if item.bound is not None] == [Verdict.NOT_ESTIMABLE]
    assert "the plan declares no score" in result.with_verdict(Verdict.NOT_ESTIMABLE)[0].reason


def test_nobody_above_the_median_has_no_ratio() -> None:
    data = people(200)
    data["score"] = np.where(data["race"] == "a", 0.9, 0.9)
    item = verdicts(data, Bound("scoring_rate", RATIO, 0.8))[0]
    assert item.verdict is Verdict.NOT_ESTIMABLE and "0 / 0 says nothing" in item.reason


def test_without_a_family_the_interval_decides() -> None:
    found = verdicts(people(3000), Bound("kolmogorov_smirnov", DIFFERENCE, 0.05), family=Family.NONE)
    assert found[0].verdict is Verdict.ADVERSE and found[0].adjusted_p is None


def test_intersections_have_a_reference_of_their_own_and_no_sweep() -> None:
    found = quantities(people(1500), TWO)
    both = [item for item in found if item.features == ("sex", "race")]
    assert {item.against for item in both if item.metric == "auc_difference"} != set()
    assert not [item for item in both if item.metric in ("impact_ratio", "observed_rate")]
    assert len({item.group for item in both if item.metric == "mean_score"}) == 6


def test_an_audit_judges_bounds_on_rates_and_on_scores_as_one_family() -> None:
    bounds = (Bound("selection_rate", RATIO, 0.8), Bound("auc", DIFFERENCE, 0.1), Bound("scoring_rate", RATIO, 0.8))
    result = audit(replace(PLAN, bounds=bounds, score=Score(0, 1, "score", cutoff=0.5)), people(2000))
    bounded = {item.metric: item for item in result.disparities if item.bound is not None}
    assert set(bounded) == {bound.metric for bound in bounds} and len(result.with_verdict(Verdict.NOT_ESTIMABLE)) == 0
    assert (
        "(Holm, 3 comparisons)" in bounded["auc"].reason and "(Holm, 3 comparisons)" in bounded["scoring_rate"].reason
    )
    assert {"auc", "cross_group_auc", "expected_calibration_error"} <= {item.metric for item in result.quantities}
    assert from_json(to_json(result)) == result

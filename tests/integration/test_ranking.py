"""Orders of people: against plain Python, candidate by candidate, and what is refused or cannot be judged."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, norm

from audits.plan import AuditPlan, Bound, Comparison, JoinedFile, Ranking, Score, SensitiveFeature, Task
from audits.ranking import measure_ranking
from audits.result import UNKNOWN, Disparity, Quantity, Verdict
from governance.errors import ConfigurationError, MeasurementError

RATIO = Comparison.RATIO
SEX = SensitiveFeature("sex", "sex", reference="m")
PLAN = AuditPlan(
    model="hiring",
    label=None,
    favourable="ranked first",
    sensitive_features=(SEX,),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    task=Task.RANKING,
    score=Score(0, 100, "score"),
    ranking=Ranking(None, ("vacancy",), (1, 3)),
    replicates=200,
)
BY_RANK = replace(PLAN, score=None, ranking=Ranking("rank", ("vacancy",), (1, 3)))


def people(
    vacancies: int = 40, each: int = 12, seed: int = 1, *, harm: float = 15.0, grain: float | None = None
) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    n = vacancies * each
    sex = generator.choice(["f", "m"], n)
    score = (generator.normal(60, 15, n) - harm * (sex == "f")).clip(0, 100)
    if grain:
        score = np.round(score / grain) * grain
    data = pd.DataFrame({"vacancy": np.repeat(np.arange(vacancies), each), "sex": sex, "score": score})
    data["rank"] = data.groupby("vacancy")["score"].rank(ascending=False, method="first").astype(int)
    return data


def quantities(data: Any, plan: AuditPlan = PLAN, **given: Any) -> tuple[Quantity, ...]:
    return measure_ranking(plan, data, data_digest="sha256:data", **given).quantities


def judged(data: pd.DataFrame, *bounds: Bound, plan: AuditPlan = PLAN) -> tuple[Disparity, ...]:
    return measure_ranking(replace(plan, bounds=bounds), data, data_digest="sha256:data").disparities


def one(
    found: Sequence[Quantity], metric: str, *group: str, against: Sequence[str] = (), at: str | None = None
) -> Quantity:
    matches = [
        q
        for q in found
        if (q.metric, q.group, q.against) == (metric, group, tuple(against)) and (at is None or q.at == at)
    ]
    assert len(matches) == 1
    return matches[0]


# --- by hand ----------------------------------------------------------------------------------------------------------


def places_of(scores: Sequence[float]) -> list[list[int]]:
    """The places that a candidate may have, for each of them: all of those of equal scores."""
    order = sorted(scores, reverse=True)
    return [[place + 1 for place, other in enumerate(order) if other == score] for score in scores]


def by_hand(data: pd.DataFrame, tops: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Level -> sums over the rankings: candidates, exposure, what it would be by share, and the same of the first k."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(float))
    for _, ranking in data.groupby("vacancy"):
        places = places_of(ranking["score"].tolist())
        exposures = [np.mean([1 / math.log2(place + 1) for place in mine]) for mine in places]
        sizes = Counter(ranking["sex"])
        for level, mine, exposure in zip(ranking["sex"], places, exposures, strict=True):
            found[level]["n"] += 1
            found[level]["exposure"] += exposure
            for k in tops:
                found[level][f"top{k}"] += np.mean([place <= k for place in mine])
        for level, n in sizes.items():
            share = n / len(ranking)
            found[level]["expected"] += share * sum(exposures)
            found[level]["variance"] += n * (1 - share) * (np.var(exposures, ddof=1) if len(ranking) > 1 else 0)
            for k in tops:
                found[level][f"expected{k}"] += share * min(k, len(ranking))
    return found


def divergence(levels: Sequence[str], scores: Sequence[float]) -> float:
    """NDKL as Geyik et al. define it, on one order; with equal scores after the last of them, for all their places."""
    order = sorted(range(len(scores)), key=lambda row: -scores[row])
    overall = {level: n / len(levels) for level, n in Counter(levels).items()}
    total = norm_ = 0.0
    for place in range(1, len(order) + 1):
        upto = max(places_of(scores)[order[place - 1]])
        counts = Counter(levels[row] for row in order[:upto])
        kl = sum(n / upto * math.log(n / upto / overall[level]) for level, n in counts.items())
        total += kl / math.log2(place + 1)
        norm_ += 1 / math.log2(place + 1)
    return total / norm_


TABLES = st.builds(
    people, st.integers(1, 6), st.integers(1, 9), st.integers(0, 10_000), grain=st.sampled_from([None, 5.0, 25.0])
).filter(lambda data: "m" in set(data["sex"]))  # a reference that is in no row is refused


@given(TABLES)
@settings(deadline=None, max_examples=25)
def test_exposure_and_first_places_are_those_of_plain_python(data: pd.DataFrame) -> None:
    found, truth = quantities(data), by_hand(data, (1, 3))
    longest = data.groupby("vacancy").size().max()
    everything = sum(item["exposure"] for item in truth.values())
    for level, item in truth.items():
        assert one(found, "exposure_share", level).value == pytest.approx(item["exposure"] / everything)
        assert one(found, "candidate_share", level).value == pytest.approx(item["n"] / len(data))
        assert one(found, "exposure_share", level).n == item["n"]
        p = one(found, "exposure_share", level).p
        if item["variance"] > 1e-9:
            z = (item["exposure"] - item["expected"]) / math.sqrt(item["variance"])
            assert p == pytest.approx(2 * norm.sf(abs(z)), rel=1e-6, abs=1e-9)
        for k in (k for k in (1, 3) if k < longest):
            places = sum(other[f"top{k}"] for other in truth.values())
            at = f"k = {k}"
            assert one(found, "top_k_share", level, at=at).value == pytest.approx(item[f"top{k}"] / places, abs=1e-12)
            skew = one(found, "skew", level, at=at)
            if item[f"top{k}"]:
                assert skew.value == pytest.approx(math.log(item[f"top{k}"] / item[f"expected{k}"]), abs=1e-9)
            else:
                assert skew.value is None and skew.reason is not None
    if len(truth) == 2:
        f, m = truth["f"], truth["m"]
        ratio = f["exposure"] / f["expected"] / (m["exposure"] / m["expected"])
        assert one(found, "exposure_ratio", "f", against=("m",)).value == pytest.approx(ratio)


@given(TABLES)
@settings(deadline=None, max_examples=25)
def test_the_divergence_is_that_of_plain_python(data: pd.DataFrame) -> None:
    item = next(q for q in quantities(data) if q.metric == "ndkl")
    each = [divergence(own["sex"].tolist(), own["score"].tolist()) for _, own in data.groupby("vacancy")]
    assert item.value == pytest.approx(np.mean(each), abs=1e-10)
    assert item.at == f"mean of {len(each)} rankings"


def test_shared_places_are_the_mean_of_all_orders_of_those_who_share() -> None:
    data = pd.DataFrame({"vacancy": 1, "sex": [*"mffmf"], "score": [9.0, 5.0, 5.0, 5.0, 1.0]})
    shares = []
    for order in permutations([1, 2, 3]):
        exposure = [1 / math.log2(place + 1) for place in (1, *(1 + place for place in order), 5)]
        shares.append(sum(e for e, sex in zip(exposure, data["sex"], strict=True) if sex == "f") / sum(exposure))
    assert one(quantities(data), "exposure_share", "f").value == pytest.approx(np.mean(shares))
    assert one(quantities(data), "top_k_share", "f", at="k = 3").value == pytest.approx((2 * 2 / 3) / 3)


def test_a_published_ranking() -> None:
    """Geyik et al. 2019, definition 2: of the first 10, 8 of a group that is half of the candidates: skew ln 1.6."""
    first = [*"mmmmmmmmff", *"fffffffmmf", *"fmfmfmfmfm"]
    sex = first[:10] + sorted(first[10:])
    assert Counter(sex) == {"m": 15, "f": 15}
    data = pd.DataFrame({"vacancy": 1, "sex": sex, "rank": np.arange(30) + 1})
    found = quantities(data, replace(BY_RANK, ranking=Ranking("rank", (), (10,))))
    assert one(found, "skew", "m").value == pytest.approx(math.log(1.6))
    assert one(found, "skew", "f").value == pytest.approx(math.log(0.4))
    pair = one(found, "top_k_ratio", "f", against=("m",))
    assert pair.value == pytest.approx(0.25)
    assert pair.p == pytest.approx(fisher_exact([[2, 13], [8, 7]]).pvalue)


def test_ranks_and_the_scores_that_made_them_give_the_same() -> None:
    data = people()
    assert quantities(data, BY_RANK) == quantities(data)
    by_model = replace(PLAN, score=Score(0, 100))
    assert quantities(data.drop(columns="score"), by_model, predictions=data["score"]) == quantities(data)


# --- intervals and verdicts -------------------------------------------------------------------------------------------


def test_intervals_over_rankings_cover_what_is_there() -> None:
    """60 samples of 40 rankings against the exposure ratio of 20,000."""
    truth = by_hand(people(2_000, 10, 99, harm=6.0), (1,))
    f, m = truth["f"], truth["m"]
    ratio = f["exposure"] / f["expected"] / (m["exposure"] / m["expected"])
    inside = 0
    for seed in range(60):
        item = one(quantities(people(40, 10, seed, harm=6.0)), "exposure_ratio", "f", against=("m",))
        assert item.interval is not None and item.interval.upper is not None
        inside += item.interval.lower <= ratio <= item.interval.upper
    assert inside >= 51  # 57 are expected; fewer than 51 have a chance of 0.1 % at 95 % coverage


def test_a_bound_on_exposure_and_on_each_k_is_judged() -> None:
    found = judged(people(120), Bound("exposure", RATIO, 0.95), Bound("top_k", RATIO, 0.8))
    assert [(item.metric, item.at, item.verdict) for item in found] == [
        ("exposure", None, Verdict.ADVERSE),
        ("top_k", "k = 1", Verdict.ADVERSE),
        ("top_k", "k = 3", Verdict.ADVERSE),
    ]
    assert all("Holm, 3 comparisons" in item.reason for item in found)
    assert "sex=f against sex=m, k = 1; bound 0.8 crossed" in found[1].reason
    alike = judged(people(120, harm=0.0), Bound("exposure", RATIO, 0.8))
    assert [item.verdict for item in alike] == [Verdict.NO_INDICATION]


def test_a_single_ranking_is_judged_as_a_selection_and_its_exposure_is_not() -> None:
    data = people(1, 400, harm=40.0)
    plan = replace(PLAN, ranking=Ranking(None, (), (100,)))
    exposure, top = judged(data, Bound("exposure", RATIO, 0.9), Bound("top_k", RATIO, 0.8), plan=plan)
    assert exposure.verdict is Verdict.NOT_ESTIMABLE
    assert "fewer than 30 rankings" in exposure.reason
    assert (top.verdict, top.at) == (Verdict.ADVERSE, "k = 100")
    counts = data.assign(top=data["rank"] <= 100).groupby("sex")["top"].agg(["sum", "size"])
    table = [[k, n - k] for k, n in counts.loc[["f", "m"]].to_numpy().tolist()]
    assert top.p == pytest.approx(fisher_exact(table).pvalue)
    assert one(quantities(data, plan), "exposure_share", "f").p == pytest.approx(0, abs=1e-3)


def test_nobody_among_the_first_of_many_rankings_is_the_clearest_disparity() -> None:
    data = people(60).assign(score=lambda d: np.where(d["sex"] == "f", d["score"] / 1_000, d["score"]))
    data = data[data.groupby("vacancy")["sex"].transform(lambda own: (own == "m").sum()) >= 3]
    found = judged(data, Bound("top_k", RATIO, 0.8))
    assert [(item.value, item.verdict) for item in found] == [(0.0, Verdict.ADVERSE)] * 2
    assert found[0].interval is not None and found[0].interval.method == "poisson"
    skew = one(quantities(data), "skew", "f", at="k = 1")
    assert skew.value is None and skew.reason is not None and "no finite value" in skew.reason


def test_small_and_unknown_groups_are_shown_and_not_judged() -> None:
    data = people(60).assign(race=lambda d: np.where(d.index < 8, None, np.where(d.index < 20, "c", "a")))
    plan = replace(
        PLAN, sensitive_features=(SensitiveFeature("race", "race"),), bounds=(Bound("exposure", RATIO, 0.8),)
    )
    measured = measure_ranking(plan, data, data_digest="sha256:data")
    assert measured.unknown == {"race": 8}
    unknown = one(measured.quantities, "exposure_share", UNKNOWN)
    assert (unknown.counted, unknown.n, unknown.reason) == (False, 8, "the sensitive value is unknown")
    (small,) = measured.disparities
    assert small.verdict is Verdict.INSUFFICIENT
    assert "12 rows, the plan asks for 30" in small.reason


def test_more_rankings_than_blocks_change_no_value() -> None:
    data = people(2_300, 3)
    truth = by_hand(data, (1,))
    found = quantities(data)
    everything = sum(item["exposure"] for item in truth.values())
    assert one(found, "exposure_share", "f").value == pytest.approx(truth["f"]["exposure"] / everything)
    assert next(q for q in found if q.metric == "ndkl").at == "mean of 2300 rankings"


def test_k_beyond_every_ranking_says_nothing() -> None:
    plan = replace(PLAN, ranking=Ranking(None, ("vacancy",), (12,)), bounds=(Bound("top_k", RATIO, 0.8),))
    measured = measure_ranking(plan, people(), data_digest="sha256:data")
    assert one(measured.quantities, "top_k").at == "k = 12"
    (found,) = measured.disparities
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "no ranking has more than 12 candidates" in found.reason


def test_sensitive_features_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    data = people().assign(id=lambda d: d.index)
    data[["id", "sex"]].to_parquet(tmp_path / "people.parquet")
    plan = replace(PLAN, sensitive_data=JoinedFile(str(tmp_path / "people.parquet"), ("id",)))
    joined = data.drop(columns="sex").sample(frac=1, random_state=3)
    assert quantities(joined, plan) == quantities(data)


def test_levels_are_merged_and_cut_before_places_are_counted() -> None:
    data = people().assign(code=lambda d: np.where(d["sex"] == "f", 1 + d.index % 2, 3), age=lambda d: 20 + d.index % 2)
    merged = SensitiveFeature("sex", "code", merge=(("f", ("1", "2")), ("m", ("3",))), reference="m")
    assert quantities(data, replace(PLAN, sensitive_features=(merged,))) == quantities(data)
    aged = SensitiveFeature("age", "age", cuts=(21,), labels=("young", "old"))
    found = quantities(data, replace(PLAN, sensitive_features=(aged, SEX), intersections=(("age", "sex"),)))
    assert {q.group for q in found if len(q.features) == 2 and q.metric == "candidate_share"} == {
        (age, sex) for age in ("young", "old") for sex in "fm"
    }


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["rank"].replace(2, 1), r"rank 'rank' is not 1 to n, each place once, in 40 of 40 rankings"),
        (lambda d: d["rank"] + 1, r"in 40 of 40 rankings \(there: 2 to 13\)"),
        (lambda d: np.where(d.index == 0, 99, d["rank"]), r"in 1 of 40 rankings"),
        (lambda d: d["rank"] / 1.5, r"in 40 of 40 rankings"),
        (lambda d: np.where(d.index == 0, np.nan, d["rank"]), r"in 1 of 40 rankings"),
        (lambda d: np.where(d.index == 0, np.inf, d["rank"]), r"in 1 of 40 rankings"),
        (lambda d: "first", r"column 'rank' is VARCHAR, but it is needed as \[data\] rank, a number"),
    ],
)
def test_ranks_that_are_none_are_refused_with_one_sentence(change: Any, said: str) -> None:
    with pytest.raises(MeasurementError, match=said):
        quantities(people().assign(rank=change), BY_RANK)


def test_what_is_no_order_is_refused_with_one_sentence() -> None:
    data = people()
    with pytest.raises(MeasurementError, match=r"the score 'score' is missing, not finite or outside .* in 1 rows"):
        quantities(data.assign(score=np.where(data.index == 3, np.nan, data["score"])))
    with pytest.raises(MeasurementError, match=r"\[data\] query \(vacancy\) is missing in 1 rows"):
        quantities(data.assign(vacancy=np.where(data.index == 3, None, data["vacancy"].astype(str))))
    with pytest.raises(MeasurementError, match="no column 'vacancy', needed as"):
        quantities(data.drop(columns="vacancy"))
    with pytest.raises(MeasurementError, match="no rows"):
        quantities(data.iloc[:0])
    with pytest.raises(ConfigurationError, match="Nothing orders"):
        quantities(data, replace(PLAN, score=Score(0, 100)))
    with pytest.raises(ConfigurationError, match="one place for each candidate: leave out"):
        quantities(data.assign(w=1.0), replace(PLAN, weight="w"))

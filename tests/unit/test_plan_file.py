"""The plan file: what it may say, and the sentence for everything that it may not."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audits.plan import (
    MEDIAN,
    AuditPlan,
    Bound,
    Comparison,
    Family,
    JoinedFile,
    Ranking,
    Score,
    SensitiveFeature,
    Task,
)
from audits.plan_file import read_plan
from governance.digests import digest_bytes
from governance.errors import ConfigurationError

WHOLE = """
[model]
name = "hiring"
impact = "limited"
registrant = "data-scientist"

[data]
source = "data/applicants.parquet"
newer = "data/incoming/*.parquet"
label = "hired"
favourable = 1
prediction = "decision"
key = ["applicant_id"]

[[sensitive_features]]
name = "sex"
column = "personal_status"
merge = { female = ["A92"], male = ["A91", "A93"] }
reference = "male"

[[sensitive_features]]
name = "age"
cuts = [25, 40.5]
labels = ["under 25", "25 to 40", "over 40"]

[[sensitive_features]]
name = "race"
levels = [1, 2]
reference = 2

[audit]
intersections = [["sex", "race"]]
confidence = 0.9
min_group_size = 20
min_events = 3
decided_at = 2026-11-01

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8

[[bounds]]
metric = "equalized_odds"
comparison = "difference"
bound = 0

[quality]
min_rows = 500
max_null_share = 0
nullable = ["comment"]
ranges = { experience = [0, 60], salary = { min = 0 }, debt = [-inf, 5] }
categories = { department = ["sales", "it"] }
"""

SMALL: dict[str, Any] = {
    "model": {"name": "hiring"},
    "data": {"label": "hired", "favourable": "yes"},
    "sensitive_features": [{"name": "sex"}],
    "audit": {"decided_at": date(2026, 11, 1)},
    "bounds": [{"metric": "selection_rate", "comparison": "ratio", "bound": 0.8}],
}


def toml(value: object) -> str:
    """Inline TOML of a plain value."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(key))} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool() | str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case date():
            return value.isoformat()
    return repr(value)


def written(document: dict[str, Any]) -> bytes:
    return "\n".join(f"{key} = {toml(value)}" for key, value in document.items()).encode()


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    document: Any = copy.deepcopy(SMALL)
    place = document
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return written(document)


def test_every_field_is_read() -> None:
    plan = read_plan(WHOLE.encode())
    assert plan.digest == digest_bytes(WHOLE.encode())
    assert (plan.model, plan.impact, plan.registrant) == ("hiring", "limited", "data-scientist")
    assert (plan.label, plan.favourable, plan.prediction, plan.key) == ("hired", "1", "decision", ("applicant_id",))
    assert (plan.source, plan.newer) == ("data/applicants.parquet", "data/incoming/*.parquet")
    assert plan.sensitive_features == (
        SensitiveFeature(
            "sex",
            "personal_status",
            merge=(("female", ("A92",)), ("male", ("A91", "A93"))),
            reference="male",
        ),
        SensitiveFeature("age", "age", cuts=(25.0, 40.5), labels=("under 25", "25 to 40", "over 40")),
        SensitiveFeature("race", "race", levels=("1", "2"), reference="2"),
    )
    assert plan.bounds == (
        Bound("selection_rate", Comparison.RATIO, 0.8),
        Bound("equalized_odds", Comparison.DIFFERENCE, 0.0),
    )
    assert (plan.confidence, plan.min_group_size, plan.min_events) == (0.9, 20, 3)
    assert plan.intersections == (("sex", "race"),)
    assert plan.decided_at == date(2026, 11, 1)
    assert plan.quality.ranges == (("experience", 0.0, 60.0), ("salary", 0.0, None), ("debt", None, 5.0))
    assert plan.quality.categories == (("department", ("sales", "it")),)
    assert (plan.quality.min_rows, plan.quality.nullable) == (500, ("comment",))


def test_what_is_left_out_gets_the_strict_default() -> None:
    plan = read_plan(written(SMALL))
    assert (plan.impact, plan.confidence, plan.min_group_size, plan.min_events) == ("high", 0.95, 30, 5)
    assert plan.prediction is None
    assert plan.registrant is None
    assert plan.quality.max_null_share == 0.0


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (0, "0"), (">50K", ">50K")])
def test_the_favourable_value_is_kept_as_text(value: object, text: str) -> None:
    assert read_plan(changed(("data", "favourable"), value)).favourable == text


WIDE = """
[model]
name = "hiring"

[data]
label = "hired"
favourable = "yes"
task = "ranking"
score = "score"
score_range = [0, 1]
cutoff = "median"
weight = "w"
rank = "place"
query = ["vacancy", "month"]
top = [5, 20]

[sensitive_data]
source = "data/people.parquet"
key = ["applicant_id"]

[[sensitive_features]]
name = "sex"
reference = "male"

[[control_features]]
name = "experience"
column = "years"
cuts = [5]

[audit]
decided_at = 2026-11-01
family = "feature"
seed = 7
replicates = 2000
search_depth = 3
suppress_below = 10
max_levels = 60
max_groups = 500
rule_packs = ["us-ugesp"]

[[bounds]]
metric = "exposure"
comparison = "ratio"
bound = 0.8
"""


def test_every_field_of_a_wider_audit_is_read() -> None:
    plan = read_plan(WIDE.encode())
    assert (plan.task, plan.weight, plan.label, plan.favourable) == (Task.RANKING, "w", "hired", "yes")
    assert plan.score == Score(0.0, 1.0, "score", MEDIAN)
    assert plan.ranking == Ranking("place", ("vacancy", "month"), (5, 20))
    assert plan.sensitive_data == JoinedFile("data/people.parquet", ("applicant_id",))
    assert plan.sensitive_features == (SensitiveFeature("sex", "sex", reference="male"),)
    assert plan.control_features == (SensitiveFeature("experience", "years", cuts=(5.0,)),)
    assert (plan.family, plan.seed, plan.replicates) == (Family.FEATURE, 7, 2_000)
    assert (plan.search_depth, plan.suppress_below, plan.max_levels, plan.max_groups) == (3, 10, 60, 500)
    assert plan.rule_packs == ("us-ugesp",)


SHARES = {"name": "sex", "probabilities": {"female": "p_female", "male": "p_male"}, "reference": "male"}


def with_shares(**audit: object) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(SMALL)
    document["audit"] |= audit
    return document | {"sensitive_features": [SHARES]}


def test_a_feature_known_by_probabilities_is_read_where_it_stands_alone() -> None:
    plan = read_plan(written(with_shares()))
    probabilities = (("female", "p_female"), ("male", "p_male"))
    assert plan.sensitive_features == (SensitiveFeature("sex", "sex", reference="male", probabilities=probabilities),)


@pytest.mark.parametrize(
    ("more", "beside"),
    [
        ({"sensitive_features": [SHARES, {"name": "age"}]}, "'age'"),
        ({"sensitive_features": [{"name": "age"}, SHARES]}, "'age'"),
        ({"sensitive_features": [SHARES, SHARES | {"name": "race"}]}, "'race'"),
        ({"control_features": [{"name": "region"}, {"name": "years"}]}, "'region', 'years'"),
        (with_shares(search_depth=1), "a search"),
        (
            with_shares(search_depth=2, intersections=[["sex", "age"]])
            | {"sensitive_features": [SHARES, {"name": "age"}]},
            "'age', intersections, a search",
        ),
    ],
)
def test_probabilities_beside_anything_that_counts_a_row_again_are_refused(more: dict[str, Any], beside: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_plan(written(with_shares() | more))
    assert f"feature 'sex' is known by probabilities, and beside {beside} a row would be counted" in str(raised.value)
    assert "write one plan for each feature with probabilities" in str(raised.value)


def test_the_defaults_of_a_file_are_those_of_the_value() -> None:
    plan = read_plan(written(SMALL))
    assert plan == AuditPlan(
        model="hiring",
        label="hired",
        favourable="yes",
        sensitive_features=(SensitiveFeature("sex", "sex"),),
        bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
        decided_at=date(2026, 11, 1),
        digest=digest_bytes(written(SMALL)),
    )


@pytest.mark.parametrize(
    ("data", "favourable"),
    [
        ({"favourable": 1, "prediction": "p"}, "1"),
        ({"score": "s", "score_range": [0, 1], "cutoff": 0.5}, "selected"),
        ({"task": "regression", "label": "wage", "score_range": [0, 90]}, "higher"),
        ({"task": "ranking", "rank": "r"}, "ranked first"),
    ],
)
def test_what_is_favourable_may_be_left_out_where_no_value_is_meant(data: dict[str, Any], favourable: str) -> None:
    own = {
        "regression": {"metric": "mean_residual", "comparison": "difference", "bound": 2_000},
        "ranking": {"metric": "top_k", "comparison": "ratio", "bound": 0.8},
    }
    bounds = [own.get(data.get("task", ""), SMALL["bounds"][0])]
    assert read_plan(written({**SMALL, "data": data, "bounds": bounds})).favourable == favourable


@pytest.mark.parametrize(
    ("data", "bound", "message"),
    [
        ({"task": "ranking", "rank": "r"}, ("selection_rate", "ratio"), "write one of: exposure, top_k"),
        ({"task": "ranking", "rank": "r"}, ("exposure", "difference"), "for exposure"),
        (
            {"task": "regression", "label": "wage", "score_range": [0, 90]},
            ("mean_residul", "difference"),
            "did you mean 'mean_residual'",
        ),
        (
            {"task": "regression", "score_range": [0, 90]},
            ("mean_absolute_error", "difference"),
            "needs the outcome, .*; add label, or bound mean_prediction",
        ),
        (
            {"task": "multiclass", "favourable": "A", "prediction": "p"},
            ("multiclass_accuracy", "difference"),
            "needs the outcome, .*; add label, or bound selection_rate",
        ),
    ],
)
def test_a_task_has_bounds_of_its_own(data: dict[str, Any], bound: tuple[str, str], message: str) -> None:
    written_bound = {"metric": bound[0], "comparison": bound[1], "bound": 0.5}
    with pytest.raises(ConfigurationError, match=message):
        read_plan(written({**SMALL, "data": data, "bounds": [written_bound]}))


def test_a_bound_on_the_outcome_needs_a_label() -> None:
    document = {**SMALL, "data": {"favourable": "yes", "prediction": "p"}}
    assert read_plan(written(document)).label is None
    for metric in ("true_positive_rate", "equalized_odds", "accuracy"):
        bound = {"metric": metric, "comparison": "difference", "bound": 0.1}
        with pytest.raises(ConfigurationError, match=f"'{metric}', which needs the outcome, .* names no label"):
            read_plan(written({**document, "bounds": [bound]}))


FEATURE = ("sensitive_features", 0)
BOUND = ("bounds", 0)
DATA = ("data",)
OUTCOME = SMALL["data"]
WRONG: list[tuple[tuple[str | int, ...], object, str]] = [
    (("modell",), {}, r"the file has the unknown key 'modell'; did you mean 'model'\?"),
    (("audit", "confidense"), 0.9, r"\[audit\] has the unknown key 'confidense'; did you mean 'confidence'\?"),
    ((*FEATURE, "colum"), "sex", r"\[\[sensitive_features\]\] 1 has the unknown key 'colum'; did you mean 'column'"),
    (("quality", "zzz"), 1, r"\[quality\] has the unknown key 'zzz'; known keys: min_rows"),
    (("model",), None, r"\[model\] is missing; add this table"),
    (("data",), 3, r"\[data\] is 3; write a table"),
    (("data", "label"), 3, r"\[data\] label is 3; write the column"),
    (("data", "label"), " ", r"label is ' '; write .*not only blanks"),
    (("data", "label"), "<fill in: a, b>", r"label still holds the placeholder '<fill in: a, b>'; write the column"),
    (("model", "name"), "a\nb", r"name is 'a\\nb'; write .*no line breaks"),
    (("model", "name"), "a\u202eb", "text-direction"),
    (("model", "name"), "x" * 501, "1 to 500 characters"),
    (("data", "source"), "a\x00b", r"source is 'a\\x00b'"),
    (("data", "favourable"), 1.0, r"favourable is 1.0; write .*a string, an integer or true/false"),
    (("data", "prediction"), "hired", "another column than the label"),
    (("data", "key"), "id", r"key is 'id'; write the columns"),
    (("data", "key"), ["id", "id"], r"key has 'id' twice"),
    (("data", "key"), [1], r"key is \[1\]"),
    (("model", "impact"), "hihg", r"impact is 'hihg'; write one of: .* \(did you mean 'high'\?\)"),
    (("model", "impact"), 3, "one of: minimal, limited, high, prohibited"),
    (("sensitive_features",), None, r"\[\[sensitive_features\]\] is missing; add at least one"),
    (("sensitive_features",), [], r"\[\[sensitive_features\]\] is \[\]; add at least one"),
    (("sensitive_features",), [{"name": "sex"}, {"name": "sex"}], "has 'sex' twice"),
    ((*FEATURE, "name"), None, "1 name is missing; write what the feature is called"),
    ((*FEATURE, "column"), "hired", "another column than the label"),
    ((*FEATURE, "levels"), [], r"levels is \[\]; write a list"),
    ((*FEATURE, "levels"), ["a", "(unknown)"], "kept for rows without a value"),
    ((*FEATURE, "levels"), [str(n) for n in range(51)], "more than 50 levels"),
    ((*FEATURE, "cuts"), [25, 25], r"cuts is \[25, 25\]; write a list of rising numbers"),
    ((*FEATURE, "cuts"), ["25"], "rising numbers"),
    ((*FEATURE, "cuts"), [True], "rising numbers"),
    ((*FEATURE, "labels"), ["a", "b"], "write cuts too, or no labels"),
    ((*FEATURE, "merge"), {}, "or no merge"),
    ((*FEATURE, "merge"), {"a": []}, r"merge a is \[\]"),
    ((*FEATURE, "merge"), {"a": ["x"], "b": ["x"]}, "merge values has 'x' twice"),
    ((*FEATURE,), {"name": "s", "levels": ["male", "female"], "reference": "mael"}, r"did you mean 'male'\?"),
    ((*FEATURE,), {"name": "s", "merge": {"f": ["A"]}, "reference": "A"}, r"\(s\) reference is 'A'; write one of: f"),
    ((*FEATURE,), {"name": "s", "merge": {"f": ["A"]}, "levels": ["f", "A"]}, "levels as they are after"),
    ((*FEATURE,), {"name": "s", "merge": {"f": ["A"]}, "levels": ["m"]}, "'f' too"),
    ((*FEATURE,), {"name": "s", "cuts": [25], "labels": ["x"]}, "write 2 labels, one more than the 1 cuts"),
    ((*FEATURE,), {"name": "s", "cuts": [25], "merge": {"f": ["A"]}}, "both cuts and merge"),
    ((*FEATURE,), {"name": "s", "cuts": [25], "reference": "old"}, "write one of: <25, >=25"),
    (("audit",), None, r"\[audit\] is missing"),
    (("audit", "decided_at"), None, "decided_at is missing; write the date"),
    (("audit", "decided_at"), "2026-11-01", "without quotes"),
    (("audit", "confidence"), 95, "confidence is 95; write a number between 0.5 and 1"),
    (("audit", "confidence"), 0.5, "between 0.5 and 1"),
    (("audit", "min_group_size"), 0, "whole number of at least 1"),
    (("audit", "min_group_size"), True, "whole number of at least 1"),
    (("audit", "min_events"), 2.5, "whole number of at least 1"),
    (("audit", "intersections"), [["sex"]], "two or more sensitive features"),
    (("audit", "intersections"), [["sex", "sx"]], r"intersections is 'sx'; write one of: sex"),
    (("audit", "intersections"), [["sex", "sex"]], "has 'sex' twice"),
    (("bounds",), None, r"\[\[bounds\]\] is missing; add at least one"),
    (("bounds",), [SMALL["bounds"][0]] * 2, "has 'selection_rate ratio' twice"),
    ((*BOUND, "metric"), "selection_rat", r"\[\[bounds\]\] 1 metric is 'selection_rat'; .*'selection_rate'"),
    ((*BOUND, "comparison"), "quotient", "one of: ratio, difference"),
    ((*BOUND, "bound"), 0, "bound is 0; write a ratio above 0"),
    ((*BOUND, "bound"), None, "bound is missing"),
    ((*BOUND,), {"metric": "accuracy", "comparison": "difference", "bound": 1.1}, "a difference from 0 to below 1"),
    (("data", "task"), "rank", r"task is 'rank'; write one of: .* \(did you mean 'ranking'\?\)"),
    (("data", "score"), "s", "has score without score_range; write score_range = "),
    (("data", "cutoff"), 0.5, "has cutoff without score_range"),
    (("data", "score_range"), [0, 1], "the model then answers scores, and nothing decides; add cutoff"),
    (("data", "score_range"), [1, 0], r"score_range is \[1, 0\]; write \[lowest, highest\]"),
    (("data", "score_range"), [0, float("inf")], "lowest, highest"),
    (("data", "score_range"), [0], "lowest, highest"),
    (DATA, {**OUTCOME, "score": "s", "score_range": [0, 1], "cutoff": 2}, r"cutoff is 2; write a number from 0 to 1"),
    (DATA, {**OUTCOME, "score": "s", "score_range": [0, 1], "cutoff": "mean"}, 'or "median"'),
    (DATA, {**OUTCOME, "score": "hired", "score_range": [0, 1]}, "score is 'hired'; write another column than the lab"),
    (DATA, {**OUTCOME, "score_range": [0, 1], "cutoff": 1, "prediction": "p"}, "prediction and cutoff, two decisions"),
    (DATA, {**OUTCOME, "score_range": [0, 1], "task": "multiclass"}, "audit one class as a binary task"),
    (DATA, {**OUTCOME, "task": "regression"}, "score_range is missing; write .* of the predicted numbers"),
    (DATA, {"task": "regression", "score_range": [0, 9], "score": "s", "prediction": "p"}, "two predicted numbers"),
    (DATA, {**OUTCOME, "task": "ranking"}, "without an order; add rank, or score and score_range"),
    (DATA, {**OUTCOME, "task": "ranking", "rank": "r", "top": [10, 5]}, "rising whole numbers"),
    (DATA, {**OUTCOME, "task": "ranking", "rank": "r", "top": [True]}, "rising whole numbers"),
    (DATA, {**OUTCOME, "task": "ranking", "rank": "r", "query": ["r"]}, "other columns than the rank"),
    (("data", "rank"), "r", 'has rank without task = "ranking"'),
    (("data", "query"), ["q"], 'has query without task = "ranking"'),
    (("data", "top"), [10], 'has top without task = "ranking"'),
    (("data", "weight"), "hired", "weight is 'hired'; write another column than the label"),
    (DATA, {**OUTCOME, "weight": "w", "prediction": "w"}, "write another column than the prediction"),
    (DATA, {"label": "hired"}, "favourable is missing"),
    (DATA, {"favourable": "yes", "weight": "sex"}, r"column is 'sex'; write another column than the weight"),
    (("sensitive_data",), {}, r"\[sensitive_data\] source is missing; write the file"),
    (("sensitive_data",), {"source": "p.csv"}, r"\[sensitive_data\] key is missing; write the columns"),
    (("sensitive_data",), {"source": "p.csv", "key": []}, r"key is \[\]; write the columns"),
    (("sensitive_data",), {"source": "p.csv", "key": ["id", "id"]}, "has 'id' twice"),
    (("control_features",), [], r"\[\[control_features\]\] is \[\]; add at least one"),
    (("control_features",), [{"name": "sex"}], "has 'sex' twice"),
    (("control_features",), [{"name": "a", "column": "sex"}], "another column than a sensitive feature's"),
    (("control_features",), [{"name": "a", "column": "hired"}], "another column than the label"),
    (("control_features",), [{"name": "a", "reference": "b"}], "unknown key 'reference'"),
    ((*FEATURE, "probabilities"), {}, r"probabilities is \{\}; write a table of levels and columns"),
    ((*FEATURE, "probabilities"), {"f": "p"}, "with two levels or more"),
    ((*FEATURE, "probabilities"), {"f": "p", "m": "p"}, "probabilities columns has 'p' twice"),
    ((*FEATURE, "probabilities"), {"f": "p", "m": "hired"}, "probabilities is 'hired'; write another column"),
    ((*FEATURE, "probabilities"), {"f": "p", "(unknown)": "q"}, "kept for rows without a value"),
    ((*FEATURE,), {"name": "s", "column": "s", "probabilities": {"f": "p", "m": "q"}}, "both probabilities and column"),
    ((*FEATURE,), {"name": "s", "probabilities": {"f": "p", "m": "q"}, "reference": "x"}, "write one of: f, m"),
    (("audit", "family"), "all", "family is 'all'; write one of: bounds, feature, none"),
    (("audit", "seed"), -1, "seed is -1; write a whole number of at least 0"),
    (("audit", "replicates"), 10, "a whole number of at least 100 and at most 100000"),
    (("audit", "search_depth"), 5, "at least 0 and at most 4"),
    (("audit", "suppress_below"), -1, "at least 0"),
    (("audit", "max_levels"), 1, "at least 2"),
    (("audit", "max_groups"), 0, "at least 2"),
    (("audit", "rule_packs"), ["us-ugesb"], r"rule_packs is 'us-ugesb'; write one of: .*did you mean 'us-ugesp'"),
    (("quality", "max_null_share"), 1, "a share from 0 to below 1"),
    (("quality", "nullable"), [1], "a list of column names"),
    (("quality", "ranges"), {"a": [2, 1]}, r"ranges a is \[2, 1\]"),
    (("quality", "ranges"), {"a": [1]}, "lowest, highest"),
    (("quality", "ranges"), {"a": {"mim": 0}}, "min, max or both"),
    (("quality", "ranges"), {"a": [True, 2]}, "lowest, highest"),
    (("quality", "categories"), {"a": []}, r"categories a is \[\]"),
    (("quality", "categories"), ["a"], "a table such as"),
]


@pytest.mark.parametrize(("path", "value", "says"), WRONG, ids=[says[:40] for *_, says in WRONG])
def test_a_mistake_gets_one_sentence_that_names_file_table_value_and_way_out(
    path: tuple[str | int, ...], value: object, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        read_plan(changed(path, value), name="plans/hiring.toml")
    assert str(caught.value).startswith("plans/hiring.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"\[model\] is missing"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"a = ", "not valid TOML"),
        (b"[model]\nname = 'a'\nname = 'b'\n", "not valid TOML: Cannot overwrite"),
        (b"a = " + b"[" * 50_000, "nests lists too deeply"),
        (b"a = " + b"9" * 5_000, "not valid TOML"),
        (b"#" * (256 * 1024 + 1), "at most 262,144"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_plan(data)


def read_or_refuse(data: bytes) -> None:
    try:
        plan = read_plan(data)
    except ConfigurationError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 700
        return
    assert isinstance(plan, AuditPlan)
    assert plan.sensitive_features
    assert plan.bounds


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PATHS = st.sampled_from(sorted({path for path, *_ in WRONG}, key=str))


@given(data=st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_give_a_plan_or_a_sentence(data: bytes) -> None:
    read_or_refuse(data)


@given(path=PATHS, value=VALUES)
@settings(deadline=None, max_examples=400)
def test_any_value_in_any_field_gives_a_plan_or_a_sentence(path: tuple[str | int, ...], value: object) -> None:
    try:
        data = changed(path, value)
        tomllib.loads(data.decode())
    except (KeyError, UnicodeEncodeError, ValueError, RecursionError):
        return
    read_or_refuse(data)


@given(start=st.integers(0, len(WIDE) - 1), length=st.integers(0, 12), insert=st.text(max_size=6))
@settings(deadline=None, max_examples=200)
def test_any_edit_of_a_wider_plan_gives_a_plan_or_a_sentence(start: int, length: int, insert: str) -> None:
    read_or_refuse((WIDE[:start] + insert + WIDE[start + length :]).encode("utf-8", "surrogatepass"))


@given(start=st.integers(0, len(WHOLE) - 1), length=st.integers(0, 12), insert=st.text(max_size=6))
@example(start=WHOLE.index('name = "race"') + 8, length=0, insert="\ud7fc")  # a name that cannot be printed
@settings(deadline=None, max_examples=400)
def test_any_edit_of_a_plan_gives_a_plan_or_a_sentence(start: int, length: int, insert: str) -> None:
    read_or_refuse((WHOLE[:start] + insert + WHOLE[start + length :]).encode("utf-8", "surrogatepass"))


def toml_blocks() -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)


def test_the_guide_shows_plans_that_are_read() -> None:
    whole, *parts = toml_blocks()
    assert read_plan(whole.encode()).intersections == (("sex", "age"),)
    # What is commented out is a key with a value too.
    optional = re.sub(r"^# (?=\w+ = )", "", whole, flags=re.MULTILINE)
    assert read_plan(optional.encode()).rule_packs == ("us-ugesp",)
    assert len(parts) >= 8
    for part in parts:
        document = tomllib.loads(part)
        features = document.get("sensitive_features", SMALL["sensitive_features"])
        data = document.get("data", SMALL["data"])
        plan = read_plan(written({**SMALL, **document, "sensitive_features": features, "data": data}))
        assert plan.model == "hiring"

"""Values that say that nothing is known: declared in the plan, they are counted and never compared, whatever counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from audits.levels import level_namer, looks_unknown
from audits.plan import AuditPlan, Bound, Comparison, Ranking, SensitiveFeature, Task
from audits.plan_draft import draft_plan
from audits.plan_file import read_plan
from audits.result import UNKNOWN
from audits.run import audit
from audits.table import ColumnSummary
from expectations.result import Outcome
from expectations.run import validate
from flows.sources import spec_of
from governance.errors import ConfigurationError

NOTHING = ("?", "Unknown")
SEX = SensitiveFeature("sex", "sex", unknown=NOTHING)
PLAN = AuditPlan(
    model="m",
    label="hired",
    favourable="yes",
    sensitive_features=(SEX,),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 1, 1),
    digest="0" * 64,
    prediction="decided",
    min_group_size=20,
)


def people(sizes: Sequence[tuple[str | None, int, int]]) -> pd.DataFrame:
    """(value, rows, selected) as rows."""
    return pd.DataFrame(
        [
            {"sex": value, "decided": "yes" if at < selected else "no", "hired": "yes" if at % 2 else "no"}
            for value, rows, selected in sizes
            for at in range(rows)
        ]
    )


# The unknown ones are selected most often: compared, they would be the reference.
PEOPLE = people([("f", 100, 40), ("m", 100, 60), ("?", 60, 58), ("Unknown", 30, 29), (None, 10, 5)])


def test_declared_values_are_the_unknown_level() -> None:
    level = level_namer(replace(SEX, merge=(("female", ("f", "w")),), unknown=("?", "9")))
    assert [level(value) for value in ("f", "w", "m", "?", 9, 9.0, "Unknown", None, " ")] == [
        *("female", "female", "m", UNKNOWN, UNKNOWN, UNKNOWN, "Unknown", UNKNOWN, UNKNOWN)
    ]


def test_declared_unknown_rows_are_shown_and_take_no_part() -> None:
    result = audit(PLAN, PEOPLE)
    rates = {item.group[0]: item for item in result.estimates if item.metric == "selection_rate"}
    assert {group: (item.n, item.events, item.counted) for group, item in rates.items()} == {
        "f": (100, 40, True),
        "m": (100, 60, True),
        UNKNOWN: (100, 92, False),
    }
    assert result.unknown == {"sex": 100}
    (judged,) = [item for item in result.disparities if item.bound is not None]
    assert (judged.group, judged.reference, judged.value) == (("f",), ("m",), pytest.approx(40 / 60))
    assert {item.level: item.unknown for item in result.unknown_bounds} == {"f": 100, "m": 100}
    assert (
        "sex: 100 of 300 rows have no value, or one that is declared unknown (?, Unknown); shown as a group, never"
        " compared." in result.notes
    )
    plain = audit(replace(PLAN, sensitive_features=(replace(SEX, unknown=()),)), PEOPLE)
    assert {item.reference for item in plain.disparities if item.bound is not None} == {("?",)}


def test_declared_unknown_candidates_of_a_ranking_are_not_compared() -> None:
    frame = pd.DataFrame({"place": range(1, 241), "sex": ["f", "m", "?", "Unknown"] * 60})
    plan = replace(
        PLAN,
        task=Task.RANKING,
        label=None,
        favourable="",
        prediction=None,
        ranking=Ranking(rank="place", top=(10,)),
        bounds=(Bound("exposure", Comparison.RATIO, 0.8),),
        replicates=100,
    )
    result = audit(plan, frame)
    assert result.unknown == {"sex": 120}
    pairs = {
        group for item in result.quantities if item.metric == "exposure_ratio" for group in (item.group, item.against)
    }
    assert pairs == {("f",), ("m",)}
    assert {item.group for item in result.quantities if item.metric == "exposure_share"} == {("f",), ("m",), (UNKNOWN,)}


@pytest.mark.parametrize("name", ["people.parquet", "people.csv"])
def test_the_gate_lets_declared_unknown_values_pass_and_counts_them_as_no_group(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    table = PEOPLE.assign(sex=PEOPLE["sex"].fillna("?"))
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file)

    def outcome(feature: SensitiveFeature) -> Outcome:
        return validate(file, spec_of(replace(PLAN, sensitive_features=(feature,)), ())).outcome

    listed = replace(SEX, levels=("f", "m"))
    assert outcome(listed) is Outcome.PASS
    assert outcome(replace(listed, unknown=("?",))) is Outcome.BLOCK
    assert outcome(replace(listed, unknown=())) is Outcome.BLOCK
    few = replace(SEX, levels=("f", "m"), unknown=NOTHING)
    assert outcome(few) is Outcome.PASS
    one = replace(SEX, unknown=("f", *NOTHING))
    assert outcome(one) is Outcome.BLOCK  # one group only


FEATURE = """
[model]
name = "m"
[data]
source = "d.csv"
label = "hired"
favourable = "yes"
[[sensitive_features]]
name = "sex"
{sex}
[[control_features]]
name = "place"
{place}
[audit]
decided_at = 2026-01-01
[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""


def read(sex: str = "", place: str = "") -> AuditPlan:
    return read_plan(FEATURE.format(sex=sex, place=place).encode())


def test_sensitive_and_control_features_may_declare_unknown_values() -> None:
    plan = read('levels = ["f", "m"]\nunknown = ["?", 9]', 'unknown = ["n/a"]')
    assert [feature.unknown for feature in (*plan.sensitive_features, *plan.control_features)] == [("?", "9"), ("n/a",)]
    assert read().sensitive_features[0].unknown == ()


@pytest.mark.parametrize(
    ("sex", "says"),
    [
        (
            'levels = ["f", "?"]\nunknown = ["?"]',
            "unknown is '?'; write values that stand in no levels, merge or refer",
        ),
        ('merge = { f = ["w"], m = ["h"] }\nunknown = ["w"]', "unknown is 'w'; write values that stand in no levels"),
        ('merge = { f = ["w"], m = ["h"] }\nunknown = ["m"]', "unknown is 'm'; write values that stand in no levels"),
        ('reference = "?"\nunknown = ["?"]', "unknown is '?'; write values that stand in no levels"),
        ('unknown = ["?", "?"]', "unknown has '?' twice"),
        ("unknown = []", 'write a list of values such as ["?", "Unknown"]'),
        ('unknown = "?"', 'write a list of values such as ["?", "Unknown"]'),
        ('cuts = [3]\nunknown = ["?"]', "both cuts and unknown; leave out unknown, and let the numbers be missing"),
        ('probabilities = { f = "a", m = "b" }\nunknown = ["?"]', "both probabilities and unknown; leave out unknown"),
        ('merge = { "(unknown)" = ["?"] }', 'list the values that stand for nothing known: unknown = ["?"]'),
    ],
)
def test_unknown_values_that_contradict_the_levels_are_refused(sex: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(sex)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["?", "Unknown", "n/a", "N.A.", "Missing", "prefer not to say", "Prefer-not-to-say", "UNKNOWN ", "(unknown)"],
)
def test_what_looks_unknown(value: str) -> None:
    assert looks_unknown(value)


@pytest.mark.parametrize("value", ["White", "other", "0", "Nana", "no", "missing persons", "Two or More Races"])
def test_what_does_not_look_unknown(value: str) -> None:
    assert not looks_unknown(value)


def test_a_draft_suggests_unknown_values_for_a_person_to_check() -> None:
    def drafted(*values: str) -> str:
        columns = [
            ColumnSummary("sex", "VARCHAR", len(values), 0, None, None, values),
            ColumnSummary("hired", "VARCHAR", 2, 0, None, None, ("no", "yes")),
        ]
        return draft_plan("m", columns, source="d.csv", today=date(2026, 1, 1))

    text = drafted("Prefer not to say", "female", "male", "n/a")
    (line,) = [line for line in text.splitlines() if "unknown =" in line]
    assert line.startswith('# unknown = ["Prefer not to say", "n/a"]  # CHECK')
    assert '# reference = "male"' in text
    assert read_plan(text.encode()).sensitive_features[0].unknown == ()
    done = text.replace(line, line.removeprefix("# "))
    with pytest.raises(ConfigurationError, match="unknown is 'Prefer not to say'"):
        read_plan(done.encode())
    done = done.replace('levels = ["Prefer not to say", "female", "male", "n/a"]', 'levels = ["female", "male"]')
    assert read_plan(done.encode()).sensitive_features[0].unknown == ("Prefer not to say", "n/a")
    assert "unknown =" not in drafted("female", "male")


def test_local_law_144_refuses_a_level_that_looks_unknown_and_leaves_declared_ones_out() -> None:
    frame = PEOPLE.assign(race=["White", "Asian"] * (len(PEOPLE) // 2))
    race = SensitiveFeature("race", "race")
    plan = replace(PLAN, sensitive_features=(replace(SEX, unknown=("?",)), race), rule_packs=("nyc-ll144",))
    with pytest.raises(ConfigurationError, match=r"has a level 'Unknown', .*: write unknown = \[\"Unknown\"\] at that"):
        audit(plan, frame)
    (report,) = audit(replace(plan, sensitive_features=(SEX, race)), frame).rule_reports
    sex = report.tables[0]
    assert [row[0] for row in sex.rows] == ["Male", "Female"]
    assert [row[-1] for row in sex.rows] == ["1.000", "0.667"]
    assert "100 persons of unknown sex are not in this table." in sex.notes

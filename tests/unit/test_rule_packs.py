"""Rule packs: what ships is read and dated, and every mistake in a pack has its sentence."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.rule_packs import (
    AdverseImpactRule,
    ImpactRatioRule,
    RulePack,
    State,
    Status,
    load_pack,
    pack_ids,
    packs,
    read_pack,
    requirements_on,
    state_on,
)
from governance.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "audits" / "rules"
SMALL = """
id = "small"
version = "1"
title = "A small rule"
jurisdiction = "Somewhere"
citation = "1 Code 1"
in_force_from = 2026-01-01
status = "in force"
source = "https://example.org"
checked_on = 2026-02-01
[[requirements]]
reference = "1 Code 1"
text = "Write it down."
"""
IMPACT = """
[impact_ratio]
minimum_share = 0.02
leave_out_small = false
[impact_ratio.features]
sex = ["sex"]
race_ethnicity = ["race"]
[impact_ratio.sex]
"Male" = ["m"]
"Female" = ["f"]
[impact_ratio.race_ethnicity]
"White" = []
"""


def read(text: str) -> RulePack:
    return read_pack(text.encode(), name="small.toml")


def test_every_pack_that_ships_is_read_with_the_digest_of_its_file() -> None:
    shipped = packs()
    assert len(shipped) == len(list(RULES.glob("*.toml"))) >= 12
    assert tuple(pack.id for pack in shipped) == pack_ids() == tuple(sorted(pack_ids()))
    for pack in shipped:
        data = (RULES / f"{pack.id}.toml").read_bytes()
        assert pack.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert pack.requirements or pack.computes


def test_the_parameters_of_what_is_computed_come_from_the_packs() -> None:
    ugesp, ll144 = load_pack("us-ugesp").computes, load_pack("nyc-ll144").computes
    assert isinstance(ugesp, AdverseImpactRule)
    assert isinstance(ll144, ImpactRatioRule)
    assert (ugesp.four_fifths, ugesp.minimum_share) == (Fraction(4, 5), Fraction(1, 50))
    assert (ll144.minimum_share, ll144.leave_out_small, ll144.justification) == (Fraction(1, 50), False, None)
    assert ll144.categories("race_ethnicity") == (
        *("Hispanic or Latino", "White", "Black or African American", "Native Hawaiian or Pacific Islander"),
        *("Asian", "Native American or Alaska Native", "Two or More Races"),
    )
    assert ll144.category("sex", " FEMALE ") == ll144.category("sex", "f") == "Female"
    assert ll144.category("race_ethnicity", "f") is None


def test_the_variant_that_leaves_small_categories_out_differs_in_nothing_else() -> None:
    one, other = load_pack("nyc-ll144"), load_pack("nyc-ll144-small-left-out")
    assert isinstance(one.computes, ImpactRatioRule)
    assert isinstance(other.computes, ImpactRatioRule)
    assert other.computes.justification
    assert replace(other.computes, leave_out_small=False, justification=None) == one.computes
    assert other.requirements == one.requirements


@pytest.mark.parametrize(
    ("name", "day", "state"),
    [
        ("nyc-ll144", date(2023, 7, 4), State.NOT_YET),
        ("nyc-ll144", date(2023, 7, 5), State.IN_FORCE),
        ("us-sr-11-7", date(2026, 4, 16), State.IN_FORCE),
        ("us-sr-11-7", date(2026, 4, 17), State.NO_MORE),
        ("us-sr-26-2", date(2026, 4, 16), State.NOT_YET),
        ("us-sr-26-2", date(2026, 4, 17), State.IN_FORCE),
        ("us-co-sb-26-189", date(2026, 12, 31), State.NOT_YET),
        ("us-co-sb-26-189", date(2027, 1, 1), State.IN_FORCE),
        ("us-ecoa-effects-test", date(2026, 7, 20), State.IN_FORCE),
        ("us-ecoa-effects-test", date(2026, 7, 21), State.NO_MORE),
    ],
)
def test_a_rule_is_in_force_from_its_first_to_its_last_day(name: str, day: date, state: State) -> None:
    pack = load_pack(name)
    assert state_on(pack, day) is state
    assert bool(requirements_on(pack, day)) == (state is State.IN_FORCE)


def test_the_parts_of_the_ai_act_apply_from_their_own_days() -> None:
    act = load_pack("eu-ai-act")
    asked = {
        day: {item.reference for item in requirements_on(act, day)} for day in (date(2025, 2, 2), date(2027, 12, 2))
    }
    assert asked[date(2025, 2, 2)] == {"Art 4, 5"}
    assert "Art 27" in asked[date(2027, 12, 2)]
    assert not requirements_on(act, date(2025, 2, 1))


def test_the_documentation_lists_every_pack_with_its_days() -> None:
    text = (RULES.parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for pack in packs():
        assert str(pack.in_force_from) in rows[pack.id]
        assert pack.in_force_to is None or str(pack.in_force_to) in rows[pack.id]
        assert ("voluntary" in rows[pack.id]) == pack.voluntary
        assert ("asks only" in rows[pack.id]) == (pack.computes is None)


def test_a_repealed_pack_stays_loadable() -> None:
    assert load_pack("us-sr-11-7").status is Status.REPEALED


def test_the_smallest_pack_is_read() -> None:
    pack = read(SMALL)
    assert (pack.id, pack.in_force_to, pack.computes, pack.voluntary, pack.notes) == ("small", None, None, False, ())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('id = "small"', 'id = "Small"', "id is 'Small'; write lower-case letters"),
        ("2026-01-01", "2026-01-01\nin_force_to = 2025-01-01", "in_force_to 2025-01-01 is before"),
        ("2026-01-01", "2026-01-01\nin_force_to = 2027-01-01", "'in force' with in_force_to; write 'repealed'"),
        ("2026-01-01", '"2026-01-01"', "in_force_from is '2026-01-01'; write a date"),
        ('"in force"', '"repealed"', "'repealed' without in_force_to"),
        ('"in force"', '"in froce"', "did you mean 'in force'"),
        ('version = "1"\n', "", "version is missing"),
        ('version = "1"', "version = 1", "version is '?1'?; write"),
        ("checked_on", "cheked_on", "unknown key 'cheked_on'; did you mean 'checked_on'"),
        ('text = "Write it down."', "", r"\[\[requirements\]\] 1 text is missing"),
        (SMALL[SMALL.index("[[req") :], "", "computes nothing and asks for nothing"),
        ("[[requirements]]", "[requirements]", "requirements is .*; write a list of tables"),
        ('source = "', 'voluntary = 1\nsource = "', "voluntary is '?1'?; write true or false"),
    ],
)
def test_a_mistake_in_a_pack_has_its_sentence(old: str, new: str, sentence: str) -> None:
    assert old in SMALL
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        read(SMALL.replace(old, new))
    assert str(caught.value).startswith("small.toml: ")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("0.02", "2", r"\[impact_ratio\] minimum_share is '?2'?; write a number above 0 and below 1"),
        ("leave_out_small = false", "leave_out_small = true", "both leave_out_small = true and a justification"),
        ("false", 'false\njustification = "why"', "both leave_out_small = true and a justification"),
        ('race_ethnicity = ["race"]\n', "", "features must name sex and race_ethnicity"),
        ('["f"]', '["F", "M"]', "'m' means both 'Male' and 'Female'"),
        ('["f"]', '"f"', r"\[impact_ratio.sex\] Female is '?f'?"),
        ('[impact_ratio.sex]\n"Male" = ["m"]\n"Female" = ["f"]\n', "", "sex is missing; write a table"),
    ],
)
def test_a_mistake_in_what_is_computed_has_its_sentence(old: str, new: str, sentence: str) -> None:
    assert old in IMPACT
    assert isinstance(read(SMALL + IMPACT).computes, ImpactRatioRule)
    with pytest.raises(ConfigurationError, match=sentence):
        read(SMALL + IMPACT.replace(old, new))


def test_one_pack_computes_one_rule() -> None:
    with pytest.raises(ConfigurationError, match="one pack computes one rule"):
        read(SMALL + IMPACT + "\n[adverse_impact]\nfour_fifths = 0.8\n")


def test_a_pack_that_does_not_exist_is_refused_with_the_closest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'nyc-ll144'"):
        load_pack("nyc-l144")
    with pytest.raises(ConfigurationError, match=r"there is no rule pack '\.\./policies/default'"):
        load_pack("../policies/default")
    (tmp_path / "other.toml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="id is 'small'; write the file's own name, 'other'"):
        packs(tmp_path)


def test_a_project_may_hold_packs_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "README.md").write_text("not a pack", encoding="utf-8")
    assert packs(tmp_path) == (read(SMALL),)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 900), st.integers(-1000, 2000))
@settings(deadline=None)
def test_a_rule_has_at_most_one_stretch_of_days(start: date, length: int, offset: int) -> None:
    pack = replace(read(SMALL), in_force_from=start, in_force_to=start + timedelta(days=length))
    expected = State.NOT_YET if offset < 0 else State.IN_FORCE if offset <= length else State.NO_MORE
    assert state_on(pack, start + timedelta(days=offset)) is expected


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(deadline=None)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_pack(data)

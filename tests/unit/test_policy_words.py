"""A policy in words: every field is told, none twice, and a difference is never lost."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from governance_factory import default_policy

from governance.policy import (
    Assurance,
    OnAdverse,
    OnIncident,
    Policy,
    Raci,
    RequiredBound,
    Requirement,
    Tier,
    TierRules,
)
from reports.policy_words import policy_differences, policy_facts, raci_rows, tier_table

POLICY = default_policy()


def words(policy: Policy) -> dict[tuple[str, str], str]:
    return {(group.title, fact.label): fact.words for group in policy_facts(policy) for fact in group.facts}


def high(policy: Policy, **changes: Any) -> Policy:
    tiers = tuple((tier, replace(rules, **changes) if tier is Tier.HIGH else rules) for tier, rules in policy.tiers)
    return replace(policy, tiers=tiers)


def test_a_policy_does_not_differ_from_itself_whatever_its_digest() -> None:
    assert policy_differences(POLICY, replace(POLICY, digest="sha256:" + "0" * 64)) == ()


HEAD: dict[str, Any] = {
    "name": "other",
    "version": "9",
    "valid_from": date(2027, 1, 1),
    "valid_until": date(2028, 1, 1),
    "floor": Tier.LIMITED,
    "models": (("news-*", Tier.MINIMAL),),
    "free_aliases": (),
    "on_adverse": OnAdverse.LAST_SIGNED,
    "on_incident": OnIncident.WITHDRAW,
    "untrusted_formats": ("pickle",),
    "raci": (Raci("scheduled audit", ("legal",), ("legal",)),),
    "tiers": (POLICY.tiers[0],),
}
RULES: dict[str, Any] = {
    "requirements": (Requirement.SIGN_OFF,),
    "quorum": ("legal",),
    "assurance": Assurance.USER_KEY,
    "sign_off_valid_days": 1,
    "break_glass_hours": 0,
    "max_audit_age_days": 7,
    "withdraw_window_days": 7,
    "required_bounds": (RequiredBound("accuracy", "difference", 0.05),),
    "required_features": ("sex",),
    "min_group_size": 1_000,
    "min_events": 50,
    "min_confidence": 0.9,
    "max_confidence": 0.999,
}


def other_than(value: Any) -> Any:
    """For fields that came later than this test: a value that is not the one that is there."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case tuple():
            return (*value, "another")
        case str():
            return value + " and more"
    return ("another",)


@pytest.mark.parametrize("name", [field.name for field in fields(Policy) if field.name != "digest"])
def test_a_difference_in_any_field_of_the_policy_is_told(name: str) -> None:
    changed = replace(POLICY, **{name: HEAD.get(name, other_than(getattr(POLICY, name)))})
    assert policy_differences(POLICY, changed)
    assert policy_differences(changed, POLICY)


@pytest.mark.parametrize("name", [field.name for field in fields(TierRules)])
def test_a_difference_in_any_field_of_a_tier_is_told_once_and_in_that_tier(name: str) -> None:
    before = dict(POLICY.tiers)[Tier.HIGH]
    changed = high(POLICY, **{name: RULES.get(name, other_than(getattr(before, name)))})
    (difference,) = policy_differences(POLICY, changed)
    assert difference.part == "Impact tier high"
    assert difference.before != difference.after


@pytest.mark.parametrize(
    ("changes", "label", "said"),
    [
        ({"sign_off_valid_days": 1}, "A sign-off counts for", "1 day"),
        ({"sign_off_valid_days": 3_650}, "A sign-off counts for", "3,650 days"),
        ({"break_glass_hours": 0}, "Without evidence, in an emergency, for at most", "never"),
        ({"break_glass_hours": 1}, "Without evidence, in an emergency, for at most", "1 hour"),
        ({"required_features": ()}, "Sensitive features that every audit measures", "none"),
        ({"min_confidence": 0.9}, "Confidence of intervals, at least", "0.9"),
    ],
)
def test_values_are_words_with_their_unit(changes: dict[str, Any], label: str, said: str) -> None:
    assert words(high(POLICY, **changes))["Impact tier high", label] == said


def test_bounds_say_their_direction() -> None:
    bounds = (RequiredBound("selection_rate", "ratio", 0.8), RequiredBound("equalized_odds", "difference", 0.1))
    said = words(high(POLICY, required_bounds=bounds))
    assert said["Impact tier high", "Bounds that every audit plan declares, at least as strict"] == (
        "selection rate as a ratio: at least 0.8 and equalized odds as a difference: at most 0.1 either way"
    )


def test_no_label_stands_twice_so_no_field_hides_another() -> None:
    for group in policy_facts(replace(POLICY, models=(("a", Tier.MINIMAL), ("b", Tier.HIGH)))):
        labels = [fact.label for fact in group.facts]
        assert len(labels) == len(set(labels))


def test_a_tier_that_is_left_out_is_a_difference_to_no_word_at_all() -> None:
    less = replace(POLICY, tiers=POLICY.tiers[1:])
    gone = [item for item in policy_differences(POLICY, less) if item.part == "Impact tier minimal"]
    assert gone
    assert all(item.before and not item.after for item in gone)


def test_tiers_side_by_side_have_a_value_for_each() -> None:
    table = tier_table(POLICY)
    assert table.tiers == ("minimal", "limited", "high")
    assert all(len(values) == 3 for _, values in table.rows)
    assert tier_table(replace(POLICY, tiers=())).rows == ()


def test_raci_rows_name_functions_or_a_dash_and_hide_no_character() -> None:
    (row,) = raci_rows(replace(POLICY, raci=(Raci("a\u202eb", ("x", "y", "z"), ()),)))
    assert row.activity == "a\\u202eb"
    assert row.responsible == "x, y and z"
    assert row.accountable == row.consulted == row.informed == "–"

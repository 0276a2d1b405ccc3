"""A policy in words, field by field, and what differs between two. Pure.

Every field of `governance.policy` is told, also one that has no words here yet: it is named as in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any

from audits.plan import Comparison
from governance.policy import Policy, Raci, RequiredBound, Requirement, Tier, TierRules
from reports.words import bound_text, count, listed, metric_label, printable, requirement_label

_HEAD = ("name", "version", "valid_from", "valid_until", "floor", "free_aliases", "on_adverse", "on_incident")
_ELSEWHERE = ("digest", "tiers", "models", "raci", *_HEAD)

_LABELS = {
    "name": "Name",
    "version": "Version",
    "valid_from": "Valid from",
    "valid_until": "Valid until",
    "floor": "Lowest tier of a model that is not classed below",
    "free_aliases": "Aliases that need no release",
    "on_adverse": "When a live version's scheduled audit is adverse",
    "on_incident": "When a live alias is moved outside Fairgate, or its bytes change",
    "whole_evidence": "Functions that may read small counts",
    "untrusted_formats": "Saved models that are scored only where a sandbox holds",
    "requirements": "A release needs",
    "quorum": "Signed by one distinct person for each of",
    "assurance": "How a signature must be proved, at least",
    "must_open": "Sections of the evidence that an approver must have opened",
    "sign_off_valid_days": "A sign-off counts for",
    "break_glass_hours": "Without evidence, in an emergency, for at most",
    "max_audit_age_days": "An audit is at most this old",
    "withdraw_window_days": "After a release that nobody signed, people are told for",
    "required_bounds": "Bounds that every audit plan declares, at least as strict",
    "required_features": "Sensitive features that every audit measures",
    "min_group_size": "Smallest group that is judged, at least",
    "min_events": "Fewest events in a group that is judged, at least",
    "min_confidence": "Confidence of intervals, at least",
    "max_confidence": "Confidence of intervals, at most",
}

_TIERS = {
    Tier.MINIMAL: "released when the measured requirements are met",
    Tier.LIMITED: "released when they are met; people are told, and can stop it",
    Tier.HIGH: "held until people have signed",
    Tier.PROHIBITED: "never released",
}

_CHOICES = {
    ("on_adverse", "stay"): "it stays live, the hold opens anew, and people are told",
    ("on_adverse", "last-signed"): "the alias goes back to the last version whose release stands",
    ("on_incident", "stay"): "it is recorded, and people are told",
    ("on_incident", "withdraw"): "it is recorded, people are told, and the alias is put back to what was released",
    ("assurance", "password"): "a password",
    ("assurance", "server-attested"): "server-attested: Fairgate checked two factors, and says so",
    ("assurance", "user-key"): "user-key: signed with a key that only the person has",
}


def on_trouble(policy: Policy) -> tuple[str, str]:
    """What the policy does with a live version whose scheduled audit is adverse, and with one that was moved."""
    adverse, incident = (_CHOICES[name, getattr(policy, name).value] for name in ("on_adverse", "on_incident"))
    return (
        f"When a scheduled audit of a live version is adverse: {adverse}.",
        f"When a live alias was moved outside Fairgate or its bytes changed: {incident}.",
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a policy: its name for people, and its value in words."""

    label: str
    words: str


@dataclass(frozen=True, slots=True)
class FactGroup:
    """The fields of one part of a policy."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class TierTable:
    """The rules of all tiers side by side: a row holds the field's name, and its value in words for each tier."""

    tiers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class RaciRow:
    """One activity of the RACI table: functions in words, a dash where nobody is named."""

    activity: str
    responsible: str
    accountable: str
    consulted: str
    informed: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two policies do not share. `before` or `after` is empty where one of them has no such part."""

    part: str
    label: str
    before: str
    after: str


def tier_table(policy: Policy) -> TierTable:
    """The rules of the policy's tiers side by side."""
    groups = [_rules(tier, rules) for tier, rules in policy.tiers]
    rows = tuple((column[0].label, tuple(fact.words for fact in column)) for column in zip(*groups, strict=True))
    return TierTable(tuple(tier.value for tier, _ in policy.tiers), rows)


def head_facts(policy: Policy) -> tuple[Fact, ...]:
    """What the policy says of every release, whatever the tier."""
    return policy_facts(policy)[0].facts


def policy_facts(policy: Policy) -> tuple[FactGroup, ...]:
    """The whole policy in words, but for its RACI table (`raci_rows`)."""
    others = tuple(field.name for field in fields(Policy) if field.name not in _ELSEWHERE)
    models = tuple(Fact(f"Models named {printable(pattern)}", _tier(tier)) for pattern, tier in policy.models)
    head = FactGroup("The policy", (*_facts(policy, (*_HEAD, *others)), *models))
    return (head, *(FactGroup(f"Impact tier {tier.value}", _rules(tier, rules)) for tier, rules in policy.tiers))


def raci_rows(policy: Policy) -> tuple[RaciRow, ...]:
    """Who is responsible, accountable, consulted and informed."""
    return tuple(_raci(item) for item in policy.raci)


def policy_differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Every field in which the two differ, in the order of the later one. The digests always do and are left out."""
    old, new = _flat(before), _flat(after)
    keys = tuple(dict.fromkeys((*new, *old)))
    pairs = ((key, old.get(key, ""), new.get(key, "")) for key in keys)
    return tuple(Difference(*key, was, now) for key, was, now in pairs if was != now)


def _flat(policy: Policy) -> dict[tuple[str, str], str]:
    found = {(group.title, fact.label): fact.words for group in policy_facts(policy) for fact in group.facts}
    for row in raci_rows(policy):
        said = (
            f"responsible {row.responsible}; accountable {row.accountable}; consulted {row.consulted}; "
            f"informed {row.informed}"
        )
        found["RACI table", row.activity] = said
    return found


def _rules(tier: Tier, rules: TierRules) -> tuple[Fact, ...]:
    return (Fact("What happens", _TIERS[tier]), *_facts(rules, tuple(field.name for field in fields(TierRules))))


def _facts(value: Policy | TierRules, names: tuple[str, ...]) -> tuple[Fact, ...]:
    return tuple(
        Fact(_LABELS.get(name, name.replace("_", " ").capitalize()), _words(name, getattr(value, name)))
        for name in names
    )


def _words(name: str, value: Any) -> str:
    match value:
        case None:
            return {"valid_until": "no end", "whole_evidence": "all functions that sign"}.get(name, "not set")
        case bool():
            return "yes" if value else "no"
        case Tier():
            return _tier(value)
        case StrEnum():
            return _CHOICES.get((name, value.value), value.value)
        case date():
            return value.isoformat()
        case tuple():
            return listed(tuple(_item(item) for item in value)) or "none"
        case int() | float():
            return _amount(name, value)
    return printable(value)


def _item(item: object) -> str:
    match item:
        case Requirement():
            return requirement_label(item.value)
        case RequiredBound():
            measure = f"{metric_label(item.metric).lower()} as a {item.comparison}"
            return f"{measure}: {bound_text(Comparison(item.comparison), item.limit)}"
    return printable(item)


def _amount(name: str, value: float) -> str:
    if name == "break_glass_hours" and value == 0:
        return "never"
    unit = name.rpartition("_")[2]
    if unit in ("days", "hours"):
        return f"{count(int(value))} {unit.removesuffix('s') if value == 1 else unit}"
    return count(value) if isinstance(value, int) else f"{value:g}"


def _tier(tier: Tier) -> str:
    return f"{tier.value}: {_TIERS[tier]}"


def _raci(item: Raci) -> RaciRow:
    parts = (item.responsible, item.accountable, item.consulted, item.informed)
    return RaciRow(
        printable(item.activity), *(listed(tuple(printable(name) for name in part)) or "–" for part in parts)
    )

"""The policy file: what ships is read, and every mistake has its sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import governance_factory as factory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.digests import digest_bytes
from governance.errors import ConfigurationError
from governance.people import Person
from governance.policy import OnAdverse, Policy, RequiredBound, Requirement, Tier
from governance.policy_file import MAX_BYTES, MAX_DAYS, read_policy

DEFAULT = factory.default_policy_bytes()
SMALL = """
[policy]
name = "small"
version = "3"
[tiers.high]
requirements = ["audited", "sign-off"]
quorum = ["compliance"]
"""


def _read(text: str) -> Policy:
    return read_policy(text.encode(), name="policy.toml")


def test_the_policy_that_ships_is_read() -> None:
    data = factory.default_policy_bytes()
    policy = factory.default_policy()
    assert (policy.name, policy.version, policy.digest) == ("default", "1", digest_bytes(data))
    assert policy.floor is Tier.HIGH
    assert policy.on_adverse is OnAdverse.STAY
    assert policy.free_aliases == ("candidate", "challenger", "shadow")
    assert (policy.valid_from, policy.valid_until) == (date(2026, 1, 1), None)
    assert policy.rules(Tier.PROHIBITED) is None
    high = policy.rules(Tier.HIGH)
    assert high is not None
    assert high.quorum == ("compliance", "model-risk")
    assert high.required_bounds == (RequiredBound("selection_rate", "ratio", 0.8),)
    assert (high.sign_off_valid_days, high.max_audit_age_days, high.min_confidence) == (90, 90, 0.95)
    assert set(high.requirements) == set(Requirement)
    for tier in (Tier.MINIMAL, Tier.LIMITED):
        rules = policy.rules(tier)
        assert rules is not None
        assert set(rules.requirements) == set(Requirement) - {Requirement.SIGN_OFF}


def test_who_is_responsible_accountable_consulted_and_informed_is_read() -> None:
    release, audit = factory.default_policy().raci
    assert release.activity == "release of a high-impact version"
    assert (release.responsible, release.accountable) == (("data-science",), ("compliance",))
    assert (release.consulted, release.informed) == (("model-risk",), ("legal",))
    assert (audit.accountable, audit.consulted) == (("model-risk",), ())


def test_a_small_policy_gets_the_defaults() -> None:
    policy = _read(SMALL)
    assert (policy.floor, policy.on_adverse, policy.models, policy.raci) == (Tier.HIGH, OnAdverse.STAY, (), ())
    assert policy.in_force(date(1999, 1, 1))
    models = SMALL + '[models]\n"newsletter-*" = "minimal"\nhiring = "prohibited"\n'
    assert _read(models).models == (("newsletter-*", Tier.MINIMAL), ("hiring", Tier.PROHIBITED))


def test_a_tier_can_ask_that_sections_are_opened() -> None:
    assert factory.default_policy().rules(Tier.HIGH).must_open == ()  # type: ignore[union-attr]
    rules = _read(SMALL + 'must_open = ["summary", "limits"]\n').rules(Tier.HIGH)
    assert rules is not None
    assert rules.must_open == ("summary", "limits")


def test_both_ends_of_the_validity_are_included() -> None:
    policy = replace(factory.default_policy(), valid_from=date(2026, 1, 1), valid_until=date(2026, 1, 31))
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1))
    assert [policy.in_force(day) for day in days] == [False, True, True, False]


MISTAKES = [
    ("[policy\n", "is not valid TOML"),
    ("a = 1\na = 2\n", "is not valid TOML"),
    ("a = " + "[" * 3_000, "nests its values too deeply"),
    ("a = " + "9" * 5_000, "is not valid TOML"),
    ("", "the table [policy] is missing"),
    (SMALL + "[tier.low]\n", "the file has the unknown key 'tier'; did you mean 'tiers'?"),
    (SMALL + "quorums = 1\n", "[tiers.high] has the unknown key 'quorums'; did you mean 'quorum'?"),
    (SMALL.replace('version = "3"', "zzz = 1"), "[policy] has the unknown key 'zzz'; known keys: name, version"),
    (SMALL.replace('version = "3"', ""), "[policy] version is missing; write a text"),
    (SMALL.replace('"3"', "3"), "[policy] version is 3; write a text"),
    (SMALL.replace('"small"', '"  "'), "[policy] name is '  '; write a text"),
    (SMALL.replace("[policy]", '[policy]\nfloor = "hihg"'), "[policy] floor is 'hihg'; write one of: minimal, limited"),
    (SMALL.replace("[policy]", '[policy]\non_adverse = "go"'), "[policy] on_adverse is 'go'; write one of: stay"),
    (SMALL.replace("[policy]", '[policy]\nvalid_from = "2026-01-01"'), "write a date such as 2026-01-31"),
    (SMALL.replace("[policy]", "[policy]\nvalid_from = 2026-01-01T00:00:00Z"), "write a date such as 2026-01-31"),
    (
        SMALL.replace("[policy]", "[policy]\nvalid_from = 2026-02-01\nvalid_until = 2026-01-31"),
        "valid_until 2026-01-31 is before valid_from 2026-02-01",
    ),
    (SMALL.replace("[policy]", '[policy]\nfree_aliases = "shadow"'), "[policy] free_aliases is 'shadow'"),
    (SMALL.replace("[tiers.high]", "[tiers.hgih]"), "[tiers] is 'hgih'; write one of: minimal, limited, high"),
    (SMALL.split("[tiers", maxsplit=1)[0], "the table [tiers] is missing"),
    (SMALL.split("[tiers", maxsplit=1)[0] + "[tiers]\n", "no tier is defined; add a table such as [tiers.high]"),
    (SMALL.replace('"audited", "sign-off"', ""), "[tiers.high] has no requirement; list at least one of: registrant"),
    (SMALL.replace("audited", "audit"), "[tiers.high] requirements is 'audit'; write one of: registrant-known"),
    (SMALL.replace('"audited", "sign-off"', "1"), "[tiers.high] requirements is [1]; write a list of texts"),
    (SMALL.replace('quorum = ["compliance"]', ""), "needs both the requirement 'sign-off' and a quorum of functions"),
    (SMALL.replace('"compliance"', ""), "needs both the requirement 'sign-off' and a quorum of functions"),
    (
        SMALL.replace("high", "limited").replace(', "sign-off"', ""),
        "needs both the requirement 'sign-off' and a quorum of functions",
    ),
    (
        SMALL.replace(', "sign-off"', "").replace('quorum = ["compliance"]', ""),
        "[tiers.high] needs the requirement 'sign-off' and a quorum: only people release a high-impact version",
    ),
    (
        SMALL + 'must_open = ["summary", "apendix"]\n',
        "[tiers.high] must_open is 'apendix'; write only names of these: summary",
    ),
    (SMALL + 'must_open = "summary"\n', "[tiers.high] must_open is 'summary'; write a list of texts"),
    (SMALL + "sign_off_valid_days = 0\n", "sign_off_valid_days is 0; write a whole number of at least 1"),
    (SMALL + "max_audit_age_days = true\n", "max_audit_age_days is True; write a whole number of at least 1"),
    (SMALL + "min_group_size = 30.0\n", "min_group_size is 30.0; write a whole number of at least 1"),
    (SMALL + f"sign_off_valid_days = {MAX_DAYS + 1}\n", "write at most 3,650 days"),
    (SMALL + "min_confidence = 95\n", "min_confidence is 95; write a number between 0.5 and 1"),
    (SMALL + "min_confidence = nan\n", "min_confidence is nan; write a number between 0.5 and 1"),
    (SMALL + "required_bounds = 1\n", "required_bounds is 1; write a list of tables"),
    (SMALL + "required_bounds = [1]\n", "[tiers.high] required_bounds is 1; write a table"),
    (
        SMALL + 'required_bounds = [{ metric = "tpr", comparison = "ratio", limit = nan }]\n',
        "required_bounds limit is nan; write a number from 0 to 1",
    ),
    (
        SMALL + 'required_bounds = [{ metric = "tpr", comparison = "quotient", limit = 0.8 }]\n',
        "required_bounds comparison is 'quotient'; write ratio or difference",
    ),
    (
        SMALL + 'required_bounds = [{ metric = "tpr", comparison = "ratio", limits = 0.8 }]\n',
        "required_bounds has the unknown key 'limits'; did you mean 'limit'?",
    ),
    (SMALL + '[models]\n"a*" = "none"\n', "[models] a* is 'none'; write one of: minimal"),
    (SMALL + "[[raci]]\nresponsible = []\n", "[raci] activity is missing; write a text"),
    (SMALL + '[[raci]]\nactivity = "x"\nresponsable = []\n', "unknown key 'responsable'; did you mean 'responsible'?"),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES)
def test_every_mistake_has_its_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _read(text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("policy.toml")


def test_a_file_that_is_too_large_or_not_utf8_is_not_read() -> None:
    with pytest.raises(ConfigurationError, match=r"has 262,145 bytes; a policy has at most 262,144"):
        read_policy(b" " * (MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match=r"policy\.toml is not valid TOML"):
        read_policy(b"[policy]\nname = '\xff'")


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=200))
def test_whatever_follows_an_unknown_table_gives_a_sentence_and_no_crash(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_policy(factory.default_policy_bytes() + b"\n[extra]\n" + data)


def test_what_happens_in_an_emergency_and_after_an_incident_is_read() -> None:
    policy = read_policy(DEFAULT.replace(b'on_incident = "stay"', b'on_incident = "withdraw"'))
    rules = policy.rules(Tier.HIGH)
    assert rules is not None
    assert (policy.on_incident, rules.break_glass_hours, rules.assurance) == ("withdraw", 72, "server-attested")
    assert "cloudpickle" in policy.untrusted_formats


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"break_glass_hours = 72", b"break_glass_hours = 73", "whole hours from 0 (never) to 72"),
        (b"break_glass_hours = 72", b"break_glass_hours = true", "whole hours from 0 (never) to 72"),
        (
            b'assurance = "server-attested"',
            b'assurance = "pinky promise"',
            "one of: password, server-attested, user-key",
        ),
        (b'on_incident = "stay"', b'on_incident = "panic"', "one of: stay, withdraw"),
        (b'"cloudpickle"', b'"cloudpickel"', "[policy] untrusted_formats is 'cloudpickel'; write only names of these"),
    ],
)
def test_what_the_gate_does_not_know_is_refused_by_name(old: bytes, new: bytes, said: str) -> None:
    assert old in DEFAULT
    with pytest.raises(ConfigurationError) as raised:
        read_policy(DEFAULT.replace(old, new))
    assert said in str(raised.value)


def test_who_reads_small_counts_is_who_signs_or_who_is_named_beside_them() -> None:
    small, named = (
        _read(SMALL),
        _read(SMALL.replace('version = "3"', 'version = "3"\nwhole_evidence = ["compliance", "legal"]')),
    )
    people = {function: Person(function, function, (function,)) for function in ("compliance", "legal", "data-science")}
    assert small.readers() == ("compliance",)
    assert [name for name, person in people.items() if small.sees_whole(person)] == ["compliance"]
    assert [name for name, person in people.items() if named.sees_whole(person)] == ["compliance", "legal"]
    assert not named.sees_whole(replace(people["legal"], active=False))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('["legal"]', "write every function that signs, so compliance as well"),
        ("[]", "write every function that signs, so compliance as well"),
        ('"compliance"', "[policy] whole_evidence is 'compliance'; write a list of texts"),
        ("[1]", "[policy] whole_evidence is [1]; write a list of texts"),
    ],
)
def test_nobody_signs_what_she_may_not_read(line: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        _read(SMALL.replace('version = "3"', f'version = "3"\nwhole_evidence = {line}'))
    assert said in str(raised.value)

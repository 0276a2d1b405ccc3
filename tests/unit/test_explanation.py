"""The ways out of what is missing: the command for a shell, words for who reads pages; both of one finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import governance_factory as factory
import pytest
from governance_factory import full_dossier

from governance.decide import Finding, Status, decide
from governance.digests import plain
from governance.dossier import Dossier
from governance.explanation import finding_lines, way_out_in_words
from governance.remedy import ways_out

POLICY = factory.default_policy()
FULL = full_dossier(POLICY)
SEND = "The command to send: "
ASKED = "fairgate release hiring 2 --alias champion"


def _validation(outcome: str) -> Dossier:
    return replace(FULL, validations=(replace(FULL.validations[0], outcome=outcome),))


def _missing(dossier: Dossier, policy_digest: str = POLICY.digest) -> Iterator[Finding]:
    yield from decide(replace(POLICY, digest=policy_digest), dossier).missing()


def _one(requirement: str, dossier: Dossier, policy_digest: str = POLICY.digest) -> Finding:
    return next(item for item in _missing(dossier, policy_digest) if item.requirement == requirement)


CASES = {
    "audited": (_one("audited", replace(FULL, audits=())), ASKED, f"audits the version. {SEND}{ASKED}"),
    "data-validated": (_one("data-validated", replace(FULL, validations=())), ASKED, f"{SEND}{ASKED}"),
    "data mended": (
        _one("data-validated", _validation("block")),
        f"mend the data, then {ASKED}",
        f"whoever answers for the data mends them, then whoever builds the model asks for its release again. {SEND}",
    ),
    "registrant-known": (
        _one("registrant-known", replace(FULL, registrations=())),
        "fairgate register hiring 2 --as YOUR-ID",
        f"{SEND}fairgate register hiring 2 --as YOUR-ID",
    ),
    "sign-off": (
        _one("sign-off", replace(FULL, sign_offs=())),
        "fairgate sign hiring 2 --alias champion --as ID",
        "who may sign does so in the console, on the page of the decision",
    ),
    "policy-in-force": (
        _one("policy-in-force", FULL, factory.sha("another policy")),
        "fairgate policy approve --reason WHY --as ID, by two persons",
        "two persons who may sign approve this policy in the console, on the page Policies",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_command_stays_one_for_the_shell_and_is_words_on_pages(name: str) -> None:
    finding, shell, page = CASES[name]
    assert finding.way_out == shell
    assert f"           way out: {shell}" in finding_lines(finding, FULL)
    assert plain(finding)["way_out"] == shell  # the record and --json
    words = way_out_in_words(finding, FULL) or ""
    assert page in words
    assert not words.startswith("fairgate")


def test_every_way_out_that_is_a_command_has_words() -> None:
    assert {finding.way_out for finding, *_ in CASES.values()} == {way.shell for way in ways_out(FULL)}
    bare = replace(FULL, registrations=(), validations=(), audits=(), sign_offs=())
    found = [item for dossier in (bare, _validation("block")) for item in _missing(dossier, factory.sha("another"))]
    commands = [item for item in found if "fairgate" in (item.way_out or "")]
    assert len(commands) >= 5
    for item in commands:
        assert way_out_in_words(item, FULL) != item.way_out


def test_what_needs_the_page_alone_sends_nobody_to_a_shell() -> None:
    for name in ("sign-off", "policy-in-force"):
        assert "fairgate" not in (way_out_in_words(CASES[name][0], FULL) or "fairgate")


def test_a_way_out_without_a_command_is_the_same_for_both() -> None:
    finding = Finding("measured", Status.UNKNOWN, "too few", way_out="audit more data")
    assert way_out_in_words(finding, FULL) == "audit more data"
    assert way_out_in_words(replace(finding, way_out=None), FULL) is None


def test_a_hostile_name_stays_one_word_of_the_command() -> None:
    subject = replace(FULL.subject, name="x; rm -rf $HOME `id`")
    dossier = replace(FULL, subject=subject, audits=())
    found = _one("audited", dossier)
    assert "fairgate release 'x; rm -rf $HOME `id`' 2" in (way_out_in_words(found, dossier) or "")

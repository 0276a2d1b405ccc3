"""The way out of a finding in two forms: the command line keeps the command, who reads pages is told who sends it."""

from __future__ import annotations

import pytest

from governance.decide import Finding, Status
from governance.explanation import for_readers

CASES = (
    (
        "fairgate sign hiring 2 --alias champion --as ID",
        "sign on the console, on the page of the decision; at the command line: "
        "fairgate sign hiring 2 --alias champion --as ID",
    ),
    (
        "mend the data, then fairgate release hiring 2 --alias champion",
        "mend the data, then whoever asked for the release validates and audits it anew; the command to send: "
        "fairgate release hiring 2 --alias champion",
    ),
    (
        "fairgate register hiring 2 --as YOUR-ID",
        "whoever made the model registers it; the command to send: fairgate register hiring 2 --as YOUR-ID",
    ),
    (
        "fairgate policy approve --reason WHY --as ID, by two persons",
        "two persons approve it on the page Policies of the console; at the command line: "
        "fairgate policy approve --reason WHY --as ID, by two persons",
    ),
    ("fairgate other x", "whoever has the command line does it; the command to send: fairgate other x"),
    ("audit more data", "audit more data"),
    (None, None),
)


@pytest.mark.parametrize(("command", "words"), CASES)
def test_a_way_out_for_who_reads_pages_keeps_the_command(command: str | None, words: str | None) -> None:
    finding = Finding("audited", Status.UNMET, "why", way_out=command)
    assert for_readers(finding) == words
    assert finding.way_out == command

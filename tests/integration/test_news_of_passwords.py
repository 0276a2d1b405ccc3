"""A reset of a password is told to whom the policy names, and to her whose password it is."""

from __future__ import annotations

from pathlib import Path

import report_factory as factory
from recovery_factory import COMPLIANCE, DEPUTY, REASON, let_in, strong

from flows.news import Newsroom
from flows.news_kinds import Kind
from governance.resetting import begin_reset, void_reset


def test_each_step_is_told_without_what_people_typed(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    begun, _ = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
    void_reset(desk, DEPUTY.id, begun.seq, strong(DEPUTY), "I did not ask for this.")
    let_in(desk, forget=True)
    room = Newsroom(desk)
    told = [item for item in room.news(desk.ledger.entries()) if item.kind is Kind.PERSON]
    words = [item.title.rpartition(" ")[2] for item in told]
    assert words == ["begun", "void", "begun", "confirmed", "done"]
    assert {item.title.rpartition(" reset ")[0] for item in told} == {"Password of Second Officer (second-officer):"}
    for item in told:
        assert item.persons == {DEPUTY.id}
        assert item.functions >= {"compliance", "model-risk"}
        assert item.path == f"/entry/{item.seq}"
        said = " ".join(item.lines)
        assert REASON not in said and "I did not ask" not in said
    assert ["passkeys are forgotten" in " ".join(item.lines) for item in told] == [False, False, True, True, True]
    assert "By Compliance Officer (compliance-officer)." in " ".join(told[0].lines)

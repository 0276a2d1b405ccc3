"""What changed since the last released version: which version that is, and both records side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import report_factory as factory
from life_factory import lived, release, take_step
from plea_factory import by

from audits.result import AuditResult, Disparity, Verdict
from governance.case import open_case
from governance.desk import Desk
from governance.errors import LedgerTamperedError
from governance.people import actor
from governance.policy_file import read_policy
from governance.signoff import withdraw
from governance.statement import PredicateType
from reports.changes import ABSENT, ChangeRow, Changes, Fact, changes
from reports.earlier import Earlier, earlier_version
from reports.evidence import CaseEvidence, gather
from reports.formats import Format, render
from reports.publish import published_evidence
from reports.release import release_view

AUDIT = factory.audit_of("2")
"""The audit of version 2; nothing in it is adverse."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Version 2 is released; version 3 was audited, and waits."""
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    release(made, "2")
    factory.record_case(made, "3", audit=AUDIT)
    return made


def _evidence(desk: Desk, version: str = "3") -> CaseEvidence:
    return gather(desk, open_case(desk, "hiring", version, "champion"))


def _before(desk: Desk, version: str = "3") -> Earlier | None:
    return earlier_version(desk, open_case(desk, "hiring", version, "champion"))


def _worse(audit: AuditResult) -> AuditResult:
    """The same, with women far below the bound."""
    return replace(audit, disparities=tuple(_moved(item) if _women(item) else item for item in audit.disparities))


def _women(item: Disparity) -> bool:
    return (item.name, item.group) == ("impact_ratio", ("female",))


def _moved(item: Disparity) -> Disparity:
    assert item.interval is not None
    return replace(item, value=0.5, interval=replace(item.interval, lower=0.4, upper=0.6), verdict=Verdict.ADVERSE)


def _row(found: Changes, where: str, name: str = "Impact ratio") -> ChangeRow:
    return next(row for row in found.rows if (row.name, row.where) == (name, where))


def _fact(found: Changes, label: str) -> Fact:
    return next(fact for fact in found.facts if fact.label == label)


WOMEN = "sex=female against sex=male"


# --- which version ----------------------------------------------------------------------------------------------------


def test_it_is_the_last_version_that_was_released_with_who_signed_it_and_what_was_shown(desk: Desk) -> None:
    found = _before(desk)
    assert found is not None
    assert (found.version, found.released) == ("2", True)
    assert found.signers == ("Compliance Officer (compliance)", "Model Risk Officer (model-risk)")
    assert found.report_digest == open_case(desk, "hiring", "2", "champion").shown().report_digest
    assert found.audit == AUDIT
    assert found.policy == desk.policy


def test_the_first_version_has_none_and_says_so(desk: Desk) -> None:
    assert _before(desk, "2") is None
    found = changes(_evidence(desk, "2"))
    assert found.words == (
        "There is no earlier signed version of hiring as champion in local: nothing to compare this one with.",
    )
    assert (found.earlier, found.rows, found.facts) == ("", (), ())


def test_a_released_version_is_compared_with_the_one_before_it_not_with_what_came_after(desk: Desk) -> None:
    release(desk, "3")
    factory.record_case(desk, "4", audit=AUDIT)
    release(desk, "4")
    assert [x and x.version for x in (_before(desk, "2"), _before(desk, "3"), _before(desk, "4"))] == [None, "2", "3"]


def test_what_only_broken_glass_put_live_is_passed_over(desk: Desk) -> None:
    factory.record_case(desk, "4", audit=AUDIT)
    take_step(desk, PredicateType.PROMOTION, "4", sign_offs=[], break_glass={"entries": [1, 2]})
    found = _before(desk)
    assert found is not None
    assert found.version == "2"


def test_without_a_release_it_is_the_last_version_that_was_approved_and_not_withdrawn(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    signed = {}
    for version in ("2", "3", "4"):
        case = factory.record_case(desk, version, audit=AUDIT)
        signed[version] = factory.put_signature(desk, case, "compliance-officer", "compliance")
    factory.record_case(desk, "5", audit=AUDIT)
    officer = next(person for person in factory.PEOPLE if person.id == "compliance-officer")
    withdraw(desk, open_case(desk, "hiring", "4", "champion"), by(officer), "I read it again.")
    found = _before(desk, "5")
    assert found is not None
    assert (found.version, found.released, found.seq) == ("3", False, signed["3"].seq)
    assert (
        "is not recorded as released, approved by Compliance Officer (compliance)"
        in changes(_evidence(desk, "5")).words[0]
    )


def test_another_target_and_another_model_are_nobody_s_past(desk: Desk) -> None:
    factory.record_case(desk, "2", name="credit")
    assert _before(desk) is not None
    other = earlier_version(desk, open_case(desk, "credit", "2", "champion"))
    assert other is None
    assert earlier_version(desk, open_case(desk, "hiring", "3", "shadow")) is None


def test_evidence_of_the_earlier_version_that_was_changed_on_disk_is_loud(desk: Desk) -> None:
    digest = open_case(desk, "hiring", "2", "champion").shown().validation_digest
    assert digest is not None
    name = digest.removeprefix("sha256:")
    (desk.evidence.folder / name[:2] / name).write_bytes(b"{}")
    factory.record_case(desk, "1")
    with pytest.raises(LedgerTamperedError):
        _evidence(desk, "1")


# --- side by side -----------------------------------------------------------------------------------------------------


def test_the_same_evidence_of_other_bytes_changes_nothing_but_the_bytes(desk: Desk) -> None:
    found = changes(_evidence(desk))
    assert {fact.label for fact in found.facts if not fact.same} == {"Model files"}
    assert not any(row.moved or row.words for row in found.rows)
    assert all(row.both for row in found.rows)
    bounded = [item for item in AUDIT.disparities if item.bound is not None]
    assert len(found.rows) == len(bounded)
    assert all(size.before == size.now for size in found.sizes)


def test_a_verdict_that_moved_comes_first_with_both_values_and_intervals(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    factory.record_case(desk, "2")
    release(desk, "2")
    factory.record_case(desk, "3", audit=_worse(AUDIT))
    found = changes(_evidence(desk))
    before = next(item for item in AUDIT.disparities if _women(item))
    row = found.rows[0]
    assert row == _row(found, WOMEN)
    assert (row.before.verdict, row.now.verdict) == (before.verdict.value, "adverse")
    assert (row.now.value, row.now.interval) == ("0.50", "0.40 to 0.60")
    assert row.before.value == f"{before.value:.2f}"
    assert row.words == "Was no indication, is adverse. The intervals do not overlap."
    assert _fact(found, "Comparisons: adverse") == Fact("Comparisons: adverse", "0", "1", same=False)
    assert "15 comparisons with a bound were made of both; 1 have another verdict now." in found.words


def test_what_only_one_version_compared_another_bound_and_another_reference_are_said(desk: Desk) -> None:
    evidence = _evidence(desk)
    assert evidence.earlier is not None
    women = next(item for item in AUDIT.disparities if _women(item))
    without = replace(AUDIT, disparities=tuple(x for x in AUDIT.disparities if not _women(x)))
    then = replace(evidence.earlier, audit=without)
    assert _row(changes(replace(evidence, earlier=then)), WOMEN).words == "Not compared in the earlier version."
    assert _row(changes(replace(evidence, audit=without)), WOMEN).words == "Not compared in this version."
    other = replace(women, bound=0.9, reference=("nonbinary",))
    swapped = replace(AUDIT, disparities=tuple(other if x is women else x for x in AUDIT.disparities))
    words = _row(changes(replace(evidence, earlier=replace(then, audit=swapped))), WOMEN).words
    assert words == "Another bound: was at least 0.9. Another reference: was sex=nonbinary."


def test_other_data_another_plan_and_another_policy_are_said(desk: Desk) -> None:
    evidence = _evidence(desk)
    assert evidence.earlier is not None
    data = desk.policy_bytes.replace(b'version = "1"', b'version = "0"')
    then = replace(
        evidence.earlier,
        audit=replace(AUDIT, data_digest="sha256:" + "0" * 64, plan_digest="sha256:" + "1" * 64, row_count=99),
        policy=read_policy(data, name="old.toml"),
        policy_digest="sha256:" + "2" * 64,
    )
    found = changes(replace(evidence, earlier=then))
    changed = {fact.label for fact in found.facts if not fact.same}
    assert changed == {
        "Model files", "Audited data", "Rows measured", "Audit plan", "Policy", "Digest of the policy"
    }  # fmt: skip
    assert _fact(found, "Policy").before == "default 0"
    assert any(line.startswith("Other data was measured") for line in found.words)
    assert any(line.startswith("Another plan was followed") for line in found.words)


def test_a_side_without_an_audit_is_said_and_nothing_is_compared(desk: Desk) -> None:
    evidence = _evidence(desk)
    assert evidence.earlier is not None
    bare = changes(replace(evidence, earlier=replace(evidence.earlier, audit=None, validation=None, policy=None)))
    assert "No audit is recorded for the earlier version, so no number can be compared." in bare.words
    assert (bare.rows, bare.sizes) == ((), ())
    assert _fact(bare, "Comparisons: adverse").before == ABSENT
    assert _fact(bare, "Data quality").before == ABSENT
    assert _fact(bare, "Policy").before == "kept no more"
    none = changes(replace(evidence, audit=None))
    assert "No audit is recorded for this version, so no number can be compared." in none.words


def test_a_group_that_one_side_masks_is_masked_on_both(desk: Desk) -> None:
    masked = published_evidence(_evidence(desk))
    assert masked.audit is not None
    assert masked.earlier is not None
    whole = replace(masked, earlier=replace(masked.earlier, audit=AUDIT))
    hidden = {size.group for size in changes(masked).sizes if size.now == "suppressed"}
    assert hidden
    for size in changes(whole).sizes:
        assert (size.before == "suppressed") == (size.group in hidden)
    assert not any("-1" in (size.before, size.now) for size in changes(masked).sizes)


def test_an_earlier_version_is_masked_by_the_larger_limit_of_both_plans(desk: Desk) -> None:
    evidence = _evidence(desk)
    assert evidence.earlier is not None
    open_plan = replace(evidence.earlier, audit=replace(AUDIT, suppress_below=0))
    shown = published_evidence(replace(evidence, earlier=open_plan))
    assert shown.earlier is not None
    assert shown.earlier.audit is not None
    assert any(item.suppressed for item in shown.earlier.audit.estimates)
    assert not any(0 < item.events < 11 for item in shown.earlier.audit.estimates)


def test_the_record_names_what_the_comparison_was_printed_from(desk: Desk) -> None:
    record = json.loads(render(release_view(_evidence(desk)), Format.JSON))
    found = _before(desk)
    assert found is not None
    assert record["earlier"]["version"] == "2"
    assert record["earlier"]["report_digest"] == found.report_digest
    assert record["earlier"]["seq"] == found.seq
    assert json.loads(render(release_view(_evidence(desk, "2")), Format.JSON))["earlier"] is None


def test_a_life_of_releases_and_demotions_is_read_from_the_real_ledger_as_well(tmp_path: Path) -> None:
    desk = lived(tmp_path, real=True, monitored=1)
    factory.record_case(desk, "3", audit=AUDIT)
    found = _before(desk)
    assert found is not None
    assert (found.version, found.released) == ("2", True)
    assert actor(factory.PEOPLE[1]).name in found.signers[0]

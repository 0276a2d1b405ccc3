"""What every format is written from: the evidence, its view, and what the report says of itself. Pure.

record -> view -> format: the view is made once, whatever number of formats is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.evidence import CaseEvidence
from reports.provenance import Provenance, provenance
from reports.release import release_view
from reports.view import ReleaseView


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person adds to a report because no record has it: both stand in the LL144 summary as she gave them.

    `distribution_date` is the day on which the tool was distributed, `explanation` says what the data are, `source`
    where they come from, in words for the public; empty: as the plan names it.
    """

    distribution_date: date | None = None
    explanation: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One report, ready to be written in any format."""

    evidence: CaseEvidence
    view: ReleaseView
    about: Provenance
    asked: Asked = Asked()


def report_of(evidence: CaseEvidence, asked: Asked | None = None) -> Report:
    """The report of this evidence."""
    view = release_view(evidence)
    return Report(evidence, view, provenance(view), asked or Asked())

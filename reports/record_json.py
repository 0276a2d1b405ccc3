"""The JSON format: the record itself, canonical (RFC 8785), so that its digest can be computed again."""

from __future__ import annotations

from governance.digests import canonical_json
from reports.night import NightSummary, night_record
from reports.view import ReleaseView


def release_json(view: ReleaseView) -> bytes:
    """The record that the view was printed from. Names are as they are in the record, not made printable."""
    return canonical_json(view.record)


def night_json(summary: NightSummary) -> bytes:
    """The summary of a night."""
    return canonical_json(night_record(summary))

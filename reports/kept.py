"""Evidence from the store as values. The bytes are checked against their digest at every reading, and parsed once."""

from __future__ import annotations

from functools import lru_cache

from audits.plan import AuditPlan
from audits.result import AuditResult
from expectations.result import DataValidation
from governance.desk import Desk
from governance.errors import ConfigurationError
from governance.policy import Policy


def audit_kept(desk: Desk, digest: str | None) -> AuditResult | None:
    """The audit with this digest, None without one. Raises LedgerTamperedError where it is gone or was changed."""
    return _audit(desk.evidence.get(digest)) if digest else None


def validation_kept(desk: Desk, digest: str | None) -> DataValidation | None:
    """The data validation with this digest; as `audit_kept`."""
    from expectations.record import validation_from_json

    return validation_from_json(desk.evidence.get(digest)) if digest else None


def plan_kept(desk: Desk, digest: str | None) -> AuditPlan | None:
    """The plan with this digest; None where it was not kept, or where this version of Fairgate reads it no more."""
    if digest is None or not desk.evidence.holds(digest):
        return None
    return _plan(desk.evidence.get(digest))


def policy_kept(desk: Desk, digest: str | None) -> Policy | None:
    """The policy with this digest; as `plan_kept`."""
    from governance.policy_file import read_policy

    if digest is None or not desk.evidence.holds(digest):
        return None
    try:
        return read_policy(desk.evidence.get(digest))
    except ConfigurationError:
        return None


@lru_cache(maxsize=16)
def _audit(data: bytes) -> AuditResult:
    from audits.record import from_json

    return from_json(data)


@lru_cache(maxsize=16)
def _plan(data: bytes) -> AuditPlan | None:
    from audits.plan_file import read_plan

    try:
        return read_plan(data)
    except ConfigurationError:
        return None

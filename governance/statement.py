"""What the ledger remembers: immutable statements about exact bytes. Values only.

A statement becomes an in-toto Statement v1 inside a DSSE envelope; the ledger adds `seq` and `time` to the signed body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from governance.people import Actor


class PredicateType(StrEnum):
    """Versioned predicate types. A format that changes gets a new version; old readers stay."""

    POLICY = "urn:fairgate:predicate:policy:v1"
    MODEL_REGISTERED = "urn:fairgate:predicate:model-registered:v1"
    DATA_VALIDATION = "urn:fairgate:predicate:data-validation:v1"
    FAIRNESS_AUDIT = "urn:fairgate:predicate:fairness-audit:v1"
    HOLD = "urn:fairgate:predicate:hold:v1"
    SIGN_OFF = "urn:fairgate:predicate:sign-off:v1"
    REFUSAL = "urn:fairgate:predicate:refusal:v1"
    WITHDRAWAL = "urn:fairgate:predicate:withdrawal:v1"
    CONDITION = "urn:fairgate:predicate:condition:v1"
    PROMOTION_INTENT = "urn:fairgate:predicate:promotion-intent:v1"
    PROMOTION = "urn:fairgate:predicate:promotion:v1"
    DEMOTION = "urn:fairgate:predicate:demotion:v1"
    OBSERVATION = "urn:fairgate:predicate:observation:v1"
    POLICY_APPROVAL = "urn:fairgate:predicate:policy-approval:v1"
    DELEGATION = "urn:fairgate:predicate:delegation:v1"
    BREAK_GLASS = "urn:fairgate:predicate:break-glass:v1"
    KEY_EVENT = "urn:fairgate:predicate:key-event:v1"

    @property
    def word(self) -> str:
        """The short word for people: `sign-off`."""
        return self.value.split(":")[3]


@dataclass(frozen=True, slots=True)
class ResourceDigest:
    """A named subject of a statement: `model/hiring/2`, `audit-report`, `data`; digest `sha256:<hex>`."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Who says what about which bytes, under which policy. ALL subjects must match for it to apply.

    `meaning` is one sentence that a person can read; `body` is plain JSON (no NaN, no dates, no tuples needed).
    """

    predicate_type: PredicateType
    subjects: tuple[ResourceDigest, ...]
    actor: Actor
    meaning: str
    body: Mapping[str, Any] = field(default_factory=dict)
    policy_digest: str | None = None

    def digest_of(self, name: str) -> str | None:
        """The digest of the subject called `name`, None where the statement does not speak of it."""
        return next((item.digest for item in self.subjects if item.name == name), None)


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement as the ledger keeps it. seq counts from 0; time is UTC and never goes back.

    `envelope` are the exact stored bytes (DSSE JSON), `leaf_hash` and `root` (after this entry) are raw 32 bytes.
    """

    seq: int
    time: datetime
    statement: Statement
    envelope: bytes
    leaf_hash: bytes
    root: bytes

"""What the use cases work with: the ports and the policy, wired once by `flows.wiring` and handed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.charter import CHARTER, Charter, charter_from
from governance.charter_record import policy_in_use
from governance.evidence import EvidenceStore
from governance.ledger.port import Clock, Ledger
from governance.people import Actor
from governance.policy import Policy
from governance.policy_file import read_policy

if TYPE_CHECKING:
    from governance.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Desk:
    """The ledger, the evidence, the people and the policy of one environment. It needs no registry to sign."""

    ledger: Ledger
    evidence: EvidenceStore
    accounts: Accounts
    policy: Policy
    policy_bytes: bytes
    environment: str
    clock: Clock


def charter_of(desk: Desk) -> Charter:
    """Who may act, and under which policy, as the ledger has it now."""
    return charter_from(desk.ledger.entries(subject=CHARTER))


def policy_in_force(desk: Desk) -> bool:
    """Whether the desk's policy is the one that the ledger says people adopted."""
    return charter_of(desk).in_force(desk.policy.digest)


def free_aliases(desk: Desk) -> tuple[str, ...]:
    """The aliases that need no release: those of the policy in force, and of the desk's own until one is.

    Naming another policy frees nothing before people have adopted it. Raises the errors of a ledger that cannot be
    read, and of an evidence store that has the policy in force no more.
    """
    adopted = charter_of(desk).adopted()
    if adopted is None or adopted.digest == desk.policy.digest:
        return desk.policy.free_aliases
    return read_policy(desk.evidence.get(adopted.digest), name=f"{adopted.name} {adopted.version}").free_aliases


def use_policy(desk: Desk, by: Actor) -> None:
    """Keep the policy's bytes and record that it is in use; once two persons can sign, that alone adopts nothing.

    Until then the policy that was used last is in force, so going back to an earlier one is recorded again.
    """
    digest, charter = desk.evidence.put(desk.policy_bytes), charter_of(desk)
    adopted = charter.adopted()
    if adopted is not None and adopted.digest == digest:
        return
    after = "" if adopted is None or charter.founded else f":after-{adopted.seq}"
    desk.ledger.append(policy_in_use(desk.policy, by), idempotency_key=f"policy-in-use:{digest}{after}")

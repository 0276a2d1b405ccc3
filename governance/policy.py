"""What a release needs, by impact tier. Values only; `policy_file` reads them from TOML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase

from governance.people import Person


class Tier(StrEnum):
    """The kind of human oversight. minimal: recorded; limited: people are told and can withdraw; high: held until
    signed; prohibited: never."""

    MINIMAL = "minimal"
    LIMITED = "limited"
    HIGH = "high"
    PROHIBITED = "prohibited"

    @property
    def rank(self) -> int:
        """0 for minimal to 3 for prohibited."""
        return list(Tier).index(self)


class Requirement(StrEnum):
    """The checks that a policy can ask for. `decide` answers each: met, unmet, unknown or refused."""

    REGISTRANT_KNOWN = "registrant-known"
    DATA_VALIDATED = "data-validated"
    AUDITED = "audited"
    PLAN_MEETS_POLICY = "plan-meets-policy"
    MEASURED = "measured"
    NO_ADVERSE = "no-adverse-disparity"
    MONITORING_CLEAR = "monitoring-clear"
    SIGN_OFF = "sign-off"


class OnAdverse(StrEnum):
    """What happens to a live alias when its monitoring audit is adverse."""

    STAY = "stay"
    LAST_SIGNED = "last-signed"


class OnIncident(StrEnum):
    """What happens to a live alias that was moved outside Fairgate, or whose bytes changed. Told in either case."""

    STAY = "stay"
    WITHDRAW = "withdraw"


class Assurance(StrEnum):
    """What shows that it was the person who signed. The weaker first.

    password: the server checked her password alone, and says so; server-attested: it checked two factors, her password
    and a code, or a sign-on whose provider says that it used several; user-key: a key that only she has signed it.
    """

    PASSWORD = "password"  # noqa: S105 - a word of the record
    SERVER_ATTESTED = "server-attested"
    USER_KEY = "user-key"

    @property
    def rank(self) -> int:
        """0 for password, 1 for server-attested, 2 for user-key."""
        return list(Assurance).index(self)


@dataclass(frozen=True, slots=True)
class RequiredBound:
    """A bound that every plan must declare at least this strictly (ratio: not lower; difference: not higher)."""

    metric: str
    comparison: str
    limit: float


@dataclass(frozen=True, slots=True)
class TierRules:
    """What one tier asks for. `quorum` lists functions; each slot takes one distinct person.

    Ages in days. Until `withdraw_window_days` after a release in a tier without sign-off, people are told that they
    can refuse. `max_confidence` keeps a plan from intervals so wide that nothing is ever clear. `break_glass_hours` is
    how long two persons can put a version live in an emergency, 0: never. `must_open` are sections of the evidence that
    an approval counts only with, where its signer opened them; that she understood them nobody can record.
    """

    requirements: tuple[Requirement, ...]
    quorum: tuple[str, ...] = ()
    assurance: Assurance = Assurance.SERVER_ATTESTED
    must_open: tuple[str, ...] = ()
    sign_off_valid_days: int = 90
    break_glass_hours: int = 0
    max_audit_age_days: int = 90
    withdraw_window_days: int = 14
    required_bounds: tuple[RequiredBound, ...] = ()
    required_features: tuple[str, ...] = ()
    min_group_size: int = 30
    min_events: int = 5
    min_confidence: float = 0.95
    max_confidence: float = 0.99


@dataclass(frozen=True, slots=True)
class Raci:
    """Who is responsible, accountable, consulted and informed for one activity: functions."""

    activity: str
    responsible: tuple[str, ...]
    accountable: tuple[str, ...]
    consulted: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A governance policy. `digest` is the SHA-256 of the TOML bytes that it was read from.

    `models` classes models by name pattern (first match wins); every other model gets the higher of what its plan
    declares and `floor`. `free_aliases` need no release. `untrusted_formats` are kinds of saved models that are scored
    only where a sandbox holds. `whole_evidence` are the functions that may read small counts; None: all that sign.
    """

    name: str
    version: str
    digest: str
    tiers: tuple[tuple[Tier, TierRules], ...]
    floor: Tier = Tier.HIGH
    models: tuple[tuple[str, Tier], ...] = ()
    free_aliases: tuple[str, ...] = ()
    on_adverse: OnAdverse = OnAdverse.STAY
    on_incident: OnIncident = OnIncident.STAY
    untrusted_formats: tuple[str, ...] = ()
    raci: tuple[Raci, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    whole_evidence: tuple[str, ...] | None = None

    def tier_of(self, model: str, declared: str | None) -> Tier:
        """The tier of a model; `declared` by its plan, None or unreadable counts as high."""
        for pattern, tier in self.models:
            if fnmatchcase(model, pattern):
                return tier
        wish = Tier(declared) if declared in set(Tier) else Tier.HIGH
        return max(wish, self.floor, key=lambda tier: tier.rank)

    def rules(self, tier: Tier) -> TierRules | None:
        """The rules of a tier, None for prohibited and for tiers that the policy leaves out."""
        return dict(self.tiers).get(tier)

    def signers(self, tier: Tier) -> tuple[str, ...]:
        """The functions that may approve or refuse in a tier: its quorum.

        A tier without a quorum is released without a signature, but people can still stop it: whoever signs in any
        other tier may refuse there.
        """
        rules = self.rules(tier)
        if rules is None:
            return ()
        return tuple(dict.fromkeys(rules.quorum)) or self.all_signers()

    def all_signers(self) -> tuple[str, ...]:
        """Every function in the quorum of any tier: those who hold one may adopt a policy and add signers."""
        return tuple(dict.fromkeys(function for _, rules in self.tiers for function in rules.quorum))

    def readers(self) -> tuple[str, ...]:
        """The functions that may read the counts that a plan's `suppress_below` masks for everybody else."""
        return self.all_signers() if self.whole_evidence is None else self.whole_evidence

    def sees_whole(self, person: Person) -> bool:
        """Whether a function that this person holds lets her read small counts."""
        return any(person.has(function) for function in self.readers())

    def in_force(self, today: date) -> bool:
        """Whether the policy is valid on this day (both ends included)."""
        return (self.valid_from or date.min) <= today <= (self.valid_until or date.max)

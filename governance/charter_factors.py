"""What shows that it is a person, as the ledger has it: keys, passkeys, authenticator apps, identities at providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A person's own key from entry `seq` on: base64 of 32 raw Ed25519 bytes. `holder` is the id of a person."""

    seq: int
    public: str
    holder: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Passkey:
    """A person's passkey from entry `seq` on. `credential` and `public_key` (COSE) are base64url without padding.

    It signs for pages under `origin` alone, whose host is `rp_id`. `aaguid` names the model of the authenticator.
    An assertion is verified from this alone, years later too. `revoked`: what it signed counts no more. `retired` is
    the entry from which on it signs nothing, as its holder was let in again without it; what it signed before stays.
    """

    seq: int
    time: datetime
    holder: str
    credential: str
    public_key: str
    rp_id: str
    origin: str
    label: str
    aaguid: str
    revoked: bool = False
    retired: int | None = None

    @property
    def usable(self) -> bool:
        """Whether it can sign now."""
        return not self.revoked and self.retired is None

    def signs(self, seq: int) -> bool:
        """Whether what it signed for the entry `seq` counts."""
        return not self.revoked and self.seq < seq and (self.retired is None or seq < self.retired)


@dataclass(frozen=True, slots=True)
class CodeApp:
    """A person's authenticator app from entry `seq` on; the accounts hold the secret that has this fingerprint."""

    seq: int
    time: datetime
    holder: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """A person's identity at a provider of single sign-on, from entry `seq` on. `holder` is the id of a person."""

    seq: int
    issuer: str
    subject: str
    holder: str

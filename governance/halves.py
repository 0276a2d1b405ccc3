"""The two halves of a one-time code: made to be read out on a telephone, and kept as fingerprints alone.

A half has 100 random bits in Crockford's base32 (no I, L, O, U: https://www.crockford.com/base32.html). Who knows one
half, and the fingerprint of the other, finds it by no trying.
"""

from __future__ import annotations

import secrets

from governance.digests import digest_value

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 20, 4
_READ_AS = str.maketrans("OIL", "011")
"""What people write for a digit; none of the three is in the alphabet."""


def new_half() -> str:
    """A new half, in groups of four: `7KQM-2XRT-9BCD-40WE-HJNP`."""
    made = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(made[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def tidy_half(typed: str) -> str | None:
    """A half as it was made, however it was typed: small letters, blanks, dashes. None for what cannot be one."""
    found = "".join(typed.split()).replace("-", "").upper().translate(_READ_AS)
    return found if len(found) == LENGTH and not set(found) - set(ALPHABET) else None


def half_fingerprint(person: str, half: str) -> str:
    """What the ledger keeps of a half of this person's code. `half` is as `new_half` or `tidy_half` gave it."""
    return digest_value(["reset-half", person, half.replace("-", "")])

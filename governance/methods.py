"""How a provider of single sign-on says that it recognised a person: the words of RFC 8176, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable

KNOWS = frozenset({"pwd", "pin", "kba"})
HAS = frozenset({"otp", "sms", "tel", "hwk", "swk", "sc", "pop"})
IS = frozenset({"face", "fpt", "iris", "retina", "vbm"})


def several_factors(amr: Iterable[str]) -> bool:
    """Whether these methods are several factors: the provider says `mfa`, or names two of different kinds.

    Two of one kind (a password and a PIN) are one factor twice. Words that RFC 8176 does not have count for nothing.
    """
    said = frozenset(amr)
    return "mfa" in said or sum(bool(said & kind) for kind in (KNOWS, HAS, IS)) >= 2

"""Public keys that are no points of the curve are refused before anything is verified under them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.errors import ConfigurationError
from governance.ledger.keys import public_key

PRIME = 2**255 - 19


def test_keys_off_the_curve_are_refused_though_the_library_takes_them() -> None:
    off = bytes([2]) + bytes(31)  # y = 2: (y^2 - 1) / (d y^2 + 1) is no square
    Ed25519PublicKey.from_public_bytes(off)
    with pytest.raises(ConfigurationError, match="point on the curve"):
        public_key(off)


def test_a_second_spelling_of_a_point_is_refused() -> None:
    on = next(y for y in range(2, 19) if _taken(y))
    assert public_key(on.to_bytes(32, "little"))
    with pytest.raises(ConfigurationError):
        public_key((on + PRIME).to_bytes(32, "little"))


def test_every_key_that_is_made_is_taken() -> None:
    for _ in range(200):
        raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert public_key(raw).public_bytes_raw() == raw


def _taken(y: int) -> bool:
    try:
        public_key(y.to_bytes(32, "little"))
    except ConfigurationError:
        return False
    return True

"""What is believed of a provider: which methods are several factors, which addresses are safe."""

from __future__ import annotations

import pytest

from governance.linking import safe_address
from governance.methods import several_factors


@pytest.mark.parametrize(
    ("amr", "several"),
    [
        ((), False),
        (("mfa",), True),
        (("pwd",), False),
        (("otp",), False),
        (("pwd", "otp"), True),
        (("pwd", "pin", "kba"), False),
        (("otp", "sms", "hwk"), False),
        (("fpt", "hwk"), True),
        (("pin", "face"), True),
        (("PWD", "OTP"), False),
        (("pwd", "mca", "rba", "geo", "wia", "user"), False),
        (("pwd", "pwd"), False),
    ],
)
def test_several_factors_are_two_kinds_or_the_providers_own_word(amr: tuple[str, ...], several: bool) -> None:
    assert several_factors(amr) is several


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://login.example/token", True),
        ("http://localhost:9000/token", True),
        ("http://127.0.0.1/token", True),
        ("http://[::1]:1/token", True),
        ("http://login.example/token", False),
        ("http://localhost.example/token", False),
        ("http://127.0.0.1.example/", False),
        ("http://localhost@login.example/", False),
        ("file:///etc/passwd", False),
        ("ftp://login.example", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_nothing_of_a_sign_on_crosses_a_network_in_the_clear(address: str, safe: bool) -> None:
    assert safe_address(address) is safe

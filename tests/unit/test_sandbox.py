"""The filter of system calls and what is said of a sandbox; trying it is tests/integration/test_hostile_*.py."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from audits.model_formats import FORMATS, refuse_untrusted
from audits.sandbox import Sandbox
from audits.sandbox_seccomp import TABLE, program
from governance.errors import MeasurementError

WHOLE = Sandbox(7, network=True, uid=True, limits=True)
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, ENOSYS, ENOTTY, DONE = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50019, 0x50000
OWN = 1234


def answer(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter answers to a call: classic BPF, run here."""
    data = struct.pack("<iIQ6Q", number, arch or ARCHITECTURES[machine], 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("HBBI", program(machine, OWN)))
    place = held = 0
    while True:
        operation, there, other, value = code[place]
        place += 1
        match operation:
            case 0x20:
                held = struct.unpack_from("<I", data, value)[0]
            case 0x54:
                held &= value
            case 0x15:
                place += there if held == value else other
            case 0x35:
                place += there if held >= value else other
            case 0x45:
                place += there if held & value else other
            case 0x06:
                return value
            case _:
                raise AssertionError(operation)


def number(name: str, machine: str) -> int:
    found = TABLE[name][list(ARCHITECTURES).index(machine)]
    assert found is not None
    return found


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("socket", (2, 1, 0), EPERM),
        ("execve", (), EPERM),
        ("ptrace", (), EPERM),
        ("fchmod", (), DONE),
        ("clone3", (), ENOSYS),
        ("clone", (0x3D0F00,), ALLOW),  # a thread, as glibc makes it
        ("clone", (0x01200011,), EPERM),  # fork
        ("clone", (0x3D0F00 | 0x10000000,), EPERM),
        ("socketpair", (1, 1 | 0x80000), ALLOW),
        ("socketpair", (1, 2), EPERM),
        ("socketpair", (2, 1), EPERM),
        ("kill", (OWN, 6), ALLOW),
        ("kill", (OWN + 1, 6), EPERM),
        ("kill", (0xFFFFFFFF, 6), EPERM),
        ("kill", (0, 6), EPERM),
        ("tgkill", (OWN, 77, 6), ALLOW),
        ("tgkill", (77, 77, 6), EPERM),
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (77, 7), EPERM),
        ("prctl", (1, 0), EPERM),
        ("prctl", (15, 0), ALLOW),
        ("fcntl", (3, 8), EPERM),
        ("fcntl", (3, 1030), ALLOW),
        ("ioctl", (3, 0x5401), ALLOW),
        ("ioctl", (3, 0x5412), ENOTTY),
        ("ioctl", (3, 0x40086602), ENOTTY),
    ],
)
def test_a_call_is_answered_by_its_arguments(
    machine: str, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert answer(machine, number(name, machine), *arguments) == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_call_of_the_table_is_known_to_the_filter(machine: str) -> None:
    column = list(ARCHITECTURES).index(machine)
    for numbers in TABLE.values():
        if numbers[column] is not None:
            assert answer(machine, numbers[column], *[77] * 6) != ALLOW or numbers in (TABLE["prctl"], TABLE["fcntl"])


@pytest.mark.parametrize(("machine", "read"), [("x86_64", 0), ("aarch64", 63)])
def test_reading_is_allowed_and_what_is_new_or_of_another_architecture_is_not(machine: str, read: int) -> None:
    assert answer(machine, read) == ALLOW
    assert answer(machine, 463) == ENOSYS
    assert answer(machine, 0x40000000 + 41) == ENOSYS
    assert answer(machine, read, arch=0x40000003) == KILL


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_the_kernel_s(machine: str) -> None:
    path = Path(HEADERS[machine])
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    defined = {name: int(value) for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())}
    column = list(ARCHITECTURES).index(machine)
    compared = {name: numbers[column] for name, numbers in TABLE.items() if name in defined}
    assert compared == {name: defined[name] for name in compared}
    assert len(compared) > 80


@pytest.mark.parametrize(
    ("found", "told", "holds"),
    [
        (WHOLE, "landlock abi 7, no network, own uid, limits", True),
        (Sandbox(7, network=True, limits=True), "landlock abi 7, no network, limits", True),
        (Sandbox(7, network=False, uid=True, limits=True), "landlock abi 7, own uid, limits", False),
        (Sandbox(0, network=True, uid=True, limits=True), "no network, own uid, limits", False),
        (Sandbox(7, network=True, uid=True), "landlock abi 7, no network, own uid", False),
        (Sandbox(), "none", False),
    ],
)
def test_a_sandbox_says_what_holds(found: Sandbox, told: str, holds: bool) -> None:
    assert (found.told(), found.holds()) == (told, holds)
    assert len(found.missing()) == 4 - sum((found.landlock > 0, found.network, found.uid, found.limits))


def test_untrusted_formats_need_a_sandbox_that_holds() -> None:
    refuse_untrusted(("pickle", "skops"), ("pickle",), WHOLE)
    refuse_untrusted(("onnx",), ("pickle",), Sandbox())
    refuse_untrusted(tuple(FORMATS), (), Sandbox())
    with pytest.raises(MeasurementError, match=r"needs pickle, which the policy calls untrusted.*what holds: none"):
        refuse_untrusted(("pickle", "skops"), ("pickle", "torch"), Sandbox())

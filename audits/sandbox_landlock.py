"""Landlock by ctypes: this thread may open no file but those that are named, and none of it can be taken back.

Numbers and structures: linux/landlock.h, https://docs.kernel.org/userspace-api/landlock.html. This file stands alone:
the scoring child loads it by its path. Landlock binds one thread and what that thread starts, so it comes first,
before a library has started threads of its own.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

KNOWN_ABI = 7
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_FS_BITS = {1: 13, 2: 14, 3: 15, 5: 16}  # from this ABI on, so many rights on files exist
_NET_FROM, _NET_BOTH = 4, 0b11  # bind and connect of TCP
_SCOPE_FROM, _SCOPE_BOTH = 6, 0b11  # abstract unix sockets and signals

READ = _READ_FILE | _READ_DIR
"""Without the right to execute: a program that the model starts is not the model."""
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE
_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE


def abi() -> int:
    """The version of Landlock that this kernel offers, 0 for none. It says nothing about whether it holds."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def restrict(read: Iterable[str], write: Iterable[str]) -> int:
    """Leave this thread the files below `read` to read and those below `write` to change; TCP, abstract unix sockets
    and signals to others are denied where the kernel can. Paths that are absent are passed over.

    Returns the ABI in force. Raises OSError where the kernel has no Landlock or refuses, and where other threads run:
    they would stay free, and the model could have them work for it.
    """
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise OSError("threads run already: Landlock would bind one of them only")
    version = min(abi(), KNOWN_ABI)
    rights = (1 << max((bits for since, bits in _FS_BITS.items() if since <= version), default=0)) - 1
    net = _NET_BOTH if version >= _NET_FROM else 0
    scope = _SCOPE_BOTH if version >= _SCOPE_FROM else 0
    size = 24 if scope else 16 if net else 8
    rules = _checked(_call(_CREATE, struct.pack("=QQQ", rights, net, scope), size, 0))
    try:
        for allowed, paths in ((READ, read), (WRITE, write)):
            for path in paths:
                _allow(rules, path, allowed & rights)
        _checked(_call(_RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return version


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        rule = struct.pack("=Qi", rights if is_folder else rights & _FILE, opened)
        _checked(_call(_ADD_RULE, rules, _PATH_BENEATH, rule, 0))
    finally:
        os.close(opened)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return int(libc.syscall(ctypes.c_long(number), *given))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result

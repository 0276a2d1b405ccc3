"""A filter of system calls by ctypes: no network, no second process, no hand on other processes or on file modes.

Landlock says which files may be opened; it knows UDP, raw sockets, chmod and many more not at all. This filter refuses
them by number (man 2 seccomp; numbers from asm/unistd_64.h and asm-generic/unistd.h, `TABLE`). One process, because
then its memory and its processor time have one limit, the end of it is the end of everything that the model ran, and
a filter can tell "its own number" from the number of another process. Calls newer than this list do not exist for the
child. This file stands alone: the scoring child loads it by its path.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_LAST = 462  # of both architectures; also keeps out the x32 numbers, which start at 1 << 30
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_DONE, _EPERM, _ENOSYS, _ENOTTY = 0, 1, 38, 25
_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020080  # any namespace
_AF_UNIX, _SOCK_STREAM = 1, 1
_PR_SET_PDEATHSIG = 1
# Owner of signals, leases and watches: ways to reach other processes through a descriptor.
_FCNTL_REFUSED = (8, 10, 15, 1024, 1026)
# Terminal size and kind, bytes that wait, blocking, closing at exec: all that libraries ask of a file or pipe.
_IOCTL_ALLOWED = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)

# name: (x86_64, aarch64)
_NETWORK = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_setup": (206, 0),
}  # fmt: skip
_PROCESSES = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "migrate_pages": (256, 238), "move_pages": (279, 239),
}  # fmt: skip
# Kept outside of files and of the memory limit, or shared with every process of the machine.
_SHARED = {
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183), "mq_notify": (244, 184), "mq_getsetattr": (245, 185), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
}  # fmt: skip
_FILES = {
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "mknod": (133, None), "mknodat": (259, 33), "inotify_init": (253, None),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
}  # fmt: skip
_SYSTEM = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None), "vhangup": (153, 58),
}  # fmt: skip
# Answered as done and not done: copying a file in the scratch folder sets its mode, and must not fail.
_PRETENDED = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
}  # fmt: skip
_BY_ARGUMENT = {
    "clone": (56, 220), "clone3": (435, 435), "socketpair": (53, 199), "kill": (62, 129), "tgkill": (234, 131),
    "prlimit64": (302, 261), "prctl": (157, 167), "fcntl": (72, 25), "ioctl": (16, 29),
}  # fmt: skip
_REFUSED = _NETWORK | _PROCESSES | _SHARED | _FILES | _SYSTEM
TABLE: dict[str, tuple[int | None, int | None]] = {**_REFUSED, **_PRETENDED, **_BY_ARGUMENT}
"""Every call that the filter knows, with its number on x86_64 and on aarch64 (None: absent there)."""


def refuse_calls() -> bool:
    """Put the filter on this process, for good; it needs no_new_privs. True where it is on.

    Raises OSError where the kernel refuses or the architecture is another one.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise OSError(f"no list of system calls for {machine}")
    code = program(machine, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    length = len(code) // struct.calcsize("HBBI")
    filled = struct.pack("HxxxxxxP", length, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), filled, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
    return True


def program(machine: str, pid: int) -> bytes:
    """The filter as classic BPF, for the process `pid`."""
    column = list(_AUDIT_ARCH).index(machine)
    code = _op(_LOAD, _ARCH) + _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0) + _op(_RETURN, _KILL)
    code += _op(_LOAD, _NR) + _op(_AT_LEAST, _LAST + 1, 0, 1) + _error(_ENOSYS)
    for names, answer in ((_REFUSED, _EPERM), (_PRETENDED, _DONE)):
        for numbers in names.values():
            code += _where(numbers[column], _error(answer))
    for name, body in _bodies(pid).items():
        code += _where(_BY_ARGUMENT[name][column], body)
    return code + _op(_RETURN, _ALLOW)


def _bodies(pid: int) -> dict[str, bytes]:
    """What is asked of the arguments of a call; each ends in an answer."""
    allow, refuse = _op(_RETURN, _ALLOW), _error(_EPERM)
    own = _among(0, (pid,), allow, refuse)
    return {
        "clone": _argument(0)
        + (_op(_ANY_BIT, _CLONE_NEW, 0, 1) + refuse)
        + (_op(_ANY_BIT, _CLONE_THREAD, 1, 0) + refuse + allow),
        "clone3": _error(_ENOSYS),  # its arguments lie in memory, where no filter sees them; libraries fall back
        # A datagram socket could be turned to another address.
        "socketpair": _argument(0)
        + (_op(_EQUAL, _AF_UNIX, 1, 0) + refuse)
        + (_argument(1) + _op(_AND, 0xF) + _op(_EQUAL, _SOCK_STREAM, 1, 0) + refuse + allow),
        "kill": own,
        "tgkill": own,
        "prlimit64": _among(0, (0, pid), allow, refuse),
        "prctl": _among(0, (_PR_SET_PDEATHSIG,), refuse, allow),
        "fcntl": _among(1, _FCNTL_REFUSED, refuse, allow),
        "ioctl": _among(1, _IOCTL_ALLOWED, allow, _error(_ENOTTY)),
    }


def _among(argument: int, values: tuple[int, ...], there: bytes, other: bytes) -> bytes:
    return _argument(argument) + b"".join(_op(_EQUAL, value, 0, 1) + there for value in values) + other


def _where(number: int | None, body: bytes) -> bytes:
    return b"" if number is None else _op(_EQUAL, number, 0, len(body) // 8) + body


def _argument(index: int) -> bytes:
    """The low half: the kernel reads these arguments as 32 bits."""
    return _op(_LOAD, _ARGUMENTS + 8 * index)


def _error(number: int) -> bytes:
    return _op(_RETURN, _ERRNO | number)


def _op(code: int, value: int, there: int = 0, other: int = 0) -> bytes:
    return struct.pack("HBBI", code, there, other, value)

"""What the scoring child does to itself before it touches the model: limits, another user, Landlock, a filter of calls.

Run as a program it tries, once confined, what a model would try, and prints what was refused (`audits.sandbox` asks).
This file stands alone (standard library) with its two neighbours: the child is isolated and cannot import the rooms.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import resource
import signal
import socket
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

UNCONFINED = 78
"""Exit code of a child that could not confine itself as it must."""
OPEN_FILES = 512
THREADS = 256
MESSAGES = 0
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 38
_CAP_VERSION, _CAP_DAC_READ_SEARCH = 0x20080522, 2
_USERS_FROM = 0x70000000  # no login and no container is given numbers from here on (systemd, "Users, Groups, UIDs")
_NOBODY = 65534

# What an interpreter and its libraries read outside of their own folders. No folder with anybody's data or keys; of
# /proc/self single files, as its folder also tells the machine's connections and mounts.
_SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/mime.types"),
    *("/etc/crypto-policies", "/proc/self/maps", "/proc/self/stat", "/proc/self/statm", "/proc/self/status"),
    *("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
    *("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "/sys/kernel/mm/transparent_hugepage"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)


def confine(job: dict[str, Any]) -> dict[str, Any]:
    """Give up what a model needs not; each step by itself, because some kernels and containers refuse some of them.

    `job`: `model` a folder to read, `home` the scratch folder, `parent` the process that asked, and the numbers of the
    limits. Returns what was done: `landlock` the ABI, `uid` and `calls` truth values, `failed` the reasons why not.
    """
    done: dict[str, Any] = {"landlock": 0, "uid": False, "calls": False, "failed": []}
    landlock, seccomp = _beside("sandbox_landlock"), _beside("sandbox_seccomp")  # while they can be read
    reachable = _reachable(job)
    limit(job)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    handed = _handed_over(job) if os.geteuid() == 0 else None
    readable, writable = (*_readable(), job["model"]), (job["home"], "/dev/null")
    done["landlock"] = _tried(done, lambda: landlock.restrict(readable, writable))
    # With Landlock, and only then, may a right to read past file modes stay: the interpreter may lie in a closed home.
    if handed is not None and (reachable or done["landlock"]):
        done["uid"] = bool(_tried(done, lambda: _become(handed, may_read=not reachable)))
    _drop_rights(keep=_CAP_DAC_READ_SEARCH if done["uid"] and not reachable else None)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    if os.getppid() != job["parent"]:
        os._exit(UNCONFINED)
    done["calls"] = _tried(done, seccomp.refuse_calls)
    return done


def limit(job: dict[str, Any]) -> None:
    """Limits that hold for this process and all that it starts."""
    for kind, value, more in (
        (resource.RLIMIT_AS, job["memory_bytes"], 0),
        (resource.RLIMIT_CPU, job["cpu_seconds"], 5),  # at the hard end the kernel kills without saying why
        (resource.RLIMIT_FSIZE, job["file_bytes"], 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES, 0),
        (resource.RLIMIT_NPROC, THREADS + _tasks_of_user(), 0),
        (resource.RLIMIT_MSGQUEUE, MESSAGES, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = value + more if hard == resource.RLIM_INFINITY else min(value + more, hard)
        resource.setrlimit(kind, (min(value, most), most))


def _tried(done: dict[str, Any], step: Callable[[], Any]) -> Any:
    try:
        return step()
    except (OSError, ValueError) as error:
        done["failed"].append(str(error)[:200])
        return 0


def _readable() -> tuple[str, ...]:
    """The interpreter and its libraries. Not all of sys.path: an editable install names a whole project folder."""
    return (sys.prefix, sys.base_prefix, sys.exec_prefix, *_SYSTEM)


def _reachable(job: dict[str, Any]) -> bool:
    """Can any user read the interpreter, its libraries and the way to the scratch folder?"""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    wanted = {os.path.realpath(sys.executable), sys.prefix, *map(sysconfig.get_path, names)}
    folders = {Path(path).resolve() for path in wanted}
    above = {parent for path in (*folders, Path(job["home"]).parent) for parent in path.parents}
    return all(path.stat().st_mode & 0o5 == 0o5 for path in folders) and all(path.stat().st_mode & 1 for path in above)


def _handed_over(job: dict[str, Any]) -> int | None:
    """A user number that nobody has, and that may now read the model and write into the scratch folder."""
    home = Path(job["home"])
    for user in (_USERS_FROM + os.getpid(), _NOBODY):
        try:
            os.chown(home, user, user)
            break
        except OSError:  # a container has numbers up to 65535 only
            continue
    else:
        return None
    os.chown(home.parent, -1, user)
    home.parent.chmod(0o710)
    model = Path(job["model"])
    for path in (model, *model.rglob("*")):  # a copy that followed every link: files and folders only
        os.chown(path, -1, user)
        path.chmod(0o750 if path.is_dir() else 0o640)
    return user


def _become(user: int, *, may_read: bool) -> bool:
    _prctl(_PR_SET_KEEPCAPS, int(may_read))
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    return True


def _drop_rights(keep: int | None) -> None:
    """No capability but `keep`, also where the user stays root."""
    kept = 0 if keep is None else 1 << keep
    ctypes.CDLL(None).capset(struct.pack("Ii", _CAP_VERSION, 0), struct.pack("6I", kept, kept, 0, 0, 0, 0))


def _tasks_of_user() -> int:
    """RLIMIT_NPROC counts all threads of the user, not those of this process."""
    return sum(_tasks(process) for process in Path("/proc").iterdir() if process.name.isdigit())


def _tasks(process: Path) -> int:
    try:
        return len(list((process / "task").iterdir())) if process.stat().st_uid == os.getuid() else 0
    except OSError:
        return 0


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _beside(name: str) -> Any:
    """The file of this name in this folder, without making the folder importable: its names are no package's."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise OSError(f"{name}.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tried(job: dict[str, Any]) -> dict[str, Any]:
    """What was refused to this confined process: `files`, `network`, `user`, `limits`, each true where all was.

    `job` as for `confine`, with `secret`, a file that only the user who asks may read and change, and its `owner`.
    """
    return {
        "files": all(_refused(attempt) for attempt in _on_files(job)),
        "network": all(_refused(attempt) for attempt in _on_network()),
        "user": os.getuid() != job["owner"] and _refused(lambda: os.setuid(job["owner"])),
        "limits": all(_refused(attempt) for attempt in _on_limits(job)),
    }


def _on_files(job: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    secret, model = Path(job["secret"]), Path(job["model"])
    yield secret.read_bytes
    yield lambda: secret.write_bytes(b"x")
    yield lambda: os.truncate(secret, 1)
    yield lambda: list(secret.parent.iterdir())
    yield lambda: secret.with_name("new").write_bytes(b"")
    yield lambda: (model / "new").write_bytes(b"")
    yield lambda: Path(job["home"], "link").hardlink_to(secret)
    yield lambda: Path(f"/proc/{job['parent']}/environ").read_bytes()


def _on_network() -> Iterator[Callable[[], Any]]:
    for family, kind in (
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_INET6, socket.SOCK_STREAM),
        (socket.AF_INET6, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_STREAM),
        (socket.AF_UNIX, socket.SOCK_DGRAM),
        (socket.AF_NETLINK, socket.SOCK_RAW),
    ):
        yield lambda family=family, kind=kind: socket.socket(family, kind)  # type: ignore[misc]


def _on_limits(job: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    yield lambda: bytearray(job["memory_bytes"])
    yield lambda: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    yield lambda: resource.prlimit(job["parent"], resource.RLIMIT_CORE, (0, 0))
    yield _second_process
    yield lambda: os.kill(job["parent"], 0)


def _second_process() -> None:
    if os.fork() == 0:
        os._exit(0)


def _refused(attempt: Callable[[], Any]) -> bool:
    """A refusal is an error that says so; a file that is absent refuses nothing."""
    try:
        attempt()
    except (FileNotFoundError, ConnectionError):
        return False
    except (OSError, ValueError, MemoryError):
        return True
    return False


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps(confine(asked) | tried(asked)))

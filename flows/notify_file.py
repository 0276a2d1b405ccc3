"""The file of channels (FAIRGATE_NOTIFY): who is told of what, and by which address. Addresses are secrets.

Read as strictly as a policy: unknown keys, wrong types, doubtful permissions are errors. No message holds an address.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from flows.news_kinds import Kind, News
from governance.charter import Charter
from governance.errors import ConfigurationError

MAX_BYTES = 256 * 1024
MAX_CHANNELS = 200
EVERYBODY = "*"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}")


@dataclass(frozen=True, slots=True)
class Channel:
    """One address, and what goes there: news of these kinds that concerns these functions or persons.

    `url` is an Apprise address, a secret: it is in no message, log or entry, and not in this value's repr.
    """

    name: str
    url: str = field(repr=False)
    functions: tuple[str, ...]
    persons: tuple[str, ...]
    kinds: tuple[Kind, ...]

    def wants(self, news: News, charter: Charter) -> bool:
        """Whether the news goes here. A person is concerned by her id or by a function that she holds now."""
        if news.kind not in self.kinds:
            return False
        if EVERYBODY in self.functions or news.functions & set(self.functions) or news.persons & set(self.persons):
            return True
        people = (charter.person(identity) for identity in self.persons)
        return any(person.has(function) for person in people if person for function in news.functions)


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of one file. `since` is when the file was last changed: older news is not sent to a new channel.

    More than `fold_above` pieces that wait for one channel go out as one message.
    """

    channels: tuple[Channel, ...]
    fold_above: int
    since: float


def read_channels(path: Path) -> Channels:
    """The channels in this file. Raises ConfigurationError, which never repeats an address."""
    try:
        found = path.stat()
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"FAIRGATE_NOTIFY names {path}, which cannot be read: {error.strerror}") from error
    if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise ConfigurationError(f"{path} holds secrets and others can read or change it: chmod 600 {path}")
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path} has {len(data):,} bytes; a file of channels has at most {MAX_BYTES:,}")
    return _Reader(path.name).channels(_document(path.name, data), found.st_mtime)


def _document(file: str, data: bytes) -> Mapping[str, Any]:
    """The TOML. What the parser says of it may repeat a secret, so only the place of the mistake is passed on."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ConfigurationError(f"{file} nests its values too deeply: write a flatter file") from error
    except ValueError as error:
        where = re.search(r"\(at line \d+, column \d+\)", str(error))
        place = f" {where[0]}" if where else ""
    raise ConfigurationError(f"{file} is not valid TOML in UTF-8{place}")


class _Reader:
    """Reads one file; holds nothing but its name, for messages."""

    def __init__(self, file: str) -> None:
        self.file = file

    def channels(self, document: Mapping[str, Any], since: float) -> Channels:
        self.known(document, "the file", ("notify", "channels"))
        head = document.get("notify")
        if not isinstance(head, Mapping):
            raise ConfigurationError(
                f"{self.file}: the table [notify] is missing; it lists the schemes that are allowed"
            )
        self.known(head, "[notify]", ("schemes", "fold_above"))
        schemes = self.texts(head, "[notify] schemes")
        if not schemes or not all(_SCHEME.fullmatch(item) for item in schemes):
            raise ConfigurationError(
                f"{self.file}: [notify] schemes lists the kinds of address that may be used: mailtos"
            )
        rows = document.get("channels")
        if not isinstance(rows, list) or not rows or len(rows) > MAX_CHANNELS:
            raise ConfigurationError(f"{self.file}: write 1 to {MAX_CHANNELS} tables [[channels]]")
        found = tuple(self.channel(row, at, schemes) for at, row in enumerate(rows, start=1))
        names = [item.name for item in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ConfigurationError(f"{self.file}: two channels are called {twice!r}; give each a name of its own")
        return Channels(found, self.fold(head), since)

    def fold(self, head: Mapping[str, Any]) -> int:
        value = head.get("fold_above", 5)
        if type(value) is not int or not 1 <= value <= 100:
            raise ConfigurationError(
                f"{self.file}: [notify] fold_above is {value!r}; write a whole number from 1 to 100"
            )
        return value

    def channel(self, row: Any, at: int, schemes: tuple[str, ...]) -> Channel:
        where = f"[[channels]] number {at}"
        self.known(row, where, ("name", "url", "functions", "persons", "kinds"))
        name = row.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"{self.file}: {where} needs a name: 1 to 64 of a-z, 0-9, dot, dash, underscore")
        where = f"channel {name!r}"
        functions, persons = self.texts(row, f"{where} functions"), self.texts(row, f"{where} persons")
        if not functions and not persons:
            raise ConfigurationError(f'{self.file}: {where} tells nobody: name functions ("*": all) or persons')
        return Channel(name, self.url(row, where, schemes), functions, persons, self.kinds(row, where))

    def kinds(self, row: Mapping[str, Any], where: str) -> tuple[Kind, ...]:
        if "kinds" not in row:
            return tuple(Kind)
        found = self.texts(row, f"{where} kinds")
        wrong = next((item for item in found if item not in set(Kind)), None)
        if wrong is not None or not found:
            raise ConfigurationError(f"{self.file}: {where} kinds: write some of: {', '.join(Kind)}")
        return tuple(Kind(item) for item in found)

    def url(self, row: Mapping[str, Any], where: str, schemes: tuple[str, ...]) -> str:
        """An address with an allowed scheme. The scheme may be told, nothing else of it."""
        value = row.get("url")
        if not isinstance(value, str) or not value.isprintable():
            raise ConfigurationError(f"{self.file}: {where} needs a url, in one printable line")
        scheme, separator, rest = value.partition("://")
        if not separator or not rest or not _SCHEME.fullmatch(scheme):
            raise ConfigurationError(f"{self.file}: the url of {where} is not of the form SCHEME://...")
        if scheme not in schemes:
            allowed = ", ".join(schemes)
            raise ConfigurationError(f"{self.file}: {where} uses {scheme}://, and [notify] schemes allows: {allowed}")
        return value

    def texts(self, table: Mapping[str, Any], where: str) -> tuple[str, ...]:
        value = table.get(where.rpartition(" ")[2], [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise ConfigurationError(f"{self.file}: {where} is not a list of texts")
        return tuple(value)

    def known(self, table: Any, where: str, keys: tuple[str, ...]) -> None:
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"{self.file}: {where} is not a table")
        for key in table:
            if key not in keys:
                close = get_close_matches(key, keys, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(keys)}"
                raise ConfigurationError(f"{self.file}: {where} has an unknown key; {hint}")

"""One table of a TOML file, read strictly: unknown keys, wrong types and impossible values become one sentence.

Every sentence names the file, the table, the key, the value and the way out.
"""

from __future__ import annotations

import difflib
import math
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from governance.errors import ConfigurationError

MAX_BYTES = 256 * 1024
"""Size of a configuration file; what a person writes is far smaller."""

PLACEHOLDER = "<fill in"
"""How a field begins that `audits.plan_draft` could not guess: no value at all until a person replaces it."""

_MAX_TEXT = 500
_SHOWN = 80
_SCALAR = "a string, an integer or true/false"


def load_toml(data: bytes, file: str) -> dict[str, Any]:
    """The document in these bytes. Raises ConfigurationError: over 256 KiB, not UTF-8, not TOML (a repeated key)."""
    if len(data) > MAX_BYTES:
        raise ConfigurationError(
            f"{file} has {len(data):,} bytes; at most {MAX_BYTES:,} are read: remove what is not used"
        )
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except RecursionError as error:
        raise ConfigurationError(f"{file} nests lists too deeply: no field needs more than two levels") from error
    except ValueError as error:  # besides TOMLDecodeError, Python's own limit on the digits of a number
        raise ConfigurationError(f"{file} is not valid TOML: {shown(str(error))}") from error


def shown(value: object) -> str:
    """A value for a message: escaped, at most 80 characters."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


class TomlTable:
    """Reads one table; `where` is what messages call it, `[audit]`, and `keys` are all that it may hold."""

    def __init__(self, file: str, where: str, content: object, keys: Sequence[str]) -> None:
        """Raises ConfigurationError where `content` is no table or holds a key that is not among `keys`."""
        self.file = file
        self.where = where
        if content is None:
            raise self.error(f"{where} is missing; add this table with {', '.join(keys[:3])}")
        if not isinstance(content, Mapping):
            raise self.error(f"{where} is {shown(repr(content))}; write a table with {', '.join(keys)}")
        self.content: Mapping[str, Any] = content
        for key in content:
            if key not in keys:
                raise self.error(f"{where} has the unknown key {shown(repr(key))}; {closest(key, keys, 'known keys')}")

    def error(self, sentence: str) -> ConfigurationError:
        """The error that names the file."""
        return ConfigurationError(f"{self.file}: {sentence}")

    def wrong(self, key: str, value: object, wanted: str) -> ConfigurationError:
        """`plan.toml: [audit] confidence is 2; write a number between 0.5 and 1`."""
        state = "is missing" if value is None else f"is {shown(repr(value))}"
        return self.error(f"{self.where} {key} {state}; write {wanted}")

    def text(self, key: str, wanted: str) -> str:
        """A required text without control characters, at most 500 characters."""
        value = self.content.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, value, wanted)
        return self._sound(key, value, wanted)

    def optional_text(self, key: str, wanted: str) -> str | None:
        """The text, None where the key is absent."""
        return self.text(key, wanted) if key in self.content else None

    def scalar(self, key: str, wanted: str) -> str:
        """A required string, integer or boolean, as text: 1 is "1", true is "true"."""
        value = self.content.get(key)
        return self._as_text(key, value, wanted)

    def optional_scalar(self, key: str, wanted: str) -> str | None:
        """The scalar as text, None where the key is absent."""
        return self.scalar(key, wanted) if key in self.content else None

    def scalars(self, key: str, wanted: str) -> tuple[str, ...]:
        """A list of distinct scalars as texts; () where the key is absent."""
        if key not in self.content:
            return ()
        return self.distinct(key, [self._as_text(key, item, wanted) for item in self.listed(key, wanted)])

    def texts(self, key: str, wanted: str) -> tuple[str, ...]:
        """A list of distinct texts; () where the key is absent."""
        if key not in self.content:
            return ()
        items = self.listed(key, wanted)
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(key, items, wanted)
        return self.distinct(key, [self._sound(key, item, wanted) for item in items])

    def listed(self, key: str, wanted: str) -> list[Any]:
        """A list that is not empty."""
        value = self.content.get(key)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, value, wanted)
        return value

    def distinct(self, key: str, items: Iterable[str]) -> tuple[str, ...]:
        """The items, none of which may stand twice."""
        found: dict[str, None] = {}
        for item in items:
            if item in found:
                raise self.error(f"{self.where} {key} has {shown(repr(item))} twice; write it once")
            found[item] = None
        return tuple(found)

    def table(self, key: str) -> Mapping[str, Any]:
        """A table below this one whose keys are names of the user; {} where it is absent."""
        value = self.content.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(key, value, "a table such as { column = [...] }")
        for name in value:
            self._sound(key, name, "names as keys")
        return value

    def tables(self, key: str, keys: Sequence[str], example: str) -> list[TomlTable]:
        """The tables [[key]], at least one, each of which may hold `keys`; `example` is what one begins with."""
        value = self.content.get(key)
        if not isinstance(value, list) or not value:
            state = "is missing" if value is None else f"is {shown(repr(value))}"
            raise self.error(f"[[{key}]] {state}; add at least one table [[{key}]] with {example}")
        return [TomlTable(self.file, f"[[{key}]] {number}", item, keys) for number, item in enumerate(value, start=1)]

    def whole(self, key: str, default: int, *, least: int = 1, most: int = 10**12) -> int:
        """A whole number from `least` to `most`."""
        value = self.content.get(key, default)
        if type(value) is not int or not least <= value <= most:
            end = "" if most == 10**12 else f" and at most {most}"
            raise self.wrong(key, value, f"a whole number of at least {least}{end}, such as {default}")
        return value

    def number(self, key: str, default: float | None, wanted: str, allowed: Callable[[float], bool]) -> float:
        """A finite number that `allowed` accepts; `default` None makes it required."""
        value = self.content.get(key, default)
        if not is_number(value) or not allowed(float(value)):
            raise self.wrong(key, value, wanted)
        return float(value)

    def day(self, key: str, wanted: str) -> date:
        """A required TOML date, without a time."""
        value = self.content.get(key)
        if type(value) is not date:
            raise self.wrong(key, value, wanted)
        return value

    def word(self, key: str, words: Sequence[str], default: str | None = None) -> str:
        """One of these words; `default` None makes it required."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or value not in words:
            raise self.wrong(key, value, one_of(value, words))
        return value

    def _as_text(self, key: str, value: object, wanted: str) -> str:
        match value:
            case bool():
                return "true" if value else "false"
            case int() if abs(value) < 2**63:
                return str(value)
            case str():
                return self._sound(key, value, wanted)
        raise self.wrong(key, value, f"{wanted} ({_SCALAR})")

    def _sound(self, key: str, value: str, wanted: str) -> str:
        if value.startswith(PLACEHOLDER):
            raise self.error(f"{self.where} {key} still holds the placeholder {shown(repr(value))}; write {wanted}")
        if not is_sound(value):
            rule = f"1 to {_MAX_TEXT} characters, not only blanks, no line breaks, control or text-direction characters"
            raise self.wrong(key, value, f"{wanted} ({rule})")
        return value


def is_sound(text: str) -> bool:
    """A text that a plan may hold: not blank, at most 500 characters, nothing invisible that changes how it reads."""
    return bool(text.strip()) and len(text) <= _MAX_TEXT and not any(map(_unreadable, text))


def is_number(value: object) -> bool:
    """A finite int or float, and no boolean. Integers too large for a float are none."""
    if type(value) is int:
        return abs(value) < 2**63
    return type(value) is float and math.isfinite(value)


def closest(value: object, known: Sequence[str], otherwise: str) -> str:
    """`did you mean 'confidence'?`, or all that is known where nothing is close."""
    close = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
    return f"did you mean {close[0]!r}?" if close else f"{otherwise}: {', '.join(known)}"


def one_of(value: object, known: Sequence[str]) -> str:
    """`one of: ratio, difference`, and which of them was likely meant."""
    close = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
    names = (name if name.isprintable() else repr(name) for name in known)  # a plan's own names are somebody's text
    return f"one of: {', '.join(names)}" + (f" (did you mean {close[0]!r}?)" if close else "")


def _unreadable(character: str) -> bool:
    """Control characters, line separators, lone surrogates, and overrides that turn the direction of a text."""
    direction = unicodedata.bidirectional(character)
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or direction in (
        *("LRE", "RLE", "LRO", "RLO", "PDF"),
        *("LRI", "RLI", "FSI", "PDI"),
    )

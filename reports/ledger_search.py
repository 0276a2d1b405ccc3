"""Find entries of the ledger: by kind, model, person and day, the newest first, without reading more than is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date
from itertools import islice

from governance.inventory import model_in
from governance.ledger.port import Ledger
from governance.statement import Entry, PredicateType

PAGE = 100
WINDOW = 1_000
"""So many entries are read at a time on the way back from the newest."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for; an empty field asks for everything. Days are UTC, both ends included.

    `model` and `person` are parts of a name, whatever the case, or in double quotes the whole of it; a person is also
    found by her id.
    """

    kind: str = ""
    model: str = ""
    person: str = ""
    first: date | None = None
    last: date | None = None

    def is_open(self) -> bool:
        """Whether it asks for everything."""
        return self == Search()


@dataclass(frozen=True, slots=True)
class Found:
    """A page of entries, the newest first. `older` is the entry below which to go on, None where there is no more."""

    entries: tuple[Entry, ...]
    older: int | None


def search(ledger: Ledger, wanted: Search, before: int | None = None, page: int = PAGE) -> Found:
    """The newest entries that are wanted, below the entry `before` where it is given."""
    size = ledger.size()
    end = size if before is None else max(0, min(before, size))
    first, last = wanted.first, wanted.last
    if last is not None:
        end = _count(ledger, lambda day: day <= last, end)
    start = 0 if first is None else _count(ledger, lambda day: day < first, end)
    owners = _targets(ledger) if wanted.model else {}
    matching = (entry for entry in _backwards(ledger, start, end) if _fits(entry, wanted, owners))
    found = tuple(islice(matching, page))
    more = next(matching, None) if len(found) == page else None
    return Found(found, found[-1].seq if more is not None else None)


def entry_at(ledger: Ledger, seq: int) -> Entry | None:
    """The entry at this place, None where there is none."""
    found = next(ledger.entries(since=seq), None) if seq >= 0 else None
    return found if found is not None and found.seq == seq else None


def matches_name(name: str, wanted: str) -> bool:
    """Whether a name is meant: a part of it whatever the case, or in double quotes the whole of it."""
    if len(wanted) >= 2 and wanted[0] == wanted[-1] == '"':
        return name == wanted[1:-1]
    return wanted.casefold() in name.casefold()


def _backwards(ledger: Ledger, start: int, end: int) -> Iterator[Entry]:
    """The entries from `start` on and below `end`, the newest first, a window at a time; the first one is small."""
    window = PAGE + 1
    while end > start:
        low = max(start, end - window)
        yield from reversed(tuple(islice(ledger.entries(since=low), end - low)))
        end, window = low, WINDOW


def _count(ledger: Ledger, before: Callable[[date], bool], size: int) -> int:
    """How many of the first `size` entries were recorded on such days. Time never goes back: it is halved."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        entry = next(ledger.entries(since=middle), None)
        if entry is not None and before(entry.time.astimezone(UTC).date()):
            low = middle + 1
        else:
            high = middle
    return low


def _targets(ledger: Ledger) -> dict[str, str]:
    """Digest of a release target -> name of its model: an observation names its target alone."""
    found = dict[str, str]()
    for entry in ledger.entries():
        about, target = model_in(entry), entry.statement.digest_of("target")
        if about is not None and target is not None:
            found[target] = about[0]
    return found


def _fits(entry: Entry, wanted: Search, owners: dict[str, str]) -> bool:
    statement = entry.statement
    if wanted.kind and statement.predicate_type.word != wanted.kind:
        return False
    if wanted.person and not _is(statement.actor.id, statement.actor.name, wanted.person):
        return False
    if not wanted.model:
        return True
    about = model_in(entry)
    name = about[0] if about is not None else owners.get(statement.digest_of("target") or "")
    return name is not None and matches_name(name, wanted.model)


def _is(identity: str, name: str, wanted: str) -> bool:
    return identity == wanted or matches_name(name, wanted)


KINDS = tuple(kind.word for kind in PredicateType)
"""Every kind of entry, by its short word."""

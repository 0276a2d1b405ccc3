"""What the second places remember of the ledger, told apart: compared, contradicted, empty, unreachable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.settings import Settings
from governance.errors import ConfigurationError, FairgateError, LedgerTamperedError

if TYPE_CHECKING:
    from governance.ledger.checkpoint import Kept
    from governance.ledger.places import CheckpointPlace
    from governance.ledger.receipt import ReceiptFiles


@dataclass(frozen=True, slots=True)
class Remembered:
    """Checkpoints to verify with. `problems`: a place holds what the log key did not sign.

    `compared`, `empty` and `unreachable` are sentences about places.
    """

    kept: tuple[Kept, ...] = ()
    problems: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from (f"  compared with {item}" for item in self.compared)
        yield from (f"  not compared: {item}" for item in (*self.empty, *self.unreachable))


def remembered(settings: Settings, log_public: bytes, *, offline: bool) -> Remembered:
    """Ask every second place: the files of FAIRGATE_CHECKPOINTS, and the registry unless `offline`."""
    from flows.wiring import checkpoint_places, open_registry

    places = checkpoint_places(settings, None if offline else open_registry(settings))
    return asked(places, log_public)


def asked(places: Sequence[CheckpointPlace], log_public: bytes) -> Remembered:
    """What these places answer."""
    from governance.ledger.places import kept_checkpoints

    found = Remembered()
    for place in places:
        try:
            kept, others = kept_checkpoints((place,), log_public), place.others()
        except LedgerTamperedError as error:
            found = _with(found, problems=str(error))
        except ConfigurationError as error:  # no registry was ever made here
            found = _with(found, empty=f"{place.name} keeps no checkpoint: {error}")
        except FairgateError as error:
            found = _with(found, unreachable=f"{place.name}: {error}")
        else:
            found = _answered(found, place.name, kept)
            if others:
                keys = ", ".join(others)
                told = (
                    f"{place.name} also keeps checkpoints under other log keys ({keys}): other ledgers, or another past"
                )
                found = _with(found, empty=told)
    return found


def checkpoints_of(paths: Iterable[Path], log_public: bytes) -> tuple[Kept, ...]:
    """The checkpoints in these files. Raises ConfigurationError where one cannot be read, LedgerTamperedError where
    the log key did not sign it.
    """
    from governance.ledger.checkpoint import Kept, log_key, open_checkpoint

    key = log_key(log_public)
    return tuple(Kept(f"checkpoint {path}", open_checkpoint(text_of(path, "checkpoint"), key)) for path in paths)


def receipt_files(proof: Path) -> ReceiptFiles:
    """A proof and the envelope beside it."""
    from governance.ledger.receipt import ReceiptFiles

    return ReceiptFiles(proof.with_suffix(".json"), proof)


def text_of(path: Path, what: str) -> str:
    """A text file that a person named. Raises ConfigurationError where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the {what} {path} cannot be read: {error}; name another file") from error


def _answered(found: Remembered, place: str, kept: tuple[Kept, ...]) -> Remembered:
    if not kept:
        return _with(found, empty=f"{place} keeps no checkpoint yet")
    told = f"{len(kept):,} checkpoints in {place}, up to {kept[-1].checkpoint.size:,} entries"
    return Remembered((*found.kept, *kept), found.problems, (*found.compared, told), found.empty, found.unreachable)


def _with(found: Remembered, *, problems: str = "", empty: str = "", unreachable: str = "") -> Remembered:
    return Remembered(
        found.kept,
        (*found.problems, problems) if problems else found.problems,
        found.compared,
        (*found.empty, empty) if empty else found.empty,
        (*found.unreachable, unreachable) if unreachable else found.unreachable,
    )

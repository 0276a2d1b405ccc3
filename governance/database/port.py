"""A database as the ledger and the accounts see it: one moment to read, one turn to write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sqlalchemy import Connection

from governance.errors import FairgateError


class Trouble(Enum):
    """What kind of thing a database error is, whichever database said it."""

    REFUSED = "a guard or a constraint of the tables said no"
    BUSY = "somebody else holds what is needed; later may help"
    UNREACHABLE = "there is no answer from the server; later may help"
    FORBIDDEN = "the role may not do this"
    UNUSABLE = "it cannot be used as it is"
    DAMAGED = "what is stored cannot be what was written"


@dataclass(frozen=True, slots=True)
class Tables:
    """A set of tables with a line of migrations of its own.

    `name` is the folder below `governance/migrations` and begins the table `<name>_version`; `head` is the newest
    revision;
    `first` is the table by which one sees that they were made, `create` makes all of them. `lock` is the statement that
    makes a writer of PostgreSQL wait for the others. `what` is how messages call them; `damaged` and `unusable` are the
    errors that they raise. `private`: a SQLite file is for its owner only. `alone`: it holds nothing else.
    """

    name: str
    head: str
    first: str
    create: Callable[[Connection], None]
    lock: str
    what: str
    damaged: type[FairgateError]
    unusable: type[FairgateError]
    private: bool = False
    alone: bool = False


class Database(Protocol):
    """One database with one set of tables, which are made on first use where they may be."""

    @property
    def name(self) -> str:
        """How messages call it: the path of a file, or an address without its password."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One moment of the tables, whatever is written meanwhile. Errors of the block are told as Fairgate's.

        Raises ServiceError where the database is busy or unreachable, ConfigurationError where the role may not use it,
        and the errors of the tables where it is damaged or cannot be used.
        """
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction while no other writer has one; committed at the end, rolled back where the block raises.

        Raises as `reading` does; ServiceError too where the others took longer than the wait that was agreed. Where the
        connection is lost at the end, what was written may be there or not: ask again.
        """
        ...

    def dispose(self) -> None:
        """Close the connections that nobody uses; the next use opens new ones."""
        ...

    def upgrade(self) -> None:
        """Make the tables, or bring them to the newest revision. Raises ConfigurationError where the role may not."""
        ...


class TurnNotGivenError(Exception):
    """The other writers took longer than the wait that was agreed."""


class PlaceError(Exception):
    """The file, its folder or its lock cannot be made. The message says which and why, without naming the database."""

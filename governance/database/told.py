"""What goes wrong in a database, in the words and errors of Fairgate, whichever database said it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from governance.database.port import PlaceError, Tables, Trouble, TurnNotGivenError
from governance.errors import ConfigurationError, FairgateError, ServiceError


@contextmanager
def told(tables: Tables, name: str, kind: Callable[[DBAPIError], Trouble]) -> Iterator[None]:
    """Errors of the block, told of these tables in the database called `name`; `kind` sorts the database's own."""
    what = f"the {tables.what} {name}"
    try:
        yield
    except DBAPIError as error:
        raise _in_words(kind(error), tables, what, str(error.orig).strip()) from error
    except PoolTimeoutError as error:
        raise ServiceError(f"{what} gave no connection: {error}; try again") from error
    except TurnNotGivenError as error:
        raise ServiceError(f"{what} has been locked for {error} by another process; try again") from error
    except PlaceError as error:
        raise tables.unusable(f"{what} {error}") from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes a damaged name
        raise tables.damaged(f"{what} is damaged: a name is no text; restore a backup") from error


def _in_words(trouble: Trouble, tables: Tables, what: str, reason: str) -> FairgateError:
    match trouble:
        case Trouble.REFUSED:
            return tables.damaged(f"{what} refused a row: {reason}")
        case Trouble.BUSY:
            return ServiceError(f"{what} is locked by another program; try again")
        case Trouble.UNREACHABLE:
            return ServiceError(f"{what} gives no answer: {reason}")
        case Trouble.FORBIDDEN:
            return ConfigurationError(f"the role may not use {what}: {reason}; see: fairgate db status")
        case Trouble.DAMAGED:
            return tables.damaged(f"{what} is damaged: {reason}; restore a backup")
    return tables.unusable(f"{what} cannot be used: {reason}")

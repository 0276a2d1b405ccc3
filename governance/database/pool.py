"""What both databases share: transactions that begin as we say, and connections that belong to one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_LEFT_BEHIND: list[object] = []


@contextmanager
def transaction(connection: Connection, begin: str) -> Iterator[None]:
    """A transaction that `begin` starts: committed at the end, rolled back where the block raises.

    The engine is in AUTOCOMMIT: SQLAlchemy itself neither begins nor commits.
    """
    connection.exec_driver_sql(begin)
    try:
        yield
    except BaseException:
        with suppress(SQLAlchemyError):  # SQLite has rolled back itself where the disk is full; a server may be gone
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def keep_to_own(engine: Engine, identity: Callable[[], tuple[int, ...]]) -> None:
    """Never use a connection again that was made when `identity` was another: another process, another file."""

    def remember(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["identity"] = identity()

    def refuse(_connection: object, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
        if record.info["identity"] != identity():
            # Kept, not closed: a forked child that closes what its parent opened takes SQLite's locks away from it,
            # and says goodbye to PostgreSQL in its name.
            _LEFT_BEHIND.append(record.dbapi_connection)
            record.dbapi_connection = proxy.dbapi_connection = None  # type: ignore[misc]
            raise DisconnectionError

    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", refuse)


def drop_broken(engine: Engine, broken: Callable[[DBAPIError], bool]) -> None:
    """Never use a connection again on which an error happened that `broken` says is one of the file or the disk.

    A file that could not be opened for writing at one bad moment stays read-only to SQLite, and what it believes of a
    lock that could not be given back stays as well: a server would sign nothing any more until it is started again.
    """

    def judge(context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError) and broken(error):
            if context.execution_context is not None:  # SQLite closes no file while a statement is at work on it
                context.execution_context.cursor.close()
            context.is_disconnect = True
            # Only this one: others may be a parent's, which a forked child must not close.
            context.invalidate_pool_on_disconnect = False

    event.listen(engine, "handle_error", judge)

"""What both databases share: transactions that begin as we say, and connections that belong to one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
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
    """Never use a connection again that was made when `identity` said otherwise: in another process, to another file."""

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

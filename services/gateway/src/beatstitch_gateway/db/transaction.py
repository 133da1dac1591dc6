"""Transactions, and what has to happen once they are committed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy import exc
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.sql import Executable

from beatstitch.v1 import failure_pb2
from beatstitch.v1.job_pb2 import Job, JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db.pool import watch_pool
from beatstitch_gateway.db.reads import Question, Reads
from beatstitch_runtime.tls import TlsFiles, client_context

CONNECT_TIMEOUT_S = 5.0
POOL_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
RETRY_AFTER_S = 1.0
# A replica that hangs, or whose host is lost without a word, keeps its locks for a minute and not
# for PostgreSQL's two hours.
SESSION = {
    "application_name": "beatstitch-gateway",
    "idle_in_transaction_session_timeout": "60000",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# SQLSTATE classes that say "not now" rather than "your statement is wrong": connection exceptions,
# insufficient resources, operator intervention (shutdown), and rolled-back transactions (deadlock).
_PASSING_CLASSES = ("08", "53", "57", "40", "55")


@dataclass
class Aftermath:
    """What to do after the commit, and only then. Collected as facts, done in one place.

    Attributes:
        changed: Jobs that changed: id → tenant. Watchers are told.
        queued: Whether the outbox has new rows.
        ended: Jobs that came to their end, by id; counted.
        accepted: Stitches to be begun.
        cancelled: Jobs that workers are to drop: id → sequence of the queued message, if any.
        unwanted_keys: Objects that no row names any more.
        unwanted_uploads: Multipart uploads to abort: (key, upload id).
    """

    changed: dict[str, str] = field(default_factory=dict)
    queued: bool = False
    ended: dict[str, Job] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    cancelled: dict[str, int | None] = field(default_factory=dict)
    unwanted_keys: list[str] = field(default_factory=list)
    unwanted_uploads: list[tuple[str, str]] = field(default_factory=list)


class Transaction:
    """An open transaction; the repositories' first argument.

    Attributes:
        after: What to do once it is committed.
        job_limits_s: How long new jobs may take, by type; see `jobs/deadlines.py`.
    """

    def __init__(
        self, connection: AsyncConnection, job_limits_s: Mapping[JobType.ValueType, float]
    ) -> None:
        self._connection = connection
        self.after = Aftermath()
        self.job_limits_s = job_limits_s

    async def execute(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> CursorResult[Any]:
        """Runs one statement; `values` are those of its named `bindparam`s."""
        return await self._connection.execute(statement, values)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What is written inside is taken back when the block raises; the rest stays."""
        async with self._connection.begin_nested():
            yield


class Database:
    """The pool of connections.

    Args:
        url: SQLAlchemy's style, `postgresql+asyncpg://…`.
        pool_size: Connections that are kept open.
        tls: Files for an encrypted connection; None for what the URL says.

    Raises:
        OSError: The files can't be used.
    """

    def __init__(self, url: str, pool_size: int = 10, tls: TlsFiles | None = None) -> None:
        connect_args: dict[str, Any] = {
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": SESSION,
            **encryption(tls),
        }
        self._reads = Reads(url, pool_size, connect_args)
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT_S,
            # Errors would carry the parameters: media names, hashes of keys. Not for logs.
            hide_parameters=True,
            connect_args=connect_args,
        )
        watch_pool(self._engine)
        # The same pool; each statement is a transaction of its own, so there is nothing to begin
        # and nothing to commit: one way to the database and back where a transaction takes three.
        self._readers = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self.on_commit: Callable[[Aftermath], None] = lambda _after: None
        self.job_limits_s: Mapping[JobType.ValueType, float] = {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One transaction: committed at the block's end, rolled back when the block raises.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN (dependency=database) when the database is away.
        """
        with _translated():
            async with self._engine.begin() as connection:
                transaction = Transaction(connection, self.job_limits_s)
                yield transaction
        self.on_commit(transaction.after)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """For looking only: each statement sees what is committed when it begins.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN (dependency=database) when the database is away.
        """
        with _translated():
            async with self._readers.connect() as connection:
                yield Transaction(connection, self.job_limits_s)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own that commits each statement, for locks that last."""
        with _translated():
            async with self._engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def row(self, question: Question, **named: object) -> tuple[Any, ...] | None:
        """The first row that answers a question that is asked all day; None when there is none.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN (dependency=database) when the database is away.
        """
        with _translated():
            return await self._reads.row(question, **named)

    async def close(self) -> None:
        """Closes all connections."""
        await self._reads.close()
        await self._engine.dispose()


def encryption(tls: TlsFiles | None) -> dict[str, Any]:
    """What asyncpg is told on top: the server's certificate and name are verified.

    Raises:
        OSError: The files can't be used.
    """
    return {"ssl": client_context(tls)} if tls is not None and tls.wanted else {}


class _translated:  # noqa: N801 - reads as a statement where it is used
    """Turns the driver's errors into DEPENDENCY_DOWN where the database is to blame."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and is_outage(error):
            raise database_down() from error


def is_outage(error: BaseException) -> bool:
    """Whether the database is away or overloaded, as opposed to a fault of ours."""
    # The first one: no connection became free.
    if isinstance(error, (exc.TimeoutError, exc.InterfaceError, asyncpg.InterfaceError)):
        return True
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated:
            return True
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return state.startswith(_PASSING_CLASSES) or isinstance(
            error.orig, (OSError, asyncio.TimeoutError)
        )
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_PASSING_CLASSES)
    # asyncpg lets the socket's own errors through while it connects.
    return isinstance(error, (OSError, ssl.SSLError, asyncio.TimeoutError))


def database_down() -> BeatStitchError:
    """The error that callers see while the database is away."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
        "the database is away",
        metadata={"dependency": "database"},
        retry_after_s=RETRY_AFTER_S,
    )

"""The few questions that are asked all day, on the shortest way.

A row by its id costs SQLAlchemy several times what PostgreSQL takes for it: the statement is built,
looked up and run through two layers. Here the statement is written with SQLAlchemy once, compiled
once, and then asked of the driver directly. Everything else goes through `transaction.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


class Question:
    """A SELECT whose values are named `bindparam`s.

    Args:
        statement: The SELECT.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.text = str(compiled)
        self._names = tuple(compiled.positiontup or ())

    def values(self, named: Mapping[str, object]) -> tuple[object, ...]:
        """The values in the statement's order."""
        return tuple(named[name] for name in self._names)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    def get_reset_query(self) -> str:
        """Nothing to put back: nobody changes the session's state, and asking costs a round."""
        return ""


class Reads:
    """Connections for looking only; each question sees what is committed when it is asked.

    Args:
        url: SQLAlchemy's style, `postgresql+asyncpg://…`.
        most: Connections at most; they are opened when they are needed.
        connect_args: What the driver is told on top.
    """

    def __init__(self, url: str, most: int, connect_args: Mapping[str, Any]) -> None:
        _, known = _DIALECT.create_connect_args(sa.make_url(url))  # type: ignore[no-untyped-call]
        known = {k: v for k, v in known.items() if not k.startswith("prepared_statement")}
        self._options = {**known, **connect_args, "min_size": 0, "max_size": most}
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def row(self, question: Question, **named: object) -> tuple[Any, ...] | None:
        """The first row, None when there is none.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: As the driver.
        """
        values = question.values(named)
        try:
            return await self._ask(question.text, values)
        except (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, ConnectionError):
            # It died unnoticed, as when the server restarts; looking twice harms nobody.
            return await self._ask(question.text, values)

    async def _ask(self, text: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        pool = self._pool or await self._open()
        row = await pool.fetchrow(text, *values)
        return None if row is None else tuple(row)

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connection_class=_Connection, **self._options
                )
            return self._pool

    async def close(self) -> None:
        """Closes all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

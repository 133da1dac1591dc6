"""Connections that died while nobody used them are found without asking each time.

SQLAlchemy's own `pool_pre_ping` costs three ways to the database and back before every transaction.
A server that restarts or a proxy that hangs up closes the socket, which the driver knows by itself;
only a connection that nobody used for a while may be dead without a sign, and that one is asked.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncEngine

ASK_AFTER_S = 5.0
_USED = "beatstitch_used"


def watch_pool(engine: AsyncEngine, ask_after_s: float = ASK_AFTER_S) -> None:
    """Replace dead connections when they are taken out of the pool.

    Args:
        engine: Whose pool.
        ask_after_s: How long a connection may lie unused before it is asked whether it lives.
    """
    dialect: Any = engine.sync_engine.dialect

    def taken(connection: Any, record: Any, _proxy: object) -> None:  # noqa: ANN401 - SQLAlchemy's
        if connection.driver_connection.is_closed():
            raise exc.DisconnectionError("closed while it lay in the pool")
        if time.monotonic() - record.info.get(_USED, 0.0) > ask_after_s:
            try:
                dialect.do_ping(connection)
            except Exception as error:
                raise exc.DisconnectionError("no answer") from error

    def given_back(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        if connection is not None:
            record.info[_USED] = time.monotonic()

    event.listen(engine.sync_engine.pool, "checkout", taken)
    event.listen(engine.sync_engine.pool, "checkin", given_back)

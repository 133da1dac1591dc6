"""`python -m beatstitch_gateway.migrate`: brings the database's tables up to date.

Safe when several replicas start at once: one migrates, the others wait for it and find it done.
"""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from beatstitch_gateway.db.transaction import encryption
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.tls import TlsFiles

LOCK = 0x62656174  # "beat": our own number among the database's advisory locks


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", "beatstitch_gateway:migrations")
    config.attributes["connection"] = connection
    return config


async def upgrade(url: str, tls: TlsFiles | None = None) -> None:
    """Brings the database at `url` (SQLAlchemy's style) to the newest revision."""
    engine = create_async_engine(url, poolclass=NullPool, connect_args=encryption(tls))
    try:
        async with engine.connect() as guard:
            # The lock lives as long as this session, so it ends with the process too.
            await guard.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
            async with engine.connect() as connection:
                await connection.run_sync(
                    lambda sync: command.upgrade(alembic_config(sync), "head")
                )
                await connection.commit()
    finally:
        await engine.dispose()


def main() -> None:
    """Upgrades the database of the environment."""
    settings = DatabaseSettings()
    asyncio.run(upgrade(settings.database_url.get_secret_value(), settings.database_tls))


if __name__ == "__main__":
    main()

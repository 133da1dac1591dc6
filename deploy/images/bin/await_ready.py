"""Waits until the cluster is prepared for this image: an init container of every service.

Prepared means: all streams and consumers exist and, in the gateway's image, the database is at this
image's revision or a newer one. A revision that this image doesn't know is a newer one: migrations
only add until the last old replica is gone. No token of the Kubernetes API is needed for any of it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
import time

import nats.errors
from nats.js.errors import NotFoundError

from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.subjects import DEAD, EVENTS, JOBS
from beatstitch_runtime.jobs.topology import consumers, streams
from beatstitch_runtime.settings import ServiceSettings

log = logging.getLogger("await_ready")

PAUSE_S = 2.0
PATIENCE_S = 300.0


async def missing_streams(settings: ServiceSettings) -> str:
    """What NATS lacks, in words; empty when it lacks nothing."""
    try:
        bus = await Bus.connect(settings)
    except BeatStitchError as error:
        return str(error)
    wanted = ""
    try:
        # A worker may only look at what it works on; the rest is made before it, or by the gateway.
        seen = {JOBS} if settings.nats_narrow_rights else {JOBS, EVENTS, DEAD}
        for stream in streams(settings):
            if stream.name not in seen:
                continue
            wanted = f"stream {stream.name}"
            await bus.js.stream_info(stream.name)
        for stream_name, consumer in consumers(settings):
            if stream_name not in seen:
                continue
            wanted = f"consumer {stream_name}/{consumer.name}"
            await bus.js.consumer_info(stream_name, consumer.name or "")
    except NotFoundError:
        return f"no {wanted}"
    except (nats.errors.Error, TimeoutError) as error:
        return f"{wanted}: {error!r}"
    finally:
        await bus.close()
    return ""


async def missing_tables() -> str:
    """What the database lacks, in words; empty when it lacks nothing."""
    import sqlalchemy as sa  # noqa: PLC0415 - only the gateway's image has these
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    from beatstitch_gateway.db.transaction import encryption  # noqa: PLC0415
    from beatstitch_gateway.migrate import alembic_config  # noqa: PLC0415
    from beatstitch_gateway.settings import DatabaseSettings  # noqa: PLC0415

    settings = DatabaseSettings()
    engine = create_async_engine(
        settings.database_url.get_secret_value(), connect_args=encryption(settings.database_tls)
    )

    def lacks(connection: sa.Connection) -> str:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
        known = {script.revision for script in scripts.walk_revisions()}
        heads = set(scripts.get_heads())
        current = set(MigrationContext.configure(connection).get_current_heads())
        if current and (current == heads or current - known):
            return ""
        return f"the database is at {', '.join(sorted(current)) or 'no revision'}"

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lacks)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return f"the database can't be asked: {type(error).__name__}"
    finally:
        await engine.dispose()


async def main() -> int:
    """Waits; 1 when it took too long, so that the pod's status shows it."""
    settings = ServiceSettings()
    ends = time.monotonic() + PATIENCE_S
    has_database = importlib.util.find_spec("beatstitch_gateway") is not None
    while True:
        lack = await missing_streams(settings)
        if not lack and has_database:
            lack = await missing_tables()
        if not lack:
            return 0
        if time.monotonic() > ends:
            log.error("not prepared: %s", lack)
            return 1
        log.info("waiting: %s", lack)
        await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(asyncio.run(main()))

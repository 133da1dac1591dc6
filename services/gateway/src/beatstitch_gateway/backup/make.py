"""Making a backup. What an earlier one has copied already is not read again."""

from __future__ import annotations

import asyncio
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.failure_pb2 import ERROR_REASON_OBJECT_MISSING
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.backup import folder as files
from beatstitch_gateway.backup import manifest, postgres
from beatstitch_gateway.backup.manifest import Kept, Summary
from beatstitch_gateway.db.transaction import encryption
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.storage import Storage, Stored

log = logging.getLogger(__name__)

# Copies that are made at once; each may be gigabytes on its way to a disk.
AT_ONCE = 4


async def make(
    settings: DatabaseSettings,
    storage: Storage,
    root: Path,
    *,
    copies: bool,
    dumped: Path | None = None,
) -> Path:
    """Makes a backup below `root`.

    Args:
        settings: Where the database is.
        storage: The bucket.
        root: Folder of all backups; made where it is missing.
        copies: Whether to copy the objects whose loss would be a loss (see `worth_copying`); else
            the bucket is only listed, which is enough where the bucket has versions or a replica.
        dumped: A dump that was just made, where `pg_dump` runs in a container of its own.

    Returns:
        The backup's folder. It has a `backup.json` only when everything else is there.

    Raises:
        ProgramError: The dump failed.
        BeatStitchError: The bucket is away.
    """
    begun = datetime.now(UTC)
    before = files.newest(root)
    known = files.read(before)[1] if before is not None else {}
    made = root / begun.strftime("%Y%m%dT%H%M%SZ")
    made.mkdir(parents=True)
    database = made / files.DATABASE
    if dumped is None:
        await postgres.dump(settings, database)
    else:
        await asyncio.to_thread(shutil.copyfile, dumped, database)
    revision = await _revision(settings)

    gate = asyncio.Semaphore(AT_ONCE)

    async def keep(stored: Stored) -> Kept | None:
        async with gate:
            return await _keep(stored, storage, root, known=known, copies=copies)

    found = [stored async for stored in storage.inventory("t/")]
    kept = [one for one in await asyncio.gather(*map(keep, found)) if one is not None]
    kept.sort(key=lambda one: one.key)
    objects = made / files.OBJECTS
    await asyncio.to_thread(objects.write_text, "".join(manifest.dump(kept)), "utf-8")
    copied = [one for one in kept if one.copied]
    summary = Summary(
        format=manifest.FORMAT,
        time=begun.isoformat(timespec="seconds"),
        revision=revision,
        database_sha256=await asyncio.to_thread(files.sha256_of, database),
        objects_sha256=await asyncio.to_thread(files.sha256_of, objects),
        objects=len(kept),
        copied=len(copied),
        copied_bytes=sum(one.size_bytes for one in copied),
    )
    await asyncio.to_thread(files.write_durably, made / files.SUMMARY, summary.dump())
    return made


async def _keep(
    stored: Stored, storage: Storage, root: Path, *, known: dict[str, Kept], copies: bool
) -> Kept | None:
    """The object's line, its bytes copied where they have to be; None when it went meanwhile."""
    modified = stored.modified.isoformat(timespec="seconds")
    plain = Kept(stored.key, stored.size_bytes, modified)
    then = known.get(stored.key)
    if (
        then is not None
        and manifest.same(then, stored.key, stored.size_bytes, modified)
        and await asyncio.to_thread(files.copy_of(root, then.sha256).exists)
    ):
        return then
    if not copies or not manifest.worth_copying(stored.key):
        return plain
    with TemporaryDirectory(dir=root, prefix=".copy-") as scratch:
        path = Path(scratch) / "object"
        try:
            ref = await storage.fetch(ObjectRef(key=stored.key), path)
        except BeatStitchError as error:
            if error.reason == ERROR_REASON_OBJECT_MISSING:
                return None
            raise
        target = files.copy_of(root, ref.sha256)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(path.replace, target)
    return Kept(stored.key, ref.size_bytes, modified, ref.sha256, copied=True)


async def _revision(settings: DatabaseSettings) -> str:
    """Alembic's revision of the database."""
    engine = create_async_engine(
        settings.database_url.get_secret_value(),
        poolclass=NullPool,
        connect_args=encryption(settings.database_tls),
    )
    try:
        async with engine.connect() as connection:
            found = await connection.execute(sa.text("select version_num from alembic_version"))
            return str(found.scalar_one())
    finally:
        await engine.dispose()

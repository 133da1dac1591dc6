"""The way back: an empty database and whatever is left of the bucket, as a backup has them.

Afterwards open jobs are published again by the gateway's reconciler, as after any loss of NATS.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway import migrate
from beatstitch_gateway.backup import folder as files
from beatstitch_gateway.backup import manifest, postgres
from beatstitch_gateway.backup.manifest import Kept, Summary
from beatstitch_gateway.db.transaction import encryption
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_runtime.storage import Storage

AT_ONCE = 8


class NotEmptyError(Exception):
    """The database has tables already: nothing is ever written over."""


@dataclass
class Found:
    """What became of the bucket's objects.

    Attributes:
        there: Objects that were there, of the right size.
        restored: Objects that were put back from their copies.
        remade: By kind, those that are gone and are made again when they are needed.
        lost: Keys that are gone and can't be made again.
    """

    there: int = 0
    restored: int = 0
    remade: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


async def restore_database(settings: DatabaseSettings, folder: Path) -> Summary:
    """Reads the dump into an empty database and brings it to this version's tables.

    Raises:
        NotEmptyError: The database isn't empty.
        BrokenBackupError: The backup isn't whole.
        ProgramError: The dump can't be read; the database is empty still.
    """
    summary, _ = await asyncio.to_thread(files.read, folder)
    if await _tables(settings):
        msg = "the database has tables already; a backup is restored into an empty one"
        raise NotEmptyError(msg)
    await postgres.restore(settings, folder / files.DATABASE)
    await migrate.upgrade(settings.database_url.get_secret_value(), settings.database_tls)
    return summary


async def restore_objects(storage: Storage, folder: Path) -> Found:
    """Puts back what the bucket has lost. May be repeated; what is there is left alone.

    Raises:
        BrokenBackupError: The backup isn't whole.
        BeatStitchError: The bucket is away.
    """
    _, objects = await asyncio.to_thread(files.read, folder)
    found = Found()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(kept: Kept) -> None:
        async with gate:
            await _put_back(kept, storage, folder.parent, found)

    async with asyncio.TaskGroup() as group:
        for kept in objects.values():
            group.create_task(one(kept))
    found.lost.sort()
    return found


async def _put_back(kept: Kept, storage: Storage, root: Path, found: Found) -> None:
    if await storage.head(kept.key) == kept.size_bytes:
        found.there += 1
        return
    copy = files.copy_of(root, kept.sha256) if kept.copied else None
    if copy is not None and await asyncio.to_thread(_whole, copy, kept.sha256):
        await storage.put_file(kept.key, copy)
        found.restored += 1
    elif manifest.worth_copying(kept.key):
        found.lost.append(kept.key)
    else:
        found.remade[manifest.kind_of(kept.key)] += 1


def _whole(path: Path, sha256: str) -> bool:
    return path.exists() and files.sha256_of(path) == sha256


async def verify(storage: Storage | None, folder: Path) -> list[str]:
    """What is wrong with a backup: copies that are missing or damaged, objects that nobody has.

    Args:
        storage: The bucket, to look for what was only listed; None to look at the copies alone.
        folder: The backup.

    Raises:
        BrokenBackupError: Not even its lists are whole.
    """
    _, objects = await asyncio.to_thread(files.read, folder)
    wrong: list[str] = []
    for kept in objects.values():
        if kept.copied:
            if not await asyncio.to_thread(
                _whole, files.copy_of(folder.parent, kept.sha256), kept.sha256
            ):
                wrong.append(f"{kept.key}: its copy is missing or damaged")
        elif storage is not None and manifest.worth_copying(kept.key):
            try:
                size = await storage.head(kept.key)
            except BeatStitchError as error:
                wrong.append(f"{kept.key}: {error.message}")
                continue
            if size != kept.size_bytes:
                wrong.append(f"{kept.key}: not copied, and not in the bucket as it was")
    return wrong


async def _tables(settings: DatabaseSettings) -> list[str]:
    engine = create_async_engine(
        settings.database_url.get_secret_value(),
        poolclass=NullPool,
        connect_args=encryption(settings.database_tls),
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    finally:
        await engine.dispose()

"""Assets: the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.engine import Row

from beatstitch.v1 import asset_pb2, common_pb2
from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.job_pb2 import BeatAnalysisResult
from beatstitch_core.ids import is_id
from beatstitch_core.keys import input_key, tenant_prefix
from beatstitch_gateway.db.not_found import known_ids, no_asset
from beatstitch_gateway.db.scope import owned
from beatstitch_gateway.db.tables import assets
from beatstitch_gateway.db.transaction import Transaction

READY = asset_pb2.ASSET_STATE_READY
AUDIO = common_pb2.MEDIA_TYPE_AUDIO
# Media by position, then audio: one integer that sorts so.
_AFTER_ALL_MEDIA = 2_000_000_000


@dataclass
class AssetRow:
    """An asset and what was made of it.

    Attributes:
        tenant: Whose.
        asset: What clients see.
        declared_sha256: What the client declared; may be empty.
        thumbnail: A JPEG, or None.
        beat_grid: Canonical JSON of a BeatGrid, or None.
        waveform: The analyzer's format, or None.
        analysis: What the newest finished analysis told clients, or None.
        heard_grid: The grid before corrections, or None.
        activations: What the tracker's network made of the song, or None.
        overlay: The corrections that are in `beat_grid`.
        filmstrip: A JPEG of a clip's frames side by side, or None.
        filmstrip_frames: How many.
        proxy: A small copy of a clip, or None.
    """

    tenant: str
    asset: Asset
    declared_sha256: str = ""
    thumbnail: ObjectRef | None = None
    beat_grid: ObjectRef | None = None
    waveform: ObjectRef | None = None
    analysis: BeatAnalysisResult | None = None
    heard_grid: ObjectRef | None = None
    activations: ObjectRef | None = None
    overlay: BeatGridOverlay = field(default_factory=BeatGridOverlay)
    filmstrip: ObjectRef | None = None
    filmstrip_frames: int = 0
    proxy: ObjectRef | None = None

    @property
    def is_audio(self) -> bool:
        """Whether it is a song rather than a picture or a clip."""
        return self.asset.media_type == AUDIO

    @property
    def key(self) -> str:
        """Key of its bytes."""
        return input_key(tenant_prefix(self.tenant), self.asset.id)

    @property
    def object(self) -> ObjectRef:
        """Its bytes; sha256 as measured, else as declared, else empty."""
        return ObjectRef(
            key=self.key,
            sha256=self.asset.sha256 or self.declared_sha256,
            size_bytes=self.asset.size_bytes,
        )


def _read(row: Row[Any]) -> AssetRow:
    def ref(value: bytes | None) -> ObjectRef | None:
        return ObjectRef.FromString(value) if value else None

    return AssetRow(
        tenant=row.tenant,
        asset=Asset.FromString(row.message),
        declared_sha256=row.declared_sha256,
        thumbnail=ref(row.thumbnail),
        beat_grid=ref(row.beat_grid),
        waveform=ref(row.waveform),
        analysis=BeatAnalysisResult.FromString(row.analysis) if row.analysis else None,
        heard_grid=ref(row.heard_grid),
        activations=ref(row.activations),
        overlay=BeatGridOverlay.FromString(row.overlay or b""),
        filmstrip=ref(row.filmstrip),
        filmstrip_frames=row.filmstrip_frames,
        proxy=ref(row.proxy),
    )


def _columns(row: AssetRow) -> dict[str, Any]:
    def data(value: Message | None) -> bytes | None:
        return value.SerializeToString() if value is not None else None

    return {
        "media_type": row.asset.media_type,
        "state": row.asset.state,
        "position": _AFTER_ALL_MEDIA if row.is_audio else row.asset.position,
        "message": row.asset.SerializeToString(),
        "declared_sha256": row.declared_sha256,
        "thumbnail": data(row.thumbnail),
        "beat_grid": data(row.beat_grid),
        "waveform": data(row.waveform),
        "analysis": data(row.analysis),
        "heard_grid": data(row.heard_grid),
        "activations": data(row.activations),
        "overlay": data(row.overlay),
        "filmstrip": data(row.filmstrip),
        "filmstrip_frames": row.filmstrip_frames,
        "proxy": data(row.proxy),
        "size_bytes": row.asset.size_bytes,
    }


async def insert(tx: Transaction, row: AssetRow) -> None:
    """Stores a new asset."""
    await tx.execute(
        sa.insert(assets).values(
            id=row.asset.id, tenant=row.tenant, project_id=row.asset.project_id, **_columns(row)
        )
    )


async def update(tx: Transaction, row: AssetRow) -> None:
    """Stores an asset's new values and stamps its update_time."""
    row.asset.update_time.GetCurrentTime()
    await tx.execute(
        sa.update(assets)
        .where(assets.c.tenant == row.tenant, assets.c.id == row.asset.id)
        .values(**_columns(row))
    )


async def find(
    tx: Transaction, tenant: str, asset_id: str, *, lock: bool = False
) -> AssetRow | None:
    """An asset of the tenant, or None."""
    if not is_id(asset_id):
        return None
    query = sa.select(assets).where(owned(assets, tenant), assets.c.id == asset_id)
    if lock:
        query = query.with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    return _read(row) if row is not None else None


async def get(tx: Transaction, tenant: str, asset_id: str, *, lock: bool = False) -> AssetRow:
    """An asset of the tenant.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND.
    """
    row = await find(tx, tenant, asset_id, lock=lock)
    if row is None:
        raise no_asset(asset_id)
    return row


async def get_many(
    tx: Transaction, tenant: str, project_id: str, asset_ids: Iterable[str]
) -> dict[str, AssetRow]:
    """Those of the given assets that are in the project, by id."""
    query = sa.select(assets).where(
        owned(assets, tenant),
        assets.c.project_id == project_id,
        assets.c.id.in_(known_ids(list(asset_ids))),
    )
    rows = [_read(row) for row in await tx.execute(query)]
    return {row.asset.id: row for row in rows}


async def all_ready(tx: Transaction, tenant: str, project_id: str) -> list[AssetRow]:
    """All READY assets of a project, songs too."""
    query = sa.select(assets).where(
        owned(assets, tenant), assets.c.project_id == project_id, assets.c.state == READY
    )
    return [_read(row) for row in await tx.execute(query.order_by(assets.c.id))]


async def media(
    tx: Transaction, tenant: str, project_id: str, *, lock: bool = False
) -> list[AssetRow]:
    """All pictures and clips of a project by position; at most the limit's number."""
    query = (
        sa.select(assets)
        .where(
            owned(assets, tenant),
            assets.c.project_id == project_id,
            assets.c.media_type != AUDIO,
        )
        .order_by(assets.c.position, assets.c.id)
    )
    if lock:
        query = query.with_for_update(key_share=True)
    return [_read(row) for row in await tx.execute(query)]


async def newest_song(
    tx: Transaction, tenant: str, project_id: str, *, ready: bool
) -> AssetRow | None:
    """The project's newest song, or its newest READY one."""
    query = sa.select(assets).where(
        owned(assets, tenant), assets.c.project_id == project_id, assets.c.media_type == AUDIO
    )
    if ready:
        query = query.where(assets.c.state == READY)
    row = (await tx.execute(query.order_by(assets.c.id.desc()).limit(1))).one_or_none()
    return _read(row) if row is not None else None


async def page(
    tx: Transaction, tenant: str, project_id: str, size: int, after: tuple[int, str] | None
) -> list[tuple[AssetRow, int]]:
    """Up to `size` assets after the key (place, id), each with its place."""
    query = sa.select(assets).where(owned(assets, tenant), assets.c.project_id == project_id)
    if after is not None:
        place, last_id = after
        query = query.where(
            sa.tuple_(assets.c.position, assets.c.id)
            > sa.tuple_(sa.literal(place, sa.Integer), sa.literal(last_id, assets.c.id.type))
        )
    rows = await tx.execute(query.order_by(assets.c.position, assets.c.id).limit(size))
    return [(_read(row), row.position) for row in rows]


async def count_media(tx: Transaction, project_id: str) -> tuple[int, int]:
    """How many pictures and clips the project has, and the first free position.

    The caller holds the project's lock.
    """
    query = sa.select(
        sa.func.count().label("media"),
        sa.func.coalesce(sa.func.max(assets.c.position), -1).label("last"),
    ).where(assets.c.project_id == project_id, assets.c.media_type != AUDIO)
    row = (await tx.execute(query)).one()
    return row.media, row.last + 1


async def keys(tx: Transaction, tenant: str, project_id: str) -> list[str]:
    """Keys of all bytes that the project brought in."""
    query = sa.select(assets.c.id).where(owned(assets, tenant), assets.c.project_id == project_id)
    prefix = tenant_prefix(tenant)
    return [input_key(prefix, asset_id) for asset_id in (await tx.execute(query)).scalars()]


async def delete(tx: Transaction, tenant: str, asset_id: str) -> None:
    """Deletes an asset's rows."""
    await tx.execute(sa.delete(assets).where(owned(assets, tenant), assets.c.id == asset_id))

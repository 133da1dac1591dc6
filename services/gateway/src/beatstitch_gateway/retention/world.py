"""What the rows of one tenant say about the bucket."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

import sqlalchemy as sa

from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.render_pb2 import Render
from beatstitch_core.keys import artefact_key, input_key, proof_key, tenant_prefix
from beatstitch_gateway.db.tables import assets, renders, timelines, uploads
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.retention.needs import Needs, open_needs

_OF_ASSETS = ("thumbnail", "beat_grid", "waveform", "heard_grid", "activations")
# What can be made anew and goes when nobody uses it.
PROXIES = ("filmstrip", "proxy")


@dataclass(frozen=True)
class Output:
    """The video of a render.

    Attributes:
        render_id: The render.
        key: Of the video.
        proof: Of what is kept beside it for equal requests.
        edl_hash: Of what was rendered.
        profile: The profile's name.
        finished: When it was made.
        expired: Whether the row says already that it is gone.
    """

    render_id: str
    key: str
    proof: str
    edl_hash: str
    profile: str
    finished: datetime
    expired: bool


@dataclass(frozen=True)
class OpenUpload:
    """An upload that was declared and not completed.

    Attributes:
        asset_id: Whose bytes.
        key: Of the object that it would be.
        upload_id: S3's id; empty for a single PUT.
        ends: When its links stop working.
    """

    asset_id: str
    key: str
    upload_id: str
    ends: datetime


@dataclass
class World:
    """What rows say.

    Attributes:
        prefix: Of all of the tenant's keys.
        named: Objects that stay as long as the rows do.
        proxies: Proxies and filmstrips: key → ids of the assets that name it.
        outputs: Videos of renders.
        uploads: Uploads under way.
        needs: What open jobs need.
    """

    prefix: str
    named: set[str] = field(default_factory=set)
    proxies: dict[str, set[str]] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    uploads: list[OpenUpload] = field(default_factory=list)
    needs: Needs = field(default_factory=Needs)


async def read_world(tx: Transaction, tenant: str) -> World:
    """Reads all that the tenant's rows say."""
    world = World(tenant_prefix(tenant))
    await _read_assets(tx, tenant, world)
    await _read_timelines(tx, tenant, world)
    await _read_renders(tx, tenant, world)
    await _read_uploads(tx, tenant, world)
    world.needs = await open_needs(tx, tenant)
    return world


async def _read_assets(tx: Transaction, tenant: str, world: World) -> None:
    columns = [assets.c[name] for name in (*_OF_ASSETS, *PROXIES)]
    query = sa.select(assets.c.id, *columns).where(assets.c.tenant == tenant)
    for row in await tx.execute(query):
        world.named.add(input_key(world.prefix, row.id))
        world.named.update(_key(getattr(row, name)) for name in _OF_ASSETS)
        for name in PROXIES:
            if key := _key(getattr(row, name)):
                world.proxies.setdefault(key, set()).add(row.id)


async def _read_timelines(tx: Transaction, tenant: str, world: World) -> None:
    query = sa.select(timelines.c.edl_key, timelines.c.beat_grid)
    for row in await tx.execute(query.where(timelines.c.tenant == tenant)):
        world.named.update((row.edl_key, _key(row.beat_grid)))


async def _read_renders(tx: Transaction, tenant: str, world: World) -> None:
    columns = [renders.c[name] for name in ("message", "output", "poster", "contact_sheet")]
    query = sa.select(*columns, renders.c.finish_time, renders.c.expired)
    for row in await tx.execute(query.where(renders.c.tenant == tenant)):
        render = Render.FromString(row.message)
        # Also of an expired one: it may be made again.
        edl = artefact_key(world.prefix, "edl", render.rendered_edl_hash, ".json")
        world.named.update((_key(row.poster), _key(row.contact_sheet), edl))
        if row.output is None or row.finish_time is None:
            continue
        key = _key(row.output)
        world.outputs.append(
            Output(
                render_id=render.id,
                key=key,
                proof=proof_key(world.prefix, PurePosixPath(key).stem, render.rendered_edl_hash),
                edl_hash=render.rendered_edl_hash,
                profile=render.profile,
                finished=row.finish_time,
                expired=row.expired,
            )
        )


async def _read_uploads(tx: Transaction, tenant: str, world: World) -> None:
    query = sa.select(uploads).join(assets, assets.c.id == uploads.c.asset_id)
    for row in await tx.execute(query.where(assets.c.tenant == tenant)):
        key = input_key(world.prefix, row.asset_id)
        world.uploads.append(OpenUpload(row.asset_id, key, row.upload_id, row.expire_time))


def _key(ref: bytes | None) -> str:
    return ObjectRef.FromString(ref).key if ref else ""

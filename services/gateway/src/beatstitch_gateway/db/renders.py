"""Renders: the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch.internal.v1.job_event_pb2 import RenderOutput
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.render_pb2 import Render, RenderManifest, SyncReport
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.not_found import no_render
from beatstitch_gateway.db.scope import owned
from beatstitch_gateway.db.tables import renders
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class RenderRow:
    """A render.

    Attributes:
        render: What clients see; manifest and report set when they are there.
        output: The video, or None.
        poster: A JPEG that stands for it, or None.
        contact_sheet: A JPEG of frames in rows, or None.
        finish_time: When its output was made, the last time; None before.
    """

    render: Render
    output: ObjectRef | None = None
    poster: ObjectRef | None = None
    contact_sheet: ObjectRef | None = None
    finish_time: datetime | None = None


def _read(row: Row[Any]) -> RenderRow:
    render = _told(row)
    if row.manifest is not None:
        render.manifest.CopyFrom(RenderManifest.FromString(row.manifest))
    if row.sync_report is not None:
        render.sync_report.CopyFrom(SyncReport.FromString(row.sync_report))
    pictures = (_ref(row.poster), _ref(row.contact_sheet))
    return RenderRow(render, _ref(row.output), *pictures, row.finish_time)


def _told(row: Row[Any]) -> Render:
    render = Render.FromString(row.message)
    render.expired = row.expired
    return render


def _ref(data: bytes | None) -> ObjectRef | None:
    return ObjectRef.FromString(data) if data else None


async def insert(tx: Transaction, tenant: str, render: Render) -> None:
    """Stores a new render."""
    await tx.execute(
        sa.insert(renders).values(
            id=render.id,
            tenant=tenant,
            project_id=render.project_id,
            message=render.SerializeToString(),
        )
    )


async def finish(tx: Transaction, render_id: str, made: RenderOutput) -> None:
    """Stores what a render made."""
    await tx.execute(
        sa.update(renders)
        .where(renders.c.id == render_id)
        .values(
            output=made.output.SerializeToString(),
            size_bytes=made.output.size_bytes,
            manifest=made.manifest.SerializeToString(),
            sync_report=made.sync_report.SerializeToString(),
            poster=made.poster.SerializeToString() or None,
            contact_sheet=made.contact_sheet.SerializeToString() or None,
            finish_time=sa.func.now(),
            expired=False,
        )
    )


async def make_again(tx: Transaction, render: Render, job_id: str) -> Render:
    """Names the job that makes an output again; the render without manifest and report."""
    query = sa.select(renders.c.message).where(renders.c.id == render.id).with_for_update()
    kept = Render.FromString((await tx.execute(query)).scalar_one())
    kept.job_id = job_id
    await tx.execute(
        sa.update(renders).where(renders.c.id == render.id).values(message=kept.SerializeToString())
    )
    return kept


async def get(tx: Transaction, tenant: str, render_id: str, *, lock: bool = False) -> RenderRow:
    """A render of the tenant.

    Raises:
        BeatStitchError: RENDER_NOT_FOUND.
    """
    if not is_id(render_id):
        raise no_render(render_id)
    query = sa.select(renders).where(owned(renders, tenant), renders.c.id == render_id)
    if lock:
        query = query.with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise no_render(render_id)
    return _read(row)


async def page(
    tx: Transaction, tenant: str, project_id: str, size: int, before_id: str | None
) -> list[RenderRow]:
    """Up to `size` renders, newest first, older than `before_id`, without manifest and report."""
    columns = (renders.c.message, renders.c.expired, renders.c.finish_time)
    query = sa.select(*columns).where(owned(renders, tenant), renders.c.project_id == project_id)
    if before_id:
        query = query.where(renders.c.id < before_id)
    rows = await tx.execute(query.order_by(renders.c.id.desc()).limit(size))
    return [RenderRow(_told(row), finish_time=row.finish_time) for row in rows]

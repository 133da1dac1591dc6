"""Timelines: the revisions of a project's EDL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.canonical import parse_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.tables import timelines
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class TimelineRow:
    """A revision.

    Attributes:
        timeline: What clients see, without the EDL.
        edl: The EDL's canonical JSON.
        edl_key: Where workers find the same bytes.
    """

    timeline: Timeline
    edl: bytes
    edl_key: str

    @property
    def edl_object(self) -> ObjectRef:
        """The EDL as workers get it."""
        return ObjectRef(key=self.edl_key, sha256=self.timeline.edl_hash, size_bytes=len(self.edl))

    def parse_edl(self) -> Edl:
        """The EDL."""
        return parse_json(self.edl, Edl())

    def full(self) -> Timeline:
        """What clients see, with the EDL."""
        timeline = Timeline()
        timeline.CopyFrom(self.timeline)
        timeline.edl.CopyFrom(self.parse_edl())
        return timeline


def _read(row: Row[Any]) -> TimelineRow:
    return TimelineRow(Timeline.FromString(row.message), row.edl, row.edl_key)


async def insert(tx: Transaction, tenant: str, row: TimelineRow) -> None:
    """Stores a revision under the next free number; the caller holds the project's lock."""
    project_id = row.timeline.project_id
    newest = sa.select(sa.func.coalesce(sa.func.max(timelines.c.revision), 0)).where(
        timelines.c.project_id == project_id
    )
    row.timeline.revision = (await tx.execute(newest)).scalar_one() + 1
    await tx.execute(
        sa.insert(timelines).values(
            id=row.timeline.id,
            tenant=tenant,
            project_id=project_id,
            revision=row.timeline.revision,
            edl_hash=row.timeline.edl_hash,
            message=row.timeline.SerializeToString(),
            edl=row.edl,
            edl_key=row.edl_key,
        )
    )


async def get(
    tx: Transaction,
    tenant: str,
    project_id: str,
    *,
    revision: int = 0,
    timeline_id: str = "",
) -> TimelineRow:
    """A revision: by its id, by its number, or (number 0) the newest.

    Raises:
        BeatStitchError: TIMELINE_NOT_FOUND.
    """
    query = sa.select(timelines).where(
        timelines.c.tenant == tenant, timelines.c.project_id == project_id
    )
    if timeline_id and is_id(timeline_id):
        query = query.where(timelines.c.id == timeline_id)
    elif revision:
        query = query.where(timelines.c.revision == revision)
    query = query.order_by(timelines.c.revision.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        what = f"revision {revision} of the" if revision else "timeline in the"
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_TIMELINE_NOT_FOUND,
            f"there is no {what} project {project_id}",
            metadata={"project_id": project_id, "revision": str(revision)},
        )
    return _read(row)


async def page(
    tx: Transaction, tenant: str, project_id: str, size: int, before: int | None
) -> list[Timeline]:
    """Up to `size` revisions, newest first, below number `before`, without their EDLs."""
    query = sa.select(timelines.c.message).where(
        timelines.c.tenant == tenant, timelines.c.project_id == project_id
    )
    if before is not None:
        query = query.where(timelines.c.revision < before)
    rows = await tx.execute(query.order_by(timelines.c.revision.desc()).limit(size))
    return [Timeline.FromString(message) for message in rows.scalars()]

"""Timelines: the revisions of a project's EDL."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch.internal.v1.job_event_pb2 import TimelineBuildOutput
from beatstitch.internal.v1.job_spec_pb2 import TimelineBuildSpec
from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.scope import owned
from beatstitch_gateway.db.tables import timelines
from beatstitch_gateway.db.transaction import Transaction


@dataclass
class TimelineRow:
    """A revision.

    Attributes:
        timeline: What clients see, without the EDL.
        edl: The EDL's bytes, as protobuf.
        edl_object: The EDL's canonical JSON, as workers get it.
        edits: overlay and dropped_edits: what lies beside the EDL that the settings make.
        beat_grid: The grid that it is cut to; None where it isn't known.
        build: What it was built from; set for a new row that was built, and by `get_build`.
        build_revision: The revision that keeps `build`; 0 for none.
    """

    timeline: Timeline
    edl: bytes
    edl_object: ObjectRef
    edits: TimelineBuildOutput = field(default_factory=TimelineBuildOutput)
    beat_grid: ObjectRef | None = None
    build: TimelineBuildSpec | None = None
    build_revision: int = 0

    @property
    def overlay(self) -> TimelineOverlay:
        """The edits beside the EDL that the settings make."""
        return self.edits.overlay

    def parse_edl(self) -> Edl:
        """The EDL."""
        return Edl.FromString(self.edl)

    def full(self) -> Timeline:
        """What clients see, with the EDL."""
        timeline = Timeline()
        timeline.CopyFrom(self.timeline)
        timeline.edl.MergeFromString(self.edl)
        return timeline


# All but `build`, which only explanations need and which may be large.
_COLUMNS = [column for column in timelines.c if column.name != "build"]


def _read(row: Row[Any]) -> TimelineRow:
    timeline = Timeline.FromString(row.message)
    return TimelineRow(
        timeline=timeline,
        edl=zlib.decompress(row.edl),
        edl_object=ObjectRef(
            key=row.edl_key, sha256=timeline.edl_hash, size_bytes=row.edl_json_bytes
        ),
        edits=TimelineBuildOutput.FromString(row.edits or b""),
        beat_grid=ObjectRef.FromString(row.beat_grid) if row.beat_grid else None,
        build_revision=row.build_revision,
    )


async def insert(tx: Transaction, tenant: str, row: TimelineRow) -> None:
    """Stores a revision; the caller holds the project's lock and has numbered it."""
    timeline = row.timeline
    await tx.execute(
        sa.insert(timelines).values(
            id=timeline.id,
            tenant=tenant,
            project_id=timeline.project_id,
            revision=timeline.revision,
            edl_hash=timeline.edl_hash,
            message=timeline.SerializeToString(),
            edl=deflated(row.edl),
            edl_key=row.edl_object.key,
            edl_json_bytes=row.edl_object.size_bytes,
            edits=row.edits.SerializeToString(),
            beat_grid=row.beat_grid.SerializeToString() if row.beat_grid is not None else None,
            build=row.build.SerializeToString() if row.build is not None else None,
            build_revision=row.build_revision,
        )
    )


def deflated(edl: bytes) -> bytes:
    """An EDL's bytes as the column has them; quick before small: a person waits for each edit."""
    return zlib.compress(edl, 1)


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
    row = await find(tx, tenant, project_id, revision=revision, timeline_id=timeline_id)
    if row is None:
        raise no_timeline(project_id, revision)
    return row


def no_timeline(project_id: str, revision: int = 0) -> BeatStitchError:
    """TIMELINE_NOT_FOUND."""
    what = f"revision {revision} of the" if revision else "timeline in the"
    return BeatStitchError(
        failure_pb2.ERROR_REASON_TIMELINE_NOT_FOUND,
        f"there is no {what} project {project_id}",
        metadata={"project_id": project_id, "revision": str(revision)},
    )


async def find(
    tx: Transaction,
    tenant: str,
    project_id: str,
    *,
    revision: int = 0,
    timeline_id: str = "",
) -> TimelineRow | None:
    """A revision as `get` finds it, or None."""
    query = sa.select(*_COLUMNS).where(
        owned(timelines, tenant), timelines.c.project_id == project_id
    )
    if timeline_id and is_id(timeline_id):
        query = query.where(timelines.c.id == timeline_id)
    elif revision:
        query = query.where(timelines.c.revision == revision)
    query = query.order_by(timelines.c.revision.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return _read(row) if row is not None else None


async def find_before(
    tx: Transaction, tenant: str, project_id: str, other_id: str
) -> TimelineRow | None:
    """The newest revision that is older than what has this id, whatever that is, or None."""
    query = sa.select(*_COLUMNS).where(
        owned(timelines, tenant),
        timelines.c.project_id == project_id,
        timelines.c.id < other_id,
    )
    row = (await tx.execute(query.order_by(timelines.c.revision.desc()).limit(1))).one_or_none()
    return _read(row) if row is not None else None


async def head(tx: Transaction, tenant: str, project_id: str) -> Timeline | None:
    """The newest revision without its EDL and all that belongs to it, or None."""
    newest = await page(tx, tenant, project_id, 1, None)
    return newest[0] if newest else None


async def get_build(tx: Transaction, project_id: str, revision: int) -> TimelineBuildSpec | None:
    """What a revision was built from, or None."""
    query = sa.select(timelines.c.build).where(
        timelines.c.project_id == project_id, timelines.c.revision == revision
    )
    build = (await tx.execute(query)).scalar_one_or_none()
    return TimelineBuildSpec.FromString(build) if build else None


async def grids(tx: Transaction, tenant: str, project_id: str) -> list[ObjectRef]:
    """All grids that the project's revisions were ever cut to, once each."""
    query = (
        sa.select(timelines.c.beat_grid)
        .where(
            owned(timelines, tenant),
            timelines.c.project_id == project_id,
            timelines.c.beat_grid.is_not(None),
        )
        .distinct()
    )
    return [ObjectRef.FromString(data) for data in (await tx.execute(query)).scalars()]


async def page(
    tx: Transaction, tenant: str, project_id: str, size: int, before: int | None
) -> list[Timeline]:
    """Up to `size` revisions, newest first, below number `before`, without their EDLs."""
    query = sa.select(timelines.c.message).where(
        owned(timelines, tenant), timelines.c.project_id == project_id
    )
    if before is not None:
        query = query.where(timelines.c.revision < before)
    rows = await tx.execute(query.order_by(timelines.c.revision.desc()).limit(size))
    return [Timeline.FromString(message) for message in rows.scalars()]

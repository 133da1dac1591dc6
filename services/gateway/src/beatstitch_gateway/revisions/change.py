"""Edits and a client's own EDL: a new revision, made by the timeline service's judgement.

The engine is asked outside of any transaction; the project's lock is held only while the revision
is written. So of two clients one wins and the other is told the current hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from beatstitch.internal.v1 import timeline_engine_service_pb2 as engine
from beatstitch.internal.v1.job_event_pb2 import TimelineBuildOutput
from beatstitch.v1 import failure_pb2, timeline_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch.v1.timeline_service_pb2 import (
    ApplyEditsRequest,
    ApplyEditsResponse,
    PutTimelineRequest,
    PutTimelineResponse,
)
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway import specs
from beatstitch_gateway.db import assets, projects, timelines
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once, recalled
from beatstitch_gateway.revisions import history
from beatstitch_gateway.revisions.grids import find_grid, grid_of
from beatstitch_gateway.revisions.inputs import given_inputs
from beatstitch_gateway.revisions.keep import (
    Stored,
    lock_newest,
    need_hash,
    need_same,
    repeated,
)

Reply = TypeVar("Reply", ApplyEditsResponse, PutTimelineResponse)


class Done(NamedTuple, Generic[Reply]):
    """A reply as it is kept for its request_id, without its EDL; and that, where it is at hand."""

    reply: Reply
    edl: bytes


async def apply_edits(
    deps: Deps, tenant: str, request: ApplyEditsRequest
) -> Done[ApplyEditsResponse]:
    """Applies edits to the newest revision.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, EDL_HASH_MISMATCH, GRID_GONE,
            EDIT_INVALID, REQUEST_ID_REUSED, DEPENDENCY_DOWN.
    """
    call = Call(tenant, request)

    async def attempt() -> Done[ApplyEditsResponse]:
        async with deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            base = await timelines.get(tx, tenant, request.project_id)
            # Asked after the newest revision: of the same call that came before, either none or
            # both are seen.
            known = await recalled(tx, call, ApplyEditsResponse)
            if known is not None:
                return Done(known, b"")
            need_hash(base.timeline, request.edl_hash)
            media = await assets.all_ready(tx, tenant, request.project_id)
            grid_ref = await grid_of(tx, tenant, base)
        question = engine.ApplyEditsRequest(
            beat_grid=await deps.grids.get(grid_ref),
            media=[specs.ready_media(row, with_traits=True) for row in media],
            settings=base.timeline.settings,
            edits=request.edits,
        )
        question.edl.MergeFromString(base.edl)
        answer = await deps.engines.timeline(lambda stub: stub.ApplyEdits, question)
        row = _edited(base, answer, grid_ref)
        stored = await Stored.begin(deps.storage, tenant, answer.edl)
        return await _append(
            deps, call, seen=base.timeline, row=row, stored=stored, reply=_edits_reply
        )

    return await repeated(attempt)


async def put_timeline(
    deps: Deps, tenant: str, request: PutTimelineRequest
) -> Done[PutTimelineResponse]:
    """Makes a client's EDL the newest revision.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, EDL_HASH_MISMATCH, EDL_INVALID, REQUEST_ID_REUSED,
            DEPENDENCY_DOWN.
    """
    call = Call(tenant, request)
    edl = request.edl
    # What this server doesn't know it can't hash either.
    edl.DiscardUnknownFields()

    async def attempt() -> Done[PutTimelineResponse]:
        async with deps.database.transaction() as tx:
            await projects.get(tx, tenant, request.project_id)
            newest = await timelines.head(tx, tenant, request.project_id)
            known = await recalled(tx, call, PutTimelineResponse)
            if known is not None:
                return Done(known, b"")
            need_hash(newest, request.edl_hash)
            media = await assets.all_ready(tx, tenant, request.project_id)
            named = bool(edl.beat_grid_sha256)
            grid_ref = await find_grid(tx, tenant, edl) if named else None
        if not media:
            raise specs.no_ready_media()
        question = engine.ValidateTimelineRequest(
            edl=edl, media=[specs.ready_media(row, with_traits=True) for row in media]
        )
        answer = await deps.engines.timeline(lambda stub: stub.ValidateTimeline, question)
        if answer.violations:
            raise _invalid(answer.violations)
        row = _given(newest, request, grid_ref)
        stored = await Stored.begin(deps.storage, tenant, edl)
        row.timeline.edl_hash = stored.sha256

        def reply(timeline: Timeline) -> PutTimelineResponse:
            return PutTimelineResponse(timeline=timeline, warnings=_inside_edl(answer.warnings))

        return await _append(deps, call, seen=newest, row=row, stored=stored, reply=reply)

    return await repeated(attempt)


def _edited(
    base: TimelineRow, answer: engine.ApplyEditsResponse, grid_ref: ObjectRef | None
) -> TimelineRow:
    old = base.timeline
    origin = timeline_pb2.REVISION_ORIGIN_EDITED
    timeline = history.begin(old.project_id, old, origin, answer.edl_hash)
    timeline.settings.CopyFrom(old.settings)
    if old.HasField("inputs"):
        timeline.inputs.CopyFrom(old.inputs)
    edits = TimelineBuildOutput()
    edits.CopyFrom(base.edits)
    edits.overlay.edits.extend(answer.kept)
    timeline.edit_count = len(edits.overlay.edits)
    timeline.dropped_edit_count = len(edits.dropped_edits)
    return TimelineRow(
        timeline=timeline,
        edl=answer.edl.SerializeToString(),
        edl_object=ObjectRef(),
        edits=edits,
        beat_grid=grid_ref,
        build_revision=base.build_revision,
    )


def _given(
    newest: Timeline | None, request: PutTimelineRequest, grid_ref: ObjectRef | None
) -> TimelineRow:
    origin = timeline_pb2.REVISION_ORIGIN_PUT
    timeline = history.begin(request.project_id, newest, origin, "")
    # What new segments of later edits are like: as before, in the shape that the client gave.
    if newest is not None:
        timeline.settings.CopyFrom(newest.settings)
    timeline.settings.output.CopyFrom(request.edl.output)
    if timeline.settings.watermark.media_asset_id not in specs.named_media(request.edl):
        timeline.settings.ClearField("watermark")
    timeline.inputs.CopyFrom(given_inputs(request.edl))
    return TimelineRow(
        timeline=timeline,
        edl=request.edl.SerializeToString(),
        edl_object=ObjectRef(),
        beat_grid=grid_ref,
    )


async def _append(
    deps: Deps,
    call: Call,
    *,
    seen: Timeline | None,
    row: TimelineRow,
    stored: Stored,
    reply: Callable[[Timeline], Reply],
) -> Done[Reply]:
    """Writes a revision while its EDL is on its way into storage; commits when both are there."""
    row.edl_object = stored.object

    async def work(tx: Transaction) -> Reply:
        newest = await lock_newest(tx, call.tenant, row.timeline.project_id)
        need_same(seen, newest)
        await timelines.insert(tx, call.tenant, row)
        await stored.done()
        return reply(row.timeline)

    try:
        if stored.sha256 != row.timeline.edl_hash:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_INTERNAL,
                "the timeline service names its EDL by another hash than this server does",
            )
        made = await once(deps.database, call, _type_of(reply), work)
        # Else a twin of this call was quicker.
        own = made.timeline.id == row.timeline.id
        return Done(made, row.edl if own else b"")
    finally:
        await stored.close()


def _type_of(reply: Callable[[Timeline], Reply]) -> type[Reply]:
    return type(reply(Timeline()))


def _edits_reply(timeline: Timeline) -> ApplyEditsResponse:
    return ApplyEditsResponse(timeline=timeline)


def _invalid(violations: Sequence[FieldViolation]) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDL_INVALID,
        f"the EDL breaks {len(violations)} invariants",
        violations=_inside_edl(violations),
    )


def _inside_edl(found: Sequence[FieldViolation]) -> list[FieldViolation]:
    """Paths in the request, of paths in the EDL."""
    return [
        FieldViolation(field=f"edl.{item.field}", description=item.description) for item in found
    ]

"""Undo, redo, restore: old content as a new revision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from beatstitch.v1 import timeline_pb2
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch.v1.timeline_service_pb2 import (
    RedoTimelineRequest,
    RedoTimelineResponse,
    RestoreRevisionRequest,
    RestoreRevisionResponse,
    UndoTimelineRequest,
    UndoTimelineResponse,
)
from beatstitch_gateway.db import timelines
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.revisions import history
from beatstitch_gateway.revisions.keep import ensure_stored, lock_newest, need_hash

Request = UndoTimelineRequest | RedoTimelineRequest | RestoreRevisionRequest
Reply = TypeVar("Reply", UndoTimelineResponse, RedoTimelineResponse, RestoreRevisionResponse)
Choose = Callable[[Transaction, Timeline], Awaitable[TimelineRow]]


async def undo(deps: Deps, tenant: str, request: UndoTimelineRequest) -> UndoTimelineResponse:
    """Takes the last change back; the reply's timeline comes without its EDL.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TIMELINE_NOT_FOUND, EDL_HASH_MISMATCH,
            NOTHING_TO_UNDO, REQUEST_ID_REUSED.
    """

    async def choose(tx: Transaction, newest: Timeline) -> TimelineRow:
        change = newest
        if history.content_of(newest) != newest.revision:
            change = (await _get(tx, tenant, newest, history.content_of(newest))).timeline
        if not change.parent_revision:
            raise history.nothing_to("undo", request.project_id)
        before = await _get(tx, tenant, newest, change.parent_revision)
        made_in = history.content_of(before.timeline)
        if made_in != before.timeline.revision:
            before = await _get(tx, tenant, newest, made_in)
        return history.undone(newest, change, before)

    return await _back(deps, tenant, request, UndoTimelineResponse, choose)


async def redo(deps: Deps, tenant: str, request: RedoTimelineRequest) -> RedoTimelineResponse:
    """Takes the last undo back; see `undo`."""

    async def choose(tx: Transaction, newest: Timeline) -> TimelineRow:
        if not newest.redo_revisions:
            raise history.nothing_to("redo", request.project_id)
        return history.redone(newest, await _get(tx, tenant, newest, newest.redo_revisions[-1]))

    return await _back(deps, tenant, request, RedoTimelineResponse, choose)


async def restore(
    deps: Deps, tenant: str, request: RestoreRevisionRequest
) -> RestoreRevisionResponse:
    """Makes an old revision the newest; see `undo`."""

    async def choose(tx: Transaction, newest: Timeline) -> TimelineRow:
        source = await _get(tx, tenant, newest, request.revision)
        return history.again(newest, source, timeline_pb2.REVISION_ORIGIN_RESTORE)

    return await _back(deps, tenant, request, RestoreRevisionResponse, choose)


async def _back(
    deps: Deps, tenant: str, request: Request, reply_type: type[Reply], choose: Choose
) -> Reply:
    async def work(tx: Transaction) -> Reply:
        newest = await lock_newest(tx, tenant, request.project_id)
        if newest is None:
            raise timelines.no_timeline(request.project_id)
        need_hash(newest, request.edl_hash)
        row = await choose(tx, newest)
        # Old revisions' objects may have been cleaned away.
        await ensure_stored(deps.storage, row)
        await timelines.insert(tx, tenant, row)
        return reply_type(timeline=row.timeline)

    return await once(deps.database, Call(tenant, request), reply_type, work)


async def _get(tx: Transaction, tenant: str, newest: Timeline, revision: int) -> TimelineRow:
    return await timelines.get(tx, tenant, newest.project_id, revision=revision)

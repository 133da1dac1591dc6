"""Applies facts to rows: the job, what it made, and the stitches that waited for it.

All in one transaction, so there is no moment at which a job has SUCCEEDED and its timeline, its
render or its asset don't know of it.
"""

from __future__ import annotations

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobFailed, JobProgress, JobSucceeded
from beatstitch.v1 import job_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.timeline_edit_pb2 import DroppedEdit, TimelineOverlay
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_gateway.db import jobs, ledger, outbox, renders, timelines
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.apply import apply_event
from beatstitch_gateway.jobs.assets import note_end, note_success
from beatstitch_gateway.jobs.cancel import cancel_row
from beatstitch_gateway.quotas.minutes import charged_ms
from beatstitch_gateway.revisions.built import built_revision, missed_edits
from beatstitch_gateway.revisions.keep import lock_newest
from beatstitch_gateway.stitch.drive import advance_stitch

_ENDS = ("succeeded", "failed", "cancelled")


async def apply_to_row(
    tx: Transaction,
    event: JobEvent,
    *,
    edl: bytes = b"",
    progress: JobProgress | None = None,
) -> JobRow | None:
    """Applies an event to its job's row and does all that follows.

    Args:
        tx: The transaction.
        event: The fact.
        edl: Of a timeline's build that succeeded: the EDL, checked, as protobuf's bytes.
        progress: What the worker last told: its stages are kept when the job ends.

    Returns:
        The row after the event; None when it changed nothing.
    """
    row = await jobs.lock_family(tx, event.job_id)
    if row is None:
        return None
    if event.HasField("handed_back"):
        await _note_message(tx, row, event.handed_back.sequence)
        return None
    if progress is not None and event.WhichOneof("event") in _ENDS:
        del row.job.stages[:]
        row.job.stages.extend(progress.stages)
    return await _apply(tx, row, event, edl)


async def _note_message(tx: Transaction, row: JobRow, sequence: int) -> None:
    """The job's message lies elsewhere now: a cancel takes it back there."""
    if row.finished or row.job.cancel_requested:
        tx.after.cancelled[row.job.id] = sequence
    else:
        await jobs.set_message(tx, row.job.id, sequence, row.attempt)


async def end_job(tx: Transaction, row: JobRow, event: JobEvent) -> None:
    """Ends a job for a reason of ours and stops its work, and of a stitch all that is inside.

    The caller holds the locks of `jobs.lock_family`.
    """
    sequence = row.stream_seq
    if await _apply(tx, row, event, b"") is None:
        return
    tx.after.cancelled[row.job.id] = sequence
    for child_id in await jobs.open_children(tx, row.job.id):
        child = await jobs.find(tx, child_id, lock=True)
        if child is not None:
            await cancel_row(tx, child)


async def _apply(tx: Transaction, row: JobRow, event: JobEvent, edl: bytes) -> JobRow | None:
    after = apply_event(row.job, event)
    if after is None:
        return None
    row.job = after
    if row.finished:
        await outbox.delete_for(tx, after.id)
        if after.state == job_pb2.JOB_STATE_SUCCEEDED:
            await _keep(tx, row, event.succeeded, edl)
        else:
            await note_end(tx, row)
        row.job.detail = ""
        tx.after.queued = True  # its place in the tenant's share is free
    await jobs.save(tx, row)
    if row.finished:
        await wake_stitches(tx, row)
    return row


async def cancel_job(tx: Transaction, row: JobRow) -> JobRow:
    """Cancels a job that the caller has locked, and all that hangs on it."""
    await cancel_row(tx, row)
    if row.is_stitch:
        await advance_stitch(tx, row.job.id)
    elif row.finished:
        await wake_stitches(tx, row)
    return await jobs.find(tx, row.job.id) or row


async def wake_stitches(tx: Transaction, row: JobRow) -> None:
    """Moves the stitches that may have waited for a job that ended."""
    if row.job.parent_job_id:
        await advance_stitch(tx, row.job.parent_job_id)
    elif row.job.asset_id:
        for stitch_id in await jobs.open_stitches(tx, row.job.project_id):
            await advance_stitch(tx, stitch_id)


def failed_event(row_or_event: JobRow | JobEvent, failure: Failure) -> JobEvent:
    """The event of a failure that the gateway itself found."""
    if isinstance(row_or_event, JobRow):
        event = JobEvent(
            job_id=row_or_event.job.id,
            tenant=row_or_event.tenant,
            type=row_or_event.job.type,
            delivery=row_or_event.job.delivery,
        )
    else:
        event = JobEvent(
            job_id=row_or_event.job_id,
            tenant=row_or_event.tenant,
            type=row_or_event.type,
            delivery=row_or_event.delivery,
        )
    event.time.GetCurrentTime()
    event.failed.CopyFrom(JobFailed(failure=failure))
    return event


async def _keep(tx: Transaction, row: JobRow, succeeded: JobSucceeded, edl: bytes) -> None:
    """Keeps what a job made."""
    match succeeded.WhichOneof("output"):
        case "timeline_build":
            await _keep_timeline(tx, row, succeeded, edl)
        case "render":
            render_id = row.job_spec().render.render_id
            row.job.render.render_id = render_id
            await renders.finish(tx, render_id, succeeded.render)
            made_us = succeeded.render.manifest.duration_us
            charged_to = row.job.parent_job_id or row.job.id
            await ledger.settle(tx, charged_to, charged_ms(made_us, row.job.type))
        case _:
            await note_success(tx, row, succeeded)


async def _keep_timeline(tx: Transaction, row: JobRow, succeeded: JobSucceeded, edl: bytes) -> None:
    # Revisions are numbered under the project's lock.
    newest = await lock_newest(tx, row.tenant, row.job.project_id)
    output = succeeded.timeline_build
    if newest is not None and newest.id > row.job.id:
        output.dropped_edits.extend(await _missed(tx, row, newest))
    made = built_revision(newest, row, output, edl)
    await timelines.insert(tx, row.tenant, made)
    row.job.timeline_build.timeline_id = made.timeline.id


async def _missed(tx: Transaction, row: JobRow, newest: Timeline) -> list[DroppedEdit]:
    """The edits that were made while the job ran."""
    project_id = row.job.project_id
    after = await timelines.get(tx, row.tenant, project_id, revision=newest.revision)
    before = await timelines.find_before(tx, row.tenant, project_id, row.job.id)
    return missed_edits(before.overlay if before is not None else TimelineOverlay(), after.overlay)

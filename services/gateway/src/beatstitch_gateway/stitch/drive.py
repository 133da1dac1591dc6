"""Moves a stitch: reads its world, asks the machine, does what it says."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway import specs
from beatstitch_gateway.choice import media_of_edits
from beatstitch_gateway.db import assets, jobs, timelines
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.not_found import no_asset
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.cancel import cancel_row
from beatstitch_gateway.jobs.submit import new_job, submit
from beatstitch_gateway.renders.shape import in_length
from beatstitch_gateway.renders.submit import submit_render
from beatstitch_gateway.stitch.machine import advance, failed, started
from beatstitch_gateway.stitch.stages import ANALYZE, TIMELINE
from beatstitch_gateway.stitch.world import CancelChildren, StartChild, World, wanted_assets

# Four stages and their children; more turns would be a fault of the machine.
_MOST_TURNS = 20


async def advance_stitch(tx: Transaction, stitch_id: str) -> None:
    """Moves a stitch as far as it goes. Harmless at any time, by any replica."""
    row = await jobs.find(tx, stitch_id, lock=True)
    if row is None or row.finished or not row.is_stitch:
        return
    request = StitchRequest.FromString(row.spec)
    before = row.job
    for _ in range(_MOST_TURNS):
        media = await assets.get_many(
            tx,
            row.tenant,
            request.project_id,
            wanted_assets(request),
        )
        world = await _world(tx, row, request, media)
        row.job, command = advance(row.job, world)
        if command is None:
            break
        if isinstance(command, CancelChildren):
            await _cancel(tx, command)
            continue
        try:
            child_id = await _start(tx, row, request, media, command)
        except BeatStitchError as error:
            row.job = failed(row.job, error.to_failure(), world.now)
            break
        row.job = started(row.job, command.stage, child_id)
    if row.job is not before:
        await jobs.save(tx, row)


async def _world(
    tx: Transaction, row: JobRow, request: StitchRequest, media: dict[str, AssetRow]
) -> World:
    now = Timestamp()
    now.GetCurrentTime()
    song = media.get(request.audio_asset_id)
    children = await jobs.get_many(
        tx, [job_id for stage in row.job.stages for job_id in stage.job_ids]
    )
    return World(
        request=request,
        assets={asset_id: item.asset for asset_id, item in media.items()},
        analysis=song.analysis if song is not None else None,
        children={job_id: child.job for job_id, child in children.items()},
        now=now,
    )


async def _cancel(tx: Transaction, command: CancelChildren) -> None:
    for job_id in command.job_ids:
        child = await jobs.find(tx, job_id, lock=True)
        if child is not None:
            await cancel_row(tx, child)


async def _start(
    tx: Transaction,
    row: JobRow,
    request: StitchRequest,
    media: dict[str, AssetRow],
    command: StartChild,
) -> str:
    """Makes the job of a stage and returns its id.

    Raises:
        BeatStitchError: It can't be made, for example because an asset was deleted.
    """
    song = media.get(request.audio_asset_id)
    if song is None:
        raise no_asset(request.audio_asset_id)
    if command.stage == ANALYZE:
        specs.need_ready(song)
        job = new_job(row.job.project_id, job_pb2.JOB_TYPE_BEAT_ANALYSIS, asset_id=song.asset.id)
        spec = specs.ingest_spec(song, request.analysis)
    elif command.stage == TIMELINE:
        job = new_job(row.job.project_id, job_pb2.JOB_TYPE_TIMELINE_BUILD)
        chosen = [media[asset_id] for asset_id in command.media_ids]
        profile = render_profiles()[request.profile or FINAL]
        settings = in_length(request.settings, profile, song.asset.info.duration_us)
        overlay = await _overlay(tx, row.tenant, row.job.project_id)
        mark_id = request.settings.watermark.media_asset_id
        if mark_id and mark_id not in media:
            raise no_asset(mark_id)
        mark = media[mark_id] if mark_id else None
        shown = await media_of_edits(tx, row.tenant, row.job.project_id, overlay)
        spec = specs.timeline_spec(
            song, chosen, settings, overlay, edit_media=shown, watermark=mark
        )
    else:
        return await _start_render(tx, row, request, command.timeline_id)
    return await _submit(tx, row, job, spec)


async def _start_render(
    tx: Transaction, row: JobRow, request: StitchRequest, timeline_id: str
) -> str:
    timeline = await timelines.get(tx, row.tenant, row.job.project_id, timeline_id=timeline_id)
    return (
        await submit_render(
            tx,
            row.tenant,
            timeline,
            request.profile,
            parent_id=row.job.id,
            batch_id=row.job.batch_id,
            lane=request.lane,
        )
    ).job_id


async def _submit(tx: Transaction, row: JobRow, job: job_pb2.Job, spec: JobSpec) -> str:
    job.parent_job_id = row.job.id
    job.batch_id = row.job.batch_id
    job.lane = StitchRequest.FromString(row.spec).lane or job.lane
    await submit(tx, row.tenant, job, spec, inputs=row.inputs)
    return job.id


async def _overlay(tx: Transaction, tenant: str, project_id: str) -> TimelineOverlay | None:
    """The edits of the project's newest timeline, which a new one keeps."""
    newest = await timelines.find(tx, tenant, project_id)
    return newest.overlay if newest is not None else None

"""What jobs are told: their specs, from rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beatstitch.internal.v1.job_spec_pb2 import (
    BeatAnalysisSpec,
    JobSpec,
    MediaIngestSpec,
    ReadyMedia,
    RenderSpec,
    TimelineBuildSpec,
)
from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.asset_pb2 import AssetState
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.job_pb2 import JobType
from beatstitch.v1.render_pb2 import Render, RenderProfile
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.profiles import PREVIEW
from beatstitch_gateway.db import assets
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.not_found import no_asset
from beatstitch_gateway.db.transaction import Transaction


def not_ready(row: AssetRow) -> BeatStitchError:
    """ASSET_NOT_READY."""
    state = AssetState.Name(row.asset.state).removeprefix("ASSET_STATE_")
    return BeatStitchError(
        failure_pb2.ERROR_REASON_ASSET_NOT_READY,
        f"{row.asset.filename!r} is {state}",
        metadata={"asset_id": row.asset.id, "state": state},
    )


def need_ready(row: AssetRow) -> None:
    """Nothing, when the asset is READY.

    Raises:
        BeatStitchError: ASSET_NOT_READY.
    """
    if row.asset.state != asset_pb2.ASSET_STATE_READY:
        raise not_ready(row)


def ready_media(row: AssetRow, *, with_traits: bool = False) -> ReadyMedia:
    """A READY asset as workers get it; traits are for those who choose cuts."""
    return ReadyMedia(
        asset_id=row.asset.id,
        object=row.object,
        info=row.asset.info,
        filename=row.asset.filename,
        traits=row.asset.traits if with_traits and row.asset.HasField("traits") else None,
        proxy=row.proxy,
    )


def ingest_type(row: AssetRow) -> JobType.ValueType:
    """The type of the job that looks at an asset first."""
    if row.is_audio:
        return job_pb2.JOB_TYPE_BEAT_ANALYSIS
    return job_pb2.JOB_TYPE_THUMBNAIL_GEN


def ingest_spec(row: AssetRow, settings: AnalysisSettings | None = None) -> JobSpec:
    """For the job that looks at an asset; `settings` count for a song only."""
    if row.is_audio:
        analysis = BeatAnalysisSpec(
            asset_id=row.asset.id,
            filename=row.asset.filename,
            audio=row.object,
            settings=settings or AnalysisSettings(),
            overlay=row.overlay if row.overlay.edits else None,
        )
        return JobSpec(beat_analysis=analysis)
    ingest = MediaIngestSpec(asset_id=row.asset.id, filename=row.asset.filename, media=row.object)
    return JobSpec(media_ingest=ingest)


def timeline_spec(
    song: AssetRow,
    media: Sequence[AssetRow],
    settings: TimelineSettings,
    overlay: TimelineOverlay | None = None,
    *,
    edit_media: Sequence[AssetRow] = (),
    watermark: AssetRow | None = None,
) -> JobSpec:
    """For a timeline's build.

    Args:
        song: The song.
        media: Pictures and clips in the order to take them.
        settings: How.
        overlay: Edits to apply to what the settings make.
        edit_media: Pictures and clips that those edits show; see `choice.media_of_edits`.
        watermark: The settings' watermark; None without one.

    Raises:
        BeatStitchError: ASSET_NOT_READY, BEAT_GRID_NOT_FOUND, NO_READY_MEDIA.
    """
    for row in (song, *media, *((watermark,) if watermark is not None else ())):
        need_ready(row)
    if not media:
        raise no_ready_media()
    build = TimelineBuildSpec(
        audio=ready_media(song),
        beat_grid=need_grid(song).beat_grid,
        media=[ready_media(row, with_traits=True) for row in media],
        settings=settings,
        overlay=overlay if overlay is not None and overlay.edits else None,
        watermark=ready_media(watermark) if watermark is not None else None,
        edit_media=[ready_media(row, with_traits=True) for row in edit_media if row not in media],
    )
    return JobSpec(timeline_build=build)


def need_grid(song: AssetRow) -> AssetRow:
    """The song, when it has a beat grid.

    Raises:
        BeatStitchError: BEAT_GRID_NOT_FOUND.
    """
    if song.beat_grid is None:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_BEAT_GRID_NOT_FOUND,
            f"{song.asset.filename!r} has no beat grid yet",
            metadata={"asset_id": song.asset.id},
        )
    return song


def no_ready_media() -> BeatStitchError:
    """NO_READY_MEDIA."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_NO_READY_MEDIA,
        "the project has no picture or clip that is ready",
    )


def no_ready_audio() -> BeatStitchError:
    """NO_READY_AUDIO."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_NO_READY_AUDIO, "the project has no song that is ready"
    )


def named_media(edl: Edl) -> dict[str, str]:
    """The pictures and clips of an EDL in the order in which they come first: id → SHA-256.

    Those of its segments, then those that lie over them.
    """
    named: dict[str, str] = {}
    for segment in edl.segments:
        named.setdefault(segment.media_asset_id, segment.media_sha256)
    for over in edl.overlays:
        if over.HasField("picture"):
            named.setdefault(over.picture.media_asset_id, over.picture.media_sha256)
    return named


async def edl_assets(
    tx: Transaction, tenant: str, project_id: str, edl: Edl
) -> tuple[AssetRow, list[AssetRow]]:
    """The song and, once each, the pictures and clips that an EDL names; see `named_media`.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, ASSET_NOT_READY.
    """
    media_ids = list(named_media(edl))
    rows = await assets.get_many(tx, tenant, project_id, [edl.audio.asset_id, *media_ids])
    for asset_id in (edl.audio.asset_id, *media_ids):
        if asset_id not in rows:
            raise no_asset(asset_id)
        need_ready(rows[asset_id])
    return rows[edl.audio.asset_id], [rows[asset_id] for asset_id in media_ids]


def render_type(profile: RenderProfile) -> JobType.ValueType:
    """The type of the job that renders with a profile."""
    preview = profile.name == PREVIEW
    return job_pb2.JOB_TYPE_RENDER_PREVIEW if preview else job_pb2.JOB_TYPE_RENDER_FINAL


class Shaped(NamedTuple):
    """An EDL as it is rendered, and where workers find it."""

    edl: Edl
    object: ObjectRef


async def render_spec(
    tx: Transaction, tenant: str, shaped: Shaped, profile: RenderProfile, render: Render
) -> JobSpec:
    """For a render of an EDL.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, ASSET_NOT_READY.
    """
    song, media = await edl_assets(tx, tenant, render.project_id, shaped.edl)
    spec = RenderSpec(
        render_id=render.id,
        edl=shaped.object,
        profile=profile,
        audio=ready_media(song),
        media=[ready_media(row) for row in media],
    )
    return JobSpec(render=spec)

"""Which of a project's assets a request means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beatstitch.v1 import asset_pb2, common_pb2
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch.v1.timeline_edit_pb2 import TimelineOverlay
from beatstitch.v1.timeline_pb2 import TimelineInputs, TimelineSettings
from beatstitch.v1.timeline_service_pb2 import GenerateTimelineRequest
from beatstitch_core.errors import field_error
from beatstitch_gateway.db import assets, projects
from beatstitch_gateway.db.assets import AssetRow
from beatstitch_gateway.db.not_found import no_asset
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.specs import need_ready, no_ready_audio, no_ready_media
from beatstitch_gateway.templates.apply import chosen_settings


class Material(NamedTuple):
    """All that a timeline is to be built of.

    Attributes:
        song: The song.
        media: Pictures and clips in the order to take them.
        watermark: The settings' watermark; None without one.
        settings: The request's over its template's.
        inputs: How they were chosen, as it is remembered.
    """

    song: AssetRow
    media: list[AssetRow]
    watermark: AssetRow | None
    settings: TimelineSettings
    inputs: TimelineInputs


async def choose_material(
    tx: Transaction, tenant: str, request: GenerateTimelineRequest | StitchRequest, *, ready: bool
) -> Material:
    """What a request names, or the project has.

    Raises:
        BeatStitchError: PROJECT_NOT_FOUND, TEMPLATE_NOT_FOUND; as `choose_song`, `choose_media` and
            `choose_watermark`.
    """
    project_id = request.project_id
    await projects.get(tx, tenant, project_id)
    song = await choose_song(tx, tenant, project_id, request.audio_asset_id, ready=ready)
    chosen = await chosen_settings(tx, tenant, request.template_id, request.settings)
    mark = await choose_watermark(tx, tenant, project_id, chosen.settings, ready=ready)
    media = await choose_media(
        tx, tenant, project_id, request.media_asset_ids, ready=ready, besides=mark
    )
    inputs = TimelineInputs(
        all_media=not request.media_asset_ids,
        template_id=chosen.template_id,
        template_version=chosen.template_version,
    )
    return Material(song, media, mark, chosen.settings, inputs)


async def choose_song(
    tx: Transaction, tenant: str, project_id: str, asset_id: str, *, ready: bool
) -> AssetRow:
    """The song that is named, or the project's newest one.

    Args:
        tx: The transaction.
        tenant: Whose.
        project_id: Which project.
        asset_id: The name; empty for the newest.
        ready: Whether it has to be READY.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, FIELD_INVALID when it is no song, ASSET_NOT_READY,
            NO_READY_AUDIO.
    """
    if not asset_id:
        row = await assets.newest_song(tx, tenant, project_id, ready=ready)
        if row is None:
            raise no_ready_audio()
        return row
    row = (await assets.get_many(tx, tenant, project_id, [asset_id])).get(asset_id)
    if row is None:
        raise no_asset(asset_id)
    if not row.is_audio:
        raise field_error("audio_asset_id", f"{row.asset.filename!r} is not a song")
    if ready:
        need_ready(row)
    return row


async def choose_media(
    tx: Transaction,
    tenant: str,
    project_id: str,
    asset_ids: Sequence[str],
    *,
    ready: bool,
    besides: AssetRow | None = None,
) -> list[AssetRow]:
    """The pictures and clips that are named, in that order, or all of the project by position.

    Args:
        tx: The transaction.
        tenant: Whose.
        project_id: Which project.
        asset_ids: The names; empty for all.
        ready: Whether they have to be READY; of all, those that are not are left out then.
        besides: What is left out of all: a watermark is shown by segments only when it is named.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, FIELD_INVALID when one is a song, ASSET_NOT_READY,
            NO_READY_MEDIA.
    """
    if not asset_ids:
        rows = await assets.media(tx, tenant, project_id)
        if besides is not None:
            rows = [row for row in rows if row.asset.id != besides.asset.id]
        if ready:
            rows = [row for row in rows if row.asset.state == asset_pb2.ASSET_STATE_READY]
        if not rows:
            raise no_ready_media()
        return rows
    found = await assets.get_many(tx, tenant, project_id, asset_ids)
    chosen = []
    for index, asset_id in enumerate(asset_ids):
        row = found.get(asset_id)
        if row is None:
            raise no_asset(asset_id)
        if row.is_audio:
            raise field_error(
                f"media_asset_ids[{index}]", f"{row.asset.filename!r} is not a picture or clip"
            )
        if ready:
            need_ready(row)
        chosen.append(row)
    return chosen


async def choose_watermark(
    tx: Transaction, tenant: str, project_id: str, settings: TimelineSettings, *, ready: bool
) -> AssetRow | None:
    """The picture that lies over the video; None where the settings name none.

    Args:
        tx: The transaction.
        tenant: Whose.
        project_id: Which project.
        settings: The timeline's, a template's included.
        ready: Whether it has to be READY.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, FIELD_INVALID when it is no picture, ASSET_NOT_READY.
    """
    asset_id = settings.watermark.media_asset_id
    if not asset_id:
        return None
    row = (await assets.get_many(tx, tenant, project_id, [asset_id])).get(asset_id)
    if row is None:
        raise no_asset(asset_id)
    if ready:
        need_ready(row)
    if row.asset.media_type != common_pb2.MEDIA_TYPE_IMAGE:
        raise field_error(
            "settings.watermark.media_asset_id", f"{row.asset.filename!r} is not a picture"
        )
    return row


async def media_of_edits(
    tx: Transaction, tenant: str, project_id: str, overlay: TimelineOverlay | None
) -> list[AssetRow]:
    """The READY pictures and clips that a timeline's edits put in or show instead of others.

    Those that are gone are left out: their edits are dropped, and told, when the timeline is built.
    """
    wanted = [
        getattr(kept.edit, kind).media_asset_id
        for kept in (overlay.edits if overlay is not None else ())
        if (kind := kept.edit.WhichOneof("edit")) in {"insert", "replace"}
    ]
    found = await assets.get_many(tx, tenant, project_id, list(dict.fromkeys(wanted)))
    return [
        row
        for row in found.values()
        if row.asset.state == asset_pb2.ASSET_STATE_READY and not row.is_audio
    ]

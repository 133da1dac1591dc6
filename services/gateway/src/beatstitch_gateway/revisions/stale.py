"""What has changed in a project since a timeline was built. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from beatstitch.v1 import timeline_pb2
from beatstitch.v1.timeline_pb2 import StaleKind, StaleReason, TimelineInputs


@dataclass(frozen=True)
class ProjectNow:
    """What a timeline would be built from now.

    Attributes:
        song_id: The project's song: its newest READY one; empty where there is none.
        grids: READY songs by id, with the SHA-256 of their grids.
        media_ids: READY pictures and clips in their order.
        names: What people call assets, by id.
        template_version: Newest version of the timeline's template; 0 where it is gone or unknown.
    """

    song_id: str
    grids: dict[str, str]
    media_ids: Sequence[str]
    names: dict[str, str]
    template_version: int = 0


def stale_reasons(
    inputs: TimelineInputs, shown: Collection[str], now: ProjectNow
) -> list[StaleReason]:
    """What has changed; empty when the timeline is up to date.

    Args:
        inputs: What it was built from.
        shown: The pictures and clips that its EDL shows: edits may have brought others in.
        now: The project.
    """
    return [
        *_song(inputs, now),
        *_grid(inputs, now),
        *_removed(inputs, shown, now),
        *_added(inputs, shown, now),
        *_order(inputs, now),
        *_template(inputs, now),
    ]


def _song(inputs: TimelineInputs, now: ProjectNow) -> list[StaleReason]:
    song_id = inputs.audio_asset_id
    if song_id not in now.grids:
        return [_reason(timeline_pb2.STALE_KIND_AUDIO, song_id, "the song is gone")]
    if now.song_id != song_id:
        newer = now.names.get(now.song_id, now.song_id)
        text = f"the project has a newer song, {newer!r}"
        return [_reason(timeline_pb2.STALE_KIND_AUDIO, now.song_id, text)]
    return []


def _grid(inputs: TimelineInputs, now: ProjectNow) -> list[StaleReason]:
    song_id = inputs.audio_asset_id
    grid = now.grids.get(song_id)
    if grid is None or inputs.beat_grid_sha256 in {"", grid}:
        return []
    text = "the song was analysed again or its beats were corrected"
    return [_reason(timeline_pb2.STALE_KIND_BEAT_GRID, song_id, text)]


def _removed(inputs: TimelineInputs, shown: Collection[str], now: ProjectNow) -> list[StaleReason]:
    there = set(now.media_ids)
    wanted = dict.fromkeys([*(item.asset_id for item in inputs.media), *shown])
    kind = timeline_pb2.STALE_KIND_MEDIA_REMOVED
    return [
        _reason(kind, asset_id, "a picture or clip of the timeline is gone")
        for asset_id in wanted
        if asset_id not in there
    ]


def _added(inputs: TimelineInputs, shown: Collection[str], now: ProjectNow) -> list[StaleReason]:
    if not inputs.all_media:
        return []
    taken = {*(item.asset_id for item in inputs.media), *shown}
    kind = timeline_pb2.STALE_KIND_MEDIA_ADDED
    return [
        _reason(kind, asset_id, f"{now.names.get(asset_id, asset_id)!r} was added")
        for asset_id in now.media_ids
        if asset_id not in taken
    ]


def _order(inputs: TimelineInputs, now: ProjectNow) -> list[StaleReason]:
    # A list that the client gave has its own order.
    if not inputs.all_media:
        return []
    there = set(now.media_ids)
    then = [item.asset_id for item in inputs.media if item.asset_id in there]
    taken = set(then)
    if then == [asset_id for asset_id in now.media_ids if asset_id in taken]:
        return []
    text = "the order of the media is another"
    return [_reason(timeline_pb2.STALE_KIND_MEDIA_ORDER, "", text)]


def _template(inputs: TimelineInputs, now: ProjectNow) -> list[StaleReason]:
    if not inputs.template_id or now.template_version <= inputs.template_version:
        return []
    text = f"the template has version {now.template_version} by now, not {inputs.template_version}"
    return [_reason(timeline_pb2.STALE_KIND_TEMPLATE, inputs.template_id, text)]


def _reason(kind: StaleKind.ValueType, subject_id: str, message: str) -> StaleReason:
    return StaleReason(kind=kind, subject_id=subject_id, message=message)

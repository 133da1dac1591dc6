"""The shape of a video: the timeline's own, or that of the place a profile is made for."""

from __future__ import annotations

import asyncio

from beatstitch.internal.v1.timeline_engine_service_pb2 import RetargetTimelineRequest
from beatstitch.v1.edl_pb2 import Edl, OutputFormat
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import END_ALIGN_BEAT
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.errors import field_error
from beatstitch_core.keys import artefact_key, tenant_prefix
from beatstitch_core.timebase import frame_at, rate_fraction
from beatstitch_gateway import specs
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.specs import Shaped


async def shaped(deps: Deps, tenant: str, row: TimelineRow, profile: RenderProfile) -> Shaped:
    """A timeline's EDL in a profile's shape; its own where the profile asks for none.

    Raises:
        BeatStitchError: ASSET_NOT_FOUND, ASSET_NOT_READY, EDL_INVALID where the shape can't hold
            it, DEPENDENCY_DOWN.
    """
    edl = row.parse_edl()
    if _fits(edl, profile):
        return Shaped(edl, row.edl_object)
    async with deps.database.transaction() as tx:
        song, media = await specs.edl_assets(tx, tenant, row.timeline.project_id, edl)
    question = RetargetTimelineRequest(
        edl=edl,
        output=profile.output,
        max_duration_us=profile.max_duration_us,
        media=[specs.ready_media(each) for each in (song, *media)],
    )
    answer = await deps.engines.timeline(lambda stub: stub.RetargetTimeline, question)
    data = await asyncio.to_thread(canonical_json, answer.edl)
    key = artefact_key(tenant_prefix(tenant), "edl", sha256_hex(data), ".json")
    return Shaped(answer.edl, await deps.storage.put(key, data))


def in_shape(settings: TimelineSettings, profile: RenderProfile) -> TimelineSettings:
    """Settings of a timeline that is built for one profile, as a stitch does.

    Raises:
        BeatStitchError: FIELD_INVALID where the settings ask for another shape than the profile's.
    """
    made = TimelineSettings()
    made.CopyFrom(settings)
    wanted = profile.output
    for name in ("width", "height"):
        side, given = getattr(wanted, name), getattr(made.output, name)
        if side and given not in {0, side}:
            raise field_error(
                f"settings.output.{name}", f"is {given}, the profile {profile.name} has {side}"
            )
        setattr(made.output, name, side or given)
    if wanted.frame_rate.num:
        given = made.output.frame_rate
        if given.num and rate_fraction(given) != rate_fraction(wanted.frame_rate):
            raise field_error(
                "settings.output.frame_rate",
                f"is {given.num}/{given.den or 1}, the profile {profile.name} has "
                f"{wanted.frame_rate.num}/{wanted.frame_rate.den or 1}",
            )
        made.output.frame_rate.CopyFrom(wanted.frame_rate)
    return made


def in_length(settings: TimelineSettings, profile: RenderProfile, song_us: int) -> TimelineSettings:
    """Settings under which a song of a known length becomes no longer than the profile allows."""
    made = TimelineSettings()
    made.CopyFrom(settings)
    end = settings.audio_end_us or song_us
    latest = settings.audio_start_us + profile.max_duration_us
    if profile.max_duration_us and end > latest:
        made.audio_end_us = latest
        made.end_align = made.end_align or END_ALIGN_BEAT
    return made


def _fits(edl: Edl, profile: RenderProfile) -> bool:
    most = profile.max_duration_us
    rate = edl.output.frame_rate
    too_long = most and frame_at(edl.audio.duration_us, rate) > frame_at(most, rate)
    return not too_long and _same_shape(edl.output, profile.output)


def _same_shape(has: OutputFormat, wanted: OutputFormat) -> bool:
    return (
        wanted.width in {0, has.width}
        and wanted.height in {0, has.height}
        and (
            not wanted.frame_rate.num
            or rate_fraction(wanted.frame_rate) == rate_fraction(has.frame_rate)
        )
    )

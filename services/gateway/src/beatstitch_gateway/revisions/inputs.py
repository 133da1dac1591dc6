"""What a timeline was built from, as it is remembered. Pure."""

from __future__ import annotations

from beatstitch.internal.v1.job_spec_pb2 import TimelineBuildSpec
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_pb2 import TimelineInputs, TimelineMedia
from beatstitch_gateway.specs import named_media


def built_inputs(build: TimelineBuildSpec, chosen: TimelineInputs) -> TimelineInputs:
    """Of a built timeline.

    Args:
        build: What the job was told.
        chosen: What it doesn't say: whether all media were taken, the template.
    """
    return TimelineInputs(
        audio_asset_id=build.audio.asset_id,
        audio_sha256=build.audio.object.sha256,
        beat_grid_sha256=build.beat_grid.sha256,
        media=[
            TimelineMedia(asset_id=item.asset_id, sha256=item.object.sha256) for item in build.media
        ],
        all_media=chosen.all_media,
        template_id=chosen.template_id,
        template_version=chosen.template_version,
    )


def given_inputs(edl: Edl) -> TimelineInputs:
    """Of a client's own EDL: what it names, media in the order in which they come first."""
    return TimelineInputs(
        audio_asset_id=edl.audio.asset_id,
        audio_sha256=edl.audio.sha256,
        beat_grid_sha256=edl.beat_grid_sha256,
        media=[
            TimelineMedia(asset_id=asset_id, sha256=sha256)
            for asset_id, sha256 in named_media(edl).items()
        ],
    )

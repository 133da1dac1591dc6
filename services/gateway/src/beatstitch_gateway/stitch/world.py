"""What a stitch looks at, and what it may want done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1.asset_pb2 import Asset
from beatstitch.v1.job_pb2 import BeatAnalysisResult, Job
from beatstitch.v1.stitch_service_pb2 import StitchRequest


@dataclass(frozen=True)
class World:
    """All that a stitch looks at.

    Attributes:
        request: The request, all asset ids filled in.
        assets: Those of its assets that exist, by id.
        analysis: What the song's newest analysis told, if it told anything.
        children: The stitch's own jobs by id.
        now: The time to stamp stages with.
    """

    request: StitchRequest
    assets: Mapping[str, Asset]
    analysis: BeatAnalysisResult | None
    children: Mapping[str, Job]
    now: Timestamp = field(default_factory=Timestamp)


@dataclass(frozen=True)
class StartChild:
    """Make the job of a stage.

    Attributes:
        stage: Which stage: ANALYZE, TIMELINE or RENDER.
        media_ids: For TIMELINE: the pictures and clips to use.
        timeline_id: For RENDER: the revision to render.
    """

    stage: str
    media_ids: tuple[str, ...] = ()
    timeline_id: str = ""


@dataclass(frozen=True)
class CancelChildren:
    """Ask for the end of these jobs."""

    job_ids: tuple[str, ...]


Command = StartChild | CancelChildren


def wanted_assets(request: StitchRequest) -> dict[str, None]:
    """Ids of all assets that a stitch waits for, each once: song, media, watermark."""
    mark = request.settings.watermark.media_asset_id
    named = (request.audio_asset_id, *request.media_asset_ids, mark)
    return dict.fromkeys(asset_id for asset_id in named if asset_id)

"""What workers would have made of the gateway's jobs: small, and stored where they say."""

from __future__ import annotations

import hashlib

from beatstitch.internal.v1.job_event_pb2 import (
    BeatAnalysisOutput,
    JobSucceeded,
    MediaIngestOutput,
    RenderOutput,
    TimelineBuildOutput,
)
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid
from beatstitch.v1.common_pb2 import (
    MEDIA_TYPE_AUDIO,
    MEDIA_TYPE_IMAGE,
    ObjectRef,
    Rational,
)
from beatstitch.v1.edl_pb2 import AudioTrack, Edl, OutputFormat, Segment
from beatstitch.v1.job_pb2 import BeatAnalysisResult, MediaIngestResult, RenderResult
from beatstitch.v1.render_pb2 import RenderManifest, SyncReport
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.keys import artefact_key
from beatstitch_runtime.storage import Storage


async def played(storage: Storage, spec: JobSpec, video: bytes = b"video") -> JobSucceeded:
    """What a worker tells of a job, its artefacts stored."""

    def key(kind: str, suffix: str = "") -> str:
        return artefact_key(spec.key_prefix, kind, sha256_hex(spec.job_id.encode()), suffix)

    if spec.HasField("beat_analysis"):
        audio = spec.beat_analysis.audio
        grid = BeatGrid(
            schema_version="1.0",
            analyzer="librosa",
            bpm=120,
            duration_us=8_000_000,
            beats=[Beat(time_us=i * 500_000, beat_number=i % 4 + 1) for i in range(16)],
        )
        ref = await storage.put(key("grid", ".json"), canonical_json(grid))
        wave = await storage.put(key("waveform"), b"wave")
        return JobSucceeded(
            beat_analysis=BeatAnalysisOutput(
                audio=ObjectRef(key=audio.key, sha256=hashed(b"song"), size_bytes=4),
                info=MediaInfo(media_type=MEDIA_TYPE_AUDIO, duration_us=8_000_000),
                beat_grid=ref,
                waveform=wave,
                result=BeatAnalysisResult(
                    beat_grid_sha256=ref.sha256, bpm=120, beat_count=16, analyzer="librosa"
                ),
            )
        )
    if spec.HasField("media_ingest"):
        media = spec.media_ingest.media
        thumbnail = await storage.put(key("thumb", ".jpg"), b"thumbnail")
        return JobSucceeded(
            media_ingest=MediaIngestOutput(
                media=ObjectRef(key=media.key, sha256=media.sha256, size_bytes=media.size_bytes),
                info=MediaInfo(media_type=MEDIA_TYPE_IMAGE, width=640, height=480),
                thumbnail=thumbnail,
                result=MediaIngestResult(),
            )
        )
    if spec.HasField("timeline_build"):
        edl = edl_of(spec)
        data = canonical_json(edl)
        ref = await storage.put(
            artefact_key(spec.key_prefix, "edl", sha256_hex(data), ".json"), data
        )
        return JobSucceeded(
            timeline_build=TimelineBuildOutput(edl=ref, segment_count=len(edl.segments))
        )
    ref = await storage.put(key("out", ".mp4"), video)
    return JobSucceeded(
        render=RenderOutput(
            output=ref,
            manifest=RenderManifest(schema_version="1.0", edl_hash=spec.render.edl.sha256),
            sync_report=SyncReport(schema_version="1.0", expected_frames=240),
            result=RenderResult(
                edl_hash=spec.render.edl.sha256, frame_count=240, size_bytes=len(video)
            ),
        )
    )


def edl_of(spec: JobSpec) -> Edl:
    build = spec.timeline_build
    media = build.media
    return Edl(
        version="1.0",
        project_id=spec.project_id,
        output=OutputFormat(width=1280, height=720, frame_rate=Rational(num=30, den=1)),
        audio=AudioTrack(
            asset_id=build.audio.asset_id,
            sha256=build.audio.object.sha256,
            duration_us=8_000_000 - build.settings.seed,
        ),
        segments=[
            Segment(index=i, media_asset_id=item.asset_id, media_sha256=item.object.sha256)
            for i, item in enumerate(media)
        ],
    )


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""What was measured and made, as clients get it; refuses a file that isn't right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch.v1.render_pb2 import ChunkReport, CutReport, RenderManifest, SyncReport
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import (
    US_PER_S,
    frame_time_us,
    rate_fraction,
    round_half_up,
    samples_at,
)
from beatstitch_renderer.planning.encoding import has_sound

if TYPE_CHECKING:
    from collections.abc import Collection

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch.v1.common_pb2 import ObjectRef
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch_renderer.measuring import Measured

SCHEMA_VERSION = "1.0"
SAMPLE_RATE = 48_000


def inner_cuts(edl: Edl) -> list[int]:
    """The frames at which the second and later segments begin."""
    return [segment.timeline_in_frame for segment in edl.segments[1:]]


def expected_audio_samples(edl: Edl, plan: RenderPlan) -> int:
    """Length of the sound in samples; an animation has none."""
    return samples_at(edl.audio.duration_us, SAMPLE_RATE) if has_sound(plan.profile) else 0


def sync_report(edl: Edl, plan: RenderPlan, found: Measured) -> SyncReport:
    """The proof, from measurements in the order of `inner_cuts`."""
    report = SyncReport(
        schema_version=SCHEMA_VERSION,
        expected_frames=plan.frame_count,
        counted_frames=found.counted_frames,
        off_grid_frames=found.off_grid_frames,
        audio_samples=found.audio_samples,
        expected_audio_samples=expected_audio_samples(edl, plan),
    )
    rate = edl.output.frame_rate
    for segment, measured in zip(edl.segments[1:], found.cuts, strict=True):
        # On the video's clock, which begins where the song's part begins.
        beat_us = segment.cut.beat_time_us - edl.audio.offset_us
        target = segment.timeline_in_frame
        cut = CutReport(
            segment_index=segment.index,
            beat_time_us=beat_us,
            target_frame=target,
            measured_frame=measured,
            error_frames=measured - target,
        )
        report.cuts.append(cut)
        apart = abs(frame_time_us(target, rate) - beat_us)
        report.worst_quantisation_us = max(report.worst_quantisation_us, apart)
        report.worst_cut_error_frames = max(report.worst_cut_error_frames, abs(cut.error_frames))
    return report


def check(edl: Edl, report: SyncReport, found: Measured) -> None:
    """Refuses a file that isn't what the EDL says.

    Raises:
        BeatStitchError: VERIFICATION_FAILED with everything that is wrong.
    """
    half_frame = round_half_up(US_PER_S / rate_fraction(edl.output.frame_rate) / 2) + 1
    findings = {
        "frames": report.counted_frames - report.expected_frames,
        "off_grid_frames": report.off_grid_frames,
        "wrong_pictures": found.wrong_pictures,
        "cut_error_frames": report.worst_cut_error_frames,
        "cuts_without_key": found.cuts_without_key,
        "audio_samples": report.audio_samples - report.expected_audio_samples,
        "audio_start_samples": found.audio_start_samples,
        "quantisation_us": max(0, report.worst_quantisation_us - half_frame),
    }
    wrong = {name: str(value) for name, value in findings.items() if value != 0}
    if wrong:
        text = ", ".join(f"{name} {value}" for name, value in wrong.items())
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_VERIFICATION_FAILED,
            f"the finished video is not what the timeline says: {text}",
            metadata=wrong,
        )


def manifest(plan: RenderPlan, cached: Collection[str], output: ObjectRef) -> RenderManifest:
    """What the video was made of.

    Args:
        plan: Its plan.
        cached: Hashes of the pieces that were found and not made.
        output: The finished file.
    """
    rate = plan.output.frame_rate
    made = RenderManifest(
        schema_version=SCHEMA_VERSION,
        edl_hash=plan.edl_hash,
        profile=plan.profile,
        renderer_fingerprint=plan.renderer_fingerprint,
        width=plan.output.width,
        height=plan.output.height,
        frame_rate=rate,
        frame_count=plan.frame_count,
        duration_us=frame_time_us(plan.frame_count, rate),
        size_bytes=output.size_bytes,
        sha256=output.sha256,
    )
    made.chunks.extend(chunk_reports(plan, cached))
    return made


def chunk_reports(plan: RenderPlan, cached: Collection[str]) -> list[ChunkReport]:
    """The plan's pieces and which of them were there."""
    return [
        ChunkReport(
            index=chunk.index,
            chunk_hash=chunk.chunk_hash,
            start_frame=chunk.start_frame,
            end_frame=chunk.end_frame,
            cached=chunk.chunk_hash in cached,
        )
        for chunk in plan.chunks
    ]

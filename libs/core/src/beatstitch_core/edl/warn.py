"""What an EDL may say and perhaps not mean: repeats, missing handles, glimpses, soft pictures.

None of it is wrong: such an EDL renders, and looks worse than it could.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.findings import Findings
from beatstitch_core.edl.pictures import UNIT
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import handles, reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, OutputFormat, Segment, Transition
    from beatstitch.v1.failure_pb2 import FieldViolation

SHORTEST_FRAMES = 3
"""Shorter shots are not seen as pictures, only as a flicker."""
LARGEST_SCALE = 2
"""Pictures that are enlarged more look soft."""


def edl_warnings(edl: Edl, media: Mapping[str, ReadyMedia] | None = None) -> list[FieldViolation]:
    """All warnings, each with its path, in the order of the segments.

    Args:
        edl: A valid EDL; of an invalid one only what can be told, never an exception.
        media: The assets that it names by id; None: sizes of pictures and whether clips have sound
            are not looked at.
    """
    found, rate = Findings(), edl.output.frame_rate
    if rate.num <= 0 or rate.den < 0:
        return []
    blown_up: set[str] = set()
    before: Segment | None = None
    for i, segment in enumerate(edl.segments):
        at, frames = f"segments[{i}]", _frames(segment)
        if 0 < frames < SHORTEST_FRAMES:
            found.add(f"{at}.timeline_out_frame", f"the segment is only {frames} frames long")
        _warn_of_repeat(segment, rate, at, found)
        way_in = segment.transition_in
        _warn_of_head(segment, way_in, rate, at, found)
        if before is not None:
            _warn_of_tail(before, way_in, rate, f"segments[{i - 1}]", found)
        asset = None if media is None else media.get(segment.media_asset_id)
        if asset is not None and segment.HasField("sound") and not asset.info.has_audio:
            found.add(f"{at}.sound", "the clip has no sound")
        # Once for each asset: it is the asset that is small.
        if asset is not None and asset.asset_id not in blown_up:
            where = _blown_up(segment, asset, edl.output)
            if where:
                blown_up.add(asset.asset_id)
                found.add(
                    f"{at}.{where}",
                    f"{asset.info.width}×{asset.info.height} pixels are enlarged to more than"
                    f" {LARGEST_SCALE} times their size",
                )
        before = segment
    return found.violations


def _frames(segment: Segment) -> int:
    return segment.timeline_out_frame - segment.timeline_in_frame


def _shown_until_us(segment: Segment, frames: int, rate: Rational) -> int:
    """The moment of the clip that its last frame shows when it is seen for so many frames."""
    return segment.source_in_us + source_offset_us(segment.speed, frames - 1, rate)


def runs_out(segment: Segment, frames: int, rate: Rational) -> bool:
    """Whether a clip ends before it has been seen for so many frames; never so for an image."""
    return (
        segment.media_type == common_pb2.MEDIA_TYPE_VIDEO
        and frames > 0
        and _shown_until_us(segment, frames, rate) >= segment.source_out_us
    )


def _warn_of_repeat(segment: Segment, rate: Rational, at: str, found: Findings) -> None:
    if segment.fill == edl_pb2.FILL_POLICY_HOLD:
        return
    if runs_out(segment, _frames(segment), rate):
        found.add(
            f"{at}.source_out_us",
            f"the clip is shorter than the segment's {_frames(segment)} frames and begins again",
        )


def _warn_of_head(
    segment: Segment, way_in: Transition, rate: Rational, at: str, found: Findings
) -> None:
    frames = reach(way_in).before
    if (
        segment.media_type != common_pb2.MEDIA_TYPE_VIDEO
        or frames < 1
        or not handles(way_in.type).head
    ):
        return
    missing = -segment.source_in_us - source_offset_us(segment.speed, -frames, rate)
    if missing > 0:
        found.add(
            f"{at}.source_in_us",
            f"the transition needs {missing} µs more before it; the clip's first frame stands",
        )


def _warn_of_tail(
    segment: Segment, way_out: Transition, rate: Rational, at: str, found: Findings
) -> None:
    frames, inside = reach(way_out).after, _frames(segment)
    if frames < 1 or not handles(way_out.type).tail or runs_out(segment, inside, rate):
        return
    if runs_out(segment, inside + frames, rate):
        missing = _shown_until_us(segment, inside + frames, rate) - segment.source_out_us
        held = segment.fill == edl_pb2.FILL_POLICY_HOLD
        found.add(
            f"{at}.source_out_us",
            f"the transition after it needs {missing + 1} µs more; the clip "
            + ("stands" if held else "begins again"),
        )


def _blown_up(segment: Segment, asset: ReadyMedia, output: OutputFormat) -> str:
    """Path of what enlarges the picture too much; empty when nothing does."""
    sides = ((asset.info.width, output.width), (asset.info.height, output.height))
    fills = segment.fit not in (edl_pb2.FIT_CONTAIN, edl_pb2.FIT_BLUR)
    # What fills the frame is scaled by its narrower side, what fits into it by its wider one.
    judge = any if fills else all
    if judge(wanted > LARGEST_SCALE * side for side, wanted in sides):
        return "media_asset_id"
    if segment.effect.WhichOneof("kind") == "ken_burns":
        move = segment.effect.ken_burns
        for rect in (getattr(move, "from"), move.to):
            parts = zip(sides, (rect.w, rect.h), strict=True)
            if judge(wanted * UNIT > LARGEST_SCALE * side * part for (side, wanted), part in parts):
                return "effect.ken_burns"
    return ""

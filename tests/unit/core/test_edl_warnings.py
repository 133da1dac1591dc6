"""What is allowed and perhaps not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl, Segment, SpeedPoint
from beatstitch_core.edl.warn import edl_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

S = 1_000_000


def edl(*segments: Segment) -> Edl:
    """30 frames per second, 1280 × 720."""
    made = Edl(segments=segments)
    made.output.width, made.output.height = 1280, 720
    made.output.frame_rate.num, made.output.frame_rate.den = 30, 1
    return made


def clip(first: int, last: int, source: tuple[int, int]) -> Segment:
    return Segment(
        media_asset_id="m",
        media_type=common_pb2.MEDIA_TYPE_VIDEO,
        timeline_in_frame=first,
        timeline_out_frame=last,
        source_in_us=source[0],
        source_out_us=source[1],
        fill=edl_pb2.FILL_POLICY_LOOP,
    )


def still(first: int = 0, last: int = 60) -> Segment:
    return Segment(
        media_asset_id="m",
        media_type=common_pb2.MEDIA_TYPE_IMAGE,
        timeline_in_frame=first,
        timeline_out_frame=last,
    )


def sized(width: int, height: int) -> dict[str, ReadyMedia]:
    media = ReadyMedia(asset_id="m")
    media.info.width, media.info.height = width, height
    return {"m": media}


def named(segments: Iterable[Segment], media: dict[str, ReadyMedia] | None = None) -> list[str]:
    return [warning.field for warning in edl_warnings(edl(*segments), media)]


def test_a_clip_that_is_long_enough_is_nothing_to_warn_of():
    # The last of 60 frames shows the moment 1.966667 s.
    assert not named([clip(0, 60, (0, 2 * S))])
    assert not named([clip(0, 60, (0, 1_966_668))])


def test_a_clip_that_repeats_is_named():
    short = clip(0, 60, (0, 1_966_667))
    assert named([short]) == ["segments[0].source_out_us"]
    short.fill = edl_pb2.FILL_POLICY_HOLD
    assert not named([short])


def test_a_clip_repeats_at_its_own_speed():
    fast = clip(0, 60, (0, 2 * S))
    fast.speed.points.append(SpeedPoint(rate=65_536 + 4_096))
    assert named([fast]) == ["segments[0].source_out_us"]
    slow = clip(0, 60, (0, S))
    slow.speed.points.append(SpeedPoint(rate=32_768))
    assert not named([slow])


@pytest.mark.parametrize(
    ("align", "source_in_us", "warned"),
    [
        (edl_pb2.TRANSITION_ALIGN_END, 333_333, False),
        (edl_pb2.TRANSITION_ALIGN_END, 333_332, True),
        (edl_pb2.TRANSITION_ALIGN_CENTRE, 166_667, False),
        (edl_pb2.TRANSITION_ALIGN_CENTRE, 166_600, True),
        (edl_pb2.TRANSITION_ALIGN_START, 0, False),
    ],
)
def test_a_missing_head_is_named(
    align: edl_pb2.TransitionAlign.ValueType, source_in_us: int, warned: bool
):
    after = clip(60, 120, (source_in_us, 9 * S))
    after.transition_in.type, after.transition_in.frames = edl_pb2.TRANSITION_TYPE_WIPE, 10
    after.transition_in.align = align
    assert named([still(), after]) == ["segments[1].source_in_us"] * warned


@pytest.mark.parametrize(
    ("align", "source_out_us", "warned"),
    [
        (edl_pb2.TRANSITION_ALIGN_END, 2 * S, False),
        (edl_pb2.TRANSITION_ALIGN_CENTRE, 2_133_334, False),
        (edl_pb2.TRANSITION_ALIGN_CENTRE, 2_133_333, True),
        (edl_pb2.TRANSITION_ALIGN_START, 2_300_001, False),
        (edl_pb2.TRANSITION_ALIGN_START, 2_300_000, True),
    ],
)
@pytest.mark.parametrize("fill", [edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD])
def test_a_missing_tail_is_named(
    align: edl_pb2.TransitionAlign.ValueType,
    source_out_us: int,
    warned: bool,
    fill: edl_pb2.FillPolicy.ValueType,
):
    before, after = clip(0, 60, (0, source_out_us)), still(60, 120)
    before.fill = fill
    after.transition_in.type, after.transition_in.frames = edl_pb2.TRANSITION_TYPE_CROSSFADE, 10
    after.transition_in.align = align
    assert named([before, after]) == ["segments[0].source_out_us"] * warned


def test_a_clip_that_repeats_anyway_is_named_once():
    before, after = clip(0, 60, (0, S)), still(60, 120)
    after.transition_in.type, after.transition_in.frames = edl_pb2.TRANSITION_TYPE_CROSSFADE, 10
    after.transition_in.align = edl_pb2.TRANSITION_ALIGN_START
    assert named([before, after]) == ["segments[0].source_out_us"]


def test_a_glimpse_is_named():
    assert named([still(0, 3)]) == []
    assert named([still(0, 2)]) == ["segments[0].timeline_out_frame"]


@pytest.mark.parametrize(
    ("fit", "size", "warned"),
    [
        (edl_pb2.FIT_COVER, (640, 360), False),
        (edl_pb2.FIT_COVER, (639, 2000), True),
        (edl_pb2.FIT_FOCUS, (2000, 359), True),
        (edl_pb2.FIT_CONTAIN, (2000, 359), False),
        (edl_pb2.FIT_BLUR, (639, 2000), False),
        (edl_pb2.FIT_CONTAIN, (639, 359), True),
    ],
)
def test_a_picture_blown_up_is_named(
    fit: edl_pb2.Fit.ValueType, size: tuple[int, int], warned: bool
):
    pair = [still(0, 60), still(60, 120)]
    for segment in pair:
        segment.fit = fit
    # Once: it is the asset that is small.
    assert named(pair, sized(*size)) == ["segments[0].media_asset_id"] * warned
    assert not named(pair)
    assert not named(pair, {})


def test_a_move_into_too_small_a_part_is_named():
    near = still()
    move = near.effect.ken_burns
    getattr(move, "from").w, getattr(move, "from").h = 65_536, 65_536
    move.to.w, move.to.h = 32_768, 32_768
    assert not named([near], sized(1280, 720))
    move.to.w = 32_767
    assert named([near], sized(1280, 720)) == ["segments[0].effect.ken_burns"]


def test_a_sound_that_is_not_there_is_named():
    heard = clip(0, 60, (0, 2 * S))
    heard.sound.gain = 65_536
    silent = sized(1280, 720)
    assert named([heard], silent) == ["segments[0].sound"]
    assert not named([heard])
    silent["m"].info.has_audio = True
    assert not named([heard], silent)


def test_a_document_without_a_rate_gives_no_warning():
    assert not edl_warnings(Edl(segments=[still(0, 1)]), {})

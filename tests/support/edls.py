"""Valid EDLs of any kind, with the assets that they name: for tests of what must hold for each."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from hypothesis import strategies as st

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl, Segment, Transition, UnitRect
from beatstitch_core.edl.ways_in import CUTS, DIRECTED
from beatstitch_core.timebase import frame_at, frame_time_ms, frame_time_us

RATES = [(24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60, 1), (24_000, 1_001), (1, 1)]
UNIT = 65_536
LOUDNESS = st.integers(1, 2 * UNIT)
SHARE = st.integers(0, UNIT)
ON_BEATS = [rule for rule in edl_pb2.CutRule.values() if rule > edl_pb2.CUT_RULE_START]
MOVING = [kind for kind in edl_pb2.TransitionType.values() if kind not in CUTS]
ACCENTS = [kind for kind in edl_pb2.AccentType.values() if kind]
FILLS = [0, edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD]


class Sample(NamedTuple):
    """An EDL and the READY assets of its project by id."""

    edl: Edl
    media: dict[str, ReadyMedia]


def ready(
    asset_id: str,
    kind: common_pb2.MediaType.ValueType,
    duration_us: int = 0,
    size: tuple[int, int] = (1920, 1080),
) -> ReadyMedia:
    """A READY asset whose checksum follows from its id."""
    media = ReadyMedia(asset_id=asset_id, filename=f"{asset_id}.bin")
    media.object.sha256 = hashlib.sha256(asset_id.encode()).hexdigest()
    media.info.media_type, media.info.duration_us = kind, duration_us
    media.info.width, media.info.height = size
    return media


@st.composite
def edls(draw: st.DrawFn, *, least_segments: int = 1, most_segments: int = 6) -> Sample:
    """A valid EDL with its assets; with two segments or more there are a clip and a picture."""
    edl = Edl(version="1.0", project_id=draw(st.text("abcé中🎬-", min_size=1, max_size=8)))
    edl.output.width, edl.output.height = (2 * draw(st.integers(8, 3840)) for _ in range(2))
    edl.output.background_rgb = draw(st.integers(0, 0xFFFFFF))
    rate = edl.output.frame_rate
    rate.num, rate.den = draw(st.sampled_from(RATES))
    if draw(st.booleans()):
        edl.beat_grid_sha256 = hashlib.sha256(b"grid").hexdigest()
    audio = edl.audio
    audio.offset_us = draw(st.integers(0, 10_000_000))
    audio.asset_id = "song"
    audio.ducked = draw(SHARE)

    # At least a frame from beat to beat, or two cuts could fall on one frame.
    frame_us = frame_time_us(1, rate) + 1
    count = draw(st.integers(least_segments, most_segments))
    steps = [draw(st.integers(frame_us, frame_us + 3_000_000)) for _ in range(count)]
    time_us, beat = 0, -1
    for i, step in enumerate(steps):
        segment = edl.segments.add(index=i, timeline_in_frame=frame_at(time_us, rate))
        if i or draw(st.booleans()):
            beat += draw(st.integers(1, 9))
            segment.cut.beat_index, segment.cut.beat_time_us = beat, audio.offset_us + time_us
            segment.cut.rule = draw(st.sampled_from(ON_BEATS))
        else:
            segment.cut.beat_index, segment.cut.rule = -1, edl_pb2.CUT_RULE_START
        time_us += step
        segment.timeline_out_frame = frame_at(time_us, rate)
        segment.timeline_in_ms = frame_time_ms(segment.timeline_in_frame, rate)
        segment.timeline_out_ms = frame_time_ms(segment.timeline_out_frame, rate)
        segment.render_duration_ms = segment.timeline_out_ms - segment.timeline_in_ms
    audio.duration_us = time_us
    audio.fade_in_us = draw(st.integers(0, time_us))
    audio.fade_out_us = draw(st.integers(0, time_us - audio.fade_in_us))
    song = ready("song", common_pb2.MEDIA_TYPE_AUDIO, audio.offset_us + time_us)
    audio.sha256 = song.object.sha256

    media = {
        "photo": ready("photo", common_pb2.MEDIA_TYPE_IMAGE),
        "clip": ready("clip", common_pb2.MEDIA_TYPE_VIDEO, draw(st.integers(1, 20_000_000))),
    }
    clips_at = draw(st.integers(0, 1))
    before = None
    for i, segment in enumerate(edl.segments):
        asset = media["clip" if i % 2 == clips_at else "photo"]
        segment.media_asset_id, segment.media_sha256 = asset.asset_id, asset.object.sha256
        segment.media_type = asset.info.media_type
        draw(_dressed(segment, asset.info.duration_us))
        if before is not None:
            length = min(map(length_of, (before, segment)))
            segment.transition_in.CopyFrom(draw(transitions(length // 2)))
        before = segment
    end = edl.segments[-1].timeline_out_frame
    for _ in range(draw(st.integers(0, 2))):
        edl.overlays.append(draw(overlays(end, media["photo"])))
    return Sample(edl, {**media, "song": song})


def length_of(segment: Segment) -> int:
    """How many frames a segment has."""
    return segment.timeline_out_frame - segment.timeline_in_frame


@st.composite
def transitions(draw: st.DrawFn, most: int) -> Transition:
    """A cut, or any other way of at most so many frames."""
    if most < 1 or draw(st.booleans()):
        return Transition(type=draw(st.sampled_from(sorted(CUTS))))
    way = Transition(type=draw(st.sampled_from(MOVING)), frames=draw(st.integers(1, most)))
    way.align = draw(st.sampled_from(edl_pb2.TransitionAlign.values()))
    if way.type in DIRECTED:
        way.direction = draw(st.sampled_from(edl_pb2.Direction.values()))
    return way


@st.composite
def rectangles(draw: st.DrawFn) -> UnitRect:
    """A rectangle inside a picture."""
    w, h = draw(st.integers(1, UNIT)), draw(st.integers(1, UNIT))
    return UnitRect(x=draw(st.integers(0, UNIT - w)), y=draw(st.integers(0, UNIT - h)), w=w, h=h)


@st.composite
def overlays(draw: st.DrawFn, end: int, photo: ReadyMedia) -> edl_pb2.Overlay:
    """Text or a picture inside a video of so many frames."""
    begin = draw(st.integers(0, end - 1))
    made = edl_pb2.Overlay(in_frame=begin, out_frame=draw(st.integers(begin + 1, end)))
    made.fade_frames = draw(st.integers(0, (made.out_frame - begin) // 2))
    if draw(st.booleans()):
        card = made.text
        card.text = draw(st.text("aé中🎬\n ", min_size=1, max_size=20))
        card.line_height = draw(st.integers(655, 32_768))
        card.centre.x, card.centre.y = draw(SHARE), draw(SHARE)
        card.rgb = draw(st.integers(0, 0xFFFFFF))
        card.veil_rgb, card.veil_opacity = draw(st.integers(0, 0xFFFFFF)), draw(SHARE)
    else:
        mark = made.picture
        mark.media_asset_id, mark.media_sha256 = photo.asset_id, photo.object.sha256
        mark.place.CopyFrom(draw(rectangles()))
        mark.opacity = draw(st.integers(1, UNIT))
    return made


@st.composite
def _dressed(draw: st.DrawFn, segment: Segment, clip_us: int) -> None:
    """Says what is shown of the segment's asset, and how."""
    length = length_of(segment)
    segment.fit = draw(st.sampled_from(edl_pb2.Fit.values()))
    segment.fill = draw(st.sampled_from(FILLS))
    if segment.fit == edl_pb2.FIT_FOCUS:
        segment.focus.x, segment.focus.y = draw(SHARE), draw(SHARE)
    for frame in sorted(draw(st.lists(st.integers(0, length - 1), max_size=2))):
        segment.accents.add(
            type=draw(st.sampled_from(ACCENTS)),
            frame=frame,
            frames=draw(st.integers(1, length - frame)),
            amount=draw(st.integers(1, UNIT)),
        )
    if segment.media_type == common_pb2.MEDIA_TYPE_IMAGE:
        if draw(st.booleans()):
            getattr(segment.effect.ken_burns, "from").CopyFrom(draw(rectangles()))
            segment.effect.ken_burns.to.CopyFrom(draw(rectangles()))
        return
    segment.source_in_us = draw(st.integers(0, clip_us - 1))
    segment.source_out_us = draw(st.integers(segment.source_in_us + 1, clip_us))
    if draw(st.booleans()):
        segment.sound.gain = draw(LOUDNESS)
    if draw(st.booleans()):
        later = draw(st.lists(st.integers(1, length), unique=True, max_size=2))
        for frame in [0, *sorted(later)]:
            segment.speed.points.add(frame=frame, rate=draw(st.integers(6_554, 655_360)))

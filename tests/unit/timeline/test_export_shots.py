"""Clips that begin again, hold or run at other speeds, as shots that never leave their files."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_service_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Edl, Speed, SpeedPoint, Transition
from beatstitch_core.timebase import frame_time_us
from beatstitch_timeline.exports import export_timeline
from beatstitch_timeline.exports.project import project_of
from beatstitch_timeline.exports.shots import MOST_TURNS, Kind

LOOP, HOLD = edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD
FORMATS = [
    timeline_service_pb2.EXPORT_FORMAT_OTIO,
    timeline_service_pb2.EXPORT_FORMAT_FCPXML,
    timeline_service_pb2.EXPORT_FORMAT_FCP7_XML,
    timeline_service_pb2.EXPORT_FORMAT_CMX3600,
]


def edl_of(make, parts, rate=(30, 1)):
    """An EDL of (media, frames, changes of the segment) parts, and its media."""
    edl, media, frame = Edl(version="1.0"), {}, 0
    edl.output.width, edl.output.height = 1280, 720
    edl.output.frame_rate.num, edl.output.frame_rate.den = rate
    for index, (item, frames, changes) in enumerate(parts):
        media[item.asset_id] = item
        segment = edl.segments.add(
            index=index,
            media_asset_id=item.asset_id,
            media_type=item.info.media_type,
            timeline_in_frame=frame,
            timeline_out_frame=frame + frames,
            source_out_us=item.info.duration_us,
        )
        segment.MergeFrom(edl_pb2.Segment(**changes))
        frame += frames
    edl.audio.asset_id = "song"
    edl.audio.duration_us = frame_time_us(frame, edl.output.frame_rate)
    return edl, [*media.values(), make.song()]


def project(make, *parts, rate=(30, 1)):
    edl, media = edl_of(make, parts, rate)
    return project_of(edl, BeatGrid(), media, "", "film")


def shape(found):
    return [(shot.kind.value, shot.begin, shot.end, shot.start) for shot in found.shots]


def test_a_clip_that_begins_again_is_cut_into_several(make):
    found = project(make, (make.clip("c", 1_000_000), 75, {"fill": LOOP}))
    assert shape(found) == [("clip", 0, 30, 0), ("clip", 30, 60, 0), ("clip", 60, 75, 0)]
    assert found.notes.texts() == ["1 clips that begin again are cut into several"]


def test_it_begins_again_where_the_segment_does(make):
    part = {"fill": LOOP, "source_in_us": 400_000, "source_out_us": 900_000}
    found = project(make, (make.clip("c", 2_000_000), 40, part))
    assert shape(found) == [("clip", 0, 15, 12), ("clip", 15, 30, 12), ("clip", 30, 40, 12)]


def test_turns_that_end_between_frames_do_not_drift(make):
    # 0.35 s are 10.5 frames: turns of 11 and 10 frames, taken in turn.
    part = {"fill": LOOP, "source_in_us": 1_000_000, "source_out_us": 1_350_000}
    found = project(make, (make.clip("c", 2_000_000), 42, part))
    assert [shot.begin for shot in found.shots] == [0, 11, 21, 32]
    # Half a frame is nothing that an editing program could show at the file's end.
    found = project(make, (make.clip("c", 350_000), 40, {"fill": LOOP}))
    assert [shot.begin for shot in found.shots] == [0, 10, 20, 30]


def test_a_clip_that_holds_is_followed_by_its_last_frame(make):
    found = project(make, (make.clip("c", 1_000_000), 75, {"fill": HOLD}))
    assert shape(found) == [("clip", 0, 30, 0), ("freeze", 30, 75, 29)]


def test_a_clip_shorter_than_a_frame_stands(make):
    found = project(make, (make.clip("c", 5_000), 20, {"fill": HOLD}))
    assert [shot.file.frames for shot in found.shots] == [1] * len(found.shots)
    assert found.shots[-1].kind == Kind.FREEZE
    assert found.frames == 20


def test_nobody_edits_hundreds_of_turns(make):
    found = project(make, (make.clip("c", 40_000), 900, {"fill": LOOP}))
    assert len(found.shots) <= MOST_TURNS + 1
    assert found.shots[-1].kind == Kind.FREEZE


@pytest.mark.parametrize("rate", [32_768, 49_152, 131_072])
def test_a_speed_is_the_clips_own(make, rate):
    speed = Speed(points=[SpeedPoint(rate=rate)])
    part = {"fill": HOLD, "speed": speed, "source_in_us": 1_000_000}
    found = project(make, (make.clip("c", 20_000_000), 60, part))
    assert shape(found) == [("clip", 0, 60, 30)]
    assert found.shots[0].speed == Fraction(rate, 65_536)
    edl, media = found.edl, [make.clip("c", 20_000_000)]
    text = export_timeline(edl, None, media, FORMATS[0]).content.decode()
    (track,) = otio.adapters.read_from_string(text, "otio_json").video_tracks()
    assert track[0].effects[0].time_scalar == rate / 65_536
    cmx = export_timeline(edl, None, media, FORMATS[3]).content.decode()
    (events,) = otio.adapters.read_from_string(cmx, "cmx_3600", rate=30).video_tracks()
    assert events[0].effects[0].time_scalar == pytest.approx(rate / 65_536, abs=1e-4)
    assert events[0].source_range.start_time.value == 30
    xml = export_timeline(edl, None, media, FORMATS[1]).content.decode()
    assert "<timeMap>" in xml
    seven = export_timeline(edl, None, media, FORMATS[2]).content.decode()
    percent = f"{rate / 65_536 * 100:g}"
    assert f"<value>{percent}</value>" in seven


def test_a_ramp_is_a_curve_where_there_is_one_and_a_mean_elsewhere(make):
    ramp = Speed(points=[SpeedPoint(rate=65_536), SpeedPoint(frame=60, rate=131_072)])
    found = project(make, (make.clip("c", 20_000_000), 60, {"fill": HOLD, "speed": ramp}))
    assert found.shots[0].speed == Fraction(3, 2)
    edl, media = found.edl, [make.clip("c", 20_000_000)]
    xml = export_timeline(edl, None, media, FORMATS[1])
    assert xml.content.decode().count("<timept ") > 10
    assert not any("average" in text for text in xml.warnings)
    for other in (FORMATS[0], *FORMATS[2:]):
        warnings = export_timeline(edl, None, media, other).warnings
        assert "1 clips run at their average speed, without a ramp" in warnings


def test_a_frozen_frame_is_said_in_every_format(make):
    edl, media = edl_of(make, [(make.clip("c", 1_000_000), 75, {"fill": HOLD})])
    text = export_timeline(edl, None, media, FORMATS[0]).content.decode()
    (track,) = otio.adapters.read_from_string(text, "otio_json").video_tracks()
    assert isinstance(track[1].effects[0], otio.schema.FreezeFrame)
    cmx = export_timeline(edl, None, media, FORMATS[3]).content.decode()
    (events,) = otio.adapters.read_from_string(cmx, "cmx_3600", rate=30).video_tracks()
    assert isinstance(events[1].effects[0], otio.schema.FreezeFrame)
    assert events[1].source_range.start_time.value == 29
    seven = export_timeline(edl, None, media, FORMATS[2]).content.decode()
    assert "<stillframeoffset>29</stillframeoffset>" in seven
    xml = export_timeline(edl, None, media, FORMATS[1]).content.decode()
    assert xml.count('value="29/30s"') == 2


def test_a_transition_without_material_is_as_long_as_there_is_some(make):
    fade = Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=8)
    late = Transition(
        type=edl_pb2.TRANSITION_TYPE_CROSSFADE, frames=8, align=edl_pb2.TRANSITION_ALIGN_START
    )
    clip = make.clip("c", 4_000_000)
    found = project(
        make,
        (make.image("i"), 30, {}),
        (clip, 30, {"transition_in": fade, "source_in_us": 100_000, "fill": LOOP}),
        (clip, 30, {"transition_in": fade, "source_in_us": 0, "fill": LOOP}),
        (clip, 30, {"transition_in": fade, "source_in_us": 3_000_000, "fill": LOOP}),
        (make.image("j"), 30, {"transition_in": late}),
    )
    assert [join and (join.before, join.after) for join in found.joins] == [
        None,
        (3, 0),
        None,
        (8, 0),
        None,
    ]
    assert (
        "3 transitions are shorter, because a clip has no material for them" in found.notes.texts()
    )


@pytest.mark.parametrize("kind", edl_pb2.TransitionType.values())
def test_every_transition_is_something_in_every_format(make, kind):
    way = Transition(type=kind, frames=6, direction=edl_pb2.DIRECTION_UP)
    parts = [(make.image("i"), 30, {}), (make.image("j"), 30, {"transition_in": way})]
    edl, media = edl_of(make, parts)
    text = export_timeline(edl, None, media, FORMATS[0]).content.decode()
    (track,) = otio.adapters.read_from_string(text, "otio_json").video_tracks()
    transitions = [child for child in track if isinstance(child, otio.schema.Transition)]
    assert len(transitions) == (0 if kind in (0, 1) else 1)
    for export_format in FORMATS[1:]:
        file = export_timeline(edl, None, media, export_format)
        said = "transitions are dissolves" in " ".join(file.warnings)
        assert not (said and kind in (0, 1, edl_pb2.TRANSITION_TYPE_CROSSFADE))
    cmx = export_timeline(edl, None, media, FORMATS[3]).content.decode()
    (events,) = otio.adapters.read_from_string(cmx, "cmx_3600", rate=30).video_tracks()
    if kind == edl_pb2.TRANSITION_TYPE_WIPE:
        assert events[1].transition_type == "SMPTE_Wipe"
        assert "W102 006" in cmx


SPEEDS = st.one_of(
    st.just(None),
    st.integers(6_554, 655_360).map(lambda rate: Speed(points=[SpeedPoint(rate=rate)])),
    st.tuples(st.integers(6_554, 655_360), st.integers(1, 200), st.integers(6_554, 655_360)).map(
        lambda ramp: Speed(
            points=[SpeedPoint(rate=ramp[0]), SpeedPoint(frame=ramp[1], rate=ramp[2])]
        )
    ),
)
PARTS = st.tuples(
    st.integers(1, 250),
    st.one_of(st.none(), st.integers(1, 9_000_000)),
    st.floats(0, 0.99),
    st.floats(0.01, 1),
    st.sampled_from([LOOP, HOLD]),
    SPEEDS,
    st.integers(0, 40),
    st.sampled_from(edl_pb2.TransitionAlign.values()),
)
RATES = st.sampled_from(
    [(24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001), (60, 1)]
)


@st.composite
def drawn_parts(draw):
    """(length of the clip or None, frames, changes of the segment) of neighbouring segments."""
    parts, before = [], 0
    for i, values in enumerate(draw(st.lists(PARTS, min_size=1, max_size=8))):
        frames, length, first, last, fill, speed, fade, align = values
        changes = {}
        if length:
            begin = int(length * first)
            changes = {"source_in_us": begin, "fill": fill}
            changes["source_out_us"] = begin + max(1, int((length - begin) * last))
            changes |= {"speed": speed} if speed is not None else {}
        if i and (fade := min(fade, before // 2, frames // 2)):
            crossfade = edl_pb2.TRANSITION_TYPE_CROSSFADE
            changes["transition_in"] = Transition(type=crossfade, frames=fade, align=align)
        parts.append((length, frames, changes))
        before = frames
    return parts


@settings(max_examples=150, deadline=None)
@given(drawn_parts(), RATES)
def test_no_shot_leaves_its_file_and_no_frame_is_lost(make, drawn, rate):
    parts = [
        (make.clip(f"m{i}", length) if length else make.image(f"m{i}"), frames, changes)
        for i, (length, frames, changes) in enumerate(drawn)
    ]
    found = project(make, *parts, rate=rate)
    assert found.shots[0].begin == 0
    assert found.frames == sum(frames for _, frames, _ in drawn)
    assert all(one.end == other.begin for one, other in pairwise(found.shots))
    for shot, (join, after) in zip(found.shots, pairwise([*found.joins, None]), strict=True):
        assert shot.frames > (join.after if join else 0) + (after.before if after else 0) - 1
        if shot.kind != Kind.STILL:
            check_material(found, shot, join.before if join else 0, after.after if after else 0)
    for export_format, adapter in zip(
        FORMATS, ["otio_json", "", "fcp_xml", "cmx_3600"], strict=True
    ):
        file = export_timeline(found.edl, None, [item for item, *_ in parts], export_format)
        if adapter:
            extra = {"rate": float(found.clock.rate)} if adapter == "cmx_3600" else {}
            read = otio.adapters.read_from_string(file.content.decode(), adapter, **extra)
            assert read.video_tracks()[0].duration().value == found.frames


def check_material(found, shot, before, after):
    fps, length_us = found.clock.rate, shot.file.media.info.duration_us
    assert shot.start - before * shot.speed >= 0
    end = shot.start + (shot.frames + after) * shot.speed
    if length_us * fps >= 1_000_000 * shot.file.frames:  # longer than a frame
        assert end * 1_000_000 / fps <= length_us + 1

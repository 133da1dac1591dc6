"""Whatever the song, the media and the settings: what is built keeps every invariant."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import common_pb2, edl_pb2, timeline_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import edl_hash
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.timebase import frame_at, frame_time_us
from beatstitch_timeline.builder import build_edl, check_built

RATES = [(24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60, 1), (24_000, 1_001), (1, 1)]

FILLS = [*set(edl_pb2.FillPolicy.values()) - {edl_pb2.FILL_POLICY_NO_REPEAT}]


@st.composite
def grids(draw):
    """Beat times with a lead-in, drifting, at 40 to 1,200 beats per minute, and the song's end."""
    lead_in = draw(st.integers(0, 5_000_000))
    steps = draw(st.lists(st.integers(50_000, 1_500_000), max_size=60))
    times = list(accumulate(steps, initial=lead_in))
    tail = draw(st.integers(1, 3_000_000))
    return times, max(times[-1] + tail, 1_000_000)


@st.composite
def pools(draw):
    """One to six media as (kind, size, length of a clip)."""
    kinds = st.sampled_from(["image", "clip"])
    sides = st.integers(1, 12_000)
    length = st.one_of(st.integers(1, 100_000), st.integers(100_000, 60_000_000))
    return draw(st.lists(st.tuples(kinds, st.tuples(sides, sides), length), min_size=1, max_size=6))


@st.composite
def wishes(draw):
    wish = TimelineSettings(
        beats_per_cut=draw(st.integers(0, 9)),
        seed=draw(st.integers(-(2**63), 2**63 - 1)),
        fit=draw(st.sampled_from(edl_pb2.Fit.values())),
        fill=draw(st.sampled_from(FILLS)),
        image_motion=draw(st.sampled_from(timeline_pb2.ImageMotion.values())),
    )
    wish.output.width = draw(st.integers(8, 3840)) * 2
    wish.output.height = draw(st.integers(8, 3840)) * 2
    wish.output.frame_rate.num, wish.output.frame_rate.den = draw(st.sampled_from(RATES))
    if draw(st.booleans()):
        wish.transition.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
        wish.transition.frames = draw(st.integers(0, 200))
    return wish


def make_media(make, pool):
    return [
        make.image(f"media-{i}", size) if kind == "image" else make.clip(f"media-{i}", length)
        for i, (kind, size, length) in enumerate(pool)
    ]


@settings(max_examples=150, deadline=None)
@given(grid=grids(), pool=pools(), wish=wishes())
def test_every_invariant_holds(make, grid, pool, wish):
    times, duration = grid
    media = make_media(make, pool)
    edl = build_edl(make.PROJECT, make.song(), make.grid(times, duration), media, wish)

    check_built(edl, media)
    rate, segments = edl.output.frame_rate, edl.segments
    assert segments[0].timeline_in_frame == 0
    assert segments[-1].timeline_out_frame == frame_at(duration, rate)
    assert sum(s.timeline_out_frame - s.timeline_in_frame for s in segments) == frame_at(
        duration, rate
    )
    cut_beats = range(0, len(times), wish.beats_per_cut or 4)
    for k, segment in enumerate(segments):
        assert segment.media_asset_id == media[k % len(media)].asset_id
        if k:
            assert segment.cut.beat_index in cut_beats
            assert segment.timeline_in_frame == frame_at(times[segment.cut.beat_index], rate)
    # A cut beat is left out only where its frame is taken already, or is the end.
    starts = {segment.timeline_in_frame for segment in segments}
    for beat in cut_beats[1:]:
        frame = frame_at(times[beat], rate)
        assert frame in starts or frame >= segments[-1].timeline_out_frame


@settings(max_examples=80, deadline=None)
@given(grid=grids(), pool=pools(), wish=wishes())
def test_clips_have_their_handles_and_all_they_need(make, grid, pool, wish):
    times, duration = grid
    media = make_media(make, pool)
    edl = build_edl(make.PROJECT, make.song(), make.grid(times, duration), media, wish)
    lengths = {item.asset_id: item.info.duration_us for item in media}
    for segment in edl.segments:
        if segment.media_type != common_pb2.MEDIA_TYPE_VIDEO:
            continue
        rate, clip = edl.output.frame_rate, lengths[segment.media_asset_id]
        need = frame_time_us(segment.timeline_out_frame - segment.timeline_in_frame, rate)
        handle = frame_time_us(segment.transition_in.frames, rate)
        assert segment.source_out_us - segment.source_in_us == min(need, clip)
        if need + handle <= clip:
            assert segment.source_in_us >= handle


@settings(max_examples=40, deadline=None)
@given(grid=grids(), pool=pools(), wish=wishes())
def test_building_twice_gives_the_same_hash(make, grid, pool, wish):
    times, duration = grid
    media = make_media(make, pool)
    one, other = (
        build_edl(make.PROJECT, make.song(), make.grid(times, duration), media, wish)
        for _ in range(2)
    )
    assert edl_hash(one) == edl_hash(other)


@settings(max_examples=80, deadline=None)
@given(grid=grids(), wish=wishes(), data=st.data())
def test_any_trim_with_a_beat_in_it_can_be_cut(make, grid, wish, data):
    times, duration = grid
    beat = data.draw(st.sampled_from([t for t in times if t < duration]))
    wish.audio_start_us = data.draw(st.integers(0, beat))
    wish.audio_end_us = data.draw(
        st.integers(min(beat + 1_000_000, duration), duration), label="end"
    )
    if frame_at(wish.audio_end_us - wish.audio_start_us, wish.output.frame_rate) < 1:
        return
    edl = build_edl(make.PROJECT, make.song(), make.grid(times, duration), [make.image()], wish)
    assert not validate_edl(edl)
    for segment in edl.segments[1:]:
        assert wish.audio_start_us <= segment.cut.beat_time_us < wish.audio_end_us

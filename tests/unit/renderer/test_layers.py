"""Transitions on the frame axis: what is shown in each frame, in however many pieces."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatstitch.internal.v1.render_plan_pb2 import ChunkSegment
from beatstitch.v1 import edl_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch_core.limits import MAX_INPUTS_PER_CHUNK, MAX_SEGMENTS_PER_CHUNK
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.frames import TOLERANCE_US, WHOLE, clip_time_us, layers
from beatstitch_renderer.planning.plan import plan_render

TYPES = [t for t in edl_pb2.TransitionType.values() if t > edl_pb2.TRANSITION_TYPE_CUT]
ALIGNS = edl_pb2.TransitionAlign.values()
START = edl_pb2.TRANSITION_ALIGN_START
BIG = PieceSizes(10**6, 10**7, 10**8)
SHAPES = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def give_way_in(segment, kind, frames, align) -> None:
    way_in = segment.transition_in
    way_in.type, way_in.frames, way_in.align = kind, frames, align


def window(segment) -> range:
    """The frames of a transition, by the words of the contract."""
    n, cut = segment.transition_in.frames, segment.timeline_in_frame
    if segment.transition_in.align == edl_pb2.TRANSITION_ALIGN_START:
        return range(cut, cut + n)
    if segment.transition_in.align == edl_pb2.TRANSITION_ALIGN_CENTRE:
        return range(cut - (n + 1) // 2, cut - (n + 1) // 2 + n)
    return range(cut - n, cut)


def seen(plan) -> list[list[tuple]]:
    """For each frame of the video: media, time and step of each layer, and the upper's weight."""
    found = []
    for chunk in plan.chunks:
        for shown in layers(chunk.content):
            assert shown[0].weight == WHOLE
            segments = [chunk.content.segments[layer.segment] for layer in shown]
            found.append(
                [
                    (segment.media_sha256, layer.time_us, layer.step, layer.weight)
                    for segment, layer in zip(segments, shown, strict=True)
                ]
            )
    return found


@SHAPES
@given(data=st.data(), lengths=st.lists(st.integers(2, 160), min_size=1, max_size=14))
def test_every_frame_shows_what_the_edl_says_in_any_number_of_pieces(
    shot, make_edl, profile, data, lengths
):
    stills = data.draw(st.lists(st.booleans(), min_size=14, max_size=14))
    shots = [
        shot(f"m{i}", length, 500_000 * i % 2_100_000, still=stills[i])
        for i, length in enumerate(lengths)
    ]
    edl = make_edl(shots)
    for before, segment in pairwise(edl.segments):
        shorter = min(s.timeline_out_frame - s.timeline_in_frame for s in (before, segment))
        kind = data.draw(st.sampled_from([edl_pb2.TRANSITION_TYPE_CUT, *TYPES]))
        frames = data.draw(st.integers(1, shorter // 2))
        if kind != edl_pb2.TRANSITION_TYPE_CUT:
            give_way_in(segment, kind, frames, data.draw(st.sampled_from(ALIGNS)))
    least = data.draw(st.integers(1, 60))
    sizes = PieceSizes(least, data.draw(st.integers(2, 120)), data.draw(st.integers(4, 150)))
    plan = plan_render(edl, profile, "f", sizes)
    found = seen(plan)
    assert len(found) == plan.frame_count

    rate = edl.output.frame_rate
    for frame, shown in enumerate(found):
        at = next(i for i, s in enumerate(edl.segments) if frame < s.timeline_out_frame)
        ways = [s for s in edl.segments if s.transition_in.frames and frame in window(s)]
        assert len(ways) <= 1
        upper = ways[0].index if ways else None
        expected = [at] if upper is None else [upper - 1, upper]
        for (media, time_us, step, weight), index in zip(shown, expected, strict=True):
            segment = edl.segments[index]
            whole = ChunkSegment(
                in_frame=segment.timeline_in_frame,
                source_in_us=segment.source_in_us,
                source_out_us=segment.source_out_us,
            )
            assert media == segment.media_sha256
            if not stills[index]:
                assert time_us == clip_time_us(whole, frame, rate)
                assert step == frame - segment.timeline_in_frame
            if index == upper:
                part = Fraction(frame - window(segment).start + 1, segment.transition_in.frames + 1)
                assert 0 <= part * WHOLE - weight < 1


def test_a_piece_knows_its_neighbours_only_while_they_are_seen(shot, make_edl, profile):
    """START at the first border, inside a long segment and past it."""
    edl = make_edl([shot("a", 100), shot("b", 400), shot("c", 50)])
    give_way_in(edl.segments[1], edl_pb2.TRANSITION_TYPE_WIPE, 50, START)
    plan = plan_render(edl, profile, "f", PieceSizes(40, 60, 80))
    names = {s.media_sha256: s.media_asset_id for s in edl.segments}
    by_start = {
        chunk.start_frame: [names[s.media_sha256] for s in chunk.content.segments]
        for chunk in plan.chunks
    }
    assert by_start[0] == ["a"]
    assert by_start[100] == ["a", "b"]
    later = [shown for start, shown in by_start.items() if 150 <= start < 440]
    assert len(later) >= 3
    assert all(shown == ["b"] for shown in later)


@pytest.mark.parametrize("still", [False, True])
def test_a_border_inside_a_transition_after_its_cut_has_both_segments(
    shot, make_edl, profile, still
):
    edl = make_edl([shot("a", 400, still=still), shot("b", 400, still=still)])
    give_way_in(edl.segments[1], edl_pb2.TRANSITION_TYPE_PUSH, 180, START)
    plan = plan_render(edl, profile, "f", PieceSizes(40, 60, 80))
    inside = [chunk for chunk in plan.chunks if 400 < chunk.start_frame < 580]
    assert inside
    assert all(len(chunk.content.segments) == 2 for chunk in inside)
    whole = seen(plan_render(edl, profile, "f", BIG))
    for one, other in zip(seen(plan), whole, strict=True):
        # How long a still picture at rest has been seen decides nothing, and is left out.
        kept = (0, 1, 3) if still else (0, 1, 2, 3)
        assert [[layer[i] for i in kept] for layer in one] == [
            [layer[i] for i in kept] for layer in other
        ]


def test_pieces_of_equal_looks_have_equal_names(shot, make_edl, profile):
    """What decides nothing is not in a piece: unset defaults, blows elsewhere, a way in gone by."""
    edl = make_edl([shot("a", 100), shot("b", 100), shot("c", 100)])
    give_way_in(edl.segments[1], edl_pb2.TRANSITION_TYPE_WIPE, 20, START)
    edl.segments[1].transition_in.direction = edl_pb2.DIRECTION_LEFT
    edl.segments[2].accents.add(type=edl_pb2.ACCENT_TYPE_FLASH, frame=80, frames=9, amount=99)
    sizes = PieceSizes(40, 50, 50)
    names = [chunk.chunk_hash for chunk in plan_render(edl, profile, "f", sizes).chunks]
    starts = [chunk.start_frame for chunk in plan_render(edl, profile, "f", sizes).chunks]
    assert starts == [0, 50, 100, 150, 200, 250]

    edl.segments[1].transition_in.direction = edl_pb2.DIRECTION_UNSPECIFIED
    assert [c.chunk_hash for c in plan_render(edl, profile, "f", sizes).chunks] == names
    edl.segments[1].transition_in.direction = edl_pb2.DIRECTION_UP
    after = [c.chunk_hash for c in plan_render(edl, profile, "f", sizes).chunks]
    assert [a != b for a, b in zip(after, names, strict=True)] == [0, 0, 1, 0, 0, 0]
    edl.segments[1].transition_in.direction = edl_pb2.DIRECTION_LEFT
    edl.segments[2].accents[0].amount = 100
    after = [c.chunk_hash for c in plan_render(edl, profile, "f", sizes).chunks]
    assert [a != b for a, b in zip(after, names, strict=True)] == [0, 0, 0, 0, 0, 1]


def test_neighbours_count_towards_the_limits_of_a_piece(shot, make_edl, profile):
    edl = make_edl([shot(f"m{i}", 2) for i in range(900)])
    for segment in edl.segments[1:]:
        give_way_in(segment, edl_pb2.TRANSITION_TYPE_SLIDE, 1, ALIGNS[segment.index % 4])
    for chunk in plan_render(edl, profile, "f", PieceSizes(120, 3000, 6000)).chunks:
        assert len(chunk.content.segments) <= MAX_SEGMENTS_PER_CHUNK
        assert len({s.media_sha256 for s in chunk.content.segments}) <= MAX_INPUTS_PER_CHUNK


def offset(points: list[tuple[int, int]], frame: int, fps: Fraction) -> Fraction:
    """Seconds of source time from frame 0: trapezoids under the rate, frame by frame."""

    def rate(at: int) -> Fraction:
        if at <= 0:
            return Fraction(points[0][1])
        for (f0, r0), (f1, r1) in pairwise(points):
            if f0 <= at <= f1:
                return r0 + Fraction((r1 - r0) * (at - f0), f1 - f0)
        return Fraction(points[-1][1])

    if frame < 0:
        return -offset([(0, points[0][1])], -frame, fps)
    area = sum(((rate(k) + rate(k + 1)) / 2 for k in range(frame)), Fraction(0))
    return area / WHOLE / fps


@pytest.mark.parametrize("rate", [(24, 1), (30000, 1001), (50, 1)])
@pytest.mark.parametrize(
    "points",
    [
        [(0, 6_554)],
        [(0, 32_768)],
        [(0, 131_072)],
        [(0, 655_360)],
        [(0, 16_384), (40, 262_144)],
        [(0, 65_536), (7, 6_554), (8, 655_360), (90, 65_536)],
    ],
)
@pytest.mark.parametrize("fill", [edl_pb2.FILL_POLICY_LOOP, edl_pb2.FILL_POLICY_HOLD])
def test_a_speed_gives_each_frame_its_exact_source_frame(rate, points, fill):
    fps = Fraction(*rate)
    begin, count = 20, 70
    segment = ChunkSegment(
        in_frame=-11,
        source_in_us=round(begin / fps * 1_000_000),
        source_out_us=round((begin + count) / fps * 1_000_000),
        fill=fill,
    )
    for frame, value in points:
        segment.speed.points.add(frame=frame, rate=value)
    for frame in range(-31, 250):
        time_us = clip_time_us(segment, frame, Rational(num=rate[0], den=rate[1]))
        shown = (Fraction(time_us + TOLERANCE_US, 1_000_000) * fps).__floor__()
        # The clip's frame that is on the screen at that moment, a millisecond's grace.
        run = ((offset(points, frame + 11, fps) + Fraction(1, 1000)) * fps).__floor__()
        if frame < -11:
            assert shown == max(0, begin + run)
        elif fill == edl_pb2.FILL_POLICY_LOOP:
            assert shown == begin + run % count
        else:
            assert shown == begin + min(run, count - 1)

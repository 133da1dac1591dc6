"""The plan: every frame once, pieces of a sensible size, and few of them touched by an edit."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, failure_pb2
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch_core.canonical import message_hash
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import MAX_INPUTS_PER_CHUNK, MAX_SEGMENTS_PER_CHUNK
from beatstitch_renderer.planning.borders import PieceSizes, borders
from beatstitch_renderer.planning.encoding import (
    AV1,
    H264,
    PRORES,
    piece_encoding,
    piece_suffix,
)
from beatstitch_renderer.planning.plan import limited_output, plan_render

SIZES = PieceSizes(min_frames=120, max_frames=300, long_frames=600)
SHAPES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def hashes(plan) -> set[str]:
    return {chunk.chunk_hash for chunk in plan.chunks}


def two_hundred(shot, seed: int = 1):
    rng = random.Random(seed)
    return [
        shot(f"m{rng.randrange(40)}", rng.randrange(12, 45), rng.randrange(5_000_000))
        for _ in range(200)
    ]


@SHAPES
@given(
    lengths=st.lists(st.integers(1, 900), min_size=1, max_size=60),
    kinds=st.integers(1, 5),
    fades=st.booleans(),
)
def test_pieces_hold_every_frame_once(shot, make_edl, profile, lengths, kinds, fades):
    shots = []
    for i, length in enumerate(lengths):
        most = min(length, lengths[i - 1]) // 2 if i and fades else 0
        shots.append(shot(f"m{i % kinds}", length, fade=most))
    edl = make_edl(shots)
    plan = plan_render(edl, profile, "f", SIZES)
    at = 0
    for index, chunk in enumerate(plan.chunks):
        assert (chunk.index, chunk.start_frame) == (index, at)
        assert chunk.end_frame > at
        assert chunk.content.frame_count == chunk.end_frame - at
        assert chunk.chunk_hash == message_hash(chunk.content)
        at = chunk.end_frame
        covered = [0] * chunk.content.frame_count
        for segment in chunk.content.segments:
            begin, end = max(0, segment.in_frame), min(len(covered), segment.out_frame)
            for frame in range(begin, end):
                covered[frame] += 1
        assert covered == [1] * len(covered)
    assert at == plan.frame_count == sum(lengths)


@SHAPES
@given(lengths=st.lists(st.integers(1, 900), min_size=1, max_size=80))
def test_pieces_are_of_a_sensible_size(shot, make_edl, lengths):
    edl = make_edl([shot(f"m{i}", length) for i, length in enumerate(lengths)])
    found = borders(edl.segments, SIZES)
    starts = {segment.timeline_in_frame for segment in edl.segments}
    for begin, end in pairwise(found):
        inside = [frame for frame in starts if begin < frame < end]
        if inside:
            assert end - begin <= SIZES.max_frames
        assert end - begin <= max(SIZES.long_frames, 2 * SIZES.max_frames)


def test_a_piece_keeps_the_limits_of_segments_and_inputs(shot, make_edl, profile):
    edl = make_edl([shot(f"m{i}", 1) for i in range(900)])
    for chunk in plan_render(edl, profile, "f", SIZES).chunks:
        assert len(chunk.content.segments) <= MAX_SEGMENTS_PER_CHUNK
        assert len({s.media_sha256 for s in chunk.content.segments}) <= MAX_INPUTS_PER_CHUNK


def test_most_pieces_of_a_usual_timeline_last_four_to_ten_seconds(shot, make_edl, profile):
    plan = plan_render(make_edl(two_hundred(shot)), profile, "f", SIZES)
    lengths = [chunk.end_frame - chunk.start_frame for chunk in plan.chunks]
    assert max(lengths) <= 300
    assert sum(length >= 120 for length in lengths) >= 0.8 * len(lengths)


@pytest.mark.parametrize("place", [0, 1, 57, 100, 142, 198, 199])
@pytest.mark.parametrize("edit", ["media", "source", "fade", "move", "shift", "effect"])
def test_an_edit_of_one_of_two_hundred_segments_touches_few_pieces(
    shot, make_edl, profile, place, edit
):
    for seed in range(6):
        shots = two_hundred(shot, seed)
        before = hashes(plan_render(make_edl(shots), profile, "f", SIZES))
        if edit == "media":
            shots[place].media = "new"
        elif edit == "source":
            shots[place].source_in_us += 40_000
        elif edit == "fade":
            shots[place].fade = 5 if place else 0
        elif edit == "effect":
            shots[place].fit = edl_pb2.FIT_CONTAIN
        elif edit == "move":
            other = min(place + 1, 198)
            shots[place], shots[other] = shots[other], shots[place]
        elif place < 199:
            shots[place].frames += 2
            shots[place + 1].frames -= 2
        after = hashes(plan_render(make_edl(shots), profile, "f", SIZES))
        assert len(after - before) <= 3, (seed, len(after))


def test_equal_segments_have_stable_borders_too(shot, make_edl, profile):
    shots = [shot("one", 30) for _ in range(200)]
    before = plan_render(make_edl(shots), profile, "f", SIZES)
    shots[80].media = "other"
    after = plan_render(make_edl(shots), profile, "f", SIZES)
    assert len(hashes(after) - hashes(before)) <= 3


def test_exchanging_a_picture_costs_one_piece(shot, make_edl, profile):
    for place in range(0, 200, 7):
        shots = two_hundred(shot)
        before = hashes(plan_render(make_edl(shots), profile, "f", SIZES))
        shots[place].media = "new"
        after = hashes(plan_render(make_edl(shots), profile, "f", SIZES))
        assert len(after - before) == 1


def test_a_piece_knows_nothing_of_place_project_or_asset(shot, make_edl, profile):
    shots = [shot("a", 50, 7), shot("b", 60, still=True), shot("c", 70, 9, fade=10)]
    here = make_edl(shots)
    there = make_edl([shot("intro", 600), *shots])
    there.project_id = "q"
    for segment in there.segments:
        segment.media_asset_id = f"other-{segment.media_asset_id}"
    piece = plan_render(here, profile, "f", SIZES).chunks[0]
    moved = plan_render(there, profile, "f", PieceSizes(180, 600, 600)).chunks
    assert [chunk.start_frame for chunk in moved] == [0, 600]
    assert piece.chunk_hash == moved[1].chunk_hash


def test_a_fade_across_a_border_is_in_the_piece_before(shot, make_edl, profile):
    shots = [shot(f"m{i}", 100, fade=20 if i else 0) for i in range(12)]
    plan = plan_render(make_edl(shots), profile, "f", SIZES)
    assert len(plan.chunks) > 2
    for chunk, following in pairwise(plan.chunks):
        incoming = chunk.content.segments[-1]
        assert incoming.in_frame == chunk.content.frame_count
        assert incoming.transition_in.frames == 20
        first = following.content.segments[0]
        assert first.in_frame == 0
        assert first.transition_in.frames == 0


def test_names_follow_from_what_decides_the_bytes(shot, make_edl, profile):
    edl = make_edl(two_hundred(shot))
    plan = plan_render(edl, profile, "f", SIZES)
    assert plan == plan_render(edl, profile, "f", SIZES)
    other = plan_render(edl, profile, "g", SIZES)
    assert not hashes(plan) & hashes(other)
    assert plan.output_hash != other.output_hash
    profile.crf += 1
    assert not hashes(plan) & hashes(plan_render(edl, profile, "f", SIZES))
    profile.crf -= 1
    profile.audio_bit_rate += 1
    louder = plan_render(edl, profile, "f", SIZES)
    assert hashes(plan) == hashes(louder)
    assert plan.audio_hash != louder.audio_hash
    assert plan.output_hash != louder.output_hash


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        ((1920, 1080), 360, (640, 360)),
        ((1920, 1080), 0, (1920, 1080)),
        ((1280, 720), 1080, (1280, 720)),
        ((1080, 1920), 360, (202, 360)),
        ((1000, 1000), 361, (360, 360)),
        ((64, 7680), 360, (16, 360)),
        ((7680, 64), 16, (1920, 16)),
    ],
)
def test_a_profile_limits_the_height(size, limit, expected):
    output = edl_pb2.OutputFormat(width=size[0], height=size[1])
    output.frame_rate.num = 30
    limited = limited_output(output, limit)
    assert (limited.width, limited.height) == expected
    assert limited.frame_rate.den == 1


def test_a_piece_is_stored_under_its_codec_s_name():
    assert [piece_suffix(codec) for codec in (0, H264, AV1, PRORES)] == [
        ".h264",
        ".h264",
        ".av1",
        ".prores",
    ]


@pytest.mark.parametrize("field", ["codec", "container"])
@pytest.mark.parametrize("value", [-1, 999, 2**31 - 1])
def test_an_unknown_codec_or_container_is_told_by_its_number(field, value):
    with pytest.raises(BeatStitchError) as caught:
        piece_encoding(RenderProfile(**{field: value}))
    assert caught.value.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    assert caught.value.violations[0].field == f"profile.{field}"

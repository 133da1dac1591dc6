"""A song whose beats are not sure: warned of, refused, or cut evenly."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import failure_pb2, timeline_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.builder import build_edl, check_built
from beatstitch_timeline.doubt import grid_to_cut

EVEN = timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID
FAIL = timeline_pb2.LOW_CONFIDENCE_POLICY_FAIL
WARN = timeline_pb2.LOW_CONFIDENCE_POLICY_WARN
ANY = [*timeline_pb2.LowConfidencePolicy.values()]


def built(make, grid, policy, beats_per_cut=1):
    wish = TimelineSettings(beats_per_cut=beats_per_cut, on_low_confidence=policy)
    media = [make.image()]
    edl = build_edl(make.PROJECT, make.song(), grid, media, wish)
    check_built(edl, media)
    return edl


def cuts(edl):
    return [(s.cut.beat_index, s.cut.beat_time_us) for s in edl.segments[1:]]


def uneven(make, confidence, bpm=120):
    grid = make.grid([700_000, 1_300_000, 3_000_000], 6_000_000)
    grid.bpm, grid.bpm_confidence, grid.beats_per_bar = bpm, confidence, 4
    return grid


def test_an_unsure_song_is_refused_when_asked_to(make):
    with pytest.raises(BeatStitchError) as caught:
        built(make, uneven(make, 0.3), FAIL)
    assert caught.value.reason == failure_pb2.ERROR_REASON_LOW_CONFIDENCE
    assert caught.value.metadata["bpm_confidence"] == "0.3000"
    assert caught.value.rule.code == "FAILED_PRECONDITION"


def test_an_unsure_song_is_cut_evenly_when_asked_to(make):
    edl = built(make, uneven(make, 0.3), EVEN, beats_per_cut=2)
    assert cuts(edl) == [(n, 700_000 + n * 500_000) for n in (2, 4, 6, 8, 10)]


@pytest.mark.parametrize("policy", [WARN, timeline_pb2.LOW_CONFIDENCE_POLICY_UNSPECIFIED])
def test_by_default_the_beats_are_taken_as_they_are(make, policy):
    assert built(make, uneven(make, 0.3), policy) == built(make, uneven(make, 0.3), WARN)
    assert len(cuts(built(make, uneven(make, 0.3), policy))) == 2


@pytest.mark.parametrize("policy", ANY)
def test_a_sure_song_is_cut_on_its_beats(make, policy):
    assert cuts(built(make, uneven(make, 0.5), policy)) == [(1, 1_300_000), (2, 3_000_000)]


def test_on_an_even_grid_sections_meet_on_its_beats_and_keep_their_loudness(make):
    grid = uneven(make, 0.3)
    for start, end in [(0, 1_690_000), (1_690_000, 3_000_000), (3_000_000, 6_000_000)]:
        grid.sections.add(start_us=start, end_us=end, label="A")
    grid.beats[1].energy, grid.beats[2].energy = 0.5, 1.0
    even = grid_to_cut(grid, 6_000_000, EVEN)
    # A beat every half second from 0.7 s.
    assert [(s.start_us, s.end_us) for s in even.sections] == [
        (0, 1_700_000),
        (1_700_000, 3_200_000),
        (3_200_000, 6_000_000),
    ]
    assert [beat.energy for beat in even.beats[:7]] == [0, 0, 0.5, 0.5, 0.5, 1, 1]
    assert [bar.first_beat_index for bar in even.bars] == [0, 4, 8]
    assert grid_to_cut(grid, 6_000_000, WARN) is grid


@pytest.mark.parametrize("bpm", [0, -1, 9, 1e9, float("nan")])
def test_without_a_usable_tempo_the_beats_stay(make, bpm):
    assert len(cuts(built(make, uneven(make, 0, bpm), EVEN))) == 2


def test_an_unknown_policy_is_refused(make):
    with pytest.raises(BeatStitchError) as caught:
        built(make, uneven(make, 1), 9)
    assert caught.value.violations[0].field == "settings.on_low_confidence"


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 5_000_000),
    st.lists(st.integers(50_000, 1_500_000), max_size=40),
    st.floats(10, 1_000),
    st.floats(0, 0.49),
    st.integers(1, 9),
)
def test_even_cuts_keep_every_invariant(make, first, steps, bpm, confidence, beats_per_cut):
    times = list(accumulate(steps, initial=first))
    grid = make.grid(times, max(times[-1] + 300_000, 1_000_000))
    grid.bpm, grid.bpm_confidence = bpm, confidence
    edl = built(make, grid, EVEN, beats_per_cut)
    rate = edl.output.frame_rate
    for segment in edl.segments[1:]:
        exact = first + segment.cut.beat_index * 6e7 / bpm
        assert abs(segment.cut.beat_time_us - exact) < 1
        assert segment.timeline_in_frame == frame_at(segment.cut.beat_time_us, rate)

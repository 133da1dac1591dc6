"""Whatever the grid and the edits: a corrected grid is a grid, or nothing changes at all."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beatstitch.v1 import beat_grid_pb2, failure_pb2
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_core.canonical import message_hash
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.grid_edits import MAX_EDITS, Decoded, apply_overlay
from beatstitch_core.grid_edits.state import snap


def grid_of(times, duration, *, metre=4, phase=0, steady_bpm=None):
    grid = BeatGrid(
        schema_version="1.0",
        duration_us=duration,
        bpm=steady_bpm or 120,
        bpm_confidence=0.4,
        beats_per_bar=metre,
        metre_source=beat_grid_pb2.METRE_SOURCE_DETECTED,
    )
    for i, time_us in enumerate(times):
        number = (i - phase) % metre + 1
        grid.beats.add(
            time_us=time_us,
            time_ms=(time_us + 500) // 1000,
            beat_number=number,
            is_downbeat=number == 1,
            confidence=0.5,
            energy=(i % 7) / 7,
            onset_low=(i % 3) / 3,
        )
    if steady_bpm:
        grid.constant_tempo.bpm = steady_bpm
        grid.constant_tempo.first_beat_us = times[0]
    middle = times[len(times) // 2]
    if 0 < middle < duration:
        grid.sections.add(start_us=0, end_us=middle, label="A")
        grid.sections.add(start_us=middle, end_us=duration, label="B")
    return grid


def even(count=16, period=500_000, first=0):
    return grid_of(
        [first + n * period for n in range(count)], first + count * period, steady_bpm=6e7 / period
    )


def edits_of(*edits: dict) -> BeatGridOverlay:
    return BeatGridOverlay(edits=[BeatGridEdit(**edit) for edit in edits])


def times_of(grid):
    return [beat.time_us for beat in grid.beats]


def numbers_of(grid):
    return [beat.beat_number for beat in grid.beats]


class Even:
    """Hears even beats of whatever tempo it is asked for, bars of three."""

    def __init__(self, duration):
        self.duration, self.asked = duration, []

    def decode(self, bpm, tolerance, near_us=()):
        self.asked.append((bpm, tolerance, list(near_us)))
        first = min(near_us, default=100)
        times = range(first, self.duration, max(1, round(6e7 / bpm)))
        numbers = [i % 3 + 1 for i in range(len(times))]
        return Decoded(list(times), numbers, [0.9] * len(times), 3)


@st.composite
def grids(draw):
    first = draw(st.integers(0, 3_000_000))
    steps = draw(st.lists(st.integers(1, 1_500_000), max_size=40))
    times = list(accumulate(steps, initial=first))
    duration = times[-1] + draw(st.integers(0, 2_000_000))
    metre = draw(st.integers(1, 7))
    return grid_of(times, max(duration, 1), metre=metre, phase=draw(st.integers(0, metre - 1)))


def some_edit(duration):
    inside = st.integers(0, max(0, duration - 1))
    near = st.integers(-5, duration + 5)
    ratio = st.integers(1, 4)
    many = st.sets(inside, max_size=12).map(sorted)
    return st.one_of(
        st.builds(
            lambda num, den, phase: {"scale_tempo": {"num": num, "den": den, "phase": phase % den}},
            ratio,
            ratio,
            ratio,
        ),
        st.just({"shift_half_beat": {}}),
        st.builds(lambda t: {"shift_time": {"offset_us": t}}, st.integers(-(10**7), 10**7)),
        st.builds(lambda t: {"set_downbeat": {"time_us": t}}, inside),
        st.builds(lambda n: {"set_beats_per_bar": {"beats_per_bar": n}}, st.integers(1, 16)),
        st.builds(lambda b: {"hint_tempo": {"bpm": b}}, st.integers(20, 400)),
        st.builds(
            lambda b, t: {"give_tempo": {"bpm": b, "beat_time_us": t}}, st.floats(20, 400), inside
        ),
        st.builds(lambda t: {"give_beats": {"time_us": t}}, many),
        st.builds(lambda t: {"give_taps": {"time_us": t}}, many),
        st.builds(lambda t: {"add_beat": {"time_us": t}}, near),
        st.builds(lambda a, b: {"move_beat": {"from_us": a, "to_us": b}}, inside, inside),
        st.builds(lambda t: {"delete_beat": {"time_us": t}}, inside),
        st.builds(lambda a, b: {"lock_region": {"start_us": a, "end_us": b}}, inside, inside),
        st.builds(lambda t: {"name_section": {"time_us": t, "name": "x"}}, inside),
    )


@st.composite
def grids_and_edits(draw):
    grid = draw(grids())
    edits = draw(st.lists(some_edit(grid.duration_us), max_size=8))
    return grid, edits_of(*edits)


def assert_is_a_grid(grid):
    times = times_of(grid)
    assert times
    assert all(a < b for a, b in pairwise(times))
    assert times[0] >= 0
    assert times[-1] <= grid.duration_us
    assert [b.is_downbeat for b in grid.beats] == [b.beat_number == 1 for b in grid.beats]
    for before, beat in pairwise(grid.beats):
        assert beat.beat_number in (1, before.beat_number + 1)
        assert beat.beat_number <= grid.beats_per_bar + 1
    starts = [(bar.first_beat_index, bar.start_us) for bar in grid.bars]
    downs = [(i, b.time_us) for i, b in enumerate(grid.beats) if b.is_downbeat]
    assert starts == [(i, t) for i, t in downs if t < grid.duration_us]
    assert all(a.end_us == b.start_us for a, b in pairwise(grid.bars))
    assert all(a.end_us == b.start_us for a, b in pairwise(grid.sections))
    assert all(s.start_us < s.end_us for s in grid.sections)
    assert grid.bpm > 0
    assert 0 <= grid.bpm_confidence <= 1
    if grid.HasField("constant_tempo"):
        line = grid.constant_tempo
        for n, time_us in enumerate(times):
            assert abs(line.first_beat_us + n * 6e7 / line.bpm - time_us) < 2


def outcome(grid, overlay, decoder):
    try:
        return apply_overlay(grid, overlay, decoder)
    except BeatStitchError as error:
        refused = error
    assert refused.reason == failure_pb2.ERROR_REASON_EDIT_INVALID
    assert 0 <= int(refused.metadata["edit"]) < len(overlay.edits)
    assert refused.violations
    return None


@settings(max_examples=150, deadline=None)
@given(grids_and_edits())
def test_any_edits_make_a_grid_or_nothing(case):
    grid, overlay = case
    before = grid.SerializeToString(deterministic=True), overlay.SerializeToString()
    made = outcome(grid, overlay, Even(grid.duration_us))
    assert before == (grid.SerializeToString(deterministic=True), overlay.SerializeToString())
    if made is None:
        return
    edited, kept = made
    if not overlay.edits:
        assert edited == grid
        return
    if any(e.WhichOneof("edit") not in {"name_section", "lock_region"} for e in overlay.edits):
        assert_is_a_grid(edited)
    assert edited.overlay_sha256 == message_hash(kept)
    assert [e.WhichOneof("edit") for e in kept.edits] == [
        e.WhichOneof("edit") for e in overlay.edits
    ]
    again = apply_overlay(grid, kept, Even(grid.duration_us))
    assert again == (edited, kept)


@settings(max_examples=80, deadline=None)
@given(grids_and_edits(), st.data())
def test_a_locked_stretch_stays(case, data):
    grid, overlay = case
    at = data.draw(st.sampled_from(times_of(grid)))
    if at >= grid.duration_us:
        return
    end = at + data.draw(st.integers(1, 3_000_000))
    locked = edits_of({"lock_region": {"start_us": at, "end_us": end}})
    kept_times = [t for t in times_of(grid) if at <= t < end]
    locked.edits.extend(overlay.edits)
    made = outcome(grid, locked, Even(grid.duration_us))
    if made is None:
        return
    edited, kept = made
    assert list(kept.edits[0].lock_region.beat_time_us) == kept_times
    assert [t for t in times_of(edited) if at <= t < end] == kept_times

    other = grid_of([0], grid.duration_us)  # another analysis of the same song
    later = outcome(other, BeatGridOverlay(edits=kept.edits[:1]), None)
    assert later is not None
    assert [t for t in times_of(later[0]) if at <= t < end] == kept_times


@settings(max_examples=80, deadline=None)
@given(grids(), st.integers(2, 4), st.booleans())
def test_faster_then_slower_is_as_before(grid, ratio, lock):
    if any(b - a < ratio for a, b in pairwise(times_of(grid))):
        return
    edits = [
        {"scale_tempo": {"num": ratio, "den": 1}},
        {"scale_tempo": {"num": 1, "den": ratio}},
    ]
    middle = grid.beats[len(grid.beats) // 2].time_us
    if lock and middle < grid.duration_us:
        edits.insert(0, {"lock_region": {"start_us": middle, "end_us": middle + 1_000_000}})
    edited, _ = apply_overlay(grid, edits_of(*edits))
    assert times_of(edited) == times_of(grid)
    assert edited.bpm == pytest.approx(grid.bpm)
    if not lock:
        assert numbers_of(edited) == numbers_of(grid) or not any(b.is_downbeat for b in grid.beats)
        assert list(edited.beats) == list(grid.beats) or numbers_of(edited) != numbers_of(grid)


def test_double():
    grid = even()
    edited, _ = apply_overlay(grid, edits_of({"scale_tempo": {"num": 2, "den": 1}}))
    assert times_of(edited) == [n * 250_000 for n in range(31)]
    assert numbers_of(edited)[:9] == [1, 2, 3, 4, 1, 2, 3, 4, 1]
    assert edited.bpm == 240
    assert (edited.constant_tempo.bpm, edited.constant_tempo.first_beat_us) == (240, 0)
    assert [point.bpm for point in edited.tempo_curve] == [240, 240]
    assert edited.metre_source == beat_grid_pb2.METRE_SOURCE_DETECTED
    assert_is_a_grid(edited)


def test_halve_takes_the_phase_that_was_asked_for():
    edited, _ = apply_overlay(even(), edits_of({"scale_tempo": {"num": 1, "den": 2, "phase": 1}}))
    assert times_of(edited) == [500_000 + n * 1_000_000 for n in range(8)]
    assert (edited.bpm, edited.constant_tempo.first_beat_us) == (60, 500_000)
    assert edited.beats[0].is_downbeat


def test_half_a_beat_later():
    edited, _ = apply_overlay(even(), edits_of({"shift_half_beat": {}}))
    assert times_of(edited) == [250_000 + n * 500_000 for n in range(16)]
    assert edited.constant_tempo.first_beat_us == 250_000
    assert edited.beats[0].is_downbeat


def test_a_shift_past_the_start_keeps_the_bars():
    edited, _ = apply_overlay(even(), edits_of({"shift_time": {"offset_us": -600_000}}))
    assert times_of(edited) == [400_000 + n * 500_000 for n in range(14)]
    assert numbers_of(edited)[:4] == [3, 4, 1, 2]
    assert_is_a_grid(edited)


def test_bars_follow_the_downbeat_and_the_metre():
    edits = edits_of(
        {"set_downbeat": {"time_us": 1_010_000}}, {"set_beats_per_bar": {"beats_per_bar": 3}}
    )
    edited, _ = apply_overlay(even(), edits)
    assert numbers_of(edited)[:7] == [2, 3, 1, 2, 3, 1, 2]
    assert edited.metre_source == beat_grid_pb2.METRE_SOURCE_GIVEN
    assert [bar.first_beat_index for bar in edited.bars] == [2, 5, 8, 11, 14]
    assert edited.HasField("constant_tempo")


def test_single_beats():
    edits = edits_of(
        {"add_beat": {"time_us": 2_250_000}},
        {"move_beat": {"from_us": 510_000, "to_us": 600_000}},
        {"delete_beat": {"time_us": 4_010_000}},
    )
    edited, _ = apply_overlay(even(), edits)
    expected = {n * 500_000 for n in range(16)} - {500_000, 4_000_000} | {600_000, 2_250_000}
    assert times_of(edited) == sorted(expected)
    assert numbers_of(edited) == [1, 2, 3, 4, 1, 2, 3, 4, 5, 1, 2, 3, 1, 2, 3, 4]
    given_ones = [b.time_us for b in edited.beats if b.confidence == 1]
    assert given_ones == [600_000, 2_250_000]
    assert not edited.HasField("constant_tempo")
    assert edited.bpm == 120


def test_a_given_tempo_is_trusted_and_exact():
    grid = even()
    grid.warnings.add(code="LOW_CONFIDENCE")
    grid.warnings.add(code="FALLBACK_ANALYZER")
    edited, _ = apply_overlay(grid, edits_of({"give_tempo": {"bpm": 140, "beat_time_us": 333_000}}))
    period = 6e7 / 140
    assert times_of(edited) == [round(333_000 + n * period) for n in range(18)]
    assert edited.bpm_confidence == 1
    assert [w.code for w in edited.warnings] == ["FALLBACK_ANALYZER"]
    assert edited.constant_tempo.bpm == 140
    assert edited.constant_tempo.first_beat_us == pytest.approx(333_000)


def test_a_hint_and_taps_ask_the_decoder():
    grid, decoder = even(), Even(8_000_000)
    edited, _ = apply_overlay(grid, edits_of({"hint_tempo": {"bpm": 90}}), decoder)
    assert decoder.asked == [(90, 0.04, [])]
    assert edited.beats_per_bar == 3
    taps = [1_000_000, 1_600_000, 2_200_000, 2_790_000]
    edited, _ = apply_overlay(grid, edits_of({"give_taps": {"time_us": taps}}), decoder)
    assert decoder.asked[-1] == (pytest.approx(100), 0.08, taps)
    assert edited.bpm == pytest.approx(100)
    kept = edits_of({"set_beats_per_bar": {"beats_per_bar": 5}}, {"hint_tempo": {"bpm": 90}})
    assert apply_overlay(grid, kept, decoder)[0].beats_per_bar == 5


def test_a_hint_without_anything_kept_is_refused():
    with pytest.raises(BeatStitchError, match="analyse the song again") as caught:
        apply_overlay(even(), edits_of({"shift_half_beat": {}}, {"hint_tempo": {"bpm": 90}}))
    assert caught.value.metadata == {"edit": "1"}
    assert caught.value.violations[0].field == "edits[1].hint_tempo"


def test_names_stay_with_their_sections():
    grid = even()
    edits = edits_of(
        {"name_section": {"time_us": 5_000_000, "name": "chorus"}},
        {"shift_time": {"offset_us": 100_000}},
    )
    edited, _ = apply_overlay(grid, edits)
    assert [(s.label, s.name, s.start_us) for s in edited.sections] == [
        ("A", "", 0),
        ("B", "chorus", 4_100_000),
    ]
    only, _ = apply_overlay(grid, BeatGridOverlay(edits=edits.edits[:1]))
    assert list(only.beats) == list(grid.beats)
    assert only.sections[1].name == "chorus"


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"scale_tempo": {"num": 5, "den": 1}},
        {"scale_tempo": {"num": 1, "den": 2, "phase": 2}},
        {"scale_tempo": {}},
        {"shift_time": {"offset_us": 10_000_001}},
        {"shift_time": {"offset_us": 8_000_001}},
        {"set_downbeat": {"time_us": -1}},
        {"set_beats_per_bar": {"beats_per_bar": 17}},
        {"hint_tempo": {"bpm": float("nan")}},
        {"hint_tempo": {"bpm": 120, "tolerance_percent": 21}},
        {"give_tempo": {"bpm": 401}},
        {"give_beats": {"time_us": []}},
        {"give_beats": {"time_us": [5, 5]}},
        {"give_beats": {"time_us": [8_000_000]}},
        {"give_taps": {"time_us": [1, 2, 3]}},
        {"give_taps": {"time_us": [1, 2, 3, 4]}},
        {"add_beat": {"time_us": 500_000}},
        {"add_beat": {"time_us": 8_000_000}},
        {"move_beat": {"from_us": 500_000, "to_us": 1_000_000}},
        {"lock_region": {"start_us": 5, "end_us": 5}},
        {"lock_region": {"start_us": 1, "end_us": 2}},
        {"lock_region": {"start_us": 1, "end_us": 9, "beat_time_us": [9]}},
        {"name_section": {"time_us": 9_000_000, "name": "x"}},
        {"name_section": {"time_us": 1, "name": "x" * 65}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(edit):
    overlay = edits_of({"set_downbeat": {"time_us": 0}}, edit)
    with pytest.raises(BeatStitchError) as caught:
        apply_overlay(even(), overlay, Even(8_000_000))
    assert caught.value.reason == failure_pb2.ERROR_REASON_EDIT_INVALID
    assert caught.value.metadata["edit"] == "1"
    assert caught.value.violations[0].field.startswith("edits[1]")


def test_all_wrong_fields_are_named_at_once():
    overlay = edits_of({"give_tempo": {"bpm": 1, "beat_time_us": -1}}, {"scale_tempo": {"num": 9}})
    with pytest.raises(BeatStitchError) as caught:
        apply_overlay(even(), overlay)
    assert [v.field for v in caught.value.violations] == [
        "edits[0].give_tempo.bpm",
        "edits[0].give_tempo.beat_time_us",
        "edits[1].scale_tempo.num",
        "edits[1].scale_tempo.den",
    ]


def test_there_may_not_be_too_many():
    overlay = edits_of(*[{"shift_half_beat": {}}] * (MAX_EDITS + 1))
    with pytest.raises(BeatStitchError, match="1000 are allowed"):
        apply_overlay(even(), overlay)
    long = grid_of(list(range(0, 60_000_000, 1_000)), 60_000_000)
    with pytest.raises(BeatStitchError, match="more than 100000"):
        apply_overlay(long, edits_of({"scale_tempo": {"num": 2, "den": 1}}))


def test_a_grid_without_beats_takes_given_ones():
    grid = BeatGrid(duration_us=2_000_000)
    with pytest.raises(BeatStitchError, match="no beats yet"):
        apply_overlay(grid, edits_of({"shift_half_beat": {}}))
    edited, _ = apply_overlay(grid, edits_of({"give_beats": {"time_us": [1, 1_000_001]}}))
    assert times_of(edited) == [1, 1_000_001]
    assert edited.bpm == 60


def test_sections_snap_to_downbeats_and_may_vanish():
    assert snap([(0, 10), (10, 20), (20, 30)], [0, 12, 18]) == [
        (0, 0, 12),
        (1, 12, 18),
        (2, 18, 30),
    ]
    assert snap([(0, 10), (10, 11), (11, 30)], [0, 12]) == [(0, 0, 12), (1, 12, 30)]
    assert snap([(0, 10), (10, 20)], []) == [(0, 0, 20)]
    assert snap([], [1]) == []

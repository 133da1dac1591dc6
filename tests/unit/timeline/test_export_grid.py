"""Beats as JSON, CSV, labels and a tempo map, read back."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from itertools import accumulate

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.messages import messages

from beatstitch.v1 import analysis_service_pb2, failure_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_core.bars import bars_of
from beatstitch_core.canonical import canonical_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.exports import export_grid

JSON = analysis_service_pb2.BEAT_GRID_FORMAT_JSON
CSV = analysis_service_pb2.BEAT_GRID_FORMAT_CSV
AUDACITY = analysis_service_pb2.BEAT_GRID_FORMAT_AUDACITY
MIDI = analysis_service_pb2.BEAT_GRID_FORMAT_MIDI


def grid_of(make, times, duration, pickup=0, metre=4):
    grid = make.grid(times, duration)
    grid.beats_per_bar = metre
    for i, beat in enumerate(grid.beats):
        beat.beat_number = (i - pickup) % metre + 1
        beat.is_downbeat = beat.beat_number == 1
    grid.bars.extend(bars_of(grid.beats, duration))
    return grid


def named(grid):
    grid.sections.add(start_us=0, end_us=2_000_000, label="A")
    grid.sections.add(start_us=2_000_000, end_us=9_000_000, label="B", name="chorus\tloud")
    return grid


def test_json_is_the_grid_itself(make):
    grid = grid_of(make, [0, 500_000], 1_000_000)
    for export_format in (JSON, 0):
        file = export_grid(grid, export_format, "My Song")
        assert file.content == canonical_json(grid)
        assert file.filename == "My-Song.json"


def test_csv_has_a_line_per_beat(make):
    times = [200_001 + 500_000 * i for i in range(6)]
    file = export_grid(named(grid_of(make, times, 9_000_000, pickup=1)), CSV)
    rows = list(csv.reader(io.StringIO(file.content.decode())))
    assert rows[0] == ["time_s", "beat_number", "downbeat", "bar", "section"]
    assert rows[1] == ["0.200001", "4", "0", "0", "A"]
    assert rows[2] == ["0.700001", "1", "1", "1", "A"]
    assert rows[5] == ["2.200001", "4", "0", "1", "chorus loud"]
    assert rows[6] == ["2.700001", "1", "1", "2", "chorus loud"]


def test_audacity_has_a_label_per_beat_and_a_range_per_section(make):
    times = [500_000 * i for i in range(5)]
    text = export_grid(named(grid_of(make, times, 9_000_000)), AUDACITY).content.decode()
    assert [line.split("\t") for line in text.splitlines()] == [
        ["0.000000", "2.000000", "A"],
        ["0.000000", "0.000000", "1.1"],
        ["0.500000", "0.500000", "1.2"],
        ["1.000000", "1.000000", "1.3"],
        ["1.500000", "1.500000", "1.4"],
        ["2.000000", "9.000000", "chorus loud"],
        ["2.000000", "2.000000", "2.1"],
    ]


def played(content):
    """The file's events with their exact times in microseconds, as a player counts them."""
    file = mido.MidiFile(file=io.BytesIO(content))
    assert file.type == 0
    assert len(file.tracks) == 1
    at = tick = 0
    tempo, events = 500_000, []
    for message in file.tracks[0]:
        at += message.time * tempo  # in ticks per quarter times microseconds
        tick += message.time
        events.append((at / file.ticks_per_beat, tick, message))
        if message.type == "set_tempo":
            tempo = message.tempo
    return file, events


def quarters(content):
    """The time of each quarter note in microseconds."""
    file, events = played(content)
    tempos = {tick: m.tempo for _, tick, m in events if m.type == "set_tempo"}
    times, at, tempo = [], 0, 500_000
    for tick in range(0, events[-1][1] + 1, file.ticks_per_beat):
        times.append(at)
        tempo = tempos.get(tick, tempo)
        at += tempo
    return times


def test_beats_lie_on_quarter_notes_and_bars_on_bars(make):
    times = [1_300_000 + 500_000 * i for i in range(13)]
    grid = named(grid_of(make, times, 9_000_000, pickup=2))
    file = export_grid(grid, MIDI, "Song")
    assert file.content_type == "audio/midi"
    assert set(times) <= set(quarters(file.content))
    _, events = played(file.content)
    metres = [(time, m.numerator) for time, _, m in events if m.type == "time_signature"]
    # Three quarter notes before the first beat and two before the first bar: a bar of five.
    assert metres == [(0, 5), (2_300_000, 4)]
    markers = [(time, m.text) for time, _, m in events if m.type == "marker"]
    assert [text for _, text in markers] == ["A", "chorus loud"]
    assert [time for time, _ in markers] == pytest.approx([0, 2_000_000], abs=600)
    names = [m.name for _, _, m in events if m.type == "track_name"]
    assert names == ["Song"]
    assert events[-1][2].type == "end_of_track"


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 40_000_000),
    st.lists(st.integers(1, 3_000_000), max_size=150),
    st.integers(0, 30_000_000),
    st.integers(0, 6),
    st.integers(1, 9),
)
def test_no_beat_is_off_by_more_than_a_millisecond(make, first, steps, rest, pickup, metre):
    times = list(accumulate(steps, initial=first))
    grid = grid_of(make, times, times[-1] + rest, pickup, metre)
    found = quarters(export_grid(grid, MIDI).content)
    later = [time for time in times if time >= 1_000]
    assert set(later[1:] if first < 1_000 else later) <= set(found)
    assert all(min(abs(time - quarter) for quarter in found) <= 1_000 for time in times[:1])


@pytest.mark.parametrize("gap", [16_777_215, 16_777_216, 60_000_000])
def test_a_long_silence_is_several_quarter_notes(make, gap):
    grid = grid_of(make, [0, gap, gap + 500_000], gap + 1_000_000)
    assert {0, gap, gap + 500_000} <= set(quarters(export_grid(grid, MIDI).content))


def test_an_hour_at_an_odd_tempo_does_not_drift(make):
    times = [round(i * 60_000_000 / 173.37) for i in range(10_000)]
    grid = grid_of(make, times, times[-1] + 400_000)
    _, events = played(export_grid(grid, MIDI).content)
    last = max(time for time, _, message in events if message.type == "set_tempo")
    assert last <= times[-1]
    file = mido.MidiFile(file=io.BytesIO(export_grid(grid, MIDI).content))
    assert file.length == pytest.approx((times[-1] + 400_000) / 1e6, abs=0.2)


def test_a_song_without_beats_is_a_file_all_the_same(make):
    grid = grid_of(make, [], 3_000_000)
    file, _ = played(export_grid(grid, MIDI).content)
    assert file.length == pytest.approx(3.0)
    assert export_grid(grid, CSV).content == b"time_s,beat_number,downbeat,bar,section\n"
    assert export_grid(grid, AUDACITY).content == b""


def test_an_unknown_format_is_refused(make):
    with pytest.raises(BeatStitchError) as caught:
        export_grid(grid_of(make, [0], 1_000_000), 9)
    assert caught.value.reason == failure_pb2.ERROR_REASON_FIELD_INVALID


@given(grid=messages(BeatGrid), kind=st.sampled_from([JSON, CSV, AUDACITY, MIDI]))
def test_any_grid_is_a_file_or_refused(grid, kind):
    with suppress(BeatStitchError):
        assert export_grid(grid, kind).filename


def test_bars_at_no_beat_are_refused(make):
    grid = grid_of(make, [0, 500_000], 1_000_000)
    grid.bars.add(first_beat_index=2)
    with pytest.raises(BeatStitchError) as caught:
        export_grid(grid, MIDI)
    assert caught.value.violations[0].field.startswith("beat_grid.bars[")

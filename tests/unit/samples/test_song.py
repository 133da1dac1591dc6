"""The composer: the same every time, and its beats are where it says."""

from pathlib import Path

import av
import numpy as np
import pytest

from beatstitch_samples import compose, decode_audio
from beatstitch_samples.score import arrange
from beatstitch_samples.tempo import BeatClock


def onset_errors_ms(samples, rate, times_us):
    """How far from each time the sound first steps out of what was there just before."""
    # Second difference: a stroke starts with a corner, sustained notes have none.
    edge = np.abs(np.diff(samples.mean(axis=1), n=2))
    window, errors = int(0.008 * rate), []
    for time in times_us:
        at = round(time * rate / 1e6)
        before = edge[max(0, at - window) : at - int(0.001 * rate)].max(initial=0.0)
        after = edge[at - int(0.001 * rate) : at + window]
        first = int(np.argmax(after > max(0.01, 1.5 * before)))
        errors.append((first - int(0.001 * rate) + 1) / rate * 1000)
    return errors


def test_same_arguments_give_the_same_samples():
    one, two = compose(bars=2, seed=3), compose(bars=2, seed=3)
    assert np.array_equal(one.samples, two.samples)
    assert one.beats_us == two.beats_us
    assert not np.array_equal(one.samples, compose(bars=2, seed=4).samples)


def test_beats_are_counted_from_the_lead_in_without_drift():
    song = compose(bpm=174.0, bars=40, lead_in_s=0.5, parts=("bass",))
    assert song.beats_us == [round((0.5 + n * 60 / 174) * 1_000_000) for n in range(161)]
    assert song.downbeats_us == song.beats_us[::4]
    assert song.duration_us > song.beats_us[-1]


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_kicks_start_within_a_millisecond_of_the_truth(sample_rate):
    song = compose(bars=3, parts=("drums",), sample_rate=sample_rate)
    # The first beat comes out of the sweep and is not measured here.
    errors = onset_errors_ms(song.samples, sample_rate, song.kicks_us[1:])
    assert len(errors) == 12
    assert max(map(abs, errors)) < 1.0


def test_kicks_of_a_drifting_tempo_start_within_a_millisecond_too():
    song = compose(bars=4, parts=("drums",), tempo_map=[(0, 100), (16, 140)], lead_in_s=0.4)
    intervals = np.diff(song.beats_us)
    assert np.all(np.diff(intervals) < 0)
    assert intervals[0] == pytest.approx(600_000, abs=1)
    assert max(map(abs, onset_errors_ms(song.samples, 44_100, song.kicks_us[1:]))) < 1.0


def test_kicks_stand_out_on_the_beat_in_the_full_mix():
    song = compose(bars=4)
    rate = song.sample_rate
    power = np.convolve(song.samples.mean(axis=1) ** 2, np.ones(int(0.01 * rate)), "same")
    rises = [
        power[round((t + 10_000) * rate / 1e6)] / (power[round((t - 15_000) * rate / 1e6)] + 1e-9)
        for t in song.kicks_us[1:]
    ]
    assert np.median(rises) > 3


def test_a_tempo_may_be_a_function_of_the_beat():
    clock = BeatClock(120, 8, 1.0, lambda beat: 120 if beat < 4 else 60)
    assert clock.beats_us(9)[3:7] == [2_500_000, 3_000_000, 4_000_000, 5_000_000]
    assert clock.at(4.5) == pytest.approx(3.5)


def test_sections_tile_the_song_and_differ_in_energy():
    song = compose(bars=18, parts=())
    assert [s.name for s in song.sections] == ["intro", "A", "B", "bridge", "B", "outro"]
    assert song.sections[0].start_us == song.beats_us[0]
    assert song.sections[-1].end_us == song.beats_us[-1]
    for left, right in zip(song.sections, song.sections[1:], strict=False):
        assert left.end_us == right.start_us
        assert left.energy != right.energy


def test_loud_sections_are_louder():
    song = compose(bars=18)
    level = {
        s.name: np.sqrt(
            np.mean(song.samples[int(s.start_us * 0.0441) : int(s.end_us * 0.0441)] ** 2)
        )
        for s in song.sections
    }
    assert level["B"] > level["A"] > level["intro"]
    assert level["B"] > 1.5 * level["bridge"]
    assert np.abs(song.samples).max() <= 0.93


@pytest.mark.parametrize("bars", [1, 2, 7, 8, 9, 18, 31, 48, 200])
def test_an_arrangement_fills_the_bars_asked_for(bars):
    passages = arrange(bars)
    assert sum(p.bars for p in passages) == bars
    assert all(p.bars > 0 for p in passages)


def test_three_four_time():
    song = compose(bars=2, beats_per_bar=3)
    assert len(song.beats_us) == 7
    assert song.downbeats_us == song.beats_us[::3]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("s.wav", "pcm_s16le"),
        ("s.flac", "flac"),
        ("s.mp3", "mp3float"),
        ("s.m4a", "aac"),
        ("s.opus", "opus"),
        ("s.ogg", "vorbis"),
        ("s.aiff", "pcm_s16be"),
    ],
)
def test_songs_are_written_in_every_format(tmp_path: Path, name, codec):
    song = compose(bars=1, tail_s=0.5)
    path = song.write(tmp_path / name)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec.name == codec
    samples, rate = decode_audio(path)
    assert len(samples) / rate == pytest.approx(song.duration_us / 1e6, abs=0.05)
    assert samples.shape[1] == 2


def test_songs_are_written_mono_and_at_any_rate(tmp_path: Path):
    path = compose(bars=1).write(tmp_path / "mono.wav", channels=1, sample_rate=22_050)
    samples, rate = decode_audio(path)
    assert (samples.shape[1], rate) == (1, 22_050)

"""The composer: a piece of music whose every beat is known to the microsecond."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beatstitch_samples import mixing
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.drums import stroke
from beatstitch_samples.score import Score, write_score
from beatstitch_samples.synth import VOICES, Samples, highpass, lowpass
from beatstitch_samples.tempo import BeatClock, TempoMap

PARTS = ("drums", "bass", "pad", "arp", "lead")
DRUM_GAIN = {
    "kick": 0.72, "snare": 0.46, "clap": 0.32, "hat": 0.2, "open": 0.2,
    "crash": 0.26, "tom_high": 0.5, "tom_mid": 0.5, "tom_low": 0.55,
}  # fmt: skip
PART_GAIN = {"bass": 0.29, "pad": 0.42, "arp": 0.5, "lead": 0.42}


@dataclass(frozen=True)
class Section:
    """A section of a song, in microseconds and bars; `energy` runs from 0 to 1."""

    name: str
    start_us: int
    end_us: int
    first_bar: int
    bars: int
    energy: float


@dataclass(frozen=True, eq=False)
class Song:
    """A finished piece and the truth about it.

    Attributes:
        samples: float32 of shape (n, 2), peak below 1.
        sample_rate: Samples a second.
        bpm: The nominal tempo.
        beats_us: Every beat, the closing one included, in microseconds.
        downbeats_us: The beats that start a bar.
        kicks_us: The beats on which the bass drum plays.
        sections: The sections in order, without gaps, from the first beat to the closing one.
        beats_per_bar: The metre.
    """

    samples: Samples
    sample_rate: int
    bpm: float
    beats_us: list[int]
    downbeats_us: list[int]
    kicks_us: list[int]
    sections: list[Section]
    beats_per_bar: int

    @property
    def duration_us(self) -> int:
        """Length in microseconds."""
        return round(len(self.samples) * 1_000_000 / self.sample_rate)

    def write(
        self,
        path: Path,
        *,
        channels: int = 2,
        sample_rate: int | None = None,
        bit_rate: int | None = None,
    ) -> Path:
        """Writes the song; the suffix (wav, flac, mp3, m4a, opus, ogg, …) chooses the format."""
        return write_audio(
            path,
            self.samples,
            self.sample_rate,
            channels=channels,
            out_rate=sample_rate,
            bit_rate=bit_rate,
        )


def compose(
    bpm: float = 112.0,
    bars: int = 18,
    lead_in_s: float = 0.73,
    seed: int = 0,
    *,
    tempo_map: TempoMap | None = None,
    sample_rate: int = 44_100,
    beats_per_bar: int = 4,
    parts: Collection[str] = PARTS,
    tail_s: float = 2.4,
) -> Song:
    """Composes, plays and mixes a song; the same arguments give the same samples.

    Args:
        bpm: Tempo in beats a minute.
        bars: Length in bars; a closing chord follows on the next downbeat.
        lead_in_s: Time before the first beat, filled with a rising sweep.
        seed: Chooses the key and the small irregularities of the players.
        tempo_map: A drifting tempo: a function of the beat number, or (beat, BPM) points.
        sample_rate: Samples a second.
        beats_per_bar: The metre.
        parts: Which of `PARTS` play.
        tail_s: Time after the closing beat.

    Returns:
        The song with its truth.
    """
    beats = bars * beats_per_bar
    clock = BeatClock(bpm, beats, lead_in_s, tempo_map)
    count = round((clock.at(beats) + tail_s) * sample_rate)
    score = write_score(bars, beats_per_bar, seed)
    beats_us = clock.beats_us(beats + 1)
    kicks = [hit for hit in score.hits if hit.drum == "kick"]
    mix = _perform(_Stage(score, clock, count, sample_rate, seed, beats_per_bar), parts)
    fade = min(0.05, lead_in_s)
    mix = mixing.fade_ends(mix, sample_rate, fade, min(1.0, tail_s))
    return Song(
        samples=mix,
        sample_rate=sample_rate,
        bpm=bpm,
        beats_us=beats_us,
        downbeats_us=beats_us[::beats_per_bar],
        kicks_us=sorted(round(clock.at(hit.beat) * 1_000_000) for hit in kicks),
        sections=[
            Section(
                name=passage.name,
                start_us=beats_us[passage.first_bar * beats_per_bar],
                end_us=beats_us[(passage.first_bar + passage.bars) * beats_per_bar],
                first_bar=passage.first_bar,
                bars=passage.bars,
                energy=passage.energy,
            )
            for passage in score.passages
        ],
        beats_per_bar=beats_per_bar,
    )


def demo_song() -> Song:
    """The demo's song: 18 bars at 112 BPM, about 42 seconds."""
    return compose()


@dataclass(frozen=True)
class _Stage:
    """What every player needs to know."""

    score: Score
    clock: BeatClock
    count: int
    rate: int
    seed: int
    beats_per_bar: int

    def bar_s(self, bar: int) -> float:
        """Time of a bar line in seconds."""
        return self.clock.at(bar * self.beats_per_bar)

    def sample(self, beat: float) -> int:
        """Number of the sample nearest to a beat."""
        return round(self.clock.at(beat) * self.rate)

    def silence(self) -> Samples:
        """An empty stereo bus."""
        return np.zeros((self.count, 2), dtype=np.float32)


def _perform(stage: _Stage, parts: Collection[str]) -> Samples:
    """Plays a score and mixes it."""
    rate, hits = stage.rate, stage.score.hits if "drums" in parts else []
    kicks = [stage.sample(hit.beat) for hit in hits if hit.drum == "kick"]
    duck = mixing.ducking(stage.count, rate, kicks)[:, None]
    dry, send = stage.silence(), stage.silence()
    for part in ("bass", "pad", "arp", "lead"):
        if part not in parts:
            continue
        bus = _play(stage, part)
        if part == "pad":
            bus = _open_filter(stage, bus)
        elif part in ("arp", "lead"):
            beat_s = stage.clock.at(1) - stage.clock.at(0)
            bus += mixing.echo(bus, rate, 0.75 * beat_s) * np.float32(0.8)
        bus *= duck if part != "lead" else (0.5 + 0.5 * duck)
        dry += bus
        if part != "bass":
            send += bus * np.float32({"pad": 0.35, "arp": 0.4, "lead": 0.45}[part])
    for hit in hits:
        at, gain = stage.sample(hit.beat), DRUM_GAIN[hit.drum] * hit.velocity
        mixing.add(dry, at, stroke(hit.drum, rate), gain)
        if hit.drum in ("snare", "clap", "crash") or hit.drum.startswith("tom"):
            mixing.add(send, at, stroke(hit.drum, rate), gain * 0.3)
    dry += mixing.reverb(send, rate) * (0.4 + 0.6 * duck)
    _sweeps(stage, dry)
    return mixing.master(dry * _dynamics(stage), rate)


def _play(stage: _Stage, part: str) -> Samples:
    """Adds up the notes of one part, a few milliseconds loose as people play."""
    rng = np.random.default_rng([stage.seed, PARTS.index(part)])
    bus = stage.silence()
    voice, rate = VOICES[part], stage.rate
    loose_s = {"bass": 0.0, "pad": 0.0, "arp": 0.003, "lead": 0.006}[part]
    for index, note in enumerate(n for n in stage.score.notes if n.part == part):
        start = stage.clock.at(note.beat)
        # Rounded to a millisecond so that equal notes are synthesised once.
        length = round(stage.clock.at(note.beat + note.length) - start, 3)
        samples = voice(note.midi, int(length * rate), rate)
        at = round((start + loose_s * abs(rng.standard_normal())) * rate)
        if part == "arp":
            side = 0.45 * np.sin(index * 1.3)
            samples = samples * np.array([1 - side, 1 + side], dtype=np.float32)
        mixing.add(bus, at, samples, PART_GAIN[part] * note.velocity)
    return bus


def _open_filter(stage: _Stage, bus: Samples) -> Samples:
    """Lets the pads grow brighter with the energy of the section."""
    points: list[tuple[float, float]] = []
    for passage in stage.score.passages:
        start = stage.bar_s(passage.first_bar)
        end = stage.bar_s(passage.first_bar + passage.bars)
        rise = 0.35 if passage.name == "bridge" else 0.1
        points += [(start, passage.energy), (end - 0.05, min(1.0, passage.energy + rise))]
    openness = mixing.automation(points, stage.count, stage.rate)[:, None]
    bus = highpass(bus, 150, stage.rate)
    dark, bright = lowpass(bus, 750, stage.rate), lowpass(bus, 4200, stage.rate)
    return np.asarray(dark * (1 - openness) + bright * openness * 0.8, dtype=np.float32)


def _dynamics(stage: _Stage) -> Samples:
    """The gain of the whole band: quiet sections are quiet, steps fall on section borders."""
    points: list[tuple[float, float]] = []
    for passage in stage.score.passages:
        gain = 0.68 + 0.32 * passage.energy
        # The change is over just before the border: the first stroke comes at its full level.
        points.append((stage.bar_s(passage.first_bar) - 0.01, gain))
        points.append((stage.bar_s(passage.first_bar + passage.bars) - 0.03, gain))
    return mixing.automation(points, stage.count, stage.rate)[:, None]


def _sweeps(stage: _Stage, mix: Samples) -> None:
    """Noise that rises into the first beat and into every loud section."""
    first = stage.sample(0)
    if first > int(0.02 * stage.rate):
        mixing.add(mix, 0, mixing.riser(first, stage.rate, stage.seed + 1), 0.22)
    for passage in stage.score.passages[1:]:
        if passage.name != "B":
            continue
        beat = passage.first_bar * stage.beats_per_bar
        start, end = stage.sample(beat - stage.beats_per_bar), stage.sample(beat)
        mixing.add(mix, start, mixing.riser(end - start, stage.rate, stage.seed + 2), 0.2)

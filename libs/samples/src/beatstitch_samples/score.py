"""The piece as notes: sections, chords, melody and drum patterns, before any sound is made."""

from dataclasses import dataclass, field

import numpy as np

# Voicings in MIDI numbers, in A minor. The bass plays the first, an octave or two down.
CHORDS: dict[str, tuple[int, ...]] = {
    "Am9": (57, 60, 64, 67, 71),
    "Fmaj9": (53, 57, 60, 64, 67),
    "C": (48, 55, 60, 64, 74),
    "G6": (55, 59, 62, 64, 69),
    "Dm7": (50, 57, 60, 65, 69),
    "Em7": (52, 55, 59, 62, 67),
}
PROGRESSIONS: dict[str, tuple[str, ...]] = {
    "intro": ("Am9", "Fmaj9"),
    "A": ("Am9", "Fmaj9", "C", "G6"),
    "B": ("Fmaj9", "C", "G6", "Am9"),
    "bridge": ("Dm7", "Em7"),
    "outro": ("Fmaj9", "G6"),
}
ENERGY = {"intro": 0.35, "A": 0.6, "B": 1.0, "bridge": 0.3, "outro": 0.5}

# One phrase of four bars for each: (beat, length in beats, MIDI number).
HOOK: tuple[tuple[tuple[float, float, int], ...], ...] = (
    ((0, 1.5, 76), (1.5, 0.5, 72), (2, 1, 74), (3, 1, 76)),
    ((0, 1.5, 79), (1.5, 0.5, 76), (2, 1, 74), (3, 1, 72)),
    ((0, 1.5, 74), (1.5, 0.5, 76), (2, 1, 79), (3, 0.5, 81), (3.5, 0.5, 79)),
    ((0, 2, 76), (2, 0.5, 72), (2.5, 0.5, 74), (3, 0.5, 72), (3.5, 0.5, 69)),
)
CALL: tuple[tuple[tuple[float, float, int], ...], ...] = (
    ((2.5, 0.5, 72), (3, 1, 76)),
    ((0.5, 1.5, 74),),
    ((2.5, 0.5, 72), (3, 0.5, 74), (3.5, 0.5, 76)),
    ((0.5, 2, 74),),
)
ARP_STEPS = (0, 2, 4, 3, 1, 4, 2, 3, 0, 3, 4, 2, 1, 3, 4, 2)


@dataclass(frozen=True)
class Passage:
    """A section in bars."""

    name: str
    first_bar: int
    bars: int

    @property
    def energy(self) -> float:
        """How full the arrangement is, from 0 to 1."""
        return ENERGY[self.name]


@dataclass(frozen=True)
class Note:
    """A pitched note; `beat` and `length` are in beats, `velocity` from 0 to 1."""

    part: str
    beat: float
    length: float
    midi: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    """A drum stroke."""

    drum: str
    beat: float
    velocity: float


@dataclass(frozen=True)
class Bar:
    """One bar to be filled: the `offset`-th of its section, starting at beat `first`."""

    passage: Passage
    offset: int
    first: float
    beats: int
    shift: int

    @property
    def chord(self) -> tuple[int, ...]:
        """The notes of the bar's chord."""
        names = PROGRESSIONS[self.passage.name]
        return tuple(note + self.shift for note in CHORDS[names[self.offset % len(names)]])


@dataclass
class Score:
    """Everything that is to be played."""

    passages: list[Passage]
    notes: list[Note] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)


def arrange(bars: int) -> list[Passage]:
    """Splits a number of bars into sections; short pieces are all "A"."""
    if bars < 8:
        return [Passage("A", 0, bars)]
    scale = 2 if bars >= 48 else 1
    edge = 2 * scale
    plan = [("intro", edge)]
    cycle = (("A", 4 * scale), ("B", 4 * scale), ("bridge", 2 * scale), ("B", 4 * scale))
    left, step = bars - 2 * edge, 0
    while left > 0:
        name, length = cycle[step % len(cycle)]
        plan.append((name, min(length, left)))
        left -= length
        step += 1
    plan.append(("outro", edge))
    passages, bar = [], 0
    for name, length in plan:
        passages.append(Passage(name, bar, length))
        bar += length
    return passages


def write_score(bars: int, beats_per_bar: int, seed: int) -> Score:
    """Composes the notes and drum strokes of a whole piece, the closing chord included."""
    rng = np.random.default_rng(seed)
    shift = (0, 2, -3, 5, -2, 3)[seed % 6]
    score = Score(arrange(bars))
    for passage in score.passages:
        for offset in range(passage.bars):
            first = float((passage.first_bar + offset) * beats_per_bar)
            bar = Bar(passage, offset, first, beats_per_bar, shift)
            _harmony(score, bar)
            _melody(score, bar)
            _drums(score, bar, rng)
        score.hits.append(Hit("crash", float(passage.first_bar * beats_per_bar), 0.7))
    _ending(score, float(bars * beats_per_bar), shift)
    return score


def _harmony(score: Score, bar: Bar) -> None:
    """Pads, bass and arpeggio."""
    chord, energy, first = bar.chord, bar.passage.energy, bar.first
    score.notes += [Note("pad", first, bar.beats, note, 0.5 + 0.3 * energy) for note in chord]
    root = chord[0] - 12 if chord[0] - 12 < 45 + bar.shift else chord[0] - 24
    for beat in range(bar.beats):
        if bar.passage.name in ("intro", "bridge"):
            if beat == 0:
                score.notes.append(Note("bass", first, bar.beats, root, 0.6))
            continue
        # Off the beat, so that kick and bass share the low end by turns.
        for step, octave in ((0.5, 0), (0.75, 0 if beat % 2 else 12)):
            score.notes.append(Note("bass", first + beat + step, 0.25, root + octave, 0.8))
    for step in range(bar.beats * 4):
        if bar.passage.name == "intro" and step % 2:
            continue
        note = chord[ARP_STEPS[step % 16]] + 12
        accent = 0.75 if step % 4 == 0 else 0.5 + 0.15 * ((step * 7 + bar.offset) % 3) / 2
        score.notes.append(Note("arp", first + step / 4, 0.25, note, accent * (0.5 + energy / 2)))


def _melody(score: Score, bar: Bar) -> None:
    """The hook in B, its quiet forerunner in A."""
    phrase = {"B": HOOK, "A": CALL}.get(bar.passage.name)
    if phrase is None:
        return
    velocity = 0.9 if bar.passage.name == "B" else 0.55
    score.notes += [
        Note("lead", bar.first + beat, min(length, bar.beats - beat), note + bar.shift, velocity)
        for beat, length, note in phrase[bar.offset % 4]
        if beat < bar.beats
    ]


def _drums(score: Score, bar: Bar, rng: np.random.Generator) -> None:
    """One bar of drums; the last bar of a section ends in a fill, that of a bridge in a roll."""
    name, beats = bar.passage.name, bar.beats
    fill = bar.offset == bar.passage.bars - 1
    fill_from = beats - 1.0 if bar.passage.bars < 4 else beats - 2.0
    four_on_floor = name in ("A", "B", "outro")
    for beat in range(beats):
        at = bar.first + beat
        filling = fill and beat >= fill_from
        if four_on_floor or beat == 0 or (name == "intro" and beat % 2 == 0):
            score.hits.append(Hit("kick", at, 1.0 if four_on_floor else 0.8))
        if four_on_floor and beat % 2 == 1 and not filling:
            score.hits.append(Hit("snare", at, 0.9))
            if name == "B":
                score.hits.append(Hit("clap", at, 0.7))
        if name == "bridge" and fill:
            score.hits += [
                Hit("snare", at + step / 4, 0.15 + 0.6 * (beat + step / 4) / beats)
                for step in range(4)
            ]
        elif filling:
            _fill(score, at, beat - fill_from, beats - fill_from)
        else:
            _hats(score, bar, at, rng)
    if name == "A" and bar.offset % 2 == 1 and not fill:
        score.hits.append(Hit("snare", bar.first + beats - 0.25, 0.25))


def _hats(score: Score, bar: Bar, at: float, rng: np.random.Generator) -> None:
    """The cymbals of one beat."""
    name, energy = bar.passage.name, bar.passage.energy
    ringing = name in ("A", "B", "outro")
    score.hits.append(Hit("hat", at, 0.35 + 0.25 * energy))
    score.hits.append(Hit("open" if ringing else "hat", at + 0.5, 0.4 + 0.3 * energy))
    if name == "B":
        score.hits += [Hit("hat", at + step, 0.3 + 0.15 * rng.random()) for step in (0.25, 0.75)]


def _fill(score: Score, at: float, done: float, length: float) -> None:
    """One beat of a fill: sixteenths that come down the toms."""
    drums = ("snare", "tom_high", "tom_mid", "tom_low")
    for step in range(4):
        progress = (done + step / 4) / length
        drum = drums[min(3, int(progress * 4))]
        score.hits.append(Hit(drum, at + step / 4, 0.45 + 0.45 * progress))


def _ending(score: Score, beat: float, shift: int) -> None:
    score.hits += [Hit("kick", beat, 1.0), Hit("crash", beat, 0.9)]
    score.notes += [Note("pad", beat, 3.0, note + shift, 0.8) for note in CHORDS["Am9"]]
    score.notes.append(Note("bass", beat, 3.0, 33 + shift, 0.8))
    score.notes.append(Note("lead", beat, 2.0, 69 + shift, 0.6))

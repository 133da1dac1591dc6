"""From a corrected draft to the document that everybody reads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from statistics import fmean, median

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid, ConstantTempo, Section
from beatstitch_core.bars import bars_of, tempo_curve_of
from beatstitch_core.canonical import message_hash
from beatstitch_core.grid_edits.pulse import nearest
from beatstitch_core.grid_edits.state import Draft
from beatstitch_core.timebase import US_PER_MINUTE, us_to_ms

_SAME_SOUND_US = 30_000
_ON_LINE_US = 1.5
_EVEN_BPM = 120.0


def finish(draft: Draft, overlay: BeatGridOverlay) -> BeatGrid:
    """The corrected grid; what was measured of the song stays, what follows from beats is new."""
    grid = BeatGrid()
    grid.CopyFrom(draft.heard)
    if draft.changed:
        _write_beats(grid, draft)
        _write_tempo(grid, draft)
        steady = grid.constant_tempo.bpm if grid.HasField("constant_tempo") else None
        del grid.bars[:]
        grid.bars.extend(bars_of(grid.beats, grid.duration_us))
        del grid.tempo_curve[:]
        grid.tempo_curve.extend(tempo_curve_of(grid.beats, steady, grid.duration_us))
    warnings = [w for w in grid.warnings if w.code not in draft.settled]
    del grid.warnings[:]
    grid.warnings.extend(warnings)
    sections = _sections(draft, grid)
    del grid.sections[:]
    grid.sections.extend(sections)
    grid.overlay_sha256 = message_hash(overlay)
    return grid


def _write_beats(grid: BeatGrid, draft: Draft) -> None:
    """The beats; what a new one sounds like is taken from the heard one it is nearest to."""
    pulse, heard = draft.pulse, draft.heard.beats
    known = [beat.time_us for beat in heard]
    del grid.beats[:]
    rows = zip(pulse.times, pulse.trust, pulse.numbers(), strict=True)
    for time_us, trust, number in rows:
        beat = Beat(
            time_us=time_us,
            time_ms=us_to_ms(time_us),
            beat_number=number,
            is_downbeat=number == 1,
            confidence=round(trust, 4),
        )
        if known:
            place = max(0, bisect_right(known, time_us) - 1)
            beat.energy = heard[place].energy
            near = heard[nearest(known, time_us)]
            if abs(near.time_us - time_us) <= _SAME_SOUND_US:
                beat.onset_low = near.onset_low
                beat.onset_mid = near.onset_mid
                beat.onset_high = near.onset_high
        grid.beats.append(beat)


def _write_tempo(grid: BeatGrid, draft: Draft) -> None:
    times = draft.pulse.times
    line = _still_on(draft.constant, times) if draft.constant is not None else None
    grid.ClearField("constant_tempo")
    if line is not None:
        grid.constant_tempo.CopyFrom(line)
    bpm = draft.bpm or (line.bpm if line is not None else 0.0)
    if not bpm and len(times) > 1:
        bpm = US_PER_MINUTE / median(b - a for a, b in pairwise(times))
    grid.bpm = round(bpm or draft.heard.bpm or _EVEN_BPM, 6)
    grid.bpm_confidence = draft.bpm_confidence
    grid.beats_per_bar = draft.pulse.metre
    grid.metre_source = draft.metre_source


def _still_on(line: ConstantTempo, times: list[int]) -> ConstantTempo | None:
    """The line, counted from the first beat, when all beats are on it."""
    period = US_PER_MINUTE / line.bpm
    first = line.first_beat_us + round((times[0] - line.first_beat_us) / period) * period
    if any(abs(t - first - n * period) > _ON_LINE_US for n, t in enumerate(times)):
        return None
    return ConstantTempo(bpm=line.bpm, first_beat_us=max(0.0, first))


def _sections(draft: Draft, grid: BeatGrid) -> list[Section]:
    times = [beat.time_us for beat in grid.beats]
    sections = []
    for index, start, end in draft.snapped():
        section = Section()
        section.CopyFrom(draft.heard.sections[index])
        section.start_us, section.end_us = start, end
        section.name = draft.names[index]
        inside = grid.beats[bisect_left(times, start) : bisect_left(times, end)]
        if draft.changed and inside:
            section.confidence = round(fmean(beat.confidence for beat in inside), 4)
        sections.append(section)
    return sections

"""Edits of all beats at once: other tempo, other phase, other beats."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, takewhile
from math import ceil
from statistics import median

from beatstitch.v1 import beat_grid_pb2
from beatstitch.v1.beat_grid_edit_pb2 import (
    GiveBeats,
    GiveTaps,
    GiveTempo,
    HintTempo,
    ScaleTempo,
    ShiftHalfBeat,
    ShiftTime,
)
from beatstitch.v1.beat_grid_pb2 import ConstantTempo
from beatstitch_core.grid_edits.checks import LEAST_BPM, MAX_BEATS, MOST_BPM
from beatstitch_core.grid_edits.decoder import Decoded
from beatstitch_core.grid_edits.pulse import nearest
from beatstitch_core.grid_edits.state import Draft, Refuse
from beatstitch_core.timebase import US_PER_MINUTE, round_half_up

DEFAULT_TOLERANCE_PERCENT = 4.0
TAPS_TOLERANCE = 0.08
"""People tap with some percent of jitter; four taps give the tempo to about so much."""

_OCTAVE_CODES = {"OCTAVE_AMBIGUOUS"}
_TRUST_CODES = {"OCTAVE_AMBIGUOUS", "LOW_CONFIDENCE", "NO_BEAT_FOUND"}


def scale_tempo(draft: Draft, edit: ScaleTempo, refuse: Refuse) -> None:
    """Puts beats between beats, then takes some away, in each stretch between locked ones.

    What lies between a locked beat and the next one stays as it is.
    """
    pulse = draft.pulse
    beats: list[tuple[int, float]] = []
    anchors = list(pulse.anchors)
    for begin, end in _free_runs(draft):
        if begin:  # after a lock, whose beats don't change their number
            anchors += _downbeat_after(draft, begin)
        anchors += _downbeat_after(draft, end)
        fine = _subdivided(draft, begin, end, edit.num)
        if len(fine) > MAX_BEATS * edit.den:
            raise refuse("", f"makes more than {MAX_BEATS} beats")
        beats += fine[edit.phase :: edit.den]
    kept = [t for t, _ in beats]
    moved = [_next_of(kept, t) for t in anchors]
    draft.replace(beats, [t for t in moved if t is not None], refuse)
    draft.bpm = draft.bpm * edit.num / edit.den
    if draft.constant is not None:
        period = US_PER_MINUTE / draft.constant.bpm / edit.num
        draft.constant = ConstantTempo(
            bpm=draft.constant.bpm * edit.num / edit.den,
            first_beat_us=draft.constant.first_beat_us + edit.phase * period,
        )
    draft.settled |= _OCTAVE_CODES


def shift_half_beat(draft: Draft, _edit: ShiftHalfBeat, refuse: Refuse) -> None:
    """Moves each beat half-way to the next; the last one by as much as the one before."""
    times = draft.pulse.times
    if len(times) < 2:
        raise refuse("", "needs two beats")
    halves = [(b - a) // 2 for a, b in pairwise(times)]
    shift = US_PER_MINUTE / draft.constant.bpm / 2 if draft.constant is not None else 0.0
    _shift(draft, [*halves, halves[-1]], shift, refuse)


def shift_time(draft: Draft, edit: ShiftTime, refuse: Refuse) -> None:
    """Moves all beats; those that leave the song are gone."""
    offsets = [edit.offset_us] * len(draft.pulse.times)
    _shift(draft, offsets, edit.offset_us, refuse)


def give_tempo(draft: Draft, edit: GiveTempo, refuse: Refuse) -> None:
    """An even grid through one time."""
    period = Fraction(US_PER_MINUTE) / Fraction(edit.bpm)
    end, origin = draft.heard.duration_us, edit.beat_time_us
    first = -int(origin / period)
    last = ceil((end - origin) / period)
    if last - first > MAX_BEATS:
        raise refuse("bpm", f"makes more than {MAX_BEATS} beats")
    counted = (origin + round_half_up(n * period) for n in range(first, last + 1))
    times = list(takewhile(lambda t: t < end, (t for t in counted if t >= 0)))
    _give(draft, times, refuse)
    draft.bpm = edit.bpm
    first_us = float(origin + first * period)
    draft.constant = ConstantTempo(bpm=edit.bpm, first_beat_us=max(0.0, first_us))
    draft.settled.add("TEMPO_DRIFTS")


def give_beats(draft: Draft, edit: GiveBeats, refuse: Refuse) -> None:
    """A person's own beats."""
    _give(draft, list(edit.time_us), refuse)
    draft.bpm, draft.constant = 0.0, None


def hint_tempo(draft: Draft, edit: HintTempo, refuse: Refuse) -> None:
    """Listens again for a tempo near this one."""
    tolerance = (edit.tolerance_percent or DEFAULT_TOLERANCE_PERCENT) / 100
    found = _listen(draft, edit.bpm, tolerance, (), refuse)
    _take(draft, found, refuse)
    draft.settled |= _OCTAVE_CODES


def give_taps(draft: Draft, edit: GiveTaps, refuse: Refuse) -> None:
    """Listens again for the tempo and the phase of the taps."""
    taps = list(edit.time_us)
    bpm = US_PER_MINUTE / median(b - a for a, b in pairwise(taps))
    if not LEAST_BPM <= bpm <= MOST_BPM:
        raise refuse("time_us", f"taps {bpm:.0f} beats a minute, 20 to 400 are allowed")
    found = _listen(draft, bpm, TAPS_TOLERANCE, taps, refuse)
    _take(draft, found, refuse)
    draft.bpm_confidence = 1.0
    draft.settled |= _TRUST_CODES


def _listen(
    draft: Draft, bpm: float, tolerance: float, taps: Sequence[int], refuse: Refuse
) -> Decoded:
    if draft.decoder is None:
        raise refuse("", "nothing is kept of what the tracker heard; analyse the song again first")
    found = draft.decoder.decode(bpm, tolerance, taps)
    if not found.time_us:
        raise refuse("", f"no beats of about {bpm:.1f} BPM are heard")
    return found


def _take(draft: Draft, found: Decoded, refuse: Refuse) -> None:
    """Puts what was heard in place; the metre too, unless a person gave it."""
    times = list(found.time_us)
    if draft.metre_source == beat_grid_pb2.METRE_SOURCE_GIVEN:
        anchors = [times[nearest(times, t)] for t in draft.pulse.anchors]
    else:
        draft.pulse.metre = found.beats_per_bar
        anchors = _anchors(times, found.numbers, found.beats_per_bar)
    draft.replace(zip(times, found.confidences, strict=True), anchors, refuse)
    draft.bpm = found.constant_tempo.bpm if found.constant_tempo is not None else 0.0
    draft.constant = found.constant_tempo


def _give(draft: Draft, times: Sequence[int], refuse: Refuse) -> None:
    """A person's beats: sure, with the bars where the old ones began, as near as may be."""
    anchors = [times[nearest(times, t)] for t in draft.pulse.anchors[:1]]
    draft.replace([(t, 1.0) for t in times], anchors, refuse)
    draft.bpm_confidence = 1.0
    draft.settled |= _TRUST_CODES


def _shift(draft: Draft, offsets: Sequence[int], line_us: float, refuse: Refuse) -> None:
    pulse = draft.pulse
    free = [i for i, t in enumerate(pulse.times) if not draft.is_locked(t)]
    moved = {i: pulse.times[i] + offsets[i] for i in free}
    end = draft.heard.duration_us
    stays = [i for i in free if 0 <= moved[i] <= end and not draft.is_locked(moved[i])]
    for before, index in zip([-1, *stays], stays, strict=False):
        if index != before + 1:  # the beats before it are gone, and with them perhaps an anchor
            pulse.pin(index)
    staying = set(stays)
    marked = [pulse.place_of(t) for t in pulse.anchors]
    anchors = [moved[i] for i in marked if i in staying]
    draft.replace([(moved[i], pulse.trust[i]) for i in stays], anchors, refuse)
    if draft.constant is not None:
        line = ConstantTempo(
            bpm=draft.constant.bpm, first_beat_us=draft.constant.first_beat_us + line_us
        )
        draft.constant = line


def _free_runs(draft: Draft) -> list[tuple[int, int]]:
    """Neighbouring beats that are not locked: first index, one past the last."""
    times = draft.pulse.times
    if not draft.locks:
        return [(0, len(times))]
    locked = [True, *(draft.is_locked(t) for t in times), True]
    begins = [i for i in range(len(times)) if locked[i] and not locked[i + 1]]
    ends = [i + 1 for i in range(len(times)) if not locked[i + 1] and locked[i + 2]]
    return list(zip(begins, ends, strict=True))


def _subdivided(draft: Draft, begin: int, end: int, num: int) -> list[tuple[int, float]]:
    """Each beat of a run, and `num - 1` more before the next beat."""
    times, trust = draft.pulse.times, draft.pulse.trust
    fine: list[tuple[int, float]] = []
    for i in range(begin, end):
        fine.append((times[i], trust[i]))
        if i + 1 == len(times):
            break
        gap, between = times[i + 1] - times[i], (trust[i] + trust[i + 1]) / 2
        fine += [(times[i] + gap * k // num, between) for k in range(1, num) if gap >= num]
    return fine


def _downbeat_after(draft: Draft, index: int) -> list[int]:
    down = draft.pulse.next_downbeat(index)
    return [] if down is None else [draft.pulse.times[down]]


def _next_of(times: Sequence[int], time_us: int) -> int | None:
    """The time itself where it is among others in order, else the next one."""
    place = bisect_left(times, time_us)
    return times[place] if place < len(times) else None


def _anchors(times: Sequence[int], numbers: Sequence[int], metre: int) -> list[int]:
    """Where bars begin that counting alone would not find."""
    downs = [i for i, number in enumerate(numbers) if number == 1]
    odd = [b for a, b in pairwise(downs) if b - a != metre]
    return [times[i] for i in (*downs[:1], *odd)]

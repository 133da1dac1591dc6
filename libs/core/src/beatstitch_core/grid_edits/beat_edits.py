"""Edits of single beats, of bars, of sections, and locks."""

from __future__ import annotations

from bisect import bisect_left

from beatstitch.v1 import beat_grid_pb2
from beatstitch.v1.beat_grid_edit_pb2 import (
    AddBeat,
    DeleteBeat,
    LockRegion,
    MoveBeat,
    NameSection,
    SetBeatsPerBar,
    SetDownbeat,
)
from beatstitch_core.grid_edits.checks import MAX_BEATS
from beatstitch_core.grid_edits.state import Draft, Refuse

_LOCKED = "lies in a locked stretch"


def set_downbeat(draft: Draft, edit: SetDownbeat, _refuse: Refuse) -> None:
    """Bars are counted from one beat, both ways."""
    pulse = draft.pulse
    pulse.anchor_only([pulse.times[pulse.nearest(edit.time_us)]])
    _given_metre(draft)


def set_beats_per_bar(draft: Draft, edit: SetBeatsPerBar, _refuse: Refuse) -> None:
    """Bars are counted anew from the first downbeat."""
    pulse = draft.pulse
    first = pulse.next_downbeat(0)
    pulse.metre = edit.beats_per_bar
    pulse.anchor_only([pulse.times[first or 0]])
    _given_metre(draft)


def add_beat(draft: Draft, edit: AddBeat, refuse: Refuse) -> None:
    """One bar is longer by a beat."""
    pulse, time_us = draft.pulse, edit.time_us
    if draft.is_locked(time_us):
        raise refuse("time_us", _LOCKED)
    place = pulse.place_of(time_us)
    if place < len(pulse.times) and pulse.times[place] == time_us:
        raise refuse("time_us", "there is a beat already")
    if len(pulse.times) >= MAX_BEATS:
        raise refuse("", f"makes more than {MAX_BEATS} beats")
    pulse.pin(place)
    pulse.times.insert(place, time_us)
    pulse.trust.insert(place, 1.0)
    _uneven(draft)


def move_beat(draft: Draft, edit: MoveBeat, refuse: Refuse) -> None:
    """The beat keeps its place in the bar."""
    pulse, to_us = draft.pulse, edit.to_us
    index = pulse.nearest(edit.from_us)
    old = pulse.times[index]
    if draft.is_locked(old):
        raise refuse("from_us", _LOCKED)
    if draft.is_locked(to_us):
        raise refuse("to_us", _LOCKED)
    low = pulse.times[index - 1] if index else -1
    high = pulse.times[index + 1] if index + 1 < len(pulse.times) else draft.heard.duration_us
    if not low < to_us < high:
        raise refuse("to_us", f"must lie between the neighbours, {low + 1} to {high - 1}")
    if pulse.is_anchor(index):
        pulse.anchors[bisect_left(pulse.anchors, old)] = to_us
    pulse.times[index] = to_us
    pulse.trust[index] = 1.0
    _uneven(draft)


def delete_beat(draft: Draft, edit: DeleteBeat, refuse: Refuse) -> None:
    """One bar is shorter by a beat; after a downbeat the next beat begins the bar."""
    pulse = draft.pulse
    index = pulse.nearest(edit.time_us)
    if draft.is_locked(pulse.times[index]):
        raise refuse("time_us", _LOCKED)
    if len(pulse.times) == 1:
        raise refuse("", "leaves no beat in the song")
    pulse.pin(index + 1)
    anchors = [t for t in pulse.anchors if t != pulse.times[index]]
    if pulse.is_anchor(index) and index + 1 < len(pulse.times):
        anchors.append(pulse.times[index + 1])
    del pulse.times[index], pulse.trust[index]
    pulse.anchors = sorted(set(anchors)) or pulse.times[:1]
    _uneven(draft)


def lock_region(draft: Draft, edit: LockRegion, refuse: Refuse) -> LockRegion:
    """Keeps a stretch: the beats that are in it, or those that were when it was locked.

    Returns:
        The edit with its beats.
    """
    pulse = draft.pulse
    given = list(edit.beat_time_us)
    low, high = pulse.place_of(edit.start_us), pulse.place_of(edit.end_us)
    present = pulse.times[low:high]
    if not given and not present:
        raise refuse("", "holds no beat to keep")
    if given and given != present:
        _put_back(draft, edit, given)
    draft.locks.append((edit.start_us, edit.end_us))
    return LockRegion(start_us=edit.start_us, end_us=edit.end_us, beat_time_us=given or present)


def name_section(draft: Draft, edit: NameSection, refuse: Refuse) -> None:
    """Names the section as it lies now."""
    for index, start, end in draft.snapped():
        if start <= edit.time_us < end:
            draft.names[index] = edit.name
            return
    raise refuse("time_us", "no section is there")


def _put_back(draft: Draft, edit: LockRegion, given: list[int]) -> None:
    """Locked beats in place of what a later analysis heard there."""
    pulse = draft.pulse
    known = dict(zip(pulse.times, pulse.trust, strict=True))
    outside = [t for t in pulse.times if not edit.start_us <= t < edit.end_us]
    downs = {t for t, n in zip(pulse.times, pulse.numbers(), strict=True) if n == 1}
    pulse.times = sorted({*outside, *given})
    pulse.trust = [known.get(t, 1.0) for t in pulse.times]
    pulse.anchor_only(downs & set(pulse.times))
    _uneven(draft)


def _given_metre(draft: Draft) -> None:
    draft.metre_source = beat_grid_pb2.METRE_SOURCE_GIVEN
    draft.changed = True


def _uneven(draft: Draft) -> None:
    """Single beats have changed; whether they still are on a line is seen at the end."""
    draft.changed = True
    draft.bpm = 0.0

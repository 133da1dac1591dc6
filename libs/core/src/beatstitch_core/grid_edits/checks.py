"""What edits may say, whatever the grid: all that is wrong in one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

from beatstitch.v1 import failure_pb2
from beatstitch.v1.beat_grid_edit_pb2 import (
    BeatGridEdit,
    GiveTempo,
    HintTempo,
    LockRegion,
    MoveBeat,
    NameSection,
    ScaleTempo,
)
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch_core.edl.findings import Findings
from beatstitch_core.errors import BeatStitchError

MAX_EDITS = 1_000
MAX_BEATS = 100_000
MAX_SHIFT_US = 10_000_000
MAX_RATIO = 4
MAX_METRE = 16
MAX_NAME = 64
MIN_TAPS = 4
LEAST_BPM, MOST_BPM = 20.0, 400.0
LEAST_TOLERANCE, MOST_TOLERANCE = 1.0, 20.0


def needs_decoder(edits: Sequence[BeatGridEdit]) -> bool:
    """Whether any edit listens again."""
    return any(edit.WhichOneof("edit") in {"hint_tempo", "give_taps"} for edit in edits)


def check_edits(edits: Sequence[BeatGridEdit], duration_us: int, *, at: str = "edits") -> None:
    """Refuses edits that no grid could take.

    Args:
        edits: In order.
        duration_us: Length of the song.
        at: Path of the edits in the request.

    Raises:
        BeatStitchError: EDIT_INVALID with all violations; metadata "edit" is the first one's index.
    """
    if len(edits) > MAX_EDITS:
        raise edit_error(
            MAX_EDITS, at, f"has {len(edits)} corrections in all, {MAX_EDITS} are allowed"
        )
    first: int | None = None
    found = Findings()
    for index, edit in enumerate(edits):
        which = edit.WhichOneof("edit")
        if which is None:
            found.add(f"{at}[{index}]", "says nothing to do")
        else:
            look = _Look(f"{at}[{index}].{which}", duration_us, found)
            _CHECKS[which](look, getattr(edit, which))
        if found.violations and first is None:
            first = index
    if first is not None:
        raise _error(first, found.violations)


def edit_error(index: int, field: str, description: str) -> BeatStitchError:
    """EDIT_INVALID for one edit."""
    return _error(index, [FieldViolation(field=field, description=description)])


def _error(index: int, violations: Sequence[FieldViolation]) -> BeatStitchError:
    text = "; ".join(f"{item.field}: {item.description}" for item in violations)
    return BeatStitchError(
        failure_pb2.ERROR_REASON_EDIT_INVALID,
        text,
        metadata={"edit": str(index)},
        violations=violations,
    )


class _Look:
    """Looks at the fields of one edit."""

    def __init__(self, at: str, duration_us: int, found: Findings) -> None:
        self._at, self._duration_us, self._found = at, duration_us, found

    def expect(self, holds: bool, name: str, text: str) -> bool:
        return self._found.expect(holds, f"{self._at}.{name}", text)

    def inside(self, time_us: int, name: str) -> None:
        end = self._duration_us
        self.expect(0 <= time_us < end, name, f"must be inside the song, 0 to {end - 1}")

    def within(self, value: float, low: float, high: float, name: str) -> None:
        ok = isfinite(value) and low <= value <= high
        self.expect(ok, name, f"is {value:g}, allowed are {low:g} to {high:g}")

    def times(
        self, times: Sequence[int], name: str, least: int = 1, span: tuple[int, int] | None = None
    ) -> None:
        """As many as there have to be, strictly increasing, in [span) or the song."""
        count = len(times)
        ok = least <= count <= MAX_BEATS
        if not self.expect(ok, name, f"must be {least} to {MAX_BEATS} times, not {count}"):
            return
        low, high = span or (0, self._duration_us)
        self.expect(low <= times[0] and times[-1] < high, name, f"must be in {low} to {high - 1}")
        rising = all(a < b for a, b in pairwise(times))
        self.expect(rising, name, "must be strictly increasing")

    def lock(self, lock: LockRegion) -> None:
        self.inside(lock.start_us, "start_us")
        ends = self.expect(lock.end_us > lock.start_us, "end_us", "must lie after start_us")
        if ends and lock.beat_time_us:
            span = (lock.start_us, min(lock.end_us, self._duration_us + 1))
            self.times(lock.beat_time_us, "beat_time_us", span=span)


def _scale_tempo(look: _Look, edit: ScaleTempo) -> None:
    look.within(edit.num, 1, MAX_RATIO, "num")
    look.within(edit.den, 1, MAX_RATIO, "den")
    look.within(edit.phase, 0, max(0, edit.den - 1), "phase")


def _hint_tempo(look: _Look, edit: HintTempo) -> None:
    look.within(edit.bpm, LEAST_BPM, MOST_BPM, "bpm")
    if edit.tolerance_percent:
        look.within(edit.tolerance_percent, LEAST_TOLERANCE, MOST_TOLERANCE, "tolerance_percent")


def _give_tempo(look: _Look, edit: GiveTempo) -> None:
    look.within(edit.bpm, LEAST_BPM, MOST_BPM, "bpm")
    look.inside(edit.beat_time_us, "beat_time_us")


def _move_beat(look: _Look, edit: MoveBeat) -> None:
    look.inside(edit.from_us, "from_us")
    look.inside(edit.to_us, "to_us")


def _name_section(look: _Look, edit: NameSection) -> None:
    look.inside(edit.time_us, "time_us")
    ok = len(edit.name) <= MAX_NAME and edit.name.isprintable()
    look.expect(ok, "name", f"must be at most {MAX_NAME} printable characters")


_CHECKS: Mapping[str, Callable[[_Look, Any], None]] = {
    "scale_tempo": _scale_tempo,
    "shift_half_beat": lambda _look, _edit: None,
    "shift_time": lambda look, edit: look.within(
        edit.offset_us, -MAX_SHIFT_US, MAX_SHIFT_US, "offset_us"
    ),
    "set_downbeat": lambda look, edit: look.inside(edit.time_us, "time_us"),
    "set_beats_per_bar": lambda look, edit: look.within(
        edit.beats_per_bar, 1, MAX_METRE, "beats_per_bar"
    ),
    "hint_tempo": _hint_tempo,
    "give_tempo": _give_tempo,
    "give_beats": lambda look, edit: look.times(edit.time_us, "time_us"),
    "give_taps": lambda look, edit: look.times(edit.time_us, "time_us", MIN_TAPS),
    "add_beat": lambda look, edit: look.inside(edit.time_us, "time_us"),
    "move_beat": _move_beat,
    "delete_beat": lambda look, edit: look.inside(edit.time_us, "time_us"),
    "lock_region": _Look.lock,
    "name_section": _name_section,
}

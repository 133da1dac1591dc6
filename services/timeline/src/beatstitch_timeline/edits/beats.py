"""The song's beats as edits name them: by index, or by a time that is drawn to the nearest."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from beatstitch.v1 import timeline_edit_pb2
from beatstitch_core.bars import bars_of
from beatstitch_timeline.edits.refused import Refused, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.timeline_edit_pb2 import BeatTarget, SnapTo

_NAMES = {
    timeline_edit_pb2.SNAP_TO_UNSPECIFIED: "beat",
    timeline_edit_pb2.SNAP_TO_BEAT: "beat",
    timeline_edit_pb2.SNAP_TO_DOWNBEAT: "downbeat",
    timeline_edit_pb2.SNAP_TO_BAR: "bar",
    timeline_edit_pb2.SNAP_TO_SECTION: "section",
}


class Beats:
    """The beats that a timeline is cut to.

    Attributes:
        grid: With the beats that the timeline was cut to.
        times: Their times in microseconds, strictly increasing.
    """

    def __init__(self, grid: BeatGrid) -> None:
        self.grid = grid
        self.times = [beat.time_us for beat in grid.beats]
        self._drawn: dict[int, list[int]] = {}

    def nearest(self, time_us: int) -> int:
        """The index of the nearest beat, the earlier of two; there is at least one beat."""
        return nearest(self.times, time_us)

    def period_us(self, time_us: int) -> int:
        """How far the beats around a time lie apart; 0 with fewer than two beats."""
        if len(self.times) < 2:
            return 0
        right = min(max(bisect_left(self.times, time_us), 1), len(self.times) - 1)
        return self.times[right] - self.times[right - 1]

    def target(self, target: BeatTarget, name: str) -> int:
        """The index of the beat that an edit means.

        Args:
            target: What the edit says.
            name: The field that says it, for messages.

        Raises:
            Refused: No such beat, or none near enough.
        """
        place = target.WhichOneof("place")
        if place is None:
            raise Refused(f"{name}: must be given as beat_index or time_us")
        if not self.times:
            raise Refused("the song has no beats")
        if place == "beat_index":
            last = len(self.times) - 1
            if not 0 <= target.beat_index <= last:
                raise Refused(f"{name}: the song has beats 0 to {last}, not {target.beat_index}")
            return target.beat_index
        return self._draw(target, name)

    def _draw(self, target: BeatTarget, name: str) -> int:
        snap, kind = target.snap, _NAMES.get(target.snap)
        if kind is None:
            raise Refused(f"{name}: unknown snap {int(snap)}")
        if target.tolerance_us < 0:
            raise Refused(f"{name}: tolerance_us must be 0 or more, not {target.tolerance_us}")
        candidates = self._candidates(snap)
        if not candidates:
            raise Refused(f"{name}: the song has no {kind} to snap to")
        times = [self.times[index] for index in candidates]
        index = candidates[nearest(times, target.time_us)]
        away = abs(self.times[index] - target.time_us)
        if 0 < target.tolerance_us < away:
            raise Refused(
                f"{name}: the nearest {kind} is beat {index} at {seconds(self.times[index])}, "
                f"{seconds(away)} away; tolerance_us allows {seconds(target.tolerance_us)}"
            )
        return index

    def _candidates(self, snap: SnapTo.ValueType) -> list[int]:
        if snap not in self._drawn:
            self._drawn[snap] = self._find(snap)
        return self._drawn[snap]

    def _find(self, snap: SnapTo.ValueType) -> list[int]:
        if snap == timeline_edit_pb2.SNAP_TO_DOWNBEAT:
            return [i for i, beat in enumerate(self.grid.beats) if beat.is_downbeat]
        if snap == timeline_edit_pb2.SNAP_TO_BAR:
            bars = self.grid.bars or bars_of(self.grid.beats, self.grid.duration_us)
            return sorted({bar.first_beat_index for bar in bars})
        if snap == timeline_edit_pb2.SNAP_TO_SECTION:
            return sorted({self.nearest(section.start_us) for section in self.grid.sections})
        return list(range(len(self.times)))


def nearest(times: Sequence[int], time_us: int) -> int:
    """The index of the nearest of increasing times, the earlier of two; `times` is not empty."""
    right = bisect_left(times, time_us)
    if right == 0:
        return 0
    if right == len(times):
        return right - 1
    return right - 1 if time_us - times[right - 1] <= times[right] - time_us else right

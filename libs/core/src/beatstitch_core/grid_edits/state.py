"""A grid in the middle of being corrected."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from beatstitch.v1.beat_grid_pb2 import BeatGrid, ConstantTempo, MetreSource
from beatstitch_core.grid_edits.checks import MAX_BEATS
from beatstitch_core.grid_edits.decoder import Decoder
from beatstitch_core.grid_edits.pulse import Pulse

Refuse = Callable[[str, str], Exception]
"""Makes the error of the edit that is being applied: (field of the edit, description)."""


@dataclass
class Draft:
    """What edits work on.

    Attributes:
        heard: The grid as heard; never changed.
        pulse: Beats and bars.
        bpm: Beats per minute; 0: the median of the beats.
        constant: The line that all beats may be on.
        metre_source: Where metre and downbeats come from.
        bpm_confidence: How much to trust the beats.
        settled: Codes of warnings that a person's word has answered.
        locks: Stretches (start, end) that no longer change, in the order in which they were made.
        names: Of the heard sections.
        changed: Whether beats or bars are other than heard.
        decoder: Who listens again.
    """

    heard: BeatGrid
    pulse: Pulse
    bpm: float
    constant: ConstantTempo | None
    metre_source: MetreSource.ValueType
    bpm_confidence: float
    settled: set[str] = field(default_factory=set)
    locks: list[tuple[int, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    changed: bool = False
    decoder: Decoder | None = None

    @classmethod
    def of(cls, grid: BeatGrid, decoder: Decoder | None) -> Draft:
        """The grid as heard."""
        return cls(
            heard=grid,
            pulse=Pulse.heard(grid),
            bpm=grid.bpm,
            constant=grid.constant_tempo if grid.HasField("constant_tempo") else None,
            metre_source=grid.metre_source,
            bpm_confidence=grid.bpm_confidence,
            names=[section.name for section in grid.sections],
            decoder=decoder,
        )

    def is_locked(self, time_us: int) -> bool:
        """Whether a time lies in a stretch that no longer changes."""
        return bool(self.locks) and any(start <= time_us < end for start, end in self.locks)

    def replace(
        self, beats: Iterable[tuple[int, float]], anchors: Iterable[int], refuse: Refuse
    ) -> None:
        """Puts other beats in place of all that are not locked.

        Args:
            beats: Times and how sure they are, in order; those outside the song or in a locked
                stretch are left out.
            anchors: Times of beats that begin a bar.
            refuse: Makes the error.
        """
        old, end = self.pulse, self.heard.duration_us
        fresh = {t: trust for t, trust in beats if 0 <= t <= end and not self.is_locked(t)}
        kept: dict[int, float] = {}
        if self.locks:
            rows = zip(old.times, old.trust, strict=True)
            kept = {t: trust for t, trust in rows if self.is_locked(t)}
        together = sorted({**fresh, **kept}.items())
        if not together:
            raise refuse("", "leaves no beat in the song")
        if len(together) > MAX_BEATS:
            raise refuse("", f"makes {len(together)} beats, {MAX_BEATS} are allowed")
        wanted = [t for t in anchors if t in fresh] + [t for t in old.anchors if t in kept]
        self.pulse = Pulse([t for t, _ in together], [c for _, c in together], [], old.metre)
        self.pulse.anchor_only(wanted)
        self.changed = True

    def snapped(self) -> list[tuple[int, int, int]]:
        """The sections as (index of the heard one, start, end), on today's downbeats."""
        sections = self.heard.sections
        if not self.changed:
            return [(i, s.start_us, s.end_us) for i, s in enumerate(sections)]
        pulse = self.pulse
        numbers = pulse.numbers()
        downs = [t for t, number in zip(pulse.times, numbers, strict=True) if number == 1]
        return snap([(s.start_us, s.end_us) for s in sections], downs)


def snap(spans: Sequence[tuple[int, int]], downs: Sequence[int]) -> list[tuple[int, int, int]]:
    """Moves where sections meet to the nearest downbeats; the outer ends stay.

    A section for which no downbeat is left goes to the one before.

    Args:
        spans: Start and end of each, without gaps.
        downs: Downbeats in order.

    Returns:
        (index, start, end) of those that are left, without gaps.
    """
    if not spans:
        return []
    last = spans[-1][1]
    starts = [(0, spans[0][0])]
    for index in range(1, len(spans)):
        wish, before = spans[index][0], starts[-1][1]
        right = bisect_right(downs, wish)
        near = sorted(downs[max(0, right - 1) : right + 1], key=lambda t: (abs(t - wish), t))
        later = downs[bisect_right(downs, before) :][:1]
        found = next((t for t in [*near, *later] if before < t < last), None)
        if found is not None:
            starts.append((index, found))
    ends = [start for _, start in starts[1:]] + [last]
    return [(index, start, end) for (index, start), end in zip(starts, ends, strict=True)]

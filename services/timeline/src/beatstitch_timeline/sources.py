"""Which part of a clip a segment shows.

A clip that comes again goes on where it ended before, as long as enough of it remains; else it
begins anew. A segment that fades in also shows the clip before its in-point (see
beatstitch_core.edl.pictures), so the in-point leaves room for the fade wherever the clip is long
enough; where it is not, the clip's first frame stands for the missing ones. A segment longer than
the clip takes all of it and the fill policy does the rest.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A part of a clip, in microseconds from its first frame."""

    in_us: int
    out_us: int


class Sources:
    """Hands out parts of clips, in the segments' order."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def take(self, asset_id: str, clip_us: int, need_us: int, handle_us: int) -> Source:
        """The part for the next segment.

        Args:
            asset_id: The clip.
            clip_us: Its length, above 0.
            need_us: The segment's length, above 0.
            handle_us: Length of the fade before it; 0 for a cut.
        """
        source = place(self._ends.get(asset_id, 0), clip_us, need_us, handle_us)
        self._ends[asset_id] = source.out_us
        return source


def place(resume_us: int, clip_us: int, need_us: int, handle_us: int) -> Source:
    """The part of a clip that was last shown up to `resume_us`; see `Sources.take`."""
    last_in = clip_us - need_us
    if last_in <= 0:
        return Source(0, clip_us)
    begin = max(resume_us, handle_us)
    if begin > last_in:
        begin = min(handle_us, last_in)
    return Source(begin, begin + need_us)

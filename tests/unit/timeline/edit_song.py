"""A small song to edit by hand, and what is asserted about timelines."""

from __future__ import annotations

import pytest

from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.builder import build_edl, check_built
from beatstitch_timeline.edits import apply_edits


class Song:
    """Twenty beats of half a second, four to a bar; five segments of a, b, c, a, b."""

    def __init__(self, make, **wish) -> None:
        self.make = make
        self.grid = make.grid([i * 500_000 for i in range(20)], 10_000_000)
        for start, end in ((0, 4_000_000), (4_000_000, 10_000_000)):
            self.grid.sections.add(start_us=start, end_us=end, label="A")
        self.media = [make.clip("a", 9_000_000), make.image("b"), make.clip("c", 3_000_000)]
        self.wish = TimelineSettings(**({"beats_per_cut": 4} | wish))
        self.edl = build_edl(make.PROJECT, make.song(), self.grid, self.media, self.wish)

    def edit(self, *edits, edl=None) -> Edl:
        made = apply_edits(edl or self.edl, *self.inputs, [TimelineEdit(**edit) for edit in edits])
        check_built(made.edl, self.media)
        return made.edl

    def refused(self, **edit) -> str:
        with pytest.raises(BeatStitchError) as caught:
            self.edit(edit)
        assert caught.value.metadata == {"edit": "0"}
        return caught.value.message

    @property
    def inputs(self):
        return self.grid, self.media, self.wish


def assets(edl: Edl) -> str:
    return "".join(segment.media_asset_id for segment in edl.segments)


def beats(edl: Edl) -> list[int]:
    return [segment.cut.beat_index for segment in edl.segments]

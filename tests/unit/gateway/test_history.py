"""Undo and redo over revisions that are only ever appended, held against two plain stacks."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import timeline_pb2 as tp
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_core.ids import new_id
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.revisions import history

PROJECT = new_id()
STEPS = st.lists(st.sampled_from(["edit", "undo", "undo", "redo", "restore"]), max_size=40)


@dataclass
class Book:
    """Revisions as the database keeps them."""

    rows: list[TimelineRow] = field(default_factory=list)

    @property
    def newest(self) -> TimelineRow:
        return self.rows[-1]

    def row(self, revision: int) -> TimelineRow:
        return self.rows[revision - 1]

    def content(self) -> bytes:
        return self.newest.edl

    def edit(self) -> None:
        before = self.newest.timeline if self.rows else None
        number = len(self.rows) + 1
        timeline = history.begin(PROJECT, before, tp.REVISION_ORIGIN_EDITED, f"hash {number}")
        self.rows.append(TimelineRow(timeline, b"edl %d" % number, ObjectRef()))

    def restore(self, revision: int) -> None:
        row = history.again(self.newest.timeline, self.row(revision), tp.REVISION_ORIGIN_RESTORE)
        self.rows.append(row)

    def undo(self) -> bool:
        newest = self.newest.timeline
        change = self.row(history.content_of(newest)).timeline
        if not change.parent_revision:
            return False
        before = self.row(change.parent_revision).timeline
        source = self.row(history.content_of(before))
        self.rows.append(history.undone(newest, change, source))
        return True

    def redo(self) -> bool:
        newest = self.newest.timeline
        if not newest.redo_revisions:
            return False
        self.rows.append(history.redone(newest, self.row(newest.redo_revisions[-1])))
        return True


@given(STEPS)
def test_it_does_what_two_stacks_do(steps: list[str]):
    book = Book()
    book.edit()
    done, undone = [book.content()], []
    for step in steps:
        if step in {"edit", "restore"}:
            if step == "edit":
                book.edit()
            else:
                book.restore(1 + len(book.rows) // 3)
            done.append(book.content())
            undone = []
        elif step == "undo":
            assert book.undo() == (len(done) > 1)
            if len(done) > 1:
                undone.append(done.pop())
        else:
            assert book.redo() == bool(undone)
            if undone:
                done.append(undone.pop())
        assert book.content() == done[-1]
        assert len(book.newest.timeline.redo_revisions) == len(undone)
    numbers = [row.timeline.revision for row in book.rows]
    assert numbers == list(range(1, len(numbers) + 1))
    parents = [row.timeline.parent_revision for row in book.rows]
    assert parents == list(range(len(numbers)))


def test_an_old_revision_comes_back_with_all_that_belongs_to_it():
    book = Book()
    book.edit()
    old = book.newest
    old.timeline.settings.beats_per_cut = 7
    old.timeline.inputs.audio_asset_id = "song"
    old.timeline.edit_count, old.timeline.dropped_edit_count = 3, 1
    old.build_revision, old.beat_grid = 1, ObjectRef(key="grid")
    book.edit()
    book.restore(1)
    new = book.newest
    assert (new.edits, new.build_revision, new.beat_grid) == (old.edits, 1, old.beat_grid)
    told = new.timeline
    assert told.settings.beats_per_cut == 7
    assert told.inputs.audio_asset_id == "song"
    assert (told.edit_count, told.dropped_edit_count) == (3, 1)
    assert (told.revision, told.parent_revision, told.content_revision) == (3, 2, 1)
    assert told.id not in {"", old.timeline.id}
    assert not told.redo_revisions


def test_revisions_of_before_are_their_own_content():
    assert history.content_of(Timeline(revision=4)) == 4

"""Whatever the timeline and the edits: what comes out is valid, or nothing has changed."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beatstitch.v1 import failure_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit, TimelineOverlay
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.builder import check_built
from beatstitch_timeline.edits import apply_edits, replay
from beatstitch_timeline.edits.context import Context
from beatstitch_timeline.edits.draft import Draft
from beatstitch_timeline.edits.families import do
from beatstitch_timeline.edits.refused import Refused

from .edit_cases import KINDS, cases, edits

THOROUGH = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def possible(case, data, most: int = 6, kinds: tuple[str, ...] = KINDS) -> list[TimelineEdit]:
    """Edits that can be done one after the other."""
    draft = Draft(case.edl, Context.of(case.edl, *case.inputs))
    done = []
    for _ in range(data.draw(st.integers(1, most), label="count")):
        edit = data.draw(edits(case, kinds), label="edit")
        try:
            do(draft, edit)
        except Refused:
            continue
        done.append(edit)
    return done


def outcome(case, wanted):
    try:
        return apply_edits(case.edl, *case.inputs, wanted), None
    except BeatStitchError as error:
        return None, error


@THOROUGH
@given(data=st.data())
def test_an_edit_makes_a_valid_timeline_or_is_refused_by_its_index(make, data):
    case = data.draw(cases(make))
    check_built(case.edl, case.media)
    wanted = data.draw(st.lists(edits(case), min_size=1, max_size=4))
    before = Edl()
    before.CopyFrom(case.edl)
    edited, error = outcome(case, wanted)
    if edited is not None:
        check_built(edited.edl, case.media)
        assert len(edited.kept) == len(wanted)
    else:
        assert error.reason == failure_pb2.ERROR_REASON_EDIT_INVALID
        index = int(error.metadata["edit"])
        assert error.message.startswith(f"edits[{index}]")
        assert error.violations[0].field.startswith(f"edits[{index}]")
        # Those before it can be done.
        check_built(apply_edits(case.edl, *case.inputs, wanted[:index]).edl, case.media)
    assert case.edl == before


@THOROUGH
@given(data=st.data())
def test_cuts_stay_on_beats_whatever_is_edited(make, data):
    case = data.draw(cases(make))
    edited = apply_edits(case.edl, *case.inputs, possible(case, data)).edl
    check_built(edited, case.media)
    for segment in edited.segments[1:]:
        beat = case.grid.beats[segment.cut.beat_index]
        assert segment.cut.beat_time_us == beat.time_us
        on_axis = beat.time_us - edited.audio.offset_us
        assert segment.timeline_in_frame == frame_at(on_axis, edited.output.frame_rate)


@THOROUGH
@given(data=st.data())
def test_a_refused_edit_leaves_the_draft_as_it_was(make, data):
    case = data.draw(cases(make))
    draft = Draft(case.edl, Context.of(case.edl, *case.inputs))
    for edit in possible(case, data, 3):
        do(draft, edit)
    before = draft.finish()
    try:
        do(draft, data.draw(edits(case)))
    except Refused:
        assert draft.finish() == before


@THOROUGH
@given(data=st.data())
def test_one_batch_is_as_good_as_many(make, data):
    case = data.draw(cases(make))
    wanted = possible(case, data)
    at_once = apply_edits(case.edl, *case.inputs, wanted)
    edl, kept = case.edl, []
    for edit in wanted:
        edited = apply_edits(edl, *case.inputs, [edit])
        edl, kept = edited.edl, [*kept, *edited.kept]
    assert edl == at_once.edl
    assert kept == at_once.kept


@THOROUGH
@given(data=st.data())
def test_replaying_on_the_same_base_does_the_same(make, data):
    case = data.draw(cases(make))
    edited = apply_edits(case.edl, *case.inputs, possible(case, data))
    overlay = TimelineOverlay(edits=edited.kept)
    again = replay(case.edl, *case.inputs, overlay)
    assert not again.dropped
    assert again.edl == edited.edl
    assert again.overlay == overlay

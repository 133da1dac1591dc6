"""What `beatstitch timeline` prints fits into a terminal and names things as people do."""

import pytest

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.beat_grid_pb2 import Beat, Section
from beatstitch.v1.edl_pb2 import Cut, Edl, Segment, Transition
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch.v1.timeline_service_pb2 import (
    SEGMENT_CHANGE_KIND_CHANGED,
    ChoiceCandidate,
    DiffRevisionsResponse,
    ExplainCutResponse,
    GetTimelineResponse,
    ScoreTerm,
    SegmentChange,
)
from beatstitch_client.cli import tables

ID = "01890000-0000-7000-8000-000000000001"
GONE = "01890000-0000-7000-8000-000000000002"
NAMES = {ID: "sunset.jpg"}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def segment(asset_id=ID, **fields):
    return Segment(
        media_asset_id=asset_id,
        media_type=common_pb2.MEDIA_TYPE_IMAGE,
        timeline_in_ms=100_500,
        timeline_out_ms=102_500,
        cut=Cut(beat_index=204, rule=edl_pb2.CUT_RULE_EVERY_N_BEATS),
        transition_in=Transition(type=edl_pb2.TRANSITION_TYPE_FADE_BLACK, frames=12),
        **fields,
    )


def test_segments_are_lines_with_file_names(capsys):
    edl = Edl(segments=[segment(index=204)])
    tables.show_timeline(GetTimelineResponse(timeline=Timeline(edl=edl)), NAMES)
    *_, line = capsys.readouterr().out.splitlines()
    expected = "204 100.500 102.500 sunset.jpg image 204 every n beats fade black 12"
    assert line.split() == expected.split()


def test_an_asset_that_is_gone_is_shown_by_its_id(capsys):
    edl = Edl(segments=[segment(GONE)])
    tables.show_timeline(GetTimelineResponse(timeline=Timeline(edl=edl)), NAMES)
    assert GONE[:8] in capsys.readouterr().out


def test_names_are_not_markup(capsys):
    edl = Edl(segments=[segment()])
    state = GetTimelineResponse(timeline=Timeline(edl=edl))
    tables.show_timeline(state, {ID: "[red]a.jpg"})
    assert "[red]a.jpg" in capsys.readouterr().out


def explanation(**fields):
    return ExplainCutResponse(
        segment=segment(), rule="On each beat.", choice="It is next.", **fields
    )


def test_bars_are_counted_from_one_and_errors_told_in_milliseconds(capsys):
    beat, section = Beat(time_us=1, beat_number=2), Section(label="B", name="chorus")
    answer = explanation(beat=beat, section=section, bar_index=0, frame_error_us=-2778)
    tables.show_explanation(answer, NAMES)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "begins on beat 2 of bar 1, section chorus; its frame is 2.8 ms before the beat"


def test_the_start_is_beside_no_beat(capsys):
    answer = explanation(bar_index=-1)
    answer.segment.timeline_in_ms = 0
    tables.show_explanation(answer, NAMES)
    assert capsys.readouterr().out.splitlines()[0] == "begins at 0.000 s"


def test_a_candidate_is_a_line_without_the_terms_that_add_nothing(capsys):
    terms = [ScoreTerm(name="order", permille=100), ScoreTerm(name="calm")]
    candidate = ChoiceCandidate(asset_id=ID, score_permille=100, terms=terms)
    tables.show_explanation(explanation(bar_index=-1, candidates=[candidate]), NAMES)
    *_, line = capsys.readouterr().out.splitlines()
    assert line.split() == ["sunset.jpg", "100", "order", "+100"]


def test_a_change_names_what_was_changed_and_not_what_follows_from_it(capsys):
    change = SegmentChange(
        kind=SEGMENT_CHANGE_KIND_CHANGED,
        to_index=3,
        before=segment(GONE),
        after=segment(),
        fields=[
            "media_asset_id",
            "media_sha256",
            "timeline_out_frame",
            "timeline_out_ms",
            "render_duration_ms",
            "effect.ken_burns.from.x",
            "effect.ken_burns.to.y",
        ],
    )
    tables.show_diff(DiffRevisionsResponse(segments=[change]), {**NAMES, GONE: "old.jpg"})
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["changed", "3", "old.jpg", "sunset.jpg", "media,", "out,", "effect"]

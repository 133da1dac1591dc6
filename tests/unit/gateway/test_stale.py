"""When a timeline is out of date, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beatstitch.v1 import timeline_pb2 as tp
from beatstitch.v1.edl_pb2 import AudioTrack, Edl, Overlay, PictureMark, Segment
from beatstitch.v1.timeline_pb2 import TimelineInputs, TimelineMedia
from beatstitch_gateway.revisions.inputs import given_inputs
from beatstitch_gateway.revisions.stale import ProjectNow, stale_reasons

NOW = ProjectNow(
    song_id="song",
    grids={"song": "grid"},
    media_ids=["a", "b", "c"],
    names={"song": "song.mp3", "newer": "newer.mp3", "a": "a.jpg", "d": "d.mp4"},
    template_version=2,
)
SHOWN = {"a", "b", "c"}


def built(**changed: object) -> TimelineInputs:
    fields: dict[str, object] = {
        "audio_asset_id": "song",
        "beat_grid_sha256": "grid",
        "media": [TimelineMedia(asset_id=item) for item in "abc"],
        "all_media": True,
        "template_id": "template",
        "template_version": 2,
    }
    return TimelineInputs(**{**fields, **changed})


def found(inputs: TimelineInputs, now: ProjectNow, shown: set[str] = SHOWN):
    return [(item.kind, item.subject_id) for item in stale_reasons(inputs, shown, now)]


def test_up_to_date():
    assert found(built(), NOW) == []
    assert found(built(template_id="", template_version=0), NOW) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (replace(NOW, song_id="", grids={}), (tp.STALE_KIND_AUDIO, "song")),
        (
            replace(NOW, song_id="newer", grids={"song": "grid", "newer": "other"}),
            (tp.STALE_KIND_AUDIO, "newer"),
        ),
        (replace(NOW, grids={"song": "corrected"}), (tp.STALE_KIND_BEAT_GRID, "song")),
        (replace(NOW, media_ids=["a", "c"]), (tp.STALE_KIND_MEDIA_REMOVED, "b")),
        (replace(NOW, media_ids=["a", "b", "d", "c"]), (tp.STALE_KIND_MEDIA_ADDED, "d")),
        (replace(NOW, media_ids=["a", "c", "b"]), (tp.STALE_KIND_MEDIA_ORDER, "")),
        (replace(NOW, template_version=3), (tp.STALE_KIND_TEMPLATE, "template")),
    ],
)
def test_each_change_is_told_and_no_other(now: ProjectNow, expected: tuple[int, str]):
    assert found(built(), now) == [expected]
    (reason,) = stale_reasons(built(), SHOWN, now)
    assert reason.message


def test_a_list_of_the_client_is_neither_too_short_nor_in_the_wrong_order():
    given = built(all_media=False, media=[TimelineMedia(asset_id="b"), TimelineMedia(asset_id="a")])
    assert found(given, replace(NOW, media_ids=["a", "b", "c", "d"]), {"a", "b"}) == []
    assert found(given, replace(NOW, media_ids=["b"]), {"b"}) == [
        (tp.STALE_KIND_MEDIA_REMOVED, "a")
    ]


def test_what_edits_brought_in_counts_too():
    now = replace(NOW, media_ids=["a", "b", "c", "d"])
    assert found(built(), now, SHOWN | {"d"}) == []
    assert found(built(), NOW, SHOWN | {"d"}) == [(tp.STALE_KIND_MEDIA_REMOVED, "d")]


def test_many_things_at_once():
    now = ProjectNow("newer", {"song": "x", "newer": "y"}, ["d", "c", "a"], {}, 5)
    kinds = [kind for kind, _ in found(built(), now)]
    assert kinds == [
        tp.STALE_KIND_AUDIO,
        tp.STALE_KIND_BEAT_GRID,
        tp.STALE_KIND_MEDIA_REMOVED,
        tp.STALE_KIND_MEDIA_ADDED,
        tp.STALE_KIND_MEDIA_ORDER,
        tp.STALE_KIND_TEMPLATE,
    ]


def test_the_inputs_of_an_edl_of_ones_own():
    edl = Edl(
        audio=AudioTrack(asset_id="song", sha256="s"),
        segments=[
            Segment(media_asset_id="b", media_sha256="2"),
            Segment(media_asset_id="a", media_sha256="1"),
            Segment(media_asset_id="b", media_sha256="2"),
        ],
        overlays=[
            Overlay(picture=PictureMark(media_asset_id="logo", media_sha256="3")),
            Overlay(),
        ],
    )
    inputs = given_inputs(edl)
    assert [(item.asset_id, item.sha256) for item in inputs.media] == [
        ("b", "2"),
        ("a", "1"),
        ("logo", "3"),
    ]
    assert not inputs.all_media
    # It names no grid, so no grid makes it old.
    now = replace(NOW, media_ids=["a", "b", "logo"])
    assert found(inputs, now, {"a", "b", "logo"}) == []

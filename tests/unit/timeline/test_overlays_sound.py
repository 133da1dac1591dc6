"""Title, end card, watermark and sound: from the settings to the EDL, and through edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatstitch.v1 import failure_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import AudioTrack
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import with_defaults
from beatstitch_core.errors import BeatStitchError
from beatstitch_timeline.builder import build
from beatstitch_timeline.edits import apply_edits
from beatstitch_timeline.overlays import overlays_of
from beatstitch_timeline.retarget import retarget
from beatstitch_timeline.sound import lay_sound

WHOLE = 65_536
CORNERS = [c for c in timeline_rules_pb2.Corner.values() if c]


def settings(**changes) -> TimelineSettings:
    made = TimelineSettings(**changes)
    made.output.width, made.output.height = made.output.width or 1280, made.output.height or 720
    return made


@pytest.fixture
def built(make):
    grid = make.grid(range(0, 16_000_000, 500_000), 16_000_000)
    clip = make.clip()
    clip.info.has_audio = True
    media = [make.image(), clip, make.clip("silent")]

    def run(wanted: TimelineSettings, **more):
        return build(make.PROJECT, make.song(), grid, media, wanted, **more).edl

    run.grid, run.media = grid, media
    return run


def test_nothing_is_over_a_plain_video_and_nothing_heard_but_the_song(built):
    edl = built(settings())
    assert not edl.overlays
    assert not any(segment.HasField("sound") for segment in edl.segments)
    assert (edl.audio.fade_in_us, edl.audio.fade_out_us, edl.audio.ducked) == (0, 0, 0)


def test_cards_lie_at_the_beginning_and_at_the_end(built):
    wanted = settings()
    wanted.title.text = "Summer\n2026"
    wanted.end_card.text, wanted.end_card.duration_ms, wanted.end_card.rgb = "End", 1500, 0x102030
    edl = built(wanted)
    title, end = edl.overlays
    last = edl.segments[-1].timeline_out_frame
    assert (title.in_frame, title.out_frame, title.fade_frames) == (0, 90, 15)
    assert (end.in_frame, end.out_frame, end.fade_frames) == (last - 45, last, 15)
    assert (title.text.text, title.text.rgb, title.text.veil_opacity) == (
        "Summer\n2026",
        0xFFFFFF,
        26_214,
    )
    assert (end.text.rgb, end.text.veil_rgb, end.text.veil_opacity) == (0x102030, 0, WHOLE)
    assert (title.text.centre.x, title.text.centre.y) == (32_768, 32_768)


def test_cards_are_no_longer_than_the_video(built):
    wanted = settings(audio_end_us=2_000_000)
    wanted.title.text, wanted.title.duration_ms = "T", 60_000
    wanted.end_card.text, wanted.end_card.duration_ms = "E", 60_000
    edl = built(wanted)
    assert [(o.in_frame, o.out_frame) for o in edl.overlays] == [(0, 60)] * 2


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (16, 7680), (640, 640)])
@pytest.mark.parametrize("picture", [(400, 100), (100, 4000), (1, 1)])
@pytest.mark.parametrize("width", [10, 120, 500])
def test_a_watermark_is_in_its_corner_in_its_own_shape(make, corner, size, picture, width):
    wanted = settings()
    wanted.output.width, wanted.output.height = size
    mark = wanted.watermark
    mark.media_asset_id, mark.corner, mark.width_permille = "logo", corner, width
    logo = make.image("logo", picture)
    (overlay,) = overlays_of(with_defaults(wanted), 100, logo)
    assert (overlay.in_frame, overlay.out_frame, overlay.fade_frames) == (0, 100, 0)
    place = overlay.picture.place
    right = corner in (timeline_rules_pb2.CORNER_BOTTOM_RIGHT, timeline_rules_pb2.CORNER_TOP_RIGHT)
    below = corner in (
        timeline_rules_pb2.CORNER_BOTTOM_RIGHT,
        timeline_rules_pb2.CORNER_BOTTOM_LEFT,
    )
    margin = min(size) / 32
    aside = WHOLE - place.x - place.w if right else place.x
    above = WHOLE - place.y - place.h if below else place.y
    assert aside * size[0] / WHOLE == pytest.approx(margin, abs=0.2)
    assert above * size[1] / WHOLE == pytest.approx(margin, abs=0.2)
    shown = place.w * size[0] / WHOLE, place.h * size[1] / WHOLE
    assert shown[0] <= size[0] * width / 1000 + 0.2
    assert shown[0] * picture[1] == pytest.approx(shown[1] * picture[0], rel=0.05, abs=130)
    assert place.x + place.w <= WHOLE
    assert place.y + place.h <= WHOLE
    assert overlay.picture.opacity == 39_322


def test_a_watermark_is_over_all_and_shown_by_no_segment(built, make):
    wanted = settings()
    wanted.title.text = "T"
    wanted.watermark.media_asset_id = "logo"
    logo = make.image("logo", (400, 100))
    edl = built(wanted, watermark=logo)
    assert [o.WhichOneof("content") for o in edl.overlays] == ["text", "picture"]
    assert edl.overlays[1].picture.media_sha256 == logo.object.sha256
    assert "logo" not in {segment.media_asset_id for segment in edl.segments}


def test_a_watermark_may_be_one_of_the_media(built):
    wanted = settings()
    wanted.watermark.media_asset_id = "photo"
    edl = built(wanted)
    assert edl.overlays[0].picture.media_asset_id == "photo"


@pytest.mark.parametrize("kind", ["missing", "clip"])
def test_a_watermark_that_is_no_picture_is_refused(built, make, kind):
    wanted = settings()
    wanted.watermark.media_asset_id = "logo"
    given = make.clip("logo") if kind == "clip" else None
    with pytest.raises(BeatStitchError) as caught:
        built(wanted, watermark=given)
    assert caught.value.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    assert [v.field for v in caught.value.violations] == ["settings.watermark.media_asset_id"]


def loud(permille: int = 1000) -> TimelineSettings:
    wanted = settings()
    wanted.sound.clip_permille = permille
    wanted.sound.fade_in_ms, wanted.sound.fade_out_ms = 250, 2000
    return wanted


def test_clips_that_have_sound_are_heard_and_the_song_steps_back(built):
    edl = built(loud(2000))
    assert (edl.audio.fade_in_us, edl.audio.fade_out_us) == (250_000, 2_000_000)
    assert edl.audio.ducked == 22_938
    gains = {s.media_asset_id: s.sound.gain for s in edl.segments}
    assert gains == {"photo": 0, "clip": 2 * WHOLE, "silent": 0}


def test_what_edits_bring_sounds_as_what_was_built(built):
    wanted = loud(700)
    edl = built(wanted)
    edit = TimelineEdit()
    edit.replace.segment_index, edit.replace.media_asset_id = 0, "clip"
    edited = apply_edits(edl, built.grid, built.media, wanted, [edit]).edl
    sounds = {s.sound.gain for s in edited.segments if s.media_asset_id == "clip"}
    assert sounds == {45_875}
    assert edited.audio == edl.audio


def test_edits_and_other_shapes_keep_what_lies_over_the_video(built, make):
    wanted = loud()
    wanted.title.text, wanted.end_card.text = "T", "E"
    wanted.watermark.media_asset_id = "logo"
    logo = make.image("logo", (400, 100))
    edl = built(wanted, watermark=logo)
    edit = TimelineEdit()
    edit.delete.segment_index = 1
    media = [*built.media, logo]
    assert apply_edits(edl, built.grid, media, wanted, [edit]).edl.overlays == edl.overlays
    tall = edl.output.__class__(width=720, height=1280)
    tall.frame_rate.num, tall.frame_rate.den = 60, 1
    other = retarget(edl, tall, 5_000_000, media)
    end = other.segments[-1].timeline_out_frame
    assert [(o.in_frame, o.out_frame) for o in other.overlays] == [
        (0, 180),
        (end - 180, end),
        (0, end),
    ]


@given(st.integers(0, 60_000), st.integers(0, 60_000), st.integers(1, 100_000_000), st.booleans())
def test_fades_never_take_more_than_is_heard(came, went, duration_us, heard):
    wanted = settings()
    wanted.sound.fade_in_ms, wanted.sound.fade_out_ms = came, went
    wanted.sound.clip_permille = int(heard)
    audio = AudioTrack(duration_us=duration_us)
    lay_sound(audio, with_defaults(wanted))
    assert audio.fade_in_us + audio.fade_out_us == min((came + went) * 1000, duration_us)
    assert 0 <= audio.fade_in_us <= came * 1000
    assert 0 <= audio.fade_out_us <= went * 1000
    assert audio.ducked == (22_938 if heard else 0)

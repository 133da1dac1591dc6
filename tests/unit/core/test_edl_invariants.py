"""Every invariant of an EDL: a valid one passes, and each way to break it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl, KenBurns, Segment, UnitRect
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.limits import default_limits
from beatstitch_core.timebase import frame_time_ms

if TYPE_CHECKING:
    from collections.abc import Callable

SONG, PHOTO, CLIP = "song", "photo", "clip"
SHA = {SONG: "a" * 64, PHOTO: "b" * 64, CLIP: "c" * 64}
CLIP_US = 5_000_000


def ready(asset_id: str, kind: common_pb2.MediaType.ValueType, duration_us: int = 0) -> ReadyMedia:
    media = ReadyMedia(asset_id=asset_id)
    media.object.sha256 = SHA[asset_id]
    media.info.media_type = kind
    media.info.duration_us = duration_us
    return media


def known() -> dict[str, ReadyMedia]:
    return {
        SONG: ready(SONG, common_pb2.MEDIA_TYPE_AUDIO, 8_000_000),
        PHOTO: ready(PHOTO, common_pb2.MEDIA_TYPE_IMAGE),
        CLIP: ready(CLIP, common_pb2.MEDIA_TYPE_VIDEO, CLIP_US),
    }


def valid_edl() -> Edl:
    """8 s at 30 fps from 0.5 s of the song on, cuts at 2, 4 and 6 s, photo and clip in turn."""
    edl = Edl(version="1.0", project_id="p", beat_grid_sha256="d" * 64)
    edl.output.width, edl.output.height = 1280, 720
    edl.output.frame_rate.num, edl.output.frame_rate.den = 30, 1
    edl.audio.asset_id, edl.audio.sha256 = SONG, SHA[SONG]
    edl.audio.offset_us, edl.audio.duration_us = 500_000, 7_500_000
    for i, (begin, end) in enumerate([(0, 60), (60, 120), (120, 225)]):
        clip = i == 1
        segment = Segment(index=i, timeline_in_frame=begin, timeline_out_frame=end)
        segment.media_asset_id = CLIP if clip else PHOTO
        segment.media_sha256 = SHA[segment.media_asset_id]
        segment.media_type = common_pb2.MEDIA_TYPE_VIDEO if clip else common_pb2.MEDIA_TYPE_IMAGE
        segment.timeline_in_ms = frame_time_ms(begin, edl.output.frame_rate)
        segment.timeline_out_ms = frame_time_ms(end, edl.output.frame_rate)
        segment.render_duration_ms = segment.timeline_out_ms - segment.timeline_in_ms
        segment.fit, segment.fill = edl_pb2.FIT_COVER, edl_pb2.FILL_POLICY_LOOP
        if clip:
            segment.source_in_us, segment.source_out_us = 1_000_000, 3_000_000
            segment.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
            segment.transition_in.frames = 8
        else:
            motion = KenBurns(to=UnitRect(x=5_000, y=5_000, w=50_000, h=50_000))
            getattr(motion, "from").CopyFrom(UnitRect(w=65_536, h=65_536))
            segment.effect.ken_burns.CopyFrom(motion)
        if i == 0:
            segment.cut.beat_index, segment.cut.rule = -1, edl_pb2.CUT_RULE_START
        else:
            segment.cut.beat_index = 4 * i
            segment.cut.beat_time_us = 500_000 + 2_000_000 * i
            segment.cut.rule = edl_pb2.CUT_RULE_EVERY_N_BEATS
        edl.segments.append(segment)
    return edl


def fields(edl: Edl, media: dict[str, ReadyMedia] | None = None) -> set[str]:
    return {violation.field for violation in validate_edl(edl, media)}


def test_a_valid_edl_has_no_violation():
    assert not validate_edl(valid_edl())
    assert not validate_edl(valid_edl(), known())


def test_a_first_segment_may_begin_on_a_beat():
    edl = valid_edl()
    cut = edl.segments[0].cut
    cut.beat_index, cut.beat_time_us, cut.rule = 0, 503_000, edl_pb2.CUT_RULE_EVERY_N_BEATS
    assert not validate_edl(edl, known())


def put(path: str, value: object) -> tuple[str, Callable[[Edl], None]]:
    """Sets `segments.1.cut.rule` and the like; the path is what the violation has to name."""
    keys = path.split(".")

    def change(edl: Edl) -> None:
        target: object = edl
        for key in keys[:-1]:
            target = target[int(key)] if key.isdigit() else getattr(target, key)  # type: ignore[index]
        setattr(target, keys[-1], value)

    named = "".join(f"[{key}]" if key.isdigit() else f".{key}" for key in keys)
    return named.removeprefix("."), change


BROKEN_FIELDS = [
    put("version", "2.0"),
    put("project_id", ""),
    put("beat_grid_sha256", "D" * 64),
    put("output.width", 1281),
    put("output.width", 14),
    put("output.width", 7682),
    put("output.height", 0),
    put("output.background_rgb", 0x1000000),
    put("audio.asset_id", ""),
    put("audio.sha256", "a" * 63),
    put("audio.offset_us", -1),
    put("audio.duration_us", 0),
    put("segments.1.index", 2),
    put("segments.1.media_asset_id", ""),
    put("segments.1.media_sha256", "not hex"),
    put("segments.1.media_type", common_pb2.MEDIA_TYPE_AUDIO),
    put("segments.1.timeline_in_frame", 61),
    put("segments.1.timeline_in_frame", 59),
    put("segments.0.timeline_in_frame", 1),
    put("segments.1.timeline_out_frame", 60),
    put("segments.2.timeline_out_frame", 224),
    put("segments.1.timeline_in_ms", 1999),
    put("segments.1.timeline_out_ms", 4001),
    put("segments.1.render_duration_ms", 2001),
    put("segments.1.source_in_us", -1),
    put("segments.1.source_out_us", 1_000_000),
    put("segments.0.source_in_us", 1),
    put("segments.0.source_out_us", 1),
    put("segments.0.cut.beat_index", 0),
    put("segments.0.cut.beat_time_us", 1),
    put("segments.1.cut.rule", edl_pb2.CUT_RULE_START),
    put("segments.1.cut.rule", 0),
    put("segments.1.cut.beat_index", -1),
    put("segments.2.cut.beat_index", 4),
    put("segments.1.cut.beat_time_us", 2_520_000),
    put("segments.0.transition_in.type", edl_pb2.TRANSITION_TYPE_CROSSFADE),
    put("segments.1.transition_in.type", 99),
    put("segments.1.transition_in.frames", 31),
    put("segments.1.transition_in.frames", 0),
    put("segments.1.transition_in.frames", -1),
    put("segments.2.transition_in.frames", 1),
    put("segments.1.fit", 99),
    put("segments.1.fill", 99),
    put("segments.1.fill", edl_pb2.FILL_POLICY_SPEED_FIT),
    put("segments.1.fill", edl_pb2.FILL_POLICY_NO_REPEAT),
    put("segments.1.cut.rule", 99),
    put("segments.0.transition_in.align", edl_pb2.TRANSITION_ALIGN_START),
    put("segments.0.transition_in.direction", edl_pb2.DIRECTION_UP),
    put("segments.1.transition_in.align", 99),
    put("segments.1.transition_in.direction", edl_pb2.DIRECTION_UP),
    put("segments.1.transition_in.direction", 99),
    put("segments.0.focus.x", 1),
    put("segments.2.fit", edl_pb2.FIT_FOCUS),
    put("segments.0.effect.ken_burns.to.x", -1),
]


@pytest.mark.parametrize(("field", "change"), BROKEN_FIELDS)
def test_a_broken_field_is_named(field: str, change: Callable[[Edl], None]):
    edl = valid_edl()
    change(edl)
    reported = fields(edl)
    # A rectangle and a focus are one field: their parts can't be wrong one by one.
    whole = field.rpartition(".")[0]
    assert {field, whole, f"{whole}.focus"} & reported


@pytest.mark.parametrize(
    ("num", "den"), [(0, 1), (-30, 1), (30, -1), (1, 2), (121, 1), (1_000_001, 10_000)]
)
def test_a_rate_outside_1_to_120_is_named(num: int, den: int):
    edl = valid_edl()
    edl.output.frame_rate.num, edl.output.frame_rate.den = num, den
    assert "output.frame_rate" in fields(edl)


def test_a_denominator_of_zero_would_give_the_same_video_a_second_hash():
    edl = valid_edl()
    edl.output.frame_rate.den = 0
    assert fields(edl) == {"output.frame_rate"}


@pytest.mark.parametrize(
    ("x", "y", "w", "h"),
    [(0, 0, 0, 10), (0, 0, 10, 0), (1, 0, 65_536, 10), (0, 1, 10, 65_536), (0, -1, 10, 10)],
)
def test_a_rectangle_outside_the_picture_is_named(x: int, y: int, w: int, h: int):
    for name in ("from", "to"):
        edl = valid_edl()
        rect = getattr(edl.segments[0].effect.ken_burns, name)
        rect.CopyFrom(UnitRect(x=x, y=y, w=w, h=h))
        assert fields(edl) == {f"segments[0].effect.ken_burns.{name}"}


def test_a_clip_does_not_move_like_a_picture():
    edl = valid_edl()
    edl.segments[1].effect.CopyFrom(edl.segments[0].effect)
    assert fields(edl) == {"segments[1].effect.ken_burns"}


def test_counts_stay_inside_the_limits():
    edl = valid_edl()
    limits = default_limits()
    limits.max_segments = 2
    assert {v.field for v in validate_edl(edl, None, limits)} == {"segments"}
    del edl.segments[:]
    assert fields(edl) == {"segments"}


def test_assets_are_held_against_the_project():
    media = known()
    del media[PHOTO]
    assert fields(valid_edl(), media) == {
        "segments[0].media_asset_id",
        "segments[2].media_asset_id",
    }
    media = known()
    media[CLIP].object.sha256 = "e" * 64
    assert fields(valid_edl(), media) == {"segments[1].media_sha256"}
    media = known()
    media[CLIP].info.media_type = common_pb2.MEDIA_TYPE_IMAGE
    assert fields(valid_edl(), media) == {"segments[1].media_type"}
    media = known()
    media[CLIP].info.duration_us = 2_999_999
    assert fields(valid_edl(), media) == {"segments[1].source_out_us"}


def test_the_song_is_held_against_the_project():
    media = known()
    del media[SONG]
    assert fields(valid_edl(), media) == {"audio.asset_id"}
    media[SONG] = ready(SONG, common_pb2.MEDIA_TYPE_IMAGE)
    assert fields(valid_edl(), media) == {"audio.asset_id"}
    media = known()
    media[SONG].object.sha256 = "e" * 64
    assert fields(valid_edl(), media) == {"audio.sha256"}
    media = known()
    media[SONG].info.duration_us = 6_900_000
    assert fields(valid_edl(), media) == {"audio.duration_us"}


def test_one_asset_has_one_checksum_even_where_assets_are_unknown():
    edl = valid_edl()
    edl.segments[2].media_sha256 = "e" * 64
    assert fields(edl) == {"segments[2].media_sha256"}


def test_one_asset_has_one_type_even_where_assets_are_unknown():
    edl = valid_edl()
    edl.segments[2].media_asset_id, edl.segments[2].media_sha256 = CLIP, SHA[CLIP]
    assert fields(edl) == {"segments[2].media_type"}


@pytest.mark.parametrize(
    ("asset_id", "sha256", "broken"),
    [
        (PHOTO, SHA[PHOTO], set()),
        ("mark", "e" * 64, set()),
        (PHOTO, "e" * 64, {"overlays[0].picture.media_sha256"}),
        (CLIP, SHA[CLIP], {"overlays[0].picture.media_asset_id"}),
    ],
)
def test_a_mark_is_a_picture_like_those_of_segments(asset_id: str, sha256: str, broken: set[str]):
    edl = valid_edl()
    over = edl.overlays.add(out_frame=1)
    over.picture.media_asset_id, over.picture.media_sha256 = asset_id, sha256
    over.picture.place.w = over.picture.place.h = over.picture.opacity = 1
    assert fields(edl) == broken


def test_all_violations_come_in_one_reply():
    edl = valid_edl()
    for _, change in BROKEN_FIELDS:
        change(edl)
    reported = fields(edl, known())
    assert {"version", "output.width", "audio.sha256", "segments[1].cut.rule"} <= reported
    assert len(reported) > 25


def test_an_empty_document_is_looked_at_without_an_exception():
    assert {"version", "project_id", "segments", "output.frame_rate"} <= fields(Edl(), {})
    assert fields(Edl(segments=[Segment(), Segment()]))

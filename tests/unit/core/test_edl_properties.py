"""Whatever the EDL: a valid one passes, and each way to break it is found and named by its path."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.edls import Sample, edls, length_of
from support.messages import messages

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Accent, Edl, SpeedPoint
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import canonical_json, parse_json
from beatstitch_core.edl.settings import check_settings, merged_settings, with_defaults
from beatstitch_core.edl.warn import edl_warnings
from beatstitch_core.edl.ways_in import CUTS, DIRECTED, reach
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.timebase import frame_time_us

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Segment

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=150)
I32, I64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
UNIT = 65_536


def fields(sample: Sample, *, known: bool = True) -> set[str]:
    return {v.field for v in validate_edl(sample.edl, sample.media if known else None)}


@MANY
@given(edls())
def test_a_valid_edl_passes(sample: Sample):
    assert not validate_edl(sample.edl)
    assert not validate_edl(sample.edl, sample.media)
    edl_warnings(sample.edl, sample.media)


@MANY
@given(edls(least_segments=2))
def test_transitions_never_meet_inside_a_segment(sample: Sample):
    segments = sample.edl.segments
    for segment, after in pairwise(segments):
        meeting = reach(segment.transition_in).after + reach(after.transition_in).before
        assert meeting <= length_of(segment)


@MANY
@given(edls())
def test_the_canonical_form_reads_back_as_the_same_edl(sample: Sample):
    assert parse_json(canonical_json(sample.edl), Edl()) == sample.edl


@MANY
@given(messages(Edl), edls(), st.booleans())
def test_no_document_makes_the_checks_raise(hostile: Edl, sample: Sample, countable: bool):
    if countable:  # a rate, or nothing on the axis is looked at
        hostile.output.frame_rate.num, hostile.output.frame_rate.den = 30_000, 1_001
    for media in (None, sample.media):
        validate_edl(hostile, media)
        edl_warnings(hostile, media)
    mixed = Edl()
    mixed.CopyFrom(sample.edl)
    mixed.MergeFrom(hostile)
    validate_edl(mixed, sample.media)
    edl_warnings(mixed, sample.media)


@MANY
@given(messages(TimelineSettings), messages(TimelineSettings))
def test_no_settings_make_the_checks_raise(one: TimelineSettings, other: TimelineSettings):
    check_settings(one, song_us=1_000_000)
    merged = merged_settings(one, other)
    check_settings(merged)
    assert merged_settings(merged, other) == merged
    full = with_defaults(merged)
    assert with_defaults(full) == full
    assert check_settings(full) == check_settings(merged)


# One mutation each: changes a valid EDL and returns the path that has to be named.
Mutation = Callable[[st.DataObject, Sample], str]
MUTATIONS: dict[str, Mutation] = {}


def mutation(change: Mutation) -> Mutation:
    MUTATIONS[change.__name__] = change
    return change


def outside(data: st.DataObject, least: int, most: int, bits: tuple[int, int] = I32) -> int:
    """A number that is not from `least` to `most`."""
    sides = []
    if least > bits[0]:
        sides += [st.just(least - 1), st.integers(bits[0], least - 1)]
    if most < bits[1]:
        sides += [st.just(most + 1), st.integers(most + 1, bits[1])]
    return data.draw(st.one_of(sides))


def pick(
    data: st.DataObject, sample: Sample, kind: int | None = None, first: int = 0
) -> tuple[Segment, str]:
    """One of the segments, of a type if one is given, and its path."""
    segments = sample.edl.segments
    fitting = [i for i in range(first, len(segments)) if kind in {None, segments[i].media_type}]
    i = data.draw(st.sampled_from(fitting))
    return segments[i], f"segments[{i}]"


CLIP, IMAGE = common_pb2.MEDIA_TYPE_VIDEO, common_pb2.MEDIA_TYPE_IMAGE


def ranged(path: str, least: int, most: int, bits: tuple[int, int] = I32) -> None:
    """A mutation for a number of the document that has a range."""
    *keys, last = path.split(".")

    def change(data: st.DataObject, sample: Sample) -> str:
        target = sample.edl
        for key in keys:
            target = getattr(target, key)
        setattr(target, last, outside(data, least, most, bits))
        return path

    MUTATIONS[path] = change


ranged("output.background_rgb", 0, 0xFFFFFF, (0, 2**32 - 1))
ranged("output.width", 16, 7680)
ranged("output.height", 16, 7680)
ranged("audio.offset_us", 0, I64[1], I64)
ranged("audio.duration_us", 1, I64[1], I64)
ranged("audio.fade_in_us", 0, I64[1], I64)
ranged("audio.fade_out_us", 0, I64[1], I64)
ranged("audio.ducked", 0, UNIT)


@mutation
def odd_side(data, sample):
    side = data.draw(st.sampled_from(["width", "height"]))
    setattr(sample.edl.output, side, 2 * data.draw(st.integers(8, 3839)) + 1)
    return f"output.{side}"


@mutation
def rate(data, sample):
    low_or_high = st.sampled_from([(0, 1), (29, 30), (-30, 1), (30, -1), (30, 0), (121, 1)])
    terms = st.sampled_from([(1_000_001, 40_000), (2**31 - 1, 2**31 - 1)])
    frame_rate = sample.edl.output.frame_rate
    frame_rate.num, frame_rate.den = data.draw(low_or_high | terms)
    return "output.frame_rate"


@mutation
def version(data, sample):
    sample.edl.version = data.draw(st.text(max_size=5).filter(lambda text: text != "1.0"))
    return "version"


@mutation
def no_project(data, sample):
    sample.edl.project_id = ""
    return "project_id"


@mutation
def no_song(data, sample):
    sample.edl.audio.asset_id = ""
    return "audio.asset_id"


NO_SHA256 = st.sampled_from(["x" * 64, "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "٣" * 64])


@mutation
def checksums(data, sample):
    segment, at = pick(data, sample)
    targets = {
        "beat_grid_sha256": (sample.edl, "beat_grid_sha256"),
        "audio.sha256": (sample.edl.audio, "sha256"),
        f"{at}.media_sha256": (segment, "media_sha256"),
    }
    path = data.draw(st.sampled_from(sorted(targets)))
    setattr(*targets[path], data.draw(NO_SHA256))
    return path


@mutation
def song_of_another_project(data, sample):
    del sample.media["song"]
    return "audio.asset_id"


@mutation
def song_that_is_a_picture(data, sample):
    sample.edl.audio.asset_id = "photo"
    return "audio.asset_id"


@mutation
def song_of_other_bytes(data, sample):
    sample.media["song"].object.sha256 = "0" * 64
    return "audio.sha256"


@mutation
def song_that_ends_before(data, sample):
    info, audio = sample.media["song"].info, sample.edl.audio
    info.duration_us = audio.offset_us + audio.duration_us - 1_000_001
    return "audio.duration_us"


@mutation
def fades_longer_than_the_audio(data, sample):
    audio = sample.edl.audio
    audio.fade_out_us = audio.duration_us - audio.fade_in_us + data.draw(st.integers(1, 10**9))
    return "audio.fade_out_us"


@mutation
def no_segments(data, sample):
    del sample.edl.segments[:]
    return "segments"


@mutation
def index(data, sample):
    segment, at = pick(data, sample)
    segment.index = outside(data, segment.index, segment.index)
    return f"{at}.index"


@mutation
def in_frame(data, sample):
    segment, at = pick(data, sample)
    right = segment.timeline_in_frame
    segment.timeline_in_frame = outside(data, right, right)
    return f"{at}.timeline_in_frame"


@mutation
def out_frame(data, sample):
    segment, at = pick(data, sample)
    right, last = segment.timeline_out_frame, len(sample.edl.segments) - 1
    segment.timeline_out_frame = outside(data, right, right)
    if segment.index == last:
        return f"{at}.timeline_out_frame"
    return f"segments[{segment.index + 1}].timeline_in_frame"


@mutation
def empty_segment(data, sample):
    segment, at = pick(data, sample)
    segment.timeline_out_frame = segment.timeline_in_frame - data.draw(st.integers(0, 3))
    return f"{at}.timeline_out_frame"


@mutation
def milliseconds(data, sample):
    segment, at = pick(data, sample)
    name = data.draw(st.sampled_from(["timeline_in_ms", "timeline_out_ms", "render_duration_ms"]))
    right = getattr(segment, name)
    setattr(segment, name, outside(data, right, right))
    return f"{at}.{name}"


@mutation
def segment_left_out(data, sample):
    at = data.draw(st.integers(0, len(sample.edl.segments) - 2))
    del sample.edl.segments[at]
    return f"segments[{at}].timeline_in_frame"


@mutation
def segment_twice(data, sample):
    segment, _ = pick(data, sample)
    sample.edl.segments.insert(segment.index, segment)
    return f"segments[{segment.index + 1}].timeline_in_frame"


@mutation
def asset_not_named(data, sample):
    segment, at = pick(data, sample)
    segment.media_asset_id = ""
    return f"{at}.media_asset_id"


@mutation
def asset_of_another_project(data, sample):
    segment, at = pick(data, sample)
    segment.media_asset_id = data.draw(st.sampled_from(["other", "song"]))
    return f"{at}.media_asset_id"


@mutation
def asset_of_other_bytes(data, sample):
    segment, at = pick(data, sample)
    segment.media_sha256 = "0" * 64
    return f"{at}.media_sha256"


@mutation
def type_that_is_not_shown(data, sample):
    segment, at = pick(data, sample)
    segment.media_type = outside(data, IMAGE, CLIP)
    return f"{at}.media_type"


@mutation
def type_that_the_asset_is_not(data, sample):
    segment, at = pick(data, sample)
    segment.media_type = CLIP if segment.media_type == IMAGE else IMAGE
    return f"{at}.media_type"


@mutation
def source_before_the_clip(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.source_in_us = outside(data, 0, I64[1], I64)
    return f"{at}.source_in_us"


@mutation
def source_that_ends_before_it_begins(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.source_out_us = outside(data, segment.source_in_us + 1, I64[1], I64)
    return f"{at}.source_out_us"


@mutation
def source_after_the_clip(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.source_out_us = outside(data, I64[0], sample.media["clip"].info.duration_us, I64)
    return f"{at}.source_out_us"


@mutation
def source_of_a_picture(data, sample):
    segment, at = pick(data, sample, IMAGE)
    name = data.draw(st.sampled_from(["source_in_us", "source_out_us"]))
    setattr(segment, name, outside(data, 0, 0, I64))
    return f"{at}.{name}"


@mutation
def rule_that_names_no_beat(data, sample):
    segment, at = pick(data, sample, first=1)
    segment.cut.rule = data.draw(st.sampled_from([0, edl_pb2.CUT_RULE_START, 99, -1]))
    return f"{at}.cut.rule"


@mutation
def beats_backwards(data, sample):
    segment, at = pick(data, sample, first=1)
    before = sample.edl.segments[segment.index - 1].cut.beat_index
    segment.cut.beat_index = data.draw(st.integers(I32[0], before))
    return f"{at}.cut.beat_index"


@mutation
def beat_on_another_frame(data, sample):
    segment, at = pick(data, sample, first=1)
    frame_us = frame_time_us(1, sample.edl.output.frame_rate)
    moved = data.draw(st.integers(frame_us + 1, 10**12)) * data.draw(st.sampled_from([-1, 1]))
    segment.cut.beat_time_us += moved
    return f"{at}.cut.beat_time_us"


@mutation
def start_with_a_beat(data, sample):
    cut = sample.edl.segments[0].cut
    cut.rule, cut.beat_index, cut.beat_time_us = edl_pb2.CUT_RULE_START, -1, 0
    name, right = data.draw(st.sampled_from([("beat_index", -1), ("beat_time_us", 0)]))
    setattr(cut, name, outside(data, right, right))
    return f"segments[0].cut.{name}"


@mutation
def transition_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.type = outside(data, 0, max(edl_pb2.TransitionType.values()))
    return f"{at}.transition_in.type"


@mutation
def transition_into_the_first(data, sample):
    way = sample.edl.segments[0].transition_in
    way.type, way.frames = edl_pb2.TRANSITION_TYPE_ZOOM, data.draw(st.integers(0, 5))
    return "segments[0].transition_in.type"


@mutation
def transition_too_long(data, sample):
    segment, at = pick(data, sample, first=1)
    way, before = segment.transition_in, sample.edl.segments[segment.index - 1]
    way.Clear()
    way.type = data.draw(st.sampled_from(sorted(set(edl_pb2.TransitionType.values()) - CUTS)))
    way.align = data.draw(st.sampled_from(edl_pb2.TransitionAlign.values()))
    most = min(length_of(before), length_of(segment)) // 2
    way.frames = outside(data, 1, max(most, 1)) if most else data.draw(st.integers(*I32))
    return f"{at}.transition_in.frames"


@mutation
def cut_that_takes_time(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.Clear()
    segment.transition_in.type = data.draw(st.sampled_from(sorted(CUTS)))
    name = data.draw(st.sampled_from(["frames", "align", "direction"]))
    setattr(segment.transition_in, name, data.draw(st.integers(1, 3)))
    return f"{at}.transition_in.{name}"


@mutation
def alignment_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.align = outside(data, 0, 3)
    return f"{at}.transition_in.align"


@mutation
def direction_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.transition_in.direction = outside(data, 0, 4)
    return f"{at}.transition_in.direction"


@mutation
def direction_of_what_stands(data, sample):
    segment, at = pick(data, sample)
    still = sorted(set(edl_pb2.TransitionType.values()) - DIRECTED)
    segment.transition_in.type = data.draw(st.sampled_from(still))
    segment.transition_in.direction = data.draw(st.integers(1, 4))
    return f"{at}.transition_in.direction"


FITS = {"focus_missing", "focus_of_another_fit", "focus_outside"}


@mutation
def fit_unknown(data, sample):
    segment, at = pick(data, sample)
    segment.fit = outside(data, 0, max(edl_pb2.Fit.values()))
    return f"{at}.fit"


@mutation
def fill_of_the_builder(data, sample):
    segment, at = pick(data, sample)
    segment.fill = outside(data, 0, edl_pb2.FILL_POLICY_HOLD)
    return f"{at}.fill"


@mutation
def focus_missing(data, sample):
    segment, at = pick(data, sample)
    segment.fit = edl_pb2.FIT_FOCUS
    segment.ClearField("focus")
    return f"{at}.focus"


@mutation
def focus_of_another_fit(data, sample):
    segment, at = pick(data, sample)
    segment.fit = data.draw(st.integers(0, edl_pb2.FIT_BLUR))
    segment.focus.SetInParent()
    return f"{at}.focus"


@mutation
def focus_outside(data, sample):
    segment, at = pick(data, sample)
    segment.fit = edl_pb2.FIT_FOCUS
    side = data.draw(st.sampled_from(["x", "y"]))
    setattr(segment.focus, side, outside(data, 0, UNIT))
    return f"{at}.focus.{side}"


def break_rectangle(data, rect):
    rect.x, rect.y, rect.w, rect.h = 1, 1, UNIT - 1, UNIT - 1
    side = data.draw(st.sampled_from(["x", "y", "w", "h"]))
    least, most = (1, UNIT - 1) if side in "wh" else (0, 1)
    setattr(rect, side, outside(data, least, most))


@mutation
def rectangle_outside(data, sample):
    segment, at = pick(data, sample, IMAGE)
    move = segment.effect.ken_burns
    for name in ("from", "to"):
        getattr(move, name).w = getattr(move, name).h = UNIT
    name = data.draw(st.sampled_from(["from", "to"]))
    break_rectangle(data, getattr(move, name))
    return f"{at}.effect.ken_burns.{name}"


@mutation
def clip_that_moves_like_a_picture(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.effect.ken_burns.SetInParent()
    return f"{at}.effect.ken_burns"


def accent(data, sample):
    """Puts an accent before a segment's own; returns it, its path and the segment's length."""
    segment, at = pick(data, sample)
    whole = Accent(type=edl_pb2.ACCENT_TYPE_FLASH, frame=0, frames=1, amount=1)
    segment.accents.insert(0, whole)
    return segment.accents[0], f"{at}.accents[0]", length_of(segment)


@mutation
def accent_unknown(data, sample):
    blow, at, _ = accent(data, sample)
    blow.type = outside(data, 1, 2)
    return f"{at}.type"


@mutation
def accent_outside(data, sample):
    blow, at, length = accent(data, sample)
    blow.frame = outside(data, 0, length - 1)
    return f"{at}.frame"


@mutation
def accent_longer_than_the_segment(data, sample):
    blow, at, length = accent(data, sample)
    blow.frames = outside(data, 1, length)
    return f"{at}.frames"


@mutation
def accent_of_nothing(data, sample):
    blow, at, _ = accent(data, sample)
    blow.amount = outside(data, 1, UNIT)
    return f"{at}.amount"


@mutation
def accents_backwards(data, sample):
    segments = sample.edl.segments
    long = [s for s in segments if length_of(s) > 1]
    if not long:
        return in_frame(data, sample)
    segment = data.draw(st.sampled_from(long))
    del segment.accents[:]
    for frame in (data.draw(st.integers(1, length_of(segment) - 1)), 0):
        segment.accents.add(type=edl_pb2.ACCENT_TYPE_FLASH, frame=frame, frames=1, amount=1)
    return f"segments[{segment.index}].accents[1].frame"


def run_at(segment, *points):
    segment.speed.Clear()
    segment.speed.SetInParent()
    segment.speed.points.extend(SpeedPoint(frame=frame, rate=rate) for frame, rate in points)


@mutation
def speed_of_a_picture(data, sample):
    segment, at = pick(data, sample, IMAGE)
    run_at(segment, (0, UNIT))
    return f"{at}.speed"


@mutation
def speed_without_points(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, *[(k, UNIT) for k in range(data.draw(st.sampled_from([0, 257])))])
    return f"{at}.speed.points"


@mutation
def speed_that_begins_late(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (outside(data, 0, 0), UNIT))
    return f"{at}.speed.points[0].frame"


@mutation
def speed_backwards(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (1, UNIT), (data.draw(st.integers(I32[0], 1)), UNIT))
    return f"{at}.speed.points[2].frame"


@mutation
def speed_after_the_segment(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (outside(data, I32[0], length_of(segment)), UNIT))
    return f"{at}.speed.points[1].frame"


@mutation
def speed_out_of_range(data, sample):
    segment, at = pick(data, sample, CLIP)
    run_at(segment, (0, UNIT), (1, outside(data, 6_554, 655_360)))
    return f"{at}.speed.points[1].rate"


@mutation
def sound_of_a_picture(data, sample):
    segment, at = pick(data, sample, IMAGE)
    segment.sound.gain = UNIT
    return f"{at}.sound"


@mutation
def gain(data, sample):
    segment, at = pick(data, sample, CLIP)
    segment.sound.gain = outside(data, 1, 2 * UNIT)
    return f"{at}.sound.gain"


def overlay(sample, kind):
    """Puts one overlay over the whole video below the others, and returns it."""
    whole = edl_pb2.Overlay(out_frame=sample.edl.segments[-1].timeline_out_frame)
    if kind == "text":
        whole.text.text, whole.text.line_height = "a", 655
    elif kind == "picture":
        photo = sample.media["photo"]
        whole.picture.media_asset_id = photo.asset_id
        whole.picture.media_sha256 = photo.object.sha256
        whole.picture.place.w = whole.picture.place.h = whole.picture.opacity = 1
    sample.edl.overlays.insert(0, whole)
    return sample.edl.overlays[0]


@mutation
def overlays_too_many(data, sample):
    for _ in range(51):
        overlay(sample, "text")
    return "overlays"


@mutation
def overlay_of_nothing(data, sample):
    overlay(sample, None)
    return "overlays[0]"


@mutation
def overlay_before_the_video(data, sample):
    overlay(sample, "text").in_frame = outside(data, 0, I32[1])
    return "overlays[0].in_frame"


@mutation
def overlay_after_the_video(data, sample):
    over = overlay(sample, "text")
    over.out_frame = outside(data, 1, over.out_frame)
    return "overlays[0].out_frame"


@mutation
def overlay_that_fades_too_long(data, sample):
    over = overlay(sample, "picture")
    over.fade_frames = outside(data, 0, over.out_frame // 2)
    return "overlays[0].fade_frames"


@mutation
def text_of_no_length(data, sample):
    overlay(sample, "text").text.text = data.draw(st.sampled_from(["", "é" * 501]))
    return "overlays[0].text.text"


@mutation
def text_out_of_range(data, sample):
    card = overlay(sample, "text").text
    name = data.draw(
        st.sampled_from(["line_height", "centre.x", "centre.y", "rgb", "veil_rgb", "veil_opacity"])
    )
    if name == "line_height":
        card.line_height = outside(data, 655, 32_768)
    elif name.startswith("centre"):
        setattr(card.centre, name[-1], outside(data, 0, UNIT))
    elif name.endswith("rgb"):
        setattr(card, name, outside(data, 0, 0xFFFFFF, (0, 2**32 - 1)))
    else:
        card.veil_opacity = outside(data, 0, UNIT)
    return f"overlays[0].text.{name}"


@mutation
def mark_not_named(data, sample):
    overlay(sample, "picture").picture.media_asset_id = ""
    return "overlays[0].picture.media_asset_id"


@mutation
def mark_without_checksum(data, sample):
    mark = overlay(sample, "picture").picture
    # Of an asset that nothing else shows: no other checksum to differ from.
    mark.media_asset_id, mark.media_sha256 = "other", data.draw(NO_SHA256)
    return "overlays[0].picture.media_sha256"


@mutation
def mark_of_another_project(data, sample):
    asset_id = data.draw(st.sampled_from(["other", "clip", "song"]))
    overlay(sample, "picture").picture.media_asset_id = asset_id
    return "overlays[0].picture.media_asset_id"


@mutation
def mark_of_other_bytes(data, sample):
    overlay(sample, "picture").picture.media_sha256 = "0" * 64
    return "overlays[0].picture.media_sha256"


@mutation
def mark_outside(data, sample):
    break_rectangle(data, overlay(sample, "picture").picture.place)
    return "overlays[0].picture.place"


@mutation
def mark_of_nothing(data, sample):
    overlay(sample, "picture").picture.opacity = outside(data, 1, UNIT)
    return "overlays[0].picture.opacity"


# What can only be told by the project's assets.
NEEDS_ASSETS = {
    "song_of_another_project",
    "song_that_is_a_picture",
    "song_of_other_bytes",
    "song_that_ends_before",
    "asset_of_another_project",
    "asset_of_other_bytes",
    "type_that_the_asset_is_not",
    "source_after_the_clip",
    "mark_of_another_project",
    "mark_of_other_bytes",
}


@pytest.mark.parametrize("name", MUTATIONS)
@FEW
@given(sample=edls(least_segments=2, most_segments=3), data=st.data())
def test_a_broken_invariant_is_named(name: str, sample: Sample, data: st.DataObject):
    path = MUTATIONS[name](data, sample)
    assert path in fields(sample)
    assert name in NEEDS_ASSETS or path in fields(sample, known=False)


@MANY
@given(
    sample=edls(least_segments=2, most_segments=3),
    name=st.sampled_from(sorted(MUTATIONS)),
    data=st.data(),
)
def test_one_violation_hides_no_other(sample: Sample, name: str, data: st.DataObject):
    sample.edl.version, sample.edl.project_id, sample.edl.audio.ducked = "2.0", "", -1
    sample.edl.segments[1].fit = 99
    broken = {"version", "project_id", "audio.ducked", "segments[1].fit"}
    path = MUTATIONS[name](data, sample)
    if name in {"segment_left_out", "segment_twice", "no_segments"}:
        broken = {"version", "project_id", "audio.ducked"}
    elif name in {"fit_unknown", "audio.ducked", "version"} | FITS:
        broken = {"project_id"}
    assert broken | {path} <= fields(sample)

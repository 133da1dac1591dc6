"""What is wrong with segments: their frames, assets, sources and cuts."""

from __future__ import annotations

from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2
from beatstitch_core.timebase import frame_time_us
from support.broken_edls.kit import CLIP, I32, I64, IMAGE, mutation, outside, pick


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

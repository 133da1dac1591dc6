"""Whatever is asked for, all fields at once: an EDL without violations, the same each time.

The only refusal that sensible settings can meet here is a lack of media.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.orders import orders

from beatstitch.v1 import common_pb2, edl_pb2, failure_pb2, timeline_rules_pb2
from beatstitch_core.canonical import canonical_json
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import frame_at
from beatstitch_timeline.builder import build
from beatstitch_timeline.layout import lay_out

ANYTHING = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def unless_media_lack(decide, make, order):
    """What is decided; None where there are not enough media, which the settings may forbid."""
    grid, media, wish = order
    try:
        return decide(make.PROJECT, make.song(), grid, media, wish)
    except BeatStitchError as error:
        if error.reason != failure_pb2.ERROR_REASON_NOT_ENOUGH_MEDIA:
            raise
        strict = wish.choice.reuse == timeline_rules_pb2.MEDIA_REUSE_FORBID
        assert strict or wish.fill == edl_pb2.FILL_POLICY_NO_REPEAT
        event("not enough media")
        return None


@ANYTHING
@given(data=st.data())
def test_every_edl_keeps_every_invariant_and_is_built_alike_twice(make, data):
    order = data.draw(orders(make))
    # `build` holds it against all invariants.
    first, again = (unless_media_lack(build, make, order) for _ in range(2))
    assert (first is None) == (again is None)
    if first and again:
        assert canonical_json(first.edl) == canonical_json(again.edl)
        reuse = order[2].choice.reuse
        if reuse == timeline_rules_pb2.MEDIA_REUSE_END:
            event("media end the video")


@ANYTHING
@given(data=st.data())
def test_what_every_cut_and_every_clip_says_is_so(make, data):
    order = data.draw(orders(make))
    layout, built = (unless_media_lack(decide, make, order) for decide in (lay_out, build))
    if layout is None or built is None:
        return
    _, media, wish = order
    rate, offset = built.edl.output.frame_rate, built.edl.audio.offset_us
    beats = [beat.time_us for beat in layout.grid.beats]
    lengths = {item.asset_id: item.info.duration_us for item in media}
    windows = {rule.asset_id: rule for rule in wish.choice.assets}
    assert len(built.edl.segments) == len(layout.picks) <= len(layout.spans)
    for segment, span in zip(built.edl.segments, layout.spans, strict=False):
        if segment.cut.beat_index >= 0:
            assert beats[segment.cut.beat_index] == segment.cut.beat_time_us
            assert segment.timeline_in_frame == frame_at(segment.cut.beat_time_us - offset, rate)
        assert (span.rule_path == "") == (segment.cut.beat_index < 0)
        if segment.media_type != common_pb2.MEDIA_TYPE_VIDEO:
            continue
        rule = windows.get(segment.media_asset_id)
        assert segment.source_in_us >= (rule.in_us if rule else 0)
        most = (rule.out_us if rule else 0) or lengths[segment.media_asset_id]
        assert segment.source_out_us <= most
        if len(segment.speed.points) > 1:
            event("a ramp")
            frames = segment.timeline_out_frame - segment.timeline_in_frame
            ran = source_offset_us(segment.speed, frames, rate)
            assert segment.source_in_us + ran <= segment.source_out_us


@ANYTHING
@given(data=st.data())
def test_shots_are_neither_too_short_nor_without_need_too_long(make, data):
    grid, media, wish = data.draw(orders(make))
    wish.fill, wish.choice.reuse = edl_pb2.FILL_POLICY_LOOP, timeline_rules_pb2.MEDIA_REUSE_LOOP
    wish.longest_shot_us = wish.longest_shot_us or wish.shortest_shot_us + 1_000_000
    layout = lay_out(make.PROJECT, make.song(), grid, media, wish)
    rate, trim = layout.settings.output.frame_rate, layout.trim
    times = [beat.time_us for beat in layout.grid.beats]
    cuts = [span.cut for span in layout.spans if span.begin > 0]
    edges = [trim.start_us, *(cut.beat_time_us for cut in cuts), trim.end_us]
    shots = list(pairwise(edges))
    assert all(end - begin >= wish.shortest_shot_us for begin, end in shots[:-1])

    def frame(time_us):
        return frame_at(time_us - trim.start_us, rate)

    for k, (begin, end) in enumerate(shots):
        if end - begin <= wish.longest_shot_us:
            continue
        first = begin + wish.shortest_shot_us
        last = end - (wish.shortest_shot_us if k + 1 < len(shots) else 0)
        # Beats that a cut could have come on: a beat in a frame that is taken begins nothing.
        free = [t for t in times if first <= t <= last and frame(begin) < frame(t) < frame(end)]
        assert not free

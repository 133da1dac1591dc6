"""Timelines and edits of every kind for the property tests of edits."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, NamedTuple

from hypothesis import strategies as st

from beatstitch.v1 import edl_pb2, timeline_edit_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch.v1.timeline_edit_pb2 import BeatTarget, OverrideSegment, TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_timeline.builder import build_edl

WINDOW_END_US = 45_000
"""Where the part ends of the clip of which only a part may be shown."""
RATES = [(24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60, 1)]


class Case(NamedTuple):
    """A built timeline and what it was built from."""

    edl: Edl
    grid: Any
    media: list[Any]
    wish: TimelineSettings

    @property
    def inputs(self) -> tuple[Any, ...]:
        return self.grid, self.media, self.wish


@st.composite
def ways(draw):
    way = edl_pb2.Transition(type=draw(st.sampled_from(edl_pb2.TransitionType.values())))
    if way.type > edl_pb2.TRANSITION_TYPE_CUT:
        way.frames = draw(st.integers(0, 60))
        way.align = draw(st.sampled_from(edl_pb2.TransitionAlign.values()))
    if way.type in {5, 6, 7}:
        way.direction = draw(st.sampled_from(edl_pb2.Direction.values()))
    return way


@st.composite
def accent_rules(draw):
    return timeline_rules_pb2.AccentRule(
        type=draw(st.sampled_from([1, 2])),
        beats=draw(st.sampled_from(timeline_rules_pb2.AccentBeats.values())),
        duration_ms=draw(st.integers(0, 900)),
    )


@st.composite
def wishes(draw):
    wish = TimelineSettings(
        beats_per_cut=draw(st.integers(1, 4)),
        seed=draw(st.integers(0, 9)),
        fit=draw(st.sampled_from(edl_pb2.Fit.values())),
        fill=draw(st.sampled_from([0, 1, 2, 3])),
        image_motion=draw(st.sampled_from(timeline_pb2.ImageMotion.values())),
        transition=draw(ways()),
        accents=draw(st.lists(accent_rules(), max_size=2)),
    )
    wish.output.frame_rate.num, wish.output.frame_rate.den = draw(st.sampled_from(RATES))
    if draw(st.booleans()):
        wish.audio_start_us = draw(st.sampled_from([0, 130_000]))
        # Of the clips that are this long, a part in the middle only.
        wish.choice.assets.add(asset_id="clip-0", in_us=10_000, out_us=WINDOW_END_US)
        wish.choice.avoid_scene_cuts = draw(st.booleans())
    if draw(st.booleans()):
        wish.speed_ramp.peak_permille = draw(st.sampled_from([300, 1500, 4000]))
        wish.speed_ramp.duration_ms = draw(st.integers(0, 1500))
    return wish


@st.composite
def cases(draw, make):
    lead_in = draw(st.sampled_from([0, 0, 7_000, 900_000]))
    steps = draw(st.lists(st.integers(120_000, 900_000), min_size=8, max_size=24))
    times = list(accumulate(steps, initial=lead_in))
    grid = make.grid(times, max(times[-1] + draw(st.integers(1, 900_000)), 1_000_000))
    grid.sections.add(start_us=0, end_us=times[len(times) // 2], label="A")
    grid.sections.add(start_us=times[len(times) // 2], end_us=grid.duration_us, label="B")
    lengths = draw(st.lists(st.integers(50_000, 6_000_000), min_size=1, max_size=3))
    media = [make.clip(f"clip-{i}", length) for i, length in enumerate(lengths)]
    media[-1].traits.scene_cut_us.extend([20_000, 400_000, 900_000])
    media += [make.image("photo"), make.image("tall", (900, 1600))]
    wish = draw(wishes())
    edl = build_edl(make.PROJECT, make.song(), grid, media, wish)
    return Case(edl, grid, media, wish)


def targets(beats: int):
    by_index = st.builds(lambda i: BeatTarget(beat_index=i), st.integers(-1, beats))
    by_time = st.builds(
        lambda t, snap, near: BeatTarget(time_us=t, snap=snap, tolerance_us=near),
        st.integers(0, 12_000_000),
        st.sampled_from(timeline_edit_pb2.SnapTo.values()),
        st.sampled_from([0, 200_000, 2_000_000]),
    )
    return st.one_of(by_index, by_index, by_time)


@st.composite
def overrides(draw, index):
    edit = OverrideSegment(segment_index=index)
    for name in draw(st.sets(st.sampled_from(range(7)), min_size=1, max_size=3)):
        if name == 0:
            edit.transition_in.CopyFrom(draw(ways()))
        elif name == 1:
            edit.fit = draw(st.sampled_from(edl_pb2.Fit.values()))
        elif name == 2:
            edit.image_motion = draw(st.sampled_from(timeline_pb2.ImageMotion.values()))
        elif name == 3:
            edit.speed_permille = draw(st.sampled_from([100, 500, 1000, 3000, 10_000]))
        elif name == 4:
            edit.duration_beats = draw(st.integers(1, 6))
        elif name == 5:
            edit.accents.rules.extend(draw(st.lists(accent_rules(), max_size=2)))
            edit.accents.SetInParent()
        else:
            edit.fill = draw(st.sampled_from(edl_pb2.FillPolicy.values()))
    return edit


KINDS = (
    "roll",
    "trim",
    "split",
    "slip",
    "override",
    "insert",
    "merge",
    "delete",
    "replace",
    "move",
    "swap",
)


@st.composite
def edits(draw, case: Case, kinds: tuple[str, ...] = KINDS):
    """An edit that may or may not be possible."""
    kind = draw(st.sampled_from(kinds))
    edit = TimelineEdit()
    body = getattr(edit, kind)
    body.SetInParent()
    count = len(case.edl.segments)
    index = draw(st.one_of(st.integers(min(1, count - 1), count - 1), st.integers(0, count)))
    beat = targets(len(case.grid.beats))
    if kind in {"insert", "replace"}:
        body.media_asset_id = draw(st.sampled_from([item.asset_id for item in case.media]))
        if body.media_asset_id.startswith("clip"):
            body.source_in_us = draw(st.sampled_from([0, 0, 30_000, 1_000_000]))
    if kind == "override":
        body.CopyFrom(draw(overrides(index)))
    elif kind not in {"insert", "split"}:
        body.segment_index = index
    if kind in {"insert", "split"}:
        body.at.CopyFrom(draw(beat))
        if kind == "insert" and draw(st.booleans()):
            body.until.CopyFrom(draw(beat))
    elif kind in {"trim", "roll"}:
        _move_cut(draw, case, kind, body, beat)
    else:
        _set_number(draw, kind, body, count)
    return edit


def _move_cut(draw, case, kind, body, beat):
    near = case.edl.segments[min(body.segment_index, len(case.edl.segments) - 1)].cut.beat_index
    close = st.integers(-3, 3).map(lambda step: BeatTarget(beat_index=near + step))
    body.to.CopyFrom(draw(st.one_of(close, close, beat)))
    if kind == "trim":
        body.edge = draw(st.sampled_from([0, 1, 2]))


def _set_number(draw, kind, body, count):
    if kind == "move":
        body.to_index = draw(st.integers(0, count))
    elif kind == "swap":
        body.other_index = draw(st.integers(0, count))
    elif kind == "merge":
        body.count = draw(st.integers(2, 3))
    elif kind == "slip":
        body.delta_us = draw(st.sampled_from([-300_000, -20_000, 0, 1, 40_000, 400_000]))

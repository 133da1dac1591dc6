"""Orders of timelines for property tests: songs, media and settings with any field set.

`make` is the fixture of tests/unit/timeline/conftest.py.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from hypothesis import strategies as st

from beatstitch.v1 import common_pb2, edl_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.edl_pb2 import Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import (
    AccentRule,
    AssetRule,
    ChoiceRules,
    CutPattern,
    SectionRule,
    SpeedRamp,
)
from beatstitch_core.edl.ways_in import CUTS, DIRECTED

RATES = [(24, 1), (25, 1), (30_000, 1_001), (60, 1), (24_000, 1_001), (1, 1), (120, 1)]
SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, float("nan")]))
LABELS = ["A", "B", "C"]


def one_of(kind):
    return st.sampled_from(kind.values())


@st.composite
def grids(draw, make):
    """Songs of 1 to 80 beats at 40 to 12,000 a minute, with or without bars, sections, energy."""
    lead_in = draw(st.integers(0, 5_000_000))
    steps = draw(
        st.lists(st.integers(5_000, 1_500_000), min_size=draw(st.integers(0, 40)), max_size=80)
    )
    times = list(accumulate(steps, initial=lead_in))
    duration = max(times[-1] + draw(st.integers(1, 3_000_000)), 1_000_000)
    grid = make.grid(times, duration)
    grid.beats_per_bar = draw(st.integers(0, 7))
    grid.bpm_confidence = draw(st.sampled_from([0.1, 0.9]))
    bars, phase = draw(st.sampled_from(["heard", "none", "flags"])), draw(st.integers(0, 3))
    for i, beat in enumerate(grid.beats):
        number = (i + phase) % 4 + 1
        beat.beat_number = number if bars == "heard" else 0
        beat.is_downbeat = number == 1 and bars != "none"
        beat.energy = draw(SHARES)
    edges = draw(st.lists(st.sampled_from(times), max_size=6, unique=True))
    if edges:
        edges = [0, *sorted(edge for edge in edges if edge > 0), duration]
        for begin, end in pairwise(edges):
            section = grid.sections.add(start_us=begin, end_us=end)
            section.label, section.energy = draw(st.sampled_from(LABELS)), draw(SHARES)
            section.name = draw(st.sampled_from(["", "chorus"]))
    return grid


@st.composite
def pools(draw, make):
    """One to five media with what is known of them."""
    sides = st.integers(1, 9_000)
    media = []
    for i in range(draw(st.integers(1, 5))):
        size = draw(st.tuples(sides, sides))
        if draw(st.booleans()):
            item = make.image(f"media-{i}", size)
        else:
            item = make.clip(f"media-{i}", draw(st.integers(1, 20_000_000)))
            steps = min(200, item.info.duration_us // 100_000)
            item.traits.step_us = 100_000
            item.traits.motion = draw(st.binary(min_size=steps, max_size=steps))
            item.traits.scene_cut_us.extend(
                sorted(draw(st.sets(st.integers(1, item.info.duration_us), max_size=4)))
            )
        if draw(st.booleans()):
            item.traits.schema_version = "1.0"
            item.traits.focus_x = draw(st.integers(0, 65_536))
            item.traits.focus_y = draw(st.integers(0, 65_536))
        media.append(item)
    return media


@st.composite
def patterns(draw):
    kind = draw(st.sampled_from(["none", "every", "lengths", "bars", "build_up", "energy"]))
    if kind == "every":
        return CutPattern(every_n_beats=draw(st.integers(1, 64)))
    if kind == "lengths":
        return CutPattern(lengths={"beats": draw(st.lists(st.integers(1, 9), min_size=1))})
    if kind == "bars":
        numbers = sorted(draw(st.sets(st.integers(1, 5), min_size=1)))
        every = draw(st.integers(0, 4))
        return CutPattern(bar_beats={"beat_numbers": numbers, "every_n_bars": every})
    if kind == "build_up":
        first = draw(st.integers(1, 64))
        last = draw(st.integers(1, first))
        return CutPattern(build_up={"from_beats": first, "to_beats": last})
    if kind == "energy":
        shortest = draw(st.integers(1, 2_000_000))
        longest = draw(st.integers(shortest, 9_000_000))
        return CutPattern(energy={"shortest_us": shortest, "longest_us": longest})
    return CutPattern()


@st.composite
def transitions(draw):
    kind = draw(one_of(edl_pb2.TransitionType))
    if kind in CUTS:
        return Transition(type=kind)
    way = Transition(type=kind, frames=draw(st.integers(0, 90)))
    way.align = draw(one_of(edl_pb2.TransitionAlign))
    if kind in DIRECTED:
        way.direction = draw(one_of(edl_pb2.Direction))
    return way


@st.composite
def section_rules(draw):
    rule = SectionRule()
    kind = draw(st.sampled_from(["", "label", "index", "name", "energy"]))
    if kind == "label":
        rule.label = draw(st.sampled_from(LABELS))
    elif kind == "index":
        rule.index = draw(st.integers(-1, 6))
    elif kind == "name":
        rule.name = "chorus"
    elif kind == "energy":
        rule.energy.from_permille = draw(st.integers(0, 1000))
        rule.energy.to_permille = draw(st.integers(max(1, rule.energy.from_permille), 1000))
    if draw(st.booleans()):
        rule.cut.CopyFrom(draw(patterns()))
    if draw(st.booleans()):
        rule.transition.CopyFrom(draw(transitions()))
    return rule


@st.composite
def accents(draw):
    return AccentRule(
        type=draw(st.sampled_from(edl_pb2.AccentType.values()[1:])),
        beats=draw(one_of(timeline_rules_pb2.AccentBeats)),
        amount_permille=draw(st.integers(0, 1000)),
        duration_ms=draw(st.integers(0, 10_000)),
    )


@st.composite
def choices(draw, media):
    rules = ChoiceRules(
        order=draw(one_of(timeline_rules_pb2.ChoiceOrder)),
        no_repeat_window=draw(st.integers(0, 7)),
        avoid_scene_cuts=draw(st.booleans()),
        match_motion_to_energy=draw(st.booleans()),
        images_on_calm=draw(st.booleans()),
        reuse=draw(one_of(timeline_rules_pb2.MediaReuse)),
    )
    for item in draw(st.lists(st.sampled_from(media), unique_by=lambda item: item.asset_id)):
        rule = AssetRule(asset_id=item.asset_id, weight=draw(st.integers(0, 30)))
        if item.info.media_type == common_pb2.MEDIA_TYPE_VIDEO and draw(st.booleans()):
            rule.in_us = draw(st.integers(0, item.info.duration_us - 1))
            rule.out_us = draw(st.integers(rule.in_us + 1, item.info.duration_us))
        rules.assets.append(rule)
    return rules


@st.composite
def wishes(draw, grid, media):
    """Settings that no check refuses."""
    wish = TimelineSettings(
        beats_per_cut=draw(st.integers(0, 64)),
        seed=draw(st.integers(-(2**63), 2**63 - 1)),
        transition=draw(transitions()),
        fit=draw(one_of(edl_pb2.Fit)),
        fill=draw(one_of(edl_pb2.FillPolicy)),
        image_motion=draw(one_of(timeline_pb2.ImageMotion)),
        on_low_confidence=draw(st.sampled_from([0, 1, 3])),
        section_rules=draw(st.lists(section_rules(), max_size=4)),
        end_align=draw(one_of(timeline_rules_pb2.EndAlign)),
        choice=draw(choices(media)),
        accents=draw(st.lists(accents(), max_size=3)),
    )
    wish.output.width = draw(st.integers(8, 3840)) * 2
    wish.output.height = draw(st.integers(8, 3840)) * 2
    wish.output.frame_rate.num, wish.output.frame_rate.den = draw(st.sampled_from(RATES))
    if draw(st.booleans()):
        wish.cut.CopyFrom(draw(patterns()))
    if draw(st.booleans()):
        wish.shortest_shot_us = draw(st.integers(0, 4_000_000))
    if draw(st.booleans()):
        wish.longest_shot_us = draw(st.integers(max(1, wish.shortest_shot_us), 9_000_000))
    if draw(st.booleans()):
        wish.speed_ramp.CopyFrom(
            SpeedRamp(
                peak_permille=draw(st.integers(100, 10_000)), duration_ms=draw(st.integers(0, 3000))
            )
        )
    if draw(st.booleans()):
        # Around a beat that an even grid has too, and at least a frame long.
        even = wish.on_low_confidence == timeline_pb2.LOW_CONFIDENCE_POLICY_EVEN_GRID
        beat = draw(st.sampled_from(grid.beats[:1] if even else grid.beats)).time_us
        latest = min(beat, grid.duration_us - 1_000_000)
        wish.audio_start_us = draw(st.integers(max(0, latest - 2_000_000), latest))
        least = max(beat + 1, wish.audio_start_us + 1_000_000)
        wish.audio_end_us = draw(st.integers(least, grid.duration_us))
    return wish


@st.composite
def orders(draw, make):
    grid, media = draw(grids(make)), draw(pools(make))
    return grid, media, draw(wishes(grid, media))

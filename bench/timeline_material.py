"""A long song with sections, pictures and clips, and settings that make every rule work."""

from __future__ import annotations

import hashlib

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2, edl_pb2, timeline_pb2
from beatstitch.v1 import timeline_rules_pb2 as rules
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.edl_pb2 import Transition
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch.v1.timeline_rules_pb2 import (
    AccentRule,
    BuildUp,
    ChoiceRules,
    CutPattern,
    SectionRule,
    SpeedRamp,
)

BEAT_US = 333_333
ALL_RULES = TimelineSettings(
    beats_per_cut=1,
    shortest_shot_us=100_000,
    longest_shot_us=400_000,
    fit=edl_pb2.FIT_FOCUS,
    image_motion=timeline_pb2.IMAGE_MOTION_ZOOM_TO_FOCUS,
    transition=Transition(type=edl_pb2.TRANSITION_TYPE_WIPE, frames=4),
    accents=[
        AccentRule(type=edl_pb2.ACCENT_TYPE_PUNCH_IN, beats=rules.ACCENT_BEATS_ALL),
        AccentRule(type=edl_pb2.ACCENT_TYPE_FLASH),
    ],
    speed_ramp=SpeedRamp(peak_permille=3000),
    section_rules=[SectionRule(label="B", cut=CutPattern(build_up=BuildUp(from_beats=1)))],
    choice=ChoiceRules(
        order=rules.CHOICE_ORDER_SCORE, match_motion_to_energy=True, avoid_scene_cuts=True
    ),
)


def asset(name: str, kind: common_pb2.MediaType.ValueType) -> ReadyMedia:
    """A song, a picture of 12 megapixels or a clip of twenty seconds."""
    item = ReadyMedia(asset_id=name)
    item.object.sha256 = hashlib.sha256(name.encode()).hexdigest()
    item.info.media_type, item.info.width, item.info.height = kind, 4000, 3000
    if kind == common_pb2.MEDIA_TYPE_VIDEO:
        item.info.duration_us, item.traits.step_us = 20_000_000, 100_000
        item.traits.motion = bytes(step * 7 % 256 for step in range(200))
        item.traits.scene_cut_us.extend([3_000_000, 9_000_000])
    return item


SONG = asset("song", common_pb2.MEDIA_TYPE_AUDIO)
MEDIA = [asset(f"picture-{k}", common_pb2.MEDIA_TYPE_IMAGE) for k in range(50)]
MEDIA += [asset(f"clip-{k}", common_pb2.MEDIA_TYPE_VIDEO) for k in range(50)]


def grid_of(beats: int) -> BeatGrid:
    """A song of 180 beats per minute with a section every sixteen bars."""
    grid = BeatGrid(schema_version="1.0", bpm=180, bpm_confidence=1, beats_per_bar=4)
    grid.duration_us = beats * BEAT_US
    for i in range(beats):
        beat = grid.beats.add(time_us=i * BEAT_US, beat_number=i % 4 + 1, energy=i % 97 / 97)
        beat.is_downbeat = beat.beat_number == 1
    for first in range(0, beats, 64):
        end = min(first + 64, beats)
        section = grid.sections.add(start_us=first * BEAT_US, end_us=end * BEAT_US, energy=0.5)
        section.label = "AB"[first // 64 % 2]
    return grid

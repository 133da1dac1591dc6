"""The glance: a long clip is looked at in `SPARSE_STEPS` places, from the key frame before each.

Finds no cuts and no stretches: those need every frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_pb2 import MediaTraits
from beatstitch_analyzer.clips.budget import SPARSE_STEPS, Clock
from beatstitch_analyzer.clips.dense import Detail, Seen
from beatstitch_analyzer.clips.frames import ClipReader, Shrinker, reading
from beatstitch_analyzer.clips.series import LOOK_SIZE, Series, distance
from beatstitch_analyzer.clips.traits import MOTION_US, SCHEMA_VERSION, to_bytes
from beatstitch_core.errors import BeatStitchError

_MOST_FRAMES = 16


def look_in_places(
    path: Path,
    demuxer: str,
    *,
    size: tuple[int, int],
    duration_us: int,
    strip_times_us: list[int],
    clock: Clock,
) -> Seen:
    """As `look_at_all`, at bounded cost; when the clock is over, the last values are repeated."""
    step_us = -(-duration_us // SPARSE_STEPS)
    brightness: list[float] = []
    motion: list[float] = []
    shown: Any = None
    detail, small, waiting = Detail(*size), Shrinker(*LOOK_SIZE), list(strip_times_us)
    with reading(path, demuxer) as reader:
        for index in range(SPARSE_STEPS):
            if clock.over and brightness:
                break
            frames = _frames_at(reader, index * step_us + step_us // 2)
            if frames:
                shown = frames[0][1]
                bright, moved = _measure(reader, frames, small)
                brightness.append(bright)
                motion.append(moved)
                while waiting and waiting[0] < (index + 1) * step_us:
                    waiting.pop(0)
                    detail.add(shown)
            elif brightness:
                brightness.append(brightness[-1])
                motion.append(motion[-1])
    if shown is None:
        raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "no frame decodes")
    for _ in waiting:
        detail.add(shown)
    missing = SPARSE_STEPS - len(brightness)
    traits = MediaTraits(schema_version=SCHEMA_VERSION, step_us=step_us)
    traits.brightness = to_bytes(np.array(brightness + brightness[-1:] * missing))
    traits.motion = to_bytes(np.array(motion + motion[-1:] * missing))
    detail.looks.tell(traits)
    return Seen(traits, detail.pictures)


def _frames_at(reader: ClipReader, time_us: int) -> list[tuple[int, Any]]:
    """The key frame before a time, and the one that is shown a tenth of a second later."""
    if not reader.seek(round(time_us / 1_000_000 / reader.time_base)):
        return []
    first: tuple[int, Any] | None = None
    last: tuple[int, Any] | None = None
    whole = (item for item in reader.frames() if not item[1].is_corrupt)
    for count, (stamp, frame) in enumerate(whole):
        first = first or (stamp, frame)
        last = (stamp, frame)
        if reader.to_us(stamp - first[0]) >= MOTION_US or count >= _MOST_FRAMES:
            break
    return [item for item in (first, last) if item is not None]


def _measure(
    reader: ClipReader, frames: list[tuple[int, Any]], small: Shrinker
) -> tuple[float, float]:
    series = Series()
    for stamp, frame in frames:
        series.add(reader.to_us(stamp), small(frame))
    apart = max(series.times_us[-1] - series.times_us[0], 1)
    moved = distance(series.signatures[0], series.signatures[-1])
    return series.brightness[0], moved * min(MOTION_US / apart, 1.0)

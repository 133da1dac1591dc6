"""A clip's traits from what was measured of its frames."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beatstitch.v1.asset_pb2 import MediaTraits
from beatstitch_analyzer.clips import focus
from beatstitch_analyzer.clips.scenes import find_cuts
from beatstitch_analyzer.clips.series import Series, distance
from beatstitch_analyzer.clips.sharpness import sharpness
from beatstitch_analyzer.clips.stretches import find_black, find_frozen

SCHEMA_VERSION = "1.0"
# Motion is what changes in a tenth of a second, whatever the frame rate.
MOTION_US = 100_000
# The traits of five hundred clips travel in one message of a megabyte: all of them are bounded.
MAX_STEPS = 200

Grey = NDArray[np.float32]


@dataclass
class Looks:
    """What a few frames looked like in more detail."""

    sharpness: list[float] = field(default_factory=list)
    saliency: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, grey: Grey, squeezed: Grey) -> None:
        """A frame's luma with a longer side of `sharpness.SIDE`, and in `focus.SIZE`."""
        self.sharpness.append(sharpness(grey))
        self.saliency.append(focus.saliency(squeezed))

    def tell(self, traits: MediaTraits) -> None:
        """Sets sharpness and focus."""
        traits.sharpness = round(float(np.median(self.sharpness or [0.0])), 4)
        traits.focus_x, traits.focus_y = focus.centre(self.saliency)


def step_of(duration_us: int) -> int:
    """Distance of the values of a clip: a tenth of a second, more in clips over 20 seconds."""
    return max(MOTION_US, -(-duration_us // MAX_STEPS))


def clip_traits(series: Series, looks: Looks, duration_us: int) -> MediaTraits:
    """Traits of a clip of which every frame was measured."""
    traits = MediaTraits(schema_version=SCHEMA_VERSION, step_us=step_of(duration_us))
    cuts = find_cuts(series)
    times = np.array(series.times_us)
    count = max(1, -(-duration_us // traits.step_us))
    places = np.minimum(times // traits.step_us, count - 1)
    traits.brightness = to_bytes(_means(places, np.array(series.brightness), count))
    where, moved = _motion(series, cuts)
    traits.motion = to_bytes(_means(np.minimum(where // traits.step_us, count - 1), moved, count))
    traits.scene_cut_us.extend(series.times_us[index] for index in cuts)
    traits.black.extend(find_black(series, duration_us))
    traits.frozen.extend(find_frozen(series, duration_us))
    looks.tell(traits)
    return traits


def picture_traits(grey: Grey, squeezed: Grey) -> MediaTraits:
    """Traits of a picture; the arguments are those of `Looks.add`."""
    traits = MediaTraits(schema_version=SCHEMA_VERSION)
    traits.brightness = to_bytes(np.array([float(grey.mean())]))
    looks = Looks()
    looks.add(grey, squeezed)
    looks.tell(traits)
    return traits


def _motion(series: Series, cuts: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times, and how much the luma changed in the tenth of a second up to each; not over cuts."""
    times = np.array(series.times_us)
    # The frames that are shown at each tenth of a second.
    shown = np.unique(
        np.searchsorted(times, np.arange(0, times[-1] + MOTION_US, MOTION_US), side="right") - 1
    )
    new_scene = set(cuts)
    where, moved = [], []
    for before, after in itertools.pairwise(shown):
        if new_scene.isdisjoint(range(before + 1, after + 1)):
            apart = max(int(times[after] - times[before]), 1)
            change = distance(series.signatures[before], series.signatures[after])
            where.append(times[before])
            moved.append(change * min(MOTION_US / apart, 1.0))
    return np.array(where, np.int64), np.array(moved, np.float64)


def _means(
    places: NDArray[np.int64], values: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """The mean of each step's values; a step without any takes the one before."""
    sums = np.bincount(places, weights=values, minlength=count)
    counts = np.bincount(places, minlength=count)
    means = sums / np.maximum(counts, 1)
    known = np.maximum.accumulate(np.where(counts > 0, np.arange(count), 0))
    filled: NDArray[np.float64] = means[known]
    return filled


def to_bytes(values: NDArray[np.float64]) -> bytes:
    """Rounded to 0 … 255, one byte each."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8).tobytes()

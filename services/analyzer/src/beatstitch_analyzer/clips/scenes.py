"""Where a new scene begins inside a clip.

A cut changes both what is where (mean change of the pixels) and which colours there are
(histogram), by far more than the frames around it change: a threshold that follows the clip's own
motion, as PySceneDetect's adaptive detector uses, with two refusals of our own: flashes (the
picture comes back) and things that appear in a picture that stays. Fades and dissolves are no
cuts.
"""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.clips.series import Floats, Series, distance, part_distances

# Changes are of 255, recolouring of 1.
_LEAST_CHANGE = 8.0
_LEAST_RECOLOUR = 0.12
_SURE_CHANGE = 30.0
_TIMES_MOTION = 1.4
_OVER_MOTION = 5.0
_PART_CHANGE = 5.0
_LEAST_SHARE = 0.4
_AROUND = 8
_FLASH_FRAMES = 4
MAX_CUTS = 100


def find_cuts(series: Series) -> list[int]:
    """Indices of the frames that begin a new scene; never 0, at most the MAX_CUTS strongest."""
    change = np.array(series.change)
    strong = [
        index
        for index in range(1, len(change))
        if change[index] >= _LEAST_CHANGE
        and (series.recolour[index] >= _LEAST_RECOLOUR or change[index] >= _SURE_CHANGE)
        and change[index] >= _threshold(change, index)
        and _is_everywhere(series, index)
        and not _comes_back(series, index)
    ]
    if len(strong) > MAX_CUTS:
        strong = sorted(sorted(strong, key=lambda index: -change[index])[:MAX_CUTS])
    return strong


def _threshold(change: Floats, index: int) -> float:
    """What a change has to reach to be more than the motion on either side of it.

    The second largest change of a side is its motion: the largest may be another cut.
    """
    before = change[max(1, index - _AROUND) : index]
    after = change[index + 1 : index + 1 + _AROUND]
    motion = max((float(np.sort(side)[-2:][0]) for side in (before, after) if len(side)), default=0)
    return motion * _TIMES_MOTION + _OVER_MOTION


def _is_everywhere(series: Series, index: int) -> bool:
    """Whether most of the picture is another: a thing that appears is no new scene."""
    parts = part_distances(series.signatures[index - 1], series.signatures[index])
    return bool((parts >= _PART_CHANGE).mean() >= _LEAST_SHARE)


def _comes_back(series: Series, index: int) -> bool:
    """Whether this is the edge of a flash: soon the picture is what it was before it."""
    old, new = series.signatures[index - 1], series.signatures[index]
    jump = distance(old, new)
    later = series.signatures[index + 1 : index + 1 + _FLASH_FRAMES]
    if any(distance(old, frame) < 0.3 * jump for frame in later):
        return True  # the flash begins here
    earlier = series.signatures[max(0, index - 1 - _FLASH_FRAMES) : index - 1]
    return any(distance(new, frame) < 0.3 * jump for frame in earlier)  # or ends here

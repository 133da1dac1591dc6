"""Where a new scene begins inside a clip.

A cut changes both what is where (mean change of the pixels) and which colours there are
(histogram), by far more than the frames around it change: a threshold that follows the clip's own
motion, as PySceneDetect's adaptive detector uses, with two refusals of our own: flashes (the
picture comes back) and motion of every other frame (low frame rates in a faster file). Fades and
dissolves are no cuts.
"""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.clips.series import Series, distance

# Changes are of 255, recolouring of 1.
_LEAST_CHANGE = 8.0
_LEAST_RECOLOUR = 0.12
_SURE_CHANGE = 30.0
_TIMES_USUAL = 3.0
_OVER_USUAL = 5.0
_AROUND = 8
_USUAL_PERCENTILE = 75
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
        and change[index] >= _TIMES_USUAL * _usual(change, index) + _OVER_USUAL
        and not _comes_back(series, index)
    ]
    if len(strong) > MAX_CUTS:
        strong = sorted(sorted(strong, key=lambda index: -change[index])[:MAX_CUTS])
    return strong


def _usual(change: np.ndarray, index: int) -> float:
    """How much the frames around usually change; one other cut among them doesn't matter."""
    before = change[max(1, index - _AROUND) : index]
    after = change[index + 1 : index + 1 + _AROUND]
    around = np.concatenate([before, after])
    return float(np.percentile(around, _USUAL_PERCENTILE)) if len(around) else 0.0


def _comes_back(series: Series, index: int) -> bool:
    """Whether this is the edge of a flash: soon the picture is what it was before it."""
    old, new = series.signatures[index - 1], series.signatures[index]
    jump = distance(old, new)
    later = series.signatures[index + 1 : index + 1 + _FLASH_FRAMES]
    if any(distance(old, frame) < 0.3 * jump for frame in later):
        return True  # the flash begins here
    earlier = series.signatures[max(0, index - 1 - _FLASH_FRAMES) : index - 1]
    return any(distance(new, frame) < 0.3 * jump for frame in earlier)  # or ends here

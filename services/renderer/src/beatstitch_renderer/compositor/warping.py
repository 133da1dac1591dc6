"""Planes seen through an affine map that only scales and shifts, to a part of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# A view that shrinks more than this in one step is drawn at twice the size, then halved.
_MAX_SHRINK = 1.6
_WHOLE = 256
Pixels = NDArray[np.uint8]


def covers(matrix: np.ndarray, source: tuple[int, int], frame: tuple[int, int]) -> bool:
    """Whether the view lies inside the picture, up to rounding."""
    scale = matrix[0, 0]
    for axis in (0, 1):
        left = matrix[axis, 2] + 0.5 - scale / 2
        if left < -0.01 or left + scale * frame[axis] > source[axis] + 0.01:
            return False
    return True


def warped(plane: Pixels, matrix: np.ndarray, size: tuple[int, ...]) -> Pixels:
    """The plane as seen through the matrix; outside of the picture its edge goes on.

    Args:
        plane: The picture's.
        matrix: From pixels of the frame to the plane's, 2 × 3.
        size: Width and height of the frame.
    """
    shrinks = matrix[0, 0] > _MAX_SHRINK
    target = (size[0] * 2, size[1] * 2) if shrinks else size
    if shrinks:
        matrix = matrix.copy()
        matrix[:, :2] /= 2
        matrix[:, 2] -= matrix[0, 0] / 2
    drawn = cv2.warpAffine(
        plane,
        matrix,
        target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if shrinks:
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    return np.asarray(drawn, np.uint8)


def warped_over(plane: Pixels, matrix: np.ndarray, ground: Pixels) -> Pixels:
    """The plane as seen through the matrix over what is behind it, in the frame's size.

    At its edges it covers pixels in part, so that they move as softly as all the rest.
    """
    rows = _coverage(matrix, 1, plane.shape[0], ground.shape[0])
    columns = _coverage(matrix, 0, plane.shape[1], ground.shape[1])
    spot = _span(rows > 0), _span(columns > 0)
    rows, columns, behind = rows[spot[0]], columns[spot[1]], ground[spot]
    flat = ground.copy()
    if behind.size == 0:
        return flat
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (spot[1].start, spot[0].start)
    drawn = warped(plane, shifted, behind.shape[::-1])
    for i in np.flatnonzero(rows < _WHOLE):
        drawn[i] = _mixed(drawn[i], behind[i], rows[i] * columns >> 8)
    whole = _span(rows == _WHOLE)
    for i in np.flatnonzero(columns < _WHOLE):
        drawn[whole, i] = _mixed(drawn[whole, i], behind[whole, i], columns[i])
    flat[spot] = drawn
    return flat


def _coverage(matrix: np.ndarray, axis: int, length: int, shown: int) -> NDArray[np.int64]:
    """How much of each line or column of the frame lies in the picture, in 1/256."""
    scale = matrix[axis, axis]
    at = matrix[axis, 2] + 0.5 + scale * np.arange(shown)
    inside = np.minimum(at, length - at) / scale + 0.5
    share: NDArray[np.int64] = np.rint(np.clip(inside, 0, 1) * _WHOLE).astype(np.int64)
    return share


def _span(chosen: NDArray[np.bool_]) -> slice:
    """What is true, which is one stretch or nothing."""
    found = np.flatnonzero(chosen)
    return slice(found[0], found[-1] + 1) if len(found) else slice(0, 0)


def _mixed(upper: Pixels, lower: Pixels, share: NDArray[np.int64] | np.int64) -> Pixels:
    mixed: Pixels = ((upper * share + lower * (_WHOLE - share) + 128) >> 8).astype(np.uint8)
    return mixed

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


def over(drawn: Pixels, ground: Pixels, matrix: np.ndarray, source: tuple[int, ...]) -> Pixels:
    """A warped plane over what is behind it, its edges soft to the part of a pixel they cover.

    Args:
        drawn: The plane as warped by the matrix, any values outside of the picture.
        ground: What is behind it, of the same size.
        matrix: From pixels of the frame to pixels of the picture.
        source: Height and width of the plane before.
    """
    rows = _coverage(matrix, 1, source[0], ground.shape[0])
    columns = _coverage(matrix, 0, source[1], ground.shape[1])
    flat = ground.copy()
    inside = _span(rows == _WHOLE), _span(columns == _WHOLE)
    flat[inside] = drawn[inside]
    for i in np.flatnonzero((rows > 0) & (rows < _WHOLE)):
        flat[i] = _mixed(drawn[i], ground[i], rows[i] * columns >> 8)
    for i in np.flatnonzero((columns > 0) & (columns < _WHOLE)):
        flat[:, i] = _mixed(drawn[:, i], ground[:, i], columns[i] * rows >> 8)
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


def _mixed(upper: Pixels, lower: Pixels, share: NDArray[np.int64]) -> Pixels:
    mixed: Pixels = ((upper * share + lower * (_WHOLE - share) + 128) >> 8).astype(np.uint8)
    return mixed

"""Pictures that stand for a video, taken while the finished file is read back: no second render.

Poster: of the first frames of segments the one with the most detail and light. Contact sheet: up to
40 segments, evenly over all of them, each by the frame in its middle.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

MOST_TILES = 40
_COLUMNS = 5
_TILE_SIDE = 320
_GAP = 4
_PAPER = 16
_POSTER_SIDE = 1920
# Detail is looked for at this width, so that noise and large sizes don't count.
_LOOKED_AT = 320
_BLACK = 16


class Album:
    """Takes the pictures that it wants as they come by.

    Args:
        cuts: Frames at which segments begin, without frame 0.
        frame_count: Frames of the video.
    """

    def __init__(self, cuts: Sequence[int], frame_count: int) -> None:
        self._starts = frozenset({0, *cuts})
        self._tiles: dict[int, Bytes | None] = dict.fromkeys(tile_frames(cuts, frame_count))
        self._best = -1.0
        self._poster: Bytes | None = None

    def look(self, frame: int, luma: Bytes, rgb: Callable[[], Bytes]) -> None:
        """Shows it a frame.

        Args:
            frame: Its number.
            luma: Its luma, studio range.
            rgb: Gives its packed RGB; asked only where the frame is wanted.
        """
        if frame in self._tiles:
            self._tiles[frame] = shrunk(rgb(), _TILE_SIDE)
        if frame in self._starts:
            worth = appeal(luma)
            if worth > self._best:
                self._best, self._poster = worth, shrunk(rgb(), _POSTER_SIDE)

    @property
    def poster(self) -> Bytes | None:
        """Packed RGB; None where no frame came by."""
        return self._poster

    @property
    def contact_sheet(self) -> Bytes | None:
        """Packed RGB; None where no frame came by."""
        tiles = [tile for tile in self._tiles.values() if tile is not None]
        return sheet(tiles) if tiles else None


def tile_frames(cuts: Sequence[int], frame_count: int) -> list[int]:
    """The middle frames of up to 40 segments, evenly over all of them, in order."""
    spans = list(pairwise([0, *cuts, frame_count]))
    count = min(len(spans), MOST_TILES)
    chosen = (spans[i * len(spans) // count] for i in range(count))
    return [(begin + end - 1) // 2 for begin, end in chosen]


def appeal(luma: Bytes) -> float:
    """How much there is to see: detail times light. 0 for black, for white, for one colour."""
    small = shrunk(luma, _LOOKED_AT)
    detail = float(cv2.Laplacian(small, cv2.CV_32F).var())
    return detail * max(0.0, float(small.mean()) - _BLACK)


def shrunk(picture: Bytes, side: int) -> Bytes:
    """At most `side` pixels in its longer side, the same shape."""
    tall, wide = picture.shape[:2]
    if max(tall, wide) <= side:
        return picture.copy()
    scale = side / max(tall, wide)
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def sheet(tiles: Sequence[Bytes]) -> Bytes:
    """Equal tiles in rows, from left to right."""
    tall, wide = tiles[0].shape[:2]
    columns = min(len(tiles), _COLUMNS)
    rows = -(-len(tiles) // columns)
    paper = np.full(
        (rows * (tall + _GAP) + _GAP, columns * (wide + _GAP) + _GAP, 3), _PAPER, np.uint8
    )
    for index, tile in enumerate(tiles):
        y = _GAP + index // columns * (tall + _GAP)
        x = _GAP + index % columns * (wide + _GAP)
        paper[y : y + tall, x : x + wide] = tile
    return paper

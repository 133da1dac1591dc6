"""What is measured of every frame of a clip, small enough to keep for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Every frame is looked at in this size, whatever its shape: width, height.
LOOK_SIZE = (128, 72)
_BINS = 16
_PARTS = (9, 16)
_BLACK_LUMA = 24.0
# Rec. 601, for packed RGB.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Rgb = NDArray[np.uint8]
Floats = NDArray[np.float64]


def luma(rgb: Rgb) -> NDArray[np.float32]:
    """Brightness of each pixel, 0 to 255; (height, width, 3) becomes (height, width)."""
    return rgb.astype(np.float32) @ _LUMA


@dataclass
class Series:
    """One value per frame, in order of time.

    Attributes:
        times_us: When the frame is shown first, from the clip's first frame.
        brightness: Mean luma, 0 to 255.
        black: Share of its pixels that are black.
        change: Mean change of R, G and B from the frame before, 0 to 255; 0 for the first.
        recolour: How much of the picture has other colours than the frame before, 0 to 1.
        signatures: Luma in half of `LOOK_SIZE`, uint8.
    """

    times_us: list[int] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    black: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    recolour: list[float] = field(default_factory=list)
    signatures: list[NDArray[np.uint8]] = field(default_factory=list)
    _rgb: Rgb | None = None
    _histogram: Floats | None = None

    def add(self, time_us: int, rgb: Rgb) -> None:
        """The next frame, packed RGB of `LOOK_SIZE`."""
        grey = luma(rgb)
        histogram = _histogram(rgb)
        moved, recoloured = 0.0, 0.0
        if self._rgb is not None and self._histogram is not None:
            # Absolute difference of unsigned bytes without widening them.
            moved = float(np.mean(np.maximum(rgb, self._rgb) - np.minimum(rgb, self._rgb)))
            recoloured = float(np.abs(histogram - self._histogram).sum() / 2)
        self._rgb, self._histogram = rgb, histogram
        self.times_us.append(time_us)
        self.brightness.append(float(grey.mean()))
        self.black.append(float((grey < _BLACK_LUMA).mean()))
        self.change.append(moved)
        self.recolour.append(recoloured)
        height, width = grey.shape
        blocks = grey.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
        self.signatures.append(np.round(blocks).astype(np.uint8))

    def __len__(self) -> int:
        return len(self.times_us)


def _histogram(rgb: Rgb) -> Floats:
    """Shares of 16 levels of R, G and B; adds up to 1."""
    levels = (rgb >> 4) + np.array([0, _BINS, 2 * _BINS], np.uint8)
    counts = np.bincount(levels.reshape(-1), minlength=3 * _BINS)
    shares: Floats = counts / rgb.size
    return shares


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean difference of two signatures, 0 to 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def part_distances(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
    """As `distance`, of each of 9 × 16 parts."""
    rows, columns = _PARTS
    height, width = one.shape
    difference = np.abs(one.astype(np.int16) - other)
    parts: Floats = difference.reshape(rows, height // rows, columns, width // columns).mean(
        axis=(1, 3)
    )
    return parts

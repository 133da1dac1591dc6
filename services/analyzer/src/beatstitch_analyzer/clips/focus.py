"""Where the eye goes in a picture: the centre of its saliency.

Spectral residual (Hou and Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007):
what is left of the log spectrum without its smooth part, turned back into a picture, stands out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Pictures are looked at in this size, squeezed: width, height.
SIZE = (64, 64)
CENTRE = (32768, 32768)
_BLUR = 2.5

Floats = NDArray[np.float64]


def saliency(grey: NDArray[np.float32]) -> Floats:
    """How much each part stands out, adding up to 1; all 0 where nothing does.

    Args:
        grey: Luma 0 to 255 in `SIZE`.
    """
    if grey.std() < 1.0:
        return np.zeros(grey.shape)
    spectrum = np.fft.fft2(grey.astype(np.float64))
    logs = np.log(np.abs(spectrum) + 1e-6)
    padded = np.pad(logs, 1, mode="wrap")
    height, width = logs.shape
    shifts = [(row, column) for row in range(3) for column in range(3)]
    smooth = sum(padded[r : r + height, c : c + width] for r, c in shifts) / len(shifts)
    residual = np.exp(logs - smooth + 1j * np.angle(spectrum))
    energy = np.abs(np.fft.ifft2(residual)) ** 2
    blurred = _blurred(energy)
    outstanding = np.maximum(blurred - blurred.mean() - blurred.std(), 0.0)
    total = outstanding.sum()
    return outstanding / total if total > 0 else np.zeros(grey.shape)


def centre(maps: list[Floats]) -> tuple[int, int]:
    """Centre of what stands out over several pictures, in 1/65536 of width and height."""
    total = np.sum(maps, axis=0) if maps else np.zeros(SIZE)
    weight = float(total.sum())
    if weight <= 0:
        return CENTRE
    height, width = total.shape
    x = float((total.sum(axis=0) * (np.arange(width) + 0.5)).sum()) / weight / width
    y = float((total.sum(axis=1) * (np.arange(height) + 0.5)).sum()) / weight / height
    return round(x * 65536), round(y * 65536)


def _blurred(values: Floats) -> Floats:
    """Gaussian blur, by the spectrum; the edges, which the transform joins, are damped first."""
    height, width = values.shape
    window = np.outer(_edges(height), _edges(width))
    rows = np.fft.fftfreq(height)[:, None]
    columns = np.fft.fftfreq(width)[None, :]
    kernel = np.exp(-2 * (np.pi * _BLUR) ** 2 * (rows**2 + columns**2))
    return np.real(np.fft.ifft2(np.fft.fft2(values * window) * kernel))


def _edges(count: int) -> Floats:
    """1 inside, falling to 0 over the outermost sixteenth."""
    distance = np.minimum(np.arange(count), np.arange(count)[::-1]) + 0.5
    return np.minimum(distance / (count / 16), 1.0)

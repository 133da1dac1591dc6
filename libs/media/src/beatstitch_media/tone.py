"""HDR and wide colour brought to BT.709: PQ, HLG, and BT.2020 in ordinary gamma.

Light is made linear by the source's own curve (SMPTE ST 2084; ITU-R BT.2100, HLG seen on a display
of 1000 cd/m²), highlights are bent down by the curve of ITU-R BT.2390 (section 5.4.1) from 1000 to
203 cd/m², which BT.2408 has as white, the brightest channel leading so that hues stay; then BT.2020
becomes BT.709, cut off at its edges, in gamma 2.4 (BT.1886). What is darker than 90 cd/m² keeps its
light exactly. Mastering metadata is not asked: the same numbers are the same picture in each clip.

Curves are tables made once; per pixel there are look-ups and products in float32, each rounded by
itself, so every CPU gives the same bytes.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# AVColorTransferCharacteristic and AVColorPrimaries, as in ITU-T H.273.
PQ, HLG = 16, 18
BT2020 = 9
WIDE = 0
"""BT.2020 in ordinary gamma."""

WHITE_NITS, PEAK_NITS = 203.0, 1000.0
_GAMMA = 2.4
# Steps of the tables, for values of 16 bits.
_STEPS = 4096
_SHIFT = 4
_BAND_LINES = 64
# BT.2020 to BT.709, linear light (ITU-R BT.2087).
_TO_709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
_LUMA_2020 = (0.2627, 0.6780, 0.0593)


def curve_of(transfer: int, primaries: int) -> int | None:
    """By which curve something has to be brought to BT.709; None where it needs none."""
    if transfer in {PQ, HLG}:
        return transfer
    return WIDE if primaries == BT2020 else None


def to_709(deep: NDArray[np.uint16], curve: int) -> NDArray[np.uint8]:
    """Packed RGB of 16 bits in BT.2020 and a curve, as packed 8-bit RGB in BT.709."""
    made = np.empty(deep.shape, np.uint8)
    for top in range(0, len(deep), _BAND_LINES):
        made[top : top + _BAND_LINES] = _band(deep[top : top + _BAND_LINES], curve)
    return made


def _band(deep: NDArray[np.uint16], curve: int) -> NDArray[np.uint8]:
    linear = _linear(curve)
    red, green, blue = (linear[deep[..., i] >> _SHIFT] for i in range(3))
    if curve == HLG:
        # What a display adds: the brighter the scene, the more (BT.2100, table 5, gamma 1.2).
        scene = _sum(_LUMA_2020, red, green, blue)
        gain = _looked_up(_ootf(), scene)
        red, green, blue = red * gain, green * gain, blue * gain
    if curve != WIDE:
        gain = _looked_up(_bend(), np.maximum(np.maximum(red, green), blue))
        red, green, blue = red * gain, green * gain, blue * gain
    rows = (_sum(row, red, green, blue) for row in _TO_709)
    return np.stack([_coded()[_steps(row)] for row in rows], axis=-1)


def _sum(row: tuple[float, float, float], red: Floats, green: Floats, blue: Floats) -> Floats:
    total: Floats = red * np.float32(row[0])
    total = total + green * np.float32(row[1])
    return total + blue * np.float32(row[2])


def _steps(values: Floats) -> NDArray[np.intp]:
    """Values of 0 to 1 as places in a table, evenly by their root: dark ones lie close."""
    roots = np.sqrt(np.clip(values, np.float32(0), np.float32(1)))
    places: NDArray[np.intp] = (roots * np.float32(_STEPS - 1) + np.float32(0.5)).astype(np.intp)
    return places


def _looked_up(table: Floats, values: Floats) -> Floats:
    found: Floats = table[_steps(values)]
    return found


def _places() -> NDArray[np.float64]:
    """The values that the places of a table by roots stand for."""
    squares: NDArray[np.float64] = (np.arange(_STEPS) / (_STEPS - 1)) ** 2
    return squares


def _table(values: NDArray[np.float64]) -> Floats:
    # Powers differ in the last bit from machine to machine: less is kept.
    return np.round(values, 6).astype(np.float32)


@functools.cache
def _linear(curve: int) -> Floats:
    """Signal to linear light: for PQ in 10 000 cd/m² clipped at the peak, which is 1."""
    signal = (np.arange(_STEPS) + 0.5) / _STEPS
    signal[0], signal[-1] = 0.0, 1.0
    if curve == PQ:
        return _table(np.minimum(pq_nits(signal) / PEAK_NITS, 1.0))
    if curve == HLG:
        return _table(hlg_scene(signal))
    return _table(signal**_GAMMA)


@functools.cache
def _ootf() -> Floats:
    """Scene luminance to what its light is multiplied by."""
    gain = np.maximum(_places(), 1e-6) ** 0.2
    return _table(gain)


@functools.cache
def _bend() -> Floats:
    """The brightest channel, the peak being 1, to what all are multiplied by: white becomes 1."""
    light = np.maximum(_places(), 1e-7)
    return _table(bent_nits(light * PEAK_NITS) / (light * WHITE_NITS * 1.0))


@functools.cache
def _coded() -> NDArray[np.uint8]:
    coded: NDArray[np.uint8] = np.floor(_places() ** (1 / _GAMMA) * 255 + 0.5).astype(np.uint8)
    return coded


def pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: signal of 0 to 1 to cd/m²."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * 10_000
    return light


def pq_signal(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `pq_nits`."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = (nits / 10_000) ** m1
    signal: NDArray[np.float64] = ((c1 + c2 * root) / (1 + c3 * root)) ** m2
    return signal


def hlg_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100, HLG: signal to scene light, both 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def bent_nits(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2390: cd/m² of up to the peak to cd/m² of up to white."""
    peak = float(pq_signal(np.array(PEAK_NITS)))
    most = float(pq_signal(np.array(WHITE_NITS))) / peak
    knee = 1.5 * most - 0.5
    shown = np.minimum(pq_signal(nits) / peak, 1.0)
    t = (shown - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return pq_nits(np.where(shown < knee, shown, spline) * peak)

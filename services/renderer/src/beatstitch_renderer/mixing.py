"""The sound of a video as samples: the song with its fades, lowered under the clips' own sound.

Samples are float32 (n, 2) at 48 kHz, −1 to 1.

- Fades are a quarter sine, the equal-power fade that editors have as their default: linear ones
  sound as if they hurried at the quiet end.
- While a clip is heard the song is at its `ducked` level, with straight ramps of 200 ms before and
  after, never inside the clip's segment.
- A clip's sound comes and goes in 5 ms inside its segment, so that a cut is no click; where the
  next segment goes on in the same shot nothing happens between them.
- Pitch follows speed, as with tape: each sample is read from the clip at the very time whose
  picture is shown, so ramps stay in sync to the sample. Band-limited interpolation: Smith and
  Gossett, "A flexible sampling-rate conversion method", ICASSP 1984.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from beatstitch_renderer.planning.soundtrack import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from beatstitch_renderer.planning.soundtrack import Heard

    Samples = NDArray[np.float32]
    Numbers = NDArray[np.float64]
    # From a clip's first and last sample to those; silence where it has none.
    Read = Callable[[int, int], Samples]

BLOCK = RATE


def _kernel() -> Numbers:
    """Half of a sinc under a Hann window, `_FINE` values a sample, and nothing after it."""
    apart = np.arange(_WINGS * _FINE + 2) / _FINE
    window = np.cos(np.minimum(apart / _WINGS, 1.0) * (math.pi / 2)) ** 2
    return np.asarray(np.sinc(apart) * window)


RAMP = RATE // 5
SEAM = RATE // 200
_UNIT = 65_536
_WINGS = 16
_FINE = 2048
_SMALL = 4096
# Sines differ between processors in their last bit: so fine steps hide that.
_STEPS = 1 << 20
_KERNEL = _kernel()
_CLIMB = np.append(np.diff(_KERNEL), 0.0)


def song_level(
    at: NDArray[np.int64], length: int, fades: tuple[int, int], ducked: int, clips: Sequence[Heard]
) -> Numbers:
    """The song's level at some samples.

    Args:
        at: Samples of the video, one after the other.
        length: The song's, in samples.
        fades: Length in samples of fade-in and fade-out.
        ducked: Level under clips in 1/65536.
        clips: What is heard of them.
    """
    level = np.ones(len(at))
    low = ducked / _UNIT
    for clip in clips:
        if clip.start - RAMP < at[-1] + 1 and clip.end + RAMP > at[0]:
            away = np.maximum(clip.start - at, at - (clip.end - 1))
            share = np.clip(away / RAMP, 0.0, 1.0)
            level = np.minimum(level, low + (1 - low) * share)
    fade_in, fade_out = fades
    if fade_in:
        level *= _quarter_sine(at / fade_in)
    if fade_out:
        level *= _quarter_sine((length - 1 - at) / fade_out)
    return level


def _quarter_sine(share: Numbers) -> Numbers:
    curve = np.sin(np.clip(share, 0.0, 1.0) * (math.pi / 2))
    return np.asarray(np.rint(curve * _STEPS) / _STEPS)


def clip_sound(clip: Heard, first: int, last: int, frame_rate: Fraction, read: Read) -> Samples:
    """A clip's sound in samples `first` to `last` - 1 of the video, inside its segment."""
    at = np.arange(first, last) - clip.start
    length = max(1, clip.source_end - clip.source_start)
    run = _elapsed(clip, at, frame_rate)
    whole = float(_elapsed(clip, np.array([clip.end - clip.start]), frame_rate)[0])
    passes = np.floor_divide(run, length)
    inside = run - passes * length
    sound = (
        _stretched(clip, inside, passes, _rates(clip, at, frame_rate), read)
        if clip.speed
        else _straight(clip, inside.astype(np.int64), read)
    )
    level = _seams(clip, at)
    if whole > length:
        # It ends within its segment, and begins again or not.
        level = np.minimum(level, np.clip((length - inside) / SEAM, 0.0, 1.0))
        again = np.where(passes > 0, inside / SEAM, 1.0)
        level = np.minimum(level, np.clip(again, 0.0, 1.0))
    if not clip.loops:
        level = np.where(passes > 0, 0.0, level)
    mixed = sound * (level * (clip.gain / _UNIT))[:, None]
    return np.asarray(mixed, np.float32)


def _seams(clip: Heard, at: NDArray[np.int64]) -> Numbers:
    level = np.ones(len(at))
    if not clip.comes_on:
        level = np.minimum(level, at / SEAM)
    if not clip.goes_on:
        level = np.minimum(level, (clip.end - clip.start - 1 - at) / SEAM)
    return np.clip(level, 0.0, 1.0)


def _straight(clip: Heard, inside: NDArray[np.int64], read: Read) -> Samples:
    low, high = int(inside.min()), int(inside.max()) + 1
    source = read(clip.source_start + low, clip.source_start + high)
    return source[inside - low]


def _elapsed(clip: Heard, at: NDArray[np.int64], frame_rate: Fraction) -> Numbers:
    """Samples of the clip that have run through since the segment's start."""
    if not clip.speed:
        return at.astype(np.float64)
    area, _ = _speed(clip, _frames(at, frame_rate))
    return np.asarray(area * float(RATE / frame_rate))


def _rates(clip: Heard, at: NDArray[np.int64], frame_rate: Fraction) -> Numbers:
    return _speed(clip, _frames(at, frame_rate))[1]


def _frames(at: NDArray[np.int64], frame_rate: Fraction) -> Numbers:
    return np.asarray(at * float(frame_rate / RATE), np.float64)


def _speed(clip: Heard, frames: Numbers) -> tuple[Numbers, Numbers]:
    """Area under the speed from frame 0 on, and the speed there; 1 is normal."""
    places = np.array([point[0] for point in clip.speed], np.float64)
    rates = np.array([point[1] for point in clip.speed], np.float64) / _UNIT
    widths = np.diff(places)
    areas = np.concatenate(([0.0], np.cumsum(widths * (rates[:-1] + rates[1:]) / 2)))
    climbs = np.append(np.diff(rates) / widths, 0.0)
    left = np.clip(np.searchsorted(places, frames, side="right") - 1, 0, len(places) - 1)
    since = frames - places[left]
    rate = rates[left] + climbs[left] * since
    return areas[left] + since * (rates[left] + rate) / 2, rate


def _stretched(
    clip: Heard, inside: Numbers, passes: Numbers, rates: Numbers, read: Read
) -> Samples:
    out = np.empty((len(inside), 2), np.float32)
    for begin in range(0, len(inside), _SMALL):
        part = slice(begin, begin + _SMALL)
        # Where the clip begins again, its time jumps: each run by itself.
        for number in np.unique(passes[part]):
            here = np.flatnonzero(passes[part] == number) + begin
            fastest = max(1.0, float(rates[here].max()))
            out[here] = _interpolated(clip.source_start + inside[here], fastest, read)
    return out


def _interpolated(places: Numbers, fastest: float, read: Read) -> Samples:
    """Samples between samples; what would be too high for 48 kHz is left out."""
    wings = math.ceil(_WINGS * fastest)
    first = int(places[0]) - wings
    source = read(first, int(places[-1]) + wings + 2)
    near = np.floor(places).astype(np.int64)
    offsets = np.arange(-wings + 1, wings + 1)
    apart = np.abs((near[:, None] + offsets) - places[:, None]) * (_FINE / fastest)
    whole = np.minimum(apart.astype(np.int64), _WINGS * _FINE)
    weights = _KERNEL[whole] + (apart - whole) * _CLIMB[whole]
    weights /= weights.sum(axis=1, keepdims=True)
    taps = near[:, None] + offsets - first
    left = (weights * source[taps, 0]).sum(axis=1)
    right = (weights * source[taps, 1]).sum(axis=1)
    return np.stack((left, right), axis=1).astype(np.float32)

"""From dry parts to a master: ducking, echo, reverb, limiter."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from beatstitch_samples.synth import Samples, highpass, lowpass


def add(bus: Samples, at: int, samples: Samples, gain: float) -> None:
    """Adds stereo `samples` to a bus in place, cut off at its ends."""
    if at < 0:
        samples, at = samples[-at:], 0
    count = min(len(samples), len(bus) - at)
    if count > 0:
        bus[at : at + count] += samples[:count] * np.float32(gain)


def ducking(count: int, rate: int, kicks: list[int], depth: float = 0.65) -> Samples:
    """Returns a gain that dips at each kick and swells back: the pulse of dance music."""
    gain = np.ones(count, dtype=np.float32)
    length = int(0.36 * rate)
    curve = (1 - depth * (1 - np.arange(length) / length) ** 1.7).astype(np.float32)
    for kick in kicks:
        end = min(count, kick + length)
        gain[kick:end] = np.minimum(gain[kick:end], curve[: end - kick])
    # Without this the drop itself would click.
    return np.asarray(ndimage.uniform_filter1d(gain, int(0.004 * rate)), dtype=np.float32)


def echo(bus: Samples, rate: int, delay_s: float, feedback: float = 0.42) -> Samples:
    """Ping-pong echo; returns the repeats only."""
    wet = np.zeros_like(bus)
    step = int(delay_s * rate)
    source = lowpass(highpass(bus, 300, rate), 4200, rate)
    for repeat in range(1, 6):
        shift = repeat * step
        if shift >= len(bus):
            break
        gain = np.float32(feedback**repeat)
        side = repeat % 2
        wet[shift:, side] += gain * source[:-shift].mean(axis=1)
        wet[shift:, 1 - side] += gain * np.float32(0.25) * source[:-shift, 1 - side]
    return wet


def reverb(bus: Samples, rate: int, seconds: float = 1.8, seed: int = 99) -> Samples:
    """Convolves with decaying noise, different left and right; returns the wet sound only."""
    count = int(seconds * rate)
    t = np.arange(count) / rate
    rng = np.random.default_rng(seed)
    tail = rng.standard_normal((count, 2)).astype(np.float32) * np.exp(-t * 6.9 / seconds)[:, None]
    tail = lowpass(highpass(tail.astype(np.float32), 260, rate), 6500, rate)
    # A room answers after a moment and grows dense over the next few milliseconds.
    tail *= np.clip((t - 0.012) / 0.03, 0, 1)[:, None].astype(np.float32)
    tail /= np.sqrt((tail**2).sum(axis=0))
    wet = signal.oaconvolve(bus, tail, axes=0)[: len(bus)]
    return np.asarray(wet, dtype=np.float32)


def riser(count: int, rate: int, seed: int) -> Samples:
    """Noise that swells and brightens up to its last sample: leads into a section."""
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    position = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    dark, bright = lowpass(noise, 700, rate), highpass(noise, 2500, rate)
    swell = (dark * (1 - position) + bright * position * 0.7) * position**2.2
    swell[-int(0.004 * rate) :] *= np.linspace(1, 0, int(0.004 * rate))[:, None]
    return np.asarray(swell, dtype=np.float32)


def automation(points: list[tuple[float, float]], count: int, rate: int) -> Samples:
    """A curve through (seconds, value) points, one value a sample."""
    # Drawn at 100 Hz and stretched: the ear hears no difference, the processor does.
    coarse = np.arange(0, count / rate + 0.02, 0.01)
    times, values = np.array(points, dtype=np.float64).T
    curve = np.interp(coarse, times, values)
    return np.asarray(np.interp(np.arange(count) / rate, coarse, curve), dtype=np.float32)


def master(mix: Samples, rate: int, ceiling: float = 0.93) -> Samples:
    """Brings a mix to level: gentle saturation, then a limiter that looks ahead.

    The gain is a minimum over a symmetric window, so nothing is delayed: beats stay in place.
    """
    mix = highpass(mix, 24, rate)
    # A little air: a first-order high-pass added to the signal is a shelf without phase trouble.
    mix = mix + np.float32(0.45) * highpass(mix, 2600, rate, order=1)
    loud = float(np.sqrt((mix**2).mean())) or 1.0
    mix = mix * np.float32(0.17 / loud)
    mix = np.tanh(mix * 1.15) / np.float32(1.15)
    peak = np.abs(mix).max(axis=1)
    window = int(0.004 * rate) | 1
    peak = ndimage.maximum_filter1d(peak, window)
    gain = np.minimum(1.0, ceiling / np.maximum(peak, 1e-6))
    gain = ndimage.uniform_filter1d(ndimage.minimum_filter1d(gain, window), window)
    return np.asarray(np.clip(mix * gain[:, None], -ceiling, ceiling), dtype=np.float32)


def fade_ends(samples: Samples, rate: int, fade_in_s: float, fade_out_s: float) -> Samples:
    """Returns the samples with a linear fade at each end."""
    curve: NDArray[np.float32] = np.ones(len(samples), dtype=np.float32)
    rise, fall = int(fade_in_s * rate), int(fade_out_s * rate)
    if rise:
        curve[:rise] = np.linspace(0, 1, rise)
    if fall:
        curve[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return np.asarray(samples * curve[:, None], dtype=np.float32)

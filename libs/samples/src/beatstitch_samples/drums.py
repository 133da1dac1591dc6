"""The drum kit. Every stroke starts at its first sample: the beat truth depends on it."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beatstitch_samples.synth import Samples, highpass, lowpass

# Where each drum sits between left (-1) and right (1).
PAN = {"hat": 0.25, "open": 0.3, "tom_high": -0.4, "tom_mid": 0.0, "tom_low": 0.4}


@lru_cache(maxsize=64)
def stroke(drum: str, rate: int) -> Samples:
    """Returns one full-velocity stroke of a drum as stereo samples.

    Raises:
        KeyError: The kit has no such drum.
    """
    mono = KIT[drum](rate)
    pan = PAN.get(drum, 0.0)
    gains = np.sqrt([(1 - pan) / 2, (1 + pan) / 2]) * np.sqrt(2)
    stereo = mono[:, None] * gains[None, :]
    if drum == "crash":
        # A cymbal is wide: the right side is another piece of the same noise.
        stereo[:, 1] = crash(rate, seed=12)
    return np.asarray(stereo, dtype=np.float32)


def kick(rate: int) -> Samples:
    """A sine that falls from 190 to 47 Hz behind a click of half a millisecond."""
    t = _time(0.42, rate)
    freq = 47 + 143 * np.exp(-t * 32)
    # A quarter turn ahead: the stroke starts at full swing, which makes the onset sharp.
    body = np.sin(2 * np.pi * np.cumsum(freq) / rate + 1.2) * np.exp(-t * 8.5)
    click = _noise(len(t), 1) * np.exp(-t * 700) * 0.5
    return _finish(np.tanh(1.6 * (body + click)) * _edge(t), rate)


def snare(rate: int) -> Samples:
    """Two drum-head tones under bright noise."""
    t = _time(0.28, rate)
    tone = np.sin(2 * np.pi * 186 * t + 1) + 0.6 * np.sin(2 * np.pi * 331 * t + 1)
    rattle = highpass(_noise(len(t), 2), 1400, rate)
    return _finish(
        (0.5 * tone * np.exp(-t * 26) + 0.55 * rattle * np.exp(-t * 17)) * _edge(t), rate
    )


def clap(rate: int) -> Samples:
    """Four quick bursts, the first on the beat."""
    t = _time(0.3, rate)
    envelope = np.zeros_like(t)
    for start, level in ((0.0, 0.7), (0.011, 0.6), (0.021, 0.7)):
        envelope += level * np.where(t >= start, np.exp(-(t - start) * 160), 0)
    envelope += 0.6 * np.where(t >= 0.03, np.exp(-(t - 0.03) * 19), 0)
    band = lowpass(highpass(_noise(len(t), 3), 900, rate), 5200, rate)
    return _finish(band * envelope, rate)


def hat(rate: int, length_s: float = 0.07, decay: float = 75.0) -> Samples:
    """Inharmonic squares and noise, high-passed."""
    t = _time(length_s, rate)
    metal = np.zeros_like(t)
    for freq in (2113, 3307, 4561, 5417, 6871, 8093):
        metal += np.sign(np.sin(2 * np.pi * freq * t))
    tone = highpass((metal / 6 + 0.8 * _noise(len(t), 4)).astype(np.float32), 7200, rate, 4)
    return _finish(tone * np.exp(-t * decay), rate)


def open_hat(rate: int) -> Samples:
    """The same cymbals left to ring."""
    return hat(rate, 0.26, 14.0)


def tom(rate: int, freq: float) -> Samples:
    """A tuned drum with a short fall in pitch."""
    t = _time(0.35, rate)
    glide = freq * (1 + 0.6 * np.exp(-t * 30))
    body = np.sin(2 * np.pi * np.cumsum(glide) / rate + 0.8) * np.exp(-t * 10)
    skin = lowpass(_noise(len(t), 5), 3000, rate) * np.exp(-t * 60) * 0.4
    return _finish((body + skin) * _edge(t), rate)


def crash(rate: int, seed: int = 6) -> Samples:
    """A long bright wash."""
    t = _time(1.9, rate)
    wash = highpass(_noise(len(t), seed), 3600, rate)
    return _finish(wash * (0.75 * np.exp(-t * 2.6) + 0.25 * np.exp(-t * 18)), rate)


KIT: dict[str, Callable[[int], Samples]] = {
    "kick": kick,
    "snare": snare,
    "clap": clap,
    "hat": hat,
    "open": open_hat,
    "crash": crash,
    "tom_high": lambda rate: tom(rate, 196.0),
    "tom_mid": lambda rate: tom(rate, 147.0),
    "tom_low": lambda rate: tom(rate, 98.0),
}


def _time(seconds: float, rate: int) -> NDArray[np.float64]:
    return np.arange(int(seconds * rate)) / rate


def _noise(count: int, seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-1, 1, count).astype(np.float32)


def _edge(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """A rise of a quarter millisecond: no DC step, no audible softening."""
    return np.clip(t / 0.00025, 0, 1)


def _finish(samples: NDArray[np.floating], rate: int) -> Samples:
    """Fades the last 10 ms out and brings the peak to 1."""
    fade = min(len(samples), int(0.01 * rate))
    samples = np.array(samples, dtype=np.float32)
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.asarray(samples / np.abs(samples).max(), dtype=np.float32)

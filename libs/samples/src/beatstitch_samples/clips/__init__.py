"""Clips made by code: scenes in motion, each different for each seed."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beatstitch_samples.clips import particles, patterns
from beatstitch_samples.video_files import AudioTrack, VideoFormat, write_video

Scene = Callable[[np.random.Generator, int, int, float, int], Iterator[NDArray[np.uint8]]]

SCENES: dict[str, Scene] = {
    "neon": patterns.neon,
    "waves": patterns.waves,
    "bokeh": particles.bokeh,
    "kaleidoscope": patterns.kaleidoscope,
    "rain": particles.rain,
    "ink": patterns.ink,
}


def frames(
    scene: str,
    seed: int = 0,
    size: tuple[int, int] = (960, 540),
    fps: Fraction = Fraction(30),
    count: int = 120,
) -> Iterator[NDArray[np.uint8]]:
    """Yields the frames of a scene, uint8 RGB; the same arguments give the same pixels.

    Raises:
        KeyError: There is no such scene.
    """
    rng = np.random.default_rng([seed, sorted(SCENES).index(scene)])
    return SCENES[scene](rng, size[0], size[1], float(fps), count)


def write_clip(
    path: Path,
    scene: str,
    seed: int = 0,
    *,
    size: tuple[int, int] = (960, 540),
    fps: Fraction = Fraction(30),
    count: int = 120,
    crf: int = 20,
    audio: AudioTrack | None = None,
) -> Path:
    """Renders a scene to an H.264 file."""
    settings = VideoFormat(fps=fps, crf=crf, preset="veryfast")
    return write_video(path, frames(scene, seed, size, fps, count), settings, audio=audio)

"""Pictures made by code: several motifs, each a different picture for each seed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beatstitch_samples.photos import abstract, land, lights
from beatstitch_samples.photos.canvas import Picture, to_bytes

MOTIFS: dict[str, Callable[[np.random.Generator, int, int], Picture]] = {
    "mountains": land.mountains,
    "city": lights.city,
    "ocean": land.ocean,
    "aurora": land.aurora,
    "silk": abstract.silk,
    "galaxy": lights.galaxy,
    "dunes": land.dunes,
    "poster": abstract.poster,
}


def paint(motif: str, seed: int = 0, size: tuple[int, int] = (1600, 1067)) -> NDArray[np.uint8]:
    """Paints a picture; the same arguments give the same pixels.

    Args:
        motif: One of `MOTIFS`.
        seed: Chooses the picture within the motif.
        size: Width and height in pixels.

    Returns:
        RGB of shape (height, width, 3).

    Raises:
        KeyError: There is no such motif.
    """
    painter = MOTIFS[motif]
    rng = np.random.default_rng([seed, sorted(MOTIFS).index(motif)])
    return to_bytes(painter(rng, *size))


def write_photo(
    path: Path,
    motif: str,
    seed: int = 0,
    size: tuple[int, int] = (1600, 1067),
    quality: int = 92,
) -> Path:
    """Paints a picture into a file whose suffix chooses the format."""
    Image.fromarray(paint(motif, seed, size)).save(path, quality=quality)
    return path

"""What every picture is painted with: noise, gradients, soft-edged masks, grain.

Pictures are float32 arrays of shape (height, width, 3) in display values from 0 to 1. Edges are
anti-aliased analytically (a mask is the signed distance to the edge, clipped to one pixel), which
looks as good as painting at twice the size and costs a quarter.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Plane = NDArray[np.float32]
Picture = NDArray[np.float32]
Colour = tuple[float, float, float]


def rgb(code: str) -> Colour:
    """Turns "ff8800" into display values from 0 to 1."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return (red, green, blue)


def grid(width: int, height: int) -> tuple[Plane, Plane]:
    """Returns x of shape (1, width) and y of shape (height, 1), both in picture heights."""
    x = ((np.arange(width) + 0.5) / height).astype(np.float32)
    y = ((np.arange(height) + 0.5) / height).astype(np.float32)
    return x[None, :], y[:, None]


def resize(plane: Plane, width: int, height: int) -> Plane:
    """Bicubic resize of one plane."""
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def fbm(
    rng: np.random.Generator,
    width: int,
    height: int,
    cells: tuple[float, float],
    octaves: int = 5,
    *,
    gain: float = 0.5,
) -> Plane:
    """Fractal noise around 0 with deviation 1.

    Args:
        rng: The source of chance.
        width: Pixels across.
        height: Pixels down.
        cells: Number of lumps (across, down) in the coarsest octave.
        octaves: How many times the lumps are halved.
        gain: Strength of each octave over the one before.
    """
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        across = max(2, int(cells[0] * 2**octave) + 1)
        down = max(2, int(cells[1] * 2**octave) + 1)
        if octave and (across > width or down > height):
            break
        across, down = min(across, width), min(down, height)
        lumps = rng.standard_normal((down, across)).astype(np.float32)
        total += np.float32(gain**octave) * resize(lumps, width, height)
    spread = max(float(total.std()), 1e-6)
    return np.asarray((total - total.mean()) / spread, dtype=np.float32)


def ridge(
    rng: np.random.Generator, width: int, cells: float, octaves: int = 7, gain: float = 0.5
) -> Plane:
    """A fractal line around 0 with deviation 1, one value a column."""
    x = np.linspace(0, 1, width)
    line = np.zeros(width)
    for octave in range(octaves):
        count = int(cells * 2**octave) + 4
        points = rng.standard_normal(count)
        position = x * (count - 4) + 1
        if octave < 2:
            line += gain**octave * ndimage.map_coordinates(points, [position], order=3)
        else:
            # Straight pieces give rock its edges; smooth ones look like jelly.
            line += gain**octave * np.interp(position, np.arange(count), points)
    return np.asarray((line - line.mean()) / line.std(), dtype=np.float32)


def gradient(t: Plane, stops: list[tuple[float, Colour]]) -> Picture:
    """Colours along `t`, smooth between the stops."""
    places = np.array([stop[0] for stop in stops])
    channels = [
        np.interp(t, places, np.array([stop[1][channel] for stop in stops])) for channel in range(3)
    ]
    return np.stack(channels, axis=-1).astype(np.float32)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def over(picture: Picture, mask: Plane, colour: Colour | Picture) -> None:
    """Paints a colour (or another picture) through a mask, in place."""
    top = np.asarray(colour, dtype=np.float32)
    picture += mask[..., None] * (top - picture)


def glow(picture: Picture, light: Plane, colour: Colour) -> None:
    """Adds light by screen mode, in place: it brightens and never clips."""
    add = np.clip(light, 0, 1)[..., None] * np.asarray(colour, dtype=np.float32)
    picture += add * (1 - np.clip(picture, 0, 1))


def below(line: Plane, height: int) -> Plane:
    """Mask of what lies below a line given in pixels from the top, one value a column."""
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    slope = np.sqrt(1 + np.gradient(line) ** 2).astype(np.float32)
    mask = np.clip((rows - line[None, :]) / slope[None, :] + 0.5, 0, 1)
    return np.asarray(mask, dtype=np.float32)


def stars(
    picture: Picture, rng: np.random.Generator, count: int, fade: Plane, brightest: float = 1.0
) -> None:
    """Scatters stars, in place; `fade` is a mask of where they show."""
    height, width = picture.shape[:2]
    sky = np.zeros((height, width, 3), dtype=np.float32)
    x, y = rng.integers(0, width, count), rng.integers(0, height, count)
    power = (rng.pareto(2.2, count) * 0.12 + 0.08).clip(0, brightest)
    tint = 1 + rng.normal(0, 0.12, (count, 1)) * np.array([[1.0, 0.0, -1.0]])
    np.add.at(sky, (y, x), (power[:, None] * tint).astype(np.float32))
    # A tight core and a faint halo, as a lens draws them.
    core = ndimage.gaussian_filter(sky, (0.7, 0.7, 0)) * 3.2
    halo = ndimage.gaussian_filter(np.maximum(sky - 0.35, 0), (3.5, 3.5, 0)) * 14
    picture += np.clip(core + halo, 0, 1) * fade[..., None] * (1 - np.clip(picture, 0, 1))


def finish(picture: Picture, rng: np.random.Generator, vignette: float = 0.25) -> Picture:
    """Darkens the corners, adds film grain (which also hides banding), clips to 0…1."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    radius = np.hypot(x - 0.5 * width / height, y - 0.5) / (0.5 * np.hypot(width / height, 1))
    picture = picture * (1 - vignette * np.clip(radius, 0, 1.2) ** 2.6)[..., None]
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * 0.008
    return np.clip(picture + grain, 0, 1)


def to_bytes(picture: Picture) -> NDArray[np.uint8]:
    """Rounds a picture from 0…1 to uint8."""
    return (picture * 255 + 0.5).astype(np.uint8)

"""Clips of many small lights: drifting bokeh, rain over a city."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from beatstitch_samples.photos.canvas import (
    Picture,
    fbm,
    glow,
    gradient,
    grid,
    rgb,
    smoothstep,
    to_bytes,
)

Frames = Iterator[NDArray[np.uint8]]
STEPS = 4


class Disc:
    """A soft disc ready to be stamped at quarter-pixel positions."""

    def __init__(self, radius: float, edge: float = 1.5, rim: float = 0.35) -> None:
        reach = int(radius + edge) + 2
        axis = np.arange(-reach, reach + 1, dtype=np.float32)
        self.reach = reach
        self.stamps = []
        for place in range(STEPS * STEPS):
            dy, dx = (place // STEPS) / STEPS, (place % STEPS) / STEPS
            away = np.hypot(axis[None, :] - dx, axis[:, None] - dy)
            body = smoothstep(radius + edge, radius - edge, away)
            # A lens draws the border of a blurred light brighter than its middle.
            ring = np.exp(-(((away - radius + edge) / (0.12 * radius + 1)) ** 2)) * body
            self.stamps.append(((1 - rim) * body + rim * ring).astype(np.float32))

    def stamp(self, picture: Picture, x: float, y: float, colour: NDArray[np.float32]) -> None:
        """Adds the disc to a picture, in place; what falls outside is cut off."""
        height, width = picture.shape[:2]
        column, row = int(np.floor(x)), int(np.floor(y))
        place = int((y - row) * STEPS) * STEPS + int((x - column) * STEPS)
        stamp = self.stamps[place]
        top, left = row - self.reach, column - self.reach
        cut_y, cut_x = max(0, -top), max(0, -left)
        end_y = min(stamp.shape[0], height - top)
        end_x = min(stamp.shape[1], width - left)
        if end_y > cut_y and end_x > cut_x:
            part = stamp[cut_y:end_y, cut_x:end_x, None] * colour
            picture[top + cut_y : top + end_y, left + cut_x : left + end_x] += part


def bokeh(rng: np.random.Generator, width: int, height: int, fps: float, count: int) -> Frames:
    """Blurred lights that rise and twinkle, as over a fair at night."""
    _, y = grid(width, height)
    back = np.repeat(
        gradient(y, [(0, rgb("0d0b26")), (0.6, rgb("2a1440")), (1, rgb("5a2440"))]), width, axis=1
    )
    cloud = fbm(rng, width, height, (2, 2), 3)
    glow(back, 0.22 * smoothstep(-0.5, 2, cloud), rgb("c0508a"))
    scale = height / 540
    sizes = [Disc(radius * scale) for radius in (5, 9, 15, 24, 36)]
    palette = np.array([rgb(c) for c in ("ffb35c", "ff7a6b", "ffd98a", "ff5f9e", "8fb4ff")])
    lights = 150
    kind = rng.choice(5, lights, p=[0.26, 0.26, 0.22, 0.16, 0.1])
    place = rng.random((lights, 2)) * (1.3, 1.3) - 0.15
    # Near lights are large and fast, as parallax wants it.
    drift = np.stack([rng.normal(0, 0.012, lights), -(0.015 + 0.016 * kind)], axis=1)
    phase, pace = rng.uniform(0, 6.28, lights), rng.uniform(0.8, 3.2, lights)
    colour = palette[rng.integers(0, 5, lights)] * (0.62 - 0.075 * kind)[:, None]
    for number in range(count):
        t = number / fps
        picture = back.copy()
        where = (place + drift * t + 0.15) % 1.3 - 0.15
        sway = 0.008 * np.sin(t * 0.9 + phase)
        power = 0.62 + 0.38 * np.sin(phase + pace * t)
        for light in range(lights):
            sizes[kind[light]].stamp(
                picture,
                (where[light, 0] + sway[light]) * width,
                where[light, 1] * height,
                (colour[light] * power[light]).astype(np.float32),
            )
        yield to_bytes(np.clip(picture, 0, 1))


def rain(rng: np.random.Generator, width: int, height: int, fps: float, count: int) -> Frames:
    """City lights behind rain, cars passing, all of it mirrored in a wet street."""
    street = int(height * 0.68)
    back = _street_lights(rng, width, height, street)
    near = _streaks(rng, width, height * 2, count=260, length=int(0.075 * height), power=0.3)
    far = _streaks(rng, width, height * 2, count=700, length=int(0.035 * height), power=0.16)
    head, tail = Disc(11 * height / 540), Disc(9 * height / 540)
    cars = [(rng.uniform(-0.6, 1.4), rng.choice((-1, 1)) * rng.uniform(0.13, 0.26))
            for _ in range(7)]  # fmt: skip
    warm = np.array(rgb("fff0c8"), dtype=np.float32) * np.float32(0.9)
    red = np.array(rgb("ff3a35"), dtype=np.float32) * np.float32(0.9)
    fade = np.linspace(0.6, 0.15, height - street, dtype=np.float32)[:, None, None]
    for number in range(count):
        t = number / fps
        picture = back.copy()
        band = np.zeros((height - street, width, 3), dtype=np.float32)
        for start, speed in cars:
            x = ((start + speed * t + 0.3) % 1.6 - 0.3) * width
            lamp, disc = (warm, head) if speed > 0 else (red, tail)
            for offset in (0, 30 * height / 540):
                disc.stamp(picture, x + offset, street - 20 * height / 540, lamp)
                disc.stamp(band, x + offset, 24 * height / 540, lamp)
        # Twice a box makes a triangle: the mirrored lamps have soft ends.
        for _ in range(2):
            band = ndimage.uniform_filter1d(band, max(1, 45 * height // 540), axis=0)
        picture[street:] += band * fade * 2.6
        for streaks, speed in ((far, 1.35), (near, 2.1)):
            shift = int(height * 2 - (speed * height * t) % height) - height
            picture += streaks[shift : shift + height, :, None]
        yield to_bytes(np.clip(picture, 0, 1))


def _street_lights(rng: np.random.Generator, width: int, height: int, street: int) -> Picture:
    """The still part: out-of-focus windows and lamps, and their mirror in the wet street."""
    _, y = grid(width, height)
    back = np.repeat(
        gradient(y, [(0, rgb("081022")), (0.5, rgb("12254a")), (1, rgb("0a1328"))]), width, axis=1
    )
    scale = height / 540
    palette = [rgb(c) for c in ("ffb35c", "ffcf8a", "5fd0ff", "ff5f8a", "8affc8")]
    discs = [Disc(radius * scale) for radius in (8, 13, 19)]
    for _ in range(130):
        level = street - abs(rng.normal(0, 0.24)) * height - 14 * scale
        colour = np.array(palette[rng.choice(5, p=[0.4, 0.25, 0.15, 0.12, 0.08])])
        power = rng.uniform(0.1, 0.5)
        discs[rng.integers(3)].stamp(
            back, rng.uniform(0, width), level, (colour * power).astype(np.float32)
        )
    mirror = ndimage.gaussian_filter(back[street - 1 :: -1], (16 * scale, 2.5 * scale, 0))
    fade = np.linspace(0.85, 0.3, height - street, dtype=np.float32)[:, None, None]
    wet = fbm(rng, width, height - street, (10, 30), 3)
    back[street:] = mirror[: height - street] * fade * (1 + 0.22 * wet[..., None])
    return back


def _streaks(
    rng: np.random.Generator, width: int, height: int, *, count: int, length: int, power: float
) -> NDArray[np.float32]:
    """Falling drops as bright lines; the lower half repeats the upper, so it can scroll."""
    half = height // 2
    drops = np.zeros((half, width), dtype=np.float32)
    np.add.at(
        drops,
        (rng.integers(0, half, count), rng.integers(0, width, count)),
        rng.uniform(0.4, 1.0, count).astype(np.float32) * np.float32(power * length),
    )
    lines = ndimage.uniform_filter1d(drops, length, axis=0, mode="wrap")
    lines = ndimage.gaussian_filter1d(lines, 0.6, axis=1)
    return np.concatenate([lines, lines]).astype(np.float32)

"""Night and light: a city by the water, a galaxy."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from beatstitch_samples.photos.canvas import (
    Picture,
    fbm,
    finish,
    glow,
    gradient,
    grid,
    over,
    resize,
    rgb,
    smoothstep,
    stars,
)


def city(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A skyline with lit windows, mirrored in dark water."""
    shore = int(height * 0.66)
    x, y = grid(width, height)
    sky = [(0.0, rgb("070b24")), (0.25, rgb("232463")), (0.45, rgb("75397f")),
           (0.6, rgb("f07b7a")), (0.66, rgb("ffb182")), (1.0, rgb("ffb182"))]  # fmt: skip
    picture = np.repeat(gradient(y, sky), width, axis=1)
    stars(picture, rng, width // 3, smoothstep(0.45, 0.05, y) + 0 * x, 0.6)
    moon_x, moon_y = 0.28 * width / height, 0.19
    away = np.hypot(x - moon_x, y - moon_y)
    glow(picture, 0.5 * np.exp(-away / 0.09), rgb("c7d3ff"))
    over(picture, smoothstep(0.0385, 0.037, away), rgb("f3efe0"))
    haze = fbm(rng, width, height, (2, 6), 4)
    glow(picture, 0.25 * smoothstep(0, 2, haze) * smoothstep(0.2, 0.6, y), rgb("ff8fa0"))

    lights = np.zeros_like(picture)
    for depth, tone in ((0.0, "6a3f78"), (0.5, "2c2350"), (1.0, "0d0f26")):
        _row_of_towers(picture, lights, rng, shore, depth=depth, tone=np.array(rgb(tone)))
    picture += lights * (1 - np.clip(picture, 0, 1))
    bloom = ndimage.gaussian_filter(lights[::2, ::2], (5, 5, 0))
    for channel in range(3):
        picture[..., channel] += 2.2 * resize(bloom[..., channel], width, height)
    _water(picture, rng, shore)
    return finish(picture, rng, 0.3)


def _row_of_towers(
    picture: Picture,
    lights: Picture,
    rng: np.random.Generator,
    shore: int,
    *,
    depth: float,
    tone: NDArray[np.float64],
) -> None:
    """Paints one row of buildings; nearer rows are darker, wider and hide the lights behind."""
    height, width = picture.shape[:2]
    unit = height / 1067
    left = -int(rng.uniform(0, 60) * unit)
    while left < width:
        wide = int(rng.uniform(38, 82 + 34 * depth) * unit)
        middle = np.exp(-(((left / width - 0.58) / 0.27) ** 2))
        tall = int(height * (0.1 + (0.36 - 0.14 * depth) * rng.random() ** 1.4 * (0.35 + middle)))
        tall = int(tall * (1.12 - 0.35 * depth))
        top, right = shore - tall, min(width, left + wide)
        body = slice(max(0, left), right)
        if right > 0:
            shade = np.linspace(0.75, 1.25, tall, dtype=np.float32)[:, None, None]
            picture[top:shore, body] = tone * shade
            lights[top:shore, body] = 0
            if rng.random() < 0.4:
                _spire(
                    picture,
                    lights,
                    rng,
                    centre=(left + right) // 2,
                    top=top,
                    tone=tone,
                    unit=unit,
                )
            _windows(lights, rng, (slice(top, shore), body), depth=depth, unit=unit)
        left += wide + int(rng.uniform(-6, 9) * unit)


def _spire(
    picture: Picture,
    lights: Picture,
    rng: np.random.Generator,
    *,
    centre: int,
    top: int,
    tone: NDArray[np.float64],
    unit: float,
) -> None:
    """A stepped roof with a mast and a red lamp."""
    for step in range(1, 4):
        half, up = int((22 - 6 * step) * unit), int(11 * unit * step)
        picture[top - up : top, max(0, centre - half) : max(0, centre + half)] = tone
        lights[top - up : top, max(0, centre - half) : max(0, centre + half)] = 0
    mast = top - int(rng.uniform(50, 95) * unit)
    picture[mast:top, max(0, centre - 1) : max(0, centre + 1)] = tone
    lights[mast : mast + 3, max(0, centre - 1) : max(0, centre + 2)] = (1.0, 0.15, 0.12)


def _windows(
    lights: Picture,
    rng: np.random.Generator,
    body: tuple[slice, slice],
    *,
    depth: float,
    unit: float,
) -> None:
    """Lights some of the windows; floors are lit together, as offices are."""
    pane, gap = max(2, round(3.2 * unit)), max(2, round(3.4 * unit))
    rows = np.arange(body[0].start + 3 * gap, body[0].stop - gap, pane + gap + 1)
    columns = np.arange(body[1].start + gap + 1, body[1].stop - pane - gap, pane + gap)
    if not len(rows) or not len(columns):
        return
    floor = rng.random((len(rows), 1)) < rng.uniform(0.25, 0.75)
    lit = (rng.random((len(rows), len(columns))) < rng.uniform(0.25, 0.75)) & floor
    palette = np.array([rgb("ffd58a"), rgb("ffb35c"), rgb("fff0cf"), rgb("9fd8ff")])
    colour = palette[rng.choice(4, p=[0.45, 0.3, 0.17, 0.08])]
    power = rng.uniform(0.5, 1.15, lit.shape) * lit * (0.5 + 0.5 * depth)
    for down in range(pane + 1):
        for across in range(pane):
            lights[np.ix_(rows + down, columns + across)] = power[..., None] * colour


def _water(picture: Picture, rng: np.random.Generator, shore: int) -> None:
    """Mirrors the skyline, drawn out downwards and broken by ripples, in place."""
    height, width = picture.shape[:2]
    count = height - shore
    above = picture[shore - 1 - np.arange(min(shore, int(count * 1.45)))]
    long = ndimage.gaussian_filter(above, (7, 1.2, 0))
    rows = np.arange(count)
    flat = fbm(rng, width, count, (14, 60), 3, gain=0.6)
    reach = (rows / count)[:, None]
    stretched = flat[np.clip((rows / count) ** 0.6 * (count - 1), 0, count - 1).astype(int)]
    source = np.clip(rows[:, None] * 1.35 + stretched * (3 + 20 * reach), 0, len(long) - 1)
    columns = np.clip(np.arange(width)[None, :] + stretched * (2 + 9 * reach), 0, width - 1)
    water = long[source.astype(int), columns.astype(int)]
    fade = (0.78 - 0.4 * reach)[..., None]
    water = water * fade * (1 + 0.14 * stretched[..., None])
    deep = np.array(rgb("0a0d2a"), dtype=np.float32)
    picture[shore:] = np.maximum(water, 0) + deep * (0.25 + 0.5 * reach[..., None])
    picture[shore - 2 : shore + 1] *= 0.35


def galaxy(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A tilted spiral galaxy in a field of stars."""
    x, y = grid(width, height)
    angle = rng.uniform(-0.5, -0.2)
    dx, dy = x - 0.5 * width / height, y - 0.5
    u = dx * np.cos(angle) - dy * np.sin(angle)
    v = (dx * np.sin(angle) + dy * np.cos(angle)) * 1.9
    clumps = fbm(rng, width, height, (9, 6), 7, gain=0.62)
    fine = fbm(rng, width, height, (40, 27), 5, gain=0.7)
    radius = np.hypot(u, v) + 1e-4
    turn = np.arctan2(v, u) - np.log(radius) / 0.36 + 0.12 * clumps
    arm = 0.5 + 0.5 * np.cos(2 * turn)
    disc = np.exp(-((radius / 0.43) ** 1.7))
    gas = disc * (0.16 + arm**1.8) * np.clip(0.65 + 0.32 * clumps + 0.16 * fine, 0, 2)
    lane = 0.5 + 0.5 * np.cos(2 * (turn + 0.55))
    dust = np.clip(lane**5 * disc * (0.7 + 0.4 * fine), 0, 1) * smoothstep(0.03, 0.12, radius)
    core = np.exp(-radius / 0.055)

    picture = np.zeros((height, width, 3), dtype=np.float32)
    picture[:] = rgb("04050f")
    nebula = smoothstep(-0.5, 2.5, fbm(rng, width, height, (3, 2), 5))
    glow(picture, 0.16 * nebula, rgb("6a3a9a"))
    stars(picture, rng, int(width * 1.6), np.ones((height, width), np.float32), 1.0)
    glow(picture, 1.15 * gas.astype(np.float32), rgb("7f9dff"))
    glow(picture, 0.5 * (gas**2).astype(np.float32), rgb("ffd9f2"))
    # Where gas is dense, hot pink clouds in which stars are born.
    knots = smoothstep(1.3, 2.4, fine + 0.5 * clumps) * disc * arm**3
    glow(picture, 0.8 * knots, rgb("ff5fa2"))
    picture *= (1 - 0.62 * dust[..., None] * np.array([0.7, 0.9, 1.0])).astype(np.float32)
    glow(picture, (0.55 * np.exp(-radius / 0.13)).astype(np.float32), rgb("ffcf9a"))
    glow(picture, np.clip(core * 1.3, 0, 1).astype(np.float32), rgb("fff4dc"))
    young = disc * arm**2 * (rng.random((height, width)) > 0.9965)
    points = ndimage.gaussian_filter(young.astype(np.float32), 0.8) * 4
    glow(picture, points, rgb("dfe8ff"))
    return finish(picture, rng, 0.2)

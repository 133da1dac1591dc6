"""Landscapes: mountain ranges, dunes, an ocean at sunset, aurora over a forest."""

import numpy as np
from scipy import ndimage

from beatstitch_samples.photos.canvas import (
    Picture,
    Plane,
    below,
    fbm,
    finish,
    glow,
    gradient,
    grid,
    over,
    rgb,
    ridge,
    smoothstep,
    stars,
)


def mountains(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Ranges behind ranges at dusk, haze in the valleys, pines in front."""
    x, y = grid(width, height)
    sky = [(0.0, rgb("1b1a46")), (0.22, rgb("4a3377")), (0.4, rgb("a4508b")),
           (0.54, rgb("ee7e6b")), (0.64, rgb("ffc08a")), (1.0, rgb("ffdcae"))]  # fmt: skip
    picture = np.repeat(gradient(y, sky), width, axis=1)
    stars(picture, rng, width // 2, smoothstep(0.4, 0.02, y) + 0 * x, 0.6)
    cirrus = fbm(rng, width, height, (2.5, 14), 5, gain=0.55)
    band = np.exp(-(((y - 0.36) / 0.16) ** 2))
    glow(picture, smoothstep(0.1, 2.4, cirrus) * band * 0.65, rgb("ff9f8c"))
    sun_x, sun_y = rng.uniform(0.5, 1.1), 0.45
    away = np.hypot(x - sun_x, (y - sun_y) * 1.1)
    glow(picture, 0.85 * np.exp(-((away / 0.2) ** 1.2)), rgb("ffd08a"))
    over(picture, smoothstep(0.0475, 0.046, away), rgb("fff2cf"))

    far, near = np.array(rgb("d98a92")), np.array(rgb("14122e"))
    haze = np.array(rgb("f5a98d"))
    layers = 7
    for layer in range(layers):
        depth = layer / (layers - 1)
        line = ridge(rng, width, 2.2 + 2.0 * depth, 8, 0.46)
        base = 0.52 + 0.42 * depth**1.15
        top = (base - line * (0.05 + 0.012 * depth)) * height
        if layer == layers - 1:
            top = np.minimum(top, _pines(rng, width, top, height))
        mask = below(top.astype(np.float32), height)
        tone = far + (near - far) * depth**0.62
        # Mist gathers in the valleys: the foot of a range is paler than its crest.
        smooth = ndimage.gaussian_filter1d(top, 0.02 * width)[None, :]
        foot = np.clip((y * height - smooth) / (0.2 * height), 0, 1)
        mist = (0.7 * (1 - depth) ** 0.8 * foot)[..., None].astype(np.float32)
        near_sun = np.exp(-((x - sun_x) ** 2) / 0.2)[..., None] * 0.22 * (1 - depth)
        colour = tone * (1 - mist) + haze * mist
        over(picture, mask, (colour + near_sun * (haze - colour)).astype(np.float32))
    return finish(picture, rng)


def _pines(
    rng: np.random.Generator, width: int, ground: Plane, height: int, size: float = 0.075
) -> Plane:
    """The outline of a wood: a spire with jagged boughs for each tree, in pixels from the top."""
    outline = ground.copy()
    place = 0.0
    while place < width:
        tall = height * size * rng.uniform(0.35, 1.0) ** 1.3
        half = tall * rng.uniform(0.16, 0.22)
        left, right = int(max(0, place - half)), int(min(width, place + half + 1))
        if right > left:
            columns = np.arange(left, right)
            reach = np.abs(columns - place) / half
            boughs = 0.10 * ((reach * 6.5 + rng.random()) % 1.0)
            crown = tall * np.clip(np.clip(1 - reach, 0, 1) ** 1.25 - boughs * (reach > 0.06), 0, 1)
            foot = ground[int(min(width - 1, max(0, place)))]
            outline[left:right] = np.minimum(outline[left:right], foot - crown)
        place += half * rng.uniform(0.45, 1.5)
    return outline


def dunes(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Dunes in low light: one side of each crest glows, the other lies in blue shadow."""
    x, y = grid(width, height)
    sky = [(0.0, rgb("3f7fae")), (0.28, rgb("9cc3cf")), (0.46, rgb("f4dcb4")), (1, rgb("f4dcb4"))]
    picture = np.repeat(gradient(y, sky), width, axis=1)
    glow(picture, 0.8 * np.exp(-np.hypot(x - 0.25, (y - 0.4) * 1.6) / 0.22), rgb("fff1cc"))
    layers = 6
    columns = np.linspace(0, 1, width)
    for layer in range(layers):
        depth = layer / (layers - 1)
        swell = np.zeros(width)
        for k in (1, 2, 3):
            phase = rng.uniform(0, 2 * np.pi)
            swell += np.sin(2 * np.pi * columns * k * rng.uniform(0.55, 0.9) + phase) / k**1.4
        line = (0.44 + 0.5 * depth**1.2 - (0.03 + 0.055 * depth) * swell) * height
        mask = below(line.astype(np.float32), height)
        # Each dune has a sharp crest that wanders down its face; light comes from the left.
        down = (y * height - line[None, :]) / height
        wander = 0.06 * np.sin(down * (13 - 5 * depth) + rng.uniform(0, 6)) + 0.5 * down
        slope = np.gradient(line) * width / height / height
        turn = np.interp(np.linspace(0, 1, width), columns, slope)[None, :] * 1.0
        bend = turn + wander * 6 + 0.25 * np.sin(x * 4.1 + rng.uniform(0, 6))
        lit = smoothstep(0.22, -0.22, bend.astype(np.float32) - 0.22)
        bright = np.array(rgb("ff9f45")) * (1 - 0.06 * depth) + 0.05 * (1 - depth)
        shade = np.array(rgb("8a3f45")) * (1 - 0.45 * depth) + 0.16 * (1 - depth)
        colour = shade + lit[..., None] * (bright - shade)
        warp = down * (1.0 + 0.35 * np.sin(x * 2.3 + depth * 4)) + 0.02 * np.sin(x * 9)
        ripple = np.sin(warp * (520 - 330 * depth)) * np.exp(-down * 6) * depth
        colour = colour * (1 + 0.075 * ripple[..., None])
        rim = np.exp(-np.abs(down) * height / 2.5)[..., None] * 0.22
        colour = colour + rim * (np.array(rgb("ffe7bd")) - colour)
        haze = 0.4 * (1 - depth) ** 1.8
        colour = colour * (1 - haze) + np.array(rgb("f4dcb4")) * haze
        over(picture, mask, colour.astype(np.float32))
    return finish(picture, rng, 0.2)


def ocean(rng: np.random.Generator, width: int, height: int) -> Picture:
    """The sun goes down over the sea, its path glittering on the waves."""
    x, y = grid(width, height)
    horizon, sun_x = 0.56, 0.5 * width / height + rng.uniform(-0.25, 0.25)
    sky = [(0.0, rgb("16244f")), (0.25, rgb("574b8c")), (0.42, rgb("d9668a")),
           (0.52, rgb("ff9a5f")), (0.57, rgb("ffd27a")), (1.0, rgb("ffd27a"))]  # fmt: skip
    picture = np.repeat(gradient(y, sky), width, axis=1)
    clouds = fbm(rng, width, height, (3, 9), 6, gain=0.55)
    under = np.roll(clouds, -int(0.012 * height), axis=0)
    cover = smoothstep(0.15, 1.5, clouds) * smoothstep(horizon, horizon - 0.3, y)
    over(picture, 0.75 * cover, rgb("4c3a6b"))
    # Clouds are lit from below: where they thin out downwards they catch the sun.
    edge = np.clip(clouds - under, 0, 1) * cover
    glow(picture, 1.6 * edge * np.exp(-((y - 0.42) ** 2) / 0.05), rgb("ffb07a"))
    away = np.hypot(x - sun_x, y - (horizon - 0.055))
    glow(picture, 0.9 * np.exp(-((away / 0.17) ** 1.1)), rgb("ffc66e"))
    over(picture, smoothstep(0.0505, 0.049, away), rgb("fff4d2"))

    depth = np.clip((y - horizon) / (1 - horizon), 1e-3, 1)
    waves = np.zeros((height, width), dtype=np.float32)
    for across, down, power in ((9, 46, 1.0), (26, 120, 0.7), (70, 260, 0.5)):
        flat = fbm(rng, width, height, (across, down), 2, gain=0.6)
        rows = np.clip(depth[:, 0] ** 0.42 * (height - 1), 0, height - 1).astype(int)
        waves += np.float32(power) * flat[rows]
    waves /= waves.std()
    sea = gradient(np.broadcast_to(y, waves.shape), [
        (horizon, rgb("f08a6a")), (horizon + 0.05, rgb("9a5a80")),
        (horizon + 0.2, rgb("37346b")), (1.0, rgb("0d1838"))])  # fmt: skip
    sea *= (1 + 0.16 * waves * (0.35 + 0.65 * depth))[..., None]
    glow(sea, 0.30 * smoothstep(0.4, 1.8, waves) * (0.3 + 0.7 * depth), rgb("d97a86"))
    spread = 0.035 + 0.2 * depth
    path = np.exp(-(((x - sun_x) / spread) ** 2))
    glitter = smoothstep(-0.4, 1.5, waves + 1.5 * path - 1.3)
    glow(sea, 0.95 * path * glitter, rgb("ffd08a"))
    over(sea, path * smoothstep(1.2, 2.0, waves + 0.4 * path) * 0.8, rgb("fff0c8"))
    over(picture, smoothstep(horizon - 0.0005, horizon + 0.0008, y) + 0 * x, sea)
    glow(picture, 0.5 * np.exp(-np.abs(y - horizon) / 0.012) * path, rgb("ffdf9c"))
    return finish(picture, rng)


def aurora(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Curtains of northern light over a wood and its mirror in a lake."""
    shore = int(height * 0.76)
    x, y = grid(width, height)
    sky = [(0.0, rgb("050b20")), (0.45, rgb("0a2038")), (0.76, rgb("16424f")), (1, rgb("16424f"))]
    picture = np.repeat(gradient(y, sky), width, axis=1)
    stars(picture, rng, width, smoothstep(0.78, 0.3, y) + 0 * x, 0.9)
    for curtain in range(4):
        line = ridge(rng, width, 1.6, 3, 0.45) * 0.07
        foot = 0.56 - 0.07 * curtain + line + 0.1 * np.sin(x[0] * 2 + curtain)
        rays = ridge(rng, width, 40, 4, 0.6)
        slow = ridge(rng, width, 3, 2)
        strength = np.clip(0.62 + 0.2 * rays + 0.35 * slow, 0.04, 1.4)[None, :]
        height_up = (foot[None, :] - y) / (0.24 + 0.05 * slow[None, :].clip(-1, 2))
        light = np.exp(-np.maximum(height_up, 0) * 2.2 + np.minimum(height_up, 0) * 22)
        light = (light * strength).astype(np.float32) * np.float32(0.95 - 0.12 * curtain)
        tint = gradient(np.clip(height_up, 0, 1).astype(np.float32), [
            (0.0, rgb("5dffa8")), (0.22, rgb("2fe0a0")), (0.5, rgb("5f7ff0")),
            (0.85, rgb("d04fe0"))])  # fmt: skip
        picture += np.clip(light, 0, 1)[..., None] * tint * (1 - np.clip(picture, 0, 1)) * 0.8
    ground = np.full(width, 0.745 * height, dtype=np.float32)
    hills = (0.70 - 0.022 * ridge(rng, width, 2, 5)) * height
    over(picture, below(hills.astype(np.float32), height), rgb("0c2630"))
    for size, colour in ((0.09, rgb("061219")), (0.2, rgb("02070c"))):
        trees = _pines(rng, width, ground + 4, height, size)
        if size > 0.1:
            # Tall trees only at the sides: they frame the light.
            side = np.abs(x[0] / x[0].max() - 0.5) * 2
            trees = np.where(side > 0.62 + 0.05 * np.sin(x[0] * 40), trees, ground + 9)
        over(picture, below(trees.astype(np.float32), height), colour)
    _mirror(picture, rng, shore)
    return finish(picture, rng, 0.3)


def _mirror(picture: Picture, rng: np.random.Generator, shore: int) -> None:
    """Reflects what is above the shore in still water, in place."""
    height, width = picture.shape[:2]
    rows = np.arange(height - shore)
    sway = fbm(rng, width, height - shore, (5, 40), 3, gain=0.5)
    reach = (rows / len(rows))[:, None]
    source = shore - 1 - rows[:, None] * 1.6 + sway * (2 + 22 * reach)
    source = np.clip(source, 0, shore - 1).astype(int)
    columns = np.clip(np.arange(width)[None, :] + (sway * 3).astype(int), 0, width - 1)
    water = picture[source, columns] * (0.62 - 0.2 * reach[..., None])
    water += np.array(rgb("04131c"), dtype=np.float32) * 0.5
    picture[shore:] = water
    picture[shore - 1 : shore + 2] += 0.03

"""Moving patterns: rolling waves, a kaleidoscope, a drive over a neon grid."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from beatstitch_samples.photos import abstract
from beatstitch_samples.photos.canvas import (
    below,
    fbm,
    glow,
    gradient,
    grid,
    over,
    rgb,
    ridge,
    smoothstep,
    stars,
    to_bytes,
)

Frames = Iterator[NDArray[np.uint8]]
TAU = 2 * np.pi


def waves(rng: np.random.Generator, width: int, height: int, fps: float, count: int) -> Frames:
    """Layers of paper-like waves that roll past one another."""
    layers = 8
    stops = [rgb(c) for c in ("fbd9a5", "f8a978", "ee7370", "c44a78", "8a3a80",
                              "523a80", "2c3268", "18244c", "0b132f")]  # fmt: skip
    ramp = np.linspace(0, layers, 2048, dtype=np.float32)
    palette = to_bytes(np.clip(gradient(ramp, [(float(i), c) for i, c in enumerate(stops)]), 0, 1))
    x = np.linspace(0, width / height, width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    phases = rng.uniform(0, TAU, (layers, 3))
    grain = rng.random((height, width), dtype=np.float32) * np.float32(0.05)
    for number in range(count):
        t = number / fps
        level = grain.copy()
        for layer in range(layers):
            base = 0.2 + 0.093 * layer
            speed = 0.5 + 0.16 * layer
            line = base + 0.038 * np.sin(x * 3.1 + phases[layer, 0] + t * speed)
            line += 0.022 * np.sin(x * 6.3 + phases[layer, 1] - t * speed * 1.3)
            line += 0.008 * np.sin(x * 14 + phases[layer, 2] + t * 2.1)
            line += 0.012 * np.sin(t * 1.7 + layer)
            below_line = rows - (line * height)[None, :]
            # Half of a step at the edge, the rest as a slow gradient: each sheet has volume.
            level += np.clip(below_line + 0.5, 0, 1) * np.float32(0.5)
            level += np.clip(below_line * np.float32(3.2 / height), 0, 1) * np.float32(0.5)
        index = (level * np.float32(2047 / (layers + 0.05))).astype(np.int32)
        yield palette[index]


def kaleidoscope(
    rng: np.random.Generator, width: int, height: int, fps: float, count: int
) -> Frames:
    """Six mirrors over turning silk."""
    side = 1024
    texture = to_bytes(abstract.silk(rng, side, side))
    # Mirrored at its borders the texture has no seams.
    texture = np.concatenate([texture, texture[:, ::-1]], axis=1)
    texture = np.concatenate([texture, texture[::-1]], axis=0).reshape(-1, 3)
    x, y = grid(width, height)
    dx, dy = x - 0.5 * width / height, y - 0.5
    radius = np.hypot(dx, dy)
    sector = TAU / 6
    angle = np.abs((np.arctan2(dy, dx) + np.pi / 2) % sector - sector / 2)
    cos, sin = radius * np.cos(angle) * side, radius * np.sin(angle) * side
    shade = np.clip(1.12 - 0.55 * radius**2, 0, 1)[..., None] * 256
    shade = shade.astype(np.uint16)
    size = 2 * side
    for number in range(count):
        t = number / fps
        turn, zoom = 0.32 * t, 0.95 + 0.2 * np.sin(0.8 * t)
        c, s = np.float32(np.cos(turn) * zoom), np.float32(np.sin(turn) * zoom)
        u = (cos * c - sin * s + np.float32(side * (0.5 + 0.11 * t))).astype(np.int32) % size
        v = (cos * s + sin * c + np.float32(side * (0.4 + 0.07 * t))).astype(np.int32) % size
        picture = texture[v * size + u]
        yield ((picture * shade) >> 8).astype(np.uint8)


def neon(rng: np.random.Generator, width: int, height: int, fps: float, count: int) -> Frames:
    """A drive over a glowing grid towards a striped sun."""
    horizon = 0.56
    x, y = grid(width, height)
    centre = 0.5 * width / height
    sky = [(0.0, rgb("0c0524")), (0.3, rgb("2b0f54")), (0.5, rgb("8a1f7a")),
           (horizon, rgb("ff5fa0")), (1.0, rgb("ff5fa0"))]  # fmt: skip
    back = np.repeat(gradient(y, sky), width, axis=1)
    stars(back, rng, width // 2, smoothstep(0.45, 0.1, y) + 0 * x, 0.8)
    away = np.hypot(x - centre, y - 0.36)
    glow(back, 0.65 * np.exp(-np.maximum(away - 0.2, 0) / 0.1), rgb("ff4f8a"))
    disc = np.clip(0.5 - (away - 0.21) * height, 0, 1)
    tone = gradient(
        np.broadcast_to(y, away.shape),
        [(0.15, rgb("ffe36b")), (0.36, rgb("ff8a4f")), (0.57, rgb("ff2f8f"))],
    )
    peaks = []
    for range_, code in ((1, "35135c"), (0, "160a35")):
        jag = ridge(rng, width, 9, 5) * (0.03 - 0.008 * range_)
        top = (horizon - 0.035 - 0.02 * range_ - jag) * height
        peaks.append((below(top.astype(np.float32), height), rgb(code)))
    first = int(horizon * height)
    depth = 1 / np.maximum(y[first:] - horizon, 0.5 / height)
    floor = gradient(
        y[first:], [(horizon, rgb("5a1a70")), (0.7, rgb("1a0a3a")), (1, rgb("0b0522"))]
    )
    floor = np.repeat(floor, width, axis=1)
    across = (x - centre) * depth * 1.1
    # Line width in grid units grows with the distance a pixel covers, so far lines don't shimmer.
    reach = np.abs(across - np.round(across))
    # Towards the sides that is mostly their run from row to row.
    blur = 0.012 + 0.9 * np.hypot(depth, np.abs(x - centre) * 1.1 * depth**2) / height
    lines = np.exp(-((reach / blur) ** 2)) * np.minimum(1, 0.05 / blur * 2.2)
    halo = np.exp(-((reach / (blur + 0.07)) ** 2)) * 0.25
    # Where lines lie closer than pixels only an even shine is left.
    clear = smoothstep(0.4, 0.08, blur)
    lines = (lines + halo) * clear + 0.25 * (1 - clear)
    glow(floor, np.clip(lines, 0, 1).astype(np.float32), rgb("3fe8ff"))
    mist = np.exp(-(y[first:] - horizon) / 0.035)
    wide = 0.02 + 0.42 * depth[:, 0] ** 2 / height
    row_clear = smoothstep(0.4, 0.08, wide)
    sky_rows = slice(int(0.14 * height), first)
    for number in range(count):
        t = number / fps
        picture = back.copy()
        level = y[sky_rows]
        band = (level - 0.36 - 0.02 * t) * 22 % 1.0
        keep = np.clip((band - 0.65 * (level - 0.3) / 0.27) * height / 22 + 0.5, 0, 1)
        keep = np.where(level < 0.31, 1, keep)
        over(picture[sky_rows], (disc[sky_rows] * keep).astype(np.float32), tone[sky_rows])
        for mask, colour in peaks:
            over(picture[sky_rows], mask[sky_rows], colour)
        along = depth[:, 0] * 0.42 + t * 2.4
        gap = np.abs(along - np.round(along))
        row = np.exp(-((gap / wide) ** 2)) * np.minimum(1, 0.1 / wide)
        row += 0.3 * np.exp(-((gap / (wide + 0.1)) ** 2)) * np.minimum(1, 0.2 / wide)
        row = row * row_clear + 0.3 * (1 - row_clear)
        ground = floor.copy()
        light = np.broadcast_to(np.clip(row, 0, 1)[:, None], ground.shape[:2]).astype(np.float32)
        glow(ground, light, rgb("ff4fd8"))
        over(ground, np.broadcast_to(mist * 0.8, ground.shape[:2]), rgb("ff8fc0"))
        picture[first:] = ground
        yield to_bytes(np.clip(picture, 0, 1))


def ink(rng: np.random.Generator, width: int, height: int, fps: float, count: int) -> Frames:
    """Coloured smoke that drifts and curls."""
    small_w, small_h = width // 2, height // 2
    fields = [fbm(rng, small_w * 2, small_h * 2, (5, 4), 4, gain=0.5) for _ in range(3)]
    ramp = np.linspace(0, 1, 1024, dtype=np.float32)
    palette = gradient(ramp, [
        (0.0, rgb("050414")), (0.3, rgb("22116a")), (0.5, rgb("7a1fa0")),
        (0.66, rgb("f0448a")), (0.82, rgb("ff9a5f")), (1.0, rgb("fff0c8"))])  # fmt: skip
    colours = to_bytes(palette).astype(np.float32)
    rows = np.arange(small_h, dtype=np.float32)[:, None]
    columns = np.arange(small_w, dtype=np.float32)[None, :]
    for number in range(count):
        t = number / fps
        a = _window(fields[0], 14 * t, 6 * t, small_w, small_h)
        b = _window(fields[1], 9 * t, 17 * t, small_w, small_h)
        where = [
            rows + small_h * 0.5 + 26 * a + 10 * t,
            columns + small_w * 0.5 + 26 * b - 12 * t,
        ]
        folded = ndimage.map_coordinates(fields[2], where, order=1, mode="mirror")
        level = np.clip(0.42 + 0.2 * folded + 0.07 * a, 0, 1)
        full = ndimage.zoom(level, (height / small_h, width / small_w), order=1)
        yield colours[(full * 1023).astype(np.int32)].astype(np.uint8)


def _window(
    field: NDArray[np.float32], right: float, down: float, width: int, height: int
) -> NDArray[np.float32]:
    """A piece of a field at a sub-pixel offset."""
    column, row = int(right), int(down)
    fx, fy = np.float32(right - column), np.float32(down - row)
    # Mirrored at its borders a field never ends.
    part = field[_mirrored(row, height + 1, len(field))]
    part = part[:, _mirrored(column, width + 1, field.shape[1])]
    part = part[:, :-1] * (1 - fx) + part[:, 1:] * fx
    return np.asarray(part[:-1] * (1 - fy) + part[1:] * fy, dtype=np.float32)


def _mirrored(start: int, count: int, size: int) -> NDArray[np.int64]:
    index = np.arange(start, start + count) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)

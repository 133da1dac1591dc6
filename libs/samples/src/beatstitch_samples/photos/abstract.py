"""Pictures of nothing: folded silk and a poster of circles."""

import numpy as np
from scipy import ndimage

from beatstitch_samples.photos.canvas import (
    Colour,
    Picture,
    Plane,
    fbm,
    finish,
    gradient,
    grid,
    over,
    rgb,
    smoothstep,
)


def silk(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Colour that flows in folds, lit from the side like cloth."""
    x, y = grid(width, height)
    warp_x = fbm(rng, width, height, (1.6, 1.1), 2, gain=0.35)
    warp_y = fbm(rng, width, height, (1.6, 1.1), 2, gain=0.35)
    u = x * 1.1 + 0.22 * warp_x
    v = y * 1.1 + 0.22 * warp_y
    fold = np.sin(7 * u + 3.2 * v + 1.6 * np.sin(3.1 * v + warp_x))
    fold += 0.5 * np.sin(13 * v - 5 * u + 2 * np.sin(2.3 * u + warp_y))
    fold += 0.16 * np.sin(31 * u + 11 * v + 3 * fold)
    fold = ndimage.gaussian_filter(fold, 1.2)
    down, across = np.gradient(fold * height * 0.045)
    normal = 1 / np.sqrt(1 + down**2 + across**2)
    light = np.clip((0.55 * across - 0.6 * down + 0.75) * normal, 0, 1.4)
    shine = np.clip((0.5 * across - 0.45 * down + 0.95) * normal / 1.17, 0, 1) ** 22
    hue = 0.5 + 0.16 * fold + 0.2 * warp_x + 0.12 * (x - y)
    picture = gradient(np.clip(hue, 0, 1).astype(np.float32), [
        (0.0, rgb("12204f")), (0.22, rgb("1f5fa8")), (0.4, rgb("29b5b0")),
        (0.56, rgb("f3d38a")), (0.72, rgb("f0735f")), (0.88, rgb("b23a78")),
        (1.0, rgb("4b2170"))])  # fmt: skip
    picture *= (0.28 + 0.85 * light)[..., None].astype(np.float32)
    picture += 0.42 * shine[..., None].astype(np.float32)
    return finish(np.clip(picture, 0, 1), rng, 0.3)


def poster(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A mid-century poster: a striped sun, arcs and leaves of flat colour on paper."""
    x, y = grid(width, height)
    aspect, pixel = width / height, 1 / height
    cream, ink = rgb("f4e7cf"), rgb("1f3044")
    palette = [rgb(c) for c in ("d9483b", "f0a03c", "2f7f86", "e9c46a", "274b6d")]
    picture = np.zeros((height, width, 3), dtype=np.float32)
    picture[:] = cream

    def inside(distance: Plane) -> Plane:
        return np.asarray(np.clip(0.5 - distance / pixel, 0, 1), dtype=np.float32)

    sun = (aspect * rng.uniform(0.56, 0.68), 0.40)
    away = np.hypot(x - sun[0], y - sun[1])
    over(picture, inside(away - 0.33), rgb("f3d9a6"))
    disc = inside(away - 0.27)
    # Stripes that widen downwards eat the sun away.
    row = y - sun[1]
    stripe = ((row * 26) % 1.0) - (0.12 + 0.55 * np.clip(row / 0.27, 0, 1))
    cut = np.where(row > -0.02, np.clip(stripe / (26 * pixel) + 0.5, 0, 1), 1)
    tone = gradient(np.broadcast_to(row, away.shape), [
        (-0.27, rgb("f6b04e")), (0.05, rgb("e8643f")), (0.27, rgb("c93a4b"))])  # fmt: skip
    over(picture, (disc * cut).astype(np.float32), tone)

    centres = [(0.0, 1.02), (aspect * 0.42, 1.12), (aspect * 0.8, 1.06), (aspect * 1.02, 1.0)]
    radii = [0.58, 0.42, 0.47, 0.36]
    order = rng.permutation(len(palette))
    for place, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        out = np.hypot(x - centre[0], y - centre[1])
        for ring in range(6):
            size = radius * (1 - ring / 6)
            colour = palette[order[(place + ring) % len(palette)]] if ring % 2 == 0 else cream
            over(picture, inside(out - size), colour)
            over(picture, inside(np.abs(out - size) - 0.0012), ink)
    for stem in range(5):
        _leaf(
            picture,
            x,
            y,
            foot=0.12 + 0.075 * stem,
            top=0.50 - 0.035 * (stem % 3),
            colour=palette[(stem * 2 + 2) % len(palette)],
            ink=ink,
        )
    for bird in range(3):
        bx, by = aspect * (0.33 + 0.07 * bird), 0.17 + 0.035 * (bird % 2)
        arc = np.abs(np.abs(x - bx) - 0.018)
        wing = np.abs(np.hypot(arc * 0.9, y - by - 0.018) - 0.02)
        over(picture, inside(wing - 0.0016) * (y < by + 0.012) * (np.abs(x - bx) < 0.036), ink)
    paper = fbm(rng, width, height, (160, 107), 3, gain=0.7)
    fibres = fbm(rng, width, height, (5, 4), 4)
    picture *= (1 + 0.014 * paper + 0.018 * fibres)[..., None]
    return finish(picture, rng, 0.16)


def _leaf(
    picture: Picture,
    x: Plane,
    whole_y: Plane,
    *,
    foot: float,
    top: float,
    colour: Colour,
    ink: Colour,
) -> None:
    """A stem with pairs of leaves, each the overlap of two circles."""
    pixel = 1 / picture.shape[0]
    # Only the strip the plant stands in is painted: masks cost by area.
    strip = slice(*np.searchsorted(x[0], (foot - 0.06, foot + 0.06)))
    picture, x = picture[:, strip], x[:, strip]
    stem = np.maximum(np.abs(x - foot) - 0.0018, top - whole_y)
    over(picture, np.clip(0.5 - stem / pixel, 0, 1), ink)
    for pair in range(6):
        level = top + 0.01 + pair * 0.052
        rows = slice(*np.searchsorted(whole_y[:, 0], (level - 0.07, level + 0.07)))
        part, y = picture[rows], whole_y[rows]
        for side in (-1, 1):
            cx, cy = foot + side * 0.019, level
            # In the leaf's own axes: along it and across it.
            along = ((x - cx) * side - (y - cy)) * 0.7071
            across = ((x - cx) * side + (y - cy)) * 0.7071
            lens = np.hypot(along, np.abs(across) + 0.03) - 0.0415
            over(part, np.clip(0.5 - lens / pixel, 0, 1), colour)
            vein = np.maximum(np.abs(across) - 0.0009, np.abs(along) - 0.024)
            over(part, smoothstep(pixel, 0, vein) * 0.6, ink)

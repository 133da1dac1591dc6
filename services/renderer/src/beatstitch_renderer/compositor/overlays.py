"""What lies over all pictures, text on a veil and marks: prepared once, blended by integers.

Coverage is known per pixel of luma; a pixel of chroma is covered as much as its four are together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from beatstitch_renderer.compositor.geometry import UNIT
from beatstitch_renderer.compositor.planes import Planes, filled, toned
from beatstitch_renderer.compositor.text import evened, lettering
from beatstitch_renderer.planning.overlays import WHOLE, strength_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch.v1.edl_pb2 import Overlay, PictureMark, TextCard
    from beatstitch_renderer.compositor.planes import Colour

    Bytes = NDArray[np.uint8]
    Weights = NDArray[np.uint32]

# sha256, and the width and height that are needed → packed 8-bit RGB or RGBA, upright.
LoadPixels = Callable[[str, tuple[int, int]], np.ndarray]
_FULL = 255
_HALF = np.uint32(WHOLE // 2)
# BT.709 in studio range, from R, G, B in 0 to 255.
_KR, _KB = 0.2126, 0.0722


@dataclass(frozen=True, slots=True)
class _Plane:
    """What is blended into one plane from a place on: values, how much they cover (0 to 255)."""

    x: int
    y: int
    values: NDArray[np.uint32]
    cover: NDArray[np.uint32]

    def into(self, below: Bytes, strength: int) -> None:
        """Blends in place; `strength` in 1/65536."""
        tall, wide = self.cover.shape
        spot = below[self.y : self.y + tall, self.x : self.x + wide]
        weight = (self.cover * np.uint32(strength) + np.uint32(127)) // np.uint32(_FULL)
        mixed = spot * (np.uint32(WHOLE) - weight) + self.values * weight + _HALF
        spot[...] = mixed >> 16


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A prepared overlay.

    Attributes:
        planes: What is blended into Y, U and V; none for nothing but a veil.
        opacity: How much of it, in 1/65536.
        veil: Colour over the whole frame, under it.
        veil_opacity: How much of that, in 1/65536.
    """

    planes: tuple[_Plane, ...]
    opacity: int = WHOLE
    veil: Colour = (16, 128, 128)
    veil_opacity: int = 0

    def over(self, picture: Planes, strength: int) -> Planes:
        if self.veil_opacity:
            picture = toned(picture, self.veil, _share(self.veil_opacity, strength))
        if not self.planes:
            return picture
        parts = [plane.copy() for plane in picture.all]
        for plane, part in zip(self.planes, parts, strict=True):
            plane.into(part, _share(self.opacity, strength))
        return Planes(*parts)


class Overlays:
    """The overlays of a piece.

    Args:
        content: The piece.
        load: Decodes the pictures of picture marks, when they are first shown.
    """

    def __init__(self, content: ChunkContent, load: LoadPixels) -> None:
        self._overlays, self._load = list(content.overlays), load
        self._frame = content.output.width, content.output.height
        self._stamps: dict[int, _Stamp] = {}
        self._last: tuple[Planes, tuple[int, ...], Planes] | None = None

    def over(self, picture: Planes, frame: int) -> Planes:
        """A frame's picture with what lies over it; the same object again where nothing changes."""
        strengths = tuple(strength_at(overlay, frame) for overlay in self._overlays)
        if not any(strengths):
            return picture
        if self._last is not None and self._last[0] is picture and self._last[1] == strengths:
            return self._last[2]
        made = picture
        for index, strength in enumerate(strengths):
            if strength:
                made = self._stamp(index).over(made, strength)
        self._last = picture, strengths, made
        return made

    def _stamp(self, index: int) -> _Stamp:
        if index not in self._stamps:
            self._stamps[index] = self._prepared(self._overlays[index])
        return self._stamps[index]

    def _prepared(self, overlay: Overlay) -> _Stamp:
        if overlay.HasField("picture"):
            return _marked(overlay.picture, self._frame, self._load)
        return _lettered(overlay.text, self._frame)


def _share(amount: int, strength: int) -> int:
    return (amount * strength + WHOLE // 2) // WHOLE


def _lettered(card: TextCard, frame: tuple[int, int]) -> _Stamp:
    letters = lettering(card, frame)
    veil = colour_of(card.veil_rgb)
    if letters is None:
        return _Stamp((), veil=veil, veil_opacity=card.veil_opacity)
    rgb = np.empty((*letters.mask.shape, 3), np.uint8)
    rgb[...] = [card.rgb >> 16 & 255, card.rgb >> 8 & 255, card.rgb & 255]
    planes = _planes(letters.x, letters.y, rgb, letters.mask)
    return _Stamp(planes, veil=veil, veil_opacity=card.veil_opacity)


def _marked(mark: PictureMark, frame: tuple[int, int], load: LoadPixels) -> _Stamp:
    """A picture fitted into its place, in the middle of it."""
    x, y = mark.place.x * frame[0] / UNIT, mark.place.y * frame[1] / UNIT
    room = mark.place.w * frame[0] / UNIT, mark.place.h * frame[1] / UNIT
    pixels = load(mark.media_sha256, (max(1, round(room[0])), max(1, round(room[1]))))
    tall, wide = pixels.shape[:2]
    scale = min(room[0] / wide, room[1] / tall)
    size = (_within(wide * scale, frame[0]), _within(tall * scale, frame[1]))
    rgba = _sized(pixels, size)
    left = min(max(round(x + (room[0] - size[0]) / 2), 0), frame[0] - size[0])
    top = min(max(round(y + (room[1] - size[1]) / 2), 0), frame[1] - size[1])
    cover = evened(left, top, np.asarray(rgba[..., 3], np.uint8))
    above, before = top - cover.y, left - cover.x
    below, after = cover.mask.shape[0] - size[1] - above, cover.mask.shape[1] - size[0] - before
    rgb = np.pad(rgba[..., :3], ((above, below), (before, after), (0, 0)), mode="edge")
    return _Stamp(_planes(cover.x, cover.y, rgb, cover.mask), opacity=mark.opacity)


def _within(length: float, most: int) -> int:
    return min(max(1, round(length)), most)


def _sized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """RGBA of a size; colours weigh as much as they cover, so no edge takes on a hidden colour."""
    if pixels.shape[2] == 3:
        pixels = np.dstack((pixels, np.full(pixels.shape[:2], _FULL, np.uint8)))
    shrinks = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    held = pixels.astype(np.float32)
    held[..., :3] *= held[..., 3:] / _FULL
    held = np.asarray(cv2.resize(held, size, interpolation=way), np.float32)
    held[..., :3] *= _FULL / np.maximum(held[..., 3:], 1e-3)
    made: np.ndarray = np.clip(np.rint(held), 0, _FULL).astype(np.uint8)
    return made


def _planes(x: int, y: int, rgb: np.ndarray, mask: Bytes) -> tuple[_Plane, ...]:
    """What an RGB picture with a mask, both of even sizes at an even place, is in each plane."""
    luma, *chroma = _yuv(rgb.astype(np.float64))
    cover = mask.astype(np.float64)
    shared = _quarters(cover)
    planes = [_Plane(x, y, _whole(luma), _whole(cover))]
    for values in chroma:
        mean = _quarters(values * cover) / np.maximum(shared, 1e-9)
        planes.append(_Plane(x // 2, y // 2, _whole(mean), _whole(shared)))
    return tuple(planes)


def _quarters(plane: np.ndarray) -> np.ndarray:
    """Means of two by two."""
    tall, wide = plane.shape
    means: np.ndarray = plane.reshape(tall // 2, 2, wide // 2, 2).mean(axis=(1, 3))
    return means


def _whole(values: np.ndarray) -> Weights:
    whole: Weights = np.clip(np.floor(values + 0.5), 0, _FULL).astype(np.uint32)
    return whole


def _yuv(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    red, green, blue = (rgb[..., i] / _FULL for i in range(3))
    luma = _KR * red + (1 - _KR - _KB) * green + _KB * blue
    u = (blue - luma) / (2 * (1 - _KB))
    v = (red - luma) / (2 * (1 - _KR))
    return 16 + 219 * luma, 128 + 224 * u, 128 + 224 * v


def colour_of(rgb: int) -> Colour:
    """Y, U, V of 0xRRGGBB, as backgrounds have it."""
    y, u, v = (int(plane[0, 0]) for plane in filled(16, 16, rgb).all)
    return y, u, v

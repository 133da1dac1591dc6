"""Pictures that say who they are: a code of black and white cells in each frame.

A code is a square of 12 × 12 cells in the middle of the picture, half as wide as its shorter side:
a white ring, a black ring, and inside them 8 × 8 cells of data. That square survives a cover crop
from 9:16 to 16:9, scaling to 320 × 180, letterboxing and lossy coding. The reader finds the white
ring by itself, so it needs to know nothing about what was done to the picture.

64 bits: source id (16), frame number (24), CRC-32 of both cut to 24 bits.
"""

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CELLS = 8
SIDE = CELLS + 4
# Spread over black and white also for small numbers; keeps a code unlike its own turned self.
WHITENING = 0x5A96_C3A5_3C69_0FF0
MAX_SOURCE = (1 << 16) - 1
MAX_FRAME = (1 << 24) - 1
# Between half and two thirds of the way from black to white lies what blurred edges leave.
LEVELS = (0.7, 0.58, 0.82)


def encode_frame_code(image: NDArray[np.uint8], source_id: int, frame: int = 0) -> None:
    """Paints a code into the middle of an RGB picture, in place.

    Args:
        image: uint8 of shape (height, width, 3).
        source_id: 0 to 65,535.
        frame: 0 to 16,777,215.

    Raises:
        ValueError: A number is out of range or the picture is too small for the code.
    """
    height, width = image.shape[:2]
    cell = min(height, width) // 2 // SIDE
    if cell < 1:
        raise ValueError(f"a picture of {width}×{height} is too small for a code")
    cells = np.full((SIDE, SIDE), 255, dtype=np.uint8)
    cells[1:-1, 1:-1] = 0
    cells[2:-2, 2:-2] = _bits(source_id, frame) * 255
    code = np.kron(cells, np.ones((cell, cell), dtype=np.uint8))
    # Even offsets keep the cells on the grid of subsampled colour.
    top, left = (height - len(code)) // 4 * 2, (width - len(code)) // 4 * 2
    image[top : top + len(code), left : left + len(code)] = code[..., None]


def decode_frame_code(rgb: NDArray[np.uint8]) -> tuple[int, int] | None:
    """Reads the code of a picture, however it was scaled, cropped or boxed.

    In a crossfade it is the stronger picture's code that is read; near the middle of a fade
    neither may be readable.

    Args:
        rgb: uint8 of shape (height, width, 3), or (height, width) for grey.

    Returns:
        (source id, frame number), or None if there is no readable code.
    """
    for values in _candidates(rgb):
        bits = values > 0.5
        number = int("".join("1" if bit else "0" for bit in bits.ravel()), 2) ^ WHITENING
        source_id, frame, check = number >> 48, number >> 24 & MAX_FRAME, number & 0xFFFFFF
        if check == _check(source_id, frame):
            return source_id, frame
    return None


def measure_mix(
    rgb: NDArray[np.uint8], first: tuple[int, int], second: tuple[int, int]
) -> float | None:
    """Measures how far a crossfade has come.

    Args:
        rgb: A frame of the fade.
        first: Code of the outgoing picture.
        second: Code of the incoming picture.

    Returns:
        The weight of `second`, from about 0 to about 1, or None if no code is found or the two
        codes are equal.
    """
    a, b = _bits(*first).astype(np.float64), _bits(*second).astype(np.float64)
    differ = a != b
    if not differ.any():
        return None
    for values in _candidates(rgb):
        return float(np.mean(np.where(b > a, values, 1 - values)[differ]))
    return None


def coded_image(
    source_id: int, frame: int = 0, size: tuple[int, int] = (640, 360)
) -> NDArray[np.uint8]:
    """Makes a picture with a code on a background whose colour goes with the source.

    The background moves with the frame number, so that encoders have something to do, and stays
    between dark and bright, so that nothing but the code is white or black.
    """
    width, height = size
    hue = (source_id * 0.381966) % 1.0
    base = 0.5 + 0.5 * np.cos(2 * np.pi * (hue + np.array([0.0, 1 / 3, 2 / 3])))
    shift = frame * 0.05
    # Nothing here is sharp, so large pictures are drawn in blocks: 4K costs no more than 640.
    block = max(1, min(width, height) // 360)
    x = np.sin(np.arange(0, width, block, dtype=np.float32) * np.float32(9 / width) + shift)
    y = np.sin(np.arange(0, height, block, dtype=np.float32) * np.float32(7 / height) - shift)
    wave = (x[None, :] + y[:, None]) * 12
    levels = (78 + 46 * base.astype(np.float32))[None, None, :] + wave[..., None]
    small = np.clip(levels, 40, 170).astype(np.uint8)
    large = small.repeat(block, axis=0).repeat(block, axis=1)
    image: NDArray[np.uint8] = np.ascontiguousarray(large[:height, :width], dtype=np.uint8)
    encode_frame_code(image, source_id, frame)
    return image


def _check(source_id: int, frame: int) -> int:
    data = source_id.to_bytes(2, "big") + frame.to_bytes(3, "big")
    return zlib.crc32(b"beatstitch" + data) & 0xFFFFFF


def _bits(source_id: int, frame: int) -> NDArray[np.uint8]:
    """The data cells of a code: 8 × 8 of 0 and 1."""
    if not (0 <= source_id <= MAX_SOURCE and 0 <= frame <= MAX_FRAME):
        raise ValueError(f"source {source_id} or frame {frame} does not fit into a code")
    number = (source_id << 48 | frame << 24 | _check(source_id, frame)) ^ WHITENING
    return np.array([number >> 63 - i & 1 for i in range(64)], dtype=np.uint8).reshape(8, 8)


def _candidates(rgb: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Data cells, from 0 (black) to 1 (white), of all squares that look like a code."""
    grey = rgb if rgb.ndim == 2 else rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    step = max(1, min(grey.shape) // 540)
    if step > 1:
        rows, columns = (length // step * step for length in grey.shape)
        blocks = grey[:rows, :columns].reshape(rows // step, step, columns // step, step)
        grey = blocks.mean(axis=(1, 3))
    plane: NDArray[np.float32] = np.asarray(grey, dtype=np.float32)
    low, high = float(plane.min()), float(plane.max())
    found: list[NDArray[np.float64]] = []
    if high - low < 40:
        return found
    for level in LEVELS:
        labels, _ = ndimage.label(plane > low + level * (high - low))
        for box in ndimage.find_objects(labels):
            values = _read_box(plane, box)
            if values is not None:
                found.append(values)
        if found:
            break
    return found


def _read_box(grey: NDArray[np.float32], box: tuple[slice, slice]) -> NDArray[np.float64] | None:
    """Reads the cells of one bright region; None unless both rings are where they should be."""
    rows, columns = box
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    if min(tall, wide) < 2 * SIDE or not 0.88 < tall / wide < 1.14:
        return None
    # The mean over the inner half of each cell: a 3 × 3 grid of samples.
    offsets = (np.arange(SIDE)[:, None] + np.array([0.3, 0.5, 0.7])).ravel() / SIDE
    where_y = np.clip((rows.start + offsets * tall).astype(int), 0, grey.shape[0] - 1)
    where_x = np.clip((columns.start + offsets * wide).astype(int), 0, grey.shape[1] - 1)
    cells = grey[np.ix_(where_y, where_x)].reshape(SIDE, 3, SIDE, 3).mean(axis=(1, 3))
    outer = np.concatenate([cells[0], cells[-1], cells[1:-1, 0], cells[1:-1, -1]])
    inner_cells = cells[1:-1, 1:-1]
    inner = np.concatenate(
        [inner_cells[0], inner_cells[-1], inner_cells[1:-1, 0], inner_cells[1:-1, -1]]
    )
    white, black = float(outer.mean()), float(inner.mean())
    if (
        white - black < 30
        or outer.min() < 0.5 * (white + black)
        or inner.max() > white - 0.35 * (white - black)
    ):
        return None
    values = (cells[2:-2, 2:-2].astype(np.float64) - black) / (white - black)
    return np.asarray(values, dtype=np.float64)

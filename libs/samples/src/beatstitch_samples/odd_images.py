"""Pictures that are odd but fair, and pictures that mean harm."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from beatstitch_samples.coded import coded_image

# EXIF orientation: what was done to the picture before storing, so that undoing it is right.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATION_TAG = 0x0112


def exif_jpeg(
    path: Path, *, orientation: int = 6, source_id: int = 1, size: tuple[int, int] = (640, 360)
) -> Path:
    """A JPEG stored turned or mirrored; its EXIF orientation puts it upright. `size` is as shown.

    Raises:
        KeyError: The orientation is not 1 to 8.
    """
    image = Image.fromarray(coded_image(source_id, 0, size))
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    (image.transpose(turn) if turn is not None else image).save(path, quality=92, exif=exif)
    return path


def alpha_png(path: Path, *, source_id: int = 1, size: tuple[int, int] = (640, 360)) -> Path:
    """An RGBA PNG: opaque around the code, fading to clear at the left and right."""
    rgb = coded_image(source_id, 0, size)
    ramp = np.clip(np.minimum(np.arange(size[0]), np.arange(size[0])[::-1]) * 4, 0, 255)
    alpha = np.broadcast_to(ramp.astype(np.uint8), rgb.shape[:2])[..., None]
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(path)
    return path


def grey_png(path: Path, *, source_id: int = 1, size: tuple[int, int] = (640, 360)) -> Path:
    """An 8-bit greyscale PNG."""
    Image.fromarray(coded_image(source_id, 0, size)).convert("L").save(path)
    return path


def deep_png(path: Path, *, source_id: int = 1, size: tuple[int, int] = (640, 360)) -> Path:
    """A PNG with 16 bits a channel, RGB."""
    rgb = coded_image(source_id, 0, size).astype(">u2") * 257
    rows = (b"\x00" + row.tobytes() for row in rgb)
    packer = zlib.compressobj(6)
    data = b"".join(packer.compress(row) for row in rows) + packer.flush()
    path.write_bytes(_png(size[0], size[1], depth=16, colour=2, data=data))
    return path


def palette_png(path: Path, *, source_id: int = 1, size: tuple[int, int] = (640, 360)) -> Path:
    """A PNG with a palette and one transparent colour in it."""
    image = Image.fromarray(coded_image(source_id, 0, size)).quantize(64)
    image.save(path, transparency=63)
    return path


def cmyk_jpeg(path: Path, *, source_id: int = 1, size: tuple[int, int] = (640, 360)) -> Path:
    """A JPEG in the colours of print."""
    Image.fromarray(coded_image(source_id, 0, size)).convert("CMYK").save(path, quality=92)
    return path


def animated(
    path: Path,
    *,
    source_id: int = 1,
    frames: int = 8,
    duration_ms: int = 100,
    size: tuple[int, int] = (320, 180),
) -> Path:
    """An animated GIF, WebP or PNG, by the suffix; frame n carries the code (source id, n)."""
    images = [Image.fromarray(coded_image(source_id, n, size)) for n in range(frames)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration_ms, loop=0)
    return path


def tiny_image(path: Path, colour: tuple[int, int, int] = (200, 30, 90)) -> Path:
    """A picture of one pixel."""
    Image.new("RGB", (1, 1), colour).save(path)
    return path


def png_bomb(path: Path, width: int = 30_000, height: int = 30_000) -> Path:
    """A small PNG file that unpacks to a huge picture: one bit a pixel, all black."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    block = row * 500
    parts = [packer.compress(block) for _ in range(height // 500)]
    parts += [packer.compress(row * (height % 500)), packer.flush()]
    path.write_bytes(_png(width, height, depth=1, colour=0, data=b"".join(parts)))
    return path


def gif_bomb(path: Path, side: int = 20_000, frames: int = 200) -> Path:
    """A GIF of a few kilobytes with a huge canvas, one pixel of which changes in each frame."""
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    control = bytes([0x21, 0xF9, 4, 4, 10, 0, 0, 0])
    # One pixel of colour 0: the codes "clear", 0 and "end" in three bits each.
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + bytes([2, 2, 0x44, 0x01, 0])
    path.write_bytes(b"GIF89a" + screen + (control + picture) * frames + b"\x3b")
    return path


def svg_with_reference(path: Path, url: str) -> Path:
    """An SVG that wants another resource, whatever its name says."""
    path.write_text(
        '<?xml version="1.0"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="640" height="360"><image xlink:href="{url}" width="640" height="360"/></svg>\n',
        encoding="utf-8",
    )
    return path


def _png(width: int, height: int, *, depth: int, colour: int, data: bytes) -> bytes:
    """Puts packed rows into a PNG file (ISO/IEC 15948)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )

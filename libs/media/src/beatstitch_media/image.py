"""Pictures as the renderer needs them: turned upright, sRGB, 8 bits, the same on every machine.

For use inside sandboxed children only: picture files come from strangers.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.tone import curve_of, to_709

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
MAX_PIXELS = 100_000_000
# Pictures in boxes, which may be HDR, and how far into the file their colours are told.
_BOXED = frozenset({"AVIF", "HEIF"})
_HEAD_BYTES = 65_536
_CURVE = "beatstitch-curve"
# Exif's orientations that change something.
_TURNED = range(2, 9)

with contextlib.suppress(ImportError):  # an extra: HEIC pictures where pillow-heif is installed
    import pillow_heif  # type: ignore[import-not-found,unused-ignore]

    pillow_heif.register_heif_opener()
    FORMATS += ("HEIF",)

# Pillow would only warn up to twice its own limit; ours is checked before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


@contextlib.contextmanager
def open_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """The picture's header; nothing is decoded yet.

    Raises:
        BeatStitchError: INPUT_CORRUPT, or INPUT_TOO_LARGE above `max_pixels`.
    """
    # Opened here, as Pillow would put the path into its errors.
    with readable(), path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_INPUT_TOO_LARGE,
                f"the picture is {width} × {height} pixels; at most {max_pixels:,} are allowed",
            )
        if image.format in _BOXED:
            file.seek(0)
            image.info[_CURVE] = curve_in(file.read(_HEAD_BYTES))
        yield image


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Turns whatever Pillow raises on a damaged file into INPUT_CORRUPT."""
    try:
        yield
    except (BeatStitchError, MemoryError):
        raise
    except UnidentifiedImageError as error:  # its text names the file object
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_CORRUPT,
            "the picture can't be read: its start is damaged",
        ) from error
    except Exception as error:  # decoders raise nearly anything on hostile bytes
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_CORRUPT,
            f"the picture can't be read: {error}",
        ) from error


def load_image(
    path: Path, *, max_pixels: int = MAX_PIXELS, at_least: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Decodes a picture.

    Args:
        path: The file; of a moving one the first frame is taken.
        max_pixels: Most pixels it may have.
        at_least: Width and height in pixels, as shown, that are needed. JPEG files may then be
            decoded at ½, ¼ or ⅛ of their size, as long as neither side falls below; much faster.

    Returns:
        Height × width × 3 (RGB) or, only where something is transparent, × 4 (RGBA, not
        premultiplied), sRGB, contiguous, not to be written to.

    Raises:
        BeatStitchError: INPUT_CORRUPT or INPUT_TOO_LARGE.
    """
    with open_image(path, max_pixels=max_pixels) as image, readable():
        if at_least is not None:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            image.draft(None, at_least[::-1] if turned else at_least)
        return np.asarray(upright_srgb(image), dtype=np.uint8)


def upright_srgb(image: Image.Image) -> Image.Image:
    """The picture decoded, turned upright, as RGB or RGBA in sRGB."""
    image.load()
    profile = image.info.get("icc_profile")
    alpha = _alpha(image)
    colour = _to_srgb(image, profile) if profile else None
    if colour is None:
        colour = _to_rgb(image)
        curve = None if profile else image.info.get(_CURVE)
        if curve is not None:
            # Of the 8 bits that Pillow gives.
            deep = np.asarray(colour).astype(np.uint16) * np.uint16(257)
            colour = Image.fromarray(to_709(deep, curve))
    if alpha is not None:
        colour.putalpha(alpha)
    orientation = image.getexif().get(0x0112, 1)
    # A copy of a large picture is 100 MB: none is made of one that is upright already.
    if orientation in _TURNED:
        colour.getexif()[0x0112] = orientation
        ImageOps.exif_transpose(colour, in_place=True)
    return colour


def _alpha(image: Image.Image) -> Image.Image | None:
    """The alpha channel, None where every pixel is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    low, _ = alpha.getextrema()
    return alpha if int(low) < 255 else None  # type: ignore[arg-type]


def curve_in(head: bytes) -> int | None:
    """By which curve (`tone.curve_of`) a HEIF or AVIF file that begins so goes to BT.709.

    By what its container tells of its colours (ISO/IEC 14496-12, `colr` of type `nclx`).
    """
    at = head.find(b"colrnclx")
    if at < 0 or at + 12 > len(head):
        return None
    primaries, transfer = struct.unpack_from(">HH", head, at + 8)
    return curve_of(transfer, primaries)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16-bit grey: Pillow would clip at 255 instead of scaling.
        deep = np.asarray(image).astype(np.uint32)
        grey = ((np.clip(deep, 0, 65_535) * 255 + 32_767) // 65_535).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "F":
        return Image.fromarray(np.clip(np.asarray(image), 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The colours through the picture's ICC profile; None where it has no usable one."""
    source = image
    if image.mode in ("RGBA", "RGBX", "P", "PA"):
        source = image.convert("RGBA").convert("RGB")
    elif image.mode == "LA":
        source = image.convert("L")
    if source.mode not in ("RGB", "CMYK", "L", "LAB"):
        return None
    try:
        converted = ImageCms.profileToProfile(
            source,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None  # a broken profile, or one for other channels: players ignore it too
    return converted

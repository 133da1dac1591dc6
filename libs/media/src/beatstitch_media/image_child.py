"""Child of `probe` and `thumbnail`: describes a picture, or makes its thumbnail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from beatstitch_media import child
from beatstitch_media.image import open_image, readable, upright_srgb

# EXIF orientation → clockwise turn (mirroring left aside), EXIF 2.32 tag 0x0112.
_TURNS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
_BACKGROUND = (24, 24, 24)
_HEAD_BYTES = 64 * 1024


def describe(path: Path, max_pixels: int) -> dict[str, Any]:
    """What there is to know about a picture; decodes it to prove that it is whole."""
    with open_image(path, max_pixels=max_pixels) as image:
        turn = _TURNS.get(image.getexif().get(0x0112, 1), 0)
        width, height = image.size
        facts: dict[str, Any] = {
            "format": (image.format or "").lower(),
            "animated": bool(getattr(image, "is_animated", False)),
            "width": height if turn in (90, 270) else width,
            "height": width if turn in (90, 270) else height,
            "rotation_degrees": turn,
            "bit_depth": bit_depth(path, image),
        }
        if facts["animated"] and image.format == "GIF":
            return facts  # a clip, which is decoded as one
        with readable():
            facts["has_alpha"] = upright_srgb(image).mode == "RGBA"
        return facts


def bit_depth(path: Path, image: Image.Image) -> int:
    """Bits per channel of the file, which Pillow has cut to 8 already for most formats."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if image.format == "PNG":
        return max(8, head[24])
    at = head.find(b"av1C")  # AV1CodecConfigurationRecord: bits 6 and 5 of its third byte
    if image.format == "AVIF" and at >= 0 and at + 6 < len(head):
        flags = head[at + 6]
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return 8


def shrink(path: Path, out: Path, max_side: int, max_pixels: int) -> None:
    """Writes a JPEG of at most `max_side` pixels a side, transparent parts on dark grey."""
    with open_image(path, max_pixels=max_pixels) as image, readable():
        image.draft("RGB", (max_side, max_side))
        upright = upright_srgb(image)
        upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        if upright.mode == "RGBA":
            back = Image.new("RGB", upright.size, _BACKGROUND)
            back.paste(upright, mask=upright.getchannel("A"))
            upright = back
        upright.save(out, "JPEG", quality=85)


def work(job: bytes) -> bytes:
    """Does what the job, JSON with `do`, `path` and their arguments, says."""
    order = json.loads(job)
    path = Path(order["path"])
    if order["do"] == "shrink":
        shrink(path, Path(order["out"]), order["max_side"], order["max_pixels"])
        return b"{}"
    return json.dumps(describe(path, order["max_pixels"])).encode()


if __name__ == "__main__":
    child.main(work)

"""Contact sheets: a video at a glance."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beatstitch_samples.measure import decode_frames

PAPER, INK, FAINT = (22, 24, 30), (236, 238, 242), (150, 156, 168)


def contact_sheet(
    video: Path,
    out: Path,
    *,
    columns: int = 4,
    times: Sequence[float | Fraction] | None = None,
    frames: Sequence[int] | None = None,
    captions: Sequence[str] | None = None,
    width: int = 320,
    count: int = 16,
    title: str = "",
) -> Path:
    """Writes a picture of some frames of a video, time stamps underneath.

    Args:
        video: The video.
        out: The picture to write; PNG or JPEG by its suffix.
        columns: Pictures in a row.
        times: Moments in seconds; for each the frame on show then.
        frames: Frame numbers instead of times.
        captions: A line for each picture, after its time stamp.
        width: Width of each picture in pixels.
        count: How many frames, evenly spread, if neither times nor frames are given.
        title: A heading.

    Returns:
        The path of the sheet.

    Raises:
        ValueError: The video has no frames, or both times and frames are given.
    """
    if times is not None and frames is not None:
        raise ValueError("give times or frames, not both")
    stamps = [time for time, _, _ in decode_frames(video)] if frames is None else []
    if frames is None:
        if not stamps:
            raise ValueError(f"no frames in {video.name}")
        if times is None:
            wanted = [int((i + 0.5) * len(stamps) / count) for i in range(min(count, len(stamps)))]
        else:
            # The frame on show: the last that starts at or before the moment.
            wanted = [max(0, sum(stamp <= moment for stamp in stamps) - 1) for moment in times]
    else:
        wanted = list(frames)
    kept = _pick(video, set(wanted), width)
    return _draw(kept, wanted, out, captions=captions, columns=columns, width=width, title=title)


def _pick(video: Path, numbers: set[int], width: int) -> dict[int, tuple[Fraction, Image.Image]]:
    """Decodes a video once and keeps the wanted frames, made small."""
    kept = {}
    for number, (time, _, rgb) in enumerate(decode_frames(video)):
        if number in numbers:
            kept[number] = (time, _small(rgb, width))
            if len(kept) == len(numbers):
                break
    return kept


def _small(rgb: NDArray[np.uint8], width: int) -> Image.Image:
    image = Image.fromarray(rgb)
    height = max(1, round(width * image.height / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _draw(
    kept: dict[int, tuple[Fraction, Image.Image]],
    wanted: Sequence[int],
    out: Path,
    *,
    captions: Sequence[str] | None,
    columns: int,
    width: int,
    title: str,
) -> Path:
    gap, line = 12, 30
    top = gap + (44 if title else 0)
    tall = max((image.height for _, image in kept.values()), default=1)
    rows = -(-len(wanted) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + gap) + gap, top + rows * (tall + line + gap)), PAPER
    )
    pen = ImageDraw.Draw(sheet)
    font, heading = ImageFont.load_default(15), ImageFont.load_default(24)
    if title:
        pen.text((gap, gap), title, fill=INK, font=heading)
    for place, number in enumerate(wanted):
        if number not in kept:
            continue
        time, image = kept[number]
        left = gap + place % columns * (width + gap)
        upper = top + place // columns * (tall + line + gap)
        sheet.paste(image, (left, upper))
        label = f"{float(time):7.3f} s".strip()
        pen.text((left, upper + tall + 6), label, fill=INK, font=font)
        caption = captions[place] if captions and place < len(captions) else f"frame {number}"
        after = left + pen.textlength(label, font=font) + 12
        pen.text((after, upper + tall + 6), caption, fill=FAINT, font=font)
    sheet.save(out)
    return out

"""The close look: one decode of all frames for curves, cuts, thumbnail, filmstrip and proxy."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beatstitch.v1 import failure_pb2
from beatstitch.v1.asset_pb2 import MediaTraits
from beatstitch_analyzer.clips import focus, sharpness
from beatstitch_analyzer.clips.budget import Clock
from beatstitch_analyzer.clips.frames import Shrinker, reading
from beatstitch_analyzer.clips.proxy import ProxyWriter, writing
from beatstitch_analyzer.clips.series import LOOK_SIZE, Series, luma
from beatstitch_analyzer.clips.traits import Looks, clip_traits
from beatstitch_core.errors import BeatStitchError

Rgb = NDArray[np.uint8]


@dataclass
class Seen:
    """What came of a look.

    Attributes:
        traits: How the clip behaves.
        pictures: For the filmstrip, upright.
        poster: For the thumbnail, as large as `sharpness.SIDE`, upright.
    """

    traits: MediaTraits
    pictures: list[Rgb]
    poster: Rgb | None = None


class Detail:
    """Looks closer at the frames of the filmstrip.

    Args:
        width: Of the clip as shown.
        height: Of the clip as shown.
    """

    def __init__(self, width: int, height: int) -> None:
        scale = min(1.0, sharpness.SIDE / max(width, height))
        self._shrink = Shrinker(round(width * scale), round(height * scale))
        self.looks = Looks()
        self.pictures: list[Rgb] = []

    def picture(self, frame: Any) -> Rgb:  # noqa: ANN401 - PyAV's
        """The frame as large as it is looked at."""
        return self._shrink(frame)

    def add(self, frame: Any) -> None:  # noqa: ANN401
        """The next frame of the filmstrip."""
        rgb = self._shrink(frame)
        self.pictures.append(rgb)
        self.looks.add(luma(rgb), squeezed(rgb))


def squeezed(rgb: Rgb) -> NDArray[np.float32]:
    """Luma in the size that saliency is found in."""
    small = Image.fromarray(rgb).resize(focus.SIZE, Image.Resampling.BOX)
    return luma(np.asarray(small))


def look_at_all(
    path: Path,
    demuxer: str,
    *,
    size: tuple[int, int],
    duration_us: int,
    strip_times_us: list[int],
    poster_us: int,
    proxy: tuple[Path, tuple[int, int]] | None,
    clock: Clock,
) -> Seen:
    """Decodes a clip once.

    Args:
        path: The file.
        demuxer: As `sniff` says.
        size: Width and height as shown.
        duration_us: Its length.
        strip_times_us: When the filmstrip's frames are shown.
        poster_us: When the thumbnail is shown.
        proxy: Where to write a proxy, and its size; None for no proxy.
        clock: Raises when it takes too long.

    Raises:
        BeatStitchError: INPUT_CORRUPT, no frame decodes.
    """
    series, detail, small = Series(), Detail(*size), Shrinker(*LOOK_SIZE)
    waiting = list(strip_times_us)
    shown: Any = None
    poster: Rgb | None = None
    with reading(path, demuxer) as reader, contextlib.ExitStack() as stack:
        writer: ProxyWriter | None = None
        if proxy is not None:
            writer = stack.enter_context(writing(proxy[0], reader, proxy[1]))
        for stamp, frame in reader.frames():
            clock.check()
            time_us = reader.to_us(stamp)
            seen = writer.add(stamp, frame) if writer else frame
            if frame.is_corrupt:
                continue  # a preview shows it as the finished video does, but it tells nothing
            if poster is None and shown is not None and poster_us < time_us:
                poster = detail.picture(shown)
            while waiting and shown is not None and waiting[0] < time_us:
                detail.add(shown)
                waiting.pop(0)
            shown = frame
            series.add(time_us, small(seen))
        if shown is None:
            raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "no frame decodes")
        for _ in waiting:
            detail.add(shown)
        if poster is None:
            poster = detail.picture(shown)
    return Seen(clip_traits(series, detail.looks, duration_us), detail.pictures, poster)

"""A clip's frames in order of time, upright and small. For sandboxed children only."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from beatstitch_analyzer.clips.colour import matrix_tag
from beatstitch_media.opening import clip_stream, opened

Rgb = NDArray[np.uint8]
# One more than the usual two cores: while a frame is looked at, both others go on decoding.
DECODER_THREADS = 3


class ClipReader:
    """An open clip.

    Args:
        container: As `opened` gives it.
        threads: Threads of the decoder.
    """

    def __init__(self, container: Any, threads: int = DECODER_THREADS) -> None:  # noqa: ANN401 - PyAV's types depend on the stream
        self.container = container
        self.stream = clip_stream(container)
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = threads
        self.time_base = Fraction(self.stream.time_base)
        self._start = self.stream.start_time or 0
        self._from_start = True

    def frames(self) -> Iterator[tuple[int, Any]]:
        """Frames and their time stamps from the stream's start, in units of the time base.

        Damaged frames are among them (`is_corrupt`). Stamps rise strictly. From the clip's start
        the first is 0: before its first frame a clip shows that, and of frames from before the
        start the last, which is how the renderer reads clips.
        """
        first: Any = None
        last: int | None = None if self._from_start else -1
        for stamp, frame in self._counted():
            if last is None:
                if first is None or stamp <= 0:
                    first = frame
                    continue
                yield 0, first
                last = 0
            if stamp > last:
                last = stamp
                yield stamp, frame
        if last is None and first is not None:
            yield 0, first

    def _counted(self) -> Iterator[tuple[int, Any]]:
        for packet in self.packets():
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                continue
            for frame in decoded:
                pts = frame.pts if frame.pts is not None else frame.dts
                # Matroska has no stamps below 0: such frames come before all others.
                yield (pts or 0) - self._start, frame

    def packets(self) -> Iterator[Any]:
        """All packets up to where the file breaks off; the last ones flush the decoder."""
        with contextlib.suppress(av.FFmpegError):
            yield from self.container.demux(self.stream)

    def seek(self, stamp: int) -> bool:
        """Goes to the key frame before a time stamp; False where that is impossible."""
        try:
            self.container.seek(self._start + stamp, stream=self.stream, backward=True)
        except av.FFmpegError:
            return False
        self._from_start = False
        return True

    def to_us(self, stamp: int) -> int:
        """Microseconds of a time stamp."""
        return round(stamp * self.time_base * 1_000_000)


@contextlib.contextmanager
def reading(path: Path, demuxer: str) -> Iterator[ClipReader]:
    """Opens a clip; errors as `opened` and `clip_stream`."""
    with opened(path, demuxer) as container:
        yield ClipReader(container)


class Shrinker:
    """Frames to packed RGB of one size. Keeps its scaler, so use one per size."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (max(width, 1), max(height, 1))
        self._scaler = VideoReformatter()

    def __call__(self, frame: Any) -> Rgb:  # noqa: ANN401
        """The whole frame, upright, in this size."""
        turn = quarter_turns(frame)
        width, height = self._size[::-1] if turn % 2 else self._size
        small: Any = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=matrix_tag(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA,
            threads=1,
        ).to_ndarray()
        upright: Rgb = np.ascontiguousarray(np.rot90(small, -turn))
        return upright


def quarter_turns(frame: Any) -> int:  # noqa: ANN401
    """Quarter turns clockwise that put a frame upright."""
    return int(-frame.rotation % 360 // 90)


def widest_key_gap_us(path: Path, demuxer: str) -> int:
    """Longest time from a key frame to the next, by the packets alone."""
    with reading(path, demuxer) as reader:
        stamps = [
            packet.pts
            for packet in reader.packets()
            if packet.pts is not None and packet.is_keyframe
        ]
        length = reader.stream.duration
    stamps.sort()
    if stamps and length:
        stamps.append(stamps[0] + length)
    gaps = [after - before for before, after in itertools.pairwise(stamps)]
    return reader.to_us(max(gaps, default=0))

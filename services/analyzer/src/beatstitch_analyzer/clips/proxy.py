"""A clip's small copy, which previews are made of: at each time the same picture as the clip's.

360 lines, H.264, a key frame a second, upright, square pixels, no sound. Every frame is in it, with
its time stamp from the stream's start in the clip's own time base, so that variable rates, edit
lists and late starts need no second thought; matrix and range are the clip's and always tagged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from beatstitch_analyzer.clips.colour import is_full_range, matrix_tag
from beatstitch_analyzer.clips.frames import ClipReader, quarter_turns

SHORT_SIDE = 360
# Larger clips are slow to decode, clips with fewer key frames slow to seek in.
LARGE_PIXELS = 1280 * 720
LONG_GAP_US = 2_500_000
_MAX_RATE = 120
# MP4 keeps durations in 32 bits: in nanoseconds a frame of five seconds would not fit.
_FINEST = Fraction(1, 1_000_000)
_X264 = "scenecut=0:open-gop=0:min-keyint=1:threads=1"


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the proxy of a clip of this size: even, never larger."""
    scale = min(1.0, SHORT_SIDE / min(width, height))
    return _even(width * scale), _even(height * scale)


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


class ProxyWriter:
    """Frames in, in order of time.

    Args:
        output: The open container.
        reader: The clip, for rate and time base.
        size: Width and height as shown.
    """

    def __init__(self, output: Any, reader: ClipReader, size: tuple[int, int]) -> None:  # noqa: ANN401
        self._output, self._reader, self._size = output, reader, size
        self._scaler = VideoReformatter()
        self._base = max(reader.time_base, _FINEST)
        self._stream: Any = None
        self._last = -1

    def add(self, stamp: int, frame: Any) -> Any:  # noqa: ANN401
        """Takes a frame; returns it in the proxy's size, upright."""
        small = self._small(frame)
        if self._stream is None:
            self._open(small)
        # The encoder takes no stamp twice; the finest of time bases may have become coarser.
        stamp = max(round(stamp * self._reader.time_base / self._base), self._last + 1)
        self._last = small.pts = stamp
        small.time_base = self._base
        small.pict_type = 0  # the encoder's own choice, not the source's
        self._output.mux(self._stream.encode(small))
        return small

    def finish(self) -> None:
        """Writes what the encoder still holds."""
        if self._stream is not None:
            self._output.mux(self._stream.encode(None))

    def _open(self, first: Any) -> None:  # noqa: ANN401
        """Adds the stream: which colours it has only the first frame tells for sure."""
        rate = Fraction(self._reader.stream.average_rate or 25).limit_denominator(10_000)
        keyint = min(max(round(rate), 1), _MAX_RATE)
        options = {
            # The fastest to write and to read; a preview is coded at such a quality again.
            "preset": "ultrafast",
            "crf": "26",
            "x264-params": f"keyint={keyint}:{_X264}",
        }
        self._stream = self._output.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        self._stream.time_base = context.time_base = self._base
        context.sample_aspect_ratio = Fraction(1)
        context.colorspace, context.color_range = first.colorspace, first.color_range

    def _small(self, frame: Any) -> Any:  # noqa: ANN401
        """The frame in the proxy's size, upright, 8-bit 4:2:0, in its own matrix and range."""
        turn = quarter_turns(frame)
        width, height = self._size[::-1] if turn % 2 else self._size
        is_rgb = frame.format.is_rgb or frame.format.has_palette
        tag, full = matrix_tag(frame), is_full_range(frame)
        kept = ColorRange.JPEG if full else ColorRange.MPEG
        small: Any = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            # One matrix on both sides: YUV is only scaled. RGB becomes what it is tagged with.
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if is_rgb else kept,
            dst_color_range=kept,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        if turn:
            small = _turned(small, turn)
        small.colorspace, small.color_range = tag, int(kept)
        return small


def _turned(frame: Any, turn: int) -> Any:  # noqa: ANN401
    """A 4:2:0 frame turned clockwise by quarters, plane by plane."""
    width, height = frame.width, frame.height
    flat = frame.to_ndarray().reshape(-1)
    luma, chroma = width * height, width * height // 4
    planes = (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma :].reshape(height // 2, width // 2),
    )
    upright = np.concatenate([np.rot90(plane, -turn).reshape(-1) for plane in planes])
    if turn % 2:
        width, height = height, width
    return av.VideoFrame.from_ndarray(upright.reshape(height * 3 // 2, width), format="yuv420p")


@contextlib.contextmanager
def writing(path: Path, reader: ClipReader, size: tuple[int, int]) -> Iterator[ProxyWriter]:
    """Opens a proxy to write; it is whole when the block ends well."""
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as output:
        writer = ProxyWriter(output, reader, size)
        yield writer
        writer.finish()

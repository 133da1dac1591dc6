"""A clip's small copy: 360 lines, H.264, a key frame a second, the same time stamps, no sound."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from beatstitch_analyzer.clips.frames import ClipReader, Rgb, quarter_turns

SHORT_SIDE = 360
# Larger clips are slow to decode, clips with fewer key frames slow to seek in.
LARGE_PIXELS = 1280 * 720
LONG_GAP_US = 2_500_000
_MAX_RATE = 120
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
        self._size = size
        self._scaler = VideoReformatter()
        self._output = output
        rate = Fraction(reader.stream.average_rate or 25).limit_denominator(10_000)
        keyint = min(max(round(rate), 1), _MAX_RATE)
        options = {
            "preset": "superfast",
            "crf": "26",
            "bf": "0",
            "x264-params": f"keyint={keyint}:{_X264}",
        }
        self._stream = output.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = reader.time_base

    def add(self, stamp: int, frame: Any) -> Any:  # noqa: ANN401
        """Takes a frame; returns it in the proxy's size, upright."""
        turn = quarter_turns(frame)
        width, height = self._size[::-1] if turn % 2 else self._size
        small: Any = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24" if turn else "yuv420p",
            dst_colorspace=None if turn else Colorspace.ITU709,
            interpolation=Interpolation.FAST_BILINEAR if not turn else Interpolation.AREA,
            threads=1,
        )
        if turn:
            upright: Rgb = np.ascontiguousarray(np.rot90(small.to_ndarray(), -turn))
            small = av.VideoFrame.from_ndarray(upright, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709
            )
        small.pts, small.time_base = stamp, self._stream.time_base
        small.pict_type = 0  # the encoder's own choice, not the source's
        self._output.mux(self._stream.encode(small))
        return small

    def finish(self) -> None:
        """Writes what the encoder still holds."""
        self._output.mux(self._stream.encode(None))


@contextlib.contextmanager
def writing(path: Path, reader: ClipReader, size: tuple[int, int]) -> Iterator[ProxyWriter]:
    """Opens a proxy to write; it is whole when the block ends well."""
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as output:
        writer = ProxyWriter(output, reader, size)
        yield writer
        writer.finish()

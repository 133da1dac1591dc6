"""x264 with settings under which pieces can be joined and every cut can be entered.

`stitchable` keeps the headers equal whatever is encoded, a closed group of pictures with an IDR at
each cut makes a cut a place to enter, one thread makes the bytes depend on the pictures alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_renderer.compositor.planes import Planes, frame_planes

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

    from beatstitch.v1.edl_pb2 import OutputFormat

KEYFRAME_SECONDS = 2
# Everything besides preset, crf, size and rate; part of the fingerprint.
X264_PARAMS = "min-keyint=1:scenecut=0:open-gop=0:stitchable=1:chromaloc=0"


def configure(context: VideoCodecContext, output: OutputFormat, preset: str, crf: int) -> None:
    """Sets everything that decides the headers and the bytes, besides the threads."""
    rate = rate_fraction(output.frame_rate)
    keyint = max(1, round_half_up(KEYFRAME_SECONDS * rate))
    context.width, context.height = output.width, output.height
    context.pix_fmt = "yuv420p"
    context.framerate, context.time_base = rate, 1 / rate
    context.sample_aspect_ratio = Fraction(1)
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.thread_count = 1
    context.flags |= Flags.global_header | Flags.closed_gop
    context.options = {
        "preset": preset,
        "crf": str(crf),
        "forced-idr": "1",
        "a53cc": "0",
        "x264-params": f"keyint={keyint}:{X264_PARAMS}",
    }


@dataclass(frozen=True, slots=True)
class Coded:
    """One encoded picture.

    Attributes:
        frame: Which output frame it is, from the piece's first.
        is_key: Whether it is an IDR picture.
        data: H.264 in Annex B.
    """

    frame: int
    is_key: bool
    data: bytes


class Encoder:
    """Encodes the frames of one piece, in order.

    Args:
        output: Shape of the piece.
        preset: x264's preset.
        crf: Constant rate factor.
        threads: Threads of x264; the bytes depend on it, so it is 1 outside of benches.
    """

    def __init__(self, output: OutputFormat, preset: str, crf: int, threads: int = 1) -> None:
        rate = rate_fraction(output.frame_rate)
        context: VideoCodecContext = av.CodecContext.create("libx264", "w")
        configure(context, output, preset, crf)
        context.thread_count = threads
        context.open()
        self._context = context
        self._frame = av.VideoFrame(output.width, output.height, "yuv420p")
        self._frame.time_base = 1 / rate
        self._target = frame_planes(self._frame)
        self._count = 0

    @property
    def headers(self) -> bytes:
        """SPS and PPS in Annex B."""
        return bytes(self._context.extradata or b"")

    def encode(self, picture: Planes, *, key: bool) -> list[Coded]:
        """Takes the next frame; returns what is ready, in decoding order.

        Args:
            picture: The frame; copied.
            key: Whether an IDR picture is forced.
        """
        for target, plane in zip(self._target.all, picture.all, strict=True):
            np.copyto(target, plane)
        self._frame.pts = self._count
        self._frame.pict_type = PictureType.I if key else PictureType.NONE
        self._count += 1
        return self._packets(self._frame)

    def finish(self) -> list[Coded]:
        """What is left."""
        return self._packets(None)

    def _packets(self, frame: av.VideoFrame | None) -> list[Coded]:
        return [
            Coded(packet.pts or 0, packet.is_keyframe, bytes(packet))
            for packet in self._context.encode(frame)
        ]

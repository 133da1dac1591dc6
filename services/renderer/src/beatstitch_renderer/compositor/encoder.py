"""Finished pictures of one piece to coded ones, by the codec's encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from beatstitch_core.timebase import rate_fraction
from beatstitch_renderer.compositor.codecs import (
    configure,
    encoder_name,
    kept_scheduling,
    pixel_format,
)
from beatstitch_renderer.compositor.planes import Planes, frame_planes

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from numpy.typing import NDArray

    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch_renderer.planning.encoding import Encoding

    Words = NDArray[np.uint16]

_TEN_BITS = "yuv422p10le"


@dataclass(frozen=True, slots=True)
class Coded:
    """One encoded picture.

    Attributes:
        frame: Which output frame it is, from the piece's first.
        is_key: Whether it is an IDR picture, or what the codec has in its place.
        data: What a packet holds: Annex B for H.264 and H.265, a temporal unit for AV1, a frame of
            VP9 or ProRes.
    """

    frame: int
    is_key: bool
    data: bytes


class Encoder:
    """Encodes the frames of one piece, in order.

    Args:
        output: Shape of the piece.
        encoding: How.
        threads: Threads of x264; the bytes depend on it, so it is 1 outside of benches.
    """

    def __init__(self, output: OutputFormat, encoding: Encoding, threads: int = 1) -> None:
        rate = rate_fraction(output.frame_rate)
        name = encoder_name(encoding)
        context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        configure(context, output, encoding)
        context.thread_count = threads
        with kept_scheduling():
            context.open()
        self._context = context
        self._deep = pixel_format(encoding) == _TEN_BITS
        self._frame = av.VideoFrame(output.width, output.height, pixel_format(encoding))
        self._frame.time_base = 1 / rate
        self._target: tuple[NDArray[Any], ...]
        self._target = _words(self._frame) if self._deep else frame_planes(self._frame).all
        # ProRes says in each picture what its numbers mean.
        self._frame.color_range = ColorRange.MPEG
        self._frame.colorspace = Colorspace.ITU709
        self._frame.color_primaries = ColorPrimaries.BT709
        self._frame.color_trc = ColorTrc.BT709
        self._count = 0

    @property
    def headers(self) -> bytes:
        """What the file's header has to say: SPS and PPS in Annex B, AV1's sequence header."""
        return bytes(self._context.extradata or b"")

    def encode(self, picture: Planes, *, key: bool) -> list[Coded]:
        """Takes the next frame; returns what is ready, in decoding order.

        Args:
            picture: The frame; copied.
            key: Whether a key frame is forced.
        """
        planes: tuple[NDArray[Any], ...]
        planes = deepened(picture) if self._deep else picture.all
        for target, plane in zip(self._target, planes, strict=True):
            np.copyto(target, np.asarray(plane))
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


def deepened(picture: Planes) -> tuple[Words, Words, Words]:
    """8-bit 4:2:0 as 10-bit 4:2:2, exactly.

    A row of 4:2:0 chroma lies between two rows of luma, so each row of 4:2:2 is 3/4 of the nearer
    one and 1/4 of the other. In 10 bits, which are 4 times 8, that is a sum of integers.
    """
    return (
        picture.y.astype(np.uint16) * np.uint16(4),
        _rows_between(picture.u),
        _rows_between(picture.v),
    )


def _rows_between(plane: NDArray[np.uint8]) -> Words:
    near = plane.astype(np.uint16)
    rows = np.empty((2 * plane.shape[0], plane.shape[1]), np.uint16)
    rows[0::2] = 3 * near + np.concatenate((near[:1], near[:-1]))
    rows[1::2] = 3 * near + np.concatenate((near[1:], near[-1:]))
    return rows


def _words(frame: av.VideoFrame) -> tuple[Words, ...]:
    """Views of a 10-bit frame's planes; they keep its memory alive."""
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)  # type: ignore[call-overload]
        views.append(rows[: plane.height, : plane.width])
    return tuple(views)

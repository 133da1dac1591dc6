"""A clip's frames as they are shown: turned upright, square pixels, fitted, BT.709."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.compositor.backdrop import backdrop
from beatstitch_renderer.compositor.clip import Clip, stamp
from beatstitch_renderer.compositor.colour import has_alpha, matrix_of, range_of
from beatstitch_renderer.compositor.deinterlace import deinterlaced
from beatstitch_renderer.compositor.geometry import CENTRE, place
from beatstitch_renderer.compositor.planes import (
    SCALER,
    Planes,
    frame_planes,
    from_rgb,
    placed,
)
from beatstitch_renderer.compositor.tone import tone_of, toned_frame
from beatstitch_renderer.compositor.turning import hold_of, upright

if TYPE_CHECKING:
    from pathlib import Path

    import av

    from beatstitch.v1.edl_pb2 import Fit

_SANE_ASPECT = Fraction(16)


class MovingPicture:
    """An open clip that gives finished pictures.

    Args:
        path: The file.
        demuxer: Name of libav's demuxer.
        ground: The background, of the frame's size.
        background_rgb: Its colour, 0xRRGGBB.
        threads: Threads of the decoder.
    """

    def __init__(
        self, path: Path, demuxer: str, ground: Planes, background_rgb: int, threads: int = 1
    ) -> None:
        self._clip = Clip(path, demuxer, threads)
        self._ground = ground
        self._background = background_rgb
        self._scaler = VideoReformatter()
        self._last: tuple[tuple[int, int, tuple[int, int]], Planes] | None = None
        self.shown_size = ground.size
        """Width and height of the last frame given, upright and with square pixels."""

    @property
    def pixels(self) -> int:
        """Pixels of one picture as it is decoded."""
        codec = self._clip.stream.codec_context
        return codec.width * codec.height

    def close(self) -> None:
        """Closes the clip."""
        self._clip.close()

    def picture(self, time_us: int, fit: Fit.ValueType, focus: tuple[int, int] = CENTRE) -> Planes:
        """What the clip shows at a time in µs; the same object while it shows the same."""
        frame = self._clip.frame_at(time_us)
        key = (stamp(frame), int(fit), focus)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._fitted(frame, fit, focus))
        return self._last[1]

    def _fitted(self, frame: av.VideoFrame, fit: Fit.ValueType, focus: tuple[int, int]) -> Planes:
        hold = hold_of(frame)
        aside = hold.clockwise in (90, 270)
        frame = deinterlaced(frame)
        wide = max(1, round(frame.width * self._pixel_aspect()))
        self.shown_size = (frame.height, wide) if aside else (wide, frame.height)
        spot = place(self.shown_size, self._ground.size, fit, focus)
        size = (spot.height, spot.width) if aside else (spot.width, spot.height)
        scaled = self._with_ground(frame, size) if has_alpha(frame) else self._scaled(frame, size)
        seen = upright(scaled, hold)
        free = (spot.shown_width, spot.shown_height) != self._ground.size
        blurs = free and fit == edl_pb2.FIT_BLUR
        return placed(seen, spot, backdrop(seen, self._ground.size) if blurs else self._ground)

    def _pixel_aspect(self) -> Fraction:
        stream = self._clip.stream
        for aspect in (stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio):
            if aspect and 1 / _SANE_ASPECT <= aspect <= _SANE_ASPECT:
                return Fraction(aspect)
        return Fraction(1)

    def _scaled(self, frame: av.VideoFrame, size: tuple[int, int]) -> Planes:
        curve = tone_of(frame)
        if curve is not None:
            return toned_frame(frame, size, curve, self._scaler)
        return frame_planes(
            self._scaler.reformat(
                frame,
                width=size[0],
                height=size[1],
                format="yuv420p",
                src_colorspace=matrix_of(frame),
                dst_colorspace=Colorspace.ITU709,
                src_color_range=range_of(frame),
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALER,
                threads=1,
            )
        )

    def _with_ground(self, frame: av.VideoFrame, size: tuple[int, int]) -> Planes:
        """The frame over the background's colour, where it is transparent."""
        rgba = self._scaler.reformat(
            frame,
            width=size[0],
            height=size[1],
            format="rgba",
            src_colorspace=matrix_of(frame),
            src_color_range=range_of(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=SCALER,
            threads=1,
        ).to_ndarray()
        return from_rgb(over_colour(rgba, self._background))


def over_colour(rgba: np.ndarray, rgb: int) -> np.ndarray:
    """Packed RGBA over one colour, 0xRRGGBB, in integers; packed RGB."""
    alpha = rgba[..., 3:].astype(np.uint16)
    ground = np.array([rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255], np.uint16)
    mixed = rgba[..., :3] * alpha + ground * (255 - alpha) + np.uint16(127)
    flat: np.ndarray = (mixed // 255).astype(np.uint8)
    return flat

"""A finished file read back: when each picture is shown, how it looks, how long the sound is.

Containers with a coarse clock (WebM and WebP milliseconds, GIF hundredths of a second) can't say
frame / rate: there a picture is on the grid when its time stamp is frame / rate rounded to that
clock, and off it when it is off by one tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beatstitch.v1 import render_pb2
from beatstitch_core.timebase import round_half_up
from beatstitch_renderer.compositor.pictures import frame_rgb
from beatstitch_renderer.compositor.planes import frame_planes, signature
from beatstitch_renderer.planning.encoding import MOV, MP4, WEBM

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.v1.render_pb2 import Container

# Frame, its luma, what gives its RGB.
Look = Callable[[int, NDArray[np.uint8], Callable[[], NDArray[np.uint8]]], None]

SOUND_RATE = 48_000
_GIF = render_pb2.CONTAINER_GIF
_WEBP = render_pb2.CONTAINER_WEBP
_DEMUXERS = {MP4: "mov", MOV: "mov", WEBM: "matroska,webm", _GIF: "gif"}
# Ticks a second; 0 where time stamps are exact.
_CLOCKS = {MP4: 0, MOV: 0, WEBM: 1000, _GIF: 100, _WEBP: 1000}
# Browsers read delays below this as "no delay given"; so does libav unless told.
_GIF_OPTIONS = {"min_delay": "0"}


@dataclass(slots=True)
class Film:
    """What a file holds.

    Attributes:
        counted_frames: Pictures decoded.
        off_grid_frames: Pictures whose time stamp is not that of their place.
        keys: Frames that can be entered: IDR pictures, key frames; all where all are whole.
        marks: Signatures of the pictures by their time stamps.
        audio_samples: Samples of sound after the encoder's delay.
        audio_start_samples: Where the sound begins on the video's clock; 0 is right.
        decoded_audio_samples: Samples that come out of the decoder.
    """

    counted_frames: int = 0
    off_grid_frames: int = 0
    keys: set[int] = field(default_factory=set)
    marks: dict[int, bytes] = field(default_factory=dict)
    audio_samples: int = 0
    audio_start_samples: int = 0
    decoded_audio_samples: int = 0


def read(
    path: Path,
    rate: Fraction,
    container: Container.ValueType,
    threads: int,
    look: Look | None = None,
) -> Film:
    """Reads a file, every picture of it.

    Args:
        path: The file.
        rate: Frames per second.
        container: What it is.
        threads: Threads of the decoder.
        look: Shown each picture, see `album.Album.look`.
    """
    film = Film()
    grid = Grid(rate, _CLOCKS[container])
    if container == _WEBP:
        _read_webp(path, grid, film, look)
        return film
    _packets(path, grid, container, film)
    with _open(path, container) as file:
        _decode(file, grid, film, threads, look)
    if container == WEBM:
        _opus(path, film)
    elif container in {MP4, MOV}:
        with _open(path, container) as file:
            blocks = file.decode(audio=0) if file.streams.audio else ()
            film.decoded_audio_samples = sum(block.samples for block in blocks)
    return film


@dataclass(frozen=True, slots=True)
class Grid:
    """Where pictures are in time.

    Attributes:
        rate: Frames per second.
        clock: Ticks a second that time stamps are rounded to; 0 for none.
    """

    rate: Fraction
    clock: int

    def frame(self, seconds: Fraction) -> int:
        """The frame nearest to a time."""
        return round_half_up(seconds * self.rate)

    def has(self, seconds: Fraction) -> bool:
        """Whether a time is exactly where some frame's has to be."""
        exact = self.frame(seconds) / self.rate
        if not self.clock:
            return seconds == exact
        return seconds == Fraction(round_half_up(exact * self.clock), self.clock)


def _open(path: Path, container: Container.ValueType) -> av.container.InputContainer:
    options = {"protocol_whitelist": "file"}
    if container == _GIF:
        options |= _GIF_OPTIONS
    return av.open(str(path), "r", format=_DEMUXERS[container], options=options)


def _packets(path: Path, grid: Grid, container: Container.ValueType, film: Film) -> None:
    """Time stamps of pictures and sound."""
    stamps: list[Fraction] = []
    end, last_end = 0, Fraction(0)
    first: int | None = None
    with _open(path, container) as file:
        sounds = file.streams.audio
        for packet in file.demux(file.streams.video[0], *sounds[:1]):
            if packet.size == 0 or packet.pts is None:
                continue
            begins = packet.pts * Fraction(packet.time_base)
            lasts = (packet.duration or 0) * Fraction(packet.time_base)
            if sounds and packet.stream_index == sounds[0].index:
                moment = int(begins * SOUND_RATE)
                if not packet.is_discard:
                    first = moment if first is None else min(first, moment)
                end = max(end, moment + int(lasts * SOUND_RATE))
                continue
            stamps.append(begins)
            last_end = max(last_end, begins + lasts)
            if packet.is_keyframe or container == _GIF:
                film.keys.add(grid.frame(begins))
    film.off_grid_frames = _off_grid(stamps, grid)
    if container == _GIF and not grid.has(last_end):
        film.off_grid_frames += 1
    film.audio_start_samples, film.audio_samples = first or 0, end


def _off_grid(stamps: list[Fraction], grid: Grid) -> int:
    """Pictures beside the grid or on an occupied place, and places without one."""
    seen: set[int] = set()
    wrong = 0
    for stamp in stamps:
        frame = grid.frame(stamp)
        wrong += stamp < 0 or frame in seen or not grid.has(stamp)
        seen.add(frame)
    return wrong + len(seen - set(range(len(seen))))


def _decode(
    file: av.container.InputContainer, grid: Grid, film: Film, threads: int, look: Look | None
) -> None:
    video = file.streams.video[0]
    video.codec_context.thread_count = threads
    video.codec_context.thread_type = "AUTO"
    for picture in file.decode(video):
        film.counted_frames += 1
        moment = (picture.pts or 0) * Fraction(video.time_base or 1)
        frame, luma = grid.frame(moment), _luma(picture)
        film.marks[frame] = signature(luma)
        if look is not None:
            look(frame, luma, partial(frame_rgb, picture))


def _luma(picture: av.VideoFrame) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if picture.format.name == "yuv420p":
        return frame_planes(picture).y
    if picture.format.name.startswith("yuv422p10"):
        plane = picture.planes[0]
        words = np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)  # type: ignore[call-overload]
        deep = words[: plane.height, : plane.width]
        return np.asarray(np.minimum((deep + np.uint16(2)) >> np.uint16(2), 255), np.uint8)
    return _luma_of_rgb(picture.to_ndarray(format="rgb24"))


def _luma_of_rgb(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """BT.709, studio range; near enough for a signature."""
    luma = 16 + rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32) * (219 / 255)
    return np.asarray(luma.round(), np.uint8)


def _opus(path: Path, film: Film) -> None:
    """Matroska's blocks are stamped in milliseconds: the samples that come out are the length."""
    film.audio_samples = film.audio_start_samples = 0
    with _open(path, WEBM) as file:
        if not file.streams.audio:
            return
        first: Fraction | None = None
        for block in file.decode(audio=0):
            if first is None:
                first = (block.pts or 0) * Fraction(block.time_base or 1)
            film.decoded_audio_samples += block.samples
    film.audio_samples = film.decoded_audio_samples
    film.audio_start_samples = int((first or 0) * SOUND_RATE)


def _read_webp(path: Path, grid: Grid, film: Film, look: Look | None) -> None:
    """Libav has no decoder of animated WebP; Pillow has libwebp's own."""
    stamps = []
    at = 0
    with Image.open(path, formats=["WEBP"]) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            rgb = np.asarray(image.convert("RGB"))
            moment = Fraction(at, 1000)
            stamps.append(moment)
            film.counted_frames += 1
            film.keys.add(grid.frame(moment))
            luma = _luma_of_rgb(rgb)
            film.marks[grid.frame(moment)] = signature(luma)
            if look is not None:
                look(grid.frame(moment), luma, partial(np.asarray, rgb))
            at += int(image.info["duration"])
    film.off_grid_frames = _off_grid(stamps, grid) + (not grid.has(Fraction(at, 1000)))

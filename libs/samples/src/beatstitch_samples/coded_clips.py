"""Videos of coded frames in every shape a client may send."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beatstitch_samples.coded import coded_image
from beatstitch_samples.signals import click_track
from beatstitch_samples.video_files import AudioTrack, VideoFormat, write_video

# MP3 starts before 0; AVI, which knows no such time, would move the pictures instead.
AUDIO_CODECS = {".webm": "libopus", ".avi": "pcm_s16le"}


@dataclass(frozen=True)
class CodedClip:
    """A clip and the truth about it.

    Attributes:
        path: The file.
        source_id: The source id in every frame.
        frames: The frame numbers a player shows, in order.
        times: When each of them is shown, in seconds from the first.
        size: Width and height as shown, after rotation.
        rotation: Quarter turns clockwise, in degrees, that the file asks for.
    """

    path: Path
    source_id: int
    frames: tuple[int, ...]
    times: tuple[Fraction, ...]
    size: tuple[int, int]
    rotation: int = 0


def coded_clip(
    path: Path,
    *,
    source_id: int,
    fps: Fraction = Fraction(30),
    frames: int = 60,
    size: tuple[int, int] = (640, 360),
    codec: str = "libx264",
    crf: int | None = 23,
    gop: int = 30,
    bframes: int = 2,
    open_gop: bool = False,
    pix_fmt: str = "yuv420p",
    preset: str = "ultrafast",
    audio: bool = False,
    rotation: int = 0,
    durations_ms: Sequence[int] | None = None,
    skip: int = 0,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
) -> CodedClip:
    """Writes a clip in which frame n carries the code (source id, n).

    Args:
        path: The file; its suffix chooses the container.
        source_id: Who the frames say they are.
        fps: Frames a second.
        frames: How many frames are coded.
        size: Width and height as shown; with `rotation` the stored picture is turned.
        codec: FFmpeg's name of the encoder.
        crf: Quality of x264, x265 and VP9; None for others.
        gop: Frames between key frames at most.
        bframes: B-frames in a row at most.
        open_gop: Whether frames may refer across a key frame.
        pix_fmt: FFmpeg's name of the pixel format.
        preset: Speed preset of x264 and x265.
        audio: Adds sound: a click with each whole second.
        rotation: Quarter turns clockwise, in degrees, a player must make.
        durations_ms: Variable frame rate: how long frames last, repeated as needed.
        skip: An edit list hides that many frames at the start (mp4 and mov).
        container: FFmpeg's name of the container, over the suffix.
        options: More options for the encoder.

    Returns:
        The clip and its truth.
    """
    times, time_base = _times(fps, frames, durations_ms)
    settings = VideoFormat(
        fps=fps,
        codec=codec,
        pix_fmt=pix_fmt,
        crf=crf,
        preset=preset,
        gop=gop,
        bframes=bframes,
        open_gop=open_gop,
        time_base=time_base,
        rotation=rotation,
        options=options or {},
    )
    track = None
    if audio:
        length_us = round(frames / fps * 1_000_000)
        clicks = click_track(range(0, length_us, 1_000_000), length_us)
        track = AudioTrack(clicks, codec=AUDIO_CODECS.get(path.suffix, "aac"))
    write_video(
        path,
        _frames(source_id, frames, size, rotation),
        settings,
        pts=[int((time - times[skip]) / time_base) for time in times],
        audio=track,
        container=container,
        container_options={"avoid_negative_ts": "disabled"} if skip else None,
    )
    return CodedClip(
        path=path,
        source_id=source_id,
        frames=tuple(range(skip, frames)),
        times=tuple(time - times[skip] for time in times[skip:]),
        size=size,
        rotation=rotation,
    )


def _times(
    fps: Fraction, frames: int, durations_ms: Sequence[int] | None
) -> tuple[list[Fraction], Fraction]:
    """When each frame is shown, and a time base in which that is exact."""
    if durations_ms is None:
        return [Fraction(n) / fps for n in range(frames)], 1 / fps
    times = [Fraction(0)]
    for n in range(frames - 1):
        times.append(times[-1] + Fraction(durations_ms[n % len(durations_ms)], 1000))
    return times, Fraction(1, 1000)


def _frames(
    source_id: int, count: int, size: tuple[int, int], rotation: int
) -> Iterator[NDArray[np.uint8]]:
    for number in range(count):
        # Stored turned the other way, so that the turn a player makes puts it upright.
        yield np.rot90(coded_image(source_id, number, size), k=rotation // 90)


@dataclass(frozen=True)
class Variant:
    """One kind of file: its suffix and what is special about it."""

    suffix: str
    settings: Mapping[str, Any] = field(default_factory=dict)


VARIANTS: dict[str, Variant] = {
    "plain": Variant(".mp4"),
    "fps_24": Variant(".mp4", {"fps": Fraction(24)}),
    "fps_25": Variant(".mp4", {"fps": Fraction(25)}),
    "fps_29_97": Variant(".mp4", {"fps": Fraction(30000, 1001)}),
    "fps_23_976": Variant(".mp4", {"fps": Fraction(24000, 1001)}),
    "fps_50": Variant(".mp4", {"fps": Fraction(50)}),
    "fps_60": Variant(".mp4", {"fps": Fraction(60)}),
    "fps_15": Variant(".mp4", {"fps": Fraction(15)}),
    "long_gop": Variant(".mp4", {"gop": 600, "frames": 150, "bframes": 3, "preset": "veryfast"}),
    "intra": Variant(".mp4", {"gop": 1, "bframes": 0}),
    "no_bframes": Variant(".mp4", {"bframes": 0}),
    "bframes": Variant(".mp4", {"bframes": 8, "preset": "veryfast"}),
    "open_gop": Variant(".mp4", {"open_gop": True, "gop": 12, "bframes": 3, "preset": "veryfast"}),
    "vfr": Variant(".mp4", {"durations_ms": (33, 50, 17, 100, 41, 20)}),
    "vfr_mkv": Variant(".mkv", {"durations_ms": (33, 50, 17, 100, 41, 20)}),
    "ts": Variant(".ts", {"audio": True}),
    "mov": Variant(".mov", {"audio": True}),
    "mkv": Variant(".mkv", {"audio": True}),
    "webm": Variant(".webm", {"codec": "libvpx-vp9", "crf": 30, "audio": True}),
    "vp8": Variant(".webm", {"codec": "libvpx", "crf": 20}),
    "avi": Variant(".avi", {"codec": "mpeg4", "crf": None, "bframes": 0, "audio": True}),
    "mpeg2": Variant(".mpg", {"codec": "mpeg2video", "crf": None, "gop": 12}),
    "prores": Variant(
        ".mov", {"codec": "prores_ks", "crf": None, "pix_fmt": "yuv422p10le", "frames": 20}
    ),
    "mjpeg": Variant(".avi", {"codec": "mjpeg", "crf": None, "pix_fmt": "yuvj420p", "bframes": 0}),
    "hevc": Variant(".mp4", {"codec": "libx265", "frames": 30}),
    "hevc_10bit": Variant(".mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le", "frames": 30}),
    "h264_10bit": Variant(".mp4", {"pix_fmt": "yuv420p10le"}),
    "av1": Variant(".mp4", {"codec": "libsvtav1", "crf": 35, "frames": 20}),
    "audio": Variant(".mp4", {"audio": True}),
    "rotated_90": Variant(".mp4", {"rotation": 90}),
    "rotated_180": Variant(".mp4", {"rotation": 180}),
    "rotated_270": Variant(".mov", {"rotation": 270}),
    "portrait": Variant(".mp4", {"size": (360, 640)}),
    "square": Variant(".mp4", {"size": (400, 400)}),
    "wide": Variant(".mp4", {"size": (960, 400)}),
    "tiny": Variant(".mp4", {"size": (96, 64)}),
    "uhd": Variant(".mp4", {"size": (3840, 2160), "frames": 8}),
    "odd_size": Variant(".mp4", {"size": (641, 359), "pix_fmt": "yuv444p"}),
    "odd_size_vp9": Variant(".webm", {"size": (641, 359), "codec": "libvpx-vp9", "crf": 30}),
    "edit_list": Variant(".mp4", {"skip": 7, "bframes": 2}),
    "one_frame": Variant(".mp4", {"frames": 1}),
}
"""Named kinds of coded clips, for parametrised tests."""


def coded_variant(folder: Path, name: str, source_id: int = 1, **changes: Any) -> CodedClip:  # noqa: ANN401
    """Writes one of `VARIANTS` into a folder; `changes` go to `coded_clip`.

    Raises:
        KeyError: There is no such variant.
    """
    variant = VARIANTS[name]
    settings = dict(variant.settings) | {"source_id": source_id} | changes
    return coded_clip(folder / f"{name}-{source_id}{variant.suffix}", **settings)

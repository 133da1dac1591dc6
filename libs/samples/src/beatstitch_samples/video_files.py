"""Writing frames to any video file PyAV can make, with exact time stamps."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from beatstitch_samples.audio_files import encode_audio, layout_name

BT709 = 1
LIMITED_RANGE = 1
FULL_RANGE = 2


@dataclass(frozen=True)
class VideoFormat:
    """How the pictures are coded.

    Attributes:
        fps: Frames a second; also the time base unless `time_base` is given.
        codec: FFmpeg's name of the encoder.
        pix_fmt: FFmpeg's name of the pixel format.
        crf: Constant quality of x264, x265 and VP9; None for codecs without it.
        preset: Speed preset of x264 and x265.
        gop: Frames between key frames at most.
        bframes: B-frames in a row at most.
        open_gop: Whether frames may refer across a key frame (x264 and x265).
        time_base: Unit of the time stamps in seconds.
        rotation: Degrees clockwise a player has to turn the picture (mp4 and mov only).
        options: More options for the encoder.
    """

    fps: Fraction = Fraction(30)
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    crf: int | None = 20
    preset: str = "veryfast"
    gop: int = 60
    bframes: int = 2
    open_gop: bool = False
    time_base: Fraction | None = None
    rotation: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    def encoder_options(self) -> dict[str, str]:
        """Returns FFmpeg's options for the encoder."""
        options: dict[str, str] = {}
        if self.crf is not None:
            options["crf"] = str(self.crf)
        if self.codec in ("libx264", "libx265"):
            options["preset"] = self.preset
        if self.codec == "libx264":
            # Two threads whatever the machine, and its slower, exact ways: with AVX-512 its look
            # ahead (mbtree) reads beyond the rows of widths that are no multiple of 128, and its
            # bytes differ from run to run.
            options["x264-params"] = (
                f"keyint={self.gop}:bframes={self.bframes}:open-gop={int(self.open_gop)}"
                ":threads=2:cpu-independent=1"
            )
        elif self.codec == "libx265":
            options["x265-params"] = (
                f"keyint={self.gop}:bframes={self.bframes}:open-gop={int(self.open_gop)}"
                ":log-level=error:pools=2"
            )
        elif self.codec in ("libvpx", "libvpx-vp9"):
            options |= {"deadline": "realtime", "cpu-used": "8", "g": str(self.gop)}
            options.setdefault("b", "0" if self.codec == "libvpx-vp9" else "2M")
        else:
            options["g"] = str(self.gop)
        return options | dict(self.options)


@dataclass(frozen=True, eq=False)
class AudioTrack:
    """Sound that goes with the pictures."""

    samples: NDArray[np.float32]
    sample_rate: int = 48_000
    codec: str = "aac"
    bit_rate: int = 128_000


@contextmanager
def _kept_scheduling() -> Iterator[None]:
    """Leaves the process in the scheduling class in which it was.

    SVT-AV1, where it may (as root), puts its caller into SCHED_FIFO, and every child of the process
    inherits that: two of them starve the rest of a two-core machine.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    settings: VideoFormat | None = None,
    *,
    pts: Sequence[int] | None = None,
    audio: AudioTrack | None = None,
    container: str | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Encodes RGB frames to a file.

    Args:
        path: The file to write.
        frames: uint8 arrays of shape (height, width, 3), all alike.
        settings: How they are coded; H.264 at 30 frames a second when None.
        pts: Time stamps in units of the time base; 0, 1, 2, … when None. May start below 0: then
            mp4 and mov get an edit list that hides what comes before 0.
        audio: Sound from time 0.
        container: FFmpeg's name of the container; from the suffix when None.
        container_options: Options for the muxer.

    Returns:
        The path.
    """
    settings = settings or VideoFormat()
    time_base = settings.time_base or 1 / settings.fps
    options = dict(container_options or {})
    with (
        _kept_scheduling(),
        av.open(str(path), "w", format=container, container_options=options) as output,
    ):
        # PyAV types add_stream by literal codec names; here the name is data.
        stream: Any = None
        sound: Any = None
        for index, rgb in enumerate(frames):
            if stream is None:
                stream = _add_stream(output, settings, time_base, rgb.shape)
                if audio is not None:
                    sound = _add_sound(output, audio)
            frame = _to_yuv(rgb, settings.pix_fmt)
            frame.time_base = time_base
            frame.pts = pts[index] if pts is not None else index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if audio is not None:
            samples = audio.samples if audio.samples.ndim == 2 else audio.samples[:, None]
            encode_audio(output, sound, samples, audio.sample_rate)
    if settings.rotation:
        set_rotation(path, settings.rotation)
    return path


def _add_stream(
    output: av.container.OutputContainer,
    settings: VideoFormat,
    time_base: Fraction,
    shape: tuple[int, ...],
) -> Any:  # noqa: ANN401 - as add_stream
    if settings.codec == "libsvtav1":
        # Only the environment silences this library; 1 lets errors through.
        os.environ.setdefault("SVT_LOG", "1")
    add: Any = output.add_stream
    stream = add(settings.codec, rate=settings.fps, options=settings.encoder_options())
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = settings.pix_fmt
    stream.time_base = time_base
    context = stream.codec_context
    context.time_base = time_base
    context.color_range = FULL_RANGE if settings.pix_fmt.startswith("yuvj") else LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.max_b_frames = settings.bframes
    return stream


def _add_sound(output: av.container.OutputContainer, audio: AudioTrack) -> Any:  # noqa: ANN401 - as add_stream
    add: Any = output.add_stream
    sound = add(audio.codec, rate=audio.sample_rate)
    channels = audio.samples.shape[1] if audio.samples.ndim == 2 else 1
    sound.layout = layout_name(channels)
    if not audio.codec.startswith("pcm"):
        sound.bit_rate = audio.bit_rate
    return sound


def _to_yuv(rgb: NDArray[np.uint8], pix_fmt: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return frame.reformat(
        format=pix_fmt, src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709
    )


def set_rotation(path: Path, degrees: int) -> None:
    """Writes a display matrix into an mp4 or mov in place, as phones do for upright pictures.

    Args:
        path: The file.
        degrees: Quarter turns clockwise a player has to make: 0, 90, 180 or 270.

    Raises:
        ValueError: Not a quarter turn, or no video track header found.
    """
    if degrees % 90:
        raise ValueError(f"not a quarter turn: {degrees}")
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees % 360]
    data = bytearray(path.read_bytes())
    # ISO/IEC 14496-12, 8.3.2: in a version 0 track header the matrix lies 40 bytes past the
    # version field and the width 36 bytes after it. Video tracks are those with a width.
    start, found = data.find(b"tkhd"), False
    while start >= 0:
        matrix = start + 4 + (40 if data[start + 4] == 0 else 52)
        width = int.from_bytes(data[matrix + 36 : matrix + 40], "big") >> 16
        height = int.from_bytes(data[matrix + 40 : matrix + 44], "big") >> 16
        if width:
            shift_x = {90: height, 180: width}.get(degrees % 360, 0)
            shift_y = {180: height, 270: width}.get(degrees % 360, 0)
            values = (cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0,
                      shift_x << 16, shift_y << 16, 1 << 30)  # fmt: skip
            data[matrix : matrix + 36] = b"".join(
                value.to_bytes(4, "big", signed=True) for value in values
            )
            found = True
        start = data.find(b"tkhd", start + 4)
    if not found:
        raise ValueError(f"no video track header in {path.name}")
    path.write_bytes(data)

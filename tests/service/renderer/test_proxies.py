"""A proxy shows at each time the picture that its clip shows, whatever the clip is like."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from beatstitch.v1 import edl_pb2
from beatstitch_analyzer.clips.budget import Clock
from beatstitch_analyzer.clips.dense import look_at_all
from beatstitch_analyzer.clips.proxy import proxy_size
from beatstitch_media.binaries import ffmpeg
from beatstitch_media.sniff import sniff
from beatstitch_renderer.compositor.moving import MovingPicture
from beatstitch_renderer.compositor.planes import filled
from beatstitch_samples.coded import decode_frame_code
from beatstitch_samples.coded_clips import VARIANTS, coded_variant

if TYPE_CHECKING:
    from pathlib import Path

FRAME = (320, 180)
# A program stream, which isn't accepted.
LEFT_OUT = {"mpeg2"}
SHORTER = {"frames": 45}

# Arguments of ffmpeg between a coded clip and another file, and what the clip is like.
AWKWARD = {
    "late_start.mp4": ("plain", ["-itsoffset", "0.7", "-i", "IN", "-f", "lavfi", "-t", "2", "-i",
                                 "sine", "-map", "0:v", "-map", "1:a", "-c:v", "copy"]),
    "late_start.mkv": ("vfr_mkv", ["-itsoffset", "0.7", "-i", "IN", "-f", "lavfi", "-t", "2", "-i",
                                   "sine", "-map", "0:v", "-map", "1:a", "-c:v", "copy"]),
    "cut_open_group.ts": ("ts", ["-ss", "0.9", "-i", "IN", "-c", "copy"]),
    "cut_open_group.mp4": ("open_gop", ["-ss", "0.9", "-i", "IN", "-c", "copy"]),
    "negative_stamps.mkv": ("bframes", ["-i", "IN", "-c", "copy", "-output_ts_offset", "-0.5",
                                        "-avoid_negative_ts", "disabled"]),
    "stamps_of_hours.ts": ("bframes", ["-i", "IN", "-c", "copy", "-output_ts_offset", "36000"]),
    "full_range.mp4": ("plain", ["-i", "IN", "-vf", "scale=out_range=full", "-color_range", "pc"]),
    "untagged.mp4": ("plain", ["-i", "IN", "-vf", "scale=1280:720", "-bsf:v",
                               "h264_metadata=matrix_coefficients=2"]),
    "sd_601.mp4": ("plain", ["-i", "IN", "-vf", "scale=out_color_matrix=bt601", "-colorspace",
                             "smpte170m"]),
    "wide_gamut.mp4": ("plain", ["-i", "IN", "-vf", "scale=out_color_matrix=bt2020", "-colorspace",
                                 "bt2020nc", "-pix_fmt", "yuv420p10le"]),
    "rgb.mp4": ("plain", ["-i", "IN", "-c:v", "libx264rgb", "-crf", "10"]),
    "moving.gif": ("plain", ["-i", "IN", "-r", "10"]),
    "wide_pixels.mp4": ("plain", ["-i", "IN", "-vf", "scale=480:480,setsar=16/9"]),
    "turned_full_range.mov": ("rotated_90", ["-i", "IN", "-c", "copy", "-bsf:v",
                                             "h264_metadata=video_full_range_flag=1"]),
}  # fmt: skip


def made(folder: Path, name: str) -> Path:
    """A clip of a kind, of few frames."""
    kind, arguments = AWKWARD.get(name, (name, None))
    settings = VARIANTS[kind].settings
    changes = {key: value for key, value in SHORTER.items() if key not in settings}
    if name == "cut_open_group.ts":
        changes |= VARIANTS["open_gop"].settings
    clip = coded_variant(folder, kind, **changes).path
    if arguments is None:
        return clip
    command = [str(clip) if argument == "IN" else argument for argument in arguments]
    subprocess.run([ffmpeg(), "-v", "error", *command, str(folder / name)], check=True)
    return folder / name


def _decoded(container, stream):
    for packet in container.demux(stream):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


def proxy_of(path: Path, folder: Path) -> Path:
    """As ingest makes it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(_decoded(container, stream))
        wide = round(frame.width * (stream.sample_aspect_ratio or 1))
        aside = frame.rotation % 180 != 0
        size = (frame.height, wide) if aside else (wide, frame.height)
    proxy = folder / "proxy.mp4"
    look_at_all(
        path,
        sniff(path).demuxer,
        size=size,
        duration_us=2_000_000,
        strip_times_us=[0],
        poster_us=0,
        proxy=(proxy, proxy_size(*size)),
        clock=Clock(600.0),
    )
    return proxy


def stamps_us(path: Path) -> list[int]:
    """Times at which the picture may change, and where it is only just another or not yet."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start, base = stream.start_time or 0, stream.time_base
        packets = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    times = {round((pts - start) * base * 1_000_000) for pts in packets}
    near = {time + off for time in times for off in (-1_010, -990, 0, 8_000)}
    return sorted({0, 1, *(time for time in near if time >= 0), max(times) + 5_000_000})


@pytest.mark.parametrize("name", [*sorted(VARIANTS.keys() - LEFT_OUT), *AWKWARD])
def test_the_proxy_shows_what_the_clip_shows(tmp_path: Path, name: str):
    path = made(tmp_path, name)
    proxy = proxy_of(path, tmp_path)
    ground = filled(*FRAME, 0)
    clip = MovingPicture(path, sniff(path).demuxer, ground, 0)
    copy = MovingPicture(proxy, sniff(proxy).demuxer, ground, 0)
    times = stamps_us(path)
    # Forwards, then back and forth: half of what a preview does is seeking.
    order = [*times, *times[::-7], *times[::5]]
    codes = set()
    try:
        for time_us in order:
            planes = [picture.picture(time_us, edl_pb2.FIT_CONTAIN) for picture in (clip, copy)]
            code, copied = (decode_frame_code(plane.y) for plane in planes)
            assert code is not None, time_us
            assert copied == code, time_us
            codes.add(code)
            for one, other in zip(planes[0].all, planes[1].all, strict=True):
                # Coding at crf 26 moves single values; another matrix or range moves all of them.
                apart = float(one.astype(np.int16).mean() - other.astype(np.int16).mean())
                assert abs(apart) < 1.5, time_us
    finally:
        clip.close()
        copy.close()
    assert len(codes) > 5 or name == "one_frame"

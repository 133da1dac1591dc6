"""The encoders behind the codecs: settings under which pieces join and every cut can be entered.

What they have in common: one thread, so that bytes depend on the pictures alone; closed groups of
pictures with a key frame where one is asked for and nowhere else but at the longest distance;
headers that don't depend on what is encoded. CRF and preset are x264's; other encoders get what
looks about the same, and takes about the same trouble for them.

`max_bit_rate` R holds over any second inside a piece: the buffer model of x264 and x265 takes 3/4
R and a buffer of R/4. SVT-AV1 and libvpx only aim at a rate, here R/2: noise that they can't make
so small passes it. ProRes has the rate of its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from beatstitch.v1.render_pb2 import VideoCodec
from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_renderer.planning.encoding import AV1, H264, HEVC, PRORES, VP9

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.video.codeccontext import VideoCodecContext

    from beatstitch.v1.edl_pb2 import OutputFormat
    from beatstitch_renderer.planning.encoding import Encoding

    Options = dict[str, str]

KEYFRAME_SECONDS = 2
# Everything besides preset, crf, size and rate; part of the fingerprint.
X264_PARAMS = "min-keyint=1:scenecut=0:open-gop=0:stitchable=1:chromaloc=0:cpu-independent=1"
_X265_PARAMS = (
    "min-keyint=1:scenecut=0:open-gop=0:info=0:repeat-headers=0:hrd=0"
    ":pools=1:frame-threads=1:wpp=0:log-level=error"
)
_SVT_PARAMS = "lp=1:scd=0"
_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
# Its quicker ones, 11 and 12, drop the quality of single pictures after a cut by 10 dB.
_SVT_PRESETS = (10, 10, 10, 9, 8, 7, 5, 4, 3, 2)
_VPX_SPEEDS = (5, 5, 5, 4, 3, 2, 1, 1, 0, 0)
_DEFAULT_PRESET = "veryfast"


@dataclass(frozen=True, slots=True)
class _Encoder:
    """One of libav's encoders.

    Attributes:
        name: libav's.
        options: From encoding and longest distance of key frames to its options.
        pix_fmt: What it takes.
    """

    name: str
    options: Callable[[Encoding, int], Options]
    pix_fmt: str = "yuv420p"


def _buffered(encoding: Encoding) -> tuple[int, int]:
    """Rate in bit/s and size in bit of the buffer model: in no second more than the cap."""
    return encoding.max_bit_rate * 3 // 4, encoding.max_bit_rate // 4


def _aimed_at(encoding: Encoding) -> tuple[int, int]:
    """The same for encoders without a strict buffer model: far enough below the cap."""
    return encoding.max_bit_rate // 2, encoding.max_bit_rate // 4


def _x264(encoding: Encoding, keyint: int) -> Options:
    cap = ""
    if encoding.max_bit_rate:
        rate, size = _buffered(encoding)
        cap = f":vbv-maxrate={max(1, rate // 1000)}:vbv-bufsize={max(1, size // 1000)}"
    return {
        "preset": encoding.preset,
        "crf": str(encoding.crf),
        "forced-idr": "1",
        "a53cc": "0",
        "x264-params": f"keyint={keyint}:{X264_PARAMS}{cap}",
    }


def _x265(encoding: Encoding, keyint: int) -> Options:
    cap = ""
    if encoding.max_bit_rate:
        rate, size = _buffered(encoding)
        cap = f":vbv-maxrate={max(1, rate // 1000)}:vbv-bufsize={max(1, size // 1000)}"
    return {
        "preset": encoding.preset or _DEFAULT_PRESET,
        "crf": str(min(51, encoding.crf + 4)),
        "forced-idr": "1",
        "a53cc": "0",
        "x265-params": f"keyint={keyint}:{_X265_PARAMS}{cap}",
    }


def _svt(encoding: Encoding, keyint: int) -> Options:
    options = {
        "preset": str(_SVT_PRESETS[_effort(encoding)]),
        "crf": str(min(63, encoding.crf * 63 // 51 + 6)),
        "g": str(keyint),
        "svtav1-params": _SVT_PARAMS,
    }
    if encoding.max_bit_rate:
        rate, size = _aimed_at(encoding)
        options |= {"maxrate": str(rate), "bufsize": str(size)}
        options["svtav1-params"] += ":mbr-overshoot-pct=0"
    return options


def _vpx(encoding: Encoding, keyint: int) -> Options:
    options = {
        "cpu-used": str(_VPX_SPEEDS[_effort(encoding)]),
        "deadline": "good",
        "crf": str(min(63, encoding.crf * 63 // 51 + 3)),
        "b": "0",
        "g": str(keyint),
        "row-mt": "0",
        "tile-columns": "0",
        "frame-parallel": "0",
        "auto-alt-ref": "1",
        "lag-in-frames": "16",
    }
    if encoding.max_bit_rate:
        rate, size = _aimed_at(encoding)
        options |= {"b": str(rate), "maxrate": str(rate), "bufsize": str(size)}
    return options


def _prores(_encoding: Encoding, _keyint: int) -> Options:
    return {"profile": "hq", "vendor": "apl0"}


_ENCODERS: dict[VideoCodec.ValueType, _Encoder] = {
    H264: _Encoder("libx264", _x264),
    HEVC: _Encoder("libx265", _x265),
    AV1: _Encoder("libsvtav1", _svt),
    VP9: _Encoder("libvpx-vp9", _vpx),
    PRORES: _Encoder("prores_ks", _prores, "yuv422p10le"),
}


def _effort(encoding: Encoding) -> int:
    preset = encoding.preset
    return _PRESETS.index(preset if preset in _PRESETS else _DEFAULT_PRESET)


def encoder_names() -> dict[VideoCodec.ValueType, str]:
    """Libav's names of all encoders."""
    return {codec: known.name for codec, known in _ENCODERS.items()}


def encoder_name(encoding: Encoding) -> str:
    """Libav's name of the encoder."""
    return _ENCODERS[encoding.codec or H264].name


def pixel_format(encoding: Encoding) -> str:
    """Libav's name of the pixels that the encoder takes."""
    return _ENCODERS[encoding.codec or H264].pix_fmt


def configure(context: VideoCodecContext, output: OutputFormat, encoding: Encoding) -> None:
    """Sets everything that decides the headers and the bytes, besides x264's threads."""
    codec = encoding.codec or H264
    rate = rate_fraction(output.frame_rate)
    keyint = max(1, round_half_up(KEYFRAME_SECONDS * rate))
    context.width, context.height = output.width, output.height
    context.pix_fmt = _ENCODERS[codec].pix_fmt
    context.framerate, context.time_base = rate, 1 / rate
    context.sample_aspect_ratio = Fraction(1)
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.thread_count = 1
    context.flags |= Flags.global_header | Flags.closed_gop
    if codec != H264:
        context.flags |= Flags.bitexact
    if codec == AV1:
        # It tells its settings on stderr, where only what went wrong belongs.
        os.environ.setdefault("SVT_LOG", "1")
    if codec == HEVC:
        # Apple's players take parameter sets in the file's header only.
        context.codec_tag = "hvc1"
    context.options = _ENCODERS[codec].options(encoding, keyint)


@contextlib.contextmanager
def kept_scheduling() -> Iterator[None]:
    """Around the opening of an encoder: leaves the process in the class in which it was.

    SVT-AV1, where it may (as root), puts its caller and its threads into SCHED_FIFO: a few of them
    starve the rest of the machine.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                if os.sched_getscheduler(int(task.name)) != policy:
                    os.sched_setscheduler(int(task.name), policy, parameters)


def piece_fingerprint(fingerprint: str, encoding: Encoding) -> str:
    """The fingerprint of pieces of one encoding.

    The renderer's own covers H.264. So a change of another encoder's settings makes none of its
    pieces anew.
    """
    codec = encoding.codec or H264
    if codec == H264:
        return fingerprint
    known = _ENCODERS[codec]
    digest = hashlib.sha256(repr(sorted(known.options(encoding, 1).items())).encode())
    return f"{fingerprint}; {known.name} {digest.hexdigest()[:12]}"

"""Which codecs these libraries can write, and which hardware encoders are there besides."""

from __future__ import annotations

import contextlib
import functools
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av

from beatstitch_renderer.compositor.codecs import encoder_names
from beatstitch_renderer.planning.encoding import GIF, WEBP

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

    from beatstitch.v1.render_pb2 import VideoCodec

_ANIMATORS = {GIF: "gif", WEBP: "libwebp"}
# For people and schedulers to know of; nothing is encoded by them.
_HARDWARE = tuple(
    f"{codec}_{kind}"
    for codec in ("h264", "hevc", "av1")
    for kind in ("nvenc", "qsv", "vaapi", "amf", "videotoolbox")
)


@functools.cache
def codecs() -> tuple[VideoCodec.ValueType, ...]:
    """What these libraries can write."""
    names = encoder_names() | _ANIMATORS
    return tuple(codec for codec, name in names.items() if _is_there(name))


@functools.cache
def hardware_encoders() -> tuple[str, ...]:
    """Hardware encoders that these libraries have and whose device answers."""
    return tuple(name for name in _HARDWARE if _is_there(name) and _opens(name))


def _is_there(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _opens(name: str) -> bool:
    with contextlib.suppress(av.FFmpegError, ValueError, OSError):
        context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        context.width, context.height = 256, 256
        context.pix_fmt = "vaapi" if "vaapi" in name else "yuv420p"
        context.time_base = Fraction(1, 25)
        context.open()
        return True
    return False

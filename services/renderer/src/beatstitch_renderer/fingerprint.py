"""Names everything besides the input that decides the bytes of a render.

Two renderers with one fingerprint make the same bytes, so they may share pieces; any change of what
a piece looks like must change `RENDER_VERSION`.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import re
from fractions import Fraction

import av
import cv2
import numpy as np
import PIL

from beatstitch_media.binaries import ffmpeg_build
from beatstitch_renderer.baseline import CHILD_ENV
from beatstitch_renderer.compositor.codecs import KEYFRAME_SECONDS, X264_PARAMS
from beatstitch_renderer.compositor.planes import SCALER
from beatstitch_renderer.compositor.text import text_build
from beatstitch_renderer.piece import VERSION

RENDER_VERSION = 5
_LIBRARIES = ("libavcodec", "libavformat", "libswscale")


@functools.cache
def renderer_fingerprint() -> str:
    """For example "beatstitch-renderer 1; pyav 18.1.0; …; settings 0f3a…"."""
    settings = f"{X264_PARAMS} {KEYFRAME_SECONDS} {SCALER} {VERSION} {CHILD_ENV}"
    digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
    libraries = (f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in _LIBRARIES)
    return "; ".join(
        [
            f"beatstitch-renderer {RENDER_VERSION}",
            f"pyav {av.__version__}",
            *libraries,
            x264_build(),
            f"opencv {cv2.__version__}",
            f"numpy {np.__version__}",
            f"pillow {PIL.__version__}",
            text_build(),
            ffmpeg_build(),
            platform.machine(),
            f"settings {digest}",
        ]
    )


@functools.cache
def x264_build() -> str:
    """The encoder's own name, which only an encoded picture tells, for example "x264 core 165"."""
    context = av.CodecContext.create("libx264", "w")
    context.width = context.height = 64
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    found = re.search(rb"x264 - (core \d+(?: r\d+)?(?: \w+)?)", data)
    return f"x264 {found[1].decode().strip()}" if found else "x264"

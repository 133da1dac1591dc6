"""Which decoder a clip's stream is read by: libav's own, but for transparent VP8 and VP9.

In WebM transparency is a second stream beside each packet; libav's own decoders don't look at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_BY_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """The stream's decoder, not yet open."""
    own = stream.codec_context
    name = _BY_LIBVPX.get(own.codec.name)
    if name is None or not _has_alpha(stream):
        return own
    made = cast("VideoCodecContext", av.CodecContext.create(name, "r"))
    made.extradata = own.extradata
    return made


def _has_alpha(stream: VideoStream) -> bool:
    told = {key.lower(): value for key, value in stream.metadata.items()}
    return told.get("alpha_mode") == "1"

"""How PyAV opens a file from a client: by the one demuxer it may be read with, files only.

For use inside sandboxed children only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError


@contextlib.contextmanager
def opened(path: Path, demuxer: str) -> Iterator[Any]:
    """The container.

    Args:
        path: The file.
        demuxer: As `sniff` says.

    Raises:
        BeatStitchError: INPUT_CORRUPT.
    """
    try:
        container = av.open(
            f"file:{path}",
            format=demuxer,
            options={"protocol_whitelist": "file", "format_whitelist": demuxer},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"the file can't be opened: {error}"
        ) from error
    with container:
        yield container


def clip_stream(container: Any) -> Any:  # noqa: ANN401 - PyAV's types depend on the stream
    """The stream that a clip's `MediaInfo` is about: the first with moving pictures, no cover art.

    Raises:
        BeatStitchError: INPUT_CORRUPT, there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and has_decoder(stream):
            return stream
    raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "there are no moving pictures")


def has_decoder(stream: Any) -> bool:  # noqa: ANN401
    """Whether libav knows the stream's codec: else PyAV gives it no context, against its types."""
    return stream.codec_context is not None

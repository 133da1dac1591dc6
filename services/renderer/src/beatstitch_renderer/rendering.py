"""One piece from its content and its sources to its file: what the sandboxed child does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch_renderer.compositor.caps import fits, tries
from beatstitch_renderer.compositor.compose import pictures
from beatstitch_renderer.compositor.encoder import Coded, Encoder
from beatstitch_renderer.compositor.planes import Planes, signature
from beatstitch_renderer.compositor.sources import Sources
from beatstitch_renderer.piece import write_piece
from beatstitch_renderer.planning.encoding import encoding_of
from beatstitch_renderer.planning.frames import cut_frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch_renderer.compositor.sources import LoadStill, SourceFile
    from beatstitch_renderer.planning.encoding import Encoding


def render_piece(
    content: ChunkContent,
    files: dict[str, SourceFile],
    load_still: LoadStill,
    output: Path,
    progress: Callable[[int], None] = lambda _frames: None,
    *,
    clock: Callable[[], float] = lambda: 0.0,
) -> None:
    """Renders a piece.

    Args:
        content: What it shows.
        files: The sources by sha256.
        load_still: Decodes a still picture.
        output: The file to write.
        progress: Told after each frame how many are done.
        clock: Seconds, for the piece to tell how long it took; else equal pieces are equal files.

    Raises:
        SourceError: A source can't be used.
        ValueError: The encoder gave other frames than it was given.
    """
    begun = clock()
    made: _Made | None = None
    for encoding in tries(encoding_of(content)):
        made = _encoded(content, encoding, files, load_still, progress)
        if fits(made.coded, encoding_of(content).max_bit_rate, content.output):
            break
    if made is None:
        raise ValueError("nothing was encoded")
    took_ms = round((clock() - begun) * 1000)
    write_piece(output, made.headers, made.coded, made.signatures, took_ms)


@dataclass(frozen=True, slots=True)
class _Made:
    """A piece, encoded.

    Attributes:
        headers: The encoder's.
        coded: In decoding order.
        signatures: Of each frame.
    """

    headers: bytes
    coded: list[Coded]
    signatures: list[bytes]


def _encoded(
    content: ChunkContent,
    encoding: Encoding,
    files: dict[str, SourceFile],
    load_still: LoadStill,
    progress: Callable[[int], None],
) -> _Made:
    cuts = set(cut_frames(content))
    encoder = Encoder(content.output, encoding)
    sources = Sources(files, content.output, load_still)
    coded: list[Coded] = []
    signatures: list[bytes] = []
    last: Planes | None = None
    try:
        for frame, picture in enumerate(pictures(content, sources)):
            coded += encoder.encode(picture, key=frame in cuts)
            if picture is not last:
                mark = signature(picture.y)
                last = picture
            signatures.append(mark)
            progress(frame + 1)
    finally:
        sources.close()
    coded += encoder.finish()
    if len(signatures) != content.frame_count:
        raise ValueError(f"{len(signatures)} frames instead of {content.frame_count}")
    return _Made(encoder.headers, coded, signatures)

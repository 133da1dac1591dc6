"""The file of one piece: a line of JSON, then coded pictures in decoding order, H.264 in Annex B.

No container comes between the encoder and the finished video, so no container's clock rounds a time
stamp: a picture's time is its number. `tail -n +2 PIECE | ffplay -f h264 -` shows one.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from beatstitch_renderer.compositor.encoder import Coded

VERSION = 1
_MAX_HEADER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PieceHeader:
    """What a piece says about itself.

    Attributes:
        frame_count: Pictures in it.
        headers: SPS and PPS in Annex B.
        order: For each coded picture which frame of the piece it is, in decoding order.
        keys: Frames of the piece that are IDR pictures.
        sizes: Bytes of each coded picture.
        signatures: One of 64 bytes for each frame, of the picture before encoding, in order shown.
        took_ms: How long it took to make; 0 when nobody measured.
    """

    frame_count: int
    headers: bytes
    order: tuple[int, ...]
    keys: frozenset[int]
    sizes: tuple[int, ...]
    signatures: tuple[bytes, ...]
    took_ms: int = 0


def write_piece(
    path: Path,
    headers: bytes,
    coded: Sequence[Coded],
    signatures: Sequence[bytes],
    took_ms: int = 0,
) -> None:
    """Writes a piece; its bytes depend on the arguments alone.

    The video joined of pieces doesn't depend on `took_ms`.

    Raises:
        ValueError: A frame is missing or there twice.
    """
    order = [picture.frame for picture in coded]
    if sorted(order) != list(range(len(signatures))):
        raise ValueError(f"{len(order)} coded pictures for {len(signatures)} frames")
    facts = {
        "version": VERSION,
        "headers": base64.b64encode(headers).decode(),
        "order": order,
        "keys": sorted(picture.frame for picture in coded if picture.is_key),
        "sizes": [len(picture.data) for picture in coded],
        "signatures": base64.b64encode(b"".join(signatures)).decode(),
        "took_ms": took_ms,
    }
    with path.open("wb") as file:
        file.write(json.dumps(facts, separators=(",", ":")).encode() + b"\n")
        file.writelines(picture.data for picture in coded)


def read_header(path: Path) -> PieceHeader:
    """The piece's first line, checked against the file's size.

    Raises:
        BeatStitchError: VERIFICATION_FAILED when the piece is damaged.
    """
    with path.open("rb") as file:
        line = file.readline(_MAX_HEADER_BYTES)
        rest = file.seek(0, 2) - len(line)
    try:
        facts = json.loads(line)
        digest = base64.b64decode(facts["signatures"], validate=True)
        header = PieceHeader(
            frame_count=len(facts["order"]),
            headers=base64.b64decode(facts["headers"], validate=True),
            order=tuple(facts["order"]),
            keys=frozenset(facts["keys"]),
            sizes=tuple(facts["sizes"]),
            signatures=tuple(digest[i : i + 64] for i in range(0, len(digest), 64)),
            took_ms=int(facts.get("took_ms", 0)),
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise damaged("its first line can't be read") from error
    count = header.frame_count
    if (
        facts["version"] != VERSION
        or count == 0
        or sum(header.sizes) != rest
        or not len(header.sizes) == len(header.signatures) == count
        or sorted(header.order) != list(range(count))
        or 0 not in header.keys
    ):
        raise damaged("it is not whole")
    return header


def read_pictures(path: Path, header: PieceHeader) -> Iterator[bytes]:
    """The coded pictures, in decoding order."""
    with path.open("rb") as file:
        file.readline(_MAX_HEADER_BYTES)
        for size in header.sizes:
            yield file.read(size)


def damaged(problem: str) -> BeatStitchError:
    """VERIFICATION_FAILED for a stored piece."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_VERIFICATION_FAILED, f"a stored piece is damaged: {problem}"
    )

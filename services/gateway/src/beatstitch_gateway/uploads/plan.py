"""How a file is cut into PUTs. Pure."""

from __future__ import annotations

from beatstitch.v1.asset_service_pb2 import UploadPart

# S3 takes 10 000 parts; with fewer the reply stays small and the list of etags too.
MAX_PARTS = 1000
_STEP = 1024 * 1024


def plan_parts(size_bytes: int, *, single_put_bytes: int, part_bytes: int) -> list[UploadPart]:
    """The parts of a file, in order, without URLs.

    Args:
        size_bytes: Of the file, at least 1.
        single_put_bytes: Files up to this size are one part.
        part_bytes: Smallest part of a larger one, but for the last.
    """
    if size_bytes <= single_put_bytes:
        return cut(size_bytes, size_bytes)
    wanted = -(-size_bytes // MAX_PARTS)
    return cut(size_bytes, max(part_bytes, -(-wanted // _STEP) * _STEP))


def cut(size_bytes: int, step: int) -> list[UploadPart]:
    """Parts of `step` bytes; the last one has what is left."""
    return [
        UploadPart(
            part_number=number + 1,
            offset_bytes=offset,
            size_bytes=min(step, size_bytes - offset),
        )
        for number, offset in enumerate(range(0, size_bytes, step))
    ]

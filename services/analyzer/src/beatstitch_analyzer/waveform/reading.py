"""A stretch of a song's shape, from bytes at hand or from storage.

From storage only what is needed is read: the head, and three pieces of one zoom level. An hour of
music in a thousand buckets is 30 kB of a file of 2.5 MB.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import numpy as np

from beatstitch.v1.waveform_pb2 import Waveform
from beatstitch_analyzer.waveform.file import HEAD_BYTES, Head, Level, Planes, corrupt, parse_head
from beatstitch_analyzer.waveform.stretch import fill, plan_stretch

DEFAULT_BUCKETS = 1000
MAX_BUCKETS = 20_000


class Ranges(Protocol):
    """What of `Storage` is needed here."""

    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Bytes of an object; fewer where it ends before."""
        ...


def read_waveform(data: bytes, *, start_us: int = 0, end_us: int = 0, buckets: int = 0) -> Waveform:
    """A stretch of a song, in so many buckets.

    Args:
        data: The file.
        start_us: First microsecond, ≥ 0.
        end_us: One past the last microsecond; 0 for the song's end.
        buckets: 1 to MAX_BUCKETS; 0 for DEFAULT_BUCKETS. Fewer are answered where a bucket would be
            finer than the file's finest bin.

    Returns:
        The stretch; empty where it lies beyond the song's end.

    Raises:
        BeatStitchError: INPUT_CORRUPT, the bytes are no waveform of this version.
    """
    head = parse_head(data)
    if len(data) < head.size:
        raise corrupt()
    stretch = plan_stretch(head, start_us, end_us, buckets or DEFAULT_BUCKETS)
    level = np.frombuffer(data, np.int8, 3 * stretch.level.bins, stretch.level.offset)
    low, high, rms = level.reshape(3, -1)[:, stretch.first : stretch.last]
    return fill(stretch, Planes(low, high, rms))


async def read_head(storage: Ranges, key: str) -> Head:
    """The head of a stored waveform; errors as `read_waveform`, and OBJECT_MISSING."""
    return parse_head(await storage.get_range(key, 0, HEAD_BYTES))


async def read_planes(storage: Ranges, key: str, level: Level, first: int, last: int) -> Planes:
    """Bins `first` to `last` of a level; errors as `read_head`."""
    pieces = await asyncio.gather(
        *(
            storage.get_range(key, level.offset + plane * level.bins + first, last - first)
            for plane in range(3)
        )
    )
    if any(len(piece) != last - first for piece in pieces):
        raise corrupt()
    low, high, rms = (np.frombuffer(piece, np.int8) for piece in pieces)
    return Planes(low, high, rms)


async def read_stored(
    storage: Ranges, key: str, *, start_us: int = 0, end_us: int = 0, buckets: int = 0
) -> Waveform:
    """As `read_waveform`, from storage; reads nothing but the head and the range's bins."""
    head = await read_head(storage, key)
    stretch = plan_stretch(head, start_us, end_us, buckets or DEFAULT_BUCKETS)
    if stretch.last == stretch.first:
        return stretch.answer
    return fill(
        stretch, await read_planes(storage, key, stretch.level, stretch.first, stretch.last)
    )

"""Where the pieces of a render begin, decided by what is near, never by counting from the start.

A border lies at the first frame of a segment; where a transition reaches over it, the pieces on
both sides know both segments. A segment begins a piece when its key is the smallest of all segments
within `min_frames` on either side (local-extremum chunking: Bjørner, Blass and Gurevich,
"Content-dependent chunking for differential compression, the local maximum approach", 2010). So
changing one segment moves only borders near it, and the pieces elsewhere are found again. What is
then still too long is split at its own smallest key, and one long segment at frames counted from
its own first frame.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch_core.limits import MAX_INPUTS_PER_CHUNK, MAX_SEGMENTS_PER_CHUNK
from beatstitch_core.timebase import rate_fraction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.edl_pb2 import OutputFormat, Segment

_HD_PIXELS_PER_SECOND = 1920 * 1080 * 30


@dataclass(frozen=True, slots=True)
class PieceSizes:
    """How long pieces are, in frames.

    Attributes:
        min_frames: Borders that are chosen freely are at least this far apart.
        max_frames: A longer piece is split at a segment's start where it has one.
        long_frames: A single longer segment is split inside.
    """

    min_frames: int
    max_frames: int
    long_frames: int


def default_sizes(output: OutputFormat, slowness: int = 1) -> PieceSizes:
    """4 to 10 s where segments allow, 20 s at most; less where a second is more work than in HD.

    Args:
        output: Shape of the video.
        slowness: How many times slower than H.264 it is encoded.
    """
    fps = rate_fraction(output.frame_rate)
    effort = output.width * output.height * fps * slowness / _HD_PIXELS_PER_SECOND
    fewer = min(max(effort, Fraction(1)), Fraction(8 * slowness))
    least, most, longest = (int(seconds * fps / fewer) for seconds in (4, 10, 20))
    return PieceSizes(max(1, least), max(2, most), max(4, longest))


def borders(segments: Sequence[Segment], sizes: PieceSizes) -> list[int]:
    """The frames at which pieces begin, and at last the frame count.

    Args:
        segments: In order, without gap, the first at frame 0; not empty.
        sizes: How long pieces are.
    """
    starts = [segment.timeline_in_frame for segment in segments]
    end = segments[-1].timeline_out_frame
    keys = [_key(segment) for segment in segments]
    chosen = [0, *_local_minima(starts, keys, end, sizes.min_frames), len(segments)]
    found: list[int] = []
    for first, last in pairwise(chosen):
        found.extend(_split(segments, keys, first, last, sizes))
    return [*found, end]


def _key(segment: Segment) -> bytes:
    """Orders segments as if by chance, by the frame at which they begin.

    Not by what they show: cuts belong to the song and stay where they are while pictures are
    exchanged, so the commonest edits move no border at all and cost the one piece they are in.
    """
    return hashlib.sha256(str(segment.timeline_in_frame).encode()).digest()[:8]


def _local_minima(starts: list[int], keys: list[bytes], end: int, reach: int) -> list[int]:
    """Indices of segments whose key is the smallest within `reach` frames, away from both ends."""
    found = []
    for i in range(1, len(starts)):
        if starts[i] < reach or end - starts[i] < reach:
            continue
        near = range(
            bisect_left(starts, starts[i] - reach + 1), bisect_left(starts, starts[i] + reach)
        )
        if all(keys[i] <= keys[j] for j in near):
            found.append(i)
    return found


def _split(
    segments: Sequence[Segment], keys: list[bytes], first: int, last: int, sizes: PieceSizes
) -> list[int]:
    """Starts of the pieces of segments `first` to `last` - 1, which begin with `first`'s."""
    begin, end = segments[first].timeline_in_frame, segments[last - 1].timeline_out_frame
    if last - first == 1:
        return _split_long(begin, end, sizes)
    inputs = {segment.media_sha256 for segment in segments[first:last]}
    # The segment before may go out in it and the one after come in: two less of each.
    if (
        end - begin <= sizes.max_frames
        and last - first + 2 <= MAX_SEGMENTS_PER_CHUNK
        and len(inputs) + 2 <= MAX_INPUTS_PER_CHUNK
    ):
        return [begin]
    inner = range(first + 1, last)
    margins = (sizes.min_frames, (end - begin) // 4, 0)
    candidates: list[int] = []
    for margin in margins:
        candidates = [
            i
            for i in inner
            if segments[i].timeline_in_frame - begin >= margin
            and end - segments[i].timeline_in_frame >= margin
        ]
        if candidates:
            break
    middle = min(candidates, key=lambda i: keys[i])
    return [
        *_split(segments, keys, first, middle, sizes),
        *_split(segments, keys, middle, last, sizes),
    ]


def _split_long(begin: int, end: int, sizes: PieceSizes) -> list[int]:
    if end - begin <= sizes.long_frames:
        return [begin]
    step = sizes.max_frames
    # The rest joins the last piece rather than being a short one.
    count = max(1, (end - begin) // step)
    return [begin + i * step for i in range(count)]

"""On how many frames two EDLs show something else.

Both are cut where a segment or a transition begins or ends in either. In the pieces between, what
is seen moves evenly, so that a few frames speak for all. Accents and overlays are held against each
other as they are: one that only one EDL has changes the frames that it is on.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch_core.edl.speed import source_offset_us
from beatstitch_core.edl.ways_in import reach
from beatstitch_timeline.moves import move_ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from beatstitch.v1.common_pb2 import Rational
    from beatstitch.v1.edl_pb2 import Edl, Segment

    Frames = tuple[int, int]

SAME_MOMENT_US = 500
"""Moments of a clip that are no further apart are in one frame of it, of up to 1000 a second."""
_SAMPLES = 4


class _Piece(NamedTuple):
    """What an EDL shows from one of its borders to the next.

    Attributes:
        begin: First frame.
        end: One past the last.
        segment: What is seen.
        old: What it comes from in a transition; None outside.
    """

    begin: int
    end: int
    segment: Segment
    old: Segment | None


def changed_frames(before: Edl, after: Edl) -> int:
    """How many frames differ; those that only one of the two has count.

    Linear in their segments, but for one sorting of what differs.
    """
    lengths = sorted(_length(edl) for edl in (before, after))
    if before.output != after.output:
        return lengths[1]
    differing = chain(
        _pictures(before, after),
        _only_one(_accents(before), _accents(after)),
        _only_one(_overlays(before), _overlays(after)),
        [(lengths[0], lengths[1])],
    )
    return _covered(differing)


def same_picture(one: Segment, other: Segment, begin: int, end: int, rate: Rational) -> bool:
    """Whether two segments show the same in frames `begin` to `end` - 1 of the video."""
    if (one.media_sha256, one.fit) != (other.media_sha256, other.fit) or one.focus != other.focus:
        return False
    frames = {begin + (end - 1 - begin) * k // _SAMPLES for k in range(_SAMPLES + 1)}
    if one.media_type != common_pb2.MEDIA_TYPE_VIDEO:
        if one.effect == other.effect and _span(one) == _span(other):
            return True
        return all(part_at(one, frame) == part_at(other, frame) for frame in frames)
    if _runs(one) == _runs(other) and one.speed == other.speed:
        return True
    return all(
        abs(moment_at(one, frame, rate) - moment_at(other, frame, rate)) <= SAME_MOMENT_US
        for frame in frames
    )


def moment_at(segment: Segment, frame: int, rate: Rational) -> int:
    """The moment of a clip that is in a frame of the video, in microseconds."""
    offset = source_offset_us(segment.speed, frame - segment.timeline_in_frame, rate)
    length = segment.source_out_us - segment.source_in_us
    if offset >= length > 0:
        holds = segment.fill == edl_pb2.FILL_POLICY_HOLD
        offset = length - 1 if holds else offset % length
    return max(segment.source_in_us + offset, 0)


def part_at(segment: Segment, frame: int) -> tuple[Fraction | int, ...]:
    """The part of a still picture that is in a frame of the video; () for all of it."""
    if segment.effect.WhichOneof("kind") is None:
        return ()
    begin, end = move_ends(segment.effect.ken_burns)
    last = segment.timeline_out_frame - segment.timeline_in_frame - 1
    step = min(max(frame - segment.timeline_in_frame, 0), last)
    part = Fraction(step, last) if last > 0 else Fraction(0)
    pairs = ((begin.x, end.x), (begin.y, end.y), (begin.w, end.w), (begin.h, end.h))
    return tuple(a + (b - a) * part for a, b in pairs)


def _length(edl: Edl) -> int:
    return edl.segments[-1].timeline_out_frame if edl.segments else 0


def _pictures(before: Edl, after: Edl) -> Iterator[Frames]:
    """The stretches in which other pictures are seen, or others come in."""
    rate, lefts, rights = after.output.frame_rate, _pieces(before), _pieces(after)
    left, right = next(lefts, None), next(rights, None)
    while left is not None and right is not None:
        begin, end = max(left.begin, right.begin), min(left.end, right.end)
        if begin < end and not _same(left, right, begin, end, rate):
            yield begin, end
        left, right = (
            next(lefts, None) if left.end == end else left,
            next(rights, None) if right.end == end else right,
        )


def _pieces(edl: Edl) -> Iterator[_Piece]:
    """An EDL's frames, cut at its segments and at both ends of its transitions."""
    segments = list(edl.segments)
    for i, segment in enumerate(segments):
        begin, end = _span(segment)
        clear = begin + (reach(segment.transition_in).after if i else 0)
        following = segments[i + 1] if i + 1 < len(segments) else None
        leaves = end - (reach(following.transition_in).before if following is not None else 0)
        if begin < clear:
            yield _Piece(begin, clear, segment, segments[i - 1])
        if clear < leaves:
            yield _Piece(clear, leaves, segment, None)
        if following is not None and leaves < end:
            yield _Piece(leaves, end, following, segment)


def _same(left: _Piece, right: _Piece, begin: int, end: int, rate: Rational) -> bool:
    if left.old is not None and right.old is not None:
        cuts = left.segment.timeline_in_frame, right.segment.timeline_in_frame
        if cuts[0] != cuts[1] or left.segment.transition_in != right.segment.transition_in:
            return False
        if not same_picture(left.old, right.old, begin, end, rate):
            return False
    elif left.old is not None or right.old is not None:
        return False
    return same_picture(left.segment, right.segment, begin, end, rate)


def _span(segment: Segment) -> Frames:
    return segment.timeline_in_frame, segment.timeline_out_frame


def _runs(segment: Segment) -> tuple[int, int, int, int]:
    """What, beside its speed, decides which moment of a clip is in which frame."""
    return (
        segment.timeline_in_frame,
        segment.source_in_us,
        segment.source_out_us,
        int(segment.fill),
    )


def _accents(edl: Edl) -> Iterator[tuple[Frames, bytes]]:
    for segment in edl.segments:
        for accent in segment.accents:
            begin = segment.timeline_in_frame + accent.frame
            looks = f"{int(accent.type)} {accent.amount}".encode()
            yield (begin, begin + accent.frames), looks


def _overlays(edl: Edl) -> Iterator[tuple[Frames, bytes]]:
    for overlay in edl.overlays:
        yield (
            (overlay.in_frame, overlay.out_frame),
            overlay.SerializeToString(deterministic=True),
        )


def _only_one(
    before: Iterable[tuple[Frames, bytes]], after: Iterable[tuple[Frames, bytes]]
) -> Iterator[Frames]:
    """The frames of what is in one of the two only."""
    count = Counter(after)
    count.subtract(before)
    return (frames for (frames, _), surplus in count.items() if surplus)


def _covered(stretches: Iterable[Frames]) -> int:
    """How many frames lie in at least one stretch."""
    covered = upto = 0
    for begin, end in sorted(stretches):
        covered += max(0, end - max(begin, upto))
        upto = max(upto, end)
    return covered

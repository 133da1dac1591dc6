"""Slow moves over pictures: cut in two, joined again, brought to another shape."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from beatstitch.v1.edl_pb2 import KenBurns, UnitRect
from beatstitch_core.edl.pictures import UNIT
from beatstitch_core.timebase import round_half_up
from beatstitch_timeline.framing import WHOLE_FITS

if TYPE_CHECKING:
    from beatstitch.v1.edl_pb2 import Fit, OutputFormat


def rect_at(move: KenBurns, frame: int, frames: int) -> UnitRect:
    """What a move over `frames` frames shows in one of them, 0 to frames - 1."""
    begin, end = move_ends(move)
    if frames <= 1:
        return begin
    part = Fraction(frame, frames - 1)
    x, y, w, h = (
        round_half_up(a + (b - a) * part) for a, b in zip(_sides(begin), _sides(end), strict=True)
    )
    return UnitRect(x=min(x, UNIT - w), y=min(y, UNIT - h), w=w, h=h)


def split_move(move: KenBurns, at: int, frames: int) -> tuple[KenBurns, KenBurns]:
    """A move over `frames` frames as two, the second from frame `at` on, 1 to frames - 1."""
    begin, end = move_ends(move)
    return (
        make_move(begin, rect_at(move, at - 1, frames)),
        make_move(rect_at(move, at, frames), end),
    )


def joined_move(first: KenBurns, second: KenBurns, at: int, frames: int) -> KenBurns | None:
    """The move that `split_move` made the two of; None where they are not one."""
    whole = make_move(move_ends(first)[0], second.to)
    return whole if split_move(whole, at, frames) == (first, second) else None


def make_move(begin: UnitRect, end: UnitRect) -> KenBurns:
    """A move from one rectangle to another."""
    move = KenBurns(to=end)
    # "from" is a keyword of Python, so the generated constructor can't name it.
    getattr(move, "from").CopyFrom(begin)
    return move


def move_ends(move: KenBurns) -> tuple[UnitRect, UnitRect]:
    """Where a move begins and ends."""
    begin: UnitRect = getattr(move, "from")
    return begin, move.to


def reshaped(
    move: KenBurns,
    size: tuple[int, int],
    was: tuple[OutputFormat, Fit.ValueType],
    becomes: tuple[OutputFormat, Fit.ValueType],
) -> KenBurns:
    """A move in another shape of the video or with another fit: same centres, same zoom.

    Args:
        move: As it was.
        size: Width and height of the picture; zeros where not known: then the move tells what it
            can of it.
        was: Shape of the video and fit that the move was made for.
        becomes: Those that it is to have.
    """
    begin, end = move_ends(move)
    if size[0] <= 0 or size[1] <= 0:
        size = _size_of(begin, *was)
    old, new = _whole(size, *was), _whole(size, *becomes)
    if old == new:
        return move
    return make_move(_reshaped(begin, old, new), _reshaped(end, old, new))


def _whole(
    size: tuple[int, int], output: OutputFormat, fit: Fit.ValueType
) -> tuple[Fraction, Fraction]:
    """Width and height of the part that is seen without a move, in units of the picture."""
    if fit in WHOLE_FITS:
        return Fraction(UNIT), Fraction(UNIT)
    across, along = size[0] * output.height, size[1] * output.width
    return (
        Fraction(UNIT) if across <= along else Fraction(UNIT * along, across),
        Fraction(UNIT) if across >= along else Fraction(UNIT * across, along),
    )


def _reshaped(
    rect: UnitRect, old: tuple[Fraction, Fraction], new: tuple[Fraction, Fraction]
) -> UnitRect:
    w, h = (
        min(UNIT, max(1, round_half_up(side * after / before)))
        for side, before, after in zip((rect.w, rect.h), old, new, strict=True)
    )
    x, y = (
        min(max((2 * low + side - length) // 2, 0), UNIT - length)
        for low, side, length in ((rect.x, rect.w, w), (rect.y, rect.h, h))
    )
    return UnitRect(x=x, y=y, w=w, h=h)


def _size_of(rect: UnitRect, output: OutputFormat, fit: Fit.ValueType) -> tuple[int, int]:
    """The shape of a picture, from a part of it that has the output's shape."""
    if fit in WHOLE_FITS or rect.w <= 0 or rect.h <= 0:
        return output.width, output.height
    return output.width * rect.h, output.height * rect.w


def _sides(rect: UnitRect) -> tuple[int, int, int, int]:
    return rect.x, rect.y, rect.w, rect.h

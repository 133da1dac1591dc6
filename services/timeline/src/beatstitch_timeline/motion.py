"""Slow moves over still pictures, in integers of 1/65536 of the picture.

Zooms and pans take turns: in, along, out, back. How far (8 to 15 %), where to, and which move comes
first follow from SHA-256 of seed, segment and picture, so every machine and language moves alike;
no random generator is asked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import edl_pb2
from beatstitch.v1.edl_pb2 import Effect, KenBurns, UnitRect
from beatstitch_core.edl.pictures import UNIT

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Fit, OutputFormat

MIN_PERMILLE = 80
MAX_PERMILLE = 150
MOVES = ("zoom_in", "pan_forth", "zoom_out", "pan_back")


class Dice(NamedTuple):
    """What is left to chance, decided by a hash."""

    first_move: int
    permille: int
    aim_x: int  # 0 to 1023: where inside the room that a move leaves
    aim_y: int


def ken_burns(
    seed: int, index: int, picture: ReadyMedia, output: OutputFormat, fit: Fit.ValueType
) -> Effect | None:
    """The move over a picture; None where its size is unknown.

    Args:
        seed: The settings' seed.
        index: The segment's index.
        picture: What is shown, an image.
        output: Shape of the video.
        fit: How the picture is brought to it.
    """
    if picture.info.width <= 0 or picture.info.height <= 0:
        return None
    dice = roll(seed, index, picture.object.sha256)
    whole = visible_part(picture.info.width, picture.info.height, output, fit)
    move = MOVES[(dice.first_move + index) % len(MOVES)]
    small = UnitRect(w=_shrunk(whole.w, dice.permille), h=_shrunk(whole.h, dice.permille))
    if move.startswith("pan"):
        begin, end = _pan_ends(whole, small, output, dice)
    else:
        begin, end = whole, _aimed(whole, small, dice)
    if move in {"zoom_out", "pan_back"}:
        begin, end = end, begin
    motion = KenBurns(to=end)
    # "from" is a keyword of Python, so the generated constructor can't name it.
    getattr(motion, "from").CopyFrom(begin)
    return Effect(ken_burns=motion)


def roll(seed: int, index: int, sha256: str) -> Dice:
    """Decides by hash. The first move depends on the seed alone, so that moves take turns."""
    by_seed = hashlib.sha256(f"ken_burns:{seed}".encode()).digest()
    digest = hashlib.sha256(f"ken_burns:{seed}:{index}:{sha256}".encode()).digest()
    span = MAX_PERMILLE - MIN_PERMILLE + 1
    return Dice(
        first_move=by_seed[0] % len(MOVES),
        permille=MIN_PERMILLE + int.from_bytes(digest[0:4]) % span,
        aim_x=int.from_bytes(digest[4:6]) % 1024,
        aim_y=int.from_bytes(digest[6:8]) % 1024,
    )


def visible_part(width: int, height: int, output: OutputFormat, fit: Fit.ValueType) -> UnitRect:
    """The part of a picture that is seen without a move.

    COVER: the largest centred rectangle of the output's shape. CONTAIN: all of the picture; a part
    of the picture's own shape is fitted in like the picture, so the background stands still.
    """
    if fit == edl_pb2.FIT_CONTAIN:
        return UnitRect(x=0, y=0, w=UNIT, h=UNIT)
    across, along = width * output.height, height * output.width
    w = UNIT if across <= along else max(1, UNIT * along // across)
    h = UNIT if across >= along else max(1, UNIT * across // along)
    return UnitRect(x=(UNIT - w) // 2, y=(UNIT - h) // 2, w=w, h=h)


def _shrunk(length: int, permille: int) -> int:
    return max(1, length * 1000 // (1000 + permille))


def _aimed(whole: UnitRect, small: UnitRect, dice: Dice) -> UnitRect:
    """The smaller rectangle somewhere near the middle of the larger one."""
    # Between a quarter and three quarters of the room: a zoom that drifts, not one into a corner.
    x = whole.x + (whole.w - small.w) * (512 + dice.aim_x) // 2048
    y = whole.y + (whole.h - small.h) * (512 + dice.aim_y) // 2048
    return UnitRect(x=x, y=y, w=small.w, h=small.h)


def _pan_ends(
    whole: UnitRect, small: UnitRect, output: OutputFormat, dice: Dice
) -> tuple[UnitRect, UnitRect]:
    """From one edge to the other along the output's longer side, at a steady height."""
    far_x, far_y = whole.x + whole.w - small.w, whole.y + whole.h - small.h
    middle = _aimed(whole, small, dice)
    if output.width >= output.height:
        ends = ((whole.x, middle.y), (far_x, middle.y))
    else:
        ends = ((middle.x, whole.y), (middle.x, far_y))
    begin, end = (UnitRect(x=x, y=y, w=small.w, h=small.h) for x, y in ends)
    return begin, end

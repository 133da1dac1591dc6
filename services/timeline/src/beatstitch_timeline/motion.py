"""Slow moves over still pictures, in integers of 1/65536 of the picture.

KEN_BURNS lets zooms and pans take turns: in, along, out, back; the presets do one move only. How
far (8 to 15 %), where to, and which move comes first follow from SHA-256 of seed, segment and
picture, so every machine and language moves alike; no random generator is asked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import timeline_pb2
from beatstitch.v1.edl_pb2 import Effect, KenBurns, UnitRect
from beatstitch_timeline.framing import focus_of, visible_part

if TYPE_CHECKING:
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Fit, OutputFormat, UnitPoint
    from beatstitch.v1.timeline_pb2 import ImageMotion

MIN_PERMILLE = 80
MAX_PERMILLE = 150
TURNS = ("zoom_in", "pan_forth", "zoom_out", "pan_back")
PRESETS = {
    timeline_pb2.IMAGE_MOTION_ZOOM_IN: "zoom_in",
    timeline_pb2.IMAGE_MOTION_ZOOM_OUT: "zoom_out",
    timeline_pb2.IMAGE_MOTION_PAN_LEFT: "pan_left",
    timeline_pb2.IMAGE_MOTION_PAN_RIGHT: "pan_right",
    timeline_pb2.IMAGE_MOTION_PAN_UP: "pan_up",
    timeline_pb2.IMAGE_MOTION_PAN_DOWN: "pan_down",
    timeline_pb2.IMAGE_MOTION_ZOOM_TO_FOCUS: "zoom_to_focus",
}
_BACKWARDS = {"zoom_out", "pan_back", "pan_left", "pan_up"}
_UPRIGHT = {"pan_up", "pan_down"}


class Dice(NamedTuple):
    """What is left to chance, decided by a hash."""

    first_move: int
    permille: int
    aim_x: int  # 0 to 1023: where inside the room that a move leaves
    aim_y: int


def image_effect(
    motion: ImageMotion.ValueType,
    picture: ReadyMedia,
    *,
    seed: int,
    index: int,
    output: OutputFormat,
    fit: Fit.ValueType,
) -> Effect | None:
    """What a still picture does.

    Args:
        motion: As the settings say; unspecified is KEN_BURNS.
        picture: What is shown, an image.
        seed: The settings' seed.
        index: The segment's index.
        output: Shape of the video.
        fit: How the picture is brought to it.

    Returns:
        The move; None where it stands still, or where its size is unknown.
    """
    if motion == timeline_pb2.IMAGE_MOTION_STILL:
        return None
    if picture.info.width <= 0 or picture.info.height <= 0:
        return None
    dice, focus = roll(seed, index, picture.object.sha256), focus_of(picture)
    whole = visible_part(picture.info.width, picture.info.height, output, fit, focus)
    small = UnitRect(w=_shrunk(whole.w, dice.permille), h=_shrunk(whole.h, dice.permille))
    move = PRESETS.get(motion) or TURNS[(dice.first_move + index) % len(TURNS)]
    if move.startswith("pan"):
        turning = move in {"pan_forth", "pan_back"}
        upright = output.width < output.height if turning else move in _UPRIGHT
        begin, end = _pan_ends(whole, small, dice, upright=upright)
    elif move == "zoom_to_focus":
        begin, end = whole, _centred(whole, small, focus)
    else:
        begin, end = whole, _aimed(whole, small, dice)
    if move in _BACKWARDS:
        begin, end = end, begin
    moving = KenBurns(to=end)
    # "from" is a keyword of Python, so the generated constructor can't name it.
    getattr(moving, "from").CopyFrom(begin)
    return Effect(ken_burns=moving)


def roll(seed: int, index: int, sha256: str) -> Dice:
    """Decides by hash. The first move depends on the seed alone, so that moves take turns."""
    by_seed = hashlib.sha256(f"ken_burns:{seed}".encode()).digest()
    digest = hashlib.sha256(f"ken_burns:{seed}:{index}:{sha256}".encode()).digest()
    span = MAX_PERMILLE - MIN_PERMILLE + 1
    return Dice(
        first_move=by_seed[0] % len(TURNS),
        permille=MIN_PERMILLE + int.from_bytes(digest[0:4]) % span,
        aim_x=int.from_bytes(digest[4:6]) % 1024,
        aim_y=int.from_bytes(digest[6:8]) % 1024,
    )


def _shrunk(length: int, permille: int) -> int:
    return max(1, length * 1000 // (1000 + permille))


def _aimed(whole: UnitRect, small: UnitRect, dice: Dice) -> UnitRect:
    """The smaller rectangle somewhere near the middle of the larger one."""
    # Between a quarter and three quarters of the room: a zoom that drifts, not one into a corner.
    x = whole.x + (whole.w - small.w) * (512 + dice.aim_x) // 2048
    y = whole.y + (whole.h - small.h) * (512 + dice.aim_y) // 2048
    return UnitRect(x=x, y=y, w=small.w, h=small.h)


def _centred(whole: UnitRect, small: UnitRect, focus: UnitPoint) -> UnitRect:
    """The smaller rectangle with its middle as near to the focus as the larger one allows."""
    x = min(max(focus.x - small.w // 2, whole.x), whole.x + whole.w - small.w)
    y = min(max(focus.y - small.h // 2, whole.y), whole.y + whole.h - small.h)
    return UnitRect(x=x, y=y, w=small.w, h=small.h)


def _pan_ends(
    whole: UnitRect, small: UnitRect, dice: Dice, *, upright: bool
) -> tuple[UnitRect, UnitRect]:
    """From the left edge to the right one at a steady height, or from above downwards."""
    far_x, far_y = whole.x + whole.w - small.w, whole.y + whole.h - small.h
    middle = _aimed(whole, small, dice)
    if upright:
        ends = ((middle.x, whole.y), (middle.x, far_y))
    else:
        ends = ((whole.x, middle.y), (far_x, middle.y))
    begin, end = (UnitRect(x=x, y=y, w=small.w, h=small.h) for x, y in ends)
    return begin, end

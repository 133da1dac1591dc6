"""What of an EDL's overlays is in a piece, and how strong each is in which frame: in integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1.edl_pb2 import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHOLE = 65_536


def overlays_in(overlays: Iterable[Overlay], start: int, end: int) -> Iterator[Overlay]:
    """The overlays that touch frames `start` to `end` - 1, counted from `start`.

    Without asset ids, and with nothing said that can't be seen in the piece: where an overlay
    neither comes nor goes in it, any piece of that length has the same one.
    """
    count = end - start
    for overlay in overlays:
        if overlay.in_frame >= end or overlay.out_frame <= start:
            continue
        shown = Overlay()
        shown.CopyFrom(overlay)
        if shown.HasField("picture"):
            shown.picture.ClearField("media_asset_id")
        fade = overlay.fade_frames
        # Further away than its fade takes, where it comes and goes decides no frame of the piece.
        shown.in_frame = max(overlay.in_frame - start, -fade)
        shown.out_frame = min(overlay.out_frame - start, count + fade)
        if shown.in_frame == -fade and shown.out_frame == count + fade:
            shown.in_frame, shown.out_frame, shown.fade_frames = 0, count, 0
        yield shown


def strength_at(overlay: Overlay, frame: int) -> int:
    """How much of an overlay is in a frame, in 1/65536; 0 where there is none.

    In the i-th of n frames in which it comes, from 1, that is i / (n + 1), and so it goes.
    """
    if not overlay.in_frame <= frame < overlay.out_frame:
        return 0
    done = min(frame - overlay.in_frame, overlay.out_frame - 1 - frame) + 1
    if done > overlay.fade_frames:
        return WHOLE
    return done * WHOLE // (overlay.fade_frames + 1)


def marks_of(overlays: Iterable[Overlay]) -> set[str]:
    """The sha256 of the pictures that lie over others."""
    return {item.picture.media_sha256 for item in overlays if item.HasField("picture")}

"""The clips among the candidates, with what is known of their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch_timeline.choice.material import Material, motion_places
from beatstitch_timeline.choice.parts import Clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch_timeline.choice.pool import Candidate


def clips_of(pool: Sequence[Candidate], *, avoid: bool, match: bool) -> dict[int, Clip]:
    """The clips by their candidate's number.

    An asset that is in the pool twice is one clip: it goes on where it ended before.

    Args:
        pool: The candidates.
        avoid: Whether scene cuts, black and stillness speak against a part.
        match: Whether a part's motion is to suit the song.
    """
    places = motion_places(item.media.traits.motion for item in pool) if match else bytes(256)
    by_asset: dict[str, Clip] = {}
    clips = {}
    for number, item in enumerate(pool):
        if not item.is_clip or item.length_us <= 0:
            continue
        if item.media.asset_id not in by_asset:
            material = Material(item, places) if avoid or match else None
            if material is not None and material.is_plain and not match:
                material = None
            by_asset[item.media.asset_id] = Clip(item, material, avoid=avoid)
        clips[number] = by_asset[item.media.asset_id]
    return clips

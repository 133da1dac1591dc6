"""Every way to break an EDL, by name: changes a valid one, returns the path to be named."""

from support.broken_edls import document, looks, overlays, segments, speed_and_sound
from support.broken_edls.kit import MUTATIONS

FITS = {"focus_missing", "focus_of_another_fit", "focus_outside"}
# What can only be told by the project's assets.
NEEDS_ASSETS = {
    "song_of_another_project",
    "song_that_is_a_picture",
    "song_of_other_bytes",
    "song_that_ends_before",
    "asset_of_another_project",
    "asset_of_other_bytes",
    "type_that_the_asset_is_not",
    "source_after_the_clip",
    "mark_of_another_project",
    "mark_of_other_bytes",
}

__all__ = [
    "FITS",
    "MUTATIONS",
    "NEEDS_ASSETS",
    "document",
    "looks",
    "overlays",
    "segments",
    "speed_and_sound",
]

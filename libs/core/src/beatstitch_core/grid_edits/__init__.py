"""Corrections of a beat grid: what a musician knows and no machine can. Pure."""

from beatstitch_core.grid_edits.apply import apply_overlay
from beatstitch_core.grid_edits.checks import MAX_BEATS, MAX_EDITS, check_edits, needs_decoder
from beatstitch_core.grid_edits.decoder import Decoded, Decoder

__all__ = [
    "MAX_BEATS",
    "MAX_EDITS",
    "Decoded",
    "Decoder",
    "apply_overlay",
    "check_edits",
    "needs_decoder",
]

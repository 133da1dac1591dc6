"""A grid as heard and its corrections → the corrected grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit, BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.grid_edits import beat_edits, tempo_edits
from beatstitch_core.grid_edits.checks import check_edits, edit_error
from beatstitch_core.grid_edits.decoder import Decoder
from beatstitch_core.grid_edits.finish import finish
from beatstitch_core.grid_edits.state import Draft, Refuse

_EDITS: Mapping[str, Callable[[Draft, Any, Refuse], None]] = {
    "scale_tempo": tempo_edits.scale_tempo,
    "shift_half_beat": tempo_edits.shift_half_beat,
    "shift_time": tempo_edits.shift_time,
    "set_downbeat": beat_edits.set_downbeat,
    "set_beats_per_bar": beat_edits.set_beats_per_bar,
    "hint_tempo": tempo_edits.hint_tempo,
    "give_tempo": tempo_edits.give_tempo,
    "give_beats": tempo_edits.give_beats,
    "give_taps": tempo_edits.give_taps,
    "add_beat": beat_edits.add_beat,
    "move_beat": beat_edits.move_beat,
    "delete_beat": beat_edits.delete_beat,
    "name_section": beat_edits.name_section,
}
_WITHOUT_BEATS = {"give_tempo", "give_beats", "name_section"}


def apply_overlay(
    grid: BeatGrid, overlay: BeatGridOverlay, decoder: Decoder | None = None, *, at: str = "edits"
) -> tuple[BeatGrid, BeatGridOverlay]:
    """Corrects a grid; all edits or none.

    Args:
        grid: As heard, that is without corrections. It is not changed.
        overlay: The corrections, in order.
        decoder: Who listens again; edits that need it are refused where it is None.
        at: Path of the edits in the request, for messages.

    Returns:
        The corrected grid, whose beats are strictly increasing and inside the song, and the
        corrections as they are to be kept: locks filled in. No edits: the grid itself.

    Raises:
        BeatStitchError: EDIT_INVALID with the index of the edit in metadata "edit"; what the
            decoder raises.
    """
    check_edits(overlay.edits, grid.duration_us, at=at)
    kept = BeatGridOverlay()
    draft = Draft.of(grid, decoder)
    for index, edit in enumerate(overlay.edits):
        which = edit.WhichOneof("edit")

        def refuse(
            name: str, text: str, path: str = f"{at}[{index}].{which}", index: int = index
        ) -> BeatStitchError:
            return edit_error(index, f"{path}.{name}" if name else path, text)

        kept.edits.append(_apply(draft, edit, refuse))
    if not kept.edits:
        unchanged = BeatGrid()
        unchanged.CopyFrom(grid)
        return unchanged, kept
    return finish(draft, kept), kept


def _apply(draft: Draft, edit: BeatGridEdit, refuse: Refuse) -> BeatGridEdit:
    """Applies one edit and returns it as it is to be kept."""
    which = edit.WhichOneof("edit") or ""
    if not draft.pulse.times and which not in _WITHOUT_BEATS:
        raise refuse("", "the song has no beats yet; give them first")
    if which == "lock_region":
        return BeatGridEdit(lock_region=beat_edits.lock_region(draft, edit.lock_region, refuse))
    _EDITS[which](draft, getattr(edit, which), refuse)
    return edit

"""Corrects a stored grid and stores the result beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from beatstitch.v1.beat_grid_edit_pb2 import BeatGridOverlay
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_analyzer.corrections.kept import read_kept
from beatstitch_analyzer.corrections.listening import Listening
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.grid_edits import apply_overlay, needs_decoder
from beatstitch_core.keys import artefact_key
from beatstitch_core.stored_documents import read_stored
from beatstitch_runtime.storage import Storage


@dataclass(frozen=True, slots=True)
class Edited:
    """A corrected grid.

    Attributes:
        grid: The grid.
        object: Where it is stored.
        overlay: The corrections in it, locks filled in.
    """

    grid: BeatGrid
    object: ObjectRef
    overlay: BeatGridOverlay


async def edit_stored(
    storage: Storage, heard: ObjectRef, kept: ObjectRef, overlay: BeatGridOverlay, prefix: str
) -> Edited:
    """Corrects a grid.

    Args:
        storage: Where all of it lies.
        heard: The grid as heard.
        kept: What the tracker heard; only read for edits that listen again. An empty key: nothing
            was kept.
        overlay: All corrections.
        prefix: Of the tenant's keys.

    Raises:
        BeatStitchError: EDIT_INVALID; OBJECT_MISSING where the grid or what the tracker heard is
            gone: the song has to be analysed again.
    """
    grid = read_stored(await storage.get(heard.key), heard, BeatGrid(), "beat grid")
    listening = None
    if kept.key and needs_decoder(overlay.edits):
        listening = Listening(read_kept(await storage.get(kept.key)), grid)
    # Long songs take a second of plain computing.
    edited, filled = await asyncio.to_thread(apply_overlay, grid, overlay, listening)
    if not filled.edits:
        return Edited(edited, heard, filled)
    data = await asyncio.to_thread(canonical_json, edited)
    key = artefact_key(prefix, "grid", sha256_hex(data), ".json")
    return Edited(edited, await storage.put(key, data), filled)

"""The calls about corrections."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch.internal.v1.analyzer_engine_service_pb2 import (
    EditBeatGridRequest,
    EditBeatGridResponse,
    RenderBeatProofRequest,
    RenderBeatProofResponse,
)
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.corrections.editing import edit_stored
from beatstitch_analyzer.corrections.proof import MAX_SONG_US, make_proof
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.errors import field_error
from beatstitch_core.grid_edits import MAX_BEATS
from beatstitch_runtime.storage import STREAM_BYTES, Storage

if TYPE_CHECKING:
    from typing import Any

    import grpc.aio

    Context = grpc.aio.ServicerContext[Any, Any]


class CorrectionCalls:
    """Handlers; a part of `AnalyzerEngine`."""

    def __init__(self, storage: Storage, settings: AnalyzerSettings) -> None:
        self._storage, self._settings = storage, settings
        # Apart from analyses, which take a minute: an edit takes a moment.
        self._edits = asyncio.Semaphore(settings.rpc_slots)
        self._proofs = asyncio.Semaphore(settings.rpc_slots)

    async def EditBeatGrid(  # noqa: N802
        self, request: EditBeatGridRequest, _context: Context
    ) -> EditBeatGridResponse:
        """Applies corrections to a grid as heard and stores the result."""
        if not request.beat_grid.key:
            raise field_error("beat_grid.key", "is required")
        async with self._edits:
            edited = await edit_stored(
                self._storage,
                request.beat_grid,
                request.activations,
                request.overlay,
                request.key_prefix,
            )
        return EditBeatGridResponse(
            beat_grid=edited.grid, object=edited.object, overlay=edited.overlay
        )

    async def RenderBeatProof(  # noqa: N802
        self, request: RenderBeatProofRequest, _context: Context
    ) -> AsyncIterator[RenderBeatProofResponse]:
        """A film of a grid. Leaving the call ends the work."""
        if not request.audio.key:
            raise field_error("audio.key", "is required")
        check_grid(request.beat_grid, request.audio.sha256)
        async with self._proofs:
            with tempfile.TemporaryDirectory(dir=self._settings.work_dir) as folder:
                song, work_dir = Path(folder) / "song", Path(folder) / "film"
                work_dir.mkdir()
                await self._storage.fetch(request.audio, song)
                name = request.audio.key.rsplit("/", 1)[-1]
                film = await make_proof(song, request.beat_grid, work_dir=work_dir, filename=name)
                with film.open("rb") as file:
                    while chunk := await asyncio.to_thread(file.read, STREAM_BYTES):
                        yield RenderBeatProofResponse(chunk=chunk)


def check_grid(grid: BeatGrid, audio_sha256: str) -> None:
    """Refuses what can't be shown.

    Raises:
        BeatStitchError: FIELD_INVALID.
    """
    if not 0 < grid.duration_us <= MAX_SONG_US:
        raise field_error("beat_grid.duration_us", f"must be 1 to {MAX_SONG_US}")
    if audio_sha256 and grid.audio_sha256 not in {"", audio_sha256}:
        raise field_error("beat_grid.audio_sha256", "the grid is of another song")
    if len(grid.beats) > MAX_BEATS:
        raise field_error("beat_grid.beats", f"must be at most {MAX_BEATS}")
    times = [beat.time_us for beat in grid.beats]
    if times and not 0 <= times[0] <= times[-1] <= grid.duration_us:
        raise field_error("beat_grid.beats", "must be inside the song")
    if any(a >= b for a, b in pairwise(times)):
        raise field_error("beat_grid.beats", "must be strictly increasing")

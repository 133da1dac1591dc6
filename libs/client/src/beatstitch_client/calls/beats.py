"""Beats and shape of songs."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from beatstitch.v1 import analysis_service_pb2 as analysis
from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_client.exports import (
    WaveformFile,
    export_waveform,
    save_proof,
    waveform_request,
)
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beatstitch.v1.analysis_service_pb2 import AnalysisSettings, BeatGridFormat
    from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceAsyncStub
    from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.job_pb2 import Job

BeatGridFile = Literal["json", "csv", "audacity", "midi"]

_FORMATS: Mapping[BeatGridFile, BeatGridFormat.ValueType] = {
    "json": analysis.BEAT_GRID_FORMAT_JSON,
    "csv": analysis.BEAT_GRID_FORMAT_CSV,
    "audacity": analysis.BEAT_GRID_FORMAT_AUDACITY,
    "midi": analysis.BEAT_GRID_FORMAT_MIDI,
}


class BeatCalls(Calls):
    """Beats and shape of songs."""

    @cached_property
    def _analysis(self) -> AnalysisServiceAsyncStub:
        return AnalysisServiceStub(self._channel)

    async def analyze_audio(
        self, asset_id: str, settings: AnalysisSettings | None = None, *, request_id: str = ""
    ) -> Job:
        """Looks for the beats of a song again, for example with the other analyzer."""
        request = analysis.AnalyzeAudioRequest(
            asset_id=asset_id, settings=settings, request_id=request_id or new_id()
        )
        return (await self._call(self._analysis.AnalyzeAudio, request)).job

    async def get_beat_grid(self, asset_id: str) -> BeatGrid:
        """A song's current beat grid."""
        request = analysis.GetBeatGridRequest(asset_id=asset_id)
        return (await self._call(self._analysis.GetBeatGrid, request)).beat_grid

    async def get_corrections(self, asset_id: str) -> analysis.GetBeatGridResponse:
        """A song's current beat grid, its hash and the corrections in it."""
        request = analysis.GetBeatGridRequest(asset_id=asset_id)
        return await self._call(self._analysis.GetBeatGrid, request)

    async def edit_beat_grid(
        self,
        asset_id: str,
        edits: Sequence[BeatGridEdit] = (),
        *,
        replace: bool = False,
        beat_grid_sha256: str = "",
        request_id: str = "",
    ) -> analysis.EditBeatGridResponse:
        """Corrects a song's beats; timelines built from now on use the corrected grid.

        Args:
            asset_id: The song.
            edits: What to do, in order, after the corrections that are there; all or none.
            replace: Forget the corrections that are there first. Without edits: back to what was
                heard.
            beat_grid_sha256: The grid that you looked at; ETAG_MISMATCH when it is another by now.
            request_id: See the class.
        """
        request = analysis.EditBeatGridRequest(
            asset_id=asset_id,
            edits=edits,
            replace=replace,
            beat_grid_sha256=beat_grid_sha256,
            request_id=request_id or new_id(),
        )
        return await self._call(self._analysis.EditBeatGrid, request)

    async def beat_proof(
        self, asset_id: str, path: str | Path, grid: BeatGrid | None = None
    ) -> Path:
        """Writes a short film (MP4): the song with a click and a flash on each beat.

        Args:
            asset_id: The song.
            path: Where to put the film.
            grid: A grid to try out; the song's current one when None.
        """
        request = analysis.RenderBeatProofRequest(asset_id=asset_id, beat_grid=grid)
        return await save_proof(self._connection, request, Path(path))

    async def get_waveform(
        self, asset_id: str, *, start_us: int = 0, end_us: int = 0, buckets: int = 0
    ) -> analysis.GetWaveformResponse:
        """A stretch of a song's shape, with its beats, bars and sections; 0 for end and default."""
        request = analysis.GetWaveformRequest(
            asset_id=asset_id, start_us=start_us, end_us=end_us, buckets=buckets
        )
        return await self._call(self._analysis.GetWaveform, request)

    async def export_waveform(
        self,
        asset_id: str,
        path: str | Path,
        kind: WaveformFile | None = None,
        *,
        samples_per_bin: int = 0,
        width: int = 0,
    ) -> Path:
        """Writes a song's shape to a file.

        Args:
            asset_id: The song.
            path: Where to put the file.
            kind: "dat" and "json" are audiowaveform's formats, version 2; "png" is a picture with
                beats and sections. By the file's name when None.
            samples_per_bin: 256, 1024, 4096 or 16384 samples of the song; 0 for 256. Not for "png".
            width: Of a picture, in pixels; 0 for 1600.
        """
        request = waveform_request(asset_id, Path(path), kind, samples_per_bin, width)
        return await export_waveform(self._connection, request, Path(path))

    async def export_beat_grid(
        self, asset_id: str, kind: BeatGridFile = "json"
    ) -> analysis.ExportBeatGridResponse:
        """A song's beats as a file: its name, its MIME type and its bytes.

        Args:
            asset_id: The song.
            kind: "json" is the grid's canonical JSON, "csv" a line per beat, "audacity" a label
                track, "midi" a tempo map.
        """
        request = analysis.ExportBeatGridRequest(asset_id=asset_id, format=_FORMATS[kind])
        return await self._call(self._analysis.ExportBeatGrid, request)

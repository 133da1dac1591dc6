"""beat_analysis: a song in, its beat grid and waveform out."""

from __future__ import annotations

import time
from pathlib import Path

from beatstitch.internal.v1.job_event_pb2 import BeatAnalysisOutput, JobSucceeded
from beatstitch.internal.v1.job_spec_pb2 import BeatAnalysisSpec
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.job_pb2 import BeatAnalysisResult
from beatstitch_analyzer.analysis import Analysed, analyse, choose_for, probe_song
from beatstitch_analyzer.backends import Choice, choose
from beatstitch_analyzer.corrections.editing import edit_stored
from beatstitch_analyzer.fingerprint import analyzer_fingerprint, artefact
from beatstitch_analyzer.naming import about_file
from beatstitch_analyzer.records import read_record, write_record
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_runtime.jobs.worker import JobContext
from beatstitch_runtime.metrics.analysis import analysed
from beatstitch_runtime.storage import Storage


class BeatAnalysis:
    """Handler of beat_analysis."""

    def __init__(self, settings: AnalyzerSettings) -> None:
        self._settings = settings

    async def run(self, job: JobContext) -> JobSucceeded:
        """Does one job; see `BeatAnalysisOutput`."""
        spec = job.spec.beat_analysis
        with about_file(spec.asset_id, spec.filename):
            return JobSucceeded(beat_analysis=await self._run(job, spec))

    async def _run(self, job: JobContext, spec: BeatAnalysisSpec) -> BeatAnalysisOutput:
        await job.progress(0, "fetching")
        path = job.work_dir / "song"
        audio = await job.storage.fetch(spec.audio, path)
        prefix = job.spec.key_prefix
        # Most songs are short enough for the tracker of choice: found without so much as a probe.
        likely = choose(spec.settings, self._settings.analyzer_backend, 0)
        found = await _find(job.storage, prefix, audio.sha256, likely)
        if found is not None:
            return await _output(job, found, audio, cached=True)
        await job.progress(5, "probing")
        probed = await probe_song(
            path, filename=spec.filename, asset_id=spec.asset_id, work_dir=job.work_dir
        )
        choice = choose_for(spec.settings, probed, self._settings)
        if choice != likely:
            found = await _find(job.storage, prefix, audio.sha256, choice)
            if found is not None:
                return await _output(job, found, audio, cached=True)
        begun = time.monotonic()
        made = await analyse(
            path,
            probed,
            choice,
            sha256=audio.sha256,
            filename=spec.filename,
            settings=self._settings,
            work_dir=_folder(job.work_dir),
            tell=job.progress,
        )
        analysed(choice.name, probed.info.duration_us, time.monotonic() - begun)
        record = await _store(job.storage, prefix, audio.sha256, choice, made)
        return await _output(job, record, audio, cached=False)


def _folder(work_dir: Path) -> Path:
    """A folder for the children, apart from the downloaded file."""
    folder = work_dir / "beats"
    folder.mkdir()
    return folder


async def _find(
    storage: Storage, prefix: str, sha256: str, choice: Choice
) -> BeatAnalysisOutput | None:
    """A finished analysis whose artefacts are still there."""
    key = artefact(prefix, "probe", sha256, analyzer_fingerprint(choice), ".json")
    record = await read_record(storage, key, BeatAnalysisOutput())
    if record is None:
        return None
    keys = {key, record.beat_grid.key, record.waveform.key, record.activations.key}
    return record if await storage.use_many(keys) == keys else None


async def _store(
    storage: Storage, prefix: str, sha256: str, choice: Choice, made: Analysed
) -> BeatAnalysisOutput:
    """Puts the artefacts, then the record that names them."""
    fingerprint = analyzer_fingerprint(choice)
    grid_key = artefact(prefix, "grid", sha256, fingerprint, ".json")
    waveform_key = artefact(prefix, "waveform", sha256, fingerprint)
    activations_key = artefact(prefix, "activations", sha256, fingerprint, ".npz")
    record = BeatAnalysisOutput(
        info=made.info,
        beat_grid=await storage.put(grid_key, made.grid_json),
        waveform=await storage.put(waveform_key, made.waveform),
        activations=await storage.put(activations_key, made.activations),
    )
    record.result.CopyFrom(
        BeatAnalysisResult(
            beat_grid_sha256=record.beat_grid.sha256,
            bpm=made.grid.bpm,
            beat_count=len(made.grid.beats),
            bpm_confidence=made.grid.bpm_confidence,
            analyzer=made.grid.analyzer,
        )
    )
    key = artefact(prefix, "probe", sha256, fingerprint, ".json")
    await write_record(storage, key, record)
    return record


async def _output(
    job: JobContext, record: BeatAnalysisOutput, audio: ObjectRef, *, cached: bool
) -> BeatAnalysisOutput:
    """The record as the answer for one asset, with its corrections applied."""
    spec = job.spec.beat_analysis
    output = BeatAnalysisOutput()
    output.CopyFrom(record)
    output.audio.CopyFrom(audio)
    output.result.asset_id = spec.asset_id
    output.result.cached = cached
    if spec.overlay.edits:
        edited = await edit_stored(
            job.storage, output.beat_grid, output.activations, spec.overlay, job.spec.key_prefix
        )
        output.edited_beat_grid.CopyFrom(edited.object)
        output.result.beat_grid_sha256 = edited.object.sha256
        output.result.bpm = edited.grid.bpm
        output.result.beat_count = len(edited.grid.beats)
        output.result.bpm_confidence = edited.grid.bpm_confidence
    return output

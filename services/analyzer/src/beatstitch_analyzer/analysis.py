"""The analysis of one song that lies in a file: probe, decode once, find the beats in a child."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from beatstitch.v1 import common_pb2, failure_pb2
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.asset_pb2 import MediaInfo
from beatstitch.v1.beat_grid_pb2 import BeatGrid, Loudness
from beatstitch_analyzer import track_child
from beatstitch_analyzer.backends import Choice, choose
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_core.canonical import parse_json
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import default_limits
from beatstitch_media import audio, sandbox
from beatstitch_media.probe import Probed, probe

Tell: TypeAlias = Callable[[int, str], Coroutine[Any, Any, None]]
"""Told how far it is, 0 to 100, and what is going on."""

_PROBED, _DECODED, _TRACKED = 10, 25, 95


@dataclass(frozen=True, slots=True)
class Analysed:
    """What was made of a song.

    Attributes:
        info: What is in the file.
        grid: The beats.
        grid_json: Canonical JSON of `grid`.
        waveform: Bytes of the waveform file.
        activations: What the tracker heard, see `corrections.kept`.
    """

    info: MediaInfo
    grid: BeatGrid
    grid_json: bytes
    waveform: bytes
    activations: bytes


async def probe_song(path: Path, *, filename: str, asset_id: str, work_dir: Path) -> Probed:
    """What is in a song.

    Raises:
        BeatStitchError: AUDIO_TOO_SHORT, INPUT_UNSUPPORTED without sound, INPUT_CORRUPT, ….
    """
    return await probe(
        path,
        filename=filename,
        asset_id=asset_id,
        expected=common_pb2.MEDIA_TYPE_AUDIO,
        limits=default_limits(),
        work_dir=work_dir,
    )


async def analyse(
    path: Path,
    probed: Probed,
    choice: Choice,
    *,
    sha256: str,
    filename: str,
    settings: AnalyzerSettings,
    work_dir: Path,
    tell: Tell,
) -> Analysed:
    """Finds the beats of a song and makes its waveform.

    Args:
        path: The file.
        probed: What `probe_song` found.
        choice: Which tracker.
        sha256: Of the file.
        filename: The client's name of the file, for messages.
        settings: Limits of the child.
        work_dir: Folder that the children may write to.
        tell: Is told of progress.

    Raises:
        BeatStitchError: INPUT_CORRUPT, ANALYSIS_TIMEOUT, OUT_OF_MEMORY, ….
    """
    await tell(_PROBED, "decoding")
    pcm = await audio.decode_mono(path, work_dir=work_dir, filename=filename, with_loudness=True)
    detail = f"listening for beats ({choice.name})"
    await tell(_DECODED, detail)
    order = {
        "pcm": str(pcm.path),
        "pcm_rate": pcm.sample_rate,
        "backend": choice.name,
        "fell_back": choice.fell_back,
        "metres": choice.metres,
        "audio_sha256": sha256,
        "sample_rate": probed.info.sample_rate,
        "duration_us": probed.info.duration_us,
        "loudness": _fields(pcm.loudness),
        "out": str(work_dir),
    }
    told: list[asyncio.Task[None]] = []

    def heard(line: str) -> None:
        percent = _DECODED + int(line) * (_TRACKED - _DECODED) // 100
        told.append(asyncio.create_task(tell(percent, detail)))

    try:
        await sandbox.run(
            sandbox.python_command("beatstitch_analyzer.track_child"),
            inputs=[pcm.path],
            work_dir=work_dir,
            what=f"finding the beats of {filename or path.name}",
            timeout_s=settings.analysis_timeout_s,
            timeout_reason=failure_pb2.ERROR_REASON_ANALYSIS_TIMEOUT,
            memory_bytes=settings.analysis_memory_bytes,
            threads=settings.analysis_threads,
            stdin=json.dumps(order).encode(),
            on_line=heard,
        )
    except BeatStitchError as error:
        raise _of_child(error) from None
    finally:
        await asyncio.gather(*told)
    await tell(_TRACKED, "storing")
    grid_json = (work_dir / track_child.GRID).read_bytes()
    return Analysed(
        info=probed.info,
        grid=parse_json(grid_json, BeatGrid()),
        grid_json=grid_json,
        waveform=(work_dir / track_child.WAVEFORM).read_bytes(),
        activations=(work_dir / track_child.ACTIVATIONS).read_bytes(),
    )


def choose_for(settings: AnalysisSettings, probed: Probed, service: AnalyzerSettings) -> Choice:
    """The tracker for a probed song; see `backends.choose`."""
    return choose(settings, service.analyzer_backend, probed.info.duration_us)


def _fields(loudness: Loudness | None) -> dict[str, float] | None:
    """For the child's order."""
    return {field.name: value for field, value in loudness.ListFields()} if loudness else None


def _of_child(error: BeatStitchError) -> BeatStitchError:
    """A killed or crashed tracker is nobody's ffmpeg: it is a stage that failed, and may pass."""
    if error.reason != failure_pb2.ERROR_REASON_FFMPEG_FAILED:
        return error
    # What the loader says where a library no longer fits under the limit.
    starved = "failed to map segment" in error.stderr_tail
    return BeatStitchError(
        failure_pb2.ERROR_REASON_OUT_OF_MEMORY
        if starved
        else failure_pb2.ERROR_REASON_STAGE_FAILED,
        error.message,
        metadata={**error.metadata, "stage": "beats"},
        stderr_tail=error.stderr_tail,
    )

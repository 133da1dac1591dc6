"""The child that finds the beats: `python -m beatstitch_analyzer.track_child`, run by `analysis`.

The networks live here and die with the job; a limit on memory hits only this process. A job (JSON)
comes on stdin, lines of progress go to stdout, the artefacts into the work folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from beatstitch.v1.beat_grid_pb2 import Loudness
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.beats.trackers import load_tracker
from beatstitch_analyzer.corrections.keeping import Keeping
from beatstitch_analyzer.corrections.kept import write_kept
from beatstitch_analyzer.grid import to_beat_grid
from beatstitch_analyzer.structure.form import hear_form
from beatstitch_analyzer.waveform import build_waveform
from beatstitch_core.canonical import canonical_json
from beatstitch_media import child

GRID = "grid.json"
WAVEFORM = "waveform.bin"
ACTIVATIONS = "activations.npz"


def work(order: bytes) -> bytes:
    """Does one job.

    The order's fields: `pcm` (path, float32 mono), `pcm_rate` (Hz), `backend`, `fell_back`,
    `metres`, `audio_sha256`, `sample_rate` (of the file, Hz), `duration_us`, `loudness` (fields of
    `Loudness`, null for silence), `out` (folder).
    """
    job: dict[str, Any] = json.loads(order)
    out = Path(job["out"])
    # Mapped, not read: of an hour's 635 MB only what is listened to lies in memory.
    samples = np.memmap(job["pcm"], dtype="<f4", mode="r")
    (out / WAVEFORM).write_bytes(build_waveform(samples, job["pcm_rate"]))
    _tell(10)
    tracker = Keeping(load_tracker(job["backend"], metres=tuple(job["metres"])))
    _tell(20)
    tracking = track(samples, job["pcm_rate"], tracker)
    if tracker.kept is not None:
        (out / ACTIVATIONS).write_bytes(write_kept(tracker.kept))
    _tell(80)
    form = hear_form(samples, job["pcm_rate"], tracking)
    loudness = Loudness(**job["loudness"]) if job["loudness"] else None
    grid = to_beat_grid(
        tracking,
        audio_sha256=job["audio_sha256"],
        sample_rate=job["sample_rate"],
        duration_us=job["duration_us"],
        fell_back=job["fell_back"],
        form=form,
        loudness=loudness,
    )
    (out / GRID).write_bytes(canonical_json(grid))
    _tell(100)
    return b""


def _tell(percent: int) -> None:
    """A line for the parent."""
    sys.stdout.write(f"{percent}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    child.main(work)

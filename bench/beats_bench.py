"""Beat tracking of composed songs whose beats are known: accuracy, speed and memory, side by side.

    python bench/beats_bench.py [--scratch DIR] [--backends madmom librosa reference] [--bars 32]
                                [--minutes 10 30 60]

The songs come from `beatstitch_samples`: eight tempi and metres from 66 to 176 BPM, with and
without drums, one that drifts; the same in every run. `reference` is librosa's own beat_track,
measured where librosa is installed. It never belongs to the product.

F, F25    beat F-measure within 70 and 25 ms, the first 5 s left out
DF        downbeat F-measure within 70 ms
bias      median signed error of the hits in ms, + is late
xRT       seconds of audio per second of CPU (user and system) after start-up
MB        peak resident memory of the process that listens

Every backend runs in a process of its own, with one thread. Composed songs are easier than recorded
ones: they tell a change for the worse, not how good a tracker is. Long songs follow: `beats_long`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from beats_long import measure_long
from numpy.typing import NDArray

from beatstitch_analyzer.backends import installed
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.beats.trackers import load_tracker
from beatstitch_media.audio import decode_mono
from beatstitch_samples import compose, write_audio

REFERENCE = "reference"
SKIP_S = 5.0
WIDE_S, FINE_S = 0.07, 0.025
_THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
_NO_DRUMS = ("bass", "pad", "arp", "lead")

Times = NDArray[np.float64]
Hear = Callable[[Path], tuple[list[float], list[float]]]


@dataclass(frozen=True, slots=True)
class Case:
    """A song on disk and its truth in seconds."""

    name: str
    path: Path
    seconds: float
    beats: Times
    downbeats: Times


def main() -> int:
    """Prints one row a backend and one a song; 1 when a backend fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scratch", type=Path, help="folder for the songs; kept when given")
    parser.add_argument("--backends", nargs="+", choices=["madmom", "librosa", REFERENCE])
    parser.add_argument("--bars", type=int, default=32, help="length of each song")
    parser.add_argument(
        "--minutes", type=int, nargs="*", default=[10, 30, 60], help="lengths of long songs"
    )
    parser.add_argument("--listen", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        return listen(options.listen)
    backends = options.backends or [*installed(), *_reference_if_installed()]
    with tempfile.TemporaryDirectory() as folder:
        scratch: Path = options.scratch or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        cases = write_cases(scratch, options.bars)
        print(f"{'backend':10} {'song':14} {'F':>6} {'F25':>6} {'DF':>6} {'bias':>6} {'xRT':>6}")
        failed = [name for name in backends if not measure(name, cases)]
        ours = [name for name in backends if name != REFERENCE]
        survived = measure_long(scratch, options.minutes, ours)
    return 1 if failed or not survived else 0


def write_cases(folder: Path, bars: int) -> list[Case]:
    """Composes the songs."""
    wanted: dict[str, dict[str, object]] = {
        "slow": {"bpm": 66.0, "seed": 1},
        "rock": {"bpm": 96.0, "seed": 2},
        "house": {"bpm": 124.0, "seed": 3},
        "fast": {"bpm": 176.0, "seed": 4},
        "waltz": {"bpm": 148.0, "seed": 5, "beats_per_bar": 3},
        "no-drums": {"bpm": 104.0, "seed": 6, "parts": _NO_DRUMS},
        "slow-no-drums": {"bpm": 76.0, "seed": 7, "parts": _NO_DRUMS},
        "drift": {"seed": 8, "tempo_map": [(0, 108.0), (bars * 2, 122.0), (bars * 4, 112.0)]},
    }
    cases = []
    for name, arguments in wanted.items():
        song = compose(bars=bars, **arguments)  # type: ignore[arg-type]
        path = folder / f"{name}.wav"
        write_audio(path, song.samples, song.sample_rate)
        beats, downbeats = (np.array(us) / 1e6 for us in (song.beats_us, song.downbeats_us))
        cases.append(Case(name, path, song.duration_us / 1e6, beats, downbeats))
    return cases


def measure(backend: str, cases: list[Case]) -> bool:
    """One backend over all songs, in a process of its own; whether it answered."""
    done = subprocess.run(
        [sys.executable, __file__, "--listen", backend],
        input="".join(f"{case.path}\n" for case in cases),
        capture_output=True,
        text=True,
        env={**os.environ, **_THREADS},
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(answers) != len(cases):
        print(f"{backend:10} failed: {done.stderr.strip().splitlines()[-1:]}")
        return False
    rows = []
    for case, answer in zip(cases, answers, strict=True):
        rows.append(score(case, answer))
        print(_row(backend, case.name, rows[-1]))
    mean = [float(np.nanmean(column)) for column in zip(*rows, strict=True)]
    mean[-1] = sum(c.seconds for c in cases) / sum(a["cpu"] for a in answers)
    print(_row(backend, "ALL", mean), f" {answers[-1]['mb']:.0f} MB")
    return True


def score(case: Case, answer: dict[str, list[float]]) -> list[float]:
    """F, F25, DF, bias and xRT of one answer."""
    found, bars = np.array(answer["beats"]), np.array(answer["downbeats"])
    errors = _errors(case.beats, found, WIDE_S)
    return [
        f_measure(case.beats, found, WIDE_S),
        f_measure(case.beats, found, FINE_S),
        f_measure(case.downbeats, bars, WIDE_S),
        1000 * float(np.median(errors)) if len(errors) else float("nan"),
        case.seconds / float(answer["cpu"]),  # type: ignore[arg-type]
    ]


def f_measure(truth: Times, found: Times, window: float) -> float:
    """Harmonic mean of precision and recall; no beat is matched twice."""
    truth, found = truth[truth >= SKIP_S], found[found >= SKIP_S]
    if not len(truth) or not len(found):
        return 0.0
    return 2 * len(_errors(truth, found, window)) / (len(truth) + len(found))


def _errors(truth: Times, found: Times, window: float) -> Times:
    """Signed errors of what lies within the window, matched in order of time."""
    errors = []
    last = -1
    for time_s in truth:
        near = np.flatnonzero(np.abs(found - time_s) <= window)
        near = near[near > last]
        if len(near):
            last = int(near[np.abs(found[near] - time_s).argmin()])
            errors.append(found[last] - time_s)
    return np.array(errors)


def _row(backend: str, name: str, values: list[float]) -> str:
    cells = [f"{100 * v:6.1f}" for v in values[:3]] + [f"{values[3]:+6.1f}", f"{values[4]:6.0f}"]
    return f"{backend:10} {name:14} " + " ".join(cells)


def _reference_if_installed() -> list[str]:
    return [REFERENCE] if importlib.util.find_spec("librosa") else []


def listen(backend: str) -> int:
    """The child: paths in, one JSON line each out. Loading and the first call don't count."""
    hear = _reference() if backend == REFERENCE else _ours(backend)
    for line in sys.stdin:
        path = Path(line.strip())
        before = time.process_time()
        beats, downbeats = hear(path)
        cpu = max(time.process_time() - before, 1e-3)
        answer = {"beats": beats, "downbeats": downbeats, "cpu": cpu, "mb": _peak_mb()}
        print(json.dumps(answer))
    return 0


def _peak_mb() -> float:
    """Of this process alone; `getrusage` would count what its parent had before the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _ours(backend: str) -> Hear:
    tracker = load_tracker("madmom" if backend == "madmom" else "librosa")

    def hear(path: Path) -> tuple[list[float], list[float]]:
        samples, rate = _read(path)
        tracking = track(samples, rate, tracker)
        return tracking.times.tolist(), tracking.downbeats.tolist()

    return hear


def _reference() -> Hear:
    librosa = importlib.import_module("librosa")

    # Compiles on its first call.
    librosa.beat.beat_track(y=np.random.default_rng(0).normal(size=44_100 * 4), sr=44_100)

    def hear(path: Path) -> tuple[list[float], list[float]]:
        samples, rate = _read(path)
        _, beats = librosa.beat.beat_track(y=samples, sr=rate, units="time")
        return beats.tolist(), []

    return hear


def _read(path: Path) -> tuple[NDArray[np.float32], int]:
    with tempfile.TemporaryDirectory() as folder:
        pcm = asyncio.run(decode_mono(path, work_dir=Path(folder)))
        return np.array(pcm.array()), pcm.sample_rate


if __name__ == "__main__":
    sys.exit(main())

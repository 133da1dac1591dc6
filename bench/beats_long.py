"""Memory and time of long songs: the command and the service's job, the whole tree of processes.

One composed song is repeated to the length that is wanted, so that the file costs no memory to
make. Resident memory is read from /proc all the time and added up over the process and all
its descendants (ffmpeg, the child that listens); pages that two of them share count twice.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beatstitch_analyzer.analysis import analyse, probe_song
from beatstitch_analyzer.backends import BackendName, Choice
from beatstitch_analyzer.settings import AnalyzerSettings
from beatstitch_samples import compose

_RATE = 44_100
_BARS = 48
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took.

    Attributes:
        ok: Whether it ended well.
        mb: Largest resident memory of the tree.
        cpu_s: User and system, of the whole tree, start-up included.
    """

    ok: bool
    mb: float
    cpu_s: float


def measure_long(folder: Path, minutes: list[int], backends: list[str]) -> bool:
    """Prints a row a length, backend and way; whether all ended well."""
    print(f"\n{'backend':10} {'way':8} {'min':>4} {'MB':>6} {'CPU s':>7} {'xRT':>6}")
    good = True
    for length in minutes:
        song = write_long(folder, length)
        for backend in backends:
            command = [sys.executable, "-m", "beatstitch_analyzer.beats", "--backend", backend]
            job = [sys.executable, __file__, backend]
            for way, arguments in (("command", command), ("job", job)):
                cost = watch([*arguments, str(song)])
                good &= cost.ok
                row = f"{backend:10} {way:8} {length:4} {cost.mb:6.0f} {cost.cpu_s:7.1f}"
                print(f"{row} {length * 60 / cost.cpu_s:6.0f}{'' if cost.ok else '  FAILED'}")
        song.unlink()
    return good


def write_long(folder: Path, minutes: int) -> Path:
    """A composed song over and over, 16 bits, mono."""
    song = compose(bpm=118.0, bars=_BARS, seed=11)
    once = np.clip(song.samples.mean(axis=1) * 32_767, -32_768, 32_767).astype("<i2").tobytes()
    path = folder / f"long{minutes}.wav"
    left = minutes * 60 * song.sample_rate * 2
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(song.sample_rate)
        while left > 0:
            file.writeframes(once[:left])
            left -= len(once)
    return path


def watch(command: list[str]) -> Cost:
    """Runs a command to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, sum(_resident_mb(pid) for pid in _tree(process.pid)))
            time.sleep(_PAUSE_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(process.returncode == 0, peak, cpu)


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    except OSError:
        pass  # it has ended meanwhile
    return found


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _job(backend: BackendName, song: Path) -> None:
    """What the service does with a song that it has fetched."""

    async def tell(_percent: int, _detail: str) -> None:
        pass

    with tempfile.TemporaryDirectory() as folder:
        work_dir = Path(folder)
        probed = await probe_song(song, filename=song.name, asset_id="", work_dir=work_dir)
        await analyse(
            song,
            probed,
            Choice(backend),
            sha256="0" * 64,
            filename=song.name,
            settings=AnalyzerSettings(),
            work_dir=work_dir,
            tell=tell,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=["madmom", "librosa"])
    parser.add_argument("song", type=Path)
    options = parser.parse_args()
    asyncio.run(_job(options.backend, options.song))

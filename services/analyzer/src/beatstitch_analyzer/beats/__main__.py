"""`python -m beatstitch_analyzer.beats [--backend …] FILE…`: one JSON line a file, no server.

Without FILE, paths are read from standard input, one a line, and each is answered at once. The
models are loaded once. A file that can't be read is answered with {"path", "error"}; the run goes
on and ends with 1. Where nothing beats there are no beats, and a warning says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beatstitch_analyzer.backends import installed
from beatstitch_analyzer.beats.model import METRES, Doubles, Tracking
from beatstitch_analyzer.beats.track import track
from beatstitch_analyzer.beats.trackers import Tracker, load_tracker
from beatstitch_analyzer.structure.doubts import doubts_about
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.audio import decode_mono


def main(arguments: list[str] | None = None) -> int:
    """Answers all files; 1 when one could not be read, 2 when the tracker is not installed."""
    parser = argparse.ArgumentParser(
        prog="python -m beatstitch_analyzer.beats", description=__doc__
    )
    parser.add_argument("--backend", choices=["madmom", "librosa"], help="default: the best one")
    parser.add_argument(
        "--beats-per-bar", type=int, nargs="+", choices=range(2, 8), default=METRES, metavar="N"
    )
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args(arguments)
    name = options.backend or next(iter(installed()))
    if name not in installed():
        sys.stderr.write(f"the analyzer {name} is not installed\n")
        return 2
    tracker = load_tracker(name, metres=tuple(options.beats_per_bar))
    failed = False
    for path in options.files or _lines():
        answer = _answer(path, tracker)
        failed |= "error" in answer
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _lines() -> Iterator[str]:
    """Paths on standard input; `readline`, because iterating would read ahead."""
    while line := sys.stdin.readline():
        if line.strip():
            yield line.rstrip("\r\n")


def _answer(path: str, tracker: Tracker) -> dict[str, Any]:
    try:
        return {"path": path, **_as_json(_listen(Path(path), tracker))}
    except BeatStitchError as error:
        return {"path": path, "error": str(error)}
    except OSError as error:
        return {"path": path, "error": error.strerror or type(error).__name__}


def _listen(path: Path, tracker: Tracker) -> Tracking:
    with path.open("rb"):
        pass  # says plainly when there is no such file
    with tempfile.TemporaryDirectory() as folder:
        pcm = asyncio.run(decode_mono(path, work_dir=Path(folder)))
        return track(pcm.array(), pcm.sample_rate, tracker)


def _as_json(tracking: Tracking) -> dict[str, Any]:
    found = tracking.confidence > 0  # else the grid is one of our own making
    return {
        "beats": _rounded(tracking.times) if found else [],
        "downbeats": _rounded(tracking.downbeats) if found else [],
        "tempo": round(tracking.bpm, 6) if found else None,
        "meter": tracking.beats_per_bar if found else None,
        "confidence": round(tracking.confidence, 4),
        "analyzer": tracking.analyzer,
        "warnings": doubts_about(tracking),
    }


def _rounded(times: Doubles) -> list[float]:
    return [round(float(time), 6) for time in times]


if __name__ == "__main__":
    sys.exit(main())

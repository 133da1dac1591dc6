"""Helpers of the media tests: files made by ffmpeg, a probe with default limits."""

import subprocess
from pathlib import Path

import pytest

from beatstitch_core.limits import default_limits
from beatstitch_media import binaries
from beatstitch_media.probe import probe


@pytest.fixture
def work_dir(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def look(work_dir):
    """Probes a file under a client's name."""

    async def probed(path: Path, expected=None, *, filename=None, limits=None):
        found = await probe(
            path,
            filename=filename or path.name,
            expected=expected,
            limits=limits or default_limits(),
            work_dir=work_dir,
            asset_id="asset-1",
        )
        assert not list(work_dir.iterdir()), "the probe left something behind"
        return found

    return probed


@pytest.fixture
def make(tmp_path):
    """Makes a file with ffmpeg: `make("a.mp4", "-f", "lavfi", …)`."""

    def made(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        command = [str(binaries.ffmpeg()), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, timeout=120)
        return path

    return made

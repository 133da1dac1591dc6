"""The TypeScript example: clients generated from the protos make a video, over Connect."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.examples import need, run

from beatstitch_samples import coded_clip, compose, read_codes

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "typescript"
NPM = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages, its clients and its JavaScript."""
    need("node", "npm")
    top = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "protos", top / "protos")
    folder = top / "examples" / "typescript"
    unwanted = shutil.ignore_patterns("node_modules", "gen", "dist")
    shutil.copytree(EXAMPLE, folder, ignore=unwanted)
    try:
        fetched = run([*NPM, "--fetch-retries=0", "--fetch-timeout=20000"], folder)
    except subprocess.TimeoutExpired:
        pytest.skip("npm reaches no registry here")
    if fetched.returncode != 0:
        pytest.skip(f"npm reaches no registry here: {fetched.stderr.strip()[-300:]}")
    for script in ("generate", "build"):
        done = run(["npm", "run", script], folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_generated_clients_make_a_video(system, built: Path, media_dir, tmp_path):
    song = compose(bars=4).write(media_dir / "ts.mp3")
    clip = coded_clip(media_dir / "ts.mp4", source_id=11, size=(320, 180)).path
    out = tmp_path / "out.mp4"
    done = run(
        ["node", "dist/make_video.js", str(out), str(song), str(clip)],
        built,
        BEATSTITCH_HTTP=system.http_url,
        BEATSTITCH_API_KEY=system.api_key,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "worst cut error 0 frames" in done.stdout
    assert "as it should be: NotFound" in done.stdout
    assert {reading.code[0] for reading in read_codes(out) if reading.code} == {11}

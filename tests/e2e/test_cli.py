"""The command as a person or a script uses it: screens, files, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from beatstitch_samples import compose, read_codes, write_photo
from beatstitch_samples.coded_clips import coded_clip
from beatstitch_stack import System

COMMAND = Path(sys.executable).parent / "beatstitch"


def beatstitch(*arguments: object, system: System | None = None) -> subprocess.CompletedProcess:
    env = dict(os.environ)
    if system is not None:
        env |= {"BEATSTITCH_SERVER": system.gateway_address, "BEATSTITCH_API_KEY": system.api_key}
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def song(media_dir: Path) -> Path:
    return compose(bars=4, bpm=120.0).write(media_dir / "cli.mp3")


@pytest.fixture(scope="module")
def folder(media_dir: Path) -> Path:
    made = media_dir / "holiday"
    made.mkdir()
    coded_clip(made / "clip10.mp4", source_id=10, frames=60, size=(320, 180))
    coded_clip(made / "clip2.mp4", source_id=2, frames=60, size=(320, 180))
    (made / ".hidden.jpg").write_bytes(b"not a picture")
    return made


def test_stitch_with_a_stack_of_its_own(song, folder, tmp_path):
    out = tmp_path / "out.mp4"
    done = beatstitch(
        "stitch", song, folder, "-o", out, "--beats-per-cut", 2, "--width", 320, "--height", 180,
        "--fps", "30000/1001",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    codes = [reading.code for reading in read_codes(out)]
    assert codes[0][0] == 2, "clip2 comes before clip10"
    assert {code[0] for code in codes} == {2, 10}
    screen = done.stdout.lower()
    for word in ("bpm", "cuts:", "cached", "worst error 0 frames"):
        assert word in screen, done.stdout


def test_stitch_on_a_server_that_runs(system, song, folder, tmp_path):
    out = tmp_path / "out.mp4"
    done = beatstitch(
        "stitch", song, folder, "-o", out, "--width", 320, "--height", 180, "--profile", "preview",
        system=system,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(read_codes(out)) > 100


def test_analyze_writes_the_grid(system, song, tmp_path):
    plot = tmp_path / "song.png"
    done = beatstitch("analyze", song, "-o", tmp_path / "grid.json", "--plot", plot, system=system)
    assert done.returncode == 0, done.stdout + done.stderr
    grid = json.loads((tmp_path / "grid.json").read_text())
    assert 117 < grid["bpm"] < 123
    assert len(grid["beats"]) >= 16
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_jobs_are_listed_shown_and_watched(system, client):
    done = beatstitch("jobs", "list", system=system)
    assert done.returncode == 0, done.stdout + done.stderr
    newest = client.list_jobs()[0]
    assert beatstitch("jobs", "get", newest.id, system=system).returncode == 0
    assert beatstitch("jobs", "watch", newest.id, system=system).returncode == 0


def test_bad_input_exits_2_and_names_the_file(system, song, tmp_path):
    bad = tmp_path / "notes.mp4"
    bad.write_text("not a film")
    done = beatstitch("stitch", song, bad, "-o", tmp_path / "out.mp4", system=system)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "notes.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_an_unknown_template_is_told_before_anything_is_sent(system, song, folder, tmp_path):
    done = beatstitch(
        "stitch", song, folder, "-o", tmp_path / "out.mp4", "--template", "builtin/nope",
        system=system,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "builtin/music-video" in done.stderr
    assert "upload" not in done.stderr


def test_a_server_that_is_not_there_exits_3(song, tmp_path):
    photo = write_photo(tmp_path / "silk.jpg", "silk", size=(320, 214))
    done = beatstitch(
        "stitch", song, photo, "-o", tmp_path / "out.mp4",
        "--server", "127.0.0.1:1", "--api-key", "bsk_x_y",
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_are_not_there_exit_2(tmp_path):
    done = beatstitch("stitch", tmp_path / "no.mp3", tmp_path, "-o", tmp_path / "out.mp4")
    assert done.returncode == 2
    assert "no.mp3" in done.stderr

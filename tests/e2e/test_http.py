"""The sessions of docs/http.md with the real curl and with fetch()."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.examples import need

from beatstitch_samples import compose, read_codes
from beatstitch_samples.coded_clips import coded_clip

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ([EXAMPLES / "curl_session.sh"], ("curl", "jq")),
        (["node", EXAMPLES / "connect.mjs"], ("node",)),
    ],
    ids=["curl", "fetch"],
)
def test_the_session_makes_a_video(system, media_dir, tmp_path, command, needs):
    need(*needs)
    song = compose(bars=4).write(media_dir / "http.mp3")
    clip = coded_clip(media_dir / "http.mp4", source_id=9, size=(320, 180)).path
    done = subprocess.run(
        [*command, tmp_path / "out.mp4", song, clip],
        env={
            **os.environ,
            "BEATSTITCH_HTTP": system.http_url,
            "BEATSTITCH_API_KEY": system.api_key,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sources = {reading.code[0] for reading in read_codes(tmp_path / "out.mp4") if reading.code}
    assert sources == {9}
    if command[0] == "node":
        assert "not_found PROJECT_NOT_FOUND" in done.stdout

"""The Python of docs/sdk.md, block after block, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from beatstitch_samples import compose
from beatstitch_samples.coded_clips import coded_clip

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sdk.md"


def test_the_examples_run(system, media_dir, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 4
    given = {
        "SERVER": system.gateway_address,
        "KEY": system.api_key,
        "song_path": str(compose(bars=4).write(media_dir / "sdk.mp3")),
        "clip_path": str(coded_clip(media_dir / "sdk.mp4", source_id=3, size=(320, 180)).path),
    }
    lines = [f"{name} = {value!r}" for name, value in given.items()]
    script = tmp_path / "page.py"
    checks = ["assert video.stat().st_size", "assert len(states) >= 2"]
    script.write_text("\n".join([*lines, *blocks, *checks]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""The same piece, to the byte, on an old CPU and on this one."""

from __future__ import annotations

import os
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from beatstitch.v1 import edl_pb2
from beatstitch_renderer.baseline import CHILD_ENV
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples import clips

# Renders the ChunkContent on stdin with what libav, x264 and OpenCV may use of the CPU.
CHILD = """
import ctypes, glob, hashlib, os, sys
from pathlib import Path
flags, asm = sys.argv[1:]
import av
if flags:
    found = glob.glob(os.path.dirname(av.__file__) + "/../av.libs/libavutil*")
    ctypes.CDLL(found[0]).av_force_cpu_flags(int(flags, 0))
from beatstitch_renderer.compositor import codecs
if asm:
    codecs.X264_PARAMS += f":asm={asm}"
from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch_renderer.children.chunk_child import source_files, still_pixels
from beatstitch_renderer.rendering import render_piece
content = ChunkContent.FromString(sys.stdin.buffer.read())
render_piece(content, source_files(content, Path.cwd()), still_pixels, Path("piece"))
print(hashlib.sha256(Path("piece").read_bytes()).hexdigest())
"""
OLD_OPENCV = {
    **CHILD_ENV,
    "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX",
}
SSE3 = "0x7f"


def rendered(content, folder, env: dict[str, str], flags: str = "", asm: str = "") -> str:
    shown = subprocess.run(
        [sys.executable, "-c", CHILD, flags, asm],
        input=content.SerializeToString(),
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        check=True,
    )
    assert not shown.stderr, "a variable has another name"
    return shown.stdout.decode()


@pytest.fixture
def content(studio, tmp_path):
    """A still that moves, one at rest, and a clip of another size and matrix, fading."""
    rng = np.random.default_rng(5)
    still = tmp_path / "still.png"
    noise = rng.integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(noise).resize((800, 600), Image.Resampling.BICUBIC).save(still)
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
        for frame in clips.frames(min(clips.SCENES), 1, (480, 270), 30, 40):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        file.mux(stream.encode(None))
    move = edl_pb2.KenBurns(to=edl_pb2.UnitRect(x=8_000, y=9_000, w=50_000, h=37_400))
    getattr(move, "from").CopyFrom(edl_pb2.UnitRect(w=65_536, h=65_536))
    shots = [
        studio.Shot(still, 12, move=move),
        studio.Shot(clip, 12, 0, 1_000_000, fade=4),
        studio.Shot(still, 12, fade=4, fit=edl_pb2.FIT_BLUR),
    ]
    plan = plan_render(studio.edl(shots), studio.profile(preset="veryfast"), "test")
    for shot in shots:
        target = tmp_path / shot.sha256
        if not target.exists():
            target.symlink_to(shot.path)
    (chunk,) = plan.chunks
    return chunk.content


@pytest.mark.skipif(not CHILD_ENV, reason="only x86 has such kinds of CPU")
def test_an_old_cpu_makes_the_same_bytes(content, tmp_path):
    here = rendered(content, tmp_path, CHILD_ENV)
    assert rendered(content, tmp_path, OLD_OPENCV, SSE3, "SSE2") == here

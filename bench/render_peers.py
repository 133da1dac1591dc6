"""MoviePy 2 and melt on the bench's timeline, where they are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from render_material import RATE, SIZE, UNIT
from watched import Watched

from beatstitch.v1 import common_pb2
from beatstitch_core.profiles import render_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.v1.edl_pb2 import Edl

_SCRIPT = Path(__file__).parent / "peers" / "moviepy_peer.py"


def peer_job(edl: Edl, files: dict[str, Path], slots: int) -> dict[str, object]:
    """The timeline for other programs."""
    profile = render_profiles()["final"]
    return {
        "size": SIZE,
        "rate": RATE,
        "frames": edl.segments[-1].timeline_out_frame,
        "preset": profile.preset,
        "crf": profile.crf,
        "threads": slots,
        "shots": [
            {
                "path": str(files[segment.media_sha256]),
                "still": segment.media_type == common_pb2.MEDIA_TYPE_IMAGE,
                "in": segment.timeline_in_frame,
                "out": segment.timeline_out_frame,
                "source_in_us": segment.source_in_us,
                "fade": segment.transition_in.frames,
                "move": [
                    [rect.x / UNIT, rect.y / UNIT, rect.w / UNIT, rect.h / UNIT]
                    for move in [segment.effect.ken_burns]
                    for rect in (getattr(move, "from"), move.to)
                    if segment.effect.HasField("ken_burns")
                ],
            }
            for segment in edl.segments
        ],
    }


def compare(job: dict[str, Any], folder: Path, moviepy: Path, ours_s: float) -> Iterator[str]:
    """Lines that say what each takes.

    Args:
        job: The timeline, see `peer_job`.
        folder: For their files.
        moviepy: The Python of a venv with MoviePy.
        ours_s: Our wall time in seconds.
    """
    shots = folder / "shots.json"
    shots.write_text(json.dumps(job))
    moviepy_out, melt_out = folder / "moviepy.mp4", folder / "melt.mp4"
    if moviepy.exists():
        command = [str(moviepy), str(_SCRIPT), str(shots), str(moviepy_out)]
        yield _measured("MoviePy 2", command, moviepy_out, job, ours_s)
    else:
        yield f"MoviePy 2: not found ({moviepy})"
    if shutil.which("melt"):
        yield _measured("melt", melt_command(job, melt_out), melt_out, job, ours_s)
    else:
        yield (
            "melt: not on this machine, so nothing was compared with it (no wheel has it; Debian's "
            "package melt does)"
        )


def melt_command(job: dict[str, Any], out: Path) -> list[str]:
    """The timeline for melt: shot after shot, fades by -mix, moves by its affine filter."""
    command = ["melt", "-silent", "-profile", "atsc_1080p_30"]
    for shot in job["shots"]:
        begin = 0 if shot["still"] else round(shot["source_in_us"] * job["rate"] / 1_000_000)
        begin = max(0, begin - shot["fade"])
        last = begin + shot["out"] - shot["in"] + shot["fade"] - 1
        command += [shot["path"], f"in={begin}", f"out={last}"]
        if shot["move"]:
            rects = [_placed(rect, job["size"]) for rect in shot["move"]]
            path = f"transition.rect=0={rects[0]}; {last - begin}={rects[1]}"
            command += ["-attach-cut", "affine", path]
        if shot["fade"]:
            command += ["-mix", str(shot["fade"]), "-mixer", "luma"]
    settings = [f"preset={job['preset']}", f"crf={job['crf']}", f"threads={job['threads']}"]
    return [*command, "-consumer", f"avformat:{out}", "vcodec=libx264", "an=1", *settings]


def _placed(rect: list[float], size: list[int]) -> str:
    """Where the whole picture lies when this part of it fills the frame, as melt writes it."""
    x, y, width, height = rect
    wide, tall = size[0] / width, size[1] / height
    return f"{-x * wide:.3f} {-y * tall:.3f} {wide:.3f} {tall:.3f}"


def _measured(name: str, command: list[str], out: Path, job: dict[str, Any], ours_s: float) -> str:
    with Watched() as taken:
        ended = subprocess.run(command, check=False, capture_output=True)
    if ended.returncode:
        return f"{name}: failed: {ended.stderr[-300:].decode(errors='replace')}"
    with av.open(str(out)) as file:
        count = sum(1 for packet in file.demux(video=0) if packet.size)
    return (
        f"{name}: {taken.wall_s:.1f} s wall ({taken.wall_s / ours_s:.1f}× ours), "
        f"{taken.cpu_s:.1f} s CPU, {taken.peak_mb:.0f} MB, {count} of {job['frames']} frames"
    )

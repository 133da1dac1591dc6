"""How loud a clip's sound is, by EBU R128."""

from __future__ import annotations

import re
from pathlib import Path

import ffmpeg

from beatstitch_media import binaries, ffprobe, sandbox
from beatstitch_media.sniff import sniff

# The sound of longer clips is judged by their beginning.
MAX_SECONDS = 600
_MEMORY_BYTES = 1024**3
_INTEGRATED = re.compile(r"^\s*I:\s+(-?\d+(?:\.\d+)?) LUFS", re.MULTILINE)


async def loudness_lufs(path: Path, *, work_dir: Path, timeout_s: float) -> float:
    """Integrated loudness of the first ten minutes, in LUFS; −70 for silence.

    Args:
        path: A clip with sound.
        work_dir: The child's folder.
        timeout_s: How long it may take.

    Returns:
        The loudness; 0 where there is no sound in those minutes after all.

    Raises:
        BeatStitchError: As `sandbox.run`.
    """
    options = ffprobe.input_options(sniff(path).demuxer)
    source = ffmpeg.input(ffprobe.file_url(path), t=MAX_SECONDS, vn=None, threads=1, **options)
    graph = ffmpeg.output(source.audio.filter("ebur128", framelog="verbose"), "-", format="null")
    arguments = graph.global_args("-nostdin", "-hide_banner", "-nostats", "-v", "info").get_args()
    done = await sandbox.run(
        [binaries.ffmpeg(), *arguments],
        inputs=[path],
        work_dir=work_dir,
        what=f"measuring the loudness of {path.name}",
        timeout_s=timeout_s,
        memory_bytes=_MEMORY_BYTES,
    )
    found = _INTEGRATED.findall(done.stderr_tail)
    return float(found[-1]) if found else 0.0

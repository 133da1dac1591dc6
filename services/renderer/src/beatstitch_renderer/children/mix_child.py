"""Mixes the song and the clips' own sound: an Edl on stdin, floats in the work folder.

The song's samples are in `SONG`; a clip's ranges in a folder of its name, which is missing where
the clip has no sound. Writes `MIX`. Nothing of a stranger's is parsed here.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.timebase import rate_fraction, samples_at
from beatstitch_media.child import main
from beatstitch_renderer.children.clip_sound_child import range_name
from beatstitch_renderer.mixing import BLOCK, clip_sound, song_level
from beatstitch_renderer.planning.soundtrack import RATE, heard, needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from beatstitch_renderer.planning.soundtrack import Heard

    Samples = NDArray[np.float32]

SONG = "song.f32"
MIX = "mix.f32"


def work(job: bytes) -> bytes:
    """Mixes; the result is the file."""
    edl = Edl.FromString(job)
    folder = Path.cwd()
    clips = [clip for clip in heard(edl) if (folder / clip.media_sha256).is_dir()]
    mix(edl, clips, folder)
    return b""


def mix(edl: Edl, clips: Sequence[Heard], folder: Path) -> None:
    """Writes the mix, a second at a time."""
    length = samples_at(edl.audio.duration_us, RATE)
    fades = (samples_at(edl.audio.fade_in_us, RATE), samples_at(edl.audio.fade_out_us, RATE))
    frame_rate = rate_fraction(edl.output.frame_rate)
    song = np.memmap(folder / SONG, "<f4", "r", shape=(length, 2))
    stored = {clip.media_sha256: _ranges(clips, clip.media_sha256, folder) for clip in clips}
    with (folder / MIX).open("wb") as file:
        for first in range(0, length, BLOCK):
            last = min(first + BLOCK, length)
            level = song_level(np.arange(first, last), length, fades, edl.audio.ducked, clips)
            block = np.asarray(song[first:last] * level[:, None], np.float32)
            for clip in clips:
                begin, end = max(clip.start, first), min(clip.end, last)
                if begin < end:
                    read = partial(_read, stored[clip.media_sha256])
                    own = clip_sound(clip, begin, end, frame_rate, read)
                    block[begin - first : end - first] += own
            file.write(block.tobytes())


def _ranges(clips: Sequence[Heard], sha256: str, folder: Path) -> list[tuple[int, Samples]]:
    return [
        (
            first,
            np.memmap(folder / sha256 / range_name(i), "<f4", "r", shape=(last - first, 2)),
        )
        for i, (first, last) in enumerate(needed(clips, sha256))
    ]


def _read(ranges: Sequence[tuple[int, Samples]], first: int, last: int) -> Samples:
    """Samples of a clip; silence where there is nothing."""
    out = np.zeros((last - first, 2), np.float32)
    for start, samples in ranges:
        begin, end = max(first, start), min(last, start + len(samples))
        if begin < end:
            out[begin - first : end - first] = samples[begin - start : end - start]
    return out


if __name__ == "__main__":
    main(work)

"""The proof: what is in the finished file, found by decoding every picture of it.

Each piece carries a signature of every picture as it was composed, before encoding. The finished
file is decoded, and the signature of each decoded picture is held against the composed one for its
place. A cut is measured as the shift, within `SEARCH_FRAMES`, at which the decoded pictures around
it fit the composed ones best. Pictures that look the same on both sides can't tell a shift: then
the cut is where its IDR picture is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from beatstitch_renderer.planning.encoding import MP4
from beatstitch_renderer.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction
    from pathlib import Path

    from beatstitch.v1.render_pb2 import Container
    from beatstitch_renderer.reading import Look

SEARCH_FRAMES = 3
_AROUND = 2
# In levels of luma, of the mean over 1/64 of the picture: more is another one. x264 itself moves
# a mean by 2 up to crf 28 and by up to 40 at crf 51.
_WRONG_LEVELS = 16.0
_ROUGH_CRF = 30
_ROUGH_LEVELS_PER_CRF = 2.5
# A shift has to fit better than none by this much before it is believed.
_CLEARLY_LEVELS = 1.0


@dataclass(slots=True)
class Measured:
    """What was found in a file.

    Attributes:
        counted_frames: Pictures decoded.
        off_grid_frames: Pictures whose time stamp is not that of their place.
        wrong_pictures: Pictures that don't look as composed.
        cuts: For each cut asked for, the frame at which it is.
        cuts_without_key: Cuts whose frame is no IDR or key picture.
        audio_samples: Samples of sound after the encoder's delay.
        audio_start_samples: Where the sound begins on the video's clock; 0 is right.
        decoded_audio_samples: Samples that come out of the decoder, the last block's rest included.
    """

    counted_frames: int = 0
    off_grid_frames: int = 0
    wrong_pictures: int = 0
    cuts: list[int] = field(default_factory=list)
    cuts_without_key: int = 0
    audio_samples: int = 0
    audio_start_samples: int = 0
    decoded_audio_samples: int = 0

    def as_facts(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def measure(
    path: Path,
    rate: Fraction,
    composed: Sequence[bytes],
    cuts: Sequence[int],
    *,
    container: Container.ValueType = MP4,
    crf: int = 20,
    threads: int = 2,
    look: Look | None = None,
) -> Measured:
    """Reads a finished video back.

    Args:
        path: The file.
        rate: Frames per second.
        composed: The signature of each frame as composed.
        cuts: Frames at which segments begin, without frame 0.
        container: What it is.
        crf: How roughly it was encoded.
        threads: Threads of the decoder.
        look: Shown each picture.
    """
    film = read(path, rate, container, threads, look)
    keys = film.keys
    found = Measured(
        counted_frames=film.counted_frames,
        off_grid_frames=film.off_grid_frames,
        audio_samples=film.audio_samples,
        audio_start_samples=film.audio_start_samples,
        decoded_audio_samples=film.decoded_audio_samples,
    )
    decoded = _rows(film.marks[place] for place in sorted(film.marks))
    expected = _rows(composed)
    shared = min(len(decoded), len(expected))
    if shared:
        apart = np.abs(decoded[:shared] - expected[:shared]).max(axis=1)
        allowed = _WRONG_LEVELS + _ROUGH_LEVELS_PER_CRF * max(0, crf - _ROUGH_CRF)
        found.wrong_pictures = int((apart > allowed).sum())
    for cut in cuts:
        found.cuts.append(_measured_cut(cut, decoded, expected, keys))
        found.cuts_without_key += cut not in keys
    return found


def _rows(marks: Iterable[bytes]) -> np.ndarray:
    rows = [np.frombuffer(mark, np.uint8) for mark in marks]
    return np.array(rows, np.float32).reshape(len(rows), -1)


def _measured_cut(cut: int, decoded: np.ndarray, composed: np.ndarray, keys: set[int]) -> int:
    """The frame of the file that shows what was composed for `cut`."""
    costs = {}
    count = min(len(decoded), len(composed))
    window = [f for f in range(cut - _AROUND, cut + _AROUND) if 0 <= f < count]
    for shift in range(-SEARCH_FRAMES, SEARCH_FRAMES + 1):
        pairs = [f for f in window if 0 <= f + shift < len(decoded)]
        if len(pairs) == len(window):
            moved = decoded[[f + shift for f in pairs]]
            costs[shift] = float(np.abs(moved - composed[pairs]).mean())
    best = min(costs, key=lambda shift: (costs[shift], abs(shift)), default=0)
    if 0 in costs and costs[0] <= costs[best] + _CLEARLY_LEVELS:
        best = 0
    if best == 0 and cut not in keys:
        return min(keys, key=lambda key: (abs(key - cut), key), default=-1)
    return cut + best

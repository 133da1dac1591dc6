"""The file that a song's shape is kept in, at four zoom levels.

File (little endian): magic "BSWF", uint16 version, uint16 levels, uint32 sample rate, uint64
samples; for each level uint32 samples per bin, uint32 bins, uint64 offset; then for each level
three planes of int8: minima, maxima, RMS. A minute of music is 40 kB. Each plane lies in one piece,
so a range of a level is three reads.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beatstitch.v1 import failure_pb2
from beatstitch_analyzer.beats.pieces import let_go
from beatstitch_core.errors import BeatStitchError

VERSION = 1
SAMPLES_PER_BIN = (256, 1024, 4096, 16384)

_MAGIC = b"BSWF"
_HEADER = struct.Struct("<4sHHIQ")
_LEVEL = struct.Struct("<IIQ")
_FULL_SCALE = 127
_PIECE = 16 * SAMPLES_PER_BIN[-1]
HEAD_BYTES = _HEADER.size + _LEVEL.size * len(SAMPLES_PER_BIN)

Bytes8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Level:
    """Where a zoom level lies.

    Attributes:
        samples_per_bin: Samples of the song in a bin; the last one may hold fewer.
        bins: How many.
        offset: First byte of its minima; maxima and RMS follow, `bins` bytes each.
    """

    samples_per_bin: int
    bins: int
    offset: int


@dataclass(frozen=True, slots=True)
class Head:
    """What the file's first `HEAD_BYTES` say.

    Attributes:
        sample_rate: In Hz.
        samples: Length of the song.
        levels: From fine to coarse.
    """

    sample_rate: int
    samples: int
    levels: tuple[Level, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return max(level.offset + 3 * level.bins for level in self.levels)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A stretch of one level; planes of equal length."""

    low: Bytes8
    high: Bytes8
    rms: Bytes8


def build_waveform(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """The file for a song.

    Args:
        samples: Mono, (n,), full scale ±1; n ≥ 1.
        sample_rate: In Hz.
    """
    levels = [_coarse(samples, size) for size in SAMPLES_PER_BIN]
    offset = HEAD_BYTES
    parts = [_HEADER.pack(_MAGIC, VERSION, len(levels), sample_rate, len(samples))]
    for size, level in zip(SAMPLES_PER_BIN, levels, strict=True):
        parts.append(_LEVEL.pack(size, len(level.low), offset))
        offset += 3 * len(level.low)
    for level in levels:
        parts += [level.low.tobytes(), level.high.tobytes(), level.rms.tobytes()]
    return b"".join(parts)


def parse_head(data: bytes) -> Head:
    """Reads the head.

    Raises:
        BeatStitchError: INPUT_CORRUPT, the bytes are no waveform of this version.
    """
    try:
        magic, version, count, rate, samples = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION or not (count and rate and samples):
            raise corrupt()
        places = (_HEADER.size + index * _LEVEL.size for index in range(count))
        levels = tuple(Level(*_LEVEL.unpack_from(data, place)) for place in places)
    except struct.error as error:
        raise corrupt() from error
    if not all(level.samples_per_bin and level.bins for level in levels):
        raise corrupt()
    return Head(rate, samples, levels)


def corrupt() -> BeatStitchError:
    """INPUT_CORRUPT."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"not a waveform file of version {VERSION}"
    )


def _coarse(samples: NDArray[np.float32], size: int) -> Planes:
    """One level straight from the samples; the last bin may hold fewer."""
    pieces = [_piece(samples, first, size) for first in range(0, len(samples), _PIECE)]
    let_go(samples)
    return Planes(*(np.concatenate(planes) for planes in zip(*pieces, strict=True)))


def _piece(samples: NDArray[np.float32], first: int, size: int) -> tuple[Bytes8, Bytes8, Bytes8]:
    """Minima, maxima and RMS of some bins: an hour of samples at once would be gigabytes."""
    let_go(samples)
    part = samples[first : first + _PIECE]
    starts = np.arange(0, len(part), size)
    clean = np.nan_to_num(part, nan=0.0, posinf=1.0, neginf=-1.0)
    lengths = np.diff(np.append(starts, len(part)))
    power = np.add.reduceat(clean.astype(np.float64) ** 2, starts) / lengths
    return (
        _to_bytes(np.minimum.reduceat(clean, starts)),
        _to_bytes(np.maximum.reduceat(clean, starts)),
        _to_bytes(np.sqrt(power)),
    )


def _to_bytes(values: NDArray[np.floating]) -> Bytes8:
    scaled: Bytes8 = np.clip(np.round(values * _FULL_SCALE), -128, 127).astype(np.int8)
    return scaled

"""The shape of a song's sound at four zoom levels, and the file it is kept in.

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
from beatstitch.v1.waveform_pb2 import Waveform
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.timebase import samples_at

VERSION = 1
SAMPLES_PER_BIN = (256, 1024, 4096, 16384)
DEFAULT_BUCKETS = 1000
MAX_BUCKETS = 20_000

_MAGIC = b"BSWF"
_HEADER = struct.Struct("<4sHHIQ")
_LEVEL = struct.Struct("<IIQ")
_FULL_SCALE = 127

Bytes8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One zoom level; planes of equal length."""

    samples_per_bin: int
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
    offset = _HEADER.size + _LEVEL.size * len(levels)
    head = [_HEADER.pack(_MAGIC, VERSION, len(levels), sample_rate, len(samples))]
    planes = []
    for level in levels:
        head.append(_LEVEL.pack(level.samples_per_bin, len(level.low), offset))
        planes += [level.low.tobytes(), level.high.tobytes(), level.rms.tobytes()]
        offset += 3 * len(level.low)
    return b"".join(head + planes)


def read_waveform(data: bytes, *, start_us: int = 0, end_us: int = 0, buckets: int = 0) -> Waveform:
    """A stretch of a stored song, in so many buckets.

    Args:
        data: The file.
        start_us: First microsecond, ≥ 0.
        end_us: One past the last microsecond; 0 for the song's end.
        buckets: 1 to MAX_BUCKETS; 0 for DEFAULT_BUCKETS. Fewer are answered where a bucket would be
            finer than the file's finest bin.

    Returns:
        The stretch; empty where it lies beyond the song's end.

    Raises:
        BeatStitchError: INPUT_CORRUPT, the bytes are no waveform of this version.
    """
    rate, count, levels = _parse(data)
    first = min(samples_at(start_us, rate), count)
    last = min(samples_at(end_us, rate), count) if end_us else count
    per_bucket = max(
        (last - first) / (buckets or DEFAULT_BUCKETS), float(levels[0].samples_per_bin)
    )
    if last <= first:
        return Waveform(
            start_us=start_us, end_us=start_us, samples_per_bucket=per_bucket, sample_rate=rate
        )
    level = max(
        (item for item in levels if item.samples_per_bin <= per_bucket),
        key=lambda item: item.samples_per_bin,
    )
    wanted = int(np.ceil((last - first) / per_bucket - 1e-9))
    edges = first + np.arange(wanted) * per_bucket
    begin = np.minimum((edges // level.samples_per_bin).astype(np.int64), len(level.low) - 1)
    end = min(-(-last // level.samples_per_bin), len(level.low))
    squares = level.rms[:end].astype(np.float64) ** 2
    lengths = np.maximum(np.diff(np.append(begin, end)), 1)
    rms = np.sqrt(np.add.reduceat(squares, begin) / lengths)
    return Waveform(
        start_us=start_us,
        end_us=round(last * 1_000_000 / rate),
        min=np.minimum.reduceat(level.low[:end], begin).tobytes(),
        max=np.maximum.reduceat(level.high[:end], begin).tobytes(),
        rms=np.round(rms).astype(np.int8).tobytes(),
        samples_per_bucket=per_bucket,
        sample_rate=rate,
    )


def _coarse(samples: NDArray[np.float32], size: int) -> _Level:
    """One level straight from the samples; the last bin may hold fewer."""
    starts = np.arange(0, len(samples), size)
    clean = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    lengths = np.diff(np.append(starts, len(samples)))
    power = np.add.reduceat(clean.astype(np.float64) ** 2, starts) / lengths
    return _Level(
        size,
        _to_bytes(np.minimum.reduceat(clean, starts)),
        _to_bytes(np.maximum.reduceat(clean, starts)),
        _to_bytes(np.sqrt(power)),
    )


def _to_bytes(values: NDArray[np.floating]) -> Bytes8:
    scaled: Bytes8 = np.clip(np.round(values * _FULL_SCALE), -128, 127).astype(np.int8)
    return scaled


def _parse(data: bytes) -> tuple[int, int, list[_Level]]:
    """Sample rate, samples, levels from fine to coarse."""
    try:
        magic, version, count, rate, samples = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            raise _corrupt()
        levels = []
        for index in range(count):
            size, bins, offset = _LEVEL.unpack_from(data, _HEADER.size + index * _LEVEL.size)
            planes = np.frombuffer(data, np.int8, 3 * bins, offset).reshape(3, bins)
            levels.append(_Level(size, planes[0], planes[1], planes[2]))
    except (struct.error, ValueError) as error:
        raise _corrupt() from error
    return rate, samples, levels


def _corrupt() -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"not a waveform file of version {VERSION}"
    )

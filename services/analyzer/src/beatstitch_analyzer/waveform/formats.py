"""A song's shape in the formats of audiowaveform, version 2, 8 bits, one channel.

Both are described in doc/DataFormat.md of github.com/bbc/audiowaveform; peaks.js and others read
them.
"""

from __future__ import annotations

import json
import struct

import numpy as np
from numpy.typing import NDArray

from beatstitch_analyzer.waveform.file import Planes

_VERSION = 2
_EIGHT_BITS = 1  # bit 0 of the flags
_CHANNELS = 1
# Version, flags, sample rate, samples per pixel, length in pairs, channels.
_DAT_HEADER = struct.Struct("<iIiiIi")


def to_dat(planes: Planes, sample_rate: int, samples_per_bin: int) -> bytes:
    """The binary format: a header of 24 bytes, then minimum and maximum of each bin."""
    header = _DAT_HEADER.pack(
        _VERSION, _EIGHT_BITS, sample_rate, samples_per_bin, len(planes.low), _CHANNELS
    )
    return header + _pairs(planes).tobytes()


def to_json(planes: Planes, sample_rate: int, samples_per_bin: int) -> bytes:
    """The JSON format, without white space."""
    document = {
        "version": _VERSION,
        "channels": _CHANNELS,
        "sample_rate": sample_rate,
        "samples_per_pixel": samples_per_bin,
        "bits": 8,
        "length": len(planes.low),
        "data": _pairs(planes).tolist(),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _pairs(planes: Planes) -> NDArray[np.int8]:
    return np.stack([planes.low, planes.high], axis=1).reshape(-1)

"""The shape of a song's sound: kept as a pyramid, answered by range, exported in formats."""

from beatstitch_analyzer.waveform.file import VERSION, build_waveform
from beatstitch_analyzer.waveform.reading import (
    DEFAULT_BUCKETS,
    MAX_BUCKETS,
    read_stored,
    read_waveform,
)

__all__ = [
    "DEFAULT_BUCKETS",
    "MAX_BUCKETS",
    "VERSION",
    "build_waveform",
    "read_stored",
    "read_waveform",
]

"""How loud a song is by EBU R128 (ITU-R BS.1770), measured by ffmpeg's scanner while it decodes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from beatstitch.v1.beat_grid_pb2 import Loudness

LOG = "loudness.txt"

_TAIL_BYTES = 8192
_GATE_LUFS = -70.0
_LEAST_PEAK = 0.0005  # the scanner tells three decimals
_VALUE = re.compile(r"^lavfi\.r128\.(\w+)=(\S+)$", re.MULTILINE)


def measure(sound: Any) -> Any:  # noqa: ANN401 - ffmpeg-python is untyped
    """Adds the scanner to a branch of a graph whose process runs in the folder that gets `LOG`.

    The branch has to end in an output; the null muxer is enough.
    """
    scanned = sound.filter("ebur128", peak="true", metadata=1, framelog="quiet")
    return scanned.filter("ametadata", mode="print", file=LOG)


def read(log: Path) -> Loudness | None:
    """What the scanner found over the whole song, which is what it says last.

    Returns:
        None for silence (nothing above the gate of −70 LUFS), and for less sound than the scanner
        needs (0.4 s).
    """
    if not log.exists():
        return None
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        words = file.read().decode("ascii", errors="replace")
    last = {key: _number(value) for key, value in _VALUE.findall(words)}
    integrated = last.get("I", _GATE_LUFS)
    if not integrated > _GATE_LUFS:
        return None
    peaks = [value for key, value in last.items() if key.startswith("true_peaks_ch")]
    peak = max([_LEAST_PEAK, *(value for value in peaks if math.isfinite(value))])
    return Loudness(
        integrated_lufs=round(integrated, 2),
        range_lu=round(last.get("LRA", 0.0), 2),
        true_peak_dbtp=round(20 * math.log10(peak), 2),
    )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan

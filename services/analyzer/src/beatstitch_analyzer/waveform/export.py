"""A stored waveform as a file in a format of the trade."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from beatstitch.v1 import analysis_service_pb2 as analysis
from beatstitch.v1.analysis_service_pb2 import WaveformFormat
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.waveform.file import SAMPLES_PER_BIN, corrupt
from beatstitch_analyzer.waveform.formats import to_dat, to_json
from beatstitch_analyzer.waveform.picture import (
    DEFAULT_WIDTH,
    MAX_WIDTH,
    MIN_WIDTH,
    columns,
    draw_picture,
)
from beatstitch_analyzer.waveform.reading import Ranges, read_head, read_planes, read_stored
from beatstitch_core.errors import field_error

PNG = analysis.WAVEFORM_FORMAT_PNG
_JSON = analysis.WAVEFORM_FORMAT_JSON


@dataclass(frozen=True)
class Exported:
    """A file.

    Attributes:
        data: Its bytes.
        content_type: "application/octet-stream", "application/json" or "image/png".
    """

    data: bytes
    content_type: str


async def export_waveform(
    storage: Ranges,
    key: str,
    grid: BeatGrid,
    wanted: WaveformFormat.ValueType,
    *,
    samples_per_bin: int = 0,
    width: int = 0,
) -> Exported:
    """Writes a waveform.

    Args:
        storage: Where it is.
        key: Its key.
        grid: Beats and sections, for pictures.
        wanted: The format; unspecified is DAT_V2.
        samples_per_bin: One of SAMPLES_PER_BIN; 0 for the finest. Not for pictures.
        width: Of a picture, in pixels; 0 for DEFAULT_WIDTH.

    Raises:
        BeatStitchError: FIELD_INVALID, OBJECT_MISSING, INPUT_CORRUPT.
    """
    width, size = width or DEFAULT_WIDTH, samples_per_bin or SAMPLES_PER_BIN[0]
    if wanted == PNG:
        if not MIN_WIDTH <= width <= MAX_WIDTH:
            raise field_error("width", f"is {MIN_WIDTH} to {MAX_WIDTH}")
        shape = await read_stored(storage, key, buckets=columns(width))
        return Exported(await asyncio.to_thread(draw_picture, shape, grid, width), "image/png")
    if size not in SAMPLES_PER_BIN:
        raise field_error("samples_per_bin", f"is one of {', '.join(map(str, SAMPLES_PER_BIN))}")
    head = await read_head(storage, key)
    level = next((item for item in head.levels if item.samples_per_bin == size), None)
    if level is None:
        raise corrupt()
    planes = await read_planes(storage, key, level, 0, level.bins)
    if wanted == _JSON:
        data = await asyncio.to_thread(to_json, planes, head.sample_rate, size)
        return Exported(data, "application/json")
    return Exported(to_dat(planes, head.sample_rate, size), "application/octet-stream")

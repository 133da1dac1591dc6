"""Waveforms as files of the trade, and read by range."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from beatstitch.v1 import analysis_service_pb2
from beatstitch.v1.beat_grid_pb2 import BeatGrid
from beatstitch_analyzer.waveform import build_waveform, read_stored, read_waveform
from beatstitch_analyzer.waveform.export import export_waveform
from beatstitch_analyzer.waveform.file import HEAD_BYTES
from beatstitch_analyzer.waveform.picture import HEIGHT, MARGIN, columns, draw_picture
from beatstitch_core.errors import BeatStitchError

RATE = 44_100
DAT = analysis_service_pb2.WAVEFORM_FORMAT_DAT_V2
JSON = analysis_service_pb2.WAVEFORM_FORMAT_JSON
PNG = analysis_service_pb2.WAVEFORM_FORMAT_PNG


class Shelf:
    """One object, and a count of what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.calls, self.read = data, 0, 0

    async def get_range(self, _key: str, offset: int, length: int) -> bytes:
        piece = self.data[offset : offset + length]
        self.calls, self.read = self.calls + 1, self.read + len(piece)
        return piece


def sound(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE))
    return (np.sin(t * 0.05) * (0.2 + 0.7 * np.abs(np.sin(t / RATE)))).astype(np.float32)


async def test_the_binary_format_is_byte_for_byte_what_is_described():
    samples = np.array([0.5, -0.25] * 128 + [1.0, -1.0] * 128 + [0.0] * 10, np.float32)
    made = await export_waveform(Shelf(build_waveform(samples, 48_000)), "k", BeatGrid(), DAT)
    assert made.content_type == "application/octet-stream"
    # Version 2, flags 1 (8 bits), rate, samples per pixel, length, channels; pairs of int8.
    header = bytes.fromhex("02000000 01000000 80bb0000 00010000 03000000 01000000")
    assert made.data == header + struct.pack("6b", -32, 64, -127, 127, 0, 0)


@pytest.mark.parametrize("size", [256, 1024, 4096, 16384])
async def test_both_formats_hold_the_same(size: int):
    data = build_waveform(sound(5), RATE)
    dat = (await export_waveform(Shelf(data), "k", BeatGrid(), DAT, samples_per_bin=size)).data
    made = await export_waveform(Shelf(data), "k", BeatGrid(), JSON, samples_per_bin=size)
    document = json.loads(made.data)
    assert made.content_type == "application/json"
    pairs = np.frombuffer(dat, np.int8, offset=24).tolist()
    assert document == {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE,
        "samples_per_pixel": size,
        "bits": 8,
        "length": -(-5 * RATE // size),
        "data": pairs,
    }
    assert len(pairs) == 2 * document["length"]
    assert all(low <= high for low, high in zip(pairs[::2], pairs[1::2], strict=True))


async def test_an_hour_is_answered_from_a_hundredth_of_its_file():
    shelf = Shelf(build_waveform(np.tile(sound(60), 60), RATE))
    waveform = await read_stored(shelf, "k", buckets=1000)
    assert len(waveform.max) == 1000
    assert waveform.end_us == 3_600_000_000
    assert waveform == read_waveform(shelf.data, buckets=1000)
    assert shelf.calls == 4
    assert shelf.read < 30_000 < len(shelf.data) / 80
    shelf.read = 0
    second = await read_stored(shelf, "k", start_us=1_800_000_000, end_us=1_801_000_000)
    assert second == read_waveform(shelf.data, start_us=1_800_000_000, end_us=1_801_000_000)
    assert shelf.read < 700


async def test_a_stored_file_that_was_cut_off_is_refused():
    data = build_waveform(sound(5), RATE)
    for cut in (0, HEAD_BYTES - 1, HEAD_BYTES + 10):
        with pytest.raises(BeatStitchError, match="INPUT_CORRUPT"):
            await read_stored(Shelf(data[:cut]), "k")


def a_grid() -> BeatGrid:
    """Ten seconds at 120, a section a half."""
    grid = BeatGrid(duration_us=10_000_000)
    for index in range(20):
        grid.beats.add(time_us=index * 500_000, is_downbeat=index % 4 == 0)
    grid.sections.add(start_us=0, end_us=5_000_000, label="A")
    grid.sections.add(start_us=5_000_000, end_us=10_000_000, label="B", name="chorus")
    return grid


async def test_the_picture_shows_shape_beats_and_sections():
    loud = np.ones(10 * RATE, np.float32) * np.where(np.arange(10 * RATE) < 5 * RATE, 0.9, 0.1)
    shelf = Shelf(build_waveform(loud.astype(np.float32), RATE))
    made = await export_waveform(shelf, "k", a_grid(), PNG, width=1000)
    assert made.content_type == "image/png"
    image = Image.open(io.BytesIO(made.data))
    assert image.size == (1000, HEIGHT)
    pixels = np.asarray(image.convert("RGB")).astype(int)
    wave = pixels[56:288]
    lit = (np.abs(wave - (24, 27, 34)).sum(axis=2) > 60).sum(axis=0)
    assert lit[100:480].mean() > 5 * lit[520:900].mean()
    left, right = pixels[16, 100], pixels[16, 900]
    assert np.abs(left - right).sum() > 100  # each section its colour
    ticks = pixels[300].sum(axis=1) > 150
    assert np.count_nonzero(ticks[MARGIN:-MARGIN]) == 20
    long_ticks = pixels[311].sum(axis=1) > 600
    assert np.count_nonzero(long_ticks) == 5


@pytest.mark.parametrize("width", [200, 1600, 8000])
def test_any_song_has_a_picture(width: int):
    for seconds, grid in ((0.001, BeatGrid()), (3, a_grid()), (10, a_grid())):
        shape = read_waveform(build_waveform(sound(seconds), RATE), buckets=columns(width))
        assert Image.open(io.BytesIO(draw_picture(shape, grid, width))).size == (width, HEIGHT)


async def test_beats_that_would_touch_are_left_out():
    grid = BeatGrid(duration_us=3_600_000_000)
    for index in range(7200):
        grid.beats.add(time_us=index * 500_000, is_downbeat=index % 4 == 0)
    shape = read_waveform(build_waveform(sound(1), RATE), buckets=columns(800))
    pixels = np.asarray(Image.open(io.BytesIO(draw_picture(shape, grid, 800))).convert("RGB"))
    assert np.all(pixels[300, MARGIN:-MARGIN] == pixels[300, MARGIN])


async def test_what_cant_be_written_is_named():
    shelf = Shelf(build_waveform(sound(1), RATE))
    with pytest.raises(BeatStitchError, match="samples_per_bin"):
        await export_waveform(shelf, "k", BeatGrid(), DAT, samples_per_bin=512)
    with pytest.raises(BeatStitchError, match="width"):
        await export_waveform(shelf, "k", BeatGrid(), PNG, width=199)

"""A picture of a song: its shape, its beats, its sections, a time axis."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from beatstitch.v1.beat_grid_pb2 import BeatGrid, Section
from beatstitch.v1.waveform_pb2 import Waveform

DEFAULT_WIDTH = 1600
MIN_WIDTH, MAX_WIDTH = 200, 8000

MARGIN = 24
_BAND_TOP, _BAND_HEIGHT = 14, 26
_WAVE_TOP, _WAVE_HEIGHT = 52, 240
_TICKS_TOP, _BEAT_TICK, _BAR_TICK = 298, 7, 15
_AXIS_TOP = 320
HEIGHT = 356

_BACK = (17, 19, 24)
_PANEL = (24, 27, 34)
_LINE = (52, 58, 70)
_TEXT = (168, 176, 190)
_BEAT = (96, 106, 124)
_BAR = (236, 239, 245)
_PLAIN = (86, 156, 214)
# Told apart by people who don't see all colours: after Okabe and Ito, made lighter for dark ground.
_COLOURS = (
    (86, 180, 233), (230, 159, 0), (0, 178, 135), (204, 121, 167),
    (240, 228, 66), (233, 108, 50), (120, 140, 255), (170, 170, 170),
)  # fmt: skip
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_LABEL_ROOM = 90
_FEWEST_PIXELS = 4

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Time to pixels."""

    width: int
    duration_us: int

    def x(self, time_us: int) -> int:
        inside = min(max(time_us, 0), self.duration_us) / self.duration_us
        return MARGIN + round(inside * (self.plot - 1))

    @property
    def plot(self) -> int:
        return self.width - 2 * MARGIN


def columns(width: int) -> int:
    """Buckets that a picture of this width shows."""
    return width - 2 * MARGIN


def draw_picture(waveform: Waveform, grid: BeatGrid, width: int = DEFAULT_WIDTH) -> bytes:
    """A PNG of a whole song, `width` × HEIGHT pixels.

    Args:
        waveform: From the song's start to its end, best in `columns(width)` buckets.
        grid: Its beats, bars and sections; may be empty.
        width: MIN_WIDTH to MAX_WIDTH.
    """
    axis = _Axis(width, max(grid.duration_us, waveform.end_us, 1))
    colours = _section_colours(grid)
    pixels: Pixels = np.empty((HEIGHT, width, 3), np.uint8)
    pixels[:] = _BACK
    pixels[_WAVE_TOP : _WAVE_TOP + _WAVE_HEIGHT, MARGIN : width - MARGIN] = _PANEL
    _draw_shape(pixels, waveform, axis, _column_colours(grid, axis, colours))
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    _draw_sections(draw, grid, axis, colours)
    _draw_beats(draw, grid, axis)
    _draw_axis(draw, axis)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _section_colours(grid: BeatGrid) -> dict[str, Colour]:
    labels = list(dict.fromkeys(section.label for section in grid.sections))
    return {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}


def _column_colours(grid: BeatGrid, axis: _Axis, colours: dict[str, Colour]) -> Pixels:
    """The shape takes its section's colour; (columns, 3)."""
    found: Pixels = np.empty((axis.plot, 3), np.uint8)
    found[:] = _PLAIN
    for section in grid.sections:
        found[axis.x(section.start_us) - MARGIN : axis.x(section.end_us) - MARGIN + 1] = colours[
            section.label
        ]
    return found


def _draw_shape(pixels: Pixels, waveform: Waveform, axis: _Axis, colours: Pixels) -> None:
    """Minimum to maximum dark, the RMS around the middle bright."""
    count = len(waveform.max)
    if not count:
        return
    # A song shorter than the axis, or with fewer buckets than columns, is stretched or cut.
    time_us = (np.arange(axis.plot) + 0.5) / axis.plot * axis.duration_us
    end_us = waveform.end_us
    place = np.minimum((time_us / max(end_us, 1) * count).astype(np.int64), count - 1)
    scale = (_WAVE_HEIGHT / 2 - 4) / 127
    low, high, rms = (
        np.frombuffer(plane, np.int8)[place].astype(np.float64) * scale
        for plane in (waveform.min, waveform.max, waveform.rms)
    )
    middle = _WAVE_HEIGHT / 2
    rows = np.arange(_WAVE_HEIGHT)[:, None] + 0.5
    inside = time_us < end_us
    peaks = (rows >= middle - np.maximum(high, 0.5)) & (rows <= middle - np.minimum(low, -0.5))
    core = np.abs(rows - middle) <= rms
    panel = pixels[_WAVE_TOP : _WAVE_TOP + _WAVE_HEIGHT, MARGIN : MARGIN + axis.plot]
    _blend(panel, peaks & inside, colours, 0.5)
    _blend(panel, core & inside, colours, 1.0)


def _blend(panel: Pixels, where: NDArray[np.bool_], colours: Pixels, strength: float) -> None:
    mixed = np.asarray(_PANEL) * (1 - strength) + colours * strength
    painted = np.broadcast_to(mixed.astype(np.uint8), panel.shape)
    panel[where] = painted[where]


def _draw_sections(
    draw: ImageDraw.ImageDraw, grid: BeatGrid, axis: _Axis, colours: dict[str, Colour]
) -> None:
    font = ImageFont.load_default(15)
    bottom = _BAND_TOP + _BAND_HEIGHT
    for section in grid.sections:
        left, right = axis.x(section.start_us), axis.x(section.end_us) - 2
        if right <= left:
            continue
        draw.rounded_rectangle((left, _BAND_TOP, right, bottom), 5, fill=colours[section.label])
        text = _title(section)
        while text and draw.textlength(text, font) > right - left - 8:
            text = text[:-1]
        middle = ((left + right) // 2, (_BAND_TOP + bottom) // 2)
        draw.text(middle, text, _BACK, font, anchor="mm")
        if section.start_us > 0:
            draw.line((left - 1, _WAVE_TOP, left - 1, _WAVE_TOP + _WAVE_HEIGHT), _LINE)


def _title(section: Section) -> str:
    name = section.name.partition("\n")[0]
    return f"{section.label} · {name}" if name else section.label


def _draw_beats(draw: ImageDraw.ImageDraw, grid: BeatGrid, axis: _Axis) -> None:
    """A tick for each beat, a stronger one for each downbeat; none where they would touch."""
    bars = [beat.time_us for beat in grid.beats if beat.is_downbeat]
    others = [beat.time_us for beat in grid.beats if not beat.is_downbeat]
    if len(grid.beats) * _FEWEST_PIXELS <= axis.plot:
        for time_us in others:
            x = axis.x(time_us)
            draw.line((x, _TICKS_TOP, x, _TICKS_TOP + _BEAT_TICK), _BEAT)
    if len(bars) * _FEWEST_PIXELS <= axis.plot:
        for time_us in bars:
            x = axis.x(time_us)
            draw.line((x, _TICKS_TOP, x, _TICKS_TOP + _BAR_TICK), _BAR)


def _draw_axis(draw: ImageDraw.ImageDraw, axis: _Axis) -> None:
    font = ImageFont.load_default(13)
    draw.line((MARGIN, _AXIS_TOP, axis.width - MARGIN - 1, _AXIS_TOP), _LINE)
    most = max(axis.plot // _LABEL_ROOM, 1)
    fitting = [step for step in _STEPS_S if axis.duration_us / 1e6 / step <= most]
    step = fitting[0] if fitting else _STEPS_S[-1]
    for second in range(0, axis.duration_us // 1_000_000 + 1, step):
        x = axis.x(second * 1_000_000)
        draw.line((x, _AXIS_TOP, x, _AXIS_TOP + 5), _TEXT)
        text = _clock(second)
        half = draw.textlength(text, font) / 2
        place = min(max(x, half + 2), axis.width - half - 2)
        draw.text((place, _AXIS_TOP + 10), text, _TEXT, font, anchor="mt")


def _clock(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

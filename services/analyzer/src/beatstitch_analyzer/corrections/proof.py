"""The film that shows a grid: the song, a click on each beat, a flash for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from beatstitch.v1.beat_grid_pb2 import Beat, BeatGrid
from beatstitch.v1.common_pb2 import Rational
from beatstitch_core.timebase import frame_at, samples_at
from beatstitch_media import binaries, ffprobe, sandbox
from beatstitch_media.sniff import sniff

FPS = 30
WIDTH, HEIGHT = 320, 180
SAMPLE_RATE = 48_000
FLASH_FRAMES = 2
BEAT_HZ, DOWNBEAT_HZ = 1_000.0, 2_000.0
MAX_SONG_US = 3 * 3600 * 1_000_000

_RATE = Rational(num=FPS, den=1)
_BLACK, _GREY, _WHITE = 0, 128, 255
# One byte for 20 × 20 pixels: the pictures are of one colour.
_CELLS = (16, 9)
_CLICK_S = 0.03
_CLICK_LEVEL = 0.5
_SONG_LEVEL = 0.5
_TIMEOUT_S = 300.0


async def make_proof(song: Path, grid: BeatGrid, *, work_dir: Path, filename: str) -> Path:
    """Makes the film: MP4, 320 × 180, 30 frames a second, H.264 and AAC.

    The frames frame_at(beat) and the next one flash, white on a downbeat, grey on other beats; the
    click begins in the sample nearest to the beat, an octave higher on downbeats.

    Args:
        song: The song's file.
        grid: The beats.
        work_dir: The child's folder; the film is made in it.
        filename: The client's name of the song, for messages.

    Returns:
        The film, as long as the song.

    Raises:
        BeatStitchError: INPUT_UNSUPPORTED, FFMPEG_FAILED, MEDIA_TIMEOUT, DISK_FULL, ….
    """
    clicks, flashes, out = (work_dir / name for name in ("clicks.s16", "flashes.gray", "proof.mp4"))
    write_clicks(clicks, grid.beats, samples_at(grid.duration_us, SAMPLE_RATE))
    write_flashes(flashes, grid.beats, max(1, frame_at(grid.duration_us, _RATE)))
    samples = max(1, samples_at(grid.duration_us, SAMPLE_RATE))
    options = ffprobe.input_options(sniff(song).demuxer)
    sound = (
        ffmpeg.input(ffprobe.file_url(song), threads=1, **options)
        .audio.filter("aresample", SAMPLE_RATE)
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("volume", _SONG_LEVEL)
        .filter("apad", whole_len=samples)
    )
    ticks = ffmpeg.input(ffprobe.file_url(clicks), format="s16le", ar=SAMPLE_RATE, ac=1)
    ticks = ticks.audio.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    mixed = ffmpeg.filter([sound, ticks], "amix", inputs=2, normalize=0)
    mixed = mixed.filter("atrim", end_sample=samples)
    size = f"{_CELLS[0]}x{_CELLS[1]}"
    pictures = (
        ffmpeg.input(
            ffprobe.file_url(flashes), format="rawvideo", pix_fmt="gray", s=size, framerate=FPS
        )
        .video.filter("scale", WIDTH, HEIGHT, flags="neighbor")
        .filter("format", "yuv420p")
    )
    graph = ffmpeg.output(
        pictures,
        mixed,
        ffprobe.file_url(out),
        format="mp4",
        vcodec="libx264",
        preset="ultrafast",
        crf=30,
        acodec="aac",
        audio_bitrate=128_000,
        map_metadata=-1,
        fflags="+bitexact",
        movflags="+faststart",
    )
    await sandbox.run(
        [binaries.ffmpeg(), *graph.global_args("-nostdin", "-v", "error", "-y").get_args()],
        inputs=[song],
        work_dir=work_dir,
        what=f"filming the beats of {filename}",
        timeout_s=_TIMEOUT_S,
    )
    return out


def write_flashes(path: Path, beats: Sequence[Beat], frames: int) -> None:
    """Writes raw grey pictures of 16 × 9 pixels, one a frame."""
    levels = np.full(frames, _BLACK, np.uint8)
    for downbeats in (False, True):  # a downbeat outshines a beat in the same frame
        for beat in beats:
            if beat.is_downbeat == downbeats:
                first = frame_at(beat.time_us, _RATE)
                levels[first : first + FLASH_FRAMES] = _WHITE if downbeats else _GREY
    with path.open("wb") as file:
        for begin in range(0, frames, 10_000):
            file.write(np.repeat(levels[begin : begin + 10_000], _CELLS[0] * _CELLS[1]).tobytes())


def write_clicks(path: Path, beats: Sequence[Beat], samples: int) -> None:
    """Writes the clicks, 16 bits, mono, no header; clicks that overlap are cut short."""
    kinds = {False: _click(BEAT_HZ), True: _click(DOWNBEAT_HZ)}
    with path.open("wb") as file:
        file.truncate(max(1, samples) * 2)  # silence
        for beat in beats:
            first = samples_at(beat.time_us, SAMPLE_RATE)
            click = kinds[beat.is_downbeat][: max(0, samples - first)]
            file.seek(first * 2)
            file.write(click.tobytes())


def _click(hertz: float) -> NDArray[np.int16]:
    """A sine that is loudest in its first millisecond and fades."""
    time = np.arange(int(_CLICK_S * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * hertz * time) * np.exp(-time / (_CLICK_S / 5))
    click: NDArray[np.int16] = np.round(wave * _CLICK_LEVEL * 32767).astype("<i2")
    return click

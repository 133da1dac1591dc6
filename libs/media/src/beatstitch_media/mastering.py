"""The last steps of a video's sound: the song as samples, the mix measured, turned and encoded.

Samples are raw little-endian float32, stereo, 48 kHz, without a header.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import ffmpeg

from beatstitch.v1.beat_grid_pb2 import Loudness
from beatstitch_core.limits import MEDIA_TIMEOUT_S
from beatstitch_media import ffprobe, loudness
from beatstitch_media.audio import (
    SONG_RATE,
    SoundCodec,
    encoder_output,
    run_graph,
    song_part,
)

# EBU R 128 and the streaming services ask for a true peak of -1 dBTP at most before lossy coding.
CEILING_DBTP = -1.0
# A limiter takes no more than this off a peak: beyond it is heard, and the mix stays quieter.
MOST_LIMITED_DB = 6.0
# Four times the rate: there samples are near enough to the true peaks between them.
_OVERSAMPLED = 4 * SONG_RATE
_SAMPLE_BYTES = 8
# Below the ceiling, as the way back to 48 kHz lets peaks grow a little.
_LIMIT_DB = CEILING_DBTP - 0.3


async def decode_song(
    path: Path,
    out: Path,
    *,
    work_dir: Path,
    offset_us: int,
    duration_us: int,
    timeout_s: float = MEDIA_TIMEOUT_S,
) -> None:
    """Decodes the part of the song that a video plays.

    Args:
        path: The song.
        out: The file of samples, in `work_dir`: round(duration × 48 000), silence where the song
            is shorter.
        work_dir: The child's folder.
        offset_us: Where in the song the video starts.
        duration_us: Length.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: As `audio.decode_mono`.
    """
    sound = song_part(path, offset_us, duration_us)
    graph = ffmpeg.output(
        sound, ffprobe.file_url(out), format="f32le", acodec="pcm_f32le", map_metadata=-1
    )
    await run_graph(graph, path, work_dir, what=f"decoding {path.name}", timeout_s=timeout_s)


async def measure_mix(
    mix: Path, *, work_dir: Path, timeout_s: float = MEDIA_TIMEOUT_S
) -> Loudness | None:
    """Measures samples by EBU R128; None for silence.

    Raises:
        BeatStitchError: MEDIA_TIMEOUT, OUT_OF_MEMORY, DISK_FULL.
    """
    log = work_dir / loudness.LOG
    log.unlink(missing_ok=True)
    graph = ffmpeg.output(loudness.measure(_samples(mix)), "-", format="null")
    await run_graph(graph, mix, work_dir, what="measuring the loudness", timeout_s=timeout_s)
    return loudness.read(log)


def gain_cb(found: Loudness | None, target_lufs: float | None) -> int:
    """By how much a mix is turned up, in hundredths of a dB; below 0: down.

    One gain for all of it: the dynamics stay as they are, and what can't reach the target without
    passing the ceiling stays below the target. See `limited_cb` for what a limiter adds to it.

    Args:
        found: What was measured; None for silence.
        target_lufs: Where its loudness should be; None: as it is, below the ceiling.
    """
    if found is None:
        return 0
    room = CEILING_DBTP - found.true_peak_dbtp
    wanted = 0.0 if target_lufs is None else target_lufs - found.integrated_lufs
    return round(100 * min(wanted, room))


def limited_cb(found: Loudness | None, target_lufs: float | None) -> int:
    """By how much a mix is turned up before a limiter, in hundredths of a dB; 0: it needs none.

    Only where the target can't be reached below the ceiling, and only so far that no peak is
    lowered by more than `MOST_LIMITED_DB`.

    Args:
        found: What was measured; None for silence.
        target_lufs: Where its loudness should be; None never needs one.
    """
    if found is None or target_lufs is None:
        return 0
    room = CEILING_DBTP - found.true_peak_dbtp
    wanted = target_lufs - found.integrated_lufs
    return round(100 * min(wanted, room + MOST_LIMITED_DB)) if wanted > room else 0


async def limit_mix(
    mix: Path,
    out: Path,
    *,
    work_dir: Path,
    gain_cb: int,
    timeout_s: float = MEDIA_TIMEOUT_S,
) -> None:
    """Turns samples up and lowers the peaks that would pass the ceiling, true ones included.

    As many samples come out as go in, each at its place: the limiter looks 5 ms ahead and its delay
    is taken out again. What comes out may still pass the ceiling by some tenths of a dB: measure it
    again and turn it by `gain_cb`.

    Args:
        mix: The samples.
        out: The file of samples to write, in `work_dir`.
        work_dir: The child's folder.
        gain_cb: Turned up by so many hundredths of a dB first, see `limited_cb`.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: MEDIA_TIMEOUT, OUT_OF_MEMORY, DISK_FULL.
    """
    count = (await asyncio.to_thread(mix.stat)).st_size // _SAMPLE_BYTES
    sound = (
        _samples(mix)
        .filter("volume", volume=f"{gain_cb / 100:.2f}dB", precision="double")
        .filter("aresample", _OVERSAMPLED)
        .filter(
            "alimiter",
            limit=f"{10 ** (_LIMIT_DB / 20):.6f}",
            attack=5,
            release=50,
            level="false",
            latency="true",
        )
        .filter("aresample", SONG_RATE)
        .filter("atrim", end_sample=count)
        .filter("apad", whole_len=count)
    )
    graph = ffmpeg.output(sound, ffprobe.file_url(out), format="f32le", acodec="pcm_f32le")
    await run_graph(graph, mix, work_dir, what="limiting the sound", timeout_s=timeout_s)


async def encode_mix(
    mix: Path,
    out: Path,
    *,
    work_dir: Path,
    codec: SoundCodec,
    bit_rate: int,
    gain_cb: int = 0,
    timeout_s: float = MEDIA_TIMEOUT_S,
) -> None:
    """Encodes samples, all of them, as a whole.

    Args:
        mix: The samples.
        out: The file to write, in `work_dir`.
        work_dir: The child's folder.
        codec: How.
        bit_rate: Bits per second; PCM has its own.
        gain_cb: Turned up by so many hundredths of a dB first.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: MEDIA_TIMEOUT, OUT_OF_MEMORY, DISK_FULL.
    """
    sound = _samples(mix)
    if gain_cb:
        sound = sound.filter("volume", volume=f"{gain_cb / 100:.2f}dB", precision="double")
    graph = encoder_output(sound, out, codec, bit_rate)
    await run_graph(graph, mix, work_dir, what="encoding the sound", timeout_s=timeout_s)


def _samples(mix: Path) -> Any:  # noqa: ANN401 - ffmpeg-python is untyped
    return ffmpeg.input(
        ffprobe.file_url(mix), format="f32le", acodec="pcm_f32le", ar=SONG_RATE, ac=2
    ).audio

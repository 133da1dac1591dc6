"""The song: decoded once for the analyser, encoded once for the renderer; exact to the sample."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from beatstitch.v1 import failure_pb2
from beatstitch.v1.beat_grid_pb2 import Loudness
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.limits import MEDIA_TIMEOUT_S
from beatstitch_core.timebase import samples_at
from beatstitch_media import binaries, ffprobe, loudness, sandbox, verdict
from beatstitch_media.sniff import sniff

ANALYSIS_RATE = 44_100
SONG_RATE = 48_000
SONG_BIT_RATE = 256_000
AAC_FRAME = 1024
_MEMORY_BYTES = 1024**3


@dataclass(frozen=True)
class Pcm:
    """Decoded sound in a file: float32, native byte order, one channel, no header.

    Attributes:
        path: The file.
        sample_rate: In Hz.
        samples: How many; sample 0 is the first that a player plays.
        loudness: Of all channels; None for silence, and where nobody asked.
    """

    path: Path
    sample_rate: int
    samples: int
    loudness: Loudness | None = None

    def array(self) -> NDArray[np.float32]:
        """The samples, read from the file as they are touched; −1 to 1, read-only."""
        if not self.samples:
            return np.zeros(0, np.float32)
        return np.memmap(self.path, dtype="<f4", mode="r", shape=(self.samples,))


class SoundCodec(enum.StrEnum):
    """How a video's sound is encoded."""

    AAC = "aac"
    OPUS = "opus"
    PCM = "pcm"


# libav's muxer, its encoder. PCM has 24 bits.
_CODECS = {
    SoundCodec.AAC: ("ipod", "aac"),
    SoundCodec.OPUS: ("webm", "libopus"),
    SoundCodec.PCM: ("mov", "pcm_s24le"),
}
_MAX_OPUS_BIT_RATE = 510_000


@dataclass(frozen=True)
class EncodedSong:
    """The song of a video, ready to be muxed by packet copy.

    Attributes:
        path: AAC-LC in MP4 (.m4a), Opus in WebM or PCM in QuickTime. The first packet of AAC has
            presentation time −`encoder_delay_samples`, so packets copied with their time stamps put
            sample 0 on frame 0; the muxer turns the negative start into an edit list.
        samples: Length in samples, after priming.
        sample_rate: In Hz; the unit of the packets' time stamps.
        encoder_delay_samples: Priming samples of AAC before sample 0.
    """

    path: Path
    samples: int
    sample_rate: int
    encoder_delay_samples: int


def encoder_delay_samples() -> int:
    """Priming of the AAC encoder that `encode_song` uses: one frame."""
    return AAC_FRAME


async def decode_mono(
    path: Path,
    *,
    work_dir: Path,
    sample_rate: int = ANALYSIS_RATE,
    filename: str = "",
    with_loudness: bool = False,
    timeout_s: float = MEDIA_TIMEOUT_S,
) -> Pcm:
    """Decodes the song once, to one channel.

    The encoder's delay is taken off: sample 0 is the first one a player plays, so a beat found at
    sample n is heard n / sample_rate seconds after the song starts.

    Args:
        path: The song, or a clip with sound.
        work_dir: Where the samples are written, as "song.f32".
        sample_rate: In Hz.
        filename: The client's name of the file, for messages.
        with_loudness: Whether to measure the loudness in the same pass.
        timeout_s: How long it may take.

    Raises:
        BeatStitchError: INPUT_CORRUPT, INPUT_UNSUPPORTED, MEDIA_TIMEOUT, OUT_OF_MEMORY, DISK_FULL.
    """
    out = work_dir / "song.f32"
    # Without a largest value several channels of floats would be added up beyond 1.
    song = song_input(path)
    branch = song.filter_multi_output("asplit") if with_loudness else [song]
    sound = branch[0].filter("aresample", sample_rate, ochl="mono", osf="flt", rematrix_maxval=1)
    graph = ffmpeg.output(sound, ffprobe.file_url(out), format="f32le", map_metadata=-1)
    if with_loudness:
        scanned = ffmpeg.output(loudness.measure(branch[1]), "-", format="null")
        graph = ffmpeg.merge_outputs(graph, scanned)
    await run_graph(
        graph, path, work_dir, what=f"decoding {filename or path.name}", timeout_s=timeout_s
    )
    samples = out.stat().st_size // 4
    if not samples:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"{filename or path.name} has no sound"
        )
    found = loudness.read(work_dir / loudness.LOG) if with_loudness else None
    return Pcm(out, sample_rate, samples, found)


async def encode_song(
    path: Path,
    out: Path,
    *,
    work_dir: Path,
    offset_us: int = 0,
    duration_us: int,
    bit_rate: int = SONG_BIT_RATE,
    codec: SoundCodec = SoundCodec.AAC,
    timeout_s: float = MEDIA_TIMEOUT_S,
) -> EncodedSong:
    """Encodes the part of the song that a video plays: stereo, 48 kHz, once per render.

    Args:
        path: The song.
        out: The file to write, in `work_dir`.
        work_dir: The child's folder.
        offset_us: Where in the song the video starts, in microseconds.
        duration_us: Length in microseconds; silence is added where the song is shorter.
        bit_rate: Bits per second; PCM has its own.
        codec: How.
        timeout_s: How long it may take.

    Returns:
        The file; its length is round(duration × 48 000) samples exactly.

    Raises:
        BeatStitchError: As `decode_mono`.
    """
    graph = encoder_output(song_part(path, offset_us, duration_us), out, codec, bit_rate)
    await run_graph(graph, path, work_dir, what=f"encoding {path.name}", timeout_s=timeout_s)
    delay = encoder_delay_samples() if codec == SoundCodec.AAC else 0
    return EncodedSong(out, samples_at(duration_us, SONG_RATE), SONG_RATE, delay)


def song_part(path: Path, offset_us: int, duration_us: int) -> Any:  # noqa: ANN401
    """A graph that gives exactly round(duration × 48 000) samples of the song, stereo floats."""
    first = samples_at(offset_us, SONG_RATE)
    samples = samples_at(duration_us, SONG_RATE)
    return (
        song_input(path)
        .filter("aresample", SONG_RATE)
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("atrim", start_sample=first, end_sample=first + samples)
        .filter("asetpts", "N/SR/TB")
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )


def encoder_output(sound: Any, out: Path, codec: SoundCodec, bit_rate: int) -> Any:  # noqa: ANN401
    """The end of a graph: encodes its sound; the bytes depend on the sound alone."""
    muxer, encoder = _CODECS[codec]
    rate = {} if codec == SoundCodec.PCM else {"audio_bitrate": bit_rate}
    if codec == SoundCodec.OPUS:
        rate = {"audio_bitrate": min(bit_rate, _MAX_OPUS_BIT_RATE)}
    return ffmpeg.output(
        sound,
        ffprobe.file_url(out),
        format=muxer,
        acodec=encoder,
        **rate,
        map_metadata=-1,
        fflags="+bitexact",
        **{"flags:a": "+bitexact"},
    )


def song_input(path: Path) -> Any:  # noqa: ANN401 - ffmpeg-python is untyped
    """The sound of a client's file as the beginning of a graph."""
    options = ffprobe.input_options(sniff(path).demuxer)
    return ffmpeg.input(ffprobe.file_url(path), threads=1, **options).audio


async def run_graph(graph: Any, path: Path, work_dir: Path, *, what: str, timeout_s: float) -> None:  # noqa: ANN401
    """Runs a graph that reads a client's file; INPUT_CORRUPT where that is at fault."""
    arguments = graph.global_args("-nostdin", "-v", "error", "-y").get_args()
    try:
        await sandbox.run(
            [binaries.ffmpeg(), *arguments],
            inputs=[path],
            work_dir=work_dir,
            what=what,
            timeout_s=timeout_s,
            memory_bytes=_MEMORY_BYTES,
        )
    except BeatStitchError as error:
        if verdict.is_inputs_fault(error):
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_INPUT_CORRUPT,
                f"{what} failed: the file is damaged",
                metadata=error.metadata,
                stderr_tail=error.stderr_tail,
            ) from None
        raise

"""Writing samples to any audio file PyAV can make."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

# suffix: (codec, default bit rate or None for lossless)
CODECS: dict[str, tuple[str, int | None]] = {
    ".wav": ("pcm_s16le", None),
    ".aiff": ("pcm_s16be", None),
    ".flac": ("flac", None),
    ".mp3": ("libmp3lame", 192_000),
    ".m4a": ("aac", 192_000),
    ".mp4": ("aac", 192_000),
    ".aac": ("aac", 192_000),
    ".opus": ("libopus", 128_000),
    ".webm": ("libopus", 128_000),
    ".ogg": ("vorbis", 192_000),
}


def write_audio(
    path: Path,
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    channels: int | None = None,
    out_rate: int | None = None,
    bit_rate: int | None = None,
    codec: str | None = None,
) -> Path:
    """Writes samples to an audio file; the suffix chooses container and codec.

    Opus is always 48 kHz. FFmpeg's own Vorbis encoder knows stereo only, so mono `.ogg` is Opus.

    Args:
        path: The file to write.
        samples: Shape (n,) or (n, channels), full scale is 1.
        sample_rate: Rate of `samples`.
        channels: 1 or 2; the shape of `samples` when None.
        out_rate: Rate of the file; that of `samples` when None.
        bit_rate: Bits a second for lossy codecs.
        codec: FFmpeg's name of an encoder, over the suffix's default.

    Returns:
        The path.

    Raises:
        KeyError: The suffix names no known format.
    """
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim == 1:
        samples = samples[:, None]
    channels = channels or samples.shape[1]
    chosen, default_rate = CODECS[path.suffix.lower()]
    if path.suffix.lower() == ".ogg" and channels == 1:
        chosen = "libopus"
    chosen = codec or chosen
    rate = 48_000 if chosen == "libopus" else out_rate or sample_rate
    with av.open(str(path), "w") as container:
        # PyAV types add_stream by literal codec names; here the name is data.
        options = {"strict": "experimental"} if chosen == "vorbis" else {}
        stream: Any = container.add_stream(chosen, rate=rate, options=options)
        stream.layout = layout_name(channels)
        if default_rate or bit_rate:
            stream.bit_rate = bit_rate or default_rate
        encode_audio(container, stream, samples, sample_rate)
    return path


def layout_name(channels: int) -> str:
    """FFmpeg's name for a number of channels."""
    return {1: "mono", 2: "stereo"}[channels]


def encode_audio(
    container: av.container.OutputContainer,
    stream: Any,  # noqa: ANN401 - PyAV's type depends on the codec's literal name
    samples: NDArray[np.float32],
    sample_rate: int,
) -> None:
    """Resamples to what the stream wants, encodes all of it and flushes."""
    resampler = av.AudioResampler(
        format=stream.codec_context.format or stream.format,
        layout=stream.layout,
        rate=stream.rate,
        frame_size=stream.codec_context.frame_size or 0,
    )
    block = sample_rate * 4
    for start in range(0, len(samples), block):
        part = np.ascontiguousarray(samples[start : start + block].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, "flt", layout_name(samples.shape[1]))
        frame.sample_rate = sample_rate
        frame.pts = start
        for ready in resampler.resample(frame):
            container.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        container.mux(stream.encode(ready))
    container.mux(stream.encode(None))

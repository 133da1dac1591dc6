"""Decodes what is heard of one clip: JSON on stdin, float32 stereo at 48 kHz in the work folder.

stdin: {"path": the clip, "ranges": [[first, last], …] in samples from the clip's first picture}.
Writes one file for each range; stdout: whether there is any sound.
"""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from beatstitch_media.child import main
from beatstitch_media.opening import clip_stream, has_decoder, opened
from beatstitch_media.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE = 48_000
# Decoders need some sound before they are right.
_RUN_UP_S = 1.0
# Containers round time stamps to a millisecond and more; what is further off is a gap.
_GAP_S = 0.04


def range_name(index: int) -> str:
    """File of one range in the work folder."""
    return f"range-{index:06d}.f32"


def work(job: bytes) -> bytes:
    """Decodes; the result is `true` or `false`."""
    asked = json.loads(job)
    path = Path(asked["path"])
    with opened(path, sniff(path).demuxer) as container:
        if not container.streams.audio or not has_decoder(container.streams.audio[0]):
            return b"false"
        for index, (first, last) in enumerate(asked["ranges"]):
            file = Path(range_name(index))
            file.write_bytes(b"")
            with file.open("r+b") as opened_file:
                opened_file.truncate((last - first) * 8)
            target = np.memmap(file, "<f4", "r+", shape=(last - first, 2))
            _fill(container, target, first)
            target.flush()
    return b"true"


def _fill(container: Any, target: Samples, first: int) -> None:  # noqa: ANN401 - PyAV
    """Writes what the clip has from sample `first` on; the rest is left silent."""
    last = first + len(target)
    for at, block in _blocks(container, Fraction(first, RATE), Fraction(last, RATE)):
        begin, end = max(at, first), min(at + len(block), last)
        if begin < end:
            target[begin - first : end - first] = block[begin - at : end - at]


def _blocks(
    container: Any,  # noqa: ANN401
    begin: Fraction,
    end: Fraction,
) -> Iterator[tuple[int, Samples]]:
    """Decoded sound and the sample at which it is, counted from the clip's first picture."""
    stream = container.streams.audio[0]
    pictures = clip_stream(container)
    zero = Fraction(pictures.start_time or 0) * Fraction(pictures.time_base)
    run_up = begin + zero - Fraction(_RUN_UP_S)
    _seek(container, stream, run_up)
    resampler: Any = None
    expected = Fraction(0)
    at = 0
    for frame in _frames(container, stream):
        now = expected
        if frame.pts is not None:
            now = Fraction(frame.pts) * Fraction(frame.time_base) - zero
        if resampler is None or abs(now - expected) > _GAP_S:
            if resampler is not None:
                yield at, _samples(resampler.resample(None))
            # One channel is heard on both sides as loud as it is; libav would take 3 dB off.
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            resampler = av.AudioResampler(format="flt", layout=layout, rate=RATE)
            expected, at = now, round(now * RATE)
        expected += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None
        ready = _samples(resampler.resample(frame))
        yield at, ready
        at += len(ready)
        if now > end:
            break
    if resampler is not None:
        yield at, _samples(resampler.resample(None))


def _seek(container: Any, stream: Any, moment: Fraction) -> None:  # noqa: ANN401
    start = Fraction(stream.start_time or 0) * Fraction(stream.time_base)
    target = max(moment, start)
    with contextlib.suppress(av.FFmpegError):
        container.seek(int(target / Fraction(stream.time_base)), stream=stream, backward=True)


def _frames(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401
    """Frames that decode; what is damaged is left out and so silent."""
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            with contextlib.suppress(av.FFmpegError):
                yield from packet.decode()


def _samples(blocks: list[av.AudioFrame]) -> Samples:
    parts = [block.to_ndarray().reshape(-1, block.layout.nb_channels) for block in blocks]
    if not parts:
        return np.zeros((0, 2), np.float32)
    whole = np.concatenate(parts)
    both = whole if whole.shape[1] == 2 else np.repeat(whole, 2, axis=1)
    return np.asarray(both, np.float32)


if __name__ == "__main__":
    main(work)

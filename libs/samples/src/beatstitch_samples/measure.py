"""Measuring finished files: which frame is shown when, where the cuts are, where it clicks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from beatstitch_samples.coded import decode_frame_code
from beatstitch_samples.signals import click_kernel


@dataclass(frozen=True)
class FrameReading:
    """One decoded frame.

    Attributes:
        index: Its number in the file, from 0.
        time: Its time stamp in seconds, exact.
        code: (source id, frame number), or None if none can be read.
        key: Whether it is a key frame.
    """

    index: int
    time: Fraction
    code: tuple[int, int] | None
    key: bool


@dataclass(frozen=True)
class Cut:
    """A change of source between two neighbouring frames.

    Attributes:
        index: Number of the first frame of the new source.
        before: Source id up to the cut, None for frames without a code.
        after: Source id from the cut on.
    """

    index: int
    before: int | None
    after: int | None


@dataclass(frozen=True)
class GridReport:
    """What a check of the time stamps found.

    Attributes:
        frames: Number of frames in the file.
        off_grid: Numbers of the frames that are not at `index / fps` to the tick.
        worst: The largest distance from the grid in seconds.
        start: The first time stamp in seconds.
    """

    frames: int
    off_grid: tuple[int, ...]
    worst: Fraction
    start: Fraction


def decode_frames(path: Path) -> Iterator[tuple[Fraction, bool, NDArray[np.uint8]]]:
    """Yields (time in seconds, key frame?, RGB) of each video frame as a player shows it.

    Rotation is applied. Frames an edit list hides are left out.

    Raises:
        ValueError: A frame has no time stamp.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                raise ValueError(f"frame without time stamp in {path.name}")
            rgb = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            if frame.rotation:
                # PyAV counts anticlockwise turns, as rot90 does.
                rgb = np.rot90(rgb, k=frame.rotation // 90 % 4)
            yield frame.pts * frame.time_base, bool(frame.key_frame), rgb


def read_codes(path: Path) -> list[FrameReading]:
    """Decodes a whole video and reads the code of every frame."""
    return [
        FrameReading(index, time, decode_frame_code(rgb), key)
        for index, (time, key, rgb) in enumerate(decode_frames(path))
    ]


def find_cuts(readings: Sequence[FrameReading]) -> list[Cut]:
    """Lists the changes of source; frame numbers that jump within a source are no cut."""
    cuts = []
    for before, after in pairwise(readings):
        old = before.code[0] if before.code else None
        new = after.code[0] if after.code else None
        if old != new:
            cuts.append(Cut(after.index, old, new))
    return cuts


def find_jumps(readings: Sequence[FrameReading]) -> list[int]:
    """Lists frames that don't follow on from the frame before: other source, or not next number."""
    return [
        after.index
        for before, after in pairwise(readings)
        if before.code is None
        or after.code is None
        or after.code != (before.code[0], before.code[1] + 1)
    ]


def check_grid(readings: Sequence[FrameReading], fps: Fraction) -> GridReport:
    """Checks that frame n is at n / fps, exactly."""
    errors = [abs(reading.time - reading.index / fps) for reading in readings]
    return GridReport(
        frames=len(readings),
        off_grid=tuple(r.index for r, error in zip(readings, errors, strict=True) if error),
        worst=max(errors, default=Fraction(0)),
        start=readings[0].time if readings else Fraction(0),
    )


def decode_audio(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decodes the sound as a player plays it: encoder delay and padding are left out.

    Samples are placed by their time stamps, so in a film index 0 is time 0 of the pictures' clock:
    a track that starts late has zeros in front, and what lies before 0 is cut off. Files without
    pictures start where their sound starts.

    Returns:
        float32 of shape (n, channels) and the sample rate.
    """
    blocks: list[tuple[int, NDArray[np.float32]]] = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = stream.rate
        # MP3 stamps count the encoder delay that is not played. Without pictures to keep step
        # with, such a file starts where its sound starts.
        alone = not container.streams.video and (container.start_time or 0) > 0
        origin = Fraction(container.start_time or 0, 1_000_000) if alone else Fraction(0)
        cursor = 0
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        for frame in container.decode(stream):
            at = cursor
            if frame.pts is not None and frame.time_base is not None:
                at = round((frame.pts * frame.time_base - origin) * rate)
                # Coarse time bases (1 ms in Matroska) must not tear holes into the sound.
                if abs(at - cursor) <= max(2.0, float(rate * frame.time_base)) and blocks:
                    at = cursor
            for ready in resampler.resample(frame):
                block = ready.to_ndarray().T.astype(np.float32)
                blocks.append((at, block))
                at += len(block)
            cursor = at
    length = max((at + len(block) for at, block in blocks), default=0)
    channels = blocks[0][1].shape[1] if blocks else 1
    samples = np.zeros((max(0, length), channels), dtype=np.float32)
    for at, block in blocks:
        skip = max(0, -at)
        samples[at + skip : at + len(block)] = block[skip:]
    return samples, rate


def find_clicks(
    samples: NDArray[np.float32], sample_rate: int, threshold: float = 0.4
) -> list[int]:
    """Finds the first sample of every click of a `click_track`.

    Args:
        samples: Shape (n,) or (n, channels).
        sample_rate: Samples a second.
        threshold: Share of the loudest click below which nothing counts.

    Returns:
        Sample numbers in order; exact for lossless files, to a sample or so for lossy ones.
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    kernel = click_kernel(sample_rate)
    padded = np.concatenate([mono, np.zeros(len(kernel) - 1, dtype=np.float32)])
    match = signal.correlate(padded, kernel, mode="valid", method="fft")
    strength = match / float((kernel**2).sum())
    peak = float(strength.max(initial=0.0))
    if peak < 0.02:
        return []
    found, _ = signal.find_peaks(
        np.concatenate([[0.0], strength, [0.0]]),
        height=threshold * peak,
        distance=max(1, int(0.02 * sample_rate)),
    )
    return [int(index) - 1 for index in found]


def luma_steps(path: Path) -> list[float]:
    """Mean absolute change of brightness (0 to 255) from each frame to the next.

    For videos without codes: real cuts stand out as high steps.
    """
    steps: list[float] = []
    last: NDArray[np.float32] | None = None
    for _, _, rgb in decode_frames(path):
        small = rgb[::4, ::4].mean(axis=2, dtype=np.float32)
        if last is not None:
            steps.append(float(np.abs(small - last).mean()))
        last = small
    return steps

"""Child of `probe`: proves that a clip's frames or a song's samples are there and decode.

Uses PyAV, the decoder that renders, so that what is accepted can be rendered.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import child
from beatstitch_media.cadence import cadence
from beatstitch_media.opening import opened

MAX_PACKETS = 2_000_000
_HEAD_FRAMES = 3
_TAIL_FRAMES = 1500
_SEEK_MARGIN_S = 0.5


def _corrupt(text: str) -> BeatStitchError:
    return BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, text)


def _too_large(text: str) -> BeatStitchError:
    return BeatStitchError(failure_pb2.ERROR_REASON_INPUT_TOO_LARGE, text)


def _packets(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401 - PyAV is untyped here
    """All packets with something in them; a truncated file ends early, a damaged one too."""
    with contextlib.suppress(av.FFmpegError):
        yield from (packet for packet in container.demux(stream) if packet.size)


def scan_clip(path: Path, demuxer: str, index: int) -> dict[str, Any]:
    """Time stamps of all the frames that are really there, without decoding them."""
    stamps: list[int] = []
    keys: list[int] = []
    last = (0, 0)
    with opened(path, demuxer) as container:
        stream = container.streams[index]
        time_base = Fraction(stream.time_base)
        nominal = Fraction(stream.average_rate) if stream.average_rate else None
        for packet in _packets(container, stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None or packet.is_discard or packet.is_corrupt:
                continue
            stamps.append(stamp)
            if packet.is_keyframe:
                keys.append(stamp)
            last = max(last, (stamp, packet.duration or 0))
            if len(stamps) > MAX_PACKETS:
                raise _too_large(f"the clip has more than {MAX_PACKETS:,} frames")
    if not stamps:
        raise _corrupt("there is no whole frame in the clip")
    found = cadence(stamps, time_base, last_duration=last[1], nominal=nominal)
    return {
        "rate": [found.rate.numerator, found.rate.denominator],
        "variable": found.variable,
        "start": float(found.start),
        "duration_us": round(found.duration * 1_000_000),
        "frames": found.frames,
        "last_key": max(keys) if keys else None,
        "after_last_key": sum(1 for stamp in stamps if keys and stamp >= max(keys)),
    }


def _decoded(container: Any, stream: Any, max_pixels: int) -> Iterator[Any]:  # noqa: ANN401
    """Frames that decode; damaged ones are left out."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue  # counted by its absence
        for frame in frames:
            if frame.width * frame.height > max_pixels:
                raise _too_large(f"a frame is {frame.width} × {frame.height} pixels")
            if not frame.is_corrupt:
                yield frame


def decode_clip(
    path: Path, demuxer: str, index: int, *, facts: dict[str, Any], max_pixels: int
) -> bool:
    """Decodes the first frames and, from the last key frame on, the last ones.

    Returns:
        Whether one of the first frames has transparent parts.
    """
    with opened(path, demuxer) as container:
        stream = _stream(container, index, max_pixels)
        wanted = min(_HEAD_FRAMES, facts["frames"])
        first = list(itertools.islice(_decoded(container, stream, max_pixels), wanted))
        if len(first) < wanted:
            raise _corrupt("the first frames of the clip can't be decoded")
    last_key, tail = facts["last_key"], facts["after_last_key"]
    if last_key is not None and tail <= _TAIL_FRAMES:  # else it is too far to be worth it
        with opened(path, demuxer) as container:
            stream = _stream(container, index, max_pixels)
            if _seek(container, stream, last_key):
                wanted = max(1, tail * 9 // 10)
                frames = _decoded(container, stream, max_pixels)
                late = (frame for frame in frames if frame.pts is None or frame.pts >= last_key)
                if sum(1 for _ in itertools.islice(late, wanted)) < wanted:
                    raise _corrupt("the last frames of the clip can't be decoded")
    return any(_is_transparent(frame) for frame in first)


def _seek(container: Any, stream: Any, stamp: int) -> bool:  # noqa: ANN401
    """Goes a little before a stamp, as MPEG seeks by guessing; False where that is impossible."""
    early = stamp - int(_SEEK_MARGIN_S / stream.time_base)
    if early > (stream.start_time or 0):
        try:
            container.seek(early, stream=stream, backward=True)
        except av.FFmpegError:
            return False  # a GIF: it is only ever read from its start
    return True


def _is_transparent(frame: Any) -> bool:  # noqa: ANN401
    if not any(part.is_alpha for part in frame.format.components):
        return False
    alpha = frame.reformat(format="rgba").to_ndarray()[..., 3]
    return bool(alpha.min() < 255)


def _stream(container: Any, index: int, max_pixels: int) -> Any:  # noqa: ANN401
    stream = container.streams[index]
    stream.codec_context.options = {"max_pixels": str(max_pixels)}
    return stream


def scan_song(path: Path, demuxer: str, index: int, max_seconds: int) -> dict[str, Any]:
    """Decodes all of the sound, which is quick, to know how much there is."""
    samples, faults, rate, channels = 0, 0, 0, 0
    with opened(path, demuxer) as container:
        stream = container.streams[index]
        for packet in _packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                faults += 1
                continue
            for frame in frames:
                samples += frame.samples
                rate, channels = frame.sample_rate, frame.layout.nb_channels
            if rate and samples > max_seconds * rate:
                raise _too_large(f"the song is longer than {max_seconds} s")
        with contextlib.suppress(av.FFmpegError):
            samples += sum(frame.samples for frame in stream.codec_context.decode(None))
    if not samples:
        raise _corrupt("there is no sound that can be decoded in the file")
    return {"samples": samples, "sample_rate": rate, "channels": channels, "faults": faults}


def work(job: bytes) -> bytes:
    """Does what the job, JSON with `do`, `path`, `demuxer`, `index` and limits, says."""
    order = json.loads(job)
    where = (Path(order["path"]), order["demuxer"], order["index"])
    if order["do"] == "song":
        return json.dumps(scan_song(*where, order["max_seconds"])).encode()
    facts = scan_clip(*where)
    facts["transparent"] = decode_clip(*where, facts=facts, max_pixels=order["max_pixels"])
    return json.dumps(facts).encode()


if __name__ == "__main__":
    child.main(work)

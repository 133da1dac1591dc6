"""Child of `probe`: proves that a clip's frames or a song's samples are there and decode.

Uses PyAV, the decoder that renders, so that what is accepted can be rendered.
"""

from __future__ import annotations

import contextlib
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

MAX_PACKETS = 2_000_000
_HEAD_FRAMES = 3
_TAIL_FRAMES = 1500


def _corrupt(text: str) -> BeatStitchError:
    return BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, text)


def _too_large(text: str) -> BeatStitchError:
    return BeatStitchError(failure_pb2.ERROR_REASON_INPUT_TOO_LARGE, text)


@contextlib.contextmanager
def opened(path: Path, demuxer: str) -> Iterator[Any]:
    """The file by the one demuxer it may be read with, no protocol but files."""
    try:
        container = av.open(
            f"file:{path}",
            format=demuxer,
            options={"protocol_whitelist": "file", "format_whitelist": demuxer},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        raise _corrupt(f"the file can't be opened: {error}") from error
    with container:
        yield container


def _packets(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401 - PyAV is untyped here
    """All packets that are whole; a truncated file ends early, a damaged one too."""
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            if packet.size and not packet.is_corrupt:
                yield packet


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
            if stamp is None or packet.is_discard:
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


def _decode(container: Any, stream: Any, count: int, max_pixels: int) -> int:  # noqa: ANN401
    """How many frames decode, at most `count`."""
    decoded = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue  # counted by its absence
        for frame in frames:
            if frame.width * frame.height > max_pixels:
                raise _too_large(f"a frame is {frame.width} × {frame.height} pixels")
            decoded += not frame.is_corrupt
            if decoded >= count:
                return decoded
    return decoded


def decode_clip(
    path: Path, demuxer: str, index: int, *, facts: dict[str, Any], max_pixels: int
) -> None:
    """Decodes the first frames and, from the last key frame on, the last ones."""
    first = min(_HEAD_FRAMES, facts["frames"])
    with opened(path, demuxer) as container:
        if _decode(container, _stream(container, index, max_pixels), first, max_pixels) < first:
            raise _corrupt("the first frames of the clip can't be decoded")
    tail = facts["after_last_key"]
    if facts["last_key"] is None or tail > _TAIL_FRAMES:
        return  # too far to be worth it
    with opened(path, demuxer) as container:
        stream = _stream(container, index, max_pixels)
        try:
            container.seek(facts["last_key"], stream=stream, backward=True)
        except av.FFmpegError:  # GIF and raw streams can't seek
            return
        wanted = max(1, tail * 9 // 10)
        if _decode(container, stream, wanted, max_pixels) < wanted:
            raise _corrupt("the last frames of the clip can't be decoded")


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
    decode_clip(*where, facts=facts, max_pixels=order["max_pixels"])
    return json.dumps(facts).encode()


if __name__ == "__main__":
    child.main(work)

"""A clip as a function of time: the frame that is on the screen at t.

The frame at t is the last one whose time stamp, counted from the stream's start, is at most t plus
`TOLERANCE_US`; before the first frame it is the first, after the last it stands. So variable frame
rates come out right, and a source of the timeline's own rate gives each frame once.

Asking forwards is cheap: packets are read ahead until the wanted time stamp is known, and decoders
skip the frames before it that no other frame needs. Seeking trusts no container: what a seek lands
on is looked at, and from a wrong place the search begins further back, at last at the clip's start.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from beatstitch_media.opening import has_decoder
from beatstitch_renderer.compositor.decoders import decoder_of
from beatstitch_renderer.planning.frames import TOLERANCE_US

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.video.stream import VideoStream

# How far back a second attempt at a seek goes, in seconds.
_BACK_OFF_S = 8
# Forwards, without an index, decoding on is cheaper than a seek up to here, in seconds.
_NEAR_S = 3
_MAX_BAD_PACKETS = 64


class ClipError(Exception):
    """The clip can't be decoded."""


class Clip:
    """One open clip. Not to be shared between threads.

    Args:
        path: The file.
        demuxer: Name of libav's demuxer, never guessed by libav.
        threads: Threads of the decoder.

    Raises:
        ClipError: There is no video in it.
    """

    def __init__(self, path: Path, demuxer: str, threads: int = 1) -> None:
        self._path, self._demuxer, self._threads = path, demuxer, threads
        self._open()

    def _open(self) -> None:
        try:
            self._container = av.open(
                f"file:{self._path}",
                "r",
                format=self._demuxer,
                options={"protocol_whitelist": "file", "format_whitelist": self._demuxer},
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise ClipError(f"can't be opened: {type(error).__name__}") from error
        streams = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise ClipError("has no video stream")
        self.stream: VideoStream = streams[0]
        if not has_decoder(self.stream):
            raise ClipError("is of a codec that nobody knows")
        self._decoder = decoder_of(self.stream)
        self._decoder.thread_count = self._threads
        self._base = Fraction(self.stream.time_base or Fraction(1, 1000))
        self._start = self.stream.start_time or 0
        self._reset()

    def _reset(self) -> None:
        """Forgets everything about the position; the next packet is the demuxer's."""
        self._packets: Iterator[av.Packet[VideoStream]] = self._container.demux(self.stream)
        self._queue: deque[av.Packet[VideoStream]] = deque()
        self._decoded: deque[av.VideoFrame] = deque()
        self._ahead: list[int] = []
        self._dts: int | None = None
        self._reliable = True
        self._at_end = False
        self._flushed = False
        self._from_start = True
        self._key = 0
        self._hit = True
        self._current: av.VideoFrame | None = None
        self._bad = 0
        self._decoder.skip_frame = "DEFAULT"
        if self._decoder.is_open:
            # A seek of the container empties its own decoder only.
            self._decoder.flush_buffers()

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def frame_at(self, time_us: int) -> av.VideoFrame:
        """The frame on the screen at a time in microseconds from the stream's start.

        Raises:
            ClipError: Nothing can be decoded.
        """
        limit = self._start + int(Fraction(time_us + TOLERANCE_US, 1_000_000) / self._base)
        if not self._forward(limit):
            self._seek(limit)
        self._advance(limit)
        if self._current is not None:
            return self._current
        if not self._from_start:
            # Before the first frame it is the first: of the whole clip, so from its start.
            self._restart()
            self._advance(limit)
        if not self._decoded:
            raise ClipError("no frame can be decoded")
        return self._decoded[0]

    def _forward(self, limit: int) -> bool:
        """Whether the frame is best reached by decoding on from here."""
        current = self._current
        if current is None:
            near = self._start + int(_NEAR_S / self._base)
            return self._from_start and not self._flushed and limit <= near
        if limit < stamp(current):
            return False
        if self._flushed:
            return True
        reached = max([stamp(current), *self._ahead])
        if limit <= reached:
            return True
        index = self.stream.index_entries
        if len(index):
            place = index.search_timestamp(limit, backward=True)
            if place >= 0:
                return index[place].timestamp <= reached
        return (limit - reached) * self._base < _NEAR_S

    def _seek(self, limit: int) -> None:
        back = int(_BACK_OFF_S / self._base)
        for target in (limit, limit - back):
            if target <= self._start:
                break
            if self._try_seek(target, limit):
                return
        self._restart()

    def _try_seek(self, target: int, limit: int) -> bool:
        """Seeks; whether that led to a key frame at or before the limit that decodes."""
        try:
            self._container.seek(target, stream=self.stream, backward=True)
        except av.FFmpegError:
            return False
        self._reset()
        self._from_start = False
        for packet in self._packets:
            if packet.size == 0:
                return False
            if packet.is_keyframe:
                break
        else:
            return False
        if packet.pts is None or packet.pts > limit:
            return False
        key = packet.pts
        self._key = key
        self._enqueue(packet)
        self._advance(limit)
        # Pictures before an open group's key frame, or before a slow refresh is done, are missing.
        return self._current is not None and self._hit

    def _restart(self) -> None:
        self.close()
        self._open()

    def _enqueue(self, packet: av.Packet[VideoStream]) -> None:
        if packet.pts is None or packet.dts is None or packet.dts > packet.pts:
            self._reliable = False
        elif not packet.is_discard and (self._from_start or packet.pts >= self._key):
            self._ahead.append(packet.pts)
        if packet.dts is not None:
            self._dts = packet.dts
        self._queue.append(packet)

    def _read(self) -> bool:
        """Reads one packet ahead; False at the end."""
        if self._at_end:
            return False
        try:
            packet = next(self._packets, None)
        except av.FFmpegError:
            packet = None
        if packet is None or packet.size == 0:
            self._at_end = True
            return False
        self._enqueue(packet)
        return True

    def _target(self, limit: int) -> int | None:
        """The wanted frame's time stamp, known from packets alone; None where they don't tell."""
        while self._reliable and (self._dts is None or self._dts <= limit):
            if not self._read():
                break
        if not self._reliable:
            return None
        wanted = [pts for pts in self._ahead if pts <= limit]
        if self._current is not None and stamp(self._current) <= limit:
            wanted.append(stamp(self._current))
        return max(wanted, default=None)

    def _advance(self, limit: int) -> None:
        """Decodes until the current frame is the one at the limit."""
        target = self._target(limit)
        while not self._reached(target):
            if self._decoded:
                if stamp(self._decoded[0]) > limit:
                    break
                self._current = self._decoded.popleft()
            elif not self._decode_more(target):
                break
        self._hit = target is None or self._reached(target)
        if self._current is not None:
            passed = stamp(self._current)
            self._ahead = [pts for pts in self._ahead if pts > passed]

    def _reached(self, target: int | None) -> bool:
        return target is not None and self._current is not None and stamp(self._current) == target

    def _decode_more(self, target: int | None) -> bool:
        """Feeds one packet to the decoder; False when there are no more."""
        if not self._queue and not self._read():
            if self._flushed:
                return False
            self._flushed = True
            self._collect(None)
            return True
        packet = self._queue.popleft()
        skip = target is not None and packet.pts is not None and packet.pts < target
        self._decoder.skip_frame = "NONREF" if skip else "DEFAULT"
        self._collect(packet)
        return True

    def _collect(self, packet: av.Packet[VideoStream] | None) -> None:
        try:
            frames = self._decoder.decode(packet)
        except (av.error.InvalidDataError, av.error.PatchWelcomeError) as error:
            # One damaged packet costs its frame, a damaged file costs the clip.
            self._bad += 1
            if self._bad > _MAX_BAD_PACKETS:
                raise ClipError(f"is damaged: {type(error).__name__}") from error
            return
        except av.FFmpegError as error:
            raise ClipError(f"can't be decoded: {type(error).__name__}") from error
        for frame in frames:
            if stamp(frame) is not None:
                self._decoded.append(frame)


def stamp(frame: av.VideoFrame) -> int:
    """The frame's time stamp in the stream's time base; that of decoding where there is none."""
    if frame.pts is not None:
        return frame.pts
    return frame.dts if frame.dts is not None else 0

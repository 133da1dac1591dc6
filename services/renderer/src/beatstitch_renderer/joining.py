"""Pieces and sound to one file: packets are copied, every time stamp is an integer on one grid.

Frame i of an MP4 or QuickTime file is shown at exactly i / frame rate, and sample 0 of the sound
with frame 0: what x264 needs before the first picture and AAC before the first sample is in the
edit lists. A WebM file counts in milliseconds: frame i is shown at i / frame rate rounded to them.
The bytes depend on the pieces, the sound and the EDL's hash alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av

from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_renderer.animating import animate
from beatstitch_renderer.compositor.codecs import configure, encoder_name, kept_scheduling
from beatstitch_renderer.piece import damaged, read_header, read_pictures
from beatstitch_renderer.planning.encoding import (
    ANIMATIONS,
    MOV,
    MP4,
    WEBM,
    codec_of,
    container_of,
    piece_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch.v1.render_pb2 import Container
    from beatstitch_renderer.piece import PieceHeader

    Packet = av.Packet[Any]

SOUND_RATE = 48_000
WEBM_CLOCK = 1000


@dataclass(frozen=True, slots=True)
class _Wrap:
    """A container.

    Attributes:
        muxer: libav's.
        sound: The demuxer of the encoded sound.
        options: The muxer's.
        clock: Ticks a second that time stamps are rounded to; 0 for exact ones.
    """

    muxer: str
    sound: str
    options: dict[str, str]
    clock: int = 0


# Edit lists count in the movie's clock: a coarser one would round the length of the sound.
_MOVIE = {"movflags": "+faststart", "movie_timescale": str(SOUND_RATE)}
_WRAPS: dict[Container.ValueType, _Wrap] = {
    MP4: _Wrap("mp4", "mov", _MOVIE),
    MOV: _Wrap("mov", "mov", _MOVIE),
    # The index in front, so that players can seek before all of it is there.
    WEBM: _Wrap("webm", "matroska,webm", {"cues_to_front": "1"}, WEBM_CLOCK),
}


def join(plan: RenderPlan, pieces: Sequence[Path], sound: Path | None, output: Path) -> None:
    """Writes the video.

    Args:
        plan: What is joined.
        pieces: One file for each of the plan's chunks, in order.
        sound: The encoded song as `encoding` says for the profile; None for an animation.
        output: The file to write.

    Raises:
        BeatStitchError: VERIFICATION_FAILED when a piece isn't what the plan says.
    """
    if codec_of(plan.profile) not in ANIMATIONS:
        _mux(plan, pieces, sound, output, _WRAPS[container_of(plan.profile)])
        return
    film = output.with_name(f"{output.name}.film")
    _mux(plan, pieces, None, film, _WRAPS[MP4])
    animate(film, plan, output)
    film.unlink()


def _mux(
    plan: RenderPlan, pieces: Sequence[Path], sound: Path | None, output: Path, wrap: _Wrap
) -> None:
    headers = [read_header(piece) for piece in pieces]
    _check(plan, headers)
    options = {"fflags": "+bitexact", **wrap.options}
    encoding = piece_encoding(plan.profile)
    with av.open(str(output), "w", format=wrap.muxer, container_options=options) as target:
        rate = rate_fraction(plan.output.frame_rate)
        video = cast("av.VideoStream", target.add_stream(encoder_name(encoding), rate=rate))
        configure(video.codec_context, plan.output, encoding)
        song = _open_sound(sound, wrap) if sound else None
        audio = target.add_stream_from_template(song.streams.audio[0]) if song else None
        target.metadata["comment"] = f"BeatStitch {plan.output_hash}"
        with kept_scheduling():
            target.start_encoding()
        if bytes(video.codec_context.extradata or b"") != headers[0].headers:
            raise damaged("another encoder made it")
        sounds = _sounds(song, audio)
        held = next(sounds, None)
        for packet in _pictures(plan, pieces, headers, video, wrap.clock):
            while held is not None and _seconds(held) <= _seconds(packet):
                target.mux(held)
                held = next(sounds, None)
            target.mux(packet)
        while held is not None:
            target.mux(held)
            held = next(sounds, None)
        if song:
            song.close()


def _open_sound(sound: Path, wrap: _Wrap) -> av.container.InputContainer:
    return av.open(str(sound), "r", format=wrap.sound, options={"protocol_whitelist": "file"})


def _check(plan: RenderPlan, headers: Sequence[PieceHeader]) -> None:
    for chunk, header in zip(plan.chunks, headers, strict=True):
        if header.frame_count != chunk.end_frame - chunk.start_frame:
            raise damaged(f"it has {header.frame_count} frames, chunk {chunk.index} other")
        if header.headers != headers[0].headers:
            raise damaged(f"chunk {chunk.index} was encoded with other settings than the first")


def _pictures(
    plan: RenderPlan,
    pieces: Sequence[Path],
    headers: Sequence[PieceHeader],
    stream: av.VideoStream,
    clock: int,
) -> Iterator[Packet]:
    # Decoding time is the place in the file, moved so that nothing is shown before it is decoded.
    delay = max(place - frame for header in headers for place, frame in enumerate(header.order))
    rate = rate_fraction(plan.output.frame_rate)
    for chunk, piece, header in zip(plan.chunks, pieces, headers, strict=True):
        for place, data in enumerate(read_pictures(piece, header)):
            frame = header.order[place]
            packet = av.Packet(data)
            packet.stream = stream
            packet.time_base = 1 / rate
            packet.pts = chunk.start_frame + frame
            packet.dts = chunk.start_frame + place - delay
            packet.duration = 1
            packet.is_keyframe = frame in header.keys
            if clock:
                _round(packet, rate, clock)
            yield packet


def _round(packet: Packet, rate: Fraction, clock: int) -> None:
    """Rounds the packet's times to the container's clock, each by itself."""
    shown, decoded = packet.pts or 0, packet.dts or 0
    packet.time_base = Fraction(1, clock)
    packet.pts = round_half_up(shown / rate * clock)
    packet.dts = round_half_up(decoded / rate * clock)
    packet.duration = round_half_up((shown + 1) / rate * clock) - packet.pts


def _sounds(
    song: av.container.InputContainer | None, stream: av.AudioStream | None
) -> Iterator[Packet]:
    if song is None or stream is None:
        return
    for packet in song.demux(song.streams.audio[0]):
        if packet.size:
            packet.stream = stream
            yield packet


def _seconds(packet: Packet) -> Fraction:
    return (packet.dts or 0) * Fraction(packet.time_base)

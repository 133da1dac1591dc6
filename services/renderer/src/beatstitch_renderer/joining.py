"""Pieces and sound to one MP4: packets are copied, every time stamp is an integer on one grid.

Frame i of the video is shown at exactly i / frame rate, and sample 0 of the sound with frame 0:
what x264 needs before the first picture and AAC before the first sample is in the edit lists. The
bytes depend on the pieces, the sound and the EDL's hash alone.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from beatstitch_core.timebase import rate_fraction
from beatstitch_renderer.compositor.encoder import configure
from beatstitch_renderer.piece import damaged, read_header, read_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch_renderer.piece import PieceHeader

    Packet = av.Packet[Any]

SOUND_RATE = 48_000


def join(plan: RenderPlan, pieces: Sequence[Path], sound: Path, output: Path) -> None:
    """Writes the video.

    Args:
        plan: What is joined.
        pieces: One file for each of the plan's chunks, in order.
        sound: The encoded song, an MP4 with AAC at 48 kHz.
        output: The file to write.

    Raises:
        BeatStitchError: VERIFICATION_FAILED when a piece isn't what the plan says.
    """
    headers = [read_header(piece) for piece in pieces]
    _check(plan, headers)
    options = {
        "movflags": "+faststart",
        "fflags": "+bitexact",
        # Edit lists count in this clock: a coarser one would round the length of the sound.
        "movie_timescale": str(SOUND_RATE),
    }
    with (
        av.open(str(output), "w", format="mp4", container_options=options) as target,
        av.open(str(sound), "r", format="mov", options={"protocol_whitelist": "file"}) as song,
    ):
        track = song.streams.audio[0]
        video = target.add_stream("libx264", rate=rate_fraction(plan.output.frame_rate))
        configure(video.codec_context, plan.output, plan.profile.preset, plan.profile.crf)
        audio = target.add_stream_from_template(track)
        target.metadata["comment"] = f"BeatStitch {plan.output_hash}"
        target.start_encoding()
        if bytes(video.codec_context.extradata or b"") != headers[0].headers:
            raise damaged("another encoder made it")
        sounds = _sounds(song.demux(track), audio)
        held = next(sounds, None)
        for packet in _pictures(plan, pieces, headers, video):
            while held is not None and _seconds(held) <= _seconds(packet):
                target.mux(held)
                held = next(sounds, None)
            target.mux(packet)
        while held is not None:
            target.mux(held)
            held = next(sounds, None)


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
) -> Iterator[Packet]:
    # Decoding time is the place in the file, moved so that nothing is shown before it is decoded.
    delay = max(place - frame for header in headers for place, frame in enumerate(header.order))
    time_base = 1 / rate_fraction(plan.output.frame_rate)
    for chunk, piece, header in zip(plan.chunks, pieces, headers, strict=True):
        for place, data in enumerate(read_pictures(piece, header)):
            frame = header.order[place]
            packet = av.Packet(data)
            packet.stream = stream
            packet.time_base = time_base
            packet.pts = chunk.start_frame + frame
            packet.dts = chunk.start_frame + place - delay
            packet.duration = 1
            packet.is_keyframe = frame in header.keys
            yield packet


def _sounds(packets: Iterator[Packet], stream: av.AudioStream) -> Iterator[Packet]:
    for packet in packets:
        if packet.size:
            packet.stream = stream
            yield packet


def _seconds(packet: Packet) -> Fraction:
    return (packet.dts or 0) * Fraction(packet.time_base)

"""What of a profile decides the bytes of its pieces, and which codecs and containers go together.

An animation (GIF, WebP) is made of a finished video: its pieces are H.264 of high quality, which an
equal timeline in another animation shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2, render_pb2
from beatstitch.v1.render_pb2 import Container, VideoCodec
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_media.audio import SoundCodec

if TYPE_CHECKING:
    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
    from beatstitch.v1.render_pb2 import RenderProfile

H264 = render_pb2.VIDEO_CODEC_H264
HEVC = render_pb2.VIDEO_CODEC_HEVC
AV1 = render_pb2.VIDEO_CODEC_AV1
VP9 = render_pb2.VIDEO_CODEC_VP9
PRORES = render_pb2.VIDEO_CODEC_PRORES
GIF = render_pb2.VIDEO_CODEC_GIF
WEBP = render_pb2.VIDEO_CODEC_WEBP
ANIMATIONS = (GIF, WEBP)

MP4 = render_pb2.CONTAINER_MP4
MOV = render_pb2.CONTAINER_MOV
WEBM = render_pb2.CONTAINER_WEBM

# Nearly lossless and quick: what an animation is made of.
_INTERMEDIATE = ("veryfast", 8)
_FITTING: dict[VideoCodec.ValueType, tuple[Container.ValueType, ...]] = {
    H264: (MP4, MOV),
    HEVC: (MP4, MOV),
    AV1: (MP4, WEBM),
    VP9: (WEBM, MP4),
    PRORES: (MOV,),
    GIF: (render_pb2.CONTAINER_GIF,),
    WEBP: (render_pb2.CONTAINER_WEBP,),
}
# With one thread they are so many times slower than x264 that their pieces have to be shorter.
_SLOWER = {HEVC: 4, PRORES: 3, VP9: 2}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pieces are encoded; what decides nothing is not set.

    Attributes:
        codec: UNSPECIFIED for H.264: so pieces are named as they were before there were others.
        preset: x264's name of the effort.
        crf: Constant rate factor on x264's scale.
        max_bit_rate: Upper limit in bit/s; 0 for none.
    """

    codec: VideoCodec.ValueType
    preset: str
    crf: int
    max_bit_rate: int


def codec_of(profile: RenderProfile) -> VideoCodec.ValueType:
    """The profile's codec, the default said."""
    return profile.codec or H264


def container_of(profile: RenderProfile) -> Container.ValueType:
    """The profile's container, the default said: the first that fits the codec."""
    return profile.container or _FITTING[codec_of(profile)][0]


def suffix_of(profile: RenderProfile) -> str:
    """The finished file's, for example ".mp4"."""
    return f".{Container.Name(container_of(profile)).removeprefix('CONTAINER_').lower()}"


def has_sound(profile: RenderProfile) -> bool:
    """Whether the file can be heard."""
    return codec_of(profile) not in ANIMATIONS


def sound_codec(profile: RenderProfile) -> SoundCodec:
    """How the sound of the profile's files is encoded."""
    container = container_of(profile)
    if container == WEBM:
        return SoundCodec.OPUS
    return SoundCodec.PCM if codec_of(profile) == PRORES else SoundCodec.AAC


def piece_encoding(profile: RenderProfile) -> Encoding:
    """How the profile's pieces are encoded.

    Raises:
        BeatStitchError: FIELD_INVALID when its codec can't be put into its container, or one of
            them is unknown.
    """
    codec = codec_of(profile)
    # A newer client's value, or anybody's: it has no name to be told by.
    if codec not in _FITTING:
        raise field_error("profile.codec", f"unknown codec {int(codec)}")
    if profile.container not in Container.values():
        raise field_error("profile.container", f"unknown container {int(profile.container)}")
    if container_of(profile) not in _FITTING[codec]:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_FIELD_INVALID,
            f"{VideoCodec.Name(codec)} can't be put into {Container.Name(profile.container)}",
            metadata={"field": "profile.container"},
        )
    if codec in ANIMATIONS:
        preset, crf = _INTERMEDIATE
        return Encoding(render_pb2.VIDEO_CODEC_UNSPECIFIED, preset, crf, 0)
    if codec == PRORES:
        return Encoding(codec, "", 0, 0)
    said = render_pb2.VIDEO_CODEC_UNSPECIFIED if codec == H264 else codec
    return Encoding(said, profile.preset, profile.crf, profile.max_bit_rate)


def encoding_of(content: ChunkContent) -> Encoding:
    """How a piece is encoded."""
    return Encoding(content.codec, content.preset, content.crf, content.max_bit_rate)


def piece_suffix(codec: VideoCodec.ValueType) -> str:
    """Of the file of a piece with this codec, UNSPECIFIED for H.264: for example ".h264"."""
    return f".{VideoCodec.Name(codec or H264).removeprefix('VIDEO_CODEC_').lower()}"


def slowness(encoding: Encoding) -> int:
    """By how much shorter pieces have to be than those of H.264."""
    return _SLOWER.get(encoding.codec, 1)

"""The render profiles that CreateRender knows by name.

`preview` and `final` keep the EDL's own shape. The others are made for a place: its shape, its
limits of length and bit rate, and the loudness it plays at (louder sound is turned down there
anyway). Sizes and limits are those that the places' own help pages recommend for uploads.
"""

from __future__ import annotations

from beatstitch.v1 import render_pb2
from beatstitch.v1.common_pb2 import Rational
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.render_pb2 import RenderProfile

PREVIEW = "preview"
FINAL = "final"

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_STREAMING_LOUDNESS = -1400
_MBIT = 1_000_000

_UPRIGHT = (1080, 1920)
_FEED = (1080, 1350)
_SQUARE = (1080, 1080)
_HD = (1920, 1080)
_UHD = (3840, 2160)


def render_profiles() -> dict[str, RenderProfile]:
    """All profiles by name, freshly made, in the order in which they are listed."""
    profiles = (*_own_shape(), *_places(), *_others())
    return {profile.name: profile for profile in profiles}


def _own_shape() -> tuple[RenderProfile, ...]:
    return (
        RenderProfile(
            name=PREVIEW,
            title="Preview",
            max_height=360,
            preset="ultrafast",
            crf=28,
            audio_bit_rate=128_000,
            codec=render_pb2.VIDEO_CODEC_H264,
            container=render_pb2.CONTAINER_MP4,
        ),
        RenderProfile(
            name=FINAL,
            title="Final",
            preset="veryfast",
            crf=20,
            audio_bit_rate=192_000,
            codec=render_pb2.VIDEO_CODEC_H264,
            container=render_pb2.CONTAINER_MP4,
        ),
    )


def _places() -> tuple[RenderProfile, ...]:
    return (
        _place("youtube-1080p", "YouTube 1080p", _HD, 12 * _MBIT, audio_bit_rate=384_000),
        _place("youtube-4k", "YouTube 4K", _UHD, 45 * _MBIT, audio_bit_rate=384_000),
        _place("youtube-shorts", "YouTube Shorts", _UPRIGHT, 12 * _MBIT, 3 * _MINUTE_US),
        _place("instagram-feed", "Instagram feed", _FEED, 8 * _MBIT, _MINUTE_US),
        _place("instagram-story", "Instagram story", _UPRIGHT, 8 * _MBIT, _MINUTE_US),
        _place("instagram-reel", "Instagram reel", _UPRIGHT, 8 * _MBIT, 3 * _MINUTE_US),
        _place("tiktok", "TikTok", _UPRIGHT, 10 * _MBIT, 10 * _MINUTE_US),
        _place("square", "Square", _SQUARE, 8 * _MBIT),
    )


def _place(
    name: str,
    title: str,
    size: tuple[int, int],
    max_bit_rate: int,
    max_duration_us: int = 0,
    *,
    audio_bit_rate: int = 256_000,
) -> RenderProfile:
    width, height = size
    return RenderProfile(
        name=name,
        title=title,
        preset="veryfast",
        crf=19,
        audio_bit_rate=audio_bit_rate,
        codec=render_pb2.VIDEO_CODEC_H264,
        container=render_pb2.CONTAINER_MP4,
        max_bit_rate=max_bit_rate,
        output=OutputFormat(width=width, height=height),
        loudness_target=_STREAMING_LOUDNESS,
        max_duration_us=max_duration_us,
    )


def _others() -> tuple[RenderProfile, ...]:
    return (
        RenderProfile(
            name="prores-master",
            title="ProRes 422 HQ master",
            codec=render_pb2.VIDEO_CODEC_PRORES,
            container=render_pb2.CONTAINER_MOV,
        ),
        RenderProfile(
            name="gif-preview",
            title="GIF preview, 15 s",
            max_height=270,
            codec=render_pb2.VIDEO_CODEC_GIF,
            container=render_pb2.CONTAINER_GIF,
            # GIF counts in hundredths of a second: 8 of them a frame.
            output=OutputFormat(frame_rate=Rational(num=25, den=2)),
            max_duration_us=15 * _SECOND_US,
        ),
        RenderProfile(
            name="webp-preview",
            title="WebP preview, 15 s",
            max_height=360,
            codec=render_pb2.VIDEO_CODEC_WEBP,
            container=render_pb2.CONTAINER_WEBP,
            # WebP counts in milliseconds.
            output=OutputFormat(frame_rate=Rational(num=20, den=1)),
            max_duration_us=15 * _SECOND_US,
        ),
    )

"""Invariants of what is heard: the song and how it comes and goes, the clips' own sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import AudioTrack, Segment
    from beatstitch_core.edl.findings import Findings

FULL = 65_536
"""A level that leaves the sound as it is."""
MAX_GAIN = 2 * FULL
# Probes guess the length of some songs (MP3 without a header), the beat grid's is decoded.
AUDIO_SLACK_US = 1_000_000


def check_audio(audio: AudioTrack, media: Mapping[str, ReadyMedia] | None, found: Findings) -> None:
    """The song: named, known, and long enough for what is heard of it."""
    found.expect(audio.asset_id != "", "audio.asset_id", "must be given")
    found.expect_sha256(audio.sha256, "audio.sha256")
    found.expect(
        audio.offset_us >= 0, "audio.offset_us", f"must be 0 or more, not {audio.offset_us}"
    )
    found.expect(
        audio.duration_us > 0, "audio.duration_us", f"must be above 0, not {audio.duration_us}"
    )
    _check_fades(audio, found)
    if media is None:
        return
    song = media.get(audio.asset_id)
    if song is None or song.info.media_type != common_pb2.MEDIA_TYPE_AUDIO:
        found.add("audio.asset_id", "is not a READY song of this project")
        return
    found.expect(
        audio.sha256 == song.object.sha256, "audio.sha256", "is not the checksum of this song"
    )
    end, length = audio.offset_us + audio.duration_us, song.info.duration_us
    found.expect(
        end <= length + AUDIO_SLACK_US,
        "audio.duration_us",
        f"ends at {end} µs, after the song's end at {length} µs",
    )


def check_clip_sound(segment: Segment, at: str, found: Findings) -> None:
    """One segment's own sound, where it is heard."""
    if not segment.HasField("sound"):
        return
    if segment.media_type != common_pb2.MEDIA_TYPE_VIDEO:
        found.add(f"{at}.sound", "must be given for clips only")
    found.expect_range(segment.sound.gain, 1, MAX_GAIN, f"{at}.sound.gain")


def _check_fades(audio: AudioTrack, found: Findings) -> None:
    fades = 0
    for name, fade in (("fade_in_us", audio.fade_in_us), ("fade_out_us", audio.fade_out_us)):
        found.expect(fade >= 0, f"audio.{name}", f"must be 0 or more, not {fade}")
        fades += max(fade, 0)
    if fades > max(audio.duration_us, 0):
        found.add(
            "audio.fade_out_us",
            f"both fades take {fades} µs, the audio has {audio.duration_us} µs",
        )
    found.expect_range(audio.ducked, 0, FULL, "audio.ducked")

"""Invariants of what is seen and heard: the song, a segment's asset, the part of the clip.

Handles of a transition are no invariant: before its cut a clip without material before source_in_us
shows its first frame, after it the old clip's fill policy goes on (`ways_in`). That keeps every
part of a clip legal; `warn` tells where it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import AudioTrack, Segment
    from beatstitch_core.edl.findings import Findings

UNIT = 65_536
"""Width and height of a picture in the units of its rectangles and points."""
# Probes guess the length of some songs (MP3 without a header), the beat grid's is decoded.
AUDIO_SLACK_US = 1_000_000
PICTURES = (common_pb2.MEDIA_TYPE_IMAGE, common_pb2.MEDIA_TYPE_VIDEO)


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


def check_picture(
    segment: Segment, media: Mapping[str, ReadyMedia] | None, at: str, found: Findings
) -> None:
    """One segment's asset, and the part of it that is shown."""
    found.expect(segment.media_asset_id != "", f"{at}.media_asset_id", "must be given")
    found.expect_sha256(segment.media_sha256, f"{at}.media_sha256")
    found.expect(segment.media_type in PICTURES, f"{at}.media_type", "must be IMAGE or VIDEO")
    clip_us = None if media is None else _check_known(segment, media, at, found)
    if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
        _check_source(segment, clip_us, at, found)
    else:
        found.expect_equal(segment.source_in_us, 0, f"{at}.source_in_us")
        found.expect_equal(segment.source_out_us, 0, f"{at}.source_out_us")


def check_one_checksum_each(segments: Mapping[int, Segment], found: Findings) -> None:
    """An asset has one checksum and one type in the whole EDL."""
    first: dict[str, Segment] = {}
    for i, segment in segments.items():
        seen = first.setdefault(segment.media_asset_id, segment)
        for name in ("media_sha256", "media_type"):
            found.expect(
                getattr(seen, name) == getattr(segment, name),
                f"segments[{i}].{name}",
                "differs from an earlier segment of the same asset",
            )


def _check_known(
    segment: Segment, media: Mapping[str, ReadyMedia], at: str, found: Findings
) -> int | None:
    """Checks the segment against its asset; returns the clip's length in µs, None when unknown."""
    asset = media.get(segment.media_asset_id)
    if asset is None or asset.info.media_type not in PICTURES:
        found.add(f"{at}.media_asset_id", "is not a READY picture or clip of this project")
        return None
    found.expect(
        segment.media_sha256 == asset.object.sha256,
        f"{at}.media_sha256",
        "is not the checksum of this asset",
    )
    if segment.media_type in PICTURES and segment.media_type != asset.info.media_type:
        found.add(f"{at}.media_type", "is not what the asset is")
        return None
    return asset.info.duration_us


def _check_source(segment: Segment, clip_us: int | None, at: str, found: Findings) -> None:
    begin, out = segment.source_in_us, segment.source_out_us
    found.expect(begin >= 0, f"{at}.source_in_us", f"must be 0 or more, not {begin}")
    found.expect(
        out > begin, f"{at}.source_out_us", f"must be above source_in_us {begin}, not {out}"
    )
    if clip_us is not None:
        found.expect(
            out <= clip_us,
            f"{at}.source_out_us",
            f"lies after the clip's end at {clip_us} µs: {out}",
        )

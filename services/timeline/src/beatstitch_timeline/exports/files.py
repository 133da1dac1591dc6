"""The files that an export names: pictures, clips and the song."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import common_pb2
from beatstitch_timeline.exports.names import base_name, distinct, media_url, reels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beatstitch.v1.edl_pb2 import Edl, Segment
    from beatstitch_timeline.exports.clock import Clock

UNKNOWN_S = 86_400
"""How long a clip is taken to be that nothing is known of."""


class File(NamedTuple):
    """A file.

    Attributes:
        id: "f1", "f2"…: its place among the files.
        name: Its clean name, no other's.
        url: Where the editing program looks for it.
        reel: Its name on a list of eight-letter reels, no other's.
        media: What is known of it; only the id where the project doesn't have it any more.
        frames: How many frames of the timeline's rate it has, 1 or more; 0 for a picture.
        length: The same with the part of a frame at its end: what a slow clip still shows.
    """

    id: str
    name: str
    url: str
    reel: str
    media: ReadyMedia
    frames: int
    length: Fraction


class Files:
    """The files of an EDL, the song first.

    Attributes:
        song: The song.
        renamed: How many need another name than the client gave, because two had the same.
        missing: How many the project doesn't have any more.
    """

    def __init__(self, edl: Edl, media: Sequence[ReadyMedia], base_url: str, clock: Clock) -> None:
        known = {item.asset_id: item for item in media}
        ids = [edl.audio.asset_id, *dict.fromkeys(s.media_asset_id for s in edl.segments)]
        items = [known.get(asset_id) or ReadyMedia(asset_id=asset_id) for asset_id in ids]
        plain = [base_name(item.filename, base_name(item.asset_id, "media")) for item in items]
        names = distinct(plain)
        self.renamed = sum(one != other for one, other in zip(plain, names, strict=True))
        self.missing = sum(asset_id not in known for asset_id in ids)
        self._files = {}
        for number, (item, name, reel) in enumerate(zip(items, names, reels(names), strict=True)):
            length = item.info.duration_us or UNKNOWN_S * 1_000_000
            still = item.info.media_type == common_pb2.MEDIA_TYPE_IMAGE
            frames = 0 if still else max(1, clock.frames_in(length))
            whole = max(Fraction(frames), clock.length_of(0 if still else length))
            url = media_url(base_url, name)
            self._files[number, item.asset_id] = File(
                f"f{number + 1}", name, url, reel, item, frames, whole
            )
        self.song = self._files[0, edl.audio.asset_id]
        self._by_asset = {asset: file for (number, asset), file in self._files.items() if number}

    def __iter__(self) -> Iterator[File]:
        """The pictures and clips, in order of their first showing."""
        return iter(self._by_asset.values())

    def of(self, segment: Segment) -> File:
        """What a segment shows."""
        return self._by_asset[segment.media_asset_id]

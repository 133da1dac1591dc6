"""Invariants of what a segment shows: the asset, and the part of the clip.

Handles of a transition are no invariant: before its cut a clip without material before source_in_us
shows its first frame, after it the old clip's fill policy goes on (`ways_in`). That keeps every
part of a clip legal; `warn` tells where it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2
from beatstitch_core.edl.findings import is_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Edl, Segment, UnitRect
    from beatstitch_core.edl.findings import Findings

UNIT = 65_536
"""Width and height of a picture in the units of its rectangles and points."""
PICTURES = (common_pb2.MEDIA_TYPE_IMAGE, common_pb2.MEDIA_TYPE_VIDEO)


def check_picture(
    segment: Segment, media: Mapping[str, ReadyMedia] | None, at: str, found: Findings
) -> None:
    """One segment's asset, and the part of it that is shown."""
    # A timeline has thousands of segments: a text is made only for what is wrong.
    if not segment.media_asset_id:
        found.add(f"{at}.media_asset_id", "must be given")
    if not is_sha256(segment.media_sha256):
        found.expect_sha256(segment.media_sha256, f"{at}.media_sha256")
    if segment.media_type not in PICTURES:
        found.add(f"{at}.media_type", "must be IMAGE or VIDEO")
    clip_us = None if media is None else _check_known(segment, media, at, found)
    begin, out = segment.source_in_us, segment.source_out_us
    if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
        _check_source(begin, out, clip_us, at, found)
    elif begin or out:
        found.expect_equal(begin, 0, f"{at}.source_in_us")
        found.expect_equal(out, 0, f"{at}.source_out_us")


def check_one_checksum_each(edl: Edl, found: Findings) -> None:
    """An asset has one checksum and one type in the whole EDL."""
    shown = [
        (f"segments[{i}]", segment.media_asset_id, segment.media_sha256, segment.media_type)
        for i, segment in enumerate(edl.segments)
    ]
    for k, overlay in enumerate(edl.overlays):
        if overlay.WhichOneof("content") == "picture":
            mark = overlay.picture
            image = common_pb2.MEDIA_TYPE_IMAGE
            at = f"overlays[{k}].picture"
            shown.append((at, mark.media_asset_id, mark.media_sha256, image))
    first: dict[str, tuple[str, int]] = {}
    for at, asset_id, sha256, kind in shown:
        seen_sha256, seen_kind = first.setdefault(asset_id, (sha256, kind))
        text = "differs from an earlier use of the same asset"
        if sha256 != seen_sha256:
            found.add(f"{at}.media_sha256", text)
        if kind != seen_kind:
            # What lies over the pictures says no type of its own: it is a picture.
            name = "media_type" if at.startswith("segments") else "media_asset_id"
            found.add(f"{at}.{name}", text)


def is_inside(rect: UnitRect) -> bool:
    """Whether a rectangle has a positive size and lies inside its picture."""
    x, y, w, h = rect.x, rect.y, rect.w, rect.h
    return w > 0 and h > 0 and 0 <= x <= UNIT - w and 0 <= y <= UNIT - h


def _check_known(
    segment: Segment, media: Mapping[str, ReadyMedia], at: str, found: Findings
) -> int | None:
    """Checks the segment against its asset; returns the clip's length in µs, None when unknown."""
    asset = media.get(segment.media_asset_id)
    if asset is None or asset.info.media_type not in PICTURES:
        found.add(f"{at}.media_asset_id", "is not a READY picture or clip of this project")
        return None
    if segment.media_sha256 != asset.object.sha256:
        found.add(f"{at}.media_sha256", "is not the checksum of this asset")
    if segment.media_type in PICTURES and segment.media_type != asset.info.media_type:
        found.add(f"{at}.media_type", "is not what the asset is")
        return None
    return asset.info.duration_us


def _check_source(begin: int, out: int, clip_us: int | None, at: str, found: Findings) -> None:
    if begin < 0:
        found.add(f"{at}.source_in_us", f"must be 0 or more, not {begin}")
    if out <= begin:
        found.add(f"{at}.source_out_us", f"must be above source_in_us {begin}, not {out}")
    if clip_us is not None and out > clip_us:
        found.add(f"{at}.source_out_us", f"lies after the clip's end at {clip_us} µs: {out}")

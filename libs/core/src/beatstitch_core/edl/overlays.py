"""Invariants of what lies over the pictures: cards of text and picture marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1 import common_pb2
from beatstitch_core.edl.output import MAX_RGB
from beatstitch_core.edl.pictures import UNIT, is_inside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Edl, Overlay, PictureMark, TextCard
    from beatstitch_core.edl.findings import Findings

MAX_OVERLAYS = 50
MAX_TEXT = 500
MIN_LINE_HEIGHT, MAX_LINE_HEIGHT = 655, 32_768


def check_overlays(edl: Edl, media: Mapping[str, ReadyMedia] | None, found: Findings) -> None:
    """All that lies over the pictures; inside the video."""
    count = len(edl.overlays)
    if count > MAX_OVERLAYS:
        found.add("overlays", f"must be at most {MAX_OVERLAYS}, not {count}")
    end = edl.segments[-1].timeline_out_frame if edl.segments else 0
    for k, overlay in enumerate(edl.overlays[:MAX_OVERLAYS]):
        at = f"overlays[{k}]"
        _check_frames(overlay, end, at, found)
        kind = overlay.WhichOneof("content")
        if kind == "text":
            _check_text(overlay.text, f"{at}.text", found)
        elif kind == "picture":
            _check_picture(overlay.picture, media, f"{at}.picture", found)
        else:
            found.add(at, "must have text or a picture")


def _check_frames(overlay: Overlay, end: int, at: str, found: Findings) -> None:
    begin, out, fade = overlay.in_frame, overlay.out_frame, overlay.fade_frames
    found.expect(begin >= 0, f"{at}.in_frame", f"must be 0 or more, not {begin}")
    if out <= begin:
        found.add(f"{at}.out_frame", f"must be above in_frame {begin}, not {out}")
    elif out > end:
        found.add(f"{at}.out_frame", f"must be at most the video's end {end}, not {out}")
    found.expect_range(fade, 0, max(out - begin, 0) // 2, f"{at}.fade_frames")


def _check_text(card: TextCard, at: str, found: Findings) -> None:
    found.expect(
        1 <= len(card.text) <= MAX_TEXT,
        f"{at}.text",
        f"must be 1 to {MAX_TEXT} characters, not {len(card.text)}",
    )
    found.expect_range(card.line_height, MIN_LINE_HEIGHT, MAX_LINE_HEIGHT, f"{at}.line_height")
    found.expect_range(card.centre.x, 0, UNIT, f"{at}.centre.x")
    found.expect_range(card.centre.y, 0, UNIT, f"{at}.centre.y")
    for name, rgb in (("rgb", card.rgb), ("veil_rgb", card.veil_rgb)):
        found.expect(rgb <= MAX_RGB, f"{at}.{name}", "must be a colour 0xRRGGBB")
    found.expect_range(card.veil_opacity, 0, UNIT, f"{at}.veil_opacity")


def _check_picture(
    mark: PictureMark, media: Mapping[str, ReadyMedia] | None, at: str, found: Findings
) -> None:
    found.expect(mark.media_asset_id != "", f"{at}.media_asset_id", "must be given")
    found.expect_sha256(mark.media_sha256, f"{at}.media_sha256")
    found.expect(
        is_inside(mark.place),
        f"{at}.place",
        f"must be a rectangle of positive size inside 0 to {UNIT}",
    )
    found.expect_range(mark.opacity, 1, UNIT, f"{at}.opacity")
    if media is None:
        return
    asset = media.get(mark.media_asset_id)
    if asset is None or asset.info.media_type != common_pb2.MEDIA_TYPE_IMAGE:
        found.add(f"{at}.media_asset_id", "is not a READY picture of this project")
        return
    found.expect(
        mark.media_sha256 == asset.object.sha256,
        f"{at}.media_sha256",
        "is not the checksum of this asset",
    )

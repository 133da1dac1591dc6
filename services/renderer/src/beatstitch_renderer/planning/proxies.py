"""Which clips a preview shows by their proxies: small copies, the same frames at the same times.

The rule: a preview takes a clip's proxy when that is in storage while the render is planned, else
the clip; a final takes the clip always. What a piece's hash covers is the SHA-256 of the bytes that
the piece is made of, the proxy's in place of the clip's. So pieces of proxies and of originals
never stand for each other, and a preview planned after its proxies were cleaned away has other
pieces. Borders of pieces follow the EDL alone and are the same either way.

Nothing of a clip's `MediaInfo` is asked for in planning or composing: sizes, turns and time stamps
are read from the file that is opened. So the original's isn't handed on with a proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
from beatstitch.v1 import failure_pb2
from beatstitch_core.profiles import PREVIEW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from beatstitch.v1.render_pb2 import RenderProfile
    from beatstitch_core.errors import BeatStitchError

_GONE_OR_DAMAGED = frozenset(
    {failure_pb2.ERROR_REASON_OBJECT_MISSING, failure_pb2.ERROR_REASON_UPLOAD_MISMATCH}
)


def proxy_keys(profile: RenderProfile, media: Iterable[ReadyMedia]) -> set[str]:
    """Keys of the proxies that a render with this profile would like to use."""
    if profile.name != PREVIEW:
        return set()
    return {item.proxy.key for item in media if item.proxy.key and item.proxy.sha256}


def stand_ins(media: Iterable[ReadyMedia], stored: Collection[str]) -> dict[str, ReadyMedia]:
    """What is rendered in place of which clip.

    Args:
        media: The clips and pictures of a render, in any order.
        stored: Those of `proxy_keys` that are in storage.

    Returns:
        For the SHA-256 of a clip the medium whose object is its proxy.
    """
    chosen: dict[str, ReadyMedia] = {}
    # One file may be several assets with proxies of several makers: the order must not decide.
    for item in sorted(media, key=lambda item: item.proxy.sha256):
        if item.proxy.key in stored:
            chosen.setdefault(item.object.sha256, _by_proxy(item))
    return chosen


def blamed(error: BeatStitchError, proxies: Iterable[ReadyMedia]) -> str:
    """The key of the proxy that is missing, damaged or can't be decoded; empty for another error.

    Args:
        error: A failed piece or frame.
        proxies: What stood in for clips, see `stand_ins`.
    """
    for item in proxies:
        by_key = error.metadata.get("key") == item.object.key
        if by_key and error.reason in _GONE_OR_DAMAGED:
            return item.object.key
        by_asset = error.metadata.get("asset_id") == item.asset_id
        if by_asset and error.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT:
            return item.object.key
    return ""


def _by_proxy(item: ReadyMedia) -> ReadyMedia:
    """Names the asset still, for messages about what is wrong with it."""
    return ReadyMedia(asset_id=item.asset_id, filename=item.filename, object=item.proxy)

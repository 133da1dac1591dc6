"""Child of `look`: `python -m beatstitch_analyzer.clips.look_child`; a job in, traits out.

The job is JSON: `do` ("picture" or "clip"), `path`, and for a clip `demuxer`, `width`, `height`,
`duration_us`, `strip_frames`, `dense`, `proxy_allowed`, `limit_s`, `out` (folder). Filmstrip, and
of a close look thumbnail and proxy, are written into `out`; stdout gets a serialized MediaTraits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from beatstitch_analyzer.clips import filmstrip
from beatstitch_analyzer.clips.budget import Clock, TooSlow
from beatstitch_analyzer.clips.dense import Seen, look_at_all, squeezed
from beatstitch_analyzer.clips.frames import widest_key_gap_us
from beatstitch_analyzer.clips.plain import is_plain
from beatstitch_analyzer.clips.proxy import LARGE_PIXELS, LONG_GAP_US, proxy_size
from beatstitch_analyzer.clips.series import luma
from beatstitch_analyzer.clips.sparse import look_in_places
from beatstitch_analyzer.clips.traits import picture_traits
from beatstitch_media import child

FILMSTRIP = "filmstrip.jpg"
PROXY = "proxy.mp4"
THUMBNAIL = "thumbnail.jpg"
_LATEST_POSTER_US = 1_000_000
_QUALITY = 85
_DENSE_SHARE = 0.75


def look_at_clip(job: dict[str, Any]) -> bytes:
    """Looks at a clip and writes what is made of it."""
    out, path = Path(job["out"]), Path(job["path"])
    seen = _close(job, path, out) if job["dense"] else None
    seen = seen or look_in_places(
        path, job["demuxer"], **_common(job), clock=Clock(job["limit_s"] * (1 - _DENSE_SHARE))
    )
    aspect = job["width"] / job["height"]
    filmstrip.write_filmstrip(seen.pictures, aspect, out / FILMSTRIP)
    if seen.poster is not None:
        Image.fromarray(seen.poster).save(out / THUMBNAIL, "JPEG", quality=_QUALITY)
    return seen.traits.SerializeToString()


def _close(job: dict[str, Any], path: Path, out: Path) -> Seen | None:
    """Every frame, or None where that takes too long."""
    size = (job["width"], job["height"])
    wanted = (
        job["proxy_allowed"]
        and (
            size[0] * size[1] > LARGE_PIXELS
            or widest_key_gap_us(path, job["demuxer"]) > LONG_GAP_US
        )
        and is_plain(path, job["demuxer"])
    )
    proxy = out / PROXY
    try:
        return look_at_all(
            path,
            job["demuxer"],
            **_common(job),
            poster_us=min(job["duration_us"] // 10, _LATEST_POSTER_US),
            proxy=(proxy, proxy_size(*size)) if wanted else None,
            clock=Clock(job["limit_s"] * _DENSE_SHARE),
        )
    except TooSlow:
        proxy.unlink(missing_ok=True)
        return None


def _common(job: dict[str, Any]) -> dict[str, Any]:
    times = filmstrip.times_us(job["duration_us"], job["strip_frames"])
    return {
        "size": (job["width"], job["height"]),
        "duration_us": job["duration_us"],
        "strip_times_us": times,
    }


def look_at_picture(path: Path) -> bytes:
    """Traits of a picture, from its thumbnail: upright, as large as `sharpness.SIDE`."""
    with Image.open(path, formats=["JPEG"]) as image:
        rgb = np.asarray(image.convert("RGB"))
    return picture_traits(luma(rgb), squeezed(rgb)).SerializeToString()


def work(order: bytes) -> bytes:
    """Does one job."""
    job: dict[str, Any] = json.loads(order)
    return look_at_picture(Path(job["path"])) if job["do"] == "picture" else look_at_clip(job)


if __name__ == "__main__":
    child.main(work)

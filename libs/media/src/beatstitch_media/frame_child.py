"""Child of `thumbnail`: a clip's frame by PyAV, for codecs that the ffmpeg binary can't decode."""

from __future__ import annotations

import json
from pathlib import Path

import av
from PIL import Image

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import child
from beatstitch_media.opening import clip_stream, opened


def frame(path: Path, demuxer: str, at_us: int) -> Image.Image:
    """The first frame at or after a time from the clip's start; the last one if there is none.

    Raises:
        BeatStitchError: INPUT_CORRUPT, no frame decodes.
    """
    found = None
    with opened(path, demuxer) as container:
        stream = clip_stream(container)
        start = (stream.start_time or 0) * stream.time_base
        try:
            for found in container.decode(stream):
                if found.time is None or found.time >= start + at_us / 1_000_000:
                    break
        except av.FFmpegError:
            pass
        if found is None:
            raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_CORRUPT, "no frame decodes")
        picture: Image.Image = found.to_image()
        return picture


def work(job: bytes) -> bytes:
    """Writes the JPEG that the job, JSON, asks for."""
    order = json.loads(job)
    picture = frame(Path(order["path"]), order["demuxer"], order["at_us"])
    upright = picture.rotate(-order["rotation_degrees"], expand=True)
    shown = upright.resize((order["width"], order["height"]))
    shown.thumbnail((order["max_side"], order["max_side"]), Image.Resampling.LANCZOS)
    shown.save(order["out"], "JPEG", quality=85)
    return b"{}"


if __name__ == "__main__":
    child.main(work)

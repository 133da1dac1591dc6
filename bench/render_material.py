"""The timeline of the benches of rendering, and what it shows: written once, the same each time."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import sha256_hex
from beatstitch_samples import clips, photos

SIZE = (1920, 1080)
UNIT = 65_536
RATE = 30
SHOT_FRAMES = 30
STILLS = [(4000, 3000), (6000, 4000), (4032, 3024), (5472, 3648)]
CLIP_SECONDS = 10
# Which segments move, of those that are stills: the even ones.
MOVING = {"all": 2, "half": 4, "none": 0}
FRAME_BYTES = SIZE[0] * SIZE[1] * 3 // 2


def make_sources(folder: Path, gop: int) -> tuple[list[Path], list[Path]]:
    """Stills and clips, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    stills, moving = [], []
    for i, size in enumerate(STILLS):
        path = folder / f"still-{i}.jpg"
        if not path.exists():
            motif = sorted(photos.MOTIFS)[i]
            small = photos.paint(motif, i, (size[0] // 3, size[1] // 3))
            large = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
            Image.fromarray(with_grain(large, i)).save(path, quality=92)
        stills.append(path)
    for i, scene in enumerate(sorted(clips.SCENES)[:4]):
        path = folder / f"clip-{i}-{gop}.mp4"
        if not path.exists():
            write_clip(path, scene, i, gop)
        moving.append(path)
    return stills, moving


def with_grain(picture: np.ndarray, seed: int) -> np.ndarray:
    """With the fine noise that cameras leave, so that decoders have what they usually have."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-4, 5, (picture.shape[0], picture.shape[1], 1), np.int16)
    grainy: np.ndarray = np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return grainy


def write_clip(path: Path, scene: str, seed: int, gop: int) -> None:
    """A 1080p clip as phones and cameras make them: about 10 Mbit/s."""
    options = {"preset": "veryfast", "crf": "22", "x264-params": f"keyint={gop}:scenecut=0"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        count = CLIP_SECONDS * RATE
        for n, small in enumerate(clips.frames(scene, seed, (480, 270), Fraction(RATE), count)):
            frame = with_grain(cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC), n)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        file.mux(stream.encode(None))


def make_edl(
    seconds: int, stills: list[Path], moving: list[Path], every: int = 2
) -> tuple[Edl, dict[str, Path]]:
    """The timeline, and its sources by sha256; each `every`th segment moves if it is a still."""
    rng = random.Random(7)  # noqa: S311 - the same timeline each time
    edl = Edl(version="1.0", project_id="bench")
    edl.output.width, edl.output.height = SIZE
    edl.output.frame_rate.num, edl.output.frame_rate.den = RATE, 1
    sums = {path: sha256_hex(path.read_bytes()) for path in [*stills, *moving]}
    frame, index, end = 0, 0, seconds * RATE
    while frame < end:
        out = end if end - frame < 2 * SHOT_FRAMES else frame + SHOT_FRAMES
        is_still = index % 2 == 0
        path = (stills if is_still else moving)[index // 2 % 4]
        segment = edl.segments.add(
            index=index,
            media_asset_id=path.name,
            media_sha256=sums[path],
            media_type=common_pb2.MEDIA_TYPE_IMAGE if is_still else common_pb2.MEDIA_TYPE_VIDEO,
            timeline_in_frame=frame,
            timeline_out_frame=out,
        )
        if not is_still:
            segment.source_in_us = rng.randrange(0, (CLIP_SECONDS - 4) * 1_000_000)
            segment.source_out_us = CLIP_SECONDS * 1_000_000
        elif every and index % every == 0:
            move = segment.effect.ken_burns
            getattr(move, "from").CopyFrom(edl_pb2.UnitRect(y=6_000, w=65_536, h=49_000))
            move.to.CopyFrom(edl_pb2.UnitRect(x=8_000, y=9_000, w=50_000, h=37_400))
        if index and index % 3 == 0:
            segment.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
            segment.transition_in.frames = 10
        frame, index = out, index + 1
    edl.audio.duration_us = seconds * 1_000_000
    return edl, {digest: path for path, digest in sums.items()}

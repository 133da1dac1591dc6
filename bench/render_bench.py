"""Speed and memory of rendering, against a bare x264 encode of the same composed frames.

    python bench/render_bench.py [--seconds 20] [--slots 2] [--rounds 3] [--gop 250] [--out DIR]

The timeline: 1080p30, half stills of 12 to 24 megapixels (every second one moves), half 1080p clips
with in-points anywhere, a cut each 1.9 s, some crossfades; veryfast, crf 20.

ours       the pieces as the worker renders them: sandboxed children, `slots` at a time, one encoder
           thread each; start-up, decoding, composing and encoding included.
reference  the finished frames, composed beforehand and read from a file in memory, through the same
           encoder with the same settings and `slots` threads, in one process.

Both are measured in turn, `rounds` times; the medians count. Other load on the machine disturbs
wall time more than CPU time: look at both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent, RenderPlan
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import sha256_hex
from beatstitch_core.profiles import render_profiles
from beatstitch_media import sandbox
from beatstitch_media.image import load_image
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.compositor.compose import pictures
from beatstitch_renderer.compositor.encoder import Encoder
from beatstitch_renderer.compositor.planes import Planes
from beatstitch_renderer.compositor.sources import SourceFile, Sources
from beatstitch_renderer.planning.encoding import piece_encoding
from beatstitch_renderer.planning.frames import cut_frames
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples import clips, photos

SIZE = (1920, 1080)
RATE = 30
SHOT_FRAMES = 56
STILLS = [(4000, 3000), (6000, 4000), (4032, 3024), (5472, 3648)]
CLIP_SECONDS = 10
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


def make_edl(seconds: int, stills: list[Path], moving: list[Path]) -> tuple[Edl, dict[str, Path]]:
    """The timeline, and its sources by sha256."""
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
        elif index % 4 == 0:
            move = segment.effect.ken_burns
            getattr(move, "from").CopyFrom(edl_pb2.UnitRect(y=6_000, w=65_536, h=49_000))
            move.to.CopyFrom(edl_pb2.UnitRect(x=8_000, y=9_000, w=50_000, h=37_400))
        if index and index % 3 == 0:
            segment.transition_in.type = edl_pb2.TRANSITION_TYPE_CROSSFADE
            segment.transition_in.frames = 10
        frame, index = out, index + 1
    edl.audio.duration_us = seconds * 1_000_000
    return edl, {digest: path for path, digest in sums.items()}


async def render(plan: RenderPlan, files: dict[str, Path], slots: int) -> dict[str, float]:
    """All pieces through the worker's children; wall, CPU and the largest child."""
    places = asyncio.Semaphore(slots)
    done = []

    async def piece(content: ChunkContent) -> None:
        async with places:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for digest in {segment.media_sha256 for segment in content.segments}:
                    (folder / digest).symlink_to(files[digest])
                ended = await sandbox.run(
                    sandbox.python_command("beatstitch_renderer.children.chunk_child"),
                    inputs=list(files.values()),
                    work_dir=folder,
                    stdin=content.SerializeToString(),
                )
                done.append((ended, (folder / PIECE).stat().st_size))

    begun = time.perf_counter()
    await asyncio.gather(*(piece(chunk.content) for chunk in plan.chunks))
    return {
        "wall_s": time.perf_counter() - begun,
        "cpu_s": sum(ended.cpu_seconds for ended, _ in done),
        "peak_mb": max(ended.peak_memory_bytes for ended, _ in done) / 1e6 * slots,
        "bytes": sum(size for _, size in done),
    }


def compose(plan: RenderPlan, files: dict[str, Path], path: Path) -> list[int]:
    """All finished frames into a file; the frames that are cuts."""
    cuts, start = [], 0
    sources = {
        digest: SourceFile(file, "mov" if file.suffix == ".mp4" else "")
        for digest, file in files.items()
    }
    with path.open("wb") as out:
        for chunk in plan.chunks:
            opened = Sources(
                sources, plan.output, lambda file, least: load_image(file, at_least=least)
            )
            for picture in pictures(chunk.content, opened):
                for plane in picture.all:
                    out.write(np.ascontiguousarray(plane).tobytes())
            opened.close()
            cuts += [start + frame for frame in cut_frames(chunk.content)]
            start += chunk.content.frame_count
    return cuts


def reference(path: Path, plan_file: Path, threads: int, cuts: list[int]) -> None:
    """Inside a process of its own: encodes the composed frames and prints what it took."""
    plan = RenderPlan.FromString(plan_file.read_bytes())
    frames = np.memmap(path, np.uint8, "r").reshape(-1, FRAME_BYTES)
    np.add.reduce(frames[:, ::4096], axis=None)  # reads the file into memory
    encoder = Encoder(plan.output, piece_encoding(plan.profile), threads)
    width, height = SIZE
    luma, chroma = width * height, width * height // 4
    size = 0
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    keys = set(cuts)
    for n, row in enumerate(frames):
        planes = Planes(
            row[:luma].reshape(height, width),
            row[luma : luma + chroma].reshape(height // 2, width // 2),
            row[luma + chroma :].reshape(height // 2, width // 2),
        )
        size += sum(len(coded.data) for coded in encoder.encode(planes, key=n in keys))
    size += sum(len(coded.data) for coded in encoder.finish())
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"wall_s": wall, "cpu_s": cpu, "bytes": size}))


def say(text: str) -> None:
    """To the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--reference", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reference:
        path, plan_file, threads, cuts = args.reference
        reference(Path(path), Path(plan_file), int(threads), json.loads(cuts))
        return
    stills, moving = make_sources(args.out.absolute() / "render-sources", args.gop)
    edl, files = make_edl(args.seconds, stills, moving)
    plan = plan_render(edl, render_profiles()["final"], "bench")
    say(
        f"{plan.frame_count} frames of {SIZE[0]}×{SIZE[1]}, {len(edl.segments)} segments, "
        f"{len(plan.chunks)} pieces, {args.slots} at a time"
    )
    ours, bare = [], []
    with tempfile.TemporaryDirectory(dir=args.out) as name:
        raw, plan_file = Path(name) / "frames.yuv", Path(name) / "plan"
        plan_file.write_bytes(plan.SerializeToString())
        cuts = json.dumps(compose(plan, files, raw))
        facts = [str(raw), str(plan_file), str(args.slots), cuts]
        command = [sys.executable, __file__, "--reference", *facts]
        for turn in range(args.rounds):
            ours.append(asyncio.run(render(plan, files, args.slots)))
            shown = subprocess.run(command, capture_output=True, check=True)
            bare.append(json.loads(shown.stdout))
            say(f"round {turn + 1}: ours {show(ours[-1])} | bare {show(bare[-1])}")
    for name, unit in (("wall_s", "wall"), ("cpu_s", "CPU")):
        a, b = (statistics.median(run[name] for run in runs) for runs in (ours, bare))
        say(f"{unit}: {a:.1f} s / {b:.1f} s = {a / b:.2f}×")
    peak = max(run["peak_mb"] for run in ours)
    say(f"memory of the children together: at most {peak:.0f} MB")
    say(f"bytes: {ours[0]['bytes'] / bare[0]['bytes']:.3f}× the bare encode's")


def show(run: dict[str, float]) -> str:
    """One run on a line."""
    return f"{run['wall_s']:.1f} s wall, {run['cpu_s']:.1f} s CPU"


if __name__ == "__main__":
    main()

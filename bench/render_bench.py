"""Speed and memory of rendering, against a bare x264 encode of the same composed frames.

    python bench/render_bench.py [--seconds 60] [--slots 2] [--rounds 3] [--gop 250] [--out DIR]
        [--moviepy PYTHON]

The timeline: 1080p30, half stills of 12 to 24 megapixels (every second one moves), half 1080p clips
with in-points anywhere, a cut each second, some crossfades; veryfast, crf 20.

ours       the pieces as the worker renders them: sandboxed children, `slots` at a time, one encoder
           thread each; start-up, decoding, composing and encoding included.
reference  the finished frames, composed beforehand and read from a file in memory, through the same
           encoder with the same settings and `slots` threads, in one process.

Both are measured in turn, `rounds` times; the medians count. Other load on the machine disturbs
wall time more than CPU time: look at both. MoviePy 2 wants an older Pillow than ours, so it has a
venv of its own (`python -m venv bench-out/peers && bench-out/peers/bin/pip install moviepy`); melt
is Debian's. melt makes the same timeline, its moves too (over the picture as fitted to the frame);
MoviePy the same without moves. Where they are not, a line says so.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch_renderer.baseline import CHILD_ENV, PIECE_ENV

os.environ.update(CHILD_ENV)  # before OpenCV is loaded: what is composed here is what children make

import av
import cv2
import numpy as np
from PIL import Image
from render_peers import compare
from watched import Watched

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
from beatstitch_renderer.compositor.planes import Planes, frame_planes
from beatstitch_renderer.compositor.sources import SourceFile, Sources
from beatstitch_renderer.piece import read_header, read_pictures
from beatstitch_renderer.planning.encoding import piece_encoding
from beatstitch_renderer.planning.frames import cut_frames
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_samples import clips, photos

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZE = (1920, 1080)
UNIT = 65_536
RATE = 30
SHOT_FRAMES = 30
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


async def render(
    plan: RenderPlan, files: dict[str, Path], slots: int, keep: Path | None = None
) -> dict[str, float]:
    """All pieces through the worker's children; wall, CPU and memory of all children together."""
    places = asyncio.Semaphore(slots)
    cpu, size = 0.0, 0

    async def piece(index: int, content: ChunkContent) -> None:
        nonlocal cpu, size
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
                    env=PIECE_ENV,
                )
                cpu += ended.cpu_seconds
                size += (folder / PIECE).stat().st_size
                if keep is not None:
                    shutil.copyfile(folder / PIECE, keep / f"{index}")

    with Watched() as taken:
        longest_first = sorted(plan.chunks, key=lambda chunk: -chunk.content.frame_count)
        await asyncio.gather(*(piece(chunk.index, chunk.content) for chunk in longest_first))
    return {"wall_s": taken.wall_s, "cpu_s": cpu, "peak_mb": taken.peak_mb, "bytes": size}


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
    stream: list[bytes] = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    keys = set(cuts)
    for n, row in enumerate(frames):
        planes = Planes(
            row[:luma].reshape(height, width),
            row[luma : luma + chroma].reshape(height // 2, width // 2),
            row[luma + chroma :].reshape(height // 2, width // 2),
        )
        stream += [coded.data for coded in encoder.encode(planes, key=n in keys)]
    stream += [coded.data for coded in encoder.finish()]
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = sum(map(len, stream))
    path.with_suffix(".h264").write_bytes(encoder.headers + b"".join(stream))
    sys.stdout.write(json.dumps({"wall_s": wall, "cpu_s": cpu, "bytes": size}))


def psnr(raw: Path, coded: Iterable[bytes]) -> float:
    """Of luma over all frames, in dB, against the composed frames.

    Raises:
        ValueError: Other frames came out than went in.
    """
    frames = np.memmap(raw, np.uint8, "r").reshape(-1, FRAME_BYTES)
    luma, at, error = SIZE[0] * SIZE[1], 0, 0.0
    for stream in coded:
        with av.open(io.BytesIO(stream), "r", format="h264") as file:
            for frame in file.decode(video=0):
                shown = frame_planes(frame).y
                error += cv2.norm(shown, frames[at, :luma].reshape(shown.shape), cv2.NORM_L2SQR)
                at += 1
    if at != len(frames):
        raise ValueError(f"{at} frames instead of {len(frames)}")
    return float(10 * np.log10(255**2 / (error / luma / at)))


def piece_streams(plan: RenderPlan, folder: Path) -> Iterator[bytes]:
    """Each piece as a stream of its own."""
    for chunk in plan.chunks:
        path = folder / f"{chunk.index}"
        header = read_header(path)
        yield header.headers + b"".join(read_pictures(path, header))


def peer_job(edl: Edl, files: dict[str, Path], slots: int) -> dict[str, object]:
    """The timeline for other programs."""
    profile = render_profiles()["final"]
    return {
        "size": SIZE,
        "rate": RATE,
        "frames": edl.segments[-1].timeline_out_frame,
        "preset": profile.preset,
        "crf": profile.crf,
        "threads": slots,
        "shots": [
            {
                "path": str(files[segment.media_sha256]),
                "still": segment.media_type == common_pb2.MEDIA_TYPE_IMAGE,
                "in": segment.timeline_in_frame,
                "out": segment.timeline_out_frame,
                "source_in_us": segment.source_in_us,
                "fade": segment.transition_in.frames,
                "move": [
                    [rect.x / UNIT, rect.y / UNIT, rect.w / UNIT, rect.h / UNIT]
                    for move in [segment.effect.ken_burns]
                    for rect in (getattr(move, "from"), move.to)
                    if segment.effect.HasField("ken_burns")
                ],
            }
            for segment in edl.segments
        ],
    }


def say(text: str) -> None:
    """To the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def edit_costs(edl: Edl, plan: RenderPlan) -> list[float]:
    """For an edit of each single segment, the share of the frames that are made anew."""
    old = {chunk.chunk_hash for chunk in plan.chunks}
    costs = []
    for segment in edl.segments:
        kept = segment.source_in_us, segment.media_sha256
        if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
            segment.source_in_us += 100_000
        else:
            segment.media_sha256 = "0" * 64
        new = plan_render(edl, plan.profile, plan.renderer_fingerprint)
        made = sum(c.content.frame_count for c in new.chunks if c.chunk_hash not in old)
        costs.append(made / plan.frame_count)
        segment.source_in_us, segment.media_sha256 = kept
    return costs


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--moviepy", type=Path, default=Path("bench-out/peers/bin/python"))
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
        f"{len(plan.chunks)} pieces, {args.slots} at a time; load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(dir=args.out) as name:
        folder = Path(name)
        ours, bare, single = measured(plan, files, folder, args.slots, args.rounds)
        wall = statistics.median(run["wall_s"] for run in ours)
        for key, unit in (("wall_s", "wall"), ("cpu_s", "CPU")):
            a, b = (statistics.median(run[key] for run in runs) for runs in (ours, bare))
            ratios = [one[key] / other[key] for one, other in zip(ours, bare, strict=True)]
            say(f"{unit}: {a:.1f} s / {b:.1f} s; {statistics.median(ratios):.2f}× the bare encode")
        say(f"memory of all children together: {max(run['peak_mb'] for run in ours):.0f} MB")
        say(f"bytes: {ours[0]['bytes'] / bare[0]['bytes']:.3f}× the bare encode's")
        if single:
            one = statistics.median(run["wall_s"] for run in single)
            say(f"{args.slots} pieces at a time: {one / wall:.2f}× as fast as one")
        raw = folder / "frames.yuv"
        say(
            f"PSNR against the composed frames: {psnr(raw, piece_streams(plan, folder)):.2f} dB, "
            f"bare {psnr(raw, [raw.with_suffix('.h264').read_bytes()]):.2f} dB"
        )
        raw.unlink()
        for line in compare(peer_job(edl, files, args.slots), folder, args.moviepy, wall):
            say(line)
    long, _ = make_edl(200 * SHOT_FRAMES // RATE, stills, moving)
    costs = edit_costs(long, plan_render(long, render_profiles()["final"], "bench"))
    say(
        f"an edit of one of {len(costs)} segments makes {statistics.mean(costs):.1%} of the frames "
        f"anew, {max(costs):.1%} at most"
    )


Runs = list[dict[str, float]]


def measured(
    plan: RenderPlan, files: dict[str, Path], folder: Path, slots: int, rounds: int
) -> tuple[Runs, Runs, Runs]:
    """Ours, the bare encode and, with several slots, ours with one, in turn."""
    raw, plan_file = folder / "frames.yuv", folder / "plan"
    plan_file.write_bytes(plan.SerializeToString())
    cuts = json.dumps(compose(plan, files, raw))
    command = [sys.executable, __file__, "--reference", str(raw), str(plan_file), str(slots), cuts]
    ours: Runs = []
    bare: Runs = []
    single: Runs = []
    for turn in range(rounds):
        ours.append(asyncio.run(render(plan, files, slots, folder)))
        shown = subprocess.run(command, capture_output=True, check=True)
        bare.append(json.loads(shown.stdout))
        text = f"round {turn + 1}: ours {show(ours[-1])} | bare {show(bare[-1])}"
        if slots > 1:
            single.append(asyncio.run(render(plan, files, 1)))
            text += f" | ours, one at a time {show(single[-1])}"
        say(f"{text}; load {os.getloadavg()[0]:.1f}")
    return ours, bare, single


def show(run: dict[str, float]) -> str:
    """One run on a line."""
    return f"{run['wall_s']:.1f} s wall, {run['cpu_s']:.1f} s CPU"


if __name__ == "__main__":
    main()

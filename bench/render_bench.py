"""Speed and memory of rendering, against a bare x264 encode of the same composed frames.

    python bench/render_bench.py [--seconds 60] [--slots 2] [--rounds 3] [--gop 250] [--out DIR]
        [--moving all|half|none] [--moviepy PYTHON]

The timeline: 1080p30, half stills of 12 to 24 megapixels (all of them, every second one or none
moves; they all do where a client says nothing), half 1080p clips with in-points anywhere, a cut
each second, some crossfades; veryfast, crf 20.

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
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch_renderer.baseline import CHILD_ENV, PIECE_ENV

os.environ.update(CHILD_ENV)  # before OpenCV is loaded: what is composed here is what children make

from render_limit import compose, psnr
from render_material import MOVING, RATE, SHOT_FRAMES, SIZE, make_edl, make_sources
from render_peers import compare, peer_job
from watched import Watched

from beatstitch.v1 import common_pb2
from beatstitch_core.profiles import render_profiles
from beatstitch_media import sandbox
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.piece import read_header, read_pictures
from beatstitch_renderer.planning.plan import plan_render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beatstitch.internal.v1.render_plan_pb2 import ChunkContent, RenderPlan
    from beatstitch.v1.edl_pb2 import Edl

LIMIT = Path(__file__).parent / "render_limit.py"


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


def piece_streams(plan: RenderPlan, folder: Path) -> Iterator[bytes]:
    """Each piece as a stream of its own."""
    for chunk in plan.chunks:
        path = folder / f"{chunk.index}"
        header = read_header(path)
        yield header.headers + b"".join(read_pictures(path, header))


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
    parser.add_argument("--moving", choices=MOVING, default="all")
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--moviepy", type=Path, default=Path("bench-out/peers/bin/python"))
    args = parser.parse_args()
    stills, moving = make_sources(args.out.absolute() / "render-sources", args.gop)
    edl, files = make_edl(args.seconds, stills, moving, MOVING[args.moving])
    plan = plan_render(edl, render_profiles()["final"], "bench")
    say(
        f"{plan.frame_count} frames of {SIZE[0]}×{SIZE[1]}, {len(edl.segments)} segments, "
        f"{args.moving} of the stills moving, "
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
    command = [sys.executable, str(LIMIT), str(raw), str(plan_file), str(slots), cuts]
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

"""Whether a render's memory stays flat: the same pictures in 60 and in 2,000 segments.

    python bench/render_memory.py [--segments 60 600 2000] [--slots 2]

Small frames and short segments, so that thousands of them are made in a minute or two; what grows
with a video's length doesn't depend on the size of its frames. Says for each length the most
memory of all piece children together, and of the child that joins and reads back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

from beatstitch_renderer.baseline import CHILD_ENV, PIECE_ENV

os.environ.update(CHILD_ENV)

import av
from PIL import Image
from watched import Watched

from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.edl_pb2 import Edl
from beatstitch_core.canonical import sha256_hex
from beatstitch_core.profiles import render_profiles
from beatstitch_media import sandbox
from beatstitch_media.audio import encode_song
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.children.finish_child import SOUND, pack, piece_name
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_renderer.report import inner_cuts
from beatstitch_samples import clips, photos, signals
from beatstitch_samples.audio_files import write_audio

RATE, SHOT_FRAMES, SIZE = 30, 15, (320, 180)


def make_sources(folder: Path) -> list[Path]:
    """Two clips and two stills."""
    made = []
    for i, motif in enumerate(sorted(photos.MOTIFS)[:2]):
        made.append(folder / f"still-{i}.jpg")
        Image.fromarray(photos.paint(motif, i, (640, 480))).save(made[-1])
    for i, scene in enumerate(sorted(clips.SCENES)[:2]):
        made.append(folder / f"clip-{i}.mp4")
        with av.open(str(made[-1]), "w") as file:
            stream = file.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
            for frame in clips.frames(scene, i, (480, 270), Fraction(RATE), 150):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            file.mux(stream.encode(None))
    return made


def make_edl(count: int, sources: list[Path], sums: dict[Path, str]) -> Edl:
    """So many segments, each with a cut on a beat of its own."""
    edl = Edl(version="1.0", project_id="bench")
    edl.output.width, edl.output.height = SIZE
    edl.output.frame_rate.num, edl.output.frame_rate.den = RATE, 1
    for i in range(count):
        path = sources[i % len(sources)]
        still = path.suffix == ".jpg"
        segment = edl.segments.add(
            index=i,
            media_asset_id=path.name,
            media_sha256=sums[path],
            media_type=common_pb2.MEDIA_TYPE_IMAGE if still else common_pb2.MEDIA_TYPE_VIDEO,
            timeline_in_frame=i * SHOT_FRAMES,
            timeline_out_frame=(i + 1) * SHOT_FRAMES,
            source_in_us=0 if still else i * 7_919 % 4_000_000,
            source_out_us=0 if still else 5_000_000,
        )
        segment.cut.rule = edl_pb2.CUT_RULE_EVERY_N_BEATS if i else edl_pb2.CUT_RULE_START
        segment.cut.beat_index = i or -1
        segment.cut.beat_time_us = i * SHOT_FRAMES * 1_000_000 // RATE
    edl.audio.duration_us = count * SHOT_FRAMES * 1_000_000 // RATE
    return edl


async def make_pieces(plan: RenderPlan, files: dict[str, Path], folder: Path, slots: int) -> None:
    """All pieces into the folder."""
    places = asyncio.Semaphore(slots)

    async def make(index: int) -> None:
        content = plan.chunks[index].content
        async with places:
            with tempfile.TemporaryDirectory() as name:
                room = Path(name)
                for digest in {segment.media_sha256 for segment in content.segments}:
                    (room / digest).symlink_to(files[digest])
                await sandbox.run(
                    sandbox.python_command("beatstitch_renderer.children.chunk_child"),
                    inputs=list(files.values()),
                    work_dir=room,
                    stdin=content.SerializeToString(),
                    env=PIECE_ENV,
                )
                (room / PIECE).rename(folder / piece_name(index))

    await asyncio.gather(*(make(index) for index in range(len(plan.chunks))))


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segments", type=int, nargs="+", default=[60, 600, 2000])
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name)
        sources = make_sources(whole)
        sums = {path: sha256_hex(path.read_bytes()) for path in sources}
        files = {digest: path for path, digest in sums.items()}
        for count in args.segments:
            edl = make_edl(count, sources, sums)
            plan = plan_render(edl, render_profiles()["final"], "bench")
            folder = whole / str(count)
            folder.mkdir()
            song = whole / f"{count}.wav"
            write_audio(song, signals.click_track([0], edl.audio.duration_us), 48_000)
            asyncio.run(encoded(song, edl, folder))
            with Watched() as pieces:
                asyncio.run(make_pieces(plan, files, folder, args.slots))
            with Watched() as finish:
                asyncio.run(
                    sandbox.run(
                        sandbox.python_command("beatstitch_renderer.children.finish_child"),
                        work_dir=folder,
                        stdin=pack(plan, inner_cuts(edl)),
                    )
                )
            sys.stdout.write(
                f"{count} segments, {plan.frame_count} frames, {len(plan.chunks)} pieces: "
                f"pieces {pieces.peak_mb:.0f} MB, {pieces.cpu_s:.1f} s CPU; "
                f"joining and reading back {finish.peak_mb:.0f} MB, {finish.cpu_s:.1f} s CPU\n"
            )
            sys.stdout.flush()


async def encoded(song: Path, edl: Edl, folder: Path) -> None:
    """The sound, as the worker brings it."""
    out = folder / f"{SOUND}.m4a"
    await encode_song(song, out, duration_us=edl.audio.duration_us, work_dir=folder)
    out.rename(folder / SOUND)


if __name__ == "__main__":
    main()

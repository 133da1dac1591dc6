"""Damaged files of all kinds through the children that read strangers' media.

No damage may make one hang, crash or ask for files or the network: each file is taken, or refused
with an error that says what is wrong. Each fourth file names files of this machine and a server on
it; whoever opens one of the files (inotify) or calls the server fails the test. That the kernel
would refuse it is `test_sandbox.py`'s; here nobody may even succeed.

`make fuzz-media` tries 1,000 of them, `make fuzz-media COUNT=200 SEED=7` others.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.mutations import mutated, outside, seeds
from support.traps import Canaries, Trap

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch.v1 import common_pb2, edl_pb2, failure_pb2
from beatstitch_analyzer.clips.look import look, look_at_still
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_core.limits import default_limits
from beatstitch_media import sandbox
from beatstitch_media.audio import decode_mono
from beatstitch_media.binaries import ffmpeg
from beatstitch_media.probe import probe
from beatstitch_media.thumbnail import thumbnail
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.piece import read_header

if TYPE_CHECKING:
    from pathlib import Path

COUNT = int(os.environ.get("BEATSTITCH_MUTATIONS", "48"))
SEED = int(os.environ.get("BEATSTITCH_MUTATIONS_SEED", "0"))
FRAMES = 20
# Far more than any of these small files takes: who needs it hangs.
PATIENCE_S = 60.0
FITTING = {
    failure_pb2.ERROR_REASON_INPUT_CORRUPT,
    failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED,
    failure_pb2.ERROR_REASON_INPUT_TOO_LARGE,
    failure_pb2.ERROR_REASON_AUDIO_TOO_SHORT,
}


async def tried(path: Path, name: str, folder: Path) -> str:
    """What became of a file; a name that begins with "!" is a fault of ours."""
    said = []
    for step in steps(name):
        work = folder / f"{path.name}-{step.__name__}"
        work.mkdir()
        try:
            await step(path, name, work)
            said.append("taken")
        except BeatStitchError as error:
            fault = "" if error.reason in FITTING else "!"
            tail = f" {error.message}: {error.stderr_tail[-500:]}" if fault else ""
            said.append(f"{fault}{reason_name(error.reason)}{tail}")
    return " ".join(said) if not any("!" in word for word in said) else f"!{name}: {said}"


def steps(name: str):
    return (taken_in, heard) if name.startswith(("song", "vorbis")) else (taken_in, shown)


async def taken_in(path: Path, name: str, work: Path) -> None:
    """As the analyzer does: what it is, then its thumbnail and what it is like."""
    limits = default_limits()
    probed = await probe(path, filename=name, limits=limits, work_dir=work, timeout_s=PATIENCE_S)
    info = probed.info
    if info.media_type == common_pb2.MEDIA_TYPE_AUDIO:
        return
    small, folder = work / "small.jpg", work / "look"
    await thumbnail(path, info, small, work_dir=work, timeout_s=PATIENCE_S)
    folder.mkdir()
    if info.media_type == common_pb2.MEDIA_TYPE_IMAGE:
        await look_at_still(small, work_dir=folder, timeout_s=PATIENCE_S)
    else:
        await look(path, info, work_dir=folder, timeout_s=PATIENCE_S)


async def heard(path: Path, _name: str, work: Path) -> None:
    await decode_mono(path, work_dir=work, timeout_s=PATIENCE_S)


async def shown(path: Path, name: str, work: Path) -> None:
    """As a piece, also where the look refused it."""
    still = name.startswith("still")
    digest = hashlib.sha256(str(path).encode()).hexdigest()
    (work / digest).hardlink_to(path)
    content = ChunkContent(preset="ultrafast", crf=30, frame_count=FRAMES)
    content.output.width, content.output.height = 64, 48
    content.output.frame_rate.num, content.output.frame_rate.den = 25, 1
    content.segments.add(
        media_sha256=digest,
        media_type=common_pb2.MEDIA_TYPE_IMAGE if still else common_pb2.MEDIA_TYPE_VIDEO,
        out_frame=FRAMES,
        source_in_us=0 if still else 300_000,
        source_out_us=0 if still else 1_100_000,
        fit=edl_pb2.FIT_COVER,
        fill=edl_pb2.FILL_POLICY_LOOP,
    )
    await sandbox.run(
        sandbox.python_command("beatstitch_renderer.children.chunk_child"),
        work_dir=work,
        timeout_s=PATIENCE_S,
        stdin=content.SerializeToString(),
    )
    assert read_header(work / PIECE).frame_count == FRAMES
    left = await asyncio.to_thread(lambda: {entry.name for entry in work.iterdir()})
    assert left == {digest, PIECE}


@pytest.fixture
def trap():
    server = Trap()
    yield server
    server.close()


@pytest.mark.slow
async def test_damaged_files_are_taken_or_refused(tmp_path, trap):
    assert not sandbox.sandbox_report()["missing"], "children could reach files or the network"
    whole, secret = tmp_path / "whole", tmp_path / "secret"
    whole.mkdir()
    secret.mkdir()
    files = seeds(whole)
    # Real media too: a reader that reaches them could show them.
    bait = [*seeds(secret)[:1], secret / "key"]
    bait[1].write_text("SECRET")
    baits = [trap.url, trap.url.replace("http", "tcp"), f"file://{bait[0]}", "../secret/key"]
    baits += [f"{path}" for path in bait]
    canaries = Canaries([secret, *bait])
    places = asyncio.Semaphore(int(os.environ.get("BEATSTITCH_MUTATIONS_AT_ONCE", "2")))

    async def one(number: int) -> str:
        async with places:
            name, data = mutated(files, number, SEED, baits)
            path = tmp_path / f"{number}"
            path.write_bytes(data)
            try:
                return await tried(path, name, tmp_path)
            except Exception as error:  # noqa: BLE001 - whatever it is, it says of which file
                return f"!{name} {number}: {type(error).__name__}: {error}"
            finally:
                for left in tmp_path.glob(f"{number}-*"):
                    shutil.rmtree(left)

    sys.stdout.write(f"seed {SEED}, {COUNT} files of {len(files)} kinds\n")
    ends = Counter(await asyncio.gather(*(one(number) for number in range(COUNT))))
    for end, count in ends.most_common():
        sys.stdout.write(f"{count:5} {end}\n")
    opened = canaries.opened()
    canaries.close()
    sys.stdout.write(f"calls to the server: {trap.calls}; files opened: {len(opened)}\n")
    assert not [end for end in ends if end.startswith("!")]
    assert not opened
    assert trap.calls == 0
    # Else the damage tries nothing: some is harmless, and some is not.
    assert any(end.startswith("taken taken") for end in ends)
    assert any("INPUT_CORRUPT" in end for end in ends)


async def test_what_watches_would_notice(tmp_path, trap):
    """An ffmpeg that is not locked in follows the reference: the baits are real ones."""
    clip = seeds(tmp_path)[0]
    canaries = Canaries([clip])
    path = tmp_path / "outside.mp4"
    path.write_bytes(outside(clip.read_bytes(), os.fsencode(clip)))
    listed = tmp_path / "list.txt"
    listed.write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    canaries.opened()
    command = [str(ffmpeg()), "-v", "quiet", "-nostdin", "-safe", "0", "-i", str(listed)]
    command += ["-f", "null", "-"]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    assert canaries.opened() == {clip}
    canaries.close()
    command = [str(ffmpeg()), "-v", "quiet", "-nostdin", "-rw_timeout", "1000000", "-i", trap.url]
    await asyncio.to_thread(subprocess.run, command, check=False, timeout=60)
    assert trap.calls == 1

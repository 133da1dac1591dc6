"""Damaged files of all kinds through the children that read strangers' media.

No damage may make one hang, crash or ask for files or the network: each file is taken, or refused
with an error that says what is wrong. `BEATSTITCH_MUTATIONS=1000` tries more of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.mutations import mutated, seeds

from beatstitch.internal.v1.render_plan_pb2 import ChunkContent
from beatstitch.v1 import common_pb2, edl_pb2, failure_pb2
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_core.limits import default_limits
from beatstitch_media import sandbox
from beatstitch_media.audio import decode_mono
from beatstitch_media.probe import probe
from beatstitch_renderer.children.chunk_child import PIECE
from beatstitch_renderer.piece import read_header

if TYPE_CHECKING:
    from pathlib import Path

COUNT = int(os.environ.get("BEATSTITCH_MUTATIONS", "51"))
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
    return (looked_at, heard) if name.startswith("song") else (looked_at, shown)


async def looked_at(path: Path, name: str, work: Path) -> None:
    limits = default_limits()
    await probe(path, filename=name, limits=limits, work_dir=work, timeout_s=PATIENCE_S)


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


@pytest.mark.slow
async def test_damaged_files_are_taken_or_refused(tmp_path):
    assert not sandbox.sandbox_report()["missing"], "children could reach files or the network"
    whole = tmp_path / "whole"
    whole.mkdir()
    files = seeds(whole)
    places = asyncio.Semaphore(2)

    async def one(number: int) -> str:
        async with places:
            name, data = mutated(files, number)
            path = tmp_path / f"{number}"
            path.write_bytes(data)
            return await tried(path, name, tmp_path)

    ends = Counter(await asyncio.gather(*(one(number) for number in range(COUNT))))
    for end, count in ends.most_common():
        sys.stdout.write(f"{count:5} {end}\n")
    assert not [end for end in ends if end.startswith("!")]
    # Else the damage tries nothing: some is harmless, and some is not.
    assert any(end.startswith("taken taken") for end in ends)
    assert any("INPUT_CORRUPT" in end for end in ends)

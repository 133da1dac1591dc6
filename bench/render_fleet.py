"""Whole renders through real queue and storage: memory, one worker process against two.

    python bench/render_fleet.py [--seconds 60] [--batch 3] [--rounds 1] [--pods] [--out DIR]

The timeline of `render_material.py`. A renderer process renders one piece at a time, with one
encoder thread, and watches over renders as any does. First one process, then two share the queue;
each makes one render alone (how long a person waits) and then a batch of renders queued together
(what a fleet makes an hour). Every render has a folder of its own, so nothing is found in the
cache.

A process composes while its encoder encodes, so one alone keeps more than one core busy. With
--pods each process has a core of its own and no more, as a pod with `cpu: 1` has: that is what a
second pod brings.

Said for each: wall; stages; the most memory of all processes of the renderers and their children at
one moment, as PSS (shared pages once) and as RSS summed (shared pages in each). The servers' memory
(NATS, S3) is not in it. The load average stands with it: on a busy machine wall times say little,
and two processes get more of it than one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from render_material import make_edl, make_sources
from watched import Watched, machine_cpu_s

from beatstitch.internal.v1.job_event_pb2 import JobEvent, JobProgress
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia
from beatstitch.v1 import edl_pb2, job_pb2
from beatstitch_core.canonical import canonical_json, sha256_hex
from beatstitch_core.ids import new_id
from beatstitch_core.keys import artefact_key, input_key
from beatstitch_core.profiles import render_profiles
from beatstitch_core.timebase import rate_fraction, round_half_up
from beatstitch_renderer.settings import RendererSettings
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.subjects import event_subject, progress_subject
from beatstitch_runtime.storage import Storage
from beatstitch_samples import signals
from beatstitch_samples.audio_files import write_audio
from beatstitch_stack.services import ServiceProcess
from beatstitch_stack.stack import Stack

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from beatstitch.v1.edl_pb2 import Edl

_LIMIT_S = 3600
_ENDS = frozenset({"succeeded", "failed", "cancelled"})


@dataclass
class Fleet:
    """What the bench knows of the running system."""

    bus: Bus
    storage: Storage
    edl: Edl
    media: list[ReadyMedia]
    song: Path
    made: int = 0
    spans: list[str] = field(default_factory=list)

    async def render(self) -> None:
        """One render that shares nothing with those before."""
        self.made += 1
        spec = await self._spec(f"fleet-{self.made}-{new_id()}/")
        ended: asyncio.Future[JobEvent] = asyncio.get_running_loop().create_future()
        last = JobProgress()

        async def event(message: Msg) -> None:
            found = JobEvent.FromString(message.data)
            if found.WhichOneof("event") in _ENDS and not ended.done():
                ended.set_result(found)

        async def progress(message: Msg) -> None:
            last.ParseFromString(message.data)

        listening = [
            await self.bus.nc.subscribe(event_subject(spec.tenant, spec.job_id), cb=event),
            await self.bus.nc.subscribe(progress_subject(spec.tenant, spec.job_id), cb=progress),
        ]
        await self.bus.nc.flush()
        await publish_job(self.bus, spec, new_id())
        found = await asyncio.wait_for(ended, _LIMIT_S)
        for one in listening:
            await one.unsubscribe()
        if found.WhichOneof("event") != "succeeded":
            raise RuntimeError(str(found))
        self.spans.append(
            ", ".join(
                f"{stage.name} {_seconds(stage):.1f}"
                for stage in last.stages
                if stage.HasField("end_time")
            )
        )

    async def _spec(self, prefix: str) -> JobSpec:
        spec = JobSpec(
            job_id=new_id(),
            tenant="default",
            project_id=new_id(),
            type=job_pb2.JOB_TYPE_RENDER_FINAL,
            lane=job_pb2.JOB_LANE_BATCH,
            key_prefix=prefix,
        )
        audio = await self._upload(prefix, self.song)
        self.edl.audio.asset_id, self.edl.audio.sha256 = audio.asset_id, audio.object.sha256
        data = canonical_json(self.edl)
        key = artefact_key(prefix, "edl", sha256_hex(data), ".json")
        spec.render.render_id = new_id()
        spec.render.edl.CopyFrom(await self.storage.put(key, data))
        spec.render.profile.CopyFrom(render_profiles()["final"])
        spec.render.audio.CopyFrom(audio)
        spec.render.media.extend(self.media)
        return spec

    async def _upload(self, prefix: str, path: Path) -> ReadyMedia:
        ref = await self.storage.put_file(input_key(prefix, path.name), path)
        return ReadyMedia(asset_id=path.name, filename=path.name, object=ref)


def complete(edl: Edl) -> None:
    """Says what the rules want to hear besides: milliseconds, and a beat for each cut."""
    rate = rate_fraction(edl.output.frame_rate)
    for segment in edl.segments:
        begin, end = segment.timeline_in_frame, segment.timeline_out_frame
        segment.timeline_in_ms, segment.timeline_out_ms = (
            round_half_up(frame / rate * 1000) for frame in (begin, end)
        )
        segment.render_duration_ms = segment.timeline_out_ms - segment.timeline_in_ms
        segment.fit = edl_pb2.FIT_COVER
        segment.fill = edl_pb2.FILL_POLICY_LOOP
        segment.cut.rule = edl_pb2.CUT_RULE_EVERY_N_BEATS if begin else edl_pb2.CUT_RULE_START
        segment.cut.beat_index = segment.index or -1
        segment.cut.beat_time_us = round_half_up(begin / rate * 1_000_000)


def is_ours(pid: int) -> bool:
    """Whether a process is a renderer or a child of one, and no server."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return not any(name in line for name in (b"nats-server", b"s3", b"minio", b"weed"))


def _seconds(stage: job_pb2.JobStage) -> float:
    return (stage.end_time.ToNanoseconds() - stage.start_time.ToNanoseconds()) / 1e9


async def measured(fleet: Fleet, renders: int, what: str) -> float:
    """Renders made together; says what they took and returns the wall time."""
    fleet.spans.clear()
    begun, used = time.perf_counter(), machine_cpu_s()
    # A look at memory ten times a second takes a tenth of a core: none while throughput counts.
    with Watched(is_ours) if renders == 1 else nullcontext() as taken:
        await asyncio.gather(*(fleet.render() for _ in range(renders)))
    wall = time.perf_counter() - begun
    busy = (machine_cpu_s() - used) / wall
    say(f"{what}: {wall:.1f} s; {busy:.2f} cores busy; load {os.getloadavg()[0]:.1f}")
    if taken is not None:
        say(f"    {fleet.spans[0]}")
        memory = f"{taken.peak_mb:.0f} MB PSS, {taken.peak_rss_mb:.0f} MB RSS"
        say(f"    at most {memory} of all processes together")
    return wall


async def bench(args: argparse.Namespace) -> None:
    """Runs it."""
    stills, moving = make_sources(args.out.absolute() / "render-sources", 250)
    edl, files = make_edl(args.seconds, stills, moving)
    complete(edl)
    async with AsyncExitStack() as block:
        folder = Path(block.enter_context(tempfile.TemporaryDirectory(dir=args.out.absolute())))
        song = write_audio(
            folder / "song.wav", signals.click_track([0], args.seconds * 1_000_000), 48_000
        )
        stack = await block.enter_async_context(Stack.start(postgres=False))
        env = {**stack.env_of("renderer"), "BEATSTITCH_CHUNK_SLOTS": "1"}
        os.environ.update(env)
        settings = RendererSettings()
        storage = Storage.from_settings(settings)
        media = []
        for digest, path in files.items():
            ref = await storage.put_file(input_key("fleet/", digest), path)
            media.append(ReadyMedia(asset_id=path.name, filename=path.name, object=ref))
        edl_ready = Fleet(await Bus.connect(settings), storage, edl, media, song)
        block.push_async_callback(edl_ready.bus.close)
        walls: dict[tuple[int, int], float] = {}
        for turn in range(args.rounds):
            for count in (1, 2):
                workers = [worker(index, env, folder) for index in range(count)]
                try:
                    await asyncio.gather(*(asyncio.to_thread(one.start) for one in workers))
                    for core, one in enumerate(workers if args.pods else ()):
                        give_one_core(one.pid, core)
                    for renders in (1, args.batch):
                        what = f"round {turn + 1}, {count} process(es), {renders} render(s)"
                        took = await measured(edl_ready, renders, what)
                        walls[count, renders] = min(took, walls.get((count, renders), took))
                finally:
                    await asyncio.gather(*(asyncio.to_thread(one.stop) for one in workers))
        for renders in (1, args.batch):
            ratio = walls[1, renders] / walls[2, renders]
            say(f"{renders} render(s): two processes are {ratio:.2f}× as fast as one")


def worker(index: int, env: dict[str, str], folder: Path) -> ServiceProcess:
    """A renderer process with inputs of its own, as on a machine of its own."""
    work = folder / f"work-{index}"
    work.mkdir(exist_ok=True)
    return ServiceProcess(
        f"renderer-{index}",
        "beatstitch_renderer",
        {**env, "BEATSTITCH_WORK_DIR": str(work)},
        folder / f"renderer-{index}.log",
    )


def give_one_core(pid: int, core: int) -> None:
    """A process and what it starts from now on run on this core only."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def say(text: str) -> None:
    """To the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pods", action="store_true", help="one core for each process")
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    main()

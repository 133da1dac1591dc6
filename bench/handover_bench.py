"""How long the work of a killed worker lies still, with leases as they come and with short ones.

    python bench/handover_bench.py [--kills 3] [--ack-wait 60] [--ack-wait 5]

Two renderers share a render in pieces. The one that holds a piece, and doesn't watch over the
render itself, gets SIGKILL, as the pod of a lost node; the clock stops when JetStream hands its
piece to the other one. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nats

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import AsyncClient
from beatstitch_runtime.jobs.topology import JOBS
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_samples import coded_clip, compose
from beatstitch_stack import System

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.chaos.tap import Tap

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from beatstitch_stack import ServiceProcess

DEFAULT_S = ServiceSettings.model_fields["ack_wait_s"].default
DEFAULT_HEARTBEAT_S = ServiceSettings.model_fields["heartbeat_s"].default
WIDTH, HEIGHT = 1280, 720


async def measure(folder: Path, ack_wait_s: float, kills: int) -> list[float]:
    """Seconds from each kill to the piece's next hand-out."""
    heartbeat_s = min(DEFAULT_HEARTBEAT_S, ack_wait_s / 4)
    env = {
        "BEATSTITCH_ACK_WAIT_S": str(ack_wait_s),
        "BEATSTITCH_HEARTBEAT_S": str(heartbeat_s),
        "BEATSTITCH_ANALYZER_BACKEND": "librosa",
    }
    song = compose(bars=16).write(folder / "song.wav")
    clip = coded_clip(folder / "clip.mp4", source_id=1, frames=150, size=(1280, 720)).path
    waits = []
    async with (
        System.start(folder / "state", env=env, replicas={"renderer": 2}, durable=False) as system,
        AsyncClient(system.gateway_address, system.api_key) as client,
        Tap([system.stack.nats.url]) as tap,
    ):
        bus = await nats.connect(system.stack.nats.url)
        project = await client.create_project("handover")
        for path in (song, clip):
            upload = await client.upload(project.id, path)
            await client.wait_job(upload.job.id)
        for number in range(kills):
            # Another size each time, or all its pieces would be found.
            output = OutputFormat(width=WIDTH - 16 * number, height=HEIGHT)
            settings = TimelineSettings(beats_per_cut=1, output=output)
            job = await client.stitch(project.id, settings)
            victim = await holder_of_a_piece(system, tap)
            await asyncio.to_thread(victim.kill)
            died = time.monotonic()
            await handed_out_again(bus.jetstream())
            waits.append(time.monotonic() - died)
            print(f"  {waits[-1]:.1f} s", flush=True)
            await asyncio.to_thread(victim.start)
            end = await client.wait_job(job.id)
            if end.state != job_pb2.JOB_STATE_SUCCEEDED:
                raise SystemExit(f"the render ended {end}")
        await bus.close()
    return waits


async def holder_of_a_piece(system: System, tap: Tap) -> ServiceProcess:
    """A renderer with work in its scratch folder that doesn't watch over the render itself."""
    work = system.stack.state_dir / "work"
    while True:
        for service in system.replicas("renderer"):
            watches = any(worker.endswith(f"-{service.pid}") for worker in tap.running.values())
            if not watches and list((work / service.name).glob("**/job-*/*")):
                return service
        await asyncio.sleep(0.05)


async def handed_out_again(js: JetStreamContext) -> None:
    """Returns when a piece has been given to a second worker."""
    while True:
        infos = await js.consumers_info(JOBS)
        if any(info.num_redelivered for info in infos if "chunk" in info.name):
            return
        await asyncio.sleep(0.05)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--ack-wait", type=float, action="append")
    options = parser.parse_args()
    for ack_wait_s in options.ack_wait or [DEFAULT_S, 5.0]:
        print(f"BEATSTITCH_ACK_WAIT_S={ack_wait_s:g}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="handover-") as folder:
            waits = asyncio.run(measure(Path(folder), ack_wait_s, options.kills))
        print(
            f"  from the death to the piece's next hand-out: {min(waits):.1f} to "
            f"{max(waits):.1f} s, median {statistics.median(waits):.1f} s of {len(waits)}"
        )


if __name__ == "__main__":
    main()

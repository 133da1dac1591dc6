"""A rolling upgrade's restarts, one process after another, under a batch: nobody's work fails.

`ROLLING_JOBS=50` makes the batch as long as an upgrade of a cluster. `ROLLING_FROM=PYTHON`, the
interpreter of another release's environment, makes it an upgrade: that release begins, on a
database that is migrated already, and each restart changes between the two (`make upgrade-drill`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import coded_clip, compose
from beatstitch_stack import System

if TYPE_CHECKING:
    from beatstitch_stack.services import ServiceProcess

JOBS = int(os.environ.get("ROLLING_JOBS") or 12)
FROM = os.environ.get("ROLLING_FROM") or sys.executable
REPLICAS = {"gateway": 2, "analyzer": 2, "timeline": 2, "renderer": 2}
ENV = {
    "BEATSTITCH_ANALYZER_BACKEND": "librosa",
    "BEATSTITCH_DRAIN_GRACE_S": "20",
    # A hand-back is no failure: it must not use up what failures have.
    "BEATSTITCH_MAX_DELIVER": "3",
}


def restart(service: ServiceProcess, python: str) -> None:
    """SIGTERM, the time it asks for, and a new one at the same address."""
    service.stop(grace=40)
    service.run_by(python)
    service.start()


def turns(system: System, ended: threading.Event) -> int:
    """Restarts every process once, then goes on until the batch has ended."""
    done = 0
    order = [system.replicas(name)[n] for n in (0, 1) for name in REPLICAS]
    for python in itertools.cycle((sys.executable, FROM)):
        for service in order:
            if ended.is_set() and done >= len(order):
                return done
            restart(service, python)
            done += 1
    raise AssertionError


def begin_with(system: System, python: str) -> None:
    """As it was before the upgrade, but for the database, which goes first."""
    for service in system.services.values():
        restart(service, python)


@pytest.mark.slow
@pytest.mark.timeout(300 + 20 * JOBS)
def test_no_job_fails_while_everything_is_restarted_in_turn(tmp_path):
    song = compose(bars=3).write(tmp_path / "song.wav")
    clip = coded_clip(tmp_path / "clip.mp4", source_id=2, frames=90, size=(160, 90)).path
    with asyncio.Runner() as runner:
        block = System.start(tmp_path / "state", replicas=REPLICAS, env=ENV, durable=False)
        system = runner.run(block.__aenter__())
        try:
            if sys.executable != FROM:
                begin_with(system, FROM)
            with Client(system.gateway_target, system.api_key) as client:
                project = client.create_project("rolling")
                client.upload(project.id, song)
                client.upload(project.id, clip)
                output = OutputFormat(width=160, height=90)
                items = [
                    StitchRequest(
                        project_id=project.id,
                        settings=TimelineSettings(beats_per_cut=1 + n % 4, seed=n, output=output),
                    )
                    for n in range(JOBS)
                ]
                ended = threading.Event()
                restarting = runner.get_loop().run_in_executor(None, turns, system, ended)
                try:
                    batch = client.batch_stitch(items)
                    states = {
                        told.job.id: told.job.state
                        for told in client.watch_jobs(batch_id=batch.batch_id, until_all_ended=True)
                        if told.HasField("job")
                    }
                finally:
                    ended.set()
                    restarts = runner.run(_wait(restarting))
                jobs = client.list_jobs(limit=JOBS * 3)
        finally:
            runner.run(block.__aexit__(None, None, None))
    accepted = {result.job.id for result in batch.results}
    assert len(accepted) == JOBS
    assert {states[job] for job in accepted} == {job_pb2.JOB_STATE_SUCCEEDED}
    assert not [job for job in jobs if job.state == job_pb2.JOB_STATE_FAILED]
    assert restarts >= sum(REPLICAS.values())


async def _wait(future: asyncio.Future[int]) -> int:
    return await future

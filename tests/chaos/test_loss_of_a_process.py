"""kill -9 of each process in the middle of a render: the same bytes come out all the same."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_stack import System

pytestmark = pytest.mark.slow

SETTINGS = TimelineSettings(beats_per_cut=1, output=OutputFormat(width=1280, height=720))
# Leases short enough that a lost worker is noticed within the test.
QUICK = {
    "BEATSTITCH_ACK_WAIT_S": "4",
    "BEATSTITCH_HEARTBEAT_S": "1",
    "BEATSTITCH_ANALYZER_BACKEND": "librosa",
}
VICTIMS = ["renderer-0", "timeline-0", "analyzer-0", "gateway-0", "nats"]


@contextmanager
def running_system(folder: Path) -> Iterator[tuple[System, Client]]:
    with asyncio.Runner() as runner:
        # Durable servers: what was acknowledged has to outlive a kill -9.
        block = System.start(folder, env=QUICK, durable=True)
        system = runner.run(block.__aenter__())
        try:
            with Client(system.gateway_address, system.api_key) as client:
                yield system, client
        finally:
            runner.run(block.__aexit__(None, None, None))


def begin_stitch(client: Client, material) -> Job:
    song, clips = material
    project = client.create_project("loss")
    client.upload(project.id, song)
    for clip in clips:
        client.upload(project.id, clip)
    return client.stitch(project.id, SETTINGS)


def wait_for_the_middle_of(stage: str, client: Client, job: Job) -> None:
    """Follows the job until a part of the stage is done: a chunk, an asset."""
    for now in client.watch_job(job.id):
        at = {entry.name: entry for entry in now.stages}.get(stage)
        assert now.state in {job_pb2.JOB_STATE_PENDING, job_pb2.JOB_STATE_RUNNING}, now
        if at and at.state == job_pb2.JOB_STATE_RUNNING and at.progress_percent > 10:
            return


@pytest.fixture(scope="module")
def undisturbed(material, tmp_path_factory) -> str:
    """SHA-256 of the video when nothing happens."""
    with running_system(tmp_path_factory.mktemp("undisturbed")) as (_, client):
        job = client.wait_job(begin_stitch(client, material).id)
        return str(job.stitch.render.sha256)


def bring_down_and_up(system: System, victim: str) -> None:
    server = system.stack.nats if victim == "nats" else system.services[victim]
    server.kill()
    server.start()


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_render_survives_the_loss_of(victim, material, undisturbed, tmp_path):
    with running_system(tmp_path / "state") as (system, client):
        job = begin_stitch(client, material)
        # The analyzer's own hour is the ingest: the song's upload starts its analysis.
        stage = {"analyzer-0": "ingest"}.get(victim, "render")
        wait_for_the_middle_of(stage, client, job)
        bring_down_and_up(system, victim)
        end = client.wait_job(job.id)
        assert end.state == job_pb2.JOB_STATE_SUCCEEDED
        assert end.stitch.render.sha256 == undisturbed
        assert end.stitch.render.worst_cut_error_frames == 0

"""The bucket is cleaned without pause while renders run: all succeed, all the same to the byte."""

import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.duration_pb2 import Duration

from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1 import edl_pb2, failure_pb2
from beatstitch.v1.edl_pb2 import OutputFormat, Transition
from beatstitch.v1.tenant_pb2 import RetentionPolicy, Tenant
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import BeatStitchError, Client
from beatstitch_samples import coded_clip, compose, write_photo
from beatstitch_stack import System

pytestmark = pytest.mark.slow

# Shorter than a render: what keeps a render's pieces is that it runs.
SAFETY_S = 1.0
ROUNDS = 2
CLEANED = {
    "BEATSTITCH_S3_TOUCH_AFTER_S": "0",
    "BEATSTITCH_RETENTION_INTERVAL_S": "0.2",
    "BEATSTITCH_RETENTION_SAFETY_S": str(SAFETY_S),
    "BEATSTITCH_RETENTION_CHUNK_BYTES": "1",
    "BEATSTITCH_RETENTION_PROXIES_S": "0",
    "BEATSTITCH_RETENTION_PREVIEWS_S": "0",
}


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    import asyncio  # noqa: PLC0415 - as the session's own system is run

    with asyncio.Runner() as runner:
        block = System.start(tmp_path_factory.mktemp("cleaned"), durable=False, env=CLEANED)
        running = runner.run(block.__aenter__())
        try:
            yield running
        finally:
            runner.run(block.__aexit__(None, None, None))


def operator_of(system: System) -> str:
    """A key that may change tenants."""
    lines = system.env_file.read_text("utf-8").splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines)
    env = {name: value.strip("'") for name, _, value in pairs}
    command = ["-m", "beatstitch_gateway.create_key", "--tenant", "default", "--role", "operator"]
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def settings(seed: int) -> TimelineSettings:
    return TimelineSettings(
        beats_per_cut=2,
        seed=seed,
        output=OutputFormat(width=160, height=90),
        transition=Transition(type=edl_pb2.TRANSITION_TYPE_CROSSFADE),
    )


def test_cleaning_takes_nothing_from_those_who_render(cleaned: System, media_dir, tmp_path):
    with Client(cleaned.gateway_address, cleaned.api_key) as client:
        project = client.create_project("cleaned")
        client.upload(project.id, compose(bars=6).write(media_dir / "cleaned.wav"))
        client.upload(project.id, write_photo(media_dir / "sea.jpg", "ocean", size=(400, 267)))
        client.upload(project.id, coded_clip(media_dir / "c.mp4", source_id=3, frames=90).path)

        def stitched(order: tuple[int, str]):
            seed, profile = order
            job = client.stitch(project.id, settings(seed), profile=profile)
            return order, client.wait_job(job.id).stitch.render

        orders = [(seed, profile) for seed in (1, 2) for profile in ("preview", "final")]
        seen: dict[tuple[int, str], set[str]] = {}
        for _ in range(ROUNDS):
            with ThreadPoolExecutor(len(orders)) as pool:
                made = dict(pool.map(stitched, orders))
            for order, render in made.items():
                seen.setdefault(order, set()).add(render.sha256)
            time.sleep(3 * SAFETY_S)  # what was rendered is old enough to go
        assert all(len(found) == 1 for found in seen.values()), seen

        render = made[1, "preview"]
        with pytest.raises(BeatStitchError) as gone:
            client.download(render.render_id, tmp_path / "gone.mp4")
        assert gone.value.reason == failure_pb2.ERROR_REASON_OUTPUT_EXPIRED
        assert not list(tmp_path.iterdir())
        policy = RetentionPolicy(previews=Duration(seconds=600))
        with Client(cleaned.gateway_address, operator_of(cleaned)) as operator:
            operator.call(
                admin.UpdateTenantRequest(
                    tenant=Tenant(id="default", retention=policy),
                    update_mask={"paths": ["retention"]},
                ),
                admin.UpdateTenantResponse,
            )
        job, _ = client.restore_output(render.render_id)
        client.wait_job(job.id)
        video = client.download(render.render_id, tmp_path / "again.mp4")
        assert hashlib.sha256(video.read_bytes()).hexdigest() == render.sha256
        assert not client.get_render(render.render_id).expired

"""The disk of a server under us is full: callers are told of an outage, and it passes."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest
from support import small_disk
from support.public_api import upload_messages
from support.waiting import until

from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_core.errors import reason_name
from beatstitch_gateway.migrate import upgrade
from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_stack import NatsServer, PostgresServer, S3Server

OUTAGES = {"DEPENDENCY_DOWN", "DISK_FULL", "QUEUE_FULL", "DEADLINE_EXCEEDED"}


@pytest.fixture
def disk(tmp_path):
    """Makes small disks; the test is skipped where nobody may."""
    made = []

    def make(megabytes: int):
        path = tmp_path / f"disk{len(made)}"
        if not small_disk.mount(path, megabytes):
            pytest.skip("only root may mount a small disk")
        made.append(path)
        return path

    yield make
    for path in made:
        small_disk.unmount(path)


async def told(call) -> str:
    """The reason that a call fails with; empty when it succeeds."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return reason_name(error_from_rpc(error, "gateway").reason)
    return ""


async def test_of_postgres(open_house_on, nats_server_fresh, s3_server, disk):
    place = disk(160)
    with PostgresServer(place / "postgres") as server:
        await upgrade(server.url())
        async with open_house_on(nats_server_fresh, s3_server, server.url()) as house:
            with small_disk.full(place):
                reasons = set()
                for number in range(400):  # until what PostgreSQL has reserved is used up
                    name = f"{number}" + "x" * 190
                    reasons.add(await told(house.client.CreateProject(display_name=name)))
            assert reasons <= OUTAGES | {""}
            if not server.running:  # it gives up when its log can't be written
                await asyncio.to_thread(server.start)
            await until(lambda: works(house), 30)


async def works(house) -> bool:
    return not await told(house.client.CreateProject(display_name="again"))


async def test_of_nats(open_house_on, s3_server, database, disk):
    place = disk(16)
    # Else it would refuse streams that may become larger than its disk.
    store = f'jetstream {{ store_dir: "{place}/nats/js", max_file_store: 2GB }}'
    with NatsServer(place / "nats", extra_config=store) as server:
        async with open_house_on(server, s3_server, database) as house:
            project_id = await house.project()
            jobs = []
            with small_disk.full(place):
                for number in range(5):
                    reply = await house.upload(project_id, f"{number}.mp3", MEDIA_TYPE_AUDIO)
                    jobs.append(reply.job.id)
            await asyncio.to_thread(server.restart)  # it turns JetStream off on a full disk
            for job_id in jobs:
                await house.finish(job_id)


async def test_of_s3(open_house_on, nats_server_fresh, database, disk):
    place = disk(96)
    with S3Server(place / "s3") as server:
        async with open_house_on(nats_server_fresh, server, database) as house:
            project_id = await house.project()

            async def upload() -> str:
                data = bytes(4 * small_disk.MB)
                sent = upload_messages(project_id, "a.jpg", MEDIA_TYPE_IMAGE, data)
                return await told(house.client.UploadAsset(sent))

            assert not await upload()
            with small_disk.full(place):
                reasons = {await upload() for _ in range(3)}
            assert reasons <= OUTAGES
            await asyncio.to_thread(server.restart)

            async def stored() -> bool:
                return not await upload()

            await until(stored, 30)

"""Lost servers, lost messages, lost workers."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import ChunkFinished
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, RenderChunkSpec
from beatstitch.v1 import asset_pb2, failure_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_core.ids import new_id
from beatstitch_gateway.create_key import create_key
from beatstitch_gateway.db.tables import dead_letters, outbox
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.migrate import alembic_config, upgrade
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.topology import JOBS, consumer_name, ensure_topology

FAILED = job_pb2.JOB_STATE_FAILED
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


async def count(house, table) -> int:
    database = Database(house.settings.database_url.get_secret_value(), 1)
    try:
        async with database.transaction() as tx:
            return (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
    finally:
        await database.close()


async def song_job(house) -> tuple[str, str]:
    project_id = await house.project()
    reply = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)
    return reply.asset.id, reply.job.id


async def test_a_call_succeeds_while_nats_is_down(house, nats_server_fresh):
    project_id = await house.project()
    await asyncio.to_thread(nats_server_fresh.kill)
    begun = time.monotonic()
    reply = await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)
    other = await house.upload(project_id, "t.mp3", MEDIA_TYPE_AUDIO)
    cancelled = (await house.client.CancelJob(job_id=other.job.id)).job
    assert time.monotonic() - begun < 5
    assert cancelled.state == job_pb2.JOB_STATE_CANCELLED
    assert await count(house, outbox) == 1
    await asyncio.to_thread(nats_server_fresh.start)
    done = await house.finish(reply.job.id)
    assert done.state == SUCCEEDED
    assert await count(house, outbox) == 0
    assert await house.queued() == 0


async def test_a_full_queue_is_waited_out(open_house):
    async with open_house(jobs_max_messages=2) as house:
        replies = [(await song_job(house))[1] for _ in range(4)]

        async def full() -> bool:
            return await house.queued() == 2

        await until(full)
        for job_id in replies:
            await house.finish(job_id)
        assert await count(house, outbox) == 0


async def test_the_database_goes_and_comes(open_house_at, postgres_server_fresh):
    url = postgres_server_fresh.url()
    await upgrade(url)
    async with open_house_at(url) as house:
        asset_id, job_id = await song_job(house)
        spec = await house.take(job_id)
        await asyncio.to_thread(postgres_server_fresh.kill)
        error = await house.client.refused(house.client.GetJob(job_id=job_id), "DEPENDENCY_DOWN")
        assert error.metadata["dependency"] == "database"
        # A fact that comes meanwhile waits in its stream.
        await house.event(spec, succeeded=await house.output(spec))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(postgres_server_fresh.start)

        async def applied() -> bool:
            return (await house.job(job_id)).state == SUCCEEDED

        await until(applied)
        asset = (await house.client.GetAsset(asset_id=asset_id)).asset
        assert asset.state == asset_pb2.ASSET_STATE_READY


async def test_a_dead_letter_fails_its_job(open_house):
    async with open_house(max_deliver=2, ack_wait_s=0.3, heartbeat_s=0.1) as house:
        asset_id, job_id = await song_job(house)
        await house.take(job_id, ack=False)
        await asyncio.sleep(0.4)
        await house.take(job_id, ack=False)
        # The advisory comes when the consumer would hand it out once more.
        name = consumer_name(job_pb2.JOB_TYPE_BEAT_ANALYSIS, job_pb2.JOB_LANE_INTERACTIVE)
        subscription = await house.bus.js.pull_subscribe_bind(name, stream=JOBS)
        with pytest.raises(TimeoutError):
            await subscription.fetch(1, timeout=1)
        await subscription.unsubscribe()
        done = await house.ended(job_id)
        assert done.failure.reason == failure_pb2.ERROR_REASON_WORKER_LOST
        assert done.failure.retryable
        assert (await house.client.GetAsset(asset_id=asset_id)).asset.state == (
            asset_pb2.ASSET_STATE_FAILED
        )
        assert await count(house, dead_letters) == 1

        async def empty() -> bool:
            return await house.queued() == 0

        await until(empty)
        again = (await house.client.RetryJob(job_id=job_id)).job
        await house.finish(again.id)


async def test_a_dead_piece_fails_its_render(open_house):
    async with open_house(max_deliver=1, ack_wait_s=0.3, heartbeat_s=0.1) as house:
        project_id, _song, _pictures = await house.ready(1)
        edl_hash = await house.timeline(project_id)
        made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
        spec = await house.begin(made.job.id)
        piece = JobSpec(
            job_id=spec.job_id,
            tenant=spec.tenant,
            type=job_pb2.JOB_TYPE_RENDER_CHUNK,
            lane=job_pb2.JOB_LANE_BATCH,
            render_chunk=RenderChunkSpec(render_id=made.render.id),
        )
        await publish_job(house.bus, piece, new_id())
        name = consumer_name(job_pb2.JOB_TYPE_RENDER_CHUNK, job_pb2.JOB_LANE_BATCH)
        subscription = await house.bus.js.pull_subscribe_bind(name, stream=JOBS)
        await subscription.fetch(1, timeout=5)
        # The pieces' own facts are not the gateway's business.
        await house.event(spec, chunk_finished=ChunkFinished(chunk_hash="x"))
        with pytest.raises(TimeoutError):
            await subscription.fetch(1, timeout=1)
        await subscription.unsubscribe()
        done = await house.ended(made.job.id)
        assert done.state == FAILED
        assert done.failure.reason == failure_pb2.ERROR_REASON_WORKER_LOST


async def test_jobs_survive_the_loss_of_all_streams(open_house):
    async with open_house(
        reconcile_interval_s=0.1, pending_limit_s=0.6, running_limit_s=0.6
    ) as house:
        _asset, waiting = await song_job(house)
        _asset, running = await song_job(house)
        first = await house.begin(running)
        for name in ("JOBS", "EVENTS", "DEAD"):
            await house.bus.js.delete_stream(name)
        await ensure_topology(house.bus.js, house.settings)
        # Another job has the lost ones' numbers now.
        project_id = await house.project()
        third = await house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE)
        again = await house.take(running)
        assert again.attempt > first.attempt
        await house.event(again, succeeded=await house.output(again))
        assert (await house.ended(running)).state == SUCCEEDED
        # `take` acknowledged what it met on the way: the reconciler brings that back too.
        await house.finish(waiting)
        await house.finish(third.job.id)


async def test_a_waiting_job_is_left_alone(open_house):
    async with open_house(reconcile_interval_s=0.1, pending_limit_s=0.2) as house:
        _asset, job_id = await song_job(house)
        await asyncio.sleep(1.5)
        assert await house.queued() == 1
        assert (await house.take(job_id)).attempt == 0


async def test_one_tenant_does_not_starve_another(open_house, messages):
    async with open_house(tenant_jobs_in_flight=2) as house:
        mine = [(await song_job(house))[1] for _ in range(4)]

        async def capped() -> bool:
            return await house.queued() == 2

        await until(capped)
        other = await house.new_tenant("other")
        project_id = (await other.CreateProject(display_name="x")).project.id
        await other.UploadAsset(messages(project_id, "x", MEDIA_TYPE_IMAGE, b"x"))

        async def others_turn() -> bool:
            return await house.queued() == 3

        await until(others_turn)
        await asyncio.sleep(0.3)
        assert await house.queued() == 3
        for job_id in mine:
            await house.finish(job_id)
        assert await house.queued() == 1


async def test_a_watcher_finds_changes_without_nats(house, nats_server_fresh):
    _asset, job_id = await song_job(house)
    other = await house.replica()
    seen = []

    async def watch() -> None:
        async for reply in other.WatchJob(job_id=job_id):
            seen.append(reply.job.state)  # noqa: PERF401 - looked at after a failure too

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(nats_server_fresh.kill)
    await house.client.CancelJob(job_id=job_id)
    async with asyncio.timeout(5):
        await watching
    assert seen[-1] == job_pb2.JOB_STATE_CANCELLED
    await asyncio.to_thread(nats_server_fresh.start)


async def test_uploads_that_nobody_completed_are_forgotten(open_house):
    async with open_house(reconcile_interval_s=0.1, upload_retention_s=-7200) as house:
        project_id = await house.project()
        await house.client.CreateUpload(
            project_id=project_id, filename="x", size_bytes=1, media_type=MEDIA_TYPE_IMAGE
        )

        async def forgotten() -> bool:
            return not (await house.client.ListAssets(project_id=project_id)).assets

        await until(forgotten)


async def test_an_edl_that_is_not_what_its_hash_says_fails_the_build(house):
    project_id, _song, _pictures = await house.ready(1)
    job = (await house.client.GenerateTimeline(project_id=project_id)).job
    spec = await house.take(job.id)
    output = await house.output(spec)
    output.timeline_build.edl.sha256 = "0" * 64
    await house.event(spec, succeeded=output)
    done = await house.ended(job.id)
    assert done.state == FAILED
    await house.client.refused(
        house.client.GetTimeline(project_id=project_id), "TIMELINE_NOT_FOUND"
    )


async def test_many_replicas_may_migrate_at_once(postgres_server):
    name = f"many_{new_id().replace('-', '')}"
    postgres_server.create_database(name)
    url = postgres_server.url(name)
    await asyncio.gather(*(upgrade(url) for _ in range(4)))
    await upgrade(url)
    postgres_server.drop_database(name)


async def test_the_migrations_make_what_the_code_expects(database: str):
    engine = create_async_engine(database, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.check(alembic_config(sync)))
    await engine.dispose()


async def test_a_key_and_nothing_else_is_printed(house):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "beatstitch_gateway.create_key", "--tenant", "printed"),
        env={
            **os.environ,
            "BEATSTITCH_DATABASE_URL": house.settings.database_url.get_secret_value(),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    (key,) = printed.decode().splitlines()
    assert not (await house.with_key(key).ListProjects()).projects
    with pytest.raises(ValueError, match="1 to 63"):
        await create_key(house.settings.database_url.get_secret_value(), "no.dots")

"""What a tenant may use, counted in the rows, also by many calls at once."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest
import sqlalchemy as sa
from support.waiting import until

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch.v1.tenant_pb2 import Quotas, Tenant
from beatstitch_core.errors import reason_name
from beatstitch_gateway.db.tables import tenants
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.quotas import need, usage
from beatstitch_runtime.jobs.topology import JOBS, consumer_name
from beatstitch_runtime.rpc.errors import error_from_rpc

PREVIEW = "preview"
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


def database_of(house) -> Database:
    return Database(house.settings.database_url.get_secret_value(), 1)


async def used(house, tenant: str = "default"):
    database = database_of(house)
    async with database.transaction() as tx:
        found = await usage.of(tx, tenant)
    await database.close()
    return found


async def set_quotas(house, **quotas: int) -> None:
    """As an operator's UpdateTenant does."""
    message = Tenant(id="default", quotas=Quotas(**quotas)).SerializeToString()
    database = database_of(house)
    async with database.transaction() as tx:
        await tx.execute(
            sa.update(tenants).where(tenants.c.id == "default").values(message=message)
        )
    await database.close()


def declare(house, project_id: str, size: int = 1, **fields: object):
    fields = {"filename": "a.jpg", "media_type": MEDIA_TYPE_IMAGE, **fields}
    return house.client.CreateUpload(project_id=project_id, size_bytes=size, **fields)


async def outcomes(calls) -> list[str]:
    """ "OK" or the reason, of calls made at once."""

    async def one(call) -> str:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return reason_name(error_from_rpc(error, "gateway").reason)
        return "OK"

    return list(await asyncio.gather(*(one(call) for call in calls)))


async def test_assets_by_many_calls_at_once(open_house):
    async with open_house(quota_assets=7, database_pool_size=8) as house:
        project_id = await house.project()
        found = await outcomes(declare(house, project_id) for _ in range(30))
        assert found.count("OK") == 7
        assert set(found) == {"OK", "QUOTA_EXCEEDED"}
        assert (await used(house)).assets == 7
        error = await house.client.refused(declare(house, project_id), "QUOTA_EXCEEDED")
        assert error.metadata == {
            "quota": "max_assets",
            "limit": "7",
            "used": "7",
            "asked": "1",
        } | {k: v for k, v in error.metadata.items() if k == "request_id"}
        assert "max_assets: 7 of 7" in error.message
        # One that goes makes room.
        listed = (await house.client.ListAssets(project_id=project_id)).assets
        await house.client.DeleteAsset(asset_id=listed[0].id)
        await declare(house, project_id)


async def test_bytes_of_uploads_and_of_outputs(open_house):
    async with open_house(quota_stored_bytes=1000) as house:
        project_id, _song, _pictures = await house.ready()
        before = (await used(house)).stored_bytes
        edl_hash = await house.timeline(project_id)
        made = await house.render(project_id, edl_hash, video=b"v" * 700)
        assert (await used(house)).stored_bytes == before + 700
        house.client = await house.replica()  # which has no count of some seconds ago
        error = await house.client.refused(declare(house, project_id, 301), "QUOTA_EXCEEDED")
        assert error.metadata["quota"] == "max_stored_bytes"
        await house.client.refused(
            house.upload(project_id, "p.jpg", MEDIA_TYPE_IMAGE, b"p" * 301), "QUOTA_EXCEEDED"
        )
        assert not [o async for o in house.storage.list("t/default/in/") if o[1] == 301]
        await declare(house, project_id, 200)
        assert made.job.id


async def test_open_jobs_by_many_calls_at_once_and_a_stitch_is_one(open_house):
    async with open_house() as house:
        project_id, song_id, _pictures = await house.ready()
        await set_quotas(house, max_open_jobs=5)
        house.client = await house.replica(key_cache_s=0.0)
        calls = [house.client.AnalyzeAudio(asset_id=song_id) for _ in range(12)]
        calls += [house.client.Stitch(project_id=project_id) for _ in range(12)]
        found = await outcomes(calls)
        assert found.count("OK") == 5, found
        assert found.count("QUOTA_EXCEEDED") == 19
        jobs = (await house.client.ListJobs(states=[1, 2], page_size=1000)).jobs
        assert sum(not job.parent_job_id for job in jobs) == 5
        for job in jobs:
            await house.client.CancelJob(job_id=job.id)
        await house.client.AnalyzeAudio(asset_id=song_id)
        # A request that was answered before is answered again, whatever is used up.
        first = await house.client.AnalyzeAudio(asset_id=song_id, request_id="again")
        await set_quotas(house, max_open_jobs=1)
        again = await house.client.AnalyzeAudio(asset_id=song_id, request_id="again")
        assert again.job.id == first.job.id
        await set_quotas(house, max_open_jobs=-1)
        await house.client.AnalyzeAudio(asset_id=song_id)


async def test_a_replica_that_has_not_counted_yet_and_twelve_calls_at_once(open_house, monkeypatch):
    """Each begins before any other's count is back, as on a slow database."""

    async def slowly(tx, tenant: str) -> int:
        count = await usage.open_jobs(tx, tenant)
        await asyncio.sleep(0.1)
        return count

    async with open_house() as house:
        _project, song_id, _pictures = await house.ready()
        await set_quotas(house, max_open_jobs=5)
        house.client = await house.replica(database_pool_size=12)
        monkeypatch.setitem(need._QUOTAS, "jobs", need._Quota("max_open_jobs", slowly))
        found = await outcomes(house.client.AnalyzeAudio(asset_id=song_id) for _ in range(12))
        assert found.count("OK") == 5, found


async def test_minutes_are_reserved_and_settled(open_house):
    async with open_house(quota_rendered_minutes=1) as house:
        project_id, _song, _pictures = await house.ready()
        edl_hash = await house.timeline(project_id)

        def render(profile: str = ""):
            return house.client.CreateRender(
                project_id=project_id, edl_hash=edl_hash, profile=profile
            )

        assert (await used(house)).rendered_ms == 0
        preview = await render(PREVIEW)
        assert (await used(house)).rendered_ms == 800  # a tenth of 8 s
        final = await render()
        assert (await used(house)).rendered_ms == 8800
        await house.client.CancelJob(job_id=final.job.id)
        assert (await used(house)).rendered_ms == 800
        again = await house.client.RetryJob(job_id=final.job.id)
        assert (await used(house)).rendered_ms == 8800
        spec = await house.take(again.job.id)
        output = await house.output(spec)
        output.render.manifest.duration_us = 6_000_000
        await house.event(spec, succeeded=output)
        assert (await house.ended(again.job.id)).state == SUCCEEDED
        assert (await used(house)).rendered_ms == 6800
        await house.client.CancelJob(job_id=preview.job.id)
        # 6 s are made; six renders of 8 s find room in the minute, the seventh doesn't.
        found = await outcomes(render() for _ in range(10))
        assert found.count("OK") == 6, found
        error = await house.client.refused(render(), "QUOTA_EXCEEDED")
        assert error.metadata["quota"] == "max_rendered_minutes"
        assert (error.metadata["limit"], error.metadata["used"]) == ("1", "0.9")
        await house.client.refused(house.client.Stitch(project_id=project_id), "QUOTA_EXCEEDED")
        await render(PREVIEW)
        # Deleting gives nothing back of what was made.
        await house.client.DeleteProject(project_id=project_id)
        assert (await used(house)).rendered_ms == 6000


async def test_a_stitch_reserves_for_its_render(open_house):
    async with open_house() as house:
        project_id, _song, _pictures = await house.ready()
        stitch = (await house.client.Stitch(project_id=project_id, profile=PREVIEW)).job
        assert (await used(house)).rendered_ms == 800
        for stage in ("timeline", "render"):
            job = await house.job(stitch.id)
            (child_id,) = next(item for item in job.stages if item.name == stage).job_ids
            spec = await house.take(child_id)
            output = await house.output(spec)
            if stage == "render":
                output.render.manifest.duration_us = 7_000_000
            await house.event(spec, succeeded=output)
            await house.ended(child_id)
        assert (await house.ended(stitch.id)).state == SUCCEEDED
        assert (await used(house)).rendered_ms == 700
        unknown = (await house.client.CreateProject(display_name="x")).project.id
        await house.upload(unknown, "s.mp3", MEDIA_TYPE_AUDIO)
        await house.upload(unknown, "p.jpg", MEDIA_TYPE_IMAGE)
        waiting = (await house.client.Stitch(project_id=unknown)).job
        assert (await used(house)).rendered_ms == 700 + 240_000
        await house.client.CancelJob(job_id=waiting.id)
        assert (await used(house)).rendered_ms == 700


async def test_what_waits_is_bounded_and_everything_accepted_is_done(open_house, messages):
    """The stream takes two messages; the outbox three more."""
    async with open_house(jobs_max_messages=2, outbox_limit=3) as house:
        project_id, song_id, _pictures = await house.ready()

        async def waiting() -> bool:
            return await house.queued() == 2

        for _ in range(2):
            await house.client.AnalyzeAudio(asset_id=song_id)
        await until(waiting)
        house.client = await house.replica()
        found = []
        while not found or found[-1] == "OK":
            call = house.client.AnalyzeAudio(asset_id=song_id, request_id=f"r{len(found)}")
            found += await outcomes([call])
            assert len(found) < 20
        assert found.count("OK") == 3
        error = await house.client.refused(
            house.client.AnalyzeAudio(asset_id=song_id), "QUEUE_FULL"
        )
        assert error.retry_after_s == pytest.approx(5.0)
        jobs = (await house.client.ListJobs(project_id=project_id, states=[1])).jobs
        assert len(jobs) == 5
        # Somebody else has a share of the room.
        other = await house.new_tenant("other")
        theirs = (await other.CreateProject(display_name="x")).project.id
        song = await other.UploadAsset(messages(theirs, "x", MEDIA_TYPE_AUDIO, b"x"))
        assert song.job.state == job_pb2.JOB_STATE_PENDING
        # The other tenant's song is analysed too, and need not come last: tenants take turns.
        assert (await work_off(house, 6)).count("default") == 5

        async def all_done() -> bool:
            jobs = (await house.client.ListJobs(project_id=project_id)).jobs
            analyses = [job for job in jobs if job.type == job_pb2.JOB_TYPE_BEAT_ANALYSIS]
            return len(analyses) == 6 and {job.state for job in analyses} == {SUCCEEDED}

        await until(all_done)


async def work_off(house, count: int, job_type: int = job_pb2.JOB_TYPE_BEAT_ANALYSIS) -> list[str]:
    """Does so many analyses in the order in which they come out of the queue: whose they were."""
    name = consumer_name(job_type, job_pb2.JOB_LANE_INTERACTIVE)
    queue = await house.bus.js.pull_subscribe_bind(name, stream=JOBS)
    whose = []
    async with asyncio.timeout(30):
        while len(whose) < count:
            (message,) = await queue.fetch(1, timeout=20)
            spec = JobSpec.FromString(message.data)
            await house.event(spec, succeeded=await house.output(spec))
            await message.ack_sync()
            whose.append(spec.tenant)
    await queue.unsubscribe()
    return whose


async def test_a_batch_is_taken_as_far_as_there_is_room(open_house):
    async with open_house(quota_open_jobs=4) as house:
        project_id, _song, _pictures = await house.ready()
        items = [{"project_id": project_id} for _ in range(7)]
        calls = [house.client.BatchStitch(items=items), house.client.BatchStitch(items=items)]
        results = [result for reply in await asyncio.gather(*calls) for result in reply.results]
        taken = [result for result in results if result.HasField("job")]
        refused = {reason_name(item.failure.reason) for item in results if item not in taken}
        assert (len(taken), refused) == (4, {"QUOTA_EXCEEDED"})
        assert (await used(house)).rendered_ms == 4 * 8000


async def test_rates_by_category_and_the_time_until_the_next(open_house):
    async with open_house(rate_read_per_minute=120, rate_job_per_minute=40) as house:
        project_id = await house.project()
        found = await outcomes(house.client.GetProject(project_id=project_id) for _ in range(40))
        assert found.count("OK") in range(30, 33)  # a quarter of a minute's, and what came since
        assert set(found) == {"OK", "RATE_LIMITED"}
        error = await house.client.refused(
            house.client.GetProject(project_id=project_id), "RATE_LIMITED"
        )
        assert error.metadata["category"] == "read"
        assert 0 < error.retry_after_s <= 0.5
        await asyncio.sleep(error.retry_after_s)
        await house.client.GetProject(project_id=project_id)
        # Other categories and other tenants have buckets of their own; a batch counts its items.
        other = await house.new_tenant("other")
        await other.ListProjects()
        items = [{"project_id": project_id}] * 10
        await house.client.BatchStitch(items=items)
        stitch = house.client.Stitch(project_id=project_id)
        error = await house.client.refused(stitch, "RATE_LIMITED")
        assert 0 < error.retry_after_s <= 1.5
        await house.client.refused(house.client.BatchStitch(items=items), "RATE_LIMITED")

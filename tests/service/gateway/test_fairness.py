"""Many tenants, two lanes, one queue: nobody waits for somebody else's batch."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Self

from support.played_work import played
from support.waiting import until

from beatstitch.internal.v1.job_event_pb2 import JobStarted
from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.asset_pb2 import ASSET_STATE_READY
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_runtime.jobs.topology import JOBS, consumer_name

ANALYSIS = job_pb2.JOB_TYPE_BEAT_ANALYSIS
INTERACTIVE, BATCH = job_pb2.JOB_LANE_INTERACTIVE, job_pb2.JOB_LANE_BATCH
CAP = 5


class Hands:
    """A worker's hands at one queue: does job after job and notes whose they were."""

    def __init__(self, house, job_type: int = ANALYSIS, lane: int = INTERACTIVE) -> None:
        self.house = house
        self.name = consumer_name(job_type, lane)

    async def __aenter__(self) -> Self:
        self.queue = await self.house.bus.js.pull_subscribe_bind(self.name, stream=JOBS)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.queue.unsubscribe()

    async def do(self, count: int) -> list[JobSpec]:
        done = []
        async with asyncio.timeout(60):
            while len(done) < count:
                (message,) = await self.queue.fetch(1, timeout=20)
                spec = JobSpec.FromString(message.data)
                await self.house.event(spec, started=JobStarted())
                await self.house.event(spec, succeeded=await played(self.house.storage, spec))
                await message.ack_sync()
                done.append(spec)
        return done


async def song_of(client, messages) -> str:
    project_id = (await client.CreateProject(display_name="x")).project.id
    made = await client.UploadAsset(messages(project_id, "s.mp3", MEDIA_TYPE_AUDIO, b"song"))
    return made.asset.id


async def heard(client, song_id: str) -> None:
    async def is_ready() -> bool:
        return (await client.GetAsset(asset_id=song_id)).asset.state == ASSET_STATE_READY

    await until(is_ready)


async def analyses(client, song_id: str, count: int) -> list[str]:
    """So many new analyses, in order."""
    return [(await client.AnalyzeAudio(asset_id=song_id)).job.id for _ in range(count)]


async def test_the_next_message_is_the_other_tenants(open_house, messages):
    async with open_house(tenant_jobs_in_flight=CAP) as house:
        theirs = await house.new_tenant("other")
        async with Hands(house) as hands:
            song = await song_of(house.client, messages)
            other = await song_of(theirs, messages)
            await hands.do(2)
            await heard(house.client, song)
            await heard(theirs, other)
            await analyses(house.client, song, 120)

            async def full() -> bool:
                return await house.queued() == CAP

            await until(full)
            (one,) = await analyses(theirs, other, 1)
            # Behind the five that are out, before the hundred and more that wait.
            done = [spec.job_id for spec in await hands.do(CAP + 1)]
            assert one in done

            # Both have much to do: they are served alike, whoever came first.
            await analyses(theirs, other, 20)
            await hands.do(CAP)  # what was out when the other's came
            shares = Counter(spec.tenant for spec in await hands.do(30))
            assert abs(shares["default"] - shares["other"]) <= CAP, shares


async def test_a_tenants_own_batch_keeps_neither_its_uploads_nor_its_previews_waiting(
    open_house, messages
):
    """Each type has a share of its own, and so has each lane."""
    async with open_house(tenant_jobs_in_flight=CAP) as house:
        project_id, _song, _pictures = await house.ready()
        edl_hash = await house.timeline(project_id)
        for _ in range(40):
            await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)

        async def full() -> bool:
            return await house.queued() == CAP

        await until(full)
        picture = await house.upload(project_id, "late.jpg", MEDIA_TYPE_IMAGE)
        await house.finish(picture.job.id)
        preview = await house.client.CreateRender(
            project_id=project_id, edl_hash=edl_hash, profile="preview"
        )
        assert preview.job.lane == INTERACTIVE
        await house.finish(preview.job.id)
        urgent = await house.client.CreateRender(
            project_id=project_id, edl_hash=edl_hash, lane=INTERACTIVE
        )
        assert urgent.job.lane == INTERACTIVE
        spec = await house.take(urgent.job.id)
        assert spec.lane == INTERACTIVE
        both = await house.client.CreateRenders(
            project_id=project_id, edl_hash=edl_hash, profiles=["preview"], lane=BATCH
        )
        assert both.renders[0].job.lane == BATCH
        refused = house.client.CreateRender(project_id=project_id, edl_hash=edl_hash, lane=9)
        error = await house.client.refused(refused, "FIELD_INVALID")
        assert error.violations[0].field == "lane"


async def test_a_stitchs_jobs_wait_in_its_lane(house):
    project_id, _song, _pictures = await house.ready()
    stitch = (await house.client.Stitch(project_id=project_id, lane=INTERACTIVE)).job
    assert stitch.lane == INTERACTIVE
    (child_id,) = next(stage for stage in stitch.stages if stage.name == "timeline").job_ids
    assert (await house.job(child_id)).lane == INTERACTIVE
    assert (await house.take(child_id)).lane == INTERACTIVE

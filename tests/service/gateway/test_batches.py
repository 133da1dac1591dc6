"""Many stitches in one call: each by itself, each once."""

from __future__ import annotations

import asyncio

from support.waiting import until

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.stitch_service_pb2 import BatchStitchRequest, StitchRequest
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Database, database_down
from beatstitch_gateway.stitch import batch as batching

STITCH = job_pb2.JOB_TYPE_STITCH
BATCH = job_pb2.JOB_LANE_BATCH
INTERACTIVE = job_pb2.JOB_LANE_INTERACTIVE


def outcomes(reply) -> list[str]:
    return [result.WhichOneof("outcome") for result in reply.results]


async def stitches_of(house, batch_id: str, **request: object) -> list:
    reply = await house.client.ListJobs(
        batch_id=batch_id, types=[STITCH], page_size=1000, **request
    )
    return list(reply.jobs)


async def child_of(house, job_id: str, stage: str) -> str:
    found: list[str] = []

    async def there() -> bool:
        stages = (await house.job(job_id)).stages
        found[:] = [i for s in stages if s.name == stage for i in s.job_ids]
        return bool(found)

    await until(there)
    return found[-1]


async def test_a_bad_one_does_not_spoil_the_others(house):
    first, _song, _pictures = await house.ready(1)
    second, _song, _pictures = await house.ready(1)
    empty = await house.project()
    items = [
        {"project_id": first},
        {"project_id": second, "profile": "8k", "settings": {"beats_per_cut": -1}},
        {"project_id": empty},
        {"project_id": new_id()},
        {"project_id": second, "settings": {"seed": 4}, "lane": INTERACTIVE},
    ]
    reply = await house.client.BatchStitch(items=items, request_id="b1")
    assert outcomes(reply) == ["job", "failure", "failure", "failure", "job"]
    assert [result.index for result in reply.results] == [0, 1, 2, 3, 4]
    bad, no_song, nowhere = (reply.results[i].failure for i in (1, 2, 3))
    assert bad.reason == failure_pb2.ERROR_REASON_FIELD_INVALID
    assert [v.field for v in bad.violations] == [
        "items[1].profile",
        "items[1].settings.beats_per_cut",
    ]
    assert no_song.reason == failure_pb2.ERROR_REASON_NO_READY_AUDIO
    assert nowhere.reason == failure_pb2.ERROR_REASON_PROJECT_NOT_FOUND
    made = [reply.results[0].job, reply.results[4].job]
    assert [job.batch_id for job in made] == [reply.batch_id] * 2
    assert [job.lane for job in made] == [BATCH, INTERACTIVE]
    assert [job.id for job in await stitches_of(house, reply.batch_id)] == [
        made[1].id,
        made[0].id,
    ]
    # The jobs inside are of the batch too, and wait where it waits.
    child = await house.job(await child_of(house, made[1].id, "timeline"))
    assert child.batch_id == reply.batch_id
    assert child.lane == INTERACTIVE
    await house.finish(child.id)
    render = await house.job(await child_of(house, made[1].id, "render"))
    assert (render.batch_id, render.lane) == (reply.batch_id, INTERACTIVE)
    # The same call again: the same reply, nothing more.
    again = await house.client.BatchStitch(items=items, request_id="b1")
    assert again == reply
    assert len(await stitches_of(house, reply.batch_id)) == 2
    await house.client.refused(
        house.client.BatchStitch(items=items[:1], request_id="b1"), "REQUEST_ID_REUSED"
    )
    # Another try of one of them belongs to the batch as well.
    await house.client.CancelJob(job_id=made[0].id)
    retried = (await house.client.RetryJob(job_id=made[0].id)).job
    assert (retried.batch_id, retried.lane) == (reply.batch_id, BATCH)
    stranger = await house.new_tenant("other")
    assert not (await stranger.ListJobs(batch_id=reply.batch_id)).jobs


async def test_items_with_a_request_id_of_their_own(house):
    project_id, _song, _pictures = await house.ready(1)
    item = {"project_id": project_id, "request_id": "one"}
    alone = (await house.client.Stitch(**item)).job
    reply = await house.client.BatchStitch(items=[item, item, {**item, "settings": {"seed": 1}}])
    assert outcomes(reply) == ["job", "job", "failure"]
    assert {result.job.id for result in reply.results[:2]} == {alone.id}
    assert reply.results[2].failure.reason == failure_pb2.ERROR_REASON_REQUEST_ID_REUSED


async def test_refused_as_a_whole(house):
    for items in ([], [{}] * 1001):
        error = await house.client.refused(house.client.BatchStitch(items=items), "FIELD_INVALID")
        assert [v.field for v in error.violations] == ["items"]


async def test_cut_off_half_way_and_repeated(house, monkeypatch):
    """A crash after some transactions, in the middle of the next, and two repeats at once."""
    monkeypatch.setattr(batching, "AT_ONCE", 3)
    project_id, _song, _pictures = await house.ready(1)
    items = [StitchRequest(project_id=project_id, settings={"seed": i}) for i in range(10)]
    items[4].profile = "8k"
    request = BatchStitchRequest(items=items, request_id="crash")
    accepted = 0
    real = batching.accept_stitch

    async def crashing(*args: object, **options: object):
        nonlocal accepted
        if accepted == 6:
            raise database_down()  # as a killed process does, it leaves a transaction undone
        accepted += 1
        return await real(*args, **options)

    monkeypatch.setattr(batching, "accept_stitch", crashing)
    await house.client.refused(house.client.BatchStitch(request), "DEPENDENCY_DOWN")
    monkeypatch.setattr(batching, "accept_stitch", real)
    other = await house.replica()
    first, second = await asyncio.gather(
        other.BatchStitch(request), house.client.BatchStitch(request)
    )
    assert first == second
    assert outcomes(first) == ["job"] * 4 + ["failure"] + ["job"] * 5
    found = await stitches_of(house, first.batch_id)
    assert {job.id for job in found} == {
        result.job.id for result in first.results if result.HasField("job")
    }
    assert len(found) == 9
    database = Database(house.settings.database_url.get_secret_value(), 1)
    async with database.transaction() as tx:
        seeds = [
            StitchRequest.FromString((await jobs.get(tx, "default", job.id)).spec).settings.seed
            for job in found
        ]
    await database.close()
    assert sorted(seeds) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


async def test_a_batch_followed_to_its_end(house):
    project_id, _song, _pictures = await house.ready(1)
    reply = await house.client.BatchStitch(items=[{"project_id": project_id}] * 3)
    ids = [result.job.id for result in reply.results]

    async def watch() -> list:
        stream = house.client.WatchJobs(batch_id=reply.batch_id, until_all_ended=True)
        return [told.job async for told in stream]

    watching = asyncio.create_task(watch())
    for job_id in ids:
        await house.client.CancelJob(job_id=job_id)
    cancelled = {job.id for job in await watching if job.state == job_pb2.JOB_STATE_CANCELLED}
    assert cancelled == {*ids}

"""Many jobs in one stream: nothing is missed, whatever commits when and whoever is restarted."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import grpc
import sqlalchemy as sa
from support.waiting import until

from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.project_pb2 import Project
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import changes, jobs, projects, tables
from beatstitch_gateway.db.changes import Wanted
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Database

SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
PENDING = job_pb2.JOB_STATE_PENDING


class Seen:
    """What a stream told so far."""

    def __init__(self) -> None:
        self.replies: list = []
        self.error: grpc.aio.AioRpcError | None = None

    @property
    def jobs(self) -> list[Job]:
        return [reply.job for reply in self.replies if reply.HasField("job")]

    @property
    def ids(self) -> list[str]:
        return [job.id for job in self.jobs]

    @property
    def token(self) -> str:
        return self.replies[-1].resume_token

    @property
    def caught_up(self) -> bool:
        return any(reply.caught_up for reply in self.replies)

    def last(self, job_id: str) -> Job:
        return next(job for job in reversed(self.jobs) if job.id == job_id)

    def states(self) -> dict[str, int]:
        return {job.id: job.state for job in self.jobs}


@asynccontextmanager
async def watching(client, **request: object):
    seen = Seen()

    async def read() -> None:
        try:
            async for reply in client.WatchJobs(**request):
                seen.replies.append(reply)
        except grpc.aio.AioRpcError as error:
            seen.error = error

    task = asyncio.create_task(read())
    try:
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def pictures(house, project_id: str, count: int) -> list[str]:
    """Jobs: the ingests of so many pictures."""
    return [
        (await house.upload(project_id, f"{i}.jpg", MEDIA_TYPE_IMAGE, b"p%d" % i)).job.id
        for i in range(count)
    ]


async def test_what_there_is_then_changes_then_the_same_place_again(house):
    project_id = await house.project()
    ended, *waiting = await pictures(house, project_id, 3)
    await house.finish(ended)
    async with watching(house.client) as seen:
        await until(lambda: seen.caught_up)
        assert seen.ids == waiting  # what has ended is not there at the beginning
        (new,) = await pictures(house, project_id, 1)
        await until(lambda: new in seen.ids)
        await house.finish(waiting[0])
        await until(lambda: seen.states()[waiting[0]] == SUCCEEDED)
        token = seen.token
        revisions = [job.revision for job in seen.jobs if job.id == waiting[0]]
        assert revisions == sorted(set(revisions))
    # Nobody listens meanwhile; another replica goes on.
    await house.finish(waiting[1])
    other = await house.replica()
    async with watching(other, resume_token=token) as seen:
        await until(lambda: seen.caught_up)
        assert seen.ids == [waiting[1]]
        assert seen.jobs[0].state == SUCCEEDED
        await house.finish(new)
        await until(lambda: seen.states().get(new) == SUCCEEDED)
    # A token in the middle of what there is goes on there.
    async with watching(house.client, job_ids=[ended, *waiting, new]) as seen:
        await until(lambda: seen.caught_up)
        assert seen.ids == [ended, *waiting, new]
        middle = seen.replies[1].resume_token
    async with watching(
        other, job_ids=[new, ended, *waiting], resume_token=middle, until_all_ended=True
    ) as seen:
        await until(lambda: seen.caught_up)
        assert seen.ids == [waiting[1], new]


async def test_an_end_on_a_later_page_of_the_beginning_is_told_once(house):
    """A long beginning is read in pages; what ends meanwhile is a change, not a part of it."""
    project_id = await house.project()
    first, *others = await pictures(house, project_id, 3)
    request = {"job_ids": [first, *others], "until_all_ended": True}
    async with watching(house.client, **request) as seen:
        await until(lambda: seen.ids[:1] == [first])
        token = seen.replies[0].resume_token
    for job_id in (first, *others):
        await house.finish(job_id)
    replies = await _all(house.client.WatchJobs(**request, resume_token=token))
    ends = [reply.job.id for reply in replies if reply.job.state == SUCCEEDED]
    assert sorted(ends) == sorted([first, *others])


async def test_a_later_transaction_that_commits_first_hides_nothing(house):
    """The race that a plain sequence loses."""
    project_id = await house.project()
    slow, quick = await pictures(house, project_id, 2)
    database = Database(house.settings.database_url.get_secret_value(), 2)

    async def change(tx, job_id: str) -> None:
        row = await jobs.find(tx, job_id, lock=True)
        row.job.detail = "changed"
        row.job.revision += 1
        await jobs.save(tx, row)

    async with watching(house.client) as seen:
        await until(lambda: seen.caught_up)
        async with database.transaction() as first:
            await change(first, slow)
            async with database.transaction() as second:
                await change(second, quick)
            # Told, and with it a token, while an earlier change is still open.
            await until(lambda: seen.last(quick).detail == "changed")
            token = seen.token
            assert not seen.last(slow).detail
        await until(lambda: seen.last(slow).detail == "changed")
    async with watching(house.client, resume_token=token) as seen:
        await until(lambda: seen.caught_up)
        assert seen.ids == [slow]
    await database.close()


async def test_only_what_was_asked_for(house):
    project_id, _song, _pictures = await house.ready(1)
    other_project = await house.project()
    (elsewhere,) = await pictures(house, other_project, 1)
    stitch = (await house.client.Stitch(project_id=project_id)).job
    child = (await house.job(stitch.id)).stages[2].job_ids[0]
    async with (
        watching(house.client) as plain,
        watching(house.client, project_id=project_id, with_children=True) as all_of_it,
        watching(house.client, types=[job_pb2.JOB_TYPE_TIMELINE_BUILD]) as builds,
        watching(house.client, job_ids=[child], until_all_ended=True) as inner,
        watching(await house.new_tenant("other")) as stranger,
    ):
        streams = (plain, all_of_it, builds, inner, stranger)
        await until(lambda: all(seen.caught_up for seen in streams))
        assert plain.ids == [elsewhere, stitch.id]
        assert sorted(all_of_it.ids) == sorted([stitch.id, child])
        assert builds.ids == []
        assert inner.ids == [child]
        await house.finish(child)
        await until(lambda: inner.states()[child] == SUCCEEDED)
        await until(lambda: all_of_it.states()[child] == SUCCEEDED)
        assert elsewhere not in all_of_it.ids
        assert child not in plain.ids
        assert stranger.ids == []


async def test_progress_is_told(house):
    project_id = await house.project()
    (job_id,) = await pictures(house, project_id, 1)
    spec = await house.begin(job_id)
    async with watching(house.client, job_ids=[job_id], until_all_ended=True) as seen:
        await until(lambda: seen.caught_up)
        await house.progress(spec, 40, detail="reading")
        await until(lambda: seen.last(job_id).progress_percent == 40)
        await house.event(spec, succeeded=await house.output(spec))
        await until(lambda: seen.last(job_id).state == SUCCEEDED)


async def test_a_set_that_ends(house):
    project_id = await house.project()
    ids = await pictures(house, project_id, 3)
    gone = ids.pop()
    request = {"job_ids": [*ids, gone], "until_all_ended": True}
    watch = asyncio.ensure_future(_all(house.client.WatchJobs(**request)))
    await house.finish(ids[0])
    await house.client.CancelJob(job_id=ids[1])
    # A job that is gone has no end to wait for.
    await house.client.DeleteAsset(asset_id=(await house.job(gone)).asset_id)
    replies = await watch
    states = {reply.job.id: reply.job.state for reply in replies if reply.HasField("job")}
    assert states[ids[0]] == SUCCEEDED
    assert states[ids[1]] == job_pb2.JOB_STATE_CANCELLED


async def _all(stream) -> list:
    return [reply async for reply in stream]


async def test_refused(house):
    watch = house.client.WatchJobs
    error = await house.client.refused(
        watch(until_all_ended=True, types=[99], batch_id="x"), "FIELD_INVALID"
    )
    assert [v.field for v in error.violations] == ["types[0]", "batch_id"]
    error = await house.client.refused(watch(until_all_ended=True), "FIELD_INVALID")
    assert [v.field for v in error.violations] == ["until_all_ended"]
    await house.client.refused(watch(job_ids=[new_id()]), "JOB_NOT_FOUND")
    await house.client.refused(watch(project_id=new_id()), "PROJECT_NOT_FOUND")
    project_id = await house.project()
    (job_id,) = await pictures(house, project_id, 1)
    stranger = await house.new_tenant("other")
    await stranger.refused(stranger.WatchJobs(job_ids=[job_id]), "JOB_NOT_FOUND")
    for token in ("nonsense", "bm9uc2Vuc2U", "WyJ3YXRjaCIsIDEsIDIsIDMsIDQsIDVd"):
        error = await house.client.refused(watch(resume_token=token), "FIELD_INVALID")
        assert [v.field for v in error.violations] == ["resume_token"]
    async with watching(house.client) as seen:
        await until(lambda: seen.caught_up)
    error = await house.client.refused(
        watch(resume_token=seen.token, project_id=project_id), "FIELD_INVALID"
    )
    assert [v.field for v in error.violations] == ["resume_token"]


async def test_a_drained_replica_sends_its_watchers_away(house):
    other = await house.replica()
    async with watching(other) as seen:
        await until(lambda: seen.caught_up)
        await house.services.pop().stop(0.5)
        await until(lambda: seen.error is not None)
    assert seen.error.code() == grpc.StatusCode.UNAVAILABLE


async def test_pages_of_changes_without_a_gap(database: str):
    """Rounds read page by page, while others go on changing."""
    store = Database(database, 2)
    tenant, count = "default", 7
    async with store.transaction() as tx:
        await tx.execute(sa.insert(tables.tenants).values(id=tenant))
        project = Project(id=new_id())
        await projects.insert(tx, tenant, project)
        since = await changes.now(tx)
    made = [await _new_job(store, tenant, project.id) for _ in range(count)]
    async with store.transaction() as tx:
        until_ = await changes.now(tx)
    wanted, after, found = Wanted(tenant), None, []
    while True:
        async with store.transaction() as tx:
            page = await changes.between(tx, wanted, since, until_, after=after, limit=2)
        if not page:
            break
        found += [row.job.id for _, row in page]
        after = (page[-1][0], page[-1][1].job.id)
        made.append(await _new_job(store, tenant, project.id))  # not of this round
    assert found == made[:count]
    async with store.transaction() as tx:
        later = await changes.now(tx)
        rest = await changes.between(tx, wanted, until_, later, after=None, limit=100)
        assert [row.job.id for _, row in rest] == made[count:]
        assert await changes.between(tx, wanted, later, later, after=None, limit=100) == []
    await store.close()


async def _new_job(store: Database, tenant: str, project_id: str) -> str:
    job = Job(id=new_id(), project_id=project_id, type=3, state=PENDING, lane=2, revision=1)
    async with store.transaction() as tx:
        await jobs.insert(tx, JobRow(tenant, job, b""))
    return job.id

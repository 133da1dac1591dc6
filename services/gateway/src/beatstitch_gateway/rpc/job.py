"""JobService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from beatstitch.v1.job_pb2 import Job, JobState
from beatstitch.v1.job_service_pb2 import (
    CancelJobRequest,
    CancelJobResponse,
    GetJobRequest,
    GetJobResponse,
    ListJobsRequest,
    ListJobsResponse,
    RetryJobRequest,
    RetryJobResponse,
    WaitJobRequest,
    WaitJobResponse,
    WatchJobRequest,
    WatchJobResponse,
    WatchJobsRequest,
    WatchJobsResponse,
)
from beatstitch.v1.job_service_pb2_grpc import JobServiceServicer
from beatstitch_gateway import paging
from beatstitch_gateway.auth import Context, current_tenant
from beatstitch_gateway.db import changes, jobs, projects
from beatstitch_gateway.db.changes import Wanted
from beatstitch_gateway.db.not_found import no_job
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.deps import Deps
from beatstitch_gateway.idempotency import Call, once
from beatstitch_gateway.jobs.merge import merge_progress
from beatstitch_gateway.jobs.places import decode
from beatstitch_gateway.jobs.retry import retry_job, want_of
from beatstitch_gateway.jobs.settle import cancel_job
from beatstitch_gateway.jobs.watch import follow
from beatstitch_gateway.jobs.watch_many import follow_many
from beatstitch_gateway.validation import Check

_LIST = "jobs"
DEFAULT_WAIT_S = 60.0
MAX_WAIT_S = 300.0
MAX_JOB_IDS = 1000


class JobRpc(JobServiceServicer):
    """Following and ending jobs."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GetJob(self, request: GetJobRequest, context: Context) -> GetJobResponse:
        """One job as it is now."""
        return GetJobResponse(job=await self._now(request.job_id))

    async def ListJobs(self, request: ListJobsRequest, context: Context) -> ListJobsResponse:
        """Jobs, newest first."""
        check = Check()
        for index, state in enumerate(request.states):
            check.that(state in JobState.values(), f"states[{index}]", "is not known")
        check.types(request.types)
        check.id(request.batch_id, "batch_id")
        check.done()
        wanted = paging.Wanted(_LIST, request, str)
        tenant = current_tenant()
        async with self._deps.database.transaction() as tx:
            if request.project_id:
                await projects.get(tx, tenant, request.project_id)
            rows = await jobs.page(
                tx,
                tenant,
                wanted.rows,
                wanted.after_id,
                project_id=request.project_id,
                states=request.states,
                types=request.types,
                batch_id=request.batch_id,
            )
        page, token = wanted.cut(rows, lambda row: [row.job.id])
        found = [merge_progress(row.job, self._deps.signals.progress_of) for row in page]
        return ListJobsResponse(jobs=found, next_page_token=token)

    async def WatchJob(
        self, request: WatchJobRequest, context: Context
    ) -> AsyncIterator[WatchJobResponse]:
        """The job as it is now, then each change of it, to its end."""
        async for job in self._follow(request.job_id, request.after_revision):
            yield WatchJobResponse(job=job)

    async def WatchJobs(
        self, request: WatchJobsRequest, context: Context
    ) -> AsyncIterator[WatchJobsResponse]:
        """Many jobs as they are now, then each change of any of them."""
        wanted = _wanted(request)
        await self._need_all(wanted)
        async for reply in follow_many(
            self._deps.database,
            self._deps.signals,
            wanted,
            decode(request.resume_token, wanted),
            until_all_ended=request.until_all_ended,
            poll_s=self._deps.settings.watch_poll_s,
        ):
            yield reply

    async def WaitJob(self, request: WaitJobRequest, context: Context) -> WaitJobResponse:
        """Answers at the job's end, or with the job as it is when the time is up."""
        asked = request.HasField("timeout")
        # Not ToTimedelta(), which raises for what is out of its range.
        given_s = request.timeout.seconds + request.timeout.nanos / 1e9
        timeout_s = given_s if asked else DEFAULT_WAIT_S
        check = Check()
        check.within(timeout_s, 0, MAX_WAIT_S, "timeout")
        check.done()
        try:
            async with asyncio.timeout(timeout_s):
                async for job in self._follow(request.job_id):
                    last = job
                return WaitJobResponse(job=last)
        except TimeoutError:
            return WaitJobResponse(job=await self._now(request.job_id))

    async def CancelJob(self, request: CancelJobRequest, context: Context) -> CancelJobResponse:
        """Asks for the job's end and, for a stitch, the end of the jobs inside it."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> CancelJobResponse:
            row = await jobs.lock_family(tx, request.job_id, tenant=tenant)
            if row is None:
                raise no_job(request.job_id)
            return CancelJobResponse(job=(await cancel_job(tx, row)).job)

        call = Call(tenant, request)
        return await once(self._deps.database, call, CancelJobResponse, work)

    async def RetryJob(self, request: RetryJobRequest, context: Context) -> RetryJobResponse:
        """A new job from the same specification."""
        check = Check()
        check.request_id(request.request_id)
        check.done()
        tenant = current_tenant()

        async def work(tx: Transaction) -> RetryJobResponse:
            row = await jobs.get(tx, tenant, request.job_id)
            await self._deps.quotas.need(tx, tenant, await want_of(tx, row))
            return RetryJobResponse(job=await retry_job(tx, row))

        call = Call(tenant, request)
        return await once(self._deps.database, call, RetryJobResponse, work)

    async def _need_all(self, wanted: Wanted) -> None:
        """Nothing, when the project and the jobs that are named exist.

        Raises:
            BeatStitchError: PROJECT_NOT_FOUND, JOB_NOT_FOUND.
        """
        async with self._deps.database.transaction() as tx:
            if wanted.project_id:
                await projects.get(tx, wanted.tenant, wanted.project_id)
            missing = await changes.missing(tx, wanted.tenant, wanted.job_ids)
        if missing:
            raise no_job(missing[0])

    async def _now(self, job_id: str) -> Job:
        job = await jobs.look(self._deps.database, current_tenant(), job_id)
        return merge_progress(job, self._deps.signals.progress_of)

    def _follow(self, job_id: str, after_revision: int = 0) -> AsyncIterator[Job]:
        return follow(
            self._deps.database,
            self._deps.signals,
            current_tenant(),
            job_id,
            after_revision=after_revision,
            poll_s=self._deps.settings.watch_poll_s,
        )


def _wanted(request: WatchJobsRequest) -> Wanted:
    """Which jobs are to be followed.

    Raises:
        BeatStitchError: FIELD_INVALID.
    """
    check = Check()
    check.types(request.types)
    check.id(request.batch_id, "batch_id")
    check.that(
        len(request.job_ids) <= MAX_JOB_IDS, "job_ids", f"at most {MAX_JOB_IDS} may be named"
    )
    check.that(
        not request.until_all_ended or bool(request.batch_id or request.job_ids),
        "until_all_ended",
        "needs job_ids or a batch_id: all of a tenant's jobs never end",
    )
    check.done()
    return Wanted(
        tenant=current_tenant(),
        project_id=request.project_id,
        batch_id=request.batch_id,
        types=tuple(sorted(set(request.types))),
        job_ids=tuple(sorted(set(request.job_ids))),
        with_children=request.with_children,
    )

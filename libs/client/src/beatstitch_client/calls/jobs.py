"""Jobs: what takes its time."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from beatstitch.v1 import job_service_pb2 as jobs
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.job_service_pb2_grpc import JobServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_client.errors import raise_for_end
from beatstitch_client.watching import watch, watch_many
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from beatstitch.v1.job_pb2 import JobState, JobType
    from beatstitch.v1.job_service_pb2_grpc import JobServiceAsyncStub


class JobCalls(Calls):
    """Jobs: what takes its time."""

    @cached_property
    def _jobs(self) -> JobServiceAsyncStub:
        return JobServiceStub(self._channel)

    async def get_job(self, job_id: str) -> Job:
        """The job as it is now."""
        return (await self._call(self._jobs.GetJob, jobs.GetJobRequest(job_id=job_id))).job

    async def list_jobs(
        self,
        project_id: str = "",
        *,
        states: Sequence[JobState.ValueType] = (),
        types: Sequence[JobType.ValueType] = (),
        batch_id: str = "",
        limit: int = 50,
    ) -> list[Job]:
        """The newest jobs, up to `limit`, of one project, of a batch or of all."""
        found: list[Job] = []
        token = ""
        while len(found) < limit:
            request = jobs.ListJobsRequest(
                project_id=project_id,
                states=states,
                types=types,
                batch_id=batch_id,
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
            )
            reply = await self._call(self._jobs.ListJobs, request)
            found += reply.jobs
            token = reply.next_page_token
            if not token:
                break
        return found[:limit]

    def watch_job(self, job_id: str, after_revision: int = 0) -> AsyncGenerator[Job, None]:
        """The job as it is, then after each change, to its terminal state.

        Goes on over restarts of the server. A job that fails is told, not raised.
        """
        return watch(self._connection, job_id, after_revision)

    def watch_jobs(
        self,
        *,
        project_id: str = "",
        batch_id: str = "",
        types: Sequence[JobType.ValueType] = (),
        job_ids: Sequence[str] = (),
        with_children: bool = False,
        resume_token: str = "",
        until_all_ended: bool = False,
    ) -> AsyncGenerator[jobs.WatchJobsResponse, None]:
        """Many jobs as they are, then each change of any of them; goes on over restarts.

        Args:
            project_id: Only this project's; empty for all of the tenant.
            batch_id: Only jobs of this batch.
            types: Only jobs of these types.
            job_ids: Only these.
            with_children: Whether jobs inside a stitch are told too.
            resume_token: Of the last reply of an earlier watch of the same jobs, to go on there
                instead of with the jobs as they are.
            until_all_ended: Whether to end once all jobs of `job_ids` or `batch_id` have ended.

        Yields:
            Replies; one without a job is a sign of life. Keep the `resume_token` of the last one
            that you are done with.
        """
        request = jobs.WatchJobsRequest(
            project_id=project_id,
            batch_id=batch_id,
            types=types,
            job_ids=job_ids,
            with_children=with_children,
            resume_token=resume_token,
            until_all_ended=until_all_ended,
        )
        return watch_many(self._connection, request)

    async def wait_job(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_change: Callable[[Job], None] | None = None,
    ) -> Job:
        """Waits for a job's end and returns it.

        Args:
            job_id: The job.
            timeout_s: How long to wait; None for ever.
            on_change: Called with the job after each change.

        Raises:
            JobFailedError: It ended FAILED.
            JobCancelledError: It ended CANCELLED.
            TimeoutError: It didn't end in time.
        """
        job = Job(id=job_id)
        async with asyncio.timeout(timeout_s):
            async for job in self.watch_job(job_id):
                if on_change is not None:
                    on_change(job)
        raise_for_end(job)
        return job

    async def cancel_job(self, job_id: str, *, request_id: str = "") -> Job:
        """Asks for a job's end; changes nothing when it has ended."""
        request = jobs.CancelJobRequest(job_id=job_id, request_id=request_id or new_id())
        return (await self._call(self._jobs.CancelJob, request)).job

    async def retry_job(self, job_id: str, *, request_id: str = "") -> Job:
        """A new job from the same specification; only for FAILED and CANCELLED ones."""
        request = jobs.RetryJobRequest(job_id=job_id, request_id=request_id or new_id())
        return (await self._call(self._jobs.RetryJob, request)).job

"""Following a job to its end, over as many streams as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from beatstitch.v1.job_service_pb2 import WatchJobRequest, WatchJobsRequest
from beatstitch.v1.job_service_pb2_grpc import JobServiceStub
from beatstitch_client.connection import Backoff
from beatstitch_client.errors import ServerUnreachableError, translate
from beatstitch_core.job_states import is_terminal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beatstitch.v1.job_pb2 import Job
    from beatstitch.v1.job_service_pb2 import WatchJobsResponse
    from beatstitch_client.connection import Connection


async def watch(
    connection: Connection, job_id: str, after_revision: int = 0
) -> AsyncGenerator[Job, None]:
    """The job as it is, then after each change; ends after its terminal state.

    A stream that breaks is opened again from the last revision seen, so nothing is told twice.

    Raises:
        BeatStitchError: The job doesn't exist, or the server stayed away longer than the
            connection's patience.
    """
    jobs = JobServiceStub(connection.channel)
    backoff = Backoff(connection.retry_s)
    seen = after_revision
    while True:
        request = WatchJobRequest(job_id=job_id, after_revision=seen)
        try:
            async for reply in jobs.WatchJob(request, metadata=connection.metadata):
                backoff.reset()
                # A stream that was opened again begins with a snapshot; older ones are stale.
                if reply.job.revision >= seen:
                    seen = reply.job.revision
                    yield reply.job
                if is_terminal(reply.job.state):
                    return
            # Ended without the end: a proxy closed it.
            error = ServerUnreachableError("the watch ended before the job did")
        except grpc.aio.AioRpcError as broken:
            await backoff.wait(translate(broken))
        else:
            await backoff.wait(error)


async def watch_many(
    connection: Connection, request: WatchJobsRequest
) -> AsyncGenerator[WatchJobsResponse, None]:
    """Many jobs as they are, then after each change; for ever, or until all that are named ended.

    A stream that breaks is opened again from the last token seen.

    Raises:
        BeatStitchError: What the server refuses, or it stayed away longer than the connection's
            patience.
    """
    jobs = JobServiceStub(connection.channel)
    backoff = Backoff(connection.retry_s)
    wanted = WatchJobsRequest()
    wanted.CopyFrom(request)
    while True:
        try:
            async for reply in jobs.WatchJobs(wanted, metadata=connection.metadata):
                backoff.reset()
                wanted.resume_token = reply.resume_token
                yield reply
            if wanted.until_all_ended:
                return
            error = ServerUnreachableError("the watch ended")  # a proxy closed it
        except grpc.aio.AioRpcError as broken:
            await backoff.wait(translate(broken))
        else:
            await backoff.wait(error)

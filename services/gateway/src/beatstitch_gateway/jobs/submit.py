"""New jobs: the row and its outbox row, in the caller's transaction.

The relay publishes after the commit. So a call that was answered is a job that will run, whatever
NATS does meanwhile, and one that failed leaves none.
"""

from __future__ import annotations

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job, JobLane, JobType
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch.v1.timeline_pb2 import TimelineInputs
from beatstitch_core.ids import new_id
from beatstitch_core.keys import tenant_prefix
from beatstitch_core.profiles import FINAL, render_profiles
from beatstitch_gateway.db import assets, jobs, ledger, outbox
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.limits import set_deadline
from beatstitch_gateway.quotas.minutes import stitch_ms
from beatstitch_gateway.stitch.stages import new_stages
from beatstitch_runtime.traceparent import traceparent

_INTERACTIVE = (job_pb2.JOB_TYPE_BEAT_ANALYSIS, job_pb2.JOB_TYPE_RENDER_PREVIEW)


def lane_of(job_type: JobType.ValueType) -> JobLane.ValueType:
    """In which queue jobs of a type wait: a person waits for previews and for the beats."""
    interactive = job_type in _INTERACTIVE
    return job_pb2.JOB_LANE_INTERACTIVE if interactive else job_pb2.JOB_LANE_BATCH


def new_job(project_id: str, job_type: JobType.ValueType, *, asset_id: str = "") -> Job:
    """A new job, PENDING, not stored."""
    job = Job(
        id=new_id(),
        project_id=project_id,
        type=job_type,
        state=job_pb2.JOB_STATE_PENDING,
        lane=lane_of(job_type),
        asset_id=asset_id,
        revision=1,
    )
    job.create_time.GetCurrentTime()
    return job


async def submit(
    tx: Transaction,
    tenant: str,
    job: Job,
    spec: JobSpec,
    *,
    inputs: TimelineInputs | None = None,
) -> JobRow:
    """Stores a job that a worker is to do.

    Args:
        tx: The transaction.
        tenant: Whose.
        job: From `new_job`.
        spec: What to do it with; all but the `spec` part is filled in here.
        inputs: See `JobRow`.
    """
    spec.job_id = job.id
    spec.tenant = tenant
    spec.project_id = job.project_id
    spec.type = job.type
    spec.lane = job.lane
    spec.key_prefix = tenant_prefix(tenant)
    spec.attempt = 0
    spec.traceparent = traceparent()
    parent = await jobs.find(tx, job.parent_job_id) if job.parent_job_id else None
    if parent is not None:
        # What moves a stitch on is any event, or the reconciler: not what it belongs to.
        spec.traceparent = parent.traceparent
        if parent.job.HasField("deadline_time"):
            job.deadline_time.CopyFrom(parent.job.deadline_time)
    set_deadline(job, tx.job_limits_s)
    row = JobRow(tenant, job, spec.SerializeToString(), inputs or TimelineInputs())
    await jobs.insert(tx, row)
    await outbox.insert(tx, tenant, job)
    return row


async def submit_stitch(
    tx: Transaction,
    tenant: str,
    request: StitchRequest,
    *,
    inputs: TimelineInputs,
    retry_of: str = "",
    batch_id: str = "",
) -> JobRow:
    """Stores a stitch, which the gateway drives itself: it never becomes a message.

    Args:
        tx: The transaction.
        tenant: Whose.
        request: The request, all asset ids filled in.
        inputs: See `JobRow`.
        retry_of: The stitch that it tries again.
        batch_id: The batch that it comes with.
    """
    job = new_job(request.project_id, job_pb2.JOB_TYPE_STITCH)
    job.lane = request.lane or job.lane
    job.retry_of = retry_of
    job.batch_id = batch_id
    job.stages.extend(new_stages())
    set_deadline(job, tx.job_limits_s)
    row = JobRow(tenant, job, request.SerializeToString(), inputs, traceparent=traceparent())
    await jobs.insert(tx, row)
    await ledger.reserve(tx, tenant, job.id, await expected_ms(tx, tenant, request))
    return row


async def expected_ms(tx: Transaction, tenant: str, request: StitchRequest) -> int:
    """What a stitch will count, in milliseconds of video, as far as its song is known."""
    song = await assets.find(tx, tenant, request.audio_asset_id)
    profile = render_profiles()[request.profile or FINAL]
    return stitch_ms(song.asset if song is not None else None, request.settings, profile)

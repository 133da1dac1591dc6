"""Jobs: the rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job, JobState
from beatstitch.v1.timeline_pb2 import TimelineInputs
from beatstitch_core.ids import is_id
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway.db import deliveries, ledger
from beatstitch_gateway.db.not_found import known_ids, no_job
from beatstitch_gateway.db.reads import Question
from beatstitch_gateway.db.scope import owned, seen_projects
from beatstitch_gateway.db.tables import JOB_IS_OUT, jobs
from beatstitch_gateway.db.transaction import Database, Transaction

# What minutes of video are charged for; one inside a stitch has no row in the ledger.
_CHARGED = (
    job_pb2.JOB_TYPE_RENDER_PREVIEW,
    job_pb2.JOB_TYPE_RENDER_FINAL,
    job_pb2.JOB_TYPE_STITCH,
)
_BY_ID = Question(
    sa.select(jobs.c.message, jobs.c.project_id).where(
        jobs.c.tenant == sa.bindparam("tenant"), jobs.c.id == sa.bindparam("id")
    )
)
UNFINISHED: tuple[JobState.ValueType, ...] = (
    job_pb2.JOB_STATE_PENDING,
    job_pb2.JOB_STATE_RUNNING,
)
# Said by literal, so that the planner sees that the partial index answers it.
IS_UNFINISHED = sa.text("jobs.state IN (1, 2)")
# Stamped on every change that clients see: what the order of changes is told by, see `changes`.
THIS_TRANSACTION = sa.text("pg_current_xact_id()::text::bigint")


@dataclass
class JobRow:
    """A job and what only the gateway knows of it.

    Attributes:
        tenant: Whose.
        job: What clients see.
        spec: Bytes of its JobSpec; of a stitch its StitchRequest.
        inputs: Of a timeline's build and a stitch what the spec doesn't say: whether all media are
            taken, and the template.
        traceparent: Of a stitch, the trace of the call that made it; others' specs say theirs.
        stream_seq: Where its newest message lies in JOBS; None until it was published.
        attempt: How often the gateway has published it again.
        last_event_time: When a message was sent, an event came or the reconciler last looked.
    """

    tenant: str
    job: Job
    spec: bytes
    inputs: TimelineInputs = field(default_factory=TimelineInputs)
    traceparent: str = ""
    stream_seq: int | None = None
    attempt: int = 0
    last_event_time: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def finished(self) -> bool:
        """Whether its state is terminal."""
        return is_terminal(self.job.state)

    @property
    def is_stitch(self) -> bool:
        """Whether the gateway itself drives it."""
        return self.job.type == job_pb2.JOB_TYPE_STITCH

    def job_spec(self) -> JobSpec:
        """Its spec as the next message carries it; not for a stitch."""
        spec = JobSpec.FromString(self.spec)
        spec.attempt = self.attempt
        return spec


def read_row(row: Row[Any]) -> JobRow:
    """A row of the table."""
    return JobRow(
        tenant=row.tenant,
        job=Job.FromString(row.message),
        spec=row.spec,
        inputs=TimelineInputs.FromString(row.inputs or b""),
        traceparent=row.traceparent or "",
        stream_seq=row.stream_seq,
        attempt=row.attempt,
        last_event_time=row.last_event_time,
    )


async def insert(tx: Transaction, row: JobRow) -> None:
    """Stores a new job."""
    job = row.job
    await tx.execute(
        sa.insert(jobs).values(
            id=job.id,
            tenant=row.tenant,
            project_id=job.project_id,
            parent_id=job.parent_job_id or None,
            asset_id=job.asset_id or None,
            type=job.type,
            state=job.state,
            lane=job.lane,
            revision=job.revision,
            message=job.SerializeToString(),
            spec=row.spec,
            inputs=row.inputs.SerializeToString() or None,
            batch_id=job.batch_id or None,
            deadline_time=(
                job.deadline_time.ToDatetime(tzinfo=UTC) if job.HasField("deadline_time") else None
            ),
            change_xid=THIS_TRANSACTION,
            traceparent=row.traceparent or None,
        )
    )
    tx.after.changed[job.id] = row.tenant


async def save(tx: Transaction, row: JobRow) -> None:
    """Stores a job's new values; the caller holds its lock and has raised its revision."""
    await tx.execute(
        sa.update(jobs)
        .where(jobs.c.id == row.job.id)
        .values(
            state=row.job.state,
            revision=row.job.revision,
            cancel_requested=row.job.cancel_requested,
            message=row.job.SerializeToString(),
            last_event_time=sa.func.now(),
            change_xid=THIS_TRANSACTION,
        )
    )
    tx.after.changed[row.job.id] = row.tenant
    if row.finished:
        tx.after.ended[row.job.id] = row.job
        await deliveries.note_end(tx, row.tenant, row.job)
        if row.job.state != job_pb2.JOB_STATE_SUCCEEDED and row.job.type in _CHARGED:
            await ledger.settle(tx, row.job.id, 0)


async def set_message(tx: Transaction, job_id: str, stream_seq: int | None, attempt: int) -> None:
    """Notes where the job's newest message lies."""
    await tx.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id)
        .values(stream_seq=stream_seq, attempt=attempt, last_event_time=sa.func.now())
    )


async def touch(tx: Transaction, job_id: str) -> None:
    """Notes that the job was looked at and is well."""
    await tx.execute(
        sa.update(jobs).where(jobs.c.id == job_id).values(last_event_time=sa.func.now())
    )


async def find(
    tx: Transaction, job_id: str, *, tenant: str | None = None, lock: bool = False
) -> JobRow | None:
    """A job, or None; without a tenant only for what comes from our own workers."""
    if not is_id(job_id):
        return None
    query = sa.select(jobs).where(jobs.c.id == job_id)
    if tenant is not None:
        query = query.where(owned(jobs, tenant))
    if lock:
        query = query.with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    return read_row(row) if row is not None else None


async def look(database: Database, tenant: str, job_id: str) -> Job:
    """What clients see of a job now, outside of any transaction; as `get`, but cheaper.

    Raises:
        BeatStitchError: JOB_NOT_FOUND.
    """
    if not is_id(job_id):
        raise no_job(job_id)
    row = await database.row(_BY_ID, tenant=tenant, id=job_id)
    seen = seen_projects()
    if row is None or (seen and str(row[1]) not in seen):
        raise no_job(job_id)
    return Job.FromString(row[0])


async def get(tx: Transaction, tenant: str, job_id: str) -> JobRow:
    """A job of the tenant.

    Raises:
        BeatStitchError: JOB_NOT_FOUND.
    """
    row = await find(tx, job_id, tenant=tenant)
    if row is None:
        raise no_job(job_id)
    return row


async def lock_family(tx: Transaction, job_id: str, *, tenant: str | None = None) -> JobRow | None:
    """A job with its lock and, taken before it, those of the stitches that its end may move.

    Everybody takes locks in this order: stitches, other jobs, assets, the project. A cancel goes
    from the stitch to its children and an event from the child to its stitch: two orders would be
    a deadlock.
    """
    row = await find(tx, job_id, tenant=tenant)
    if row is None:
        return None
    if row.job.parent_job_id:
        await find(tx, row.job.parent_job_id, lock=True)
    elif row.job.asset_id:
        await open_stitches(tx, row.job.project_id)
    return await find(tx, job_id, tenant=tenant, lock=True)


async def get_many(tx: Transaction, job_ids: Collection[str]) -> dict[str, JobRow]:
    """Jobs by id, without locks; for the children of one that the caller holds."""
    if not job_ids:
        return {}
    query = sa.select(jobs).where(jobs.c.id.in_(known_ids(list(job_ids))))
    rows = [read_row(row) for row in await tx.execute(query)]
    return {row.job.id: row for row in rows}


async def unfinished(
    tx: Transaction, tenant: str, *, project_id: str = "", asset_id: str = ""
) -> list[JobRow]:
    """Unfinished jobs of a project or of an asset, locked; stitches first, then by id."""
    query = sa.select(jobs).where(owned(jobs, tenant), IS_UNFINISHED)
    if project_id:
        query = query.where(jobs.c.project_id == project_id)
    if asset_id:
        query = query.where(jobs.c.asset_id == asset_id)
    others = jobs.c.type != job_pb2.JOB_TYPE_STITCH
    query = query.order_by(others, jobs.c.id).with_for_update(key_share=True)
    return [read_row(row) for row in await tx.execute(query)]


async def open_stitches(tx: Transaction, project_id: str) -> list[str]:
    """Ids of the project's stitches that are not finished, in their order; locks them."""
    query = (
        sa.select(jobs.c.id)
        .where(
            jobs.c.project_id == project_id,
            jobs.c.type == job_pb2.JOB_TYPE_STITCH,
            IS_UNFINISHED,
        )
        .order_by(jobs.c.id)
        .with_for_update(key_share=True)
    )
    return list((await tx.execute(query)).scalars())


async def silent(
    tx: Transaction,
    *,
    pending: datetime,
    running: datetime,
    cancelled: datetime,
    stitch: datetime,
) -> list[JobRow]:
    """Unfinished jobs without news since their kind's time; at most 200, the quietest first."""
    is_stitch = jobs.c.type == job_pb2.JOB_TYPE_STITCH
    is_pending = jobs.c.state == job_pb2.JOB_STATE_PENDING
    since = sa.case(
        (is_stitch, stitch),
        (jobs.c.cancel_requested, cancelled),
        (is_pending, pending),
        else_=running,
    )
    query = (
        sa.select(jobs)
        # The first comparison is there for the index.
        .where(
            IS_UNFINISHED,
            jobs.c.last_event_time < max(pending, running, cancelled, stitch),
            jobs.c.last_event_time < since,
        )
        .order_by(jobs.c.last_event_time)
        .limit(200)
    )
    return [read_row(row) for row in await tx.execute(query)]


async def by_message(tx: Transaction, sequence: int, job_type: int, lane: int) -> str:
    """The id of the unfinished job whose newest message lay at a place in JOBS; empty for none.

    After a loss of all of NATS' data the places begin again: where two claim one, none is told.
    """
    query = sa.select(jobs.c.id).where(
        sa.text(JOB_IS_OUT),
        jobs.c.stream_seq == sequence,
        jobs.c.type == job_type,
        jobs.c.lane == lane,
    )
    found = (await tx.execute(query.limit(2))).scalars().all()
    return found[0] if len(found) == 1 else ""


async def open_children(tx: Transaction, parent_id: str) -> list[str]:
    """Ids of a stitch's unfinished jobs, in order."""
    query = sa.select(jobs.c.id).where(jobs.c.parent_id == parent_id, IS_UNFINISHED)
    return list((await tx.execute(query.order_by(jobs.c.id))).scalars())


async def overdue(tx: Transaction, limit: int) -> list[str]:
    """Ids of up to `limit` unfinished jobs whose deadline has passed, stitches last.

    Stitches last: the job that a stitch waits for tells better why it was too late.
    """
    query = (
        sa.select(jobs.c.id)
        .where(IS_UNFINISHED, jobs.c.deadline_time < sa.func.now())
        .order_by(jobs.c.deadline_time, jobs.c.type)
        .limit(limit)
    )
    return list((await tx.execute(query)).scalars())


async def page(
    tx: Transaction,
    tenant: str,
    size: int,
    before_id: str | None,
    *,
    project_id: str = "",
    states: Collection[int] = (),
    types: Collection[int] = (),
    batch_id: str = "",
) -> list[JobRow]:
    """Up to `size` jobs, newest first, older than `before_id`."""
    query = sa.select(jobs).where(owned(jobs, tenant))
    if project_id:
        query = query.where(jobs.c.project_id == project_id)
    if states:
        query = query.where(jobs.c.state.in_(states))
    if types:
        query = query.where(jobs.c.type.in_(types))
    if batch_id:
        query = query.where(jobs.c.batch_id == batch_id)
    if before_id:
        query = query.where(jobs.c.id < before_id)
    rows = await tx.execute(query.order_by(jobs.c.id.desc()).limit(size))
    return [read_row(row) for row in rows]

"""The end of a job that a client asked for."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import job_pb2
from beatstitch_gateway.db import jobs, outbox
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.apply import finish
from beatstitch_gateway.jobs.assets import note_end


async def cancel_row(tx: Transaction, row: JobRow) -> None:
    """Asks for a job's end: CANCELLED at once while it is queued, else its worker is told.

    A worker that took the message in this moment is told too; its events come too late to matter.
    The caller holds the row's lock and sees to the parent.
    """
    if row.finished:
        return
    job = row.job
    job.cancel_requested = True
    job.detail = "cancel requested"
    await outbox.delete_for(tx, job.id)
    tx.after.cancelled[job.id] = row.stream_seq
    if job.state == job_pb2.JOB_STATE_PENDING and not row.is_stitch:
        now = Timestamp()
        now.GetCurrentTime()
        job.detail = ""
        finish(job, job_pb2.JOB_STATE_CANCELLED, now)
        await note_end(tx, row)
    else:
        job.revision += 1
    await jobs.save(tx, row)

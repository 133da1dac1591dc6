"""Following a job: subscribe first, then the snapshot, then each change.

A change that nobody told of (NATS away) is found by a slow poll. Progress is not in the row, so it
costs no query, and is told twice a second at most.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from beatstitch.v1 import failure_pb2
from beatstitch.v1.job_pb2 import Job
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs.merge import merge_progress
from beatstitch_gateway.jobs.signals import Signals

PROGRESS_PAUSE_S = 0.5


async def follow(
    database: Database,
    signals: Signals,
    tenant: str,
    job_id: str,
    *,
    after_revision: int = 0,
    poll_s: float,
) -> AsyncIterator[Job]:
    """The job as it is, then after each change; ends after its terminal state.

    Args:
        database: Where the row is.
        signals: What tells of changes.
        tenant: Whose.
        job_id: Which.
        after_revision: The first snapshot is left out when it is still this one.
        poll_s: How often to look without being told.

    Raises:
        BeatStitchError: JOB_NOT_FOUND; DRAINING when this replica shuts down; DEPENDENCY_DOWN.
    """
    watch = signals.watch([job_id])
    try:
        row = await _read(database, tenant, job_id)
        sent: Job | None = row if row.revision == after_revision else None
        sent_at = 0.0
        while True:
            watch.add([child for stage in row.stages for child in stage.job_ids])
            job = merge_progress(row, signals.progress_of)
            if sent is None or job != sent:
                yield job
                sent, sent_at = job, time.monotonic()
            if is_terminal(row.state):
                return
            quiet_s = max(sent_at + PROGRESS_PAUSE_S - time.monotonic(), 0.0)
            look = await watch.wait(poll_s, quiet_s=quiet_s)
            if signals.draining:
                raise draining()
            if look:
                row = await _read(database, tenant, job_id)
    finally:
        watch.close()


async def _read(database: Database, tenant: str, job_id: str) -> Job:
    return await jobs.look(database, tenant, job_id)


def draining(place: str = "revision") -> BeatStitchError:
    """DRAINING; `place` is what to call again with."""
    return BeatStitchError(
        failure_pb2.ERROR_REASON_DRAINING,
        f"this replica is shutting down; call again with the last {place} seen",
        retry_after_s=0.5,
    )

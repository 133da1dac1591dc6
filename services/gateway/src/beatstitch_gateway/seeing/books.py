"""What the database knows: messages not sent yet, jobs that aren't finished.

All replicas tell the same: take the maximum over replicas, not the sum.
"""

from __future__ import annotations

import sqlalchemy as sa

from beatstitch.v1 import job_pb2
from beatstitch_gateway.db.tables import jobs, outbox
from beatstitch_gateway.db.transaction import Database
from beatstitch_runtime.metrics.declare import counter, gauge

_STATES = {job_pb2.JOB_STATE_PENDING: "pending", job_pb2.JOB_STATE_RUNNING: "running"}

_size = gauge(
    "beatstitch_outbox_messages",
    "Accepted jobs that are not in the queue yet; those that wait for their tenant's share too.",
)
_age = gauge(
    "beatstitch_outbox_oldest_age_seconds",
    "How long the oldest of them waits, seconds; 0 for none.",
)
_published = counter(
    "beatstitch_outbox_published_total",
    "Tries to put an accepted job into the queue: sent or failed (NATS away, stream full).",
    ("result",),
)
_sent, _failed = _published.labels("sent"), _published.labels("failed")
_unfinished = gauge("beatstitch_jobs_unfinished", "Jobs by state, stitches too.", ("state",))


def published(sent: int, failed: int) -> None:
    """The relay tried so many messages."""
    _sent.inc(sent)
    _failed.inc(failed)


class Books:
    """Asks the database: two queries over what isn't done, however much is."""

    name = "database"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def refresh(self) -> None:
        """Brings the gauges up to date.

        Raises:
            BeatStitchError: DEPENDENCY_DOWN.
        """
        # A message that is sent again waits since somebody noticed, not since the job was made.
        since = sa.case((outbox.c.attempt == 0, jobs.c.create_time), else_=jobs.c.last_event_time)
        waiting = sa.select(
            sa.func.count().label("number"),
            sa.func.coalesce(sa.func.extract("epoch", sa.func.now() - sa.func.min(since)), 0).label(
                "age"
            ),
        ).select_from(outbox.join(jobs, jobs.c.id == outbox.c.job_id))
        # As the partial index has it.
        unfinished = (
            sa.select(jobs.c.state, sa.func.count().label("number"))
            .where(sa.text("jobs.state IN (1, 2)"))
            .group_by(jobs.c.state)
        )
        async with self._database.transaction() as tx:
            row = (await tx.execute(waiting)).one()
            counts = {item.state: item.number for item in await tx.execute(unfinished)}
        _size.set(row.number)
        _age.set(max(0.0, float(row.age)))
        for state, name in _STATES.items():
            _unfinished.labels(name).set(counts.get(state, 0))

    @staticmethod
    def forget() -> None:
        """Nothing is known: no number is better than an old one."""
        _size.set(float("nan"))
        _age.set(float("nan"))
        _unfinished.clear()

"""Dead letters: messages that were handed out as often as allowed, or that nobody could read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.engine import Row

from beatstitch.v1.admin_service_pb2 import DeadLetter
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.job_pb2 import JobType
from beatstitch_gateway.db.tables import dead_letters
from beatstitch_gateway.db.transaction import Transaction


@dataclass(frozen=True)
class NewLetter:
    """A dead letter to keep.

    Attributes:
        id: The advisory's, by which it is kept once only.
        type: What the work was.
        deliveries: How often the message was handed out.
        failure: What its job was told.
        tenant: Whose; None where nobody knows.
        job_id: The job that failed by it, of a piece its render's; None where nobody knows.
        spec: The message; None where it can't be read.
    """

    id: str
    type: JobType.ValueType
    deliveries: int
    failure: Failure
    tenant: str | None = None
    job_id: str | None = None
    spec: bytes | None = None


def is_letter_id(text: str) -> bool:
    """Whether this may be a dead letter's id."""
    return 0 < len(text) <= 64 and text.isascii() and text.isalnum()


async def insert(tx: Transaction, letter: NewLetter) -> bool:
    """Keeps a dead letter; False when it was kept already."""
    added = await tx.execute(
        pg_insert(dead_letters)
        .values(
            id=letter.id,
            tenant=letter.tenant,
            job_id=letter.job_id,
            type=letter.type,
            deliveries=letter.deliveries,
            spec=letter.spec,
            failure=letter.failure.SerializeToString(),
        )
        .on_conflict_do_nothing()
    )
    return bool(added.rowcount)


async def page(
    tx: Transaction, size: int, after_id: str | None, *, tenant: str, waiting_only: bool
) -> list[DeadLetter]:
    """Up to `size` dead letters, newest first, after the one of an id."""
    query = sa.select(dead_letters)
    if tenant:
        query = query.where(dead_letters.c.tenant == tenant)
    if waiting_only:
        query = query.where(dead_letters.c.requeued_as.is_(None))
    if after_id:
        last = sa.select(dead_letters.c.create_time).where(dead_letters.c.id == after_id)
        time = (await tx.execute(last)).scalar_one_or_none()
        place = sa.tuple_(sa.literal(time, sa.DateTime(timezone=True)), sa.literal(after_id))
        query = query.where(sa.tuple_(dead_letters.c.create_time, dead_letters.c.id) < place)
    newest = (dead_letters.c.create_time.desc(), dead_letters.c.id.desc())
    return [_read(row) for row in await tx.execute(query.order_by(*newest).limit(size))]


async def find(tx: Transaction, letter_id: str) -> DeadLetter | None:
    """A dead letter with its lock, or None."""
    query = sa.select(dead_letters).where(dead_letters.c.id == letter_id).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    return _read(row) if row is not None else None


async def set_requeued(tx: Transaction, job_id: str, new_job_id: str) -> None:
    """Notes that a job's dead letters were given again: all of them, for they are one job's."""
    await tx.execute(
        sa.update(dead_letters)
        .where(dead_letters.c.job_id == job_id, dead_letters.c.requeued_as.is_(None))
        .values(requeued_as=new_job_id)
    )


def _read(row: Row[Any]) -> DeadLetter:
    time = Timestamp()
    time.FromDatetime(row.create_time)
    return DeadLetter(
        id=row.id,
        tenant_id=row.tenant or "",
        job_id=row.job_id or "",
        type=row.type,
        deliveries=row.deliveries,
        failure=Failure.FromString(row.failure) if row.failure else None,
        create_time=time,
        requeued_as=row.requeued_as or "",
    )

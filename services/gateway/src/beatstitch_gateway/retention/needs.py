"""What the jobs that aren't finished need of the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from google.protobuf.message import Message

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_gateway.db.jobs import UNFINISHED
from beatstitch_gateway.db.tables import jobs
from beatstitch_gateway.db.transaction import Transaction


@dataclass
class Needs:
    """What open jobs need.

    Attributes:
        keys: Objects that their specs name.
        making: Outputs that they make or may find made: (hash of the EDL, profile's name).
        since: When the oldest of them was accepted; None where none is open.
    """

    keys: set[str] = field(default_factory=set)
    making: set[tuple[str, str]] = field(default_factory=set)
    since: datetime | None = None

    def add(self, spec: JobSpec) -> None:
        """Adds what one job needs."""
        self.keys.update(object_keys(spec))
        if spec.HasField("render"):
            self.making.add((spec.render.edl.sha256, spec.render.profile.name))


def object_keys(message: Message) -> Iterator[str]:
    """The keys of all objects that a message names, however deep, also in fields yet to come."""
    if isinstance(message, ObjectRef):
        if message.key:
            yield message.key
        return
    for described, value in message.ListFields():
        kind = described.message_type
        if kind is None:
            continue
        if kind.GetOptions().map_entry:
            if kind.fields_by_name["value"].message_type is not None:
                for item in value.values():
                    yield from object_keys(item)
        elif described.is_repeated:
            for item in value:
                yield from object_keys(item)
        else:
            yield from object_keys(value)


async def open_needs(tx: Transaction, tenant: str) -> Needs:
    """What the tenant's open jobs need. A stitch names assets, which have rows of their own."""
    needs = Needs()
    query = sa.select(jobs.c.spec, jobs.c.create_time).where(
        jobs.c.tenant == tenant,
        jobs.c.state.in_(UNFINISHED),
        jobs.c.type != job_pb2.JOB_TYPE_STITCH,
    )
    for row in await tx.execute(query):
        needs.add(JobSpec.FromString(row.spec))
        needs.since = min(needs.since or row.create_time, row.create_time)
    return needs

"""Many stitches in one call: each item is taken or refused by itself, exactly once.

The request_id is taken first, together with the batch's id. Then follow short transactions of a few
items each, in which an item's job and what is answered for it are written together. So whoever
repeats a call that was cut off anywhere finds what was done, and does the rest. The stitches are
begun after the last commit: that takes longer than to take them, and nobody has to wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.failure_pb2 import Failure
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch.v1.stitch_service_pb2 import (
    BatchStitchRequest,
    BatchStitchResponse,
    BatchStitchResult,
    StitchRequest,
    StitchResponse,
)
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.ids import new_id
from beatstitch_gateway.db import batches
from beatstitch_gateway.db.transaction import Database, Transaction, is_outage
from beatstitch_gateway.idempotency import Call, once, once_in
from beatstitch_gateway.quotas.need import QuotaGuard
from beatstitch_gateway.stitch.accept import accept_stitch, check_stitch
from beatstitch_gateway.validation import Check

log = logging.getLogger(__name__)

MAX_ITEMS = 1000
# Items of one transaction: so many are done again after a crash, and locks last as long.
AT_ONCE = 20
# What says nothing about the item: the whole call ends, and may be repeated.
_OURS = (failure_pb2.ERROR_REASON_DEPENDENCY_DOWN, failure_pb2.ERROR_REASON_DRAINING)


async def accept_batch(
    database: Database,
    limits: Limits,
    quotas: QuotaGuard,
    tenant: str,
    request: BatchStitchRequest,
) -> BatchStitchResponse:
    """Takes what can be taken of a batch; what finds no room in a quota is refused by itself.

    Raises:
        BeatStitchError: FIELD_INVALID for the number of items and the request_id only;
            REQUEST_ID_REUSED; DEPENDENCY_DOWN, after which the same call goes on.
    """
    check = Check()
    check.request_id(request.request_id)
    check.within(len(request.items), 1, MAX_ITEMS, "items")
    check.done()

    async def begin(_tx: Transaction) -> BatchStitchResponse:
        return BatchStitchResponse(batch_id=new_id())

    reply = BatchStitchResponse()
    reply.CopyFrom(await once(database, Call(tenant, request), BatchStitchResponse, begin))
    batch = _Batch(tenant, limits, quotas, reply.batch_id)
    for start in range(0, len(request.items), AT_ONCE):
        items = dict(enumerate(request.items[start : start + AT_ONCE], start))
        async with database.transaction() as tx:
            reply.results.extend(await batch.take_all(tx, items))
            if len(reply.results) == len(request.items):
                # Not before: beginning them would take the time that taking the rest needs.
                tx.after.accepted += batch.accepted
    return reply


@dataclass(frozen=True)
class _Batch:
    tenant: str
    limits: Limits
    quotas: QuotaGuard
    id: str
    accepted: list[str] = field(default_factory=list)

    async def take_all(
        self, tx: Transaction, items: Mapping[int, StitchRequest]
    ) -> list[BatchStitchResult]:
        """Takes those of some items that were not looked at before."""
        # A repeat of the call that comes while the first is at work waits for its turn.
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock(self.id))))
        # Items come one after the other: no turn may be asked for that others half have.
        await self.quotas.take_turn(tx, self.tenant)
        done = await batches.results(tx, self.id, items)
        made = {
            index: await self._take(tx, item, index)
            for index, item in items.items()
            if index not in done
        }
        await batches.store(tx, self.id, made.values())
        return [result for _, result in sorted((done | made).items())]

    async def _take(self, tx: Transaction, item: StitchRequest, index: int) -> BatchStitchResult:
        """Takes one item, or says why not; then nothing of it is left."""
        request = StitchRequest()
        request.CopyFrom(item)
        request.lane = item.lane or job_pb2.JOB_LANE_BATCH

        async def work(_tx: Transaction) -> StitchResponse:
            stitch = await accept_stitch(tx, self.tenant, request, self.quotas, batch_id=self.id)
            return StitchResponse(job=stitch.job)

        try:
            check = Check()
            check_stitch(check, item, self.limits)
            check.done()
            async with tx.savepoint():
                reply = await once_in(tx, Call(self.tenant, item), StitchResponse, work)
        except BeatStitchError as error:
            if error.reason in _OURS:
                raise
            return BatchStitchResult(index=index, failure=_prefixed(error.to_failure(), index))
        except Exception as error:
            if is_outage(error):
                raise
            return BatchStitchResult(index=index, failure=_unforeseen(error).to_failure())
        self.accepted.append(reply.job.id)
        return BatchStitchResult(index=index, job=reply.job)


def _unforeseen(error: Exception) -> BeatStitchError:
    """What the item's caller is told of a fault of ours; the log has the rest."""
    error_id = new_id()
    log.error("unforeseen failure of a batch's item", exc_info=error, extra={"error_id": error_id})
    return BeatStitchError(
        failure_pb2.ERROR_REASON_INTERNAL,
        f"something unforeseen went wrong; error {error_id}",
        metadata={"error_id": error_id},
    )


def _prefixed(failure: Failure, index: int) -> Failure:
    """The failure, its fields named as the caller's request has them."""
    for violation in failure.violations:
        violation.field = f"items[{index}].{violation.field}"
    return failure


def _lock(batch_id: str) -> int:
    """A number for the batch among the database's advisory locks: its random part."""
    return int(batch_id.replace("-", "")[-15:], 16)

"""Gives the work of dead letters to the workers again, one by one."""

from __future__ import annotations

from collections.abc import Iterable

from beatstitch.v1 import failure_pb2
from beatstitch.v1.admin_service_pb2 import RequeuedDeadLetter, RequeueDeadLettersResponse
from beatstitch.v1.job_pb2 import Job
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import dead_letters, jobs
from beatstitch_gateway.db.transaction import Transaction
from beatstitch_gateway.jobs.retry import retry_job


async def requeue(tx: Transaction, letter_ids: Iterable[str]) -> RequeueDeadLettersResponse:
    """A retry of the job behind each dead letter; one that can't be given again spoils no other.

    The quotas of the tenants don't matter: the work was accepted once.
    """
    reply = RequeueDeadLettersResponse()
    for letter_id in letter_ids:
        result = RequeuedDeadLetter(dead_letter_id=letter_id)
        try:
            async with tx.savepoint():
                result.job.CopyFrom(await _again(tx, letter_id))
        except BeatStitchError as error:
            if error.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN:
                raise
            result.failure.CopyFrom(error.to_failure())
        reply.results.append(result)
    return reply


async def _again(tx: Transaction, letter_id: str) -> Job:
    letter = await dead_letters.find(tx, letter_id)
    if letter is None:
        raise _not_found("there is no such dead letter", letter_id)
    row = await jobs.find(tx, letter.requeued_as or letter.job_id)
    if row is None:
        raise _not_found("no job is known behind it, or its project was deleted", letter_id)
    if letter.requeued_as:
        return row.job
    made = await retry_job(tx, row)
    await dead_letters.set_requeued(tx, row.job.id, made.id)
    return made


def _not_found(message: str, letter_id: str) -> BeatStitchError:
    return BeatStitchError(
        failure_pb2.ERROR_REASON_JOB_NOT_FOUND, message, metadata={"dead_letter_id": letter_id}
    )

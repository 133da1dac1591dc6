"""Same request_id and body → the same reply; in one place for every mutation.

The request_id's row is written first, in the transaction that does the work: whoever comes second
with the same id waits in PostgreSQL until the first is done, and then finds its reply. A call that
failed leaves no row, so it may be tried again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.db import idempotency
from beatstitch_gateway.db.idempotency import StoredReply
from beatstitch_gateway.db.scope import seen_projects
from beatstitch_gateway.db.transaction import Database, Transaction

Reply = TypeVar("Reply", bound=Message)


class Mutation(Protocol):
    """A request that changes something."""

    request_id: str


class Call:
    """One call of a mutation, as the table knows it.

    Args:
        tenant: Whose.
        request: The request.
        content: What else the caller sent, as a hash: the bytes of a streamed upload.
    """

    def __init__(self, tenant: str, request: Mutation, content: str = "") -> None:
        if not isinstance(request, Message):
            raise TypeError("a mutation's request is a message")
        self.tenant = tenant
        self.request_id = request.request_id
        self.slot = slot_of(request.request_id, seen_projects())
        self.method = request.DESCRIPTOR.full_name
        body = request.SerializeToString(deterministic=True) + content.encode()
        self.body_sha256 = hashlib.sha256(body).digest()

    def replay(self, stored: StoredReply, reply_type: type[Reply]) -> Reply:
        """The stored reply, if it is this call's.

        Raises:
            BeatStitchError: REQUEST_ID_REUSED.
        """
        if stored.method != self.method or stored.body_sha256 != self.body_sha256:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_REQUEST_ID_REUSED,
                "the request_id was used before with another body",
                metadata={"request_id": self.request_id},
            )
        return reply_type.FromString(stored.reply)


def slot_of(request_id: str, projects: frozenset[str]) -> str:
    """What the table knows a request_id by.

    Keys for some projects have a place of their own: with another's request_id they must not get
    the reply about a project that they don't see.
    """
    if not projects or not request_id:
        return request_id
    scope = hashlib.sha256(",".join(sorted(projects)).encode()).hexdigest()[:32]
    return f"{scope}:{request_id}"


async def once(
    database: Database,
    call: Call,
    reply_type: type[Reply],
    work: Callable[[Transaction], Awaitable[Reply]],
) -> Reply:
    """Does `work` in a transaction, unless the call was answered before.

    Raises:
        BeatStitchError: REQUEST_ID_REUSED; and whatever `work` raises.
    """
    async with database.transaction() as tx:
        return await once_in(tx, call, reply_type, work)


async def once_in(
    tx: Transaction,
    call: Call,
    reply_type: type[Reply],
    work: Callable[[Transaction], Awaitable[Reply]],
) -> Reply:
    """As `once`, as a part of a transaction; it may take that back as a whole, or by a savepoint.

    Raises:
        BeatStitchError: REQUEST_ID_REUSED; and whatever `work` raises.
    """
    if not call.request_id:
        return await work(tx)
    while not await idempotency.claim(tx, call.tenant, call.slot, call.method, call.body_sha256):
        stored = await idempotency.find(tx, call.tenant, call.slot)
        if stored is not None:  # None: forgotten in this very moment
            return call.replay(stored, reply_type)
    reply = await work(tx)
    await idempotency.store(tx, call.tenant, call.slot, reply.SerializeToString())
    return reply


def surely_undone(error: BeatStitchError) -> bool:
    """Whether nothing of a call whose `once` raised this can have been committed.

    When the database goes away, the answer to a commit may be what got lost: rows may name what
    was prepared for them. Left over without a row it is found by the cleaning; a row without it
    would be an accepted upload that is lost.
    """
    return error.reason != failure_pb2.ERROR_REASON_DEPENDENCY_DOWN


async def remembered(database: Database, call: Call, reply_type: type[Reply]) -> Reply | None:
    """The reply of a call that was answered before; for those that prepare something first.

    Raises:
        BeatStitchError: REQUEST_ID_REUSED.
    """
    if not call.request_id:
        return None
    async with database.transaction() as tx:
        return await recalled(tx, call, reply_type)


async def recalled(tx: Transaction, call: Call, reply_type: type[Reply]) -> Reply | None:
    """As `remembered`, in a transaction that looks at more than that.

    Raises:
        BeatStitchError: REQUEST_ID_REUSED.
    """
    if not call.request_id:
        return None
    stored = await idempotency.find(tx, call.tenant, call.slot)
    return call.replay(stored, reply_type) if stored is not None else None

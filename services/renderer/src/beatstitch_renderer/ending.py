"""Whether the render that a piece is made for is over: then nobody waits for the piece.

A render tells its end as an event on its own subject, which is stored. So a worker that takes one
of its pieces looks at the last of these events, and listens for as long as it is at work on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import nats.errors
from google.protobuf.message import DecodeError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch_runtime.jobs.subjects import EVENTS, event_subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from beatstitch_runtime.jobs.worker import JobContext

log = logging.getLogger(__name__)

_ENDS = frozenset({"succeeded", "failed", "cancelled"})


@contextlib.asynccontextmanager
async def end_of_render(context: JobContext) -> AsyncIterator[asyncio.Future[None]]:
    """A future that is done once the render of this piece is over, at once where it is already.

    While NATS is away nothing is known, and the piece is made.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    subject = event_subject(context.spec.tenant, context.spec.job_id)

    def note(data: bytes) -> None:
        with contextlib.suppress(DecodeError):
            if JobEvent.FromString(data).WhichOneof("event") in _ENDS and not over.done():
                over.set_result(None)

    async with contextlib.AsyncExitStack() as stack:
        try:
            heard = await context.bus.nc.subscribe(subject, cb=_noting(note))
            stack.push_async_callback(_forget, heard)
            # Directly: then the subject is part of the request's, and rights can name it.
            last = await context.bus.js.get_last_msg(EVENTS, subject, direct=True)
            note(last.data or b"")
        except NotFoundError:
            pass  # nothing was told yet
        except (nats.errors.Error, JetStreamError, TimeoutError) as error:
            log.debug("the end of the render can't be heard: %r", error)
        yield over


def _noting(note: Callable[[bytes], None]) -> Callable[[Msg], Awaitable[None]]:
    async def hear(message: Msg) -> None:
        note(message.data)

    return hear


async def _forget(heard: Subscription) -> None:
    with contextlib.suppress(nats.errors.Error):
        await heard.unsubscribe()

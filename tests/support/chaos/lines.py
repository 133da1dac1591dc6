"""Following many jobs on one cursor, over streams that break and streams that are broken."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from beatstitch_core.errors import BeatStitchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beatstitch.v1.job_pb2 import Job
    from beatstitch_client import AsyncClient
    from support.chaos.calls import Caller
    from support.chaos.ledger import Line

# How long a stream is listened to before its listener dies of something, at most.
STREAM_S = 6.0


class Follower:
    """A client of WatchJobs that keeps nothing but the newest token.

    Attributes:
        begun: Set as soon as there is a token.
    """

    def __init__(self, clients: Sequence[AsyncClient], caller: Caller, line: Line) -> None:
        self._clients = clients
        self._caller = caller
        self._line = line
        self.begun = asyncio.Event()

    async def run(self, *, batch_id: str = "", on_job: Callable[[Job], None] | None = None) -> None:
        """Follows until all of a batch have ended; until cancelled without one."""
        token = ""
        while True:
            client = self._clients[self._line.streams % len(self._clients)]
            self._line.streams += 1
            watch = client.watch_jobs(
                batch_id=batch_id, resume_token=token, until_all_ended=bool(batch_id)
            )
            life_s = None if self._caller.calm else self._caller.rng.uniform(0.2, STREAM_S)
            try:
                async with asyncio.timeout(life_s), aclosing(watch) as replies:
                    async for reply in replies:
                        # Nothing can come between the two: what is noted is behind the token.
                        if reply.HasField("job"):
                            self._line.saw(reply.job)
                            if on_job is not None:
                                on_job(reply.job)
                        token = reply.resume_token
                        self.begun.set()
                return
            except TimeoutError:
                continue
            except BeatStitchError as error:
                self._caller.forgive(error)
            await asyncio.sleep(self._caller.rng.uniform(0.1, 0.5))

"""Following many jobs: what there is, then round after round what changed.

A round costs what changed, not what there is: an index has the changes in their order. Rounds are
run when a replica says that one of the tenant's jobs changed, and now and then without that.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import replace

from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.job_service_pb2 import WatchJobsResponse
from beatstitch_core.job_states import is_terminal
from beatstitch_gateway.db import changes
from beatstitch_gateway.db.changes import Moment, Wanted
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.jobs.merge import ProgressOf, merge_progress
from beatstitch_gateway.jobs.places import Place, need_known
from beatstitch_gateway.jobs.signals import Signals, tenant_key
from beatstitch_gateway.jobs.watch import draining

PAGE = 200
# Changes that follow each other quicker are told together.
ROUND_PAUSE_S = 0.1
PROGRESS_PAUSE_S = 2.0
LIFE_S = 15.0
# Progress is told of so many unfinished jobs at most, those that changed last.
MOST_IN_PROGRESS = 2000


async def follow_many(
    database: Database,
    signals: Signals,
    wanted: Wanted,
    place: Place,
    *,
    until_all_ended: bool,
    poll_s: float,
) -> AsyncIterator[WatchJobsResponse]:
    """What a WatchJobs stream tells.

    Args:
        database: Where the rows are.
        signals: What tells of changes.
        wanted: Which jobs.
        place: Where to go on.
        until_all_ended: Whether to end once all wanted jobs have ended.
        poll_s: How often to look without being told, about.

    Raises:
        BeatStitchError: TOKEN_EXPIRED; DRAINING when this replica shuts down; DEPENDENCY_DOWN.
    """
    watch = signals.watch([tenant_key(wanted.tenant)])
    told = _Told(signals.progress_of)
    teller = _Teller(database, wanted, place)
    caught_up, told_at, progress_at = False, time.monotonic(), 0.0
    try:
        while True:
            # Asked before the round: whatever had ended by now is told in it.
            ended = until_all_ended and await teller.all_ended()
            async for row in teller.round():
                job = told.row(row.job)
                yield WatchJobsResponse(job=job, resume_token=teller.token, caught_up=caught_up)
                told_at = time.monotonic()
            if not caught_up or time.monotonic() - told_at > LIFE_S:
                caught_up, told_at = True, time.monotonic()
                yield WatchJobsResponse(resume_token=teller.token, caught_up=True)
            if ended:
                return
            look = False
            while not look:
                if time.monotonic() - progress_at > PROGRESS_PAUSE_S:
                    progress_at = time.monotonic()
                    for job in told.progress():
                        yield WatchJobsResponse(job=job, resume_token=teller.token, caught_up=True)
                        told_at = time.monotonic()
                await asyncio.sleep(ROUND_PAUSE_S)
                look = await watch.wait(poll_s * random.uniform(0.75, 1.25))  # noqa: S311
                if signals.draining:
                    raise draining("resume_token")
    finally:
        watch.close()


class _Teller:
    """Reads what is to be told, and knows how far that is."""

    def __init__(self, database: Database, wanted: Wanted, place: Place) -> None:
        self._database = database
        self._wanted = wanted
        self._place = place
        self._checked = False

    @property
    def token(self) -> str:
        """That goes on after the last row of `round`."""
        return self._place.encode(self._wanted)

    async def all_ended(self) -> bool:
        """Whether all jobs of the named set have ended, or are gone."""
        everything = replace(self._wanted, types=())
        async with self._database.transaction() as tx:
            return not await changes.unfinished(tx, everything)

    async def round(self) -> AsyncIterator[JobRow]:
        """What there is, or what changed since, up to now; the place moves along."""
        up_to_now = False
        while not up_to_now:
            # A token may name a place inside a round of some time ago: that one is ended first.
            up_to_now = self._place.until is None
            rows = await self._page()
            while rows:
                for xid, row in rows:
                    self._place = replace(self._place, xid=xid, job_id=row.job.id)
                    yield row
                rows = await self._page() if len(rows) == PAGE else []
            self._place = Place(since=self._place.until)

    async def _page(self) -> list[tuple[int, JobRow]]:
        async with self._database.transaction() as tx:
            if self._place.until is None or not self._checked:
                await self._look_at_the_clock(await changes.now(tx))
            place, wanted = self._place, self._wanted
            if place.until is None:
                raise ValueError("a round has no end")
            if place.since is None:
                rows = await changes.present(tx, wanted, place.until, place.job_id, PAGE)
                return [(0, row) for row in rows]
            after = (place.xid, place.job_id) if place.job_id else None
            return await changes.between(
                tx, wanted, place.since, place.until, after=after, limit=PAGE
            )

    async def _look_at_the_clock(self, now: Moment) -> None:
        if not self._checked:
            need_known(self._place, now)
            self._checked = True
        if self._place.until is None:
            self._place = replace(self._place, until=now)


class _Told:
    """The unfinished jobs that were told, for those whose progress goes on without a change."""

    def __init__(self, progress_of: ProgressOf) -> None:
        self._progress_of = progress_of
        self._open: OrderedDict[str, tuple[Job, Job]] = OrderedDict()

    def row(self, job: Job) -> Job:
        """The job as it is to be told."""
        merged = merge_progress(job, self._progress_of)
        self._open.pop(job.id, None)
        if not is_terminal(job.state):
            self._open[job.id] = (job, merged)
            if len(self._open) > MOST_IN_PROGRESS:
                self._open.popitem(last=False)
        return merged

    def progress(self) -> list[Job]:
        """Those that got on since they were told."""
        found = []
        for job_id, (job, last) in self._open.items():
            merged = merge_progress(job, self._progress_of)
            if merged != last:
                self._open[job_id] = (job, merged)
                found.append(merged)
        return found

"""Customers: each does what clients do, with patience, and notes in the ledger what it is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch.v1.job_service_pb2 import RetryJobRequest
from beatstitch_client import AsyncClient
from beatstitch_core.errors import BeatStitchError, reason_name
from beatstitch_core.ids import new_id
from beatstitch_core.job_states import is_terminal
from support.chaos.ledger import CANCELLABLE, Ledger
from support.chaos.recipes import Material, Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.v1.job_pb2 import Job
    from beatstitch_client.uploads import Via

Reply = TypeVar("Reply")
S = job_pb2
R = failure_pb2

# What a caller may be told while something is away; anything else is a bug.
PASSING = frozenset(
    {
        R.ERROR_REASON_DEPENDENCY_DOWN,
        R.ERROR_REASON_DRAINING,
        R.ERROR_REASON_DEADLINE_EXCEEDED,
        R.ERROR_REASON_QUEUE_FULL,
        R.ERROR_REASON_RATE_LIMITED,
    }
)
TRY_S = 10.0
PATIENCE_S = 3.0
GIVE_UP_S = 600.0


class Customer:
    """One client with its own channel and its own luck."""

    def __init__(
        self, target: str, api_key: str, material: Material, ledger: Ledger, rng: random.Random
    ) -> None:
        self.client = AsyncClient(target, api_key, timeout_s=TRY_S, retry_s=PATIENCE_S)
        self.ledger = ledger
        self._material = material
        self._rng = rng

    async def visit(self, recipes: list[Recipe]) -> None:
        """One project from beginning to end, of a kind that luck decides."""
        recipe = self._rng.choice(recipes)
        kinds = (self.stitch, self.stitch, self.steps, self.cancel_and_retry, self.cancel_early)
        await self._rng.choice(kinds)(recipe)
        if self._rng.random() < 0.15:
            await self.bad_file()

    async def stitch(self, recipe: Recipe) -> None:
        """All in one."""
        project_id, song, media = await self.bring(recipe)
        job = await self.order_stitch(project_id, song, media, recipe)
        self.ledger.accept(job, recipe=recipe)
        await self.collect(await self.watch(job.id), recipe)

    async def steps(self, recipe: Recipe) -> None:
        """Upload, build, render: the same video by single calls."""
        project_id, song, media = await self.bring(recipe, wait=True)
        again = new_id()
        build = await self.insist(
            lambda: self.client.generate_timeline(
                project_id,
                recipe.settings,
                audio_asset_id=song,
                media_asset_ids=media,
                request_id=again,
            ),
            twice=lambda job: job.id,
        )
        self.ledger.accept(build)
        built = await self.watch(build.id)
        if built.state != S.JOB_STATE_SUCCEEDED:
            return
        edl_hash, again_too = built.timeline_build.edl_hash, new_id()
        job, _render = await self.insist(
            lambda: self.client.create_render(project_id, edl_hash, request_id=again_too),
            twice=lambda made: made[0].id,
        )
        self.ledger.accept(job, recipe=recipe)
        await self.collect(await self.watch(job.id), recipe)

    async def cancel_and_retry(self, recipe: Recipe) -> None:
        """Changes its mind in the middle, twice."""
        project_id, song, media = await self.bring(recipe)
        job = await self.order_stitch(project_id, song, media, recipe)
        self.ledger.accept(job, recipe=recipe)
        await asyncio.sleep(self._rng.uniform(0, 4))
        await self.cancel(job.id)
        end = await self.watch(job.id)
        if end.state != S.JOB_STATE_CANCELLED:
            await self.collect(end, recipe)
            return
        again = new_id()
        request = RetryJobRequest(job_id=job.id, request_id=again)
        retried = await self.insist(
            lambda: self.client._call(self.client._jobs.RetryJob, request),
            twice=lambda reply: reply.job.id,
        )
        self.ledger.accept(retried.job, recipe=recipe)
        await self.collect(await self.watch(retried.job.id), recipe)

    async def cancel_early(self, recipe: Recipe) -> None:
        """Cancels at once, while the job is still on its way into the queue."""
        project_id, song, media = await self.bring(recipe)
        job = await self.order_stitch(project_id, song, media, recipe)
        self.ledger.accept(job, recipe=recipe)
        await self.cancel(job.id)
        await self.collect(await self.watch(job.id), recipe)

    async def bad_file(self) -> None:
        """Brings noise, in parts: it arrives whole and is refused for what it is."""
        project = await self.insist(lambda: self.client.create_project("noise"))
        _asset, job_id = await self.upload(project.id, self._material.noise, "url")
        self.ledger.allow(job_id, frozenset({S.JOB_STATE_FAILED}))
        end = await self.watch(job_id)
        if end.failure.reason not in {
            R.ERROR_REASON_INPUT_CORRUPT,
            R.ERROR_REASON_INPUT_UNSUPPORTED,
        }:
            self.ledger.wrong.append(f"noise failed for {reason_name(end.failure.reason)}")

    async def bring(self, recipe: Recipe, *, wait: bool = False) -> tuple[str, str, list[str]]:
        """A project with the recipe's files in it: its id, the song's, the media's."""
        again = new_id()
        project = await self.insist(
            lambda: self.client.create_project("chaos", request_id=again),
            twice=lambda made: made.id,
        )
        paths = [self._material.songs[recipe.song]]
        paths += [self._material.media[number] for number in recipe.media]
        assets = []
        for path in paths:
            asset_id, job_id = await self.upload(
                project.id, path, self._rng.choice(("url", "stream", "auto"))
            )
            assets.append(asset_id)
            if wait:
                await self.watch(job_id)
        return project.id, assets[0], assets[1:]

    async def upload(self, project_id: str, path: Path, via: Via) -> tuple[str, str]:
        """The asset and the job that looks at it."""
        kind = MEDIA_TYPE_IMAGE if path == self._material.noise else None
        done = await self.insist(lambda: self.client.upload(project_id, path, kind, via=via))
        self.ledger.uploads[done.asset.id] = self._material.sha256(path)
        self.ledger.accept(done.job)
        return done.asset.id, done.job.id

    async def order_stitch(
        self, project_id: str, song: str, media: list[str], recipe: Recipe
    ) -> Job:
        """Asks for the video."""
        again = new_id()
        return await self.insist(
            lambda: self.client.stitch(
                project_id,
                recipe.settings,
                audio_asset_id=song,
                media_asset_ids=media,
                request_id=again,
            ),
            twice=lambda job: job.id,
        )

    async def cancel(self, job_id: str) -> None:
        """Asks for a job's end."""
        self.ledger.allow(job_id, CANCELLABLE)
        again = new_id()
        self.ledger.saw(await self.insist(lambda: self.client.cancel_job(job_id, request_id=again)))

    async def watch(self, job_id: str) -> Job:
        """Follows a job to its end, over as many streams as it takes."""

        async def follow() -> Job:
            async with aclosing(self.client.watch_job(job_id)) as changes:
                async for job in changes:
                    self.ledger.saw(job)
                return job

        end = await self.insist(follow, limit_s=None)
        if not is_terminal(end.state):
            self.ledger.wrong.append(f"the watch of {job_id} ended before the job")
        return end

    async def collect(self, end: Job, recipe: Recipe) -> None:
        """Notes what came out."""
        if end.state == S.JOB_STATE_SUCCEEDED:
            render = end.stitch.render if end.HasField("stitch") else end.render
            self.ledger.made(recipe, render.sha256)

    async def insist(
        self,
        call: Callable[[], Awaitable[Reply]],
        *,
        twice: Callable[[Reply], object] | None = None,
        limit_s: float | None = 90.0,
    ) -> Reply:
        """Makes a call until it is answered, as a program would whose own job depends on it.

        Args:
            call: The call; it has to carry the same request_id each time.
            twice: What names the reply's object: sometimes the call is made once more, and must
                name the same.
            limit_s: How long one try may take.
        """
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    async with asyncio.timeout(limit_s):
                        reply = await call()
                    if twice is not None and self._rng.random() < 0.3:
                        async with asyncio.timeout(limit_s):
                            other = await call()
                        if twice(other) != twice(reply):
                            self.ledger.wrong.append("the same request_id made two things")
                    return reply
                except BeatStitchError as error:
                    self.ledger.passing[reason_name(error.reason)] += 1
                    if error.reason not in PASSING:
                        self.ledger.wrong.append(f"a caller was told {error!r}: {error}")
                        raise
                except TimeoutError:
                    self.ledger.passing["no answer in time"] += 1
                await asyncio.sleep(self._rng.uniform(0.2, 1.0))

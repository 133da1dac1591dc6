"""Customers: each does what clients do, with patience, and notes in the ledger what it is told."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch_client import AsyncClient
from beatstitch_core.errors import reason_name
from beatstitch_core.ids import new_id
from beatstitch_core.job_states import is_terminal
from support.chaos.bringing import Bringer
from support.chaos.calls import Caller
from support.chaos.ledger import CANCELLABLE, Ledger
from support.chaos.lines import Follower
from support.chaos.recipes import Material, Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beatstitch.v1.job_pb2 import Job
    from beatstitch.v1.stitch_service_pb2 import BatchStitchResponse
    from support.chaos.bringing import Brought

S = job_pb2
R = failure_pb2

TRY_S = 10.0
PATIENCE_S = 3.0


class Customer:
    """One client with its own channels and its own luck.

    Args:
        targets: gRPC targets: each has all gateways, another one in front.
        number: Which of the customers; it decides what they begin with.
    """

    def __init__(
        self,
        targets: Sequence[str],
        api_key: str,
        material: Material,
        ledger: Ledger,
        rng: random.Random,
        number: int = 0,
    ) -> None:
        turned = [*targets[number % len(targets) :], *targets[: number % len(targets)]]
        self.clients = [
            AsyncClient(target, api_key, timeout_s=TRY_S, retry_s=PATIENCE_S) for target in turned
        ]
        self.client = self.clients[0]
        self.ledger = ledger
        self.caller = Caller(ledger, rng)
        self._bringer = Bringer(turned[0], self.client, self.caller, material, api_key)
        self._rng = rng
        self._visits = number

    async def visit(self, recipes: list[Recipe]) -> None:
        """One project from beginning to end; the kinds take turns, so that none is left out."""
        recipe, other = self._rng.choice(recipes), self._rng.choice(recipes)
        kinds = (
            lambda: self.batch(recipe, other),
            self.broken_upload,
            lambda: self.steps(recipe),
            lambda: self.cancel_and_retry(recipe),
            lambda: self.stitch(recipe),
            lambda: self.cancel_early(recipe),
        )
        self._visits += 1
        await kinds[(self._visits - 1) % len(kinds)]()

    async def stitch(self, recipe: Recipe) -> None:
        """All in one."""
        job = await self.order(await self._bringer.bring(recipe), recipe)
        await self.collect(await self.watch(job.id), recipe)

    async def batch(self, recipe: Recipe, other: Recipe) -> None:
        """Several videos of two projects in one call, and an item that can't be."""
        recipes = [recipe, None, other, recipe]
        brought = {name: await self._bringer.bring(name) for name in {recipe: 0, other: 0}}
        items = [
            StitchRequest(project_id=new_id()) if name is None else _item(brought[name], name)
            for name in recipes
        ]
        again = new_id()
        reply = await self.caller.insist(
            lambda: self.client.batch_stitch(items, request_id=again), twice=_taken
        )
        wanted: dict[str, Recipe] = {}
        for name, result in zip(recipes, reply.results, strict=True):
            if name is None:
                if result.failure.reason != R.ERROR_REASON_PROJECT_NOT_FOUND:
                    self.ledger.wrong.append(f"a bad item of a batch became {result}")
                continue
            if not result.HasField("job"):
                self.ledger.wrong.append(f"a bad item spoilt another: {result}")
                continue
            self.ledger.accept(result.job, recipe=name)
            wanted[result.job.id] = name
        line = self.ledger.line(f"the cursor of batch {reply.batch_id}", frozenset(wanted))
        await Follower(self.clients, self.caller, line).run(
            batch_id=reply.batch_id, on_job=self.ledger.saw
        )
        for job_id, jobs in line.ends.items():
            await self.collect(jobs[-1], wanted[job_id])

    async def steps(self, recipe: Recipe) -> None:
        """Upload, build, render: the same video by single calls."""
        brought = await self._bringer.bring(recipe)
        for job_id in brought.jobs:
            await self.watch(job_id)
        again = new_id()
        build = await self.caller.insist(
            lambda: self.client.generate_timeline(
                brought.project_id,
                recipe.settings,
                audio_asset_id=brought.song,
                media_asset_ids=brought.media,
                request_id=again,
            ),
            twice=lambda job: job.id,
        )
        self.ledger.accept(build)
        built = await self.watch(build.id)
        if built.state != S.JOB_STATE_SUCCEEDED:
            return
        edl_hash, again_too = built.timeline_build.edl_hash, new_id()
        job, _render = await self.caller.insist(
            lambda: self.client.create_render(brought.project_id, edl_hash, request_id=again_too),
            twice=lambda made: made[0].id,
        )
        self.ledger.accept(job, recipe=recipe)
        await self.collect(await self.watch(job.id), recipe)

    async def cancel_and_retry(self, recipe: Recipe) -> None:
        """Changes its mind in the middle, twice."""
        job = await self.order(await self._bringer.bring(recipe), recipe)
        await asyncio.sleep(self._rng.uniform(0, 4))
        await self.cancel(job.id)
        end = await self.watch(job.id)
        if end.state != S.JOB_STATE_CANCELLED:
            await self.collect(end, recipe)
            return
        again = new_id()
        retried = await self.caller.insist(
            lambda: self.client.retry_job(job.id, request_id=again), twice=lambda made: made.id
        )
        self.ledger.accept(retried, recipe=recipe)
        await self.collect(await self.watch(retried.id), recipe)

    async def cancel_early(self, recipe: Recipe) -> None:
        """Cancels at once, while the job is still on its way into the queue."""
        job = await self.order(await self._bringer.bring(recipe), recipe)
        await self.cancel(job.id)
        await self.collect(await self.watch(job.id), recipe)

    async def broken_upload(self) -> None:
        """Brings noise, again and again cut off: it arrives whole and is refused for what it is."""
        upload = await self._bringer.broken(await self._bringer.project())
        self.ledger.allow(upload.job.id, frozenset({S.JOB_STATE_FAILED}))
        end = await self.watch(upload.job.id)
        if end.failure.reason not in {
            R.ERROR_REASON_INPUT_CORRUPT,
            R.ERROR_REASON_INPUT_UNSUPPORTED,
        }:
            self.ledger.wrong.append(f"noise failed for {reason_name(end.failure.reason)}")

    async def order(self, brought: Brought, recipe: Recipe) -> Job:
        """Asks for the video."""
        again = new_id()
        job = await self.caller.insist(
            lambda: self.client.stitch(
                brought.project_id,
                recipe.settings,
                audio_asset_id=brought.song,
                media_asset_ids=brought.media,
                request_id=again,
            ),
            twice=lambda made: made.id,
        )
        self.ledger.accept(job, recipe=recipe)
        return job

    async def cancel(self, job_id: str) -> None:
        """Asks for a job's end."""
        self.ledger.allow(job_id, CANCELLABLE)
        again = new_id()
        self.ledger.saw(
            await self.caller.insist(
                lambda: self.client.cancel_job(job_id, request_id=again), twice=lambda job: job.id
            )
        )

    async def watch(self, job_id: str) -> Job:
        """Follows a job to its end, over as many streams as it takes."""

        async def follow() -> Job:
            async with aclosing(self.client.watch_job(job_id)) as changes:
                async for job in changes:
                    self.ledger.saw(job)
                return job

        end = await self.caller.insist(follow, limit_s=None)
        if not is_terminal(end.state):
            self.ledger.wrong.append(f"the watch of {job_id} ended before the job")
        return end

    async def collect(self, end: Job, recipe: Recipe) -> None:
        """Notes what came out."""
        if end.state == S.JOB_STATE_SUCCEEDED:
            render = end.stitch.render if end.HasField("stitch") else end.render
            self.ledger.made(recipe, render.sha256)


def _item(brought: Brought, recipe: Recipe) -> StitchRequest:
    return StitchRequest(
        project_id=brought.project_id,
        audio_asset_id=brought.song,
        media_asset_ids=brought.media,
        settings=recipe.settings,
    )


def _taken(reply: BatchStitchResponse) -> list[str]:
    return [reply.batch_id, *(result.job.id for result in reply.results)]

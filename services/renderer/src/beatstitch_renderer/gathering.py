"""Getting the pieces of a plan made: queue what storage lacks, wait for facts, look now and then.

Facts come as ChunkFinished events on the render's own subject. They may be lost while NATS is away,
and so may messages in the queue; storage is what counts, so it is asked every few seconds, and a
piece that stays away for long is queued again. Making a piece twice is harmless.

When the gathering ends before its pieces are made, for whatever reason, what is still in the queue
is taken back: nobody waits for it, and another delivery of the render queues what it needs anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from beatstitch.internal.v1.job_event_pb2 import JobEvent
from beatstitch.internal.v1.job_spec_pb2 import JobSpec, RenderChunkSpec
from beatstitch.v1 import job_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.keys import artefact_key
from beatstitch_renderer.planning.encoding import piece_suffix
from beatstitch_renderer.planning.overlays import marks_of
from beatstitch_renderer.together import together
from beatstitch_runtime.jobs.publish import delete_job_message, publish_job
from beatstitch_runtime.jobs.subjects import event_subject
from beatstitch_runtime.metrics import rendering as metrics
from beatstitch_runtime.traceparent import traceparent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from nats.aio.msg import Msg

    from beatstitch.internal.v1.job_event_pb2 import ChunkFinished
    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.internal.v1.render_plan_pb2 import ChunkPlan, RenderPlan
    from beatstitch_renderer.settings import RendererSettings
    from beatstitch_runtime.jobs.worker import JobContext

log = logging.getLogger(__name__)

# A cancelled job has ten seconds to end.
_TAKE_BACK_S = 5.0


def chunk_key(prefix: str, chunk: ChunkPlan) -> str:
    """Where a piece is stored."""
    return artefact_key(prefix, "chunk", chunk.chunk_hash, piece_suffix(chunk.content.codec))


class Gathering:
    """The pieces of one render, on their way.

    Args:
        context: The render's job.
        settings: Limits and pauses.
        plan: What is needed.
        media: The pictures and clips by sha256.
    """

    def __init__(
        self,
        context: JobContext,
        settings: RendererSettings,
        plan: RenderPlan,
        media: Mapping[str, ReadyMedia],
    ) -> None:
        self._context, self._settings, self._media = context, settings, media
        # Equal pieces of one video are one piece.
        self._wanted = {chunk.chunk_hash: chunk for chunk in plan.chunks}
        self._news: asyncio.Queue[ChunkFinished] = asyncio.Queue()
        # Places in the stream of the messages whose pieces are not there yet.
        self._messages: dict[str, list[int]] = {}
        # The last message on its way: it may be in the queue before its place is known here.
        self._publishing: asyncio.Task[None] | None = None

    async def run(self, progress: Callable[[int, int], Awaitable[None]]) -> set[str]:
        """Waits until all pieces are in storage.

        Args:
            progress: Told how many of how many are there.

        Returns:
            The hashes of those that were there from the beginning.

        Raises:
            BeatStitchError: A piece's failure, or DEPENDENCY_DOWN, QUEUE_FULL.
        """
        spec = self._context.spec
        # First listen, then look, then queue: so nothing is missed in between.
        heard = await self._context.bus.nc.subscribe(
            event_subject(spec.tenant, spec.job_id), cb=self._hear
        )
        try:
            found = await self._existing(self._wanted)
            waiting = [hash_ for hash_ in self._longest_first() if hash_ not in found]
            metrics.chunks(found=len(found), missing=len(waiting))
            await self._until_made(waiting, progress)
            return found
        except BaseException:
            await self._take_back()
            raise
        finally:
            if not self._context.bus.nc.is_closed:
                await heard.unsubscribe()

    def _longest_first(self) -> list[str]:
        """So that at the end no worker is left with a long piece while the others are idle."""
        return sorted(
            self._wanted, key=lambda hash_: -self._wanted[hash_].content.frame_count
        )  # stable: else in order

    async def _hear(self, message: Msg) -> None:
        try:
            event = JobEvent.FromString(message.data)
        except DecodeError:
            return
        if event.HasField("chunk_finished"):
            self._news.put_nowait(event.chunk_finished)
        elif event.HasField("handed_back") and event.handed_back.chunk_hash in self._wanted:
            # Its worker drains: what is to be taken back if need be lies elsewhere now.
            back = event.handed_back
            self._messages.setdefault(back.chunk_hash, []).append(back.sequence)

    async def _until_made(
        self, waiting: list[str], progress: Callable[[int, int], Awaitable[None]]
    ) -> None:
        queued: dict[str, float] = {}
        rounds: dict[str, int] = {}
        next_poll = time.monotonic() + self._settings.chunk_poll_s
        total = len(self._wanted)
        left = dict.fromkeys(waiting)
        while True:
            await progress(total - len(left), total)
            if not left:
                return
            for hash_ in left:
                if len(queued) >= self._settings.chunks_in_flight:
                    break
                if hash_ not in queued:
                    await self._publish(self._wanted[hash_], rounds.get(hash_, 0))
                    queued[hash_] = time.monotonic()
            done = await self._next_news(next_poll)
            if time.monotonic() >= next_poll:
                done |= await self._existing(queued)
                next_poll = time.monotonic() + self._settings.chunk_poll_s
            for hash_ in done:
                left.pop(hash_, None)
                queued.pop(hash_, None)
                self._messages.pop(hash_, None)
            for hash_ in self._overdue(queued):
                rounds[hash_] = rounds.get(hash_, 0) + 1
                del queued[hash_]

    async def _next_news(self, until: float) -> set[str]:
        """The pieces told to be done, as many as are known; waits for the first."""
        done: set[str] = set()
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                news = [await self._news.get()]
        except TimeoutError:
            return done
        while not self._news.empty():
            news.append(self._news.get_nowait())
        for item in news:
            if item.HasField("failure") and item.chunk_hash in self._wanted:
                raise BeatStitchError.from_failure(item.failure)
            done.add(item.chunk_hash)
        return done

    def _overdue(self, queued: dict[str, float]) -> list[str]:
        limit = time.monotonic() - self._settings.chunk_republish_s
        return [hash_ for hash_, since in queued.items() if since < limit]

    async def _existing(self, hashes: Iterable[str]) -> set[str]:
        prefix = self._context.spec.key_prefix
        keys = {chunk_key(prefix, self._wanted[hash_]): hash_ for hash_ in hashes}
        found = await self._context.storage.use_many(keys)
        return {keys[key] for key in found}

    async def _publish(self, chunk: ChunkPlan, round_: int) -> None:
        spec = self._context.spec
        needed = {segment.media_sha256 for segment in chunk.content.segments}
        needed |= marks_of(chunk.content.overlays)
        job = JobSpec(
            job_id=spec.job_id,
            tenant=spec.tenant,
            project_id=spec.project_id,
            type=job_pb2.JOB_TYPE_RENDER_CHUNK,
            lane=spec.lane,
            key_prefix=spec.key_prefix,
            attempt=spec.attempt,
            traceparent=traceparent() or spec.traceparent,
            render_chunk=RenderChunkSpec(
                render_id=spec.render.render_id,
                chunk=chunk,
                media=[self._media[sha256] for sha256 in sorted(needed)],
                output_key=chunk_key(spec.key_prefix, chunk),
            ),
        )
        parts = (spec.job_id, spec.attempt, self._context.delivery, round_, chunk.chunk_hash)
        self._publishing = asyncio.create_task(self._queue(job, ".".join(map(str, parts))))
        # The render's end may come while the queue answers, and the message be there: its place is
        # needed to take it back.
        await asyncio.shield(self._publishing)

    async def _queue(self, job: JobSpec, message_id: str) -> None:
        place = await publish_job(self._context.bus, job, message_id)
        self._messages.setdefault(job.render_chunk.chunk.chunk_hash, []).append(place)

    async def _take_back(self) -> None:
        """Deletes the messages of pieces that nobody needs any more, as far as that goes."""
        bus, job_id = self._context.bus, self._context.spec.job_id
        if bus.settings.nats_narrow_rights:
            return  # whoever takes one of them sees that its render is over, and drops it
        try:
            async with asyncio.timeout(_TAKE_BACK_S):
                if self._publishing is not None:
                    await asyncio.gather(self._publishing, return_exceptions=True)
                places = [place for places in self._messages.values() for place in places]
                await together(delete_job_message(bus, place, job_id) for place in places)
        except (BeatStitchError, TimeoutError) as error:
            log.warning("pieces of a render that ended are left in the queue: %s", error)

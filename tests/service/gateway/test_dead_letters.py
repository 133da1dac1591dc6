"""Work that no worker finished: listed, and given to the workers again."""

from __future__ import annotations

from contextlib import suppress

from support.waiting import until

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import job_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_core.errors import reason_name
from beatstitch_gateway.db import jobs
from beatstitch_gateway.db.transaction import Database
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.subjects import job_subject
from beatstitch_runtime.jobs.topology import JOBS, consumer_name
from beatstitch_runtime.jobs.worker import Slot, Worker

ANALYSIS, INTERACTIVE = job_pb2.JOB_TYPE_BEAT_ANALYSIS, job_pb2.JOB_LANE_INTERACTIVE
# A hand-out that nobody settles comes again after so long, once.
IMPATIENT = {"max_deliver": 2, "ack_wait_s": 0.5, "heartbeat_s": 0.2}


async def song_job(house) -> str:
    project_id = await house.project()
    return (await house.upload(project_id, "s.mp3", MEDIA_TYPE_AUDIO)).job.id


async def let_die(house, job_id: str, *, lane: int = INTERACTIVE) -> None:
    """Takes a job's message as often as allowed and never says a word."""
    job = await house.job(job_id)
    queue = await house.bus.js.pull_subscribe_bind(consumer_name(job.type, lane), stream=JOBS)
    for _ in range(house.settings.max_deliver):
        (message,) = await queue.fetch(1, timeout=10)
        assert JobSpec.FromString(message.data).job_id == job_id
    # The server notices that it won't hand it out again when somebody asks.
    with suppress(TimeoutError):
        await queue.fetch(1, timeout=2)
    await queue.unsubscribe()
    done = await house.ended(job_id)
    assert reason_name(done.failure.reason) == "WORKER_LOST"


async def letters(house, **wanted: object) -> list:
    return list((await house.client.ListDeadLetters(**wanted)).dead_letters)


async def test_listed_and_given_again_once(open_house):
    async with open_house(**IMPATIENT) as house:
        first = await song_job(house)
        await let_die(house, first)
        second = await song_job(house)
        await let_die(house, second)
        found = await letters(house)
        assert [item.job_id for item in found] == [second, first]
        assert (found[0].tenant_id, found[0].type, found[0].deliveries) == ("default", ANALYSIS, 2)
        assert found[0].failure.metadata["deliveries"] == "2"
        assert await house.queued() == 0
        pages = await house.client.ListDeadLetters(page_size=1)
        rest = await house.client.ListDeadLetters(page_size=1, page_token=pages.next_page_token)
        assert [rest.dead_letters[0].job_id, rest.next_page_token] == [first, ""]
        assert await letters(house, tenant_id="other") == []

        ids = [found[1].id, "nothing", found[0].id]
        reply = await house.client.RequeueDeadLetters(dead_letter_ids=ids, request_id="one")
        assert [result.dead_letter_id for result in reply.results] == ids
        assert reason_name(reply.results[1].failure.reason) == "JOB_NOT_FOUND"
        made = reply.results[0].job
        assert (made.retry_of, made.state) == (first, job_pb2.JOB_STATE_PENDING)
        # Again: the same jobs, whoever asks.
        again = await house.client.RequeueDeadLetters(dead_letter_ids=ids, request_id="two")
        assert [r.job.id for r in again.results] == [r.job.id for r in reply.results]
        assert await letters(house, waiting_only=True) == []
        assert [item.requeued_as for item in await letters(house)][1] == made.id
        await house.finish(made.id)


async def test_what_no_worker_can_read_fails_its_job_and_is_listed(open_house):
    """A message that came to harm on its way: the row still knows what was wanted."""
    async with open_house() as house:
        job_id = await song_job(house)

        async def is_out() -> bool:
            return await house.queued() == 1

        await until(is_out)
        # In its place lies something else; a stray one has no job behind it at all.
        await house.bus.js.purge_stream(JOBS)
        subject = job_subject(ANALYSIS, INTERACTIVE)
        harmed = await house.bus.js.publish(subject, b"\xff\xff\xff")
        stray = await house.bus.js.publish(subject, b"\xfe\xfe")
        await lie_at(house, job_id, harmed.seq)

        async def never(_context):
            raise AssertionError

        bus = await Bus.connect(house.settings)
        slot = Slot(type=ANALYSIS, lane=INTERACTIVE, handler=never, concurrency=1, timeout_s=9)
        worker = Worker(bus, house.storage, house.settings, [slot])
        await worker.start()
        done = await house.ended(job_id)
        assert "could read" in done.failure.message

        async def both() -> bool:
            return len(await letters(house)) == 2

        await until(both)
        await worker.drain(0)
        await bus.close()
        known = {item.job_id: item for item in await letters(house)}
        assert set(known) == {job_id, ""}
        assert stray.seq != harmed.seq
        ids = [known[job_id].id, known[""].id]
        reply = await house.client.RequeueDeadLetters(dead_letter_ids=ids)
        assert reason_name(reply.results[1].failure.reason) == "JOB_NOT_FOUND"
        await house.finish(reply.results[0].job.id)


async def lie_at(house, job_id: str, sequence: int) -> None:
    database = Database(house.settings.database_url.get_secret_value(), 1)
    async with database.transaction() as tx:
        await jobs.set_message(tx, job_id, sequence, 0)
    await database.close()


async def test_a_dead_piece_fails_its_render_and_the_render_is_given_again(open_house):
    async with open_house(**IMPATIENT) as house:
        project_id, _song, _pictures = await house.ready()
        edl_hash = await house.timeline(project_id)
        made = await house.client.CreateRender(project_id=project_id, edl_hash=edl_hash)
        spec = await house.begin(made.job.id)
        for chunk_hash in ("a", "b"):
            piece = JobSpec()
            piece.CopyFrom(spec)
            piece.type = job_pb2.JOB_TYPE_RENDER_CHUNK
            piece.render_chunk.chunk.chunk_hash = chunk_hash
            await publish_job(house.bus, piece, f"{spec.job_id}.{chunk_hash}")
        queue = await house.bus.js.pull_subscribe_bind(
            consumer_name(job_pb2.JOB_TYPE_RENDER_CHUNK, spec.lane), stream=JOBS
        )
        for _ in range(2 * house.settings.max_deliver):
            await queue.fetch(1, timeout=10)
        with suppress(TimeoutError):
            await queue.fetch(1, timeout=2)
        await queue.unsubscribe()
        done = await house.ended(made.job.id)
        assert "piece" in done.failure.message

        async def empty() -> bool:
            return await house.queued() == 0

        await until(empty)
        # One render failed once, however many of its pieces died.
        (letter,) = await letters(house)
        assert (letter.job_id, letter.type) == (made.job.id, job_pb2.JOB_TYPE_RENDER_CHUNK)
        reply = await house.client.RequeueDeadLetters(dead_letter_ids=[letter.id])
        again = reply.results[0].job
        assert (again.type, again.retry_of) == (job_pb2.JOB_TYPE_RENDER_FINAL, made.job.id)

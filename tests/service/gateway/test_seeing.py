"""What a gateway tells Prometheus after a day's work in small."""

from __future__ import annotations

import asyncio
import math

import grpc.aio
import pytest
from support.scrape import scrape_port

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.seeing.books import Books
from beatstitch_gateway.seeing.stored import StoredBytes
from beatstitch_runtime.metrics.observers import PAUSE_S
from beatstitch_stack.ports import free_port

ANALYSIS = {"type": "beat_analysis", "lane": "interactive"}


async def scraped(house, previous=None):
    """The page, asked anew and not out of the last second's answer."""
    if previous is not None:
        await asyncio.sleep(PAUSE_S + 0.05)
    return await scrape_port(house.services[0].metrics_port)


@pytest.fixture
def open_seen(open_house):
    return lambda **options: open_house(metrics_port=free_port(), **options)


async def test_a_job_is_counted_once_when_it_ends(open_seen):
    async with open_seen() as house:
        before = await scraped(house)
        project_id = await house.project()
        song = await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO, b"song")
        waiting = await scraped(house, before)
        assert waiting.get("beatstitch_queue_depth", **ANALYSIS) == 1
        assert waiting.get("beatstitch_queue_oldest_age_seconds", **ANALYSIS) > 0
        assert waiting.get("beatstitch_jobs_unfinished", state="pending") == 1
        spec = await house.take(song.job.id)
        await house.event(spec, started={})
        output = await house.output(spec)
        for _ in range(3):  # facts may come more than once
            await house.event(spec, succeeded=output)
        await house.ended(song.job.id)
        picture = await house.upload(project_id, "a.jpg", MEDIA_TYPE_IMAGE, b"picture")
        await house.fail(picture.job.id, failure_pb2.ERROR_REASON_INPUT_CORRUPT)
        after = await scraped(house, waiting)

    def grown(name, **labels):
        return after.get(name, **labels) - before.get(name, **labels)

    assert grown("beatstitch_jobs_ended_total") == 2
    assert grown("beatstitch_jobs_ended_total", **ANALYSIS, state="succeeded", reason="") == 1
    assert grown("beatstitch_jobs_ended_total", state="failed", reason="INPUT_CORRUPT") == 1
    assert grown("beatstitch_job_turnaround_seconds_count", **ANALYSIS) == 1
    assert 0 < grown("beatstitch_job_turnaround_seconds_sum", **ANALYSIS) < 60
    assert grown("beatstitch_outbox_published_total", result="sent") == 2
    assert after.get("beatstitch_outbox_messages") == 0
    assert after.get("beatstitch_outbox_oldest_age_seconds") == 0
    assert after.get("beatstitch_jobs_unfinished") == 0
    assert after.get("beatstitch_queue_depth") == 0
    assert after.get("beatstitch_events_pending") == 0
    uploads = {"grpc_service": "beatstitch.v1.AssetService", "grpc_method": "UploadAsset"}
    assert grown("beatstitch_rpc_handled_total", **uploads, grpc_code="OK") == 2


async def test_a_cancelled_job_is_counted_once(open_seen):
    async with open_seen() as house:
        before = await scraped(house)
        project_id = await house.project()
        song = await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO, b"song")
        await house.client.CancelJob(job_id=song.job.id)
        await house.client.CancelJob(job_id=song.job.id)
        await house.ended(song.job.id)
        after = await scraped(house, before)
    ended = "beatstitch_jobs_ended_total"
    assert after.get(ended, state="cancelled") - before.get(ended, state="cancelled") == 1


async def test_the_outbox_is_seen_while_the_stream_is_full(open_seen):
    async with open_seen(jobs_max_messages=2) as house:
        before = await scraped(house)
        project_id = await house.project()
        for number in range(5):
            await house.upload(project_id, f"{number}.jpg", MEDIA_TYPE_IMAGE, b"%d" % number)
        full = await scraped(house, before)
        assert full.get("beatstitch_outbox_messages") == 3
        assert 0 < full.get("beatstitch_outbox_oldest_age_seconds") < 60
        assert full.get("beatstitch_stream_messages", stream="JOBS") == 2
        assert full.get("beatstitch_stream_limit_messages", stream="JOBS") == 2
        failed = "beatstitch_outbox_published_total"
        assert full.get(failed, result="failed") > before.get(failed, result="failed")


async def test_without_the_database_its_numbers_are_unknown_and_the_rest_is_told(open_seen):
    away = Database("postgresql+asyncpg://x:y@127.0.0.1:1/z")
    async with open_seen() as house:
        known = await scraped(house)
        assert known.get("beatstitch_outbox_messages") == 0
        (books,) = [item for item in house.services[0].observers if isinstance(item, Books)]
        books._database = away
        unknown = await scraped(house, known)
    await away.close()
    assert math.isnan(unknown.get("beatstitch_outbox_messages"))
    assert math.isnan(unknown.get("beatstitch_outbox_oldest_age_seconds"))
    assert not unknown.has("beatstitch_jobs_unfinished")
    assert unknown.has("beatstitch_queue_depth")
    assert unknown.get("beatstitch_observer_failures_total", observer="database") >= 1


async def test_bytes_by_tenant(open_seen):
    async with open_seen(stored_interval_s=3600) as house:
        project_id = await house.project()
        await house.upload(project_id, "a.jpg", MEDIA_TYPE_IMAGE, b"x" * 1000)
        counter = StoredBytes(house.settings, None, house.storage)
        before = await scraped(house)
        await counter.count()
        after = await scraped(house)
        stored = "beatstitch_stored_bytes"
        assert after.get(stored, tenant="default", kind="in") >= 1000
        await house.upload(project_id, "b.jpg", MEDIA_TYPE_IMAGE, b"y" * 500)
        await counter.count()
        more = await scraped(house)
        labels = {"tenant": "default", "kind": "in"}
        assert more.get(stored, **labels) - after.get(stored, **labels) == 500
        assert before is not after


async def test_one_replica_counts_the_bucket_and_another_takes_over(house):
    """The house's own gateway has no page for Prometheus and so doesn't count."""
    database = Database(house.settings.database_url.get_secret_value(), 2)

    class Counting(StoredBytes):
        def __init__(self):
            super().__init__(house.settings, database, house.storage)
            self.counted = asyncio.Event()

        async def count(self):
            self.counted.set()

    first, second = Counting(), Counting()
    leading = asyncio.create_task(first._lead())
    await asyncio.wait_for(first.counted.wait(), 10)
    await asyncio.wait_for(second._lead(), 10)
    assert not second.counted.is_set()
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    leading = asyncio.create_task(second._lead())
    await asyncio.wait_for(second.counted.wait(), 10)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    await database.close()


async def test_foreign_and_unknown_names_make_no_series(open_seen):
    async with open_seen() as house:
        with pytest.raises(grpc.aio.AioRpcError):
            await house.with_key("bsk_wrong").GetProject(project_id="x")
        found = await scraped(house)
    values = {value for _, labels, _ in found.samples for value in labels.values()}
    assert "bsk_wrong" not in values
    assert "x" not in values

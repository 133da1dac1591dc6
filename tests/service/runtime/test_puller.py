"""Asking a consumer for messages: none lost, none held by mistake."""

from __future__ import annotations

import asyncio
import time

import pytest

from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.puller import Puller, PullRefused
from beatstitch_runtime.jobs.topology import JOBS, consumer_name


@pytest.fixture
async def puller(house):
    name = consumer_name(house.spec().type, house.spec().lane)
    puller = Puller(house.bus, JOBS, name, 1.0)
    await puller.start()
    yield puller
    await puller.close()


async def test_nothing_there(puller):
    begun = time.monotonic()
    assert await puller.next() is None
    assert 0.8 < time.monotonic() - begun < 1.4


async def test_a_message_comes_while_waiting(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    spec = house.spec()
    await publish_job(house.bus, spec, "a")
    pulled = await waiting
    assert pulled.msg.data == spec.SerializeToString()
    await pulled.msg.ack()


async def test_stop_ends_the_wait_and_gives_back_what_comes_later(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    puller.stop()
    assert await asyncio.wait_for(waiting, 0.5) is None
    # The server still holds the request, so the message is sent to this client.
    await publish_job(house.bus, house.spec(), "a")
    await puller.close()
    assert await puller.next() is None
    await _comes_again_at_once(house)


async def test_a_cancelled_wait_gives_back_what_comes_later(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await publish_job(house.bus, house.spec(), "a")
    await _comes_again_at_once(house)


async def _comes_again_at_once(house):
    """Not only after its lease of two seconds."""
    other = Puller(house.bus, JOBS, consumer_name(house.spec().type, house.spec().lane), 1.0)
    await other.start()
    pulled = await other.next()
    assert pulled.msg.metadata.num_delivered == 2
    await pulled.msg.ack()
    await other.close()


async def test_a_wait_cancelled_with_a_message_in_hand_gives_it_back(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    await publish_job(house.bus, house.spec(), "a")
    while puller._waiter is not None and not puller._waiter.done():  # noqa: ASYNC110
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await _comes_again_at_once(house)


async def test_a_missing_consumer_is_told_at_once(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    await house.bus.js.delete_consumer(JOBS, consumer_name(house.spec().type, house.spec().lane))
    with pytest.raises(PullRefused):
        await waiting
    begun = time.monotonic()
    with pytest.raises(PullRefused, match="503"):
        await puller.next()
    assert time.monotonic() - begun < 0.5


async def test_a_reconnection_ends_the_wait(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    await house.bus.nc.force_reconnect()
    begun = time.monotonic()
    assert await waiting is None
    assert time.monotonic() - begun < 0.7


async def test_closing_without_nats(house, puller):
    await asyncio.to_thread(house.server.kill)
    await asyncio.wait_for(puller.close(), 3)

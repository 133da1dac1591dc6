"""Asking a consumer for messages: none lost, none held by mistake."""

from __future__ import annotations

import asyncio
import time

import pytest
import pytest_asyncio

from beatstitch_runtime.jobs import puller as puller_module
from beatstitch_runtime.jobs.publish import publish_job
from beatstitch_runtime.jobs.puller import Puller, PullRefused
from beatstitch_runtime.jobs.topology import JOBS, consumer_name

# "At once" is measured against something that takes minutes: a request's or a message's own time.
PATIENT_S = 300.0
AT_ONCE_S = 60.0


@pytest_asyncio.fixture
async def house(open_house):
    async with open_house(ack_wait_s=PATIENT_S) as house:
        yield house


async def started(house, expires_s: float) -> Puller:
    name = consumer_name(house.spec().type, house.spec().lane)
    puller = Puller(house.bus, JOBS, name, expires_s)
    await puller.start()
    return puller


@pytest_asyncio.fixture
async def puller(house):
    puller = await started(house, PATIENT_S)
    yield puller
    await puller.close()


async def test_nothing_there(house, monkeypatch):
    monkeypatch.setattr(puller_module, "MARGIN_S", PATIENT_S)  # so that the server's answer counts
    puller = await started(house, 1.0)
    begun = time.monotonic()
    async with asyncio.timeout(AT_ONCE_S):
        assert await puller.next() is None
    assert time.monotonic() - begun > 0.8
    await puller.close()


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
    assert await asyncio.wait_for(waiting, AT_ONCE_S) is None
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
    """Not only after its lease."""
    other = await started(house, PATIENT_S)
    async with asyncio.timeout(AT_ONCE_S):
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
    async with asyncio.timeout(AT_ONCE_S):
        with pytest.raises(PullRefused, match="503"):
            await puller.next()


async def test_a_reconnection_ends_the_wait(house, puller):
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0.1)
    await house.bus.nc.force_reconnect()
    assert await asyncio.wait_for(waiting, AT_ONCE_S) is None


async def test_closing_without_nats(house, puller):
    await asyncio.to_thread(house.server.kill)
    await asyncio.wait_for(puller.close(), 3)

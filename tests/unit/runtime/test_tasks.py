"""Cancellations that get lost on the way, as Python 3.11's wait_for loses them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from nats.aio.client import Client

from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime import tasks
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.jobs.lease import Lease
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.tasks import end, stop_if_cancelled


class Loses:
    """Something to wait for that answers the first cancellation with its result."""

    def __init__(self, answer: Exception | bool) -> None:
        self.answer, self.lost = answer, 0

    async def wait(self, *_: object) -> bool:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.lost:
                raise
            self.lost += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(tasks, "AGAIN_S", 0.05)


async def test_a_loop_ends_after_its_round():
    rounds = Loses(True)

    async def loop():
        while True:
            await rounds.wait()
            stop_if_cancelled()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert rounds.lost == 1


async def test_end_cancels_until_it_is_done():
    rounds = Loses(True)

    async def loop():
        while True:
            await rounds.wait()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 20)
    assert task.cancelled()
    assert rounds.lost == 1


@pytest.mark.parametrize("error", [None, ValueError("x")])
async def test_end_takes_what_has_ended(error):
    async def brief():
        if error is not None:
            raise error

    task = asyncio.create_task(brief())
    await asyncio.sleep(0)
    await end(task)
    assert task.exception() is error


async def test_signs_of_life_end(monkeypatch):
    """Else a job that its worker has given up would never be given to another one."""
    beats = Loses(True)
    monkeypatch.setattr(Lease, "heartbeat", beats.wait)
    message = SimpleNamespace(metadata=SimpleNamespace(num_delivered=1))
    lease = Lease(None, SimpleNamespace(msg=message, arrived=0.0), 60.0)
    beating = asyncio.create_task(lease.keep(0.001))
    await asyncio.sleep(0.1)
    beating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(beating, 20)
    assert beats.lost == 1


async def test_connecting_ends_in_time(monkeypatch):
    """nats-py goes on after what it takes for a refused connection."""
    meeting = Loses(ConnectionRefusedError())
    monkeypatch.setattr(Client, "_connect_to_server", meeting.wait)
    settings = ServiceSettings(nats_connect_timeout_s=0.1)
    async with asyncio.timeout(20):
        with pytest.raises(BeatStitchError):
            await Bus.connect(settings)
    assert meeting.lost == 1


async def test_a_cancelled_connecting_ends(monkeypatch):
    meeting = Loses(ConnectionRefusedError())
    monkeypatch.setattr(Client, "_connect_to_server", meeting.wait)
    task = asyncio.create_task(Bus.connect(ServiceSettings()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert meeting.lost == 1
    assert len(asyncio.all_tasks()) == 1

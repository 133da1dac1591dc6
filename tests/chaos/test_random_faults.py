"""Hundreds of small jobs while everything they stand on is killed, hung, cut off and wiped.

`make chaos SEED=7 JOBS=400 MINUTES=10` runs long; without them it is the short form of `make test`.
The same seed gives the same faults and the same orders (what they meet depends on the machine).
"""

import asyncio
import os
import random
import statistics
import time
from contextlib import AsyncExitStack

import pytest
from support.chaos.audit import audit, count_jobs, undisturbed
from support.chaos.customers import Customer
from support.chaos.faults import Trouble, note
from support.chaos.ledger import Ledger
from support.chaos.lines import Follower
from support.chaos.recipes import Material, draw
from support.chaos.room import chaos_room

SEED = int(os.environ.get("CHAOS_SEED") or 1)
JOBS = int(os.environ.get("CHAOS_JOBS") or 20)
MINUTES = float(os.environ.get("CHAOS_MINUTES") or 0.25)
# Even seeds get one nats-server, odd ones a cluster of three, unless said otherwise.
NODES = int(os.environ.get("CHAOS_NODES") or (3 if SEED % 2 else 1))
CUSTOMERS = 4
# Few different videos, so that they are soon made once more in peace.
VIDEOS = max(4, JOBS // 10)
LIMIT_S = 600 + MINUTES * 240


# nats-py leaves sockets to the garbage collector when its server goes away: our own ear's.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
async def test_every_accepted_job_comes_to_its_right_end(tmp_path):
    note(f"\nseed {SEED}, {JOBS} jobs, {MINUTES} minutes of faults, {NODES} nats-server(s)")
    material = await asyncio.to_thread(Material, tmp_path)
    ledger, rng = Ledger(), random.Random(SEED)
    recipes = [draw(rng, material) for _ in range(VIDEOS)]
    async with (
        chaos_room(tmp_path / "room", nats_nodes=NODES, material=material.files) as room,
        AsyncExitStack() as block,
    ):
        key = room.system.api_key
        customers = [
            Customer(room.targets, key, material, ledger, random.Random(n + SEED), n)
            for n in range(CUSTOMERS + 1)
        ]
        for customer in customers:
            for client in customer.clients:
                await block.enter_async_context(client)
        listener = customers.pop()
        whole = ledger.line("the cursor of all jobs")
        follower = Follower(listener.clients, listener.caller, whole)
        listening = asyncio.create_task(follower.run())
        block.callback(listening.cancel)
        await follower.begun.wait()
        trouble = Trouble(room, rng.randrange(1 << 30))
        ends = time.monotonic() + MINUTES * 60
        striking = asyncio.create_task(trouble.run())

        async def shop(customer: Customer) -> None:
            while len(ledger.jobs) < JOBS or time.monotonic() < ends:
                await customer.visit(recipes)

        shopping = asyncio.gather(*(shop(customer) for customer in customers))
        try:
            await asyncio.wait({shopping, striking, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            striking.cancel()
            await asyncio.wait({striking})
        if not striking.cancelled():
            striking.result()
        await shopping
        room.mailbox.calm()
        wrong = await audit(room, ledger, listener.client)
        listening.cancel()
        await asyncio.wait({listening})
        if not listening.cancelled():
            listening.result()
        jobs, posts = await count_jobs(room), room.mailbox.receiver
        report(jobs, ledger, trouble, room.tap.handovers)
        note(f"{len(posts.received)} webhook requests, {len(posts.taken)} of them taken")
        wrong += await undisturbed(room, ledger, customers)
        assert not wrong, "\n".join(wrong)
        assert trouble.done


def report(jobs: int, ledger: Ledger, trouble: Trouble, handovers: list[float]) -> None:
    note(f"{jobs} jobs, {len(ledger.uploads)} uploads, {len(ledger.renders)} videos")
    streams = sum(line.streams for line in ledger.lines)
    note(f"{len(ledger.lines)} cursors over {streams} streams; {ledger.lost} calls broken off")
    note("faults: " + ", ".join(f"{n} × {kind}" for kind, n in sorted(trouble.done.items())))
    note(f"callers were told: {dict(ledger.passing)}")
    if handovers:
        median, worst = statistics.median(handovers), max(handovers)
        note(
            f"{trouble.held} jobs in hand of killed workers; {len(handovers)} begun again, "
            f"median {median:.1f} s, worst {worst:.1f} s after the death"
        )

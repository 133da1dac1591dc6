"""Waits for the dust to settle, then gathers what `verdict` judges."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import nats
import nats.errors

from beatstitch.v1 import asset_service_pb2, job_pb2
from beatstitch_runtime.jobs.topology import EVENTS, EVENTS_CONSUMER, JOBS
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_stack.process_tree import descendants
from support.chaos import verdict

if TYPE_CHECKING:
    from beatstitch_client import AsyncClient
    from support.chaos.customers import Customer
    from support.chaos.ledger import Ledger
    from support.chaos.room import Room

SETTLE_S = 180.0
# How long after the last job's end a cursor may tell it.
LINE_S = 30.0
# Deliveries that were refused wait for minutes: here their time has come every few seconds.
HURRY_S = 3.0
HURRY = "UPDATE webhook_deliveries SET next_time = now() WHERE state = 1"


async def settled(room: Room) -> list[str]:
    """Waits until nothing is left to do anywhere; returns what still is when patience ends."""
    ends, hurried = time.monotonic() + SETTLE_S, 0.0
    postgres = room.system.stack.postgres
    while left := await _left_over(room):
        if time.monotonic() > ends:
            return left
        if time.monotonic() > hurried + HURRY_S:
            hurried = time.monotonic()
            await asyncio.to_thread(postgres.execute, HURRY, "beatstitch")
        await asyncio.sleep(0.5)
    return []


async def _left_over(room: Room) -> list[str]:
    left = []
    postgres = room.system.stack.postgres
    for what, sql in (
        ("rows in the outbox", "SELECT count(*) FROM outbox"),
        ("unfinished jobs", "SELECT count(*) FROM jobs WHERE state IN (1, 2)"),
        ("webhooks to send", "SELECT count(*) FROM webhook_deliveries WHERE state <> 2"),
    ):
        count = int(await asyncio.to_thread(postgres.execute, sql, "beatstitch"))
        if count:
            left.append(f"{count} {what}")
    client = await nats.connect([node.url for node in room.nats])
    try:
        js = client.jetstream()
        waiting = (await js.stream_info(JOBS)).state.messages
        if waiting:
            left.append(f"{waiting} messages in JOBS")
        infos = [*await js.consumers_info(JOBS), await js.consumer_info(EVENTS, EVENTS_CONSUMER)]
        left += [
            f"{info.name}: {info.num_pending} waiting, {info.num_ack_pending} in hand"
            for info in infos
            if info.num_pending or info.num_ack_pending
        ]
    except (nats.errors.Error, TimeoutError) as error:
        left.append(f"NATS: {error!r}")
    finally:
        await client.close()
    return left


async def count_jobs(room: Room) -> int:
    """All jobs of the database, those inside stitches too."""
    return len(await _ids(room, "SELECT id FROM jobs"))


async def audit(room: Room, ledger: Ledger, client: AsyncClient) -> list[str]:
    """All that is wrong, in words."""
    wrong = [*ledger.wrong, *await settled(room)]
    jobs = {job_id: await client.get_job(job_id) for job_id in ledger.jobs}
    await _last_words(ledger)
    box = room.mailbox
    wrong += verdict.wrong_ends(ledger, jobs, room.tap.outputs)
    wrong += verdict.wrong_lines(ledger, jobs)
    wrong += verdict.wrong_posts(ledger, jobs, box.receiver.taken, box.secret)
    for what, promised, sql in (
        ("project", ledger.projects, "SELECT id FROM projects"),
        ("asset", ledger.uploads, "SELECT id FROM assets"),
        ("job", ledger.jobs, "SELECT id FROM jobs WHERE parent_id IS NULL"),
    ):
        wrong += verdict.wrong_rows(what, promised, await _ids(room, sql))
    wrong += verdict.wrong_bytes(ledger, await _read_back(ledger, client))
    wrong += verdict.wrong_videos(ledger)
    wrong += await _unforeseen_ends(room, ledger)
    for name, service in room.system.services.items():
        folder = room.system.stack.state_dir / "work" / name
        wrong += [f"{name} left {path.name} behind" for path in folder.glob("**/job-*")]
        wrong += [f"{name} left the child {pid} behind" for pid in strays(service.pid)]
    return wrong


async def _last_words(ledger: Ledger) -> None:
    """Cursors may be a moment behind; what they still have not told then, they missed."""
    ends = time.monotonic() + LINE_S
    whole = [line for line in ledger.lines if line.jobs is None]
    while time.monotonic() < ends:
        if all(ledger.jobs.keys() <= line.ends.keys() for line in whole):
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)  # for what would come a second time


async def _read_back(ledger: Ledger, client: AsyncClient) -> dict[str, str]:
    found = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        for asset_id in ledger.uploads:
            request = asset_service_pb2.CreateAssetDownloadLinkRequest(asset_id=asset_id)
            link = await client._call(client._assets.CreateAssetDownloadLink, request)
            reply = await http.get(link.url)
            found[asset_id] = hashlib.sha256(reply.content).hexdigest()
    return found


async def _ids(room: Room, sql: str) -> list[str]:
    postgres = room.system.stack.postgres
    return (await asyncio.to_thread(postgres.execute, sql, "beatstitch")).split()


async def _unforeseen_ends(room: Room, ledger: Ledger) -> list[str]:
    """Jobs inside stitches are nobody's promise, but with this patience none of them may fail."""
    ids = await _ids(room, "SELECT id FROM jobs WHERE state = 4")  # JOB_STATE_FAILED
    meant = {
        job_id
        for job_id, promise in ledger.jobs.items()
        if job_pb2.JOB_STATE_FAILED in promise.ends
    }
    dead = len(await _ids(room, "SELECT job_id FROM dead_letters"))
    wrong = [f"job {job_id} failed" for job_id in ids if job_id not in meant]
    return [*wrong, *([f"{dead} dead letters"] if dead else [])]


def strays(pid: int) -> list[int]:
    """What works in a job's scratch folder under a process; the folder may be gone by now."""
    return [child for child in descendants(pid) if "/job-" in _folder(child)]


def _folder(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:  # it has just ended
        return ""


def _direct(room: Room) -> dict[str, str]:
    server = room.system.stack.s3
    return {
        "s3_endpoint": server.endpoint,
        "s3_bucket": server.bucket,
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
    }


async def undisturbed(room: Room, ledger: Ledger, customers: list[Customer]) -> list[str]:
    """Renders all recipes anew in peace, with no artefact of before; returns what differs."""
    storage = Storage.from_settings(ServiceSettings(**_direct(room)))
    keys = [key async for key, _size in storage.list("t/") if "/in/" not in key]
    await storage.delete(keys)
    under_faults, ledger.renders = ledger.renders, {}
    wanted = list({promise.recipe for promise in ledger.jobs.values() if promise.recipe})

    async def render(customer: Customer) -> None:
        customer.caller.calm = True
        while wanted:
            await customer.stitch(wanted.pop())

    await asyncio.gather(*(render(customer) for customer in customers))
    in_peace, ledger.renders = ledger.renders, under_faults
    return [
        f"{recipe}: {made} under faults, {in_peace.get(recipe)} in peace"
        for recipe, made in under_faults.items()
        if made != in_peace.get(recipe)
    ]

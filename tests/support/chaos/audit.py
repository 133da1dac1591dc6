"""What has to hold when the dust has settled."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import nats
import nats.errors

from beatstitch.v1 import asset_service_pb2, job_pb2
from beatstitch_core.job_states import is_terminal
from beatstitch_runtime.jobs.topology import EVENTS, EVENTS_CONSUMER, JOBS
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_stack.process_tree import descendants

if TYPE_CHECKING:
    from beatstitch_client import AsyncClient
    from support.chaos.customers import Customer
    from support.chaos.ledger import Ledger
    from support.chaos.room import Room

SETTLE_S = 180.0
State = job_pb2.JobState.Name


async def settled(room: Room) -> list[str]:
    """Waits until nothing is left to do anywhere; returns what still is when patience ends."""
    ends = time.monotonic() + SETTLE_S
    while left := await _left_over(room):
        if time.monotonic() > ends:
            return left
        await asyncio.sleep(0.5)
    return []


async def _left_over(room: Room) -> list[str]:
    left = []
    postgres = room.system.stack.postgres
    for what, sql in (
        ("rows in the outbox", "SELECT count(*) FROM outbox"),
        ("unfinished jobs", "SELECT count(*) FROM jobs WHERE state IN (1, 2)"),
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
    sql = "SELECT count(*) FROM jobs"
    return int(await asyncio.to_thread(room.system.stack.postgres.execute, sql, "beatstitch"))


async def audit(room: Room, ledger: Ledger, client: AsyncClient) -> list[str]:
    """All that is wrong, in words."""
    wrong = [*ledger.wrong, *await settled(room)]
    for job_id, promise in ledger.jobs.items():
        job = await client.get_job(job_id)
        if job.state not in promise.ends:
            why = job.failure.message or job.detail
            wrong.append(f"job {job_id} ({job.type}) is {State(job.state)}: {why}")
        if is_terminal(promise.seen[-1]) and promise.seen[-1] != job.state:
            wrong.append(f"{job_id}: a watcher saw {State(promise.seen[-1])}, it is {job.state}")
        if len(room.tap.outputs.get(job_id, ())) > 1:
            wrong.append(f"job {job_id} made two different things")
    wrong += await _unforeseen_ends(room, ledger)
    wrong += [
        f"{recipe} was rendered to {len(made)} different videos"
        for recipe, made in ledger.renders.items()
        if len(made) > 1
    ]
    async with httpx.AsyncClient(trust_env=False) as http:
        for asset_id, sha256 in ledger.uploads.items():
            request = asset_service_pb2.CreateAssetDownloadLinkRequest(asset_id=asset_id)
            link = await client._call(client._assets.CreateAssetDownloadLink, request)
            reply = await http.get(link.url)
            if hashlib.sha256(reply.content).hexdigest() != sha256:
                wrong.append(f"the upload {asset_id} reads back otherwise ({reply.status_code})")
    for name, service in room.system.services.items():
        folder = room.system.stack.state_dir / "work" / name
        wrong += [f"{name} left {path.name} behind" for path in folder.glob("**/job-*")]
        strays = [pid for pid in descendants(service.pid) if b"/job-" in _command(pid)]
        wrong += [f"{name} left the child {pid} behind" for pid in strays]
    return wrong


async def _unforeseen_ends(room: Room, ledger: Ledger) -> list[str]:
    """Jobs inside stitches are nobody's promise, but with this patience none of them may fail."""
    postgres = room.system.stack.postgres
    failed = "SELECT id FROM jobs WHERE state = 4"  # JOB_STATE_FAILED
    ids = (await asyncio.to_thread(postgres.execute, failed, "beatstitch")).split()
    meant = {
        job_id
        for job_id, promise in ledger.jobs.items()
        if job_pb2.JOB_STATE_FAILED in promise.ends
    }
    letters = "SELECT count(*) FROM dead_letters"
    dead = int(await asyncio.to_thread(postgres.execute, letters, "beatstitch"))
    wrong = [f"job {job_id} failed" for job_id in ids if job_id not in meant]
    return [*wrong, *([f"{dead} dead letters"] if dead else [])]


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


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
        while wanted:
            await customer.stitch(wanted.pop())

    await asyncio.gather(*(render(customer) for customer in customers))
    in_peace, ledger.renders = ledger.renders, under_faults
    return [
        f"{recipe}: {made} under faults, {in_peace.get(recipe)} in peace"
        for recipe, made in under_faults.items()
        if made != in_peace.get(recipe)
    ]

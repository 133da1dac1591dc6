"""The whole system with relays before its servers, replicas of everything, and an ear on NATS."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from beatstitch_client import AsyncClient
from beatstitch_stack import Stack, StackError, System
from beatstitch_stack.ports import LOOPBACK
from support import small_disk
from support.chaos.bringing import DROP
from support.chaos.mailbox import Mailbox
from support.chaos.tap import Tap
from support.fault_proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from beatstitch_stack import NatsServer

REPLICAS = {"gateway": 2, "analyzer": 2, "timeline": 2, "renderer": 2}
# Short leases and looks, so that what is lost is found within the test; many hand-outs, so that no
# job is given up for being unlucky.
QUICK = {
    "BEATSTITCH_ACK_WAIT_S": "5",
    "BEATSTITCH_HEARTBEAT_S": "1",
    "BEATSTITCH_MAX_DELIVER": "40",
    "BEATSTITCH_RETRY_BASE_S": "0.5",
    "BEATSTITCH_RETRY_MAX_S": "4",
    "BEATSTITCH_RECONCILE_INTERVAL_S": "3",
    "BEATSTITCH_PENDING_LIMIT_S": "15",
    "BEATSTITCH_RUNNING_LIMIT_S": "30",
    "BEATSTITCH_CANCEL_LIMIT_S": "10",
    "BEATSTITCH_CHUNK_POLL_S": "2",
    "BEATSTITCH_CHUNK_REPUBLISH_S": "15",
    "BEATSTITCH_ANALYZER_BACKEND": "librosa",
    "BEATSTITCH_SINGLE_PUT_BYTES": str(5 * 1024 * 1024),
    "BEATSTITCH_PART_BYTES": str(5 * 1024 * 1024),
    "BEATSTITCH_INPUT_CACHE_BYTES": str(16 * 1024 * 1024),
    "BEATSTITCH_LOG_FORMAT": "text",
    "BEATSTITCH_IMPORT_SOURCES": f"s3://{DROP}",
    "BEATSTITCH_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "BEATSTITCH_WEBHOOK_INTERVAL_S": "0.5",
}
SMALL_MB = 64
ON_SMALL_DISKS = ("renderer-1", "analyzer-1")


@dataclass
class Room:
    """What faults are done to.

    Attributes:
        system: The services.
        nats: Its servers, one or three.
        s3_proxy: What everybody calls the S3 server.
        postgres_proxy: The same of PostgreSQL.
        nats_proxies: The same of each NATS server.
        gateway_proxies: What clients call the gateways.
        mailbox: A receiver of webhooks.
        tap: What went through NATS.
        disks: Small disks of workers, by the worker's name; empty where we may not mount.
    """

    system: System
    nats: list[NatsServer]
    s3_proxy: FaultProxy
    postgres_proxy: FaultProxy
    nats_proxies: list[FaultProxy]
    gateway_proxies: list[FaultProxy]
    mailbox: Mailbox
    tap: Tap
    disks: dict[str, Path] = field(default_factory=dict)

    @property
    def proxies(self) -> list[FaultProxy]:
        """All relays."""
        servers = [self.s3_proxy, self.postgres_proxy, *self.nats_proxies]
        return [*servers, *self.gateway_proxies]

    @property
    def targets(self) -> list[str]:
        """The gateways' gRPC targets, each with another one in front."""
        addresses = [f"{LOOPBACK}:{proxy.port}" for proxy in self.gateway_proxies]
        turns = [addresses[n:] + addresses[:n] for n in range(len(addresses))]
        return [f"ipv4:{','.join(turned)}" for turned in turns]


@asynccontextmanager
async def chaos_room(
    folder: Path, *, nats_nodes: int, material: Iterable[Path] = ()
) -> AsyncIterator[Room]:
    """Run everything; gone after the block, mounts included.

    Args:
        folder: For all that is kept.
        nats_nodes: How many nats-servers.
        material: Files that lie in the bucket which customers may import from.
    """
    async with AsyncExitStack() as block:
        disks = {name: folder / "work" / name for name in ON_SMALL_DISKS}
        mounted = {name: path for name, path in disks.items() if small_disk.mount(path, SMALL_MB)}
        for path in mounted.values():
            block.callback(small_disk.unmount, path)
        stack = await block.enter_async_context(
            Stack.start(folder, durable=False, nats_nodes=nats_nodes)
        )
        nats = stack.nats_cluster.nodes if nats_nodes > 1 else [stack.nats]

        async def relay(port: int) -> FaultProxy:
            return await block.enter_async_context(FaultProxy(port))

        s3 = await relay(stack.s3.port)
        postgres = await relay(stack.postgres.port)
        buses = [await relay(node.port) for node in nats]
        database = urlsplit(stack.postgres.url())
        here = (database.netloc.rpartition(":")[0], str(postgres.port))
        env = {
            **QUICK,
            "BEATSTITCH_S3_ENDPOINT": f"http://127.0.0.1:{s3.port}",
            "BEATSTITCH_DATABASE_URL": urlunsplit(database._replace(netloc=":".join(here))),
            "BEATSTITCH_NATS_URL": ",".join(f"nats://127.0.0.1:{bus.port}" for bus in buses),
        }
        tap = await block.enter_async_context(Tap([node.url for node in nats]))
        system = await block.enter_async_context(System.on(stack, replicas=REPLICAS, env=env))
        doors = [await relay(service.port) for service in system.replicas("gateway")]
        await asyncio.to_thread(_fill_drop, stack, material)
        mailbox = await block.enter_async_context(Mailbox())
        async with AsyncClient(system.gateway_address, system.api_key) as client:
            _, mailbox.secret = await client.create_webhook(mailbox.receiver.url())
        yield Room(system, nats, s3, postgres, buses, doors, mailbox, tap, mounted)


def _fill_drop(stack: Stack, material: Iterable[Path]) -> None:
    stack.s3.create_bucket(DROP)
    for path in material:
        status = stack.s3.request("PUT", f"{DROP}/{path.name}", path.read_bytes())
        if status != HTTPStatus.OK:
            raise StackError(f"{path.name} could not be put into {DROP}: HTTP {status}")

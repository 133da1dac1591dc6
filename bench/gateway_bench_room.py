"""A gateway alone on real servers; the bench plays its workers."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio

from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1 import common_pb2, job_pb2
from beatstitch.v1 import project_service_pb2 as projects
from beatstitch_gateway.create_key import create_key
from beatstitch_gateway.migrate import upgrade
from beatstitch_runtime.bus import Bus
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_stack import Stack
from beatstitch_stack.services import ServiceProcess

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.public_api import Client, upload_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Alone:
    """The gateway, a client of the public API, and the way to its queue."""

    def __init__(self, stack: Stack, gateway: ServiceProcess, key: str, bus: Bus) -> None:
        self.stack, self.gateway, self.key, self.bus = stack, gateway, key, bus
        self.channel = grpc.aio.insecure_channel(gateway.address)
        self.client = Client(self.channel, key)
        self.storage = Storage.from_settings(settings_on(stack))

    @property
    def rss_mb(self) -> float:
        """Memory of the gateway's process."""
        pages = int(Path(f"/proc/{self.gateway.pid}/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    async def song(self) -> tuple[str, job_pb2.Job]:
        """A project with a song whose analysis nobody has begun: its id and the job."""
        project = (
            await self.client.CreateProject(projects.CreateProjectRequest(display_name="bench"))
        ).project
        messages = upload_messages(project.id, "a.mp3", common_pb2.MEDIA_TYPE_AUDIO, b"song")
        made: assets.UploadAssetResponse = await self.client.UploadAsset(messages)
        return project.id, made.job


def settings_on(stack: Stack) -> ServiceSettings:
    """A service's settings on the stack."""
    named = {k.removeprefix("BEATSTITCH_").lower(): v for k, v in stack.env().items()}
    return ServiceSettings(**{k: v for k, v in named.items() if k in ServiceSettings.model_fields})


@asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[Alone]:
    """A gateway on its own servers."""
    async with AsyncExitStack() as block:
        stack = await block.enter_async_context(Stack.start(folder, durable=True))
        url = stack.env()["BEATSTITCH_DATABASE_URL"]
        await upgrade(url)
        key = (await create_key(url, "default")).text
        gateway = ServiceProcess("gateway", "beatstitch_gateway", stack.env(), folder / "g.log")
        block.enter_context(gateway)
        bus = await Bus.connect(settings_on(stack))
        block.push_async_callback(bus.close)
        room = Alone(stack, gateway, key, bus)
        block.push_async_callback(room.channel.close)
        yield room

"""The asynchronous client: one method for each step from a song to a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from beatstitch_client.calls.admin import AdminCalls
from beatstitch_client.calls.any import AnyCalls
from beatstitch_client.calls.assets import AssetCalls
from beatstitch_client.calls.batches import BatchCalls
from beatstitch_client.calls.beats import BeatCalls
from beatstitch_client.calls.editing import EditingCalls
from beatstitch_client.calls.jobs import JobCalls
from beatstitch_client.calls.keys import KeyCalls
from beatstitch_client.calls.projects import ProjectCalls
from beatstitch_client.calls.renders import RenderCalls
from beatstitch_client.calls.templates import TemplateCalls
from beatstitch_client.calls.tenants import TenantCalls
from beatstitch_client.calls.timelines import TimelineCalls
from beatstitch_client.calls.webhooks import WebhookCalls
from beatstitch_client.connection import Connection

if TYPE_CHECKING:
    from types import TracebackType


class AsyncClient(
    ProjectCalls,
    AssetCalls,
    BeatCalls,
    TimelineCalls,
    EditingCalls,
    TemplateCalls,
    RenderCalls,
    BatchCalls,
    JobCalls,
    AnyCalls,
    WebhookCalls,
    KeyCalls,
    TenantCalls,
    AdminCalls,
):
    """A client of one BeatStitch server.

        async with AsyncClient("127.0.0.1:50051", key) as client:
            project = await client.create_project("Holiday")
            song = await client.upload(project.id, Path("song.mp3"))

    Every method raises `BeatStitchError` with the server's reason. Calls are made again while the
    server is away, up to `retry_s`; each mutation carries a `request_id`, so it happens once. Give
    your own where the process itself may have to try again.

    Args:
        address: `host:port` or a gRPC target.
        api_key: The tenant's key.
        tls: Whether to encrypt.
        root_certificates: PEM of the authorities to trust, for signed URLs too; None for gRPC's own
            list.
        certificate: PEM of the client's own certificate, for a server that asks for one.
        private_key: PEM of its key.
        timeout_s: Deadline of one try of one unary call.
        retry_s: How long the server may be away; 0 to try once.
    """

    def __init__(
        self,
        address: str,
        api_key: str = "",
        *,
        tls: bool = False,
        root_certificates: bytes | None = None,
        certificate: bytes | None = None,
        private_key: bytes | None = None,
        timeout_s: float = 30.0,
        retry_s: float = 30.0,
    ) -> None:
        self._connection = Connection(
            address,
            api_key,
            tls=tls,
            root_certificates=root_certificates,
            certificate=certificate,
            private_key=private_key,
            timeout_s=timeout_s,
            retry_s=retry_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection and its open streams."""
        await self._connection.close()

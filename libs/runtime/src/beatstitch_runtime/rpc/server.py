"""The gRPC server that every service is: health, reflection, channelz, and the call guard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio
from grpc_channelz.v1.channelz import add_channelz_servicer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from beatstitch_runtime.rpc.call_guard import CallGuard
from beatstitch_runtime.rpc.peers import wanted_names
from beatstitch_runtime.rpc.reflection import add_reflection
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.tls import server_credentials

log = logging.getLogger(__name__)

WHOLE_SERVER = ""
LIVENESS = "liveness"
# For the last calls to tell their clients that they were cut off.
EVICTION_S = 1.0
HEALTH = "grpc.health.v1.Health"
CHANNELZ = "grpc.channelz.v1.Channelz"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True, slots=True)
class Servicer:
    """A service to offer.

    Attributes:
        add: The generated `add_XServicer_to_server`.
        servicer: Its implementation.
        name: Full name, "beatstitch.v1.ProjectService", for health and reflection.
    """

    add: Callable[[Any, Any], None]
    servicer: object
    name: str


class Front(Protocol):
    """Another way in to the same handlers, through the same interceptors."""

    async def start(self) -> int:
        """Listens; returns the port."""

    async def stop(self, limit_s: float) -> None:
        """Takes no more, and returns when what is open has ended or after so many seconds."""


class RpcServer:
    """One gRPC server.

    Attributes:
        front: Opened and drained together with it; its calls are the call guard's too.

    Args:
        settings: Address and limits.
        servicers: What it offers.
        interceptors: The service's own, inside the call guard; a `BeatStitchError` raised by what
            they wrap is mapped like any other.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        servicers: Sequence[Servicer],
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self._settings = settings
        self._servicers = tuple(servicers)
        self._guard = CallGuard(
            settings.grpc_default_timeout_s, wanted_names(settings.grpc_tls_client_names)
        )
        self._interceptors = (self._guard, *interceptors)
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.front: Front | None = None
        self.port = 0

    @property
    def offered(self) -> tuple[Servicer, ...]:
        """What it offers, for a front; health included."""
        return (
            *self._servicers,
            Servicer(health_pb2_grpc.add_HealthServicer_to_server, self._health, HEALTH),
        )

    @property
    def interceptors(self) -> tuple[grpc.aio.ServerInterceptor, ...]:
        """What every call goes through, the outermost first."""
        return self._interceptors

    async def start(self) -> int:
        """Listen; the health is NOT_SERVING until `set_serving(True)`.

        Returns:
            The port.

        Raises:
            RuntimeError: The port is taken.
            OSError: The settings' certificate can't be used.
        """
        server = grpc.aio.server(interceptors=self._interceptors, options=self._options())
        names = [item.name for item in self._servicers]
        for item in self._servicers:
            item.add(item.servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        add_channelz_servicer(server)
        add_reflection(server, (*names, HEALTH, CHANNELZ))
        await self.set_serving(False)
        await self._health.set(LIVENESS, _SERVING)
        address = f"{self._settings.grpc_host}:{self._settings.grpc_port}"
        credentials = server_credentials(self._settings)
        if credentials is None:
            self.port = server.add_insecure_port(address)
        else:
            self.port = server.add_secure_port(address, credentials)
        await server.start()
        self._server = server
        if self.front is not None:
            await self.front.start()
        log.info("gRPC listens", extra={"address": f"{self._settings.grpc_host}:{self.port}"})
        return self.port

    async def set_serving(self, serving: bool) -> None:
        """Say whether calls are wanted: for the whole server and for each of its services."""
        status = _SERVING if serving else _NOT_SERVING
        for name in (WHOLE_SERVER, *(item.name for item in self._servicers)):
            await self._health.set(name, status)

    async def stop(self, grace_s: float) -> None:
        """End: health, then open streams and new calls with UNAVAILABLE, then wait for the rest.

        Args:
            grace_s: How long calls with one reply may go on, seconds.
        """
        server, self._server = self._server, None
        if server is None:
            return
        await self._health.enter_graceful_shutdown()
        # One turn, for those who watch the health to be told before their stream ends.
        await asyncio.sleep(0.01)
        self._guard.drain()
        limit_s = grace_s + EVICTION_S
        stopping = [asyncio.ensure_future(server.stop(limit_s))]
        if self.front is not None:
            stopping.append(asyncio.ensure_future(self.front.stop(limit_s)))
        await asyncio.wait(stopping, timeout=grace_s)
        self._guard.evict()
        await asyncio.gather(*stopping)

    def _options(self) -> tuple[tuple[str, int], ...]:
        settings = self._settings
        options: tuple[tuple[str, int], ...] = (
            # Else two servers share a port without a word, and each gets half of the calls.
            ("grpc.so_reuseport", 0),
            ("grpc.enable_channelz", 1),
            ("grpc.max_send_message_length", settings.grpc_max_message_bytes),
            ("grpc.max_receive_message_length", settings.grpc_max_message_bytes),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        )
        age_s = settings.grpc_max_connection_age_s
        if age_s:
            options += (("grpc.max_connection_age_ms", int(age_s * 1000)),)
        return options

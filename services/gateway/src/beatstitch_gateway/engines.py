"""The engines that answer at once: analyzer, timeline, renderer. Any of them may be away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import grpc.aio

from beatstitch.internal.v1.analyzer_engine_service_pb2_grpc import AnalyzerEngineServiceStub
from beatstitch.internal.v1.renderer_engine_service_pb2_grpc import RendererEngineServiceStub
from beatstitch.internal.v1.timeline_engine_service_pb2_grpc import TimelineEngineServiceStub
from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_runtime.rpc.channel import call, call_stream, open_channel
from beatstitch_runtime.tls import Stamp, TlsFiles

log = logging.getLogger(__name__)

Reply = TypeVar("Reply")
Method = Callable[..., grpc.aio.UnaryUnaryCall[Any, Reply]]
StreamMethod = Callable[..., grpc.aio.UnaryStreamCall[Any, Reply]]
# A film of a song of ten minutes takes its time.
STREAM_TIMEOUT_S = 300.0


class Engines:
    """Channels to the engines; opened when first needed."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._addresses = {
            "analyzer": settings.analyzer_address,
            "timeline": settings.timeline_address,
            "renderer": settings.renderer_address,
        }
        self._timeout_s = settings.engine_timeout_s
        self._tls = TlsFiles(
            settings.engine_tls_ca, settings.engine_tls_cert, settings.engine_tls_key
        )
        self._channels: dict[str, tuple[Stamp, grpc.aio.Channel]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def analyzer(
        self,
        method: Callable[[Any], Method[Reply]],
        request: object,
        timeout_s: float | None = None,
    ) -> Reply:
        """Calls the analyzer, for example `analyzer(lambda stub: stub.GetWaveform, request)`.

        Raises:
            BeatStitchError: The engine's own, or DEPENDENCY_DOWN.
        """
        stub = AnalyzerEngineServiceStub(self._channel("analyzer"))
        return await self._call(method(stub), request, "analyzer", timeout_s)

    def analyzer_stream(
        self, method: Callable[[Any], StreamMethod[Reply]], request: object
    ) -> AsyncIterator[Reply]:
        """Calls one of the analyzer's streams; see `analyzer`."""
        stub = AnalyzerEngineServiceStub(self._channel("analyzer"))
        return call_stream(method(stub), request, timeout_s=STREAM_TIMEOUT_S, dependency="analyzer")

    async def timeline(
        self,
        method: Callable[[Any], Method[Reply]],
        request: object,
        timeout_s: float | None = None,
    ) -> Reply:
        """Calls the timeline service; see `analyzer`."""
        stub = TimelineEngineServiceStub(self._channel("timeline"))
        return await self._call(method(stub), request, "timeline", timeout_s)

    async def renderer(
        self,
        method: Callable[[Any], Method[Reply]],
        request: object,
        timeout_s: float | None = None,
    ) -> Reply:
        """Calls the renderer; see `analyzer`."""
        stub = RendererEngineServiceStub(self._channel("renderer"))
        return await self._call(method(stub), request, "renderer", timeout_s)

    async def close(self) -> None:
        """Closes all channels."""
        for _stamp, channel in self._channels.values():
            await channel.close()
        self._channels.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _call(
        self, method: Method[Reply], request: object, name: str, timeout_s: float | None
    ) -> Reply:
        return await call(method, request, timeout_s=timeout_s or self._timeout_s, dependency=name)

    def _channel(self, name: str) -> grpc.aio.Channel:
        address = self._addresses[name]
        if not address:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_DEPENDENCY_DOWN,
                f"this server knows no {name}",
                metadata={"dependency": name},
            )
        known = self._channels.get(name)
        try:
            stamp = self._tls.stamp()
            if known is None or known[0] != stamp:
                # A replaced certificate wants a new channel; the calls of the old one end first.
                channel = open_channel(address, tls=self._tls, server_name=name)
                self._channels[name] = (stamp, channel)
                if known is not None:
                    self._retire(known[1])
                return channel
        except OSError as error:  # the certificate is being replaced right now
            if known is None:
                raise
            log.warning("the new certificate can't be used, the old one stays: %s", error)
        return known[1]

    def _retire(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.ensure_future(channel.close(STREAM_TIMEOUT_S))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

"""The engines that answer at once: analyzer, timeline, renderer. Any of them may be away."""

from __future__ import annotations

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
        self._channels: dict[str, grpc.aio.Channel] = {}

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
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

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
        if name not in self._channels:
            self._channels[name] = open_channel(address)
        return self._channels[name]

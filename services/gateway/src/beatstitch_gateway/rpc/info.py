"""InfoService."""
# ruff: noqa: ARG002, N802 - gRPC names the methods and their arguments

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from importlib.metadata import version
from typing import TypeVar

from beatstitch.internal.v1.analyzer_engine_service_pb2 import GetAnalyzerCapabilitiesRequest
from beatstitch.internal.v1.analyzer_engine_service_pb2 import (
    GetAnalyzerCapabilitiesResponse as Analyzers,
)
from beatstitch.internal.v1.renderer_engine_service_pb2 import GetRendererCapabilitiesRequest
from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    GetRendererCapabilitiesResponse as Renderer,
)
from beatstitch.v1.info_service_pb2 import GetServerInfoRequest, GetServerInfoResponse
from beatstitch.v1.info_service_pb2_grpc import InfoServiceServicer
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.profiles import render_profiles
from beatstitch_gateway.auth import Context
from beatstitch_gateway.deps import Deps

# Somebody wants to know what this is, not to wait for it.
ENGINE_TIMEOUT_S = 1.0

T = TypeVar("T")


class InfoRpc(InfoServiceServicer):
    """What this server is and can do."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GetServerInfo(
        self, request: GetServerInfoRequest, context: Context
    ) -> GetServerInfoResponse:
        """Versions, limits, analyzers, transitions and profiles; open to everybody."""
        engines = self._deps.engines
        analyzers, renderer = await asyncio.gather(
            _or_none(
                engines.analyzer(
                    lambda stub: stub.GetAnalyzerCapabilities,
                    GetAnalyzerCapabilitiesRequest(),
                    ENGINE_TIMEOUT_S,
                ),
                Analyzers(),
            ),
            _or_none(
                engines.renderer(
                    lambda stub: stub.GetRendererCapabilities,
                    GetRendererCapabilitiesRequest(),
                    ENGINE_TIMEOUT_S,
                ),
                Renderer(),
            ),
        )
        return GetServerInfoResponse(
            version=version("beatstitch-gateway"),
            analyzers=analyzers.analyzers,
            limits=self._deps.limits,
            transitions=renderer.transitions,
            profiles=render_profiles().values(),
            renderer_fingerprint=renderer.renderer_fingerprint,
            codecs=renderer.codecs,
            hardware_encoders=renderer.hardware_encoders,
        )


async def _or_none(answer: Awaitable[T], nothing: T) -> T:
    try:
        return await answer
    except BeatStitchError:
        return nothing

"""TimelineEngineService: the builder and the invariants, at once and without storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beatstitch.internal.v1 import timeline_engine_service_pb2_grpc as stubs
from beatstitch.internal.v1.timeline_engine_service_pb2 import (
    DESCRIPTOR,
    BuildTimelineRequest,
    BuildTimelineResponse,
    ValidateTimelineRequest,
    ValidateTimelineResponse,
)
from beatstitch_core.canonical import edl_hash
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_timeline.builder import build_edl, check_built

if TYPE_CHECKING:
    from typing import Any

    import grpc.aio

    from beatstitch.v1.info_service_pb2 import Limits

SERVICE_NAME = DESCRIPTOR.services_by_name["TimelineEngineService"].full_name
# Keeps a reply about a hopeless EDL of 20,000 segments inside a gRPC message.
MAX_VIOLATIONS = 1_000


class TimelineEngine(stubs.TimelineEngineServiceServicer):
    """Handlers of TimelineEngineService; errors are mapped by the server's interceptor."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def BuildTimeline(  # noqa: N802
        self, request: BuildTimelineRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> BuildTimelineResponse:
        """Grid + media + settings → EDL."""
        return await asyncio.to_thread(self._build, request)

    async def ValidateTimeline(  # noqa: N802
        self, request: ValidateTimelineRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> ValidateTimelineResponse:
        """All violations, or the hash."""
        return await asyncio.to_thread(self._validate, request)

    def _build(self, request: BuildTimelineRequest) -> BuildTimelineResponse:
        edl = build_edl(
            request.project_id,
            request.audio,
            request.beat_grid,
            request.media,
            request.settings,
            limits=self._limits,
        )
        check_built(edl, request.media, self._limits)
        return BuildTimelineResponse(edl=edl, edl_hash=edl_hash(edl))

    def _validate(self, request: ValidateTimelineRequest) -> ValidateTimelineResponse:
        known = {item.asset_id: item for item in request.media} or None
        violations = validate_edl(request.edl, known, self._limits)
        if violations:
            return ValidateTimelineResponse(violations=violations[:MAX_VIOLATIONS])
        return ValidateTimelineResponse(edl_hash=edl_hash(request.edl))

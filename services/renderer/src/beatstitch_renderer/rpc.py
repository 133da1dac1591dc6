"""RendererEngineService: the plan of a render and what this renderer can do, at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beatstitch.internal.v1 import renderer_engine_service_pb2_grpc as stubs
from beatstitch.internal.v1.renderer_engine_service_pb2 import (
    DESCRIPTOR,
    GetRendererCapabilitiesRequest,
    GetRendererCapabilitiesResponse,
    PlanRenderRequest,
    PlanRenderResponse,
    RenderFrameRequest,
    RenderFrameResponse,
)
from beatstitch.v1 import failure_pb2
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_core.errors import BeatStitchError
from beatstitch_renderer.compositor.capabilities import codecs, hardware_encoders
from beatstitch_renderer.compositor.transitions import TRANSITIONS
from beatstitch_renderer.gathering import chunk_key
from beatstitch_renderer.planning.plan import plan_render
from beatstitch_renderer.planning.proxies import proxy_keys, stand_ins

if TYPE_CHECKING:
    from typing import Any

    import grpc.aio

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch_renderer.frames import Frames
    from beatstitch_runtime.storage import Storage

SERVICE_NAME = DESCRIPTOR.services_by_name["RendererEngineService"].full_name


class RendererEngine(stubs.RendererEngineServiceServicer):
    """Handlers of RendererEngineService; errors are mapped by the server's interceptor."""

    def __init__(self, storage: Storage, fingerprint: str, frames: Frames) -> None:
        self._storage, self._fingerprint, self._frames = storage, fingerprint, frames

    async def PlanRender(  # noqa: N802
        self, request: PlanRenderRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> PlanRenderResponse:
        """The plan, and which of its pieces are in storage."""
        stored = await self._storage.exists_many(proxy_keys(request.profile, request.media))
        plan = await asyncio.to_thread(self._plan, request, stand_ins(request.media, stored))
        keys = {chunk_key(request.key_prefix, c): c.chunk_hash for c in plan.chunks}
        found = await self._storage.exists_many(list(keys))
        existing = [hash_ for key, hash_ in keys.items() if key in found]
        return PlanRenderResponse(plan=plan, existing_chunk_hashes=existing)

    async def RenderFrame(  # noqa: N802
        self, request: RenderFrameRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> RenderFrameResponse:
        """One frame of an EDL as a picture."""
        return await self._frames.frame(request)

    async def GetRendererCapabilities(  # noqa: N802
        self,
        _request: GetRendererCapabilitiesRequest,
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> GetRendererCapabilitiesResponse:
        """Fingerprint, transitions and codecs."""
        return GetRendererCapabilitiesResponse(
            renderer_fingerprint=self._fingerprint,
            transitions=TRANSITIONS,
            codecs=codecs(),
            hardware_encoders=hardware_encoders(),
        )

    def _plan(self, request: PlanRenderRequest, proxies: dict[str, ReadyMedia]) -> RenderPlan:
        violations = validate_edl(request.edl)
        if violations:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_EDL_INVALID,
                f"the timeline breaks {len(violations)} of its rules",
                violations=violations[:1000],
            )
        return plan_render(request.edl, request.profile, self._fingerprint, stand_ins=proxies)

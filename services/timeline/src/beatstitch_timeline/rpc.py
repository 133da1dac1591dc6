"""TimelineEngineService: the pure functions of `answers`, at once and without storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from beatstitch.internal.v1 import timeline_engine_service_pb2 as pb
from beatstitch.internal.v1 import timeline_engine_service_pb2_grpc as stubs
from beatstitch_timeline import answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import grpc.aio

    from beatstitch.v1.info_service_pb2 import Limits

    Call = grpc.aio.ServicerContext[Any, Any]

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["TimelineEngineService"].full_name

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class TimelineEngine(stubs.TimelineEngineServiceServicer):
    """Handlers of TimelineEngineService; errors are mapped by the server's interceptor.

    A long song's timeline takes a second of plain computing: each call has a thread of its own.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def BuildTimeline(  # noqa: N802
        self, request: pb.BuildTimelineRequest, _call: Call
    ) -> pb.BuildTimelineResponse:
        """Grid + media + settings + edits → EDL."""
        return await self._answer(answers.build_timeline, request)

    async def ValidateTimeline(  # noqa: N802
        self, request: pb.ValidateTimelineRequest, _call: Call
    ) -> pb.ValidateTimelineResponse:
        """All violations, or the hash; and all warnings."""
        return await self._answer(answers.validate_timeline, request)

    async def ApplyEdits(  # noqa: N802
        self, request: pb.ApplyEditsRequest, _call: Call
    ) -> pb.ApplyEditsResponse:
        """EDL + edits → EDL."""
        return await self._answer(answers.edit_timeline, request)

    async def ExplainCut(  # noqa: N802
        self, request: pb.ExplainCutRequest, _call: Call
    ) -> pb.ExplainCutResponse:
        """Why a segment begins where it does and shows what it does."""
        return await self._answer(answers.explain_cut, request)

    async def DiffTimelines(  # noqa: N802
        self, request: pb.DiffTimelinesRequest, _call: Call
    ) -> pb.DiffTimelinesResponse:
        """What differs between two EDLs."""
        return await self._answer(answers.diff_timelines, request)

    async def RetargetTimeline(  # noqa: N802
        self, request: pb.RetargetTimelineRequest, _call: Call
    ) -> pb.RetargetTimelineResponse:
        """The same cuts and pictures in another shape."""
        return await self._answer(answers.retarget_timeline, request)

    async def ExportTimeline(  # noqa: N802
        self, request: pb.ExportTimelineRequest, _call: Call
    ) -> pb.ExportTimelineResponse:
        """EDL → file of an editing program."""
        return await self._answer(answers.export_timeline_file, request)

    async def ExportBeatGrid(  # noqa: N802
        self, request: pb.ExportBeatGridRequest, _call: Call
    ) -> pb.ExportBeatGridResponse:
        """Grid → file."""
        return await self._answer(answers.export_grid_file, request)

    async def _answer(self, answer: Callable[[Request, Limits], Reply], request: Request) -> Reply:
        return await asyncio.to_thread(answer, request, self._limits)

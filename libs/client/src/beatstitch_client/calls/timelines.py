"""Timelines: building them, looking at them, taking them elsewhere."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from beatstitch.v1 import timeline_service_pb2 as timelines
from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceStub
from beatstitch_client.calls.base import PAGE_SIZE, Calls
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch.v1.job_pb2 import Job
    from beatstitch.v1.timeline_pb2 import Timeline, TimelineSettings
    from beatstitch.v1.timeline_service_pb2 import ExportFormat
    from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceAsyncStub

TimelineFile = Literal["otio", "fcpxml", "fcp7", "cmx3600", "json"]

_FORMATS: Mapping[TimelineFile, ExportFormat.ValueType] = {
    "otio": timelines.EXPORT_FORMAT_OTIO,
    "fcpxml": timelines.EXPORT_FORMAT_FCPXML,
    "fcp7": timelines.EXPORT_FORMAT_FCP7_XML,
    "cmx3600": timelines.EXPORT_FORMAT_CMX3600,
    "json": timelines.EXPORT_FORMAT_JSON,
}


class TimelineCalls(Calls):
    """Timelines: building them, looking at them, taking them elsewhere."""

    @cached_property
    def _timelines(self) -> TimelineServiceAsyncStub:
        return TimelineServiceStub(self._channel)

    async def generate_timeline(
        self,
        project_id: str,
        settings: TimelineSettings | None = None,
        *,
        audio_asset_id: str = "",
        media_asset_ids: Sequence[str] = (),
        template_id: str = "",
        discard_edits: bool = False,
        request_id: str = "",
    ) -> Job:
        """Builds a timeline; the job's result names its edl_hash.

        Args:
            project_id: The project.
            settings: How; defaults where None.
            audio_asset_id: The song; the newest one that is ready when empty.
            media_asset_ids: Pictures and clips in order; all that are ready when empty.
            template_id: A template to lay the settings over.
            discard_edits: Leave out the edits of the newest timeline; else they are applied again.
            request_id: See `AsyncClient`.
        """
        request = timelines.GenerateTimelineRequest(
            project_id=project_id,
            settings=settings,
            audio_asset_id=audio_asset_id,
            media_asset_ids=media_asset_ids,
            template_id=template_id,
            discard_edits=discard_edits,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._timelines.GenerateTimeline, request)).job

    async def get_timeline(self, project_id: str, revision: int = 0) -> Timeline:
        """A revision of a project's timeline; 0 for the newest."""
        request = timelines.GetTimelineRequest(project_id=project_id, revision=revision)
        return (await self._call(self._timelines.GetTimeline, request)).timeline

    async def get_timeline_state(
        self, project_id: str, revision: int = 0
    ) -> timelines.GetTimelineResponse:
        """A revision, its edits, and what has changed in the project since it was built."""
        request = timelines.GetTimelineRequest(project_id=project_id, revision=revision)
        return await self._call(self._timelines.GetTimeline, request)

    async def list_revisions(self, project_id: str, *, limit: int = 50) -> list[Timeline]:
        """The newest revisions, up to `limit`, without their EDLs."""
        found: list[Timeline] = []
        token = ""
        while len(found) < limit:
            request = timelines.ListRevisionsRequest(
                project_id=project_id,
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
            )
            reply = await self._call(self._timelines.ListRevisions, request)
            found += reply.timelines
            token = reply.next_page_token
            if not token:
                break
        return found[:limit]

    async def validate_timeline(self, edl: Edl) -> timelines.ValidateTimelineResponse:
        """All that is wrong with an EDL, and what is allowed and perhaps not meant."""
        request = timelines.ValidateTimelineRequest(edl=edl)
        return await self._call(self._timelines.ValidateTimeline, request)

    async def diff_revisions(
        self, project_id: str, from_revision: int, to_revision: int = 0
    ) -> timelines.DiffRevisionsResponse:
        """What differs between two revisions; 0 for the newest."""
        request = timelines.DiffRevisionsRequest(
            project_id=project_id, from_revision=from_revision, to_revision=to_revision
        )
        return await self._call(self._timelines.DiffRevisions, request)

    async def explain_cut(
        self, project_id: str, segment_index: int, *, revision: int = 0
    ) -> timelines.ExplainCutResponse:
        """Why a segment begins where it does, and shows what it does."""
        request = timelines.ExplainCutRequest(
            project_id=project_id, revision=revision, segment_index=segment_index
        )
        return await self._call(self._timelines.ExplainCut, request)

    async def export_timeline(
        self,
        project_id: str,
        kind: TimelineFile = "otio",
        *,
        revision: int = 0,
        media_base_url: str = "",
    ) -> timelines.ExportTimelineResponse:
        """A timeline as the file of an editing program: its name, its bytes, and what it can't say.

        Args:
            project_id: The project.
            kind: "otio" (OpenTimelineIO), "fcpxml" (Final Cut Pro X), "fcp7" (Premiere Pro, DaVinci
                Resolve), "cmx3600", or "json" (ours).
            revision: The revision; 0 for the newest.
            media_base_url: Where the program finds the media by their names, for example
                "file:///media/".
        """
        request = timelines.ExportTimelineRequest(
            project_id=project_id,
            revision=revision,
            format=_FORMATS[kind],
            media_base_url=media_base_url,
        )
        return await self._call(self._timelines.ExportTimeline, request)

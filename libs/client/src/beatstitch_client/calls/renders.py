"""Videos."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from beatstitch.v1 import render_service_pb2 as renders
from beatstitch.v1 import stitch_service_pb2 as stitching
from beatstitch.v1.job_pb2 import JOB_LANE_UNSPECIFIED
from beatstitch.v1.render_service_pb2_grpc import RenderServiceStub
from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceStub
from beatstitch_client.calls.base import Calls
from beatstitch_client.downloads import download
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
    from beatstitch.v1.job_pb2 import Job, JobLane
    from beatstitch.v1.render_pb2 import Render, RenderProfile
    from beatstitch.v1.render_service_pb2 import PictureFormat, RenderPicture
    from beatstitch.v1.render_service_pb2_grpc import RenderServiceAsyncStub
    from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceAsyncStub
    from beatstitch.v1.timeline_pb2 import TimelineSettings

PictureFile = Literal["jpeg", "png"]
RenderPictureName = Literal["poster", "contact_sheet"]

_PICTURES: Mapping[PictureFile, PictureFormat.ValueType] = {
    "jpeg": renders.PICTURE_FORMAT_JPEG,
    "png": renders.PICTURE_FORMAT_PNG,
}
_STANDS: Mapping[RenderPictureName, RenderPicture.ValueType] = {
    "poster": renders.RENDER_PICTURE_POSTER,
    "contact_sheet": renders.RENDER_PICTURE_CONTACT_SHEET,
}


class RenderCalls(Calls):
    """Videos."""

    @cached_property
    def _renders(self) -> RenderServiceAsyncStub:
        return RenderServiceStub(self._channel)

    @cached_property
    def _stitching(self) -> StitchServiceAsyncStub:
        return StitchServiceStub(self._channel)

    async def create_render(
        self,
        project_id: str,
        edl_hash: str,
        profile: str = "final",
        *,
        lane: JobLane.ValueType = JOB_LANE_UNSPECIFIED,
        request_id: str = "",
    ) -> tuple[Job, Render]:
        """Renders the project's newest timeline, which has to have this hash."""
        request = renders.CreateRenderRequest(
            project_id=project_id,
            edl_hash=edl_hash,
            profile=profile,
            lane=lane,
            request_id=request_id or new_id(),
        )
        reply = await self._call(self._renders.CreateRender, request)
        return reply.job, reply.render

    async def plan_render(
        self, project_id: str, edl_hash: str, profile: str = "final"
    ) -> renders.PlanRenderResponse:
        """What a render would do: its chunks, and which of them exist. Makes nothing."""
        request = renders.PlanRenderRequest(
            project_id=project_id, edl_hash=edl_hash, profile=profile
        )
        return await self._call(self._renders.PlanRender, request)

    async def get_render(self, render_id: str) -> Render:
        """A render with its manifest and sync report."""
        request = renders.GetRenderRequest(render_id=render_id)
        return (await self._call(self._renders.GetRender, request)).render

    async def restore_output(self, render_id: str, *, request_id: str = "") -> tuple[Job, Render]:
        """Makes an output again that has expired; the job is done already where it is there."""
        request = renders.RestoreOutputRequest(
            render_id=render_id, request_id=request_id or new_id()
        )
        reply = await self._call(self._renders.RestoreOutput, request)
        return reply.job, reply.render

    async def create_renders(
        self,
        project_id: str,
        edl_hash: str,
        profiles: Iterable[str],
        *,
        lane: JobLane.ValueType = JOB_LANE_UNSPECIFIED,
        request_id: str = "",
    ) -> list[tuple[Job, Render]]:
        """Renders the project's newest timeline for several profiles, all or none."""
        request = renders.CreateRendersRequest(
            project_id=project_id,
            edl_hash=edl_hash,
            profiles=profiles,
            lane=lane,
            request_id=request_id or new_id(),
        )
        reply = await self._call(self._renders.CreateRenders, request)
        return [(made.job, made.render) for made in reply.renders]

    async def list_render_profiles(self) -> list[RenderProfile]:
        """The profiles that a render can be asked for by name."""
        request = renders.ListRenderProfilesRequest()
        return list((await self._call(self._renders.ListRenderProfiles, request)).profiles)

    async def render_frame(
        self,
        project_id: str,
        frame: int,
        *,
        revision: int = 0,
        max_height: int = 0,
        kind: PictureFile = "jpeg",
    ) -> renders.RenderFrameResponse:
        """One frame of a timeline as a picture, without a render.

        Args:
            project_id: The project.
            frame: The frame of the video, from 0.
            revision: The revision; 0 for the newest.
            max_height: Upper limit of the picture's height in pixels; 0 for 360.
            kind: "jpeg" or "png".
        """
        request = renders.RenderFrameRequest(
            project_id=project_id,
            revision=revision,
            frame=frame,
            max_height=max_height,
            format=_PICTURES[kind],
        )
        return await self._call(self._renders.RenderFrame, request)

    async def get_render_picture(
        self, render_id: str, picture: RenderPictureName = "poster"
    ) -> renders.GetRenderPictureResponse:
        """A JPEG that stands for a finished render: its poster or its contact sheet."""
        request = renders.GetRenderPictureRequest(render_id=render_id, picture=_STANDS[picture])
        return await self._call(self._renders.GetRenderPicture, request)

    async def stitch(
        self,
        project_id: str,
        settings: TimelineSettings | None = None,
        *,
        audio_asset_id: str = "",
        media_asset_ids: Sequence[str] = (),
        profile: str = "final",
        skip_failed_media: bool = False,
        analysis_settings: AnalysisSettings | None = None,
        template_id: str = "",
        lane: JobLane.ValueType = JOB_LANE_UNSPECIFIED,
        request_id: str = "",
    ) -> Job:
        """Song + media + settings → video, as one job; waits for ingests by itself."""
        request = stitching.StitchRequest(
            project_id=project_id,
            audio_asset_id=audio_asset_id,
            media_asset_ids=media_asset_ids,
            settings=settings,
            profile=profile,
            skip_failed_media=skip_failed_media,
            analysis=analysis_settings,
            template_id=template_id,
            lane=lane,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._stitching.Stitch, request)).job

    async def download(
        self,
        render_id: str,
        path: str | Path,
        *,
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Fetches a render's video.

        The file appears at `path` when it is whole and its SHA-256 is the manifest's; until then,
        and when anything goes wrong, what was at `path` stays. What came of a download that broke
        off lies beside it; the next one fetches only what is missing.

        Args:
            render_id: The render.
            path: Where to put the video.
            on_bytes: Called with the bytes received so far and in all.
        """
        return await download(self._connection, render_id, Path(path), on_bytes)

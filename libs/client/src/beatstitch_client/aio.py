"""The asynchronous client: one method for each step from a song to a video."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Self

from beatstitch.v1 import analysis_service_pb2 as analysis
from beatstitch.v1 import asset_service_pb2 as assets
from beatstitch.v1 import info_service_pb2 as info
from beatstitch.v1 import job_service_pb2 as jobs
from beatstitch.v1 import project_service_pb2 as projects
from beatstitch.v1 import render_service_pb2 as renders
from beatstitch.v1 import stitch_service_pb2 as stitching
from beatstitch.v1 import timeline_service_pb2 as timelines
from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceStub
from beatstitch.v1.asset_service_pb2_grpc import AssetServiceStub
from beatstitch.v1.info_service_pb2_grpc import InfoServiceStub
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.job_service_pb2_grpc import JobServiceStub
from beatstitch.v1.project_service_pb2_grpc import ProjectServiceStub
from beatstitch.v1.render_service_pb2_grpc import RenderServiceStub
from beatstitch.v1.stitch_service_pb2_grpc import StitchServiceStub
from beatstitch.v1.timeline_service_pb2_grpc import TimelineServiceStub
from beatstitch_client.connection import Connection
from beatstitch_client.downloads import download
from beatstitch_client.errors import raise_for_end
from beatstitch_client.exports import (
    WaveformFile,
    export_waveform,
    save_proof,
    waveform_request,
)
from beatstitch_client.uploads import Upload, Uploader, Via
from beatstitch_client.watching import watch
from beatstitch_core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType

    from beatstitch.v1.asset_pb2 import Asset
    from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.common_pb2 import MediaType
    from beatstitch.v1.job_pb2 import JobState, JobType
    from beatstitch.v1.project_pb2 import Project
    from beatstitch.v1.render_pb2 import Render
    from beatstitch.v1.timeline_pb2 import Timeline, TimelineSettings

PAGE_SIZE = 200


class AsyncClient:
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
        root_certificates: PEM of the authorities to trust; None for gRPC's own list.
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
        timeout_s: float = 30.0,
        retry_s: float = 30.0,
    ) -> None:
        self._connection = Connection(
            address,
            api_key,
            tls=tls,
            root_certificates=root_certificates,
            timeout_s=timeout_s,
            retry_s=retry_s,
        )
        channel = self._connection.channel
        self._call = self._connection.call
        self._uploader = Uploader(self._connection)
        self._analysis = AnalysisServiceStub(channel)
        self._assets = AssetServiceStub(channel)
        self._info = InfoServiceStub(channel)
        self._jobs = JobServiceStub(channel)
        self._projects = ProjectServiceStub(channel)
        self._renders = RenderServiceStub(channel)
        self._stitching = StitchServiceStub(channel)
        self._timelines = TimelineServiceStub(channel)

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

    # The server and its projects

    async def server_info(self) -> info.GetServerInfoResponse:
        """Versions, limits, analyzers, transitions, profiles. Needs no key."""
        return await self._call(self._info.GetServerInfo, info.GetServerInfoRequest())

    async def create_project(
        self, display_name: str, labels: Mapping[str, str] | None = None, *, request_id: str = ""
    ) -> Project:
        """A new project."""
        request = projects.CreateProjectRequest(
            display_name=display_name, labels=labels, request_id=request_id or new_id()
        )
        return (await self._call(self._projects.CreateProject, request)).project

    # Assets

    async def upload(
        self,
        project_id: str,
        path: str | Path,
        media_type: MediaType.ValueType | None = None,
        *,
        via: Via = "auto",
        on_bytes: Callable[[int], None] | None = None,
    ) -> Upload:
        """Brings a file in and starts its ingest (a song's: its analysis).

        Args:
            project_id: The project it is for.
            path: The file.
            media_type: What it is; by its name when None. The server looks at the content anyway.
            via: "url" PUTs to signed URLs, "stream" sends the bytes over the call itself; "auto"
                takes the URLs and falls back where the storage can't be reached from here.
            on_bytes: Called with the bytes sent so far; goes back when some are sent again.
        """
        return await self._uploader.upload(project_id, Path(path), media_type, via, on_bytes)

    async def get_asset(self, asset_id: str) -> Asset:
        """The asset as it is now."""
        request = assets.GetAssetRequest(asset_id=asset_id)
        return (await self._call(self._assets.GetAsset, request)).asset

    async def get_filmstrip(self, asset_id: str) -> assets.GetFilmstripResponse:
        """Frames of a clip side by side, as a JPEG."""
        request = assets.GetFilmstripRequest(asset_id=asset_id)
        return await self._call(self._assets.GetFilmstrip, request)

    # Beats

    async def analyze_audio(
        self, asset_id: str, settings: AnalysisSettings | None = None, *, request_id: str = ""
    ) -> Job:
        """Looks for the beats of a song again, for example with the other analyzer."""
        request = analysis.AnalyzeAudioRequest(
            asset_id=asset_id, settings=settings, request_id=request_id or new_id()
        )
        return (await self._call(self._analysis.AnalyzeAudio, request)).job

    async def get_beat_grid(self, asset_id: str) -> BeatGrid:
        """A song's current beat grid."""
        request = analysis.GetBeatGridRequest(asset_id=asset_id)
        return (await self._call(self._analysis.GetBeatGrid, request)).beat_grid

    async def get_corrections(self, asset_id: str) -> analysis.GetBeatGridResponse:
        """A song's current beat grid, its hash and the corrections in it."""
        request = analysis.GetBeatGridRequest(asset_id=asset_id)
        return await self._call(self._analysis.GetBeatGrid, request)

    async def edit_beat_grid(
        self,
        asset_id: str,
        edits: Sequence[BeatGridEdit] = (),
        *,
        replace: bool = False,
        beat_grid_sha256: str = "",
        request_id: str = "",
    ) -> analysis.EditBeatGridResponse:
        """Corrects a song's beats; timelines built from now on use the corrected grid.

        Args:
            asset_id: The song.
            edits: What to do, in order, after the corrections that are there; all or none.
            replace: Forget the corrections that are there first. Without edits: back to what was
                heard.
            beat_grid_sha256: The grid that you looked at; ETAG_MISMATCH when it is another by now.
            request_id: See the class.
        """
        request = analysis.EditBeatGridRequest(
            asset_id=asset_id,
            edits=edits,
            replace=replace,
            beat_grid_sha256=beat_grid_sha256,
            request_id=request_id or new_id(),
        )
        return await self._call(self._analysis.EditBeatGrid, request)

    async def beat_proof(
        self, asset_id: str, path: str | Path, grid: BeatGrid | None = None
    ) -> Path:
        """Writes a short film (MP4): the song with a click and a flash on each beat.

        Args:
            asset_id: The song.
            path: Where to put the film.
            grid: A grid to try out; the song's current one when None.
        """
        request = analysis.RenderBeatProofRequest(asset_id=asset_id, beat_grid=grid)
        return await save_proof(self._connection, request, Path(path))

    async def get_waveform(
        self, asset_id: str, *, start_us: int = 0, end_us: int = 0, buckets: int = 0
    ) -> analysis.GetWaveformResponse:
        """A stretch of a song's shape, with its beats, bars and sections; 0 for end and default."""
        request = analysis.GetWaveformRequest(
            asset_id=asset_id, start_us=start_us, end_us=end_us, buckets=buckets
        )
        return await self._call(self._analysis.GetWaveform, request)

    async def export_waveform(
        self,
        asset_id: str,
        path: str | Path,
        kind: WaveformFile | None = None,
        *,
        samples_per_bin: int = 0,
        width: int = 0,
    ) -> Path:
        """Writes a song's shape to a file.

        Args:
            asset_id: The song.
            path: Where to put the file.
            kind: "dat" and "json" are audiowaveform's formats, version 2; "png" is a picture with
                beats and sections. By the file's name when None.
            samples_per_bin: 256, 1024, 4096 or 16384 samples of the song; 0 for 256. Not for "png".
            width: Of a picture, in pixels; 0 for 1600.
        """
        request = waveform_request(asset_id, Path(path), kind, samples_per_bin, width)
        return await export_waveform(self._connection, request, Path(path))

    # Timelines, renders, or all of it

    async def generate_timeline(
        self,
        project_id: str,
        settings: TimelineSettings | None = None,
        *,
        audio_asset_id: str = "",
        media_asset_ids: Sequence[str] = (),
        request_id: str = "",
    ) -> Job:
        """Builds a timeline; the job's result names its edl_hash."""
        request = timelines.GenerateTimelineRequest(
            project_id=project_id,
            settings=settings,
            audio_asset_id=audio_asset_id,
            media_asset_ids=media_asset_ids,
            request_id=request_id or new_id(),
        )
        return (await self._call(self._timelines.GenerateTimeline, request)).job

    async def get_timeline(self, project_id: str, revision: int = 0) -> Timeline:
        """A revision of a project's timeline; 0 for the newest."""
        request = timelines.GetTimelineRequest(project_id=project_id, revision=revision)
        return (await self._call(self._timelines.GetTimeline, request)).timeline

    async def create_render(
        self, project_id: str, edl_hash: str, profile: str = "final", *, request_id: str = ""
    ) -> tuple[Job, Render]:
        """Renders the project's newest timeline, which has to have this hash."""
        request = renders.CreateRenderRequest(
            project_id=project_id,
            edl_hash=edl_hash,
            profile=profile,
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
        and when anything goes wrong, what was at `path` stays.

        Args:
            render_id: The render.
            path: Where to put the video.
            on_bytes: Called with the bytes received so far and in all.
        """
        return await download(self._connection, render_id, Path(path), on_bytes)

    # Jobs

    async def get_job(self, job_id: str) -> Job:
        """The job as it is now."""
        return (await self._call(self._jobs.GetJob, jobs.GetJobRequest(job_id=job_id))).job

    async def list_jobs(
        self,
        project_id: str = "",
        *,
        states: Sequence[JobState.ValueType] = (),
        types: Sequence[JobType.ValueType] = (),
        limit: int = 50,
    ) -> list[Job]:
        """The newest jobs, up to `limit`, of one project or of all."""
        found: list[Job] = []
        token = ""
        while len(found) < limit:
            request = jobs.ListJobsRequest(
                project_id=project_id,
                states=states,
                types=types,
                page_size=min(PAGE_SIZE, limit - len(found)),
                page_token=token,
            )
            reply = await self._call(self._jobs.ListJobs, request)
            found += reply.jobs
            token = reply.next_page_token
            if not token:
                break
        return found[:limit]

    def watch_job(self, job_id: str, after_revision: int = 0) -> AsyncGenerator[Job, None]:
        """The job as it is, then after each change, to its terminal state.

        Goes on over restarts of the server. A job that fails is told, not raised.
        """
        return watch(self._connection, job_id, after_revision)

    async def wait_job(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_change: Callable[[Job], None] | None = None,
    ) -> Job:
        """Waits for a job's end and returns it.

        Args:
            job_id: The job.
            timeout_s: How long to wait; None for ever.
            on_change: Called with the job after each change.

        Raises:
            JobFailedError: It ended FAILED.
            JobCancelledError: It ended CANCELLED.
            TimeoutError: It didn't end in time.
        """
        job = Job(id=job_id)
        async with asyncio.timeout(timeout_s):
            async for job in self.watch_job(job_id):
                if on_change is not None:
                    on_change(job)
        raise_for_end(job)
        return job

    async def cancel_job(self, job_id: str, *, request_id: str = "") -> Job:
        """Asks for a job's end; changes nothing when it has ended."""
        request = jobs.CancelJobRequest(job_id=job_id, request_id=request_id or new_id())
        return (await self._call(self._jobs.CancelJob, request)).job

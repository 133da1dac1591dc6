"""The same client for code without an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self, TypeVar

from beatstitch_client.aio import AsyncClient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from beatstitch.v1.analysis_service_pb2 import (
        AnalysisSettings,
        EditBeatGridResponse,
        GetBeatGridResponse,
        GetWaveformResponse,
    )
    from beatstitch.v1.asset_pb2 import Asset
    from beatstitch.v1.asset_service_pb2 import GetFilmstripResponse
    from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit
    from beatstitch.v1.beat_grid_pb2 import BeatGrid
    from beatstitch.v1.common_pb2 import MediaType
    from beatstitch.v1.info_service_pb2 import GetServerInfoResponse
    from beatstitch.v1.job_pb2 import Job, JobState, JobType
    from beatstitch.v1.project_pb2 import Project
    from beatstitch.v1.render_pb2 import Render
    from beatstitch.v1.render_service_pb2 import PlanRenderResponse
    from beatstitch.v1.timeline_pb2 import Timeline, TimelineSettings
    from beatstitch_client.exports import WaveformFile
    from beatstitch_client.uploads import Upload, Via

T = TypeVar("T")


class Client:
    """`AsyncClient` with blocking methods; its event loop lives in a thread of its own.

        with Client("127.0.0.1:50051", key) as client:
            project = client.create_project("Holiday")

    Arguments and errors are those of `AsyncClient`. May be used from several threads.
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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="beatstitch-client", daemon=True
        )
        self._thread.start()

        async def connect() -> AsyncClient:
            # Inside the loop that it is going to live in.
            return AsyncClient(
                address,
                api_key,
                tls=tls,
                root_certificates=root_certificates,
                timeout_s=timeout_s,
                retry_s=retry_s,
            )

        self._client = self._run(connect())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection and the thread; safe to call twice."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C: the work must not go on unseen
            raise

    def server_info(self) -> GetServerInfoResponse:
        """See `AsyncClient.server_info`."""
        return self._run(self._client.server_info())

    def create_project(
        self, display_name: str, labels: Mapping[str, str] | None = None, *, request_id: str = ""
    ) -> Project:
        """See `AsyncClient.create_project`."""
        return self._run(self._client.create_project(display_name, labels, request_id=request_id))

    def upload(
        self,
        project_id: str,
        path: str | Path,
        media_type: MediaType.ValueType | None = None,
        *,
        via: Via = "auto",
        on_bytes: Callable[[int], None] | None = None,
    ) -> Upload:
        """See `AsyncClient.upload`; `on_bytes` is called from the client's thread."""
        return self._run(
            self._client.upload(project_id, path, media_type, via=via, on_bytes=on_bytes)
        )

    def get_asset(self, asset_id: str) -> Asset:
        """See `AsyncClient.get_asset`."""
        return self._run(self._client.get_asset(asset_id))

    def analyze_audio(
        self, asset_id: str, settings: AnalysisSettings | None = None, *, request_id: str = ""
    ) -> Job:
        """See `AsyncClient.analyze_audio`."""
        return self._run(self._client.analyze_audio(asset_id, settings, request_id=request_id))

    def get_beat_grid(self, asset_id: str) -> BeatGrid:
        """See `AsyncClient.get_beat_grid`."""
        return self._run(self._client.get_beat_grid(asset_id))

    def get_corrections(self, asset_id: str) -> GetBeatGridResponse:
        """See `AsyncClient.get_corrections`."""
        return self._run(self._client.get_corrections(asset_id))

    def edit_beat_grid(
        self,
        asset_id: str,
        edits: Sequence[BeatGridEdit] = (),
        *,
        replace: bool = False,
        beat_grid_sha256: str = "",
        request_id: str = "",
    ) -> EditBeatGridResponse:
        """See `AsyncClient.edit_beat_grid`."""
        return self._run(
            self._client.edit_beat_grid(
                asset_id,
                edits,
                replace=replace,
                beat_grid_sha256=beat_grid_sha256,
                request_id=request_id,
            )
        )

    def beat_proof(self, asset_id: str, path: str | Path, grid: BeatGrid | None = None) -> Path:
        """See `AsyncClient.beat_proof`."""
        return self._run(self._client.beat_proof(asset_id, path, grid))

    def get_filmstrip(self, asset_id: str) -> GetFilmstripResponse:
        """See `AsyncClient.get_filmstrip`."""
        return self._run(self._client.get_filmstrip(asset_id))

    def get_waveform(
        self, asset_id: str, *, start_us: int = 0, end_us: int = 0, buckets: int = 0
    ) -> GetWaveformResponse:
        """See `AsyncClient.get_waveform`."""
        return self._run(
            self._client.get_waveform(asset_id, start_us=start_us, end_us=end_us, buckets=buckets)
        )

    def export_waveform(
        self,
        asset_id: str,
        path: str | Path,
        kind: WaveformFile | None = None,
        *,
        samples_per_bin: int = 0,
        width: int = 0,
    ) -> Path:
        """See `AsyncClient.export_waveform`."""
        return self._run(
            self._client.export_waveform(
                asset_id, path, kind, samples_per_bin=samples_per_bin, width=width
            )
        )

    def generate_timeline(
        self,
        project_id: str,
        settings: TimelineSettings | None = None,
        *,
        audio_asset_id: str = "",
        media_asset_ids: Sequence[str] = (),
        request_id: str = "",
    ) -> Job:
        """See `AsyncClient.generate_timeline`."""
        return self._run(
            self._client.generate_timeline(
                project_id,
                settings,
                audio_asset_id=audio_asset_id,
                media_asset_ids=media_asset_ids,
                request_id=request_id,
            )
        )

    def get_timeline(self, project_id: str, revision: int = 0) -> Timeline:
        """See `AsyncClient.get_timeline`."""
        return self._run(self._client.get_timeline(project_id, revision))

    def create_render(
        self, project_id: str, edl_hash: str, profile: str = "final", *, request_id: str = ""
    ) -> tuple[Job, Render]:
        """See `AsyncClient.create_render`."""
        return self._run(
            self._client.create_render(project_id, edl_hash, profile, request_id=request_id)
        )

    def plan_render(
        self, project_id: str, edl_hash: str, profile: str = "final"
    ) -> PlanRenderResponse:
        """See `AsyncClient.plan_render`."""
        return self._run(self._client.plan_render(project_id, edl_hash, profile))

    def get_render(self, render_id: str) -> Render:
        """See `AsyncClient.get_render`."""
        return self._run(self._client.get_render(render_id))

    def stitch(
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
        """See `AsyncClient.stitch`."""
        return self._run(
            self._client.stitch(
                project_id,
                settings,
                audio_asset_id=audio_asset_id,
                media_asset_ids=media_asset_ids,
                profile=profile,
                skip_failed_media=skip_failed_media,
                analysis_settings=analysis_settings,
                request_id=request_id,
            )
        )

    def download(
        self,
        render_id: str,
        path: str | Path,
        *,
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> Path:
        """See `AsyncClient.download`; `on_bytes` is called from another thread."""
        return self._run(self._client.download(render_id, path, on_bytes=on_bytes))

    def get_job(self, job_id: str) -> Job:
        """See `AsyncClient.get_job`."""
        return self._run(self._client.get_job(job_id))

    def list_jobs(
        self,
        project_id: str = "",
        *,
        states: Sequence[JobState.ValueType] = (),
        types: Sequence[JobType.ValueType] = (),
        limit: int = 50,
    ) -> list[Job]:
        """See `AsyncClient.list_jobs`."""
        return self._run(
            self._client.list_jobs(project_id, states=states, types=types, limit=limit)
        )

    def watch_job(self, job_id: str, after_revision: int = 0) -> Iterator[Job]:
        """See `AsyncClient.watch_job`."""
        changes = self._client.watch_job(job_id, after_revision)

        async def following() -> Job | None:
            return await anext(changes, None)

        try:
            while (job := self._run(following())) is not None:
                yield job
        finally:
            self._run(changes.aclose())

    def wait_job(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_change: Callable[[Job], None] | None = None,
    ) -> Job:
        """See `AsyncClient.wait_job`; `on_change` is called from the client's thread."""
        return self._run(self._client.wait_job(job_id, timeout_s=timeout_s, on_change=on_change))

    def cancel_job(self, job_id: str, *, request_id: str = "") -> Job:
        """See `AsyncClient.cancel_job`."""
        return self._run(self._client.cancel_job(job_id, request_id=request_id))

"""The same client for code without an event loop."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from beatstitch_client.aio import AsyncClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
    from types import TracebackType
    from typing import Any

    from google.protobuf.message import Message

    from beatstitch.v1.job_pb2 import Job, JobType
    from beatstitch.v1.job_service_pb2 import WatchJobsResponse

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Message")


class _Runner:
    """An `AsyncClient` and the loop that it lives in."""

    _loop: asyncio.AbstractEventLoop
    _client: AsyncClient

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C: the work must not go on unseen
            raise


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Runner, P], T]:
    """The same method, which waits for its end: same arguments, result, errors and docstring."""

    @functools.wraps(method)
    def call(self: _Runner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._client, *args, **kwargs))

    return call


class Client(_Runner):
    """`AsyncClient` with blocking methods; its event loop lives in a thread of its own.

        with Client("127.0.0.1:50051", key) as client:
            project = client.create_project("Holiday")

    Arguments and errors are those of `AsyncClient`; callbacks are called from another thread.
    May be used from several threads.
    """

    def __init__(
        self,
        address: str,
        api_key: str = "",
        *,
        tls: bool = False,
        root_certificates: bytes | None = None,
        certificate: bytes | None = None,
        private_key: bytes | None = None,
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
                certificate=certificate,
                private_key=private_key,
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

    server_info = _blocking(AsyncClient.server_info)
    create_project = _blocking(AsyncClient.create_project)

    upload = _blocking(AsyncClient.upload)
    import_asset = _blocking(AsyncClient.import_asset)
    get_asset = _blocking(AsyncClient.get_asset)
    list_assets = _blocking(AsyncClient.list_assets)
    get_filmstrip = _blocking(AsyncClient.get_filmstrip)

    analyze_audio = _blocking(AsyncClient.analyze_audio)
    get_beat_grid = _blocking(AsyncClient.get_beat_grid)
    get_corrections = _blocking(AsyncClient.get_corrections)
    edit_beat_grid = _blocking(AsyncClient.edit_beat_grid)
    beat_proof = _blocking(AsyncClient.beat_proof)
    get_waveform = _blocking(AsyncClient.get_waveform)
    export_waveform = _blocking(AsyncClient.export_waveform)
    export_beat_grid = _blocking(AsyncClient.export_beat_grid)

    generate_timeline = _blocking(AsyncClient.generate_timeline)
    get_timeline = _blocking(AsyncClient.get_timeline)
    get_timeline_state = _blocking(AsyncClient.get_timeline_state)
    list_revisions = _blocking(AsyncClient.list_revisions)
    validate_timeline = _blocking(AsyncClient.validate_timeline)
    diff_revisions = _blocking(AsyncClient.diff_revisions)
    explain_cut = _blocking(AsyncClient.explain_cut)
    export_timeline = _blocking(AsyncClient.export_timeline)

    apply_edits = _blocking(AsyncClient.apply_edits)
    put_timeline = _blocking(AsyncClient.put_timeline)
    undo_timeline = _blocking(AsyncClient.undo_timeline)
    redo_timeline = _blocking(AsyncClient.redo_timeline)
    restore_revision = _blocking(AsyncClient.restore_revision)

    create_template = _blocking(AsyncClient.create_template)
    get_template = _blocking(AsyncClient.get_template)
    list_templates = _blocking(AsyncClient.list_templates)
    update_template = _blocking(AsyncClient.update_template)
    delete_template = _blocking(AsyncClient.delete_template)

    create_render = _blocking(AsyncClient.create_render)
    create_renders = _blocking(AsyncClient.create_renders)
    list_render_profiles = _blocking(AsyncClient.list_render_profiles)
    render_frame = _blocking(AsyncClient.render_frame)
    get_render_picture = _blocking(AsyncClient.get_render_picture)
    plan_render = _blocking(AsyncClient.plan_render)
    get_render = _blocking(AsyncClient.get_render)
    stitch = _blocking(AsyncClient.stitch)
    batch_stitch = _blocking(AsyncClient.batch_stitch)
    download = _blocking(AsyncClient.download)
    restore_output = _blocking(AsyncClient.restore_output)
    cleanup = _blocking(AsyncClient.cleanup)
    list_dead_letters = _blocking(AsyncClient.list_dead_letters)
    requeue_dead_letters = _blocking(AsyncClient.requeue_dead_letters)

    get_job = _blocking(AsyncClient.get_job)
    list_jobs = _blocking(AsyncClient.list_jobs)
    wait_job = _blocking(AsyncClient.wait_job)
    cancel_job = _blocking(AsyncClient.cancel_job)
    retry_job = _blocking(AsyncClient.retry_job)

    create_webhook = _blocking(AsyncClient.create_webhook)
    get_webhook = _blocking(AsyncClient.get_webhook)
    list_webhooks = _blocking(AsyncClient.list_webhooks)
    update_webhook = _blocking(AsyncClient.update_webhook)
    delete_webhook = _blocking(AsyncClient.delete_webhook)
    ping_webhook = _blocking(AsyncClient.ping_webhook)
    list_webhook_deliveries = _blocking(AsyncClient.list_webhook_deliveries)
    redeliver_webhook = _blocking(AsyncClient.redeliver_webhook)

    caller = _blocking(AsyncClient.caller)
    create_api_key = _blocking(AsyncClient.create_api_key)
    list_api_keys = _blocking(AsyncClient.list_api_keys)
    rotate_api_key = _blocking(AsyncClient.rotate_api_key)
    revoke_api_key = _blocking(AsyncClient.revoke_api_key)
    list_audit_events = _blocking(AsyncClient.list_audit_events)

    create_tenant = _blocking(AsyncClient.create_tenant)
    get_tenant = _blocking(AsyncClient.get_tenant)
    list_tenants = _blocking(AsyncClient.list_tenants)
    update_tenant = _blocking(AsyncClient.update_tenant)

    call = _blocking(AsyncClient.call)

    def stream(
        self, request: Message, reply_type: type[R], *, timeout_s: float | None = None
    ) -> Iterator[R]:
        """See `AsyncClient.stream`."""
        yield from self._following(self._client.stream(request, reply_type, timeout_s=timeout_s))

    def watch_job(self, job_id: str, after_revision: int = 0) -> Iterator[Job]:
        """See `AsyncClient.watch_job`."""
        yield from self._following(self._client.watch_job(job_id, after_revision))

    def watch_jobs(
        self,
        *,
        project_id: str = "",
        batch_id: str = "",
        types: Sequence[JobType.ValueType] = (),
        job_ids: Sequence[str] = (),
        with_children: bool = False,
        resume_token: str = "",
        until_all_ended: bool = False,
    ) -> Iterator[WatchJobsResponse]:
        """See `AsyncClient.watch_jobs`."""
        yield from self._following(
            self._client.watch_jobs(
                project_id=project_id,
                batch_id=batch_id,
                types=types,
                job_ids=job_ids,
                with_children=with_children,
                resume_token=resume_token,
                until_all_ended=until_all_ended,
            )
        )

    def _following(self, changes: AsyncGenerator[T, None]) -> Iterator[T]:
        """The same items; the stream ends with the iteration."""

        async def following() -> T | None:
            return await anext(changes, None)

        try:
            while (item := self._run(following())) is not None:
                yield item
        finally:
            self._run(changes.aclose())

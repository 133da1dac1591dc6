"""The SDK over a real connection, with a server that has faults."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from contextlib import asynccontextmanager

import grpc
import pytest

from beatstitch.v1 import asset_service_pb2, failure_pb2, job_pb2, project_service_pb2
from beatstitch.v1.asset_service_pb2 import UploadHeader
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.job_service_pb2 import WatchJobRequest, WatchJobsRequest
from beatstitch.v1.render_service_pb2 import DownloadOutputRequest
from beatstitch_client import (
    AsyncClient,
    BeatStitchError,
    Client,
    JobCancelledError,
    JobFailedError,
    ServerUnreachableError,
)
from beatstitch_core.errors import field_error

R = failure_pb2
AWAY = grpc.StatusCode.UNAVAILABLE
DONE, RUNNING = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_RUNNING


def at(revision: int, state: int = RUNNING) -> Job:
    return Job(id="job", revision=revision, state=state)


async def test_a_mutation_is_repeated_with_its_request_id(client, script):
    script.faults.extend([AWAY, BeatStitchError(R.ERROR_REASON_DRAINING, "bye"), AWAY])
    project = await client.create_project("Holiday")
    assert project.id == "project"
    requests = script.of(project_service_pb2.CreateProjectRequest)
    assert len(requests) == 4
    assert len({request.request_id for request in requests}) == 1
    assert requests[0].request_id
    await client.create_project("Holiday", request_id="mine")
    assert script.requests[-1].request_id == "mine"


async def test_patience_ends(script, serve, api_key):
    async with (
        serve(script) as port,
        AsyncClient(f"127.0.0.1:{port}", api_key, retry_s=0.3) as client,
    ):
        script.faults.extend([AWAY] * 100)
        with pytest.raises(ServerUnreachableError):
            await client.create_project("Holiday")
        assert 2 <= len(script.requests) < 20


async def test_a_server_asks_to_slow_down(client, script):
    script.faults.append(BeatStitchError(R.ERROR_REASON_RATE_LIMITED, "slow", retry_after_s=0.4))
    begun = time.monotonic()
    await client.create_project("Holiday")
    assert time.monotonic() - begun >= 0.25


async def test_what_is_wrong_is_raised_at_once_and_typed(client, script):
    script.faults.append(field_error("display_name", "too long"))
    with pytest.raises(BeatStitchError) as caught:
        await client.create_project("x")
    assert caught.value.reason == R.ERROR_REASON_FIELD_INVALID
    assert caught.value.violations[0].field == "display_name"
    assert len(script.requests) == 1


async def test_a_wrong_key(script, serve):
    async with serve(script) as port, AsyncClient(f"127.0.0.1:{port}", "wrong") as client:
        with pytest.raises(BeatStitchError) as caught:
            await client.create_project("x")
    assert caught.value.reason == R.ERROR_REASON_UNAUTHENTICATED


async def test_a_watch_goes_on_where_it_broke(client, script):
    script.watches.append([at(1), at(2), AWAY])
    script.watches.append([])  # closed by a proxy, without an end
    script.watches[-1].append(at(3))
    script.watches.append([at(4, DONE)])
    seen = [job.revision async for job in client.watch_job("job")]
    assert seen == [1, 2, 3, 4]
    assert [r.after_revision for r in script.of(WatchJobRequest)] == [0, 2, 3]


async def test_a_watch_survives_the_servers_restart(script, serve, api_key):
    script.watches.append([at(1), AWAY])
    seen = []
    async with serve(script) as port:
        client = AsyncClient(f"127.0.0.1:{port}", api_key, retry_s=10)
        watch = client.watch_job("job")
        seen.append((await anext(watch)).revision)
    again = asyncio.create_task(anext(watch))
    await asyncio.sleep(0.5)
    script.watches.append([at(2, DONE)])
    async with serve(script, port):
        seen.append((await again).revision)
        await watch.aclose()
        await client.close()
    assert seen == [1, 2]


async def test_a_watch_of_many_goes_on_where_it_broke(client, script):
    script.many.append(["a", "b", AWAY])
    script.many.append(["c"])  # all that was named has ended
    watch = client.watch_jobs(batch_id="batch", until_all_ended=True)
    assert [reply.job.id async for reply in watch] == ["a", "b", "c"]
    asked = script.of(WatchJobsRequest)
    assert [request.resume_token for request in asked] == ["", "at b"]
    assert {request.batch_id for request in asked} == {"batch"}
    # Without an end of its own an orderly end is a proxy's.
    script.many.extend([["a"], ["b", grpc.StatusCode.PERMISSION_DENIED]])
    seen = []

    async def follow() -> None:
        async for reply in client.watch_jobs(resume_token="mine"):
            seen.append(reply.job.id)  # noqa: PERF401 - looked at after the error

    with pytest.raises(BeatStitchError):
        await follow()
    assert seen == ["a", "b"]
    assert [r.resume_token for r in script.of(WatchJobsRequest)][2:] == ["mine", "at a"]


async def test_waiting_for_ends(client, script):
    changes = []
    script.watches.append([at(1), at(2, DONE)])
    job = await client.wait_job("job", on_change=lambda change: changes.append(change.revision))
    assert job.state == DONE
    assert changes == [1, 2]

    failed = at(1, job_pb2.JOB_STATE_FAILED)
    failed.failure.reason = R.ERROR_REASON_INPUT_CORRUPT
    failed.failure.message = "song.mp3 is damaged"
    failed.failure.origin = R.FAILURE_ORIGIN_USER
    script.watches.append([failed])
    with pytest.raises(JobFailedError, match=r"song\.mp3") as caught:
        await client.wait_job("job")
    assert caught.value.by_user

    script.watches.append([at(1, job_pb2.JOB_STATE_CANCELLED)])
    with pytest.raises(JobCancelledError):
        await client.wait_job("job")

    with pytest.raises(TimeoutError):
        await client.wait_job("job", timeout_s=0.2)


async def test_listing_follows_pages(client):
    assert [int(job.id) for job in await client.list_jobs(limit=450)] == list(range(450))


async def test_a_download_goes_on_where_it_broke(client, script, video, tmp_path):
    script.download_breaks.extend([300_000, 600_000])
    seen = []
    path = await client.download(
        "r", tmp_path / "new" / "v.mp4", on_bytes=lambda *n: seen.append(n)
    )
    assert path.read_bytes() == video
    offsets = [request.offset_bytes for request in script.of(DownloadOutputRequest)]
    assert offsets == [0, 327_680, 655_360]
    assert seen[-1] == (len(video), len(video))
    assert [item.name for item in path.parent.iterdir()] == ["v.mp4"]


async def test_another_process_goes_on_with_a_download(client, script, video, tmp_path):
    path = tmp_path / "v.mp4"
    half = len(video) // 2
    part = tmp_path / f".v.mp4.{script.download_sha256[:16]}.part"
    part.write_bytes(video[:half])  # as a process leaves it that is killed
    await client.download("r", path)
    assert [request.offset_bytes for request in script.of(DownloadOutputRequest)] == [half]
    assert path.read_bytes() == video
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_wrong_video_never_replaces_a_good_one(client, script, tmp_path):
    path = tmp_path / "v.mp4"
    path.write_bytes(b"good")
    script.download_sha256 = "0" * 64
    with pytest.raises(BeatStitchError) as caught:
        await client.download("r", path)
    assert caught.value.reason == R.ERROR_REASON_VERIFICATION_FAILED
    assert path.read_bytes() == b"good"
    assert len(list(tmp_path.iterdir())) == 1


# Uploads


class Storage:
    """An HTTP server that takes PUTs and fails on demand."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.parts: dict[str, bytes] = {}
        self.headers: list[str] = []

    async def handle(self, reader, writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.headers.append(head.lower())
        length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
        body = await reader.readexactly(length)
        name = head.split(" ")[1].split("?")[0]
        if self.failures > 0:
            self.failures -= 1
            status = "503 Slow Down"
        else:
            self.parts[name], status = body, "200 OK"
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        writer.write(
            f'HTTP/1.1 {status}\r\nETag: "{etag}"\r\nContent-Length: 0\r\n'
            "Connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def stored(script, failures: int = 0):
    storage = Storage(failures)
    server = await asyncio.start_server(storage.handle, "127.0.0.1", 0)
    script.upload_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield storage
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def photo(tmp_path, video):
    path = tmp_path / "photo.jpg"
    path.write_bytes(video[:700_001])
    return path


async def test_an_upload_in_parts(client, script, photo):
    script.part_bytes = 300_000
    seen: list[int] = []
    async with stored(script) as storage:
        upload = await client.upload("project", photo, on_bytes=seen.append)
    assert upload.asset.id == "asset-photo.jpg"
    assert upload.job.id == "ingest"
    data = photo.read_bytes()
    assert b"".join(storage.parts[f"/part/{n}"] for n in (1, 2, 3)) == data
    assert all("transfer-encoding" not in head for head in storage.headers)
    assert seen[-1] == len(data)
    created = script.of(asset_service_pb2.CreateUploadRequest)[0]
    assert created.sha256 == hashlib.sha256(data).hexdigest()
    done = script.of(asset_service_pb2.CompleteUploadRequest)[0]
    assert [part.part_number for part in done.parts] == [1, 2, 3]
    assert all(part.etag for part in done.parts)


async def test_a_part_is_put_again(client, script, photo):
    seen: list[int] = []
    async with stored(script, failures=2) as storage:
        await client.upload("project", photo, on_bytes=seen.append)
    assert storage.parts["/part/1"] == photo.read_bytes()
    assert seen[-1] == photo.stat().st_size


async def test_a_storage_that_keeps_failing_leaves_no_asset(client, script, photo):
    async with stored(script, failures=99):
        with pytest.raises(BeatStitchError) as caught:
            await client.upload("project", photo, via="url")
    assert caught.value.reason == R.ERROR_REASON_DEPENDENCY_DOWN
    assert "secret" not in str(caught.value)
    assert script.of(asset_service_pb2.DeleteAssetRequest)
    # Left to itself the client goes another way.
    async with stored(script, failures=99):
        await client.upload("project", photo)
    assert script.uploaded == photo.read_bytes()


async def test_where_the_storage_can_not_be_reached_the_call_itself_carries(client, script, photo):
    script.upload_url = "http://127.0.0.1:1"
    upload = await client.upload("project", photo)
    assert upload.job.id == "ingest"
    assert script.uploaded == photo.read_bytes()
    assert script.of(asset_service_pb2.DeleteAssetRequest)
    with pytest.raises(BeatStitchError):
        await client.upload("project", photo, via="url")


async def test_a_stream_is_sent_again_with_its_request_id(client, script, photo):
    script.faults.append(AWAY)
    await client.upload("project", photo, via="stream")
    headers = script.of(UploadHeader)
    assert len(headers) == 2
    assert headers[0] == headers[1]
    assert script.uploaded == photo.read_bytes()


async def test_a_server_that_ends_the_stream_early_is_heard(client, script, tmp_path, video):
    big = tmp_path / "big.jpg"
    big.write_bytes(video * 8)
    for _ in range(10):
        script.faults.append(AWAY)
        await client.upload("project", big, via="stream")
        assert script.uploaded == big.read_bytes()
    script.faults.extend([field_error("filename", "bad")] * 20)
    with pytest.raises(BeatStitchError) as caught:
        await client.upload("project", big, via="stream")
    assert caught.value.reason == R.ERROR_REASON_FIELD_INVALID


async def test_what_is_not_uploaded(client, script, tmp_path):
    unknown, empty = tmp_path / "notes.txt", tmp_path / "empty.jpg"
    unknown.write_bytes(b"x")
    empty.touch()
    for path in (unknown, empty):
        with pytest.raises(BeatStitchError):
            await client.upload("project", path)
    with pytest.raises(FileNotFoundError):
        await client.upload("project", tmp_path / "missing.jpg")
    assert not script.requests


async def test_no_signature_reaches_a_log(client, script, photo, caplog):
    caplog.set_level(logging.DEBUG)
    async with stored(script):
        await client.upload("project", photo)
    assert "/part/1" in caplog.text
    assert "signature" not in caplog.text


# Without an event loop


async def test_the_blocking_client_is_the_same(script, serve, api_key, tmp_path, video):
    script.watches.append([at(1), at(2, DONE)])
    script.watches.append([at(1), at(2, DONE)])

    def use(port: int) -> list[int]:
        with Client(f"127.0.0.1:{port}", api_key, retry_s=5) as client:
            assert client.server_info().version == "test"
            assert client.create_project("x").id == "project"
            assert client.wait_job("job").state == DONE
            assert client.download("r", tmp_path / "v.mp4").read_bytes() == video
            assert len(client.list_jobs(limit=3)) == 3
            script.faults.append(field_error("f", "d"))
            with pytest.raises(BeatStitchError):
                client.create_project("x")
            return [job.revision for job in client.watch_job("job")]

    async with serve(script) as port:
        assert await asyncio.to_thread(use, port) == [1, 2]

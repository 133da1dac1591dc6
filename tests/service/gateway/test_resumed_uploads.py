"""Uploads that broke off: what is there stays, what is missing comes, damaged parts are found."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.public_api import outcome
from support.signed_links import get, put
from support.waiting import until

from beatstitch.v1 import asset_pb2, job_pb2
from beatstitch.v1.asset_service_pb2 import CompletedPart
from beatstitch.v1.common_pb2 import MEDIA_TYPE_VIDEO
from beatstitch_client import AsyncClient
from beatstitch_core.errors import BeatStitchError, reason_name

MIB = 1024 * 1024
PART = 5 * MIB
DATA = bytes(range(256)) * (16 * MIB // 256) + b"end"
PARTS = {"single_put_bytes": MIB, "part_bytes": PART}


def piece(part) -> bytes:
    return DATA[part.offset_bytes : part.offset_bytes + part.size_bytes]


async def create(house, project_id: str, size: int, media_type: int = MEDIA_TYPE_VIDEO):
    return await house.client.CreateUpload(
        project_id=project_id, filename="c.mp4", size_bytes=size, media_type=media_type
    )


async def begun(house):
    project_id = await house.project()
    return await create(house, project_id, len(DATA))


async def test_what_is_there_is_told_with_its_etag_and_links_for_the_rest(open_house):
    async with open_house(**PARTS) as house:
        made = await begun(house)
        etag = await put(made.parts[1].url, piece(made.parts[1]))
        found = await house.client.GetUpload(asset_id=made.asset.id)
        assert [part.done for part in found.parts] == [False, True, False, False]
        assert found.parts[1].etag == etag.strip('"')
        assert not found.parts[1].url
        assert found.expire_time.ToSeconds() >= made.expire_time.ToSeconds()
        told = []
        for part in found.parts:
            etag = part.etag or await put(part.url, piece(part))
            sha256 = hashlib.sha256(piece(part)).hexdigest()
            told.append(CompletedPart(part_number=part.part_number, etag=etag, sha256=sha256))
        done = await house.client.CompleteUpload(asset_id=made.asset.id, parts=told)
        assert done.asset.state == asset_pb2.ASSET_STATE_PROCESSING
        spec = await house.take(done.job.id)
        assert await house.storage.get(spec.media_ingest.media.key) == DATA
        over = await house.client.GetUpload(asset_id=made.asset.id)
        assert over.asset.state == asset_pb2.ASSET_STATE_PROCESSING
        assert not over.parts
        other = await house.new_tenant("other")
        await other.refused(other.GetUpload(asset_id=made.asset.id), "ASSET_NOT_FOUND")


async def test_parts_are_cut_as_they_were_when_the_settings_change(open_house):
    async with open_house(**PARTS) as house:
        made = await begun(house)
        await put(made.parts[0].url, piece(made.parts[0]))
        client = await house.replica(part_bytes=8 * MIB)
        found = await client.GetUpload(asset_id=made.asset.id)
        sizes = [part.size_bytes for part in made.parts]
        assert [part.size_bytes for part in found.parts] == sizes
        assert found.parts[0].done


async def test_a_file_of_one_part_gets_a_new_link(house):
    project_id = await house.project()
    made = await create(house, project_id, 5)
    found = await house.client.GetUpload(asset_id=made.asset.id)
    assert [part.done for part in found.parts] == [False]
    await put(found.parts[0].url, b"hello")
    assert not (await house.client.GetUpload(asset_id=made.asset.id)).parts[0].done
    await house.client.CompleteUpload(asset_id=made.asset.id)


async def test_a_damaged_part_is_not_taken(open_house):
    async with open_house(**PARTS) as house:
        made = await begun(house)
        for _ in range(2):
            found = await house.client.GetUpload(asset_id=made.asset.id)
            assert not any(part.done for part in found.parts)
            told = []
            for part in found.parts:
                damaged = _ == 0 and part.part_number == 3
                body = piece(part)[:-1] + b"!" if damaged else piece(part)
                told.append(
                    CompletedPart(
                        part_number=part.part_number,
                        etag=await put(part.url, body),
                        sha256=hashlib.sha256(piece(part)).hexdigest(),
                    )
                )
            call = house.client.CompleteUpload(asset_id=made.asset.id, parts=told)
            if _ == 0:
                error = await house.client.refused(call, "UPLOAD_MISMATCH")
                assert error.metadata["part_number"] == "3"
            else:
                done = await call
        spec = await house.take(done.job.id)
        assert await house.storage.get(spec.media_ingest.media.key) == DATA


async def test_an_upload_that_was_thrown_away_begins_again(open_house):
    async with open_house(**PARTS) as house:
        made = await begun(house)
        await put(made.parts[0].url, piece(made.parts[0]))
        from beatstitch_gateway.uploads.multipart import Multipart  # noqa: PLC0415

        multipart = Multipart(house.settings)
        key = f"t/default/in/{made.asset.id}"
        for item in await multipart.unfinished(key):
            await multipart.abort(key, item.upload_id)
        multipart.close()
        found = await house.client.GetUpload(asset_id=made.asset.id)
        assert not any(part.done for part in found.parts)
        await put(found.parts[0].url, piece(found.parts[0]))
        assert (await house.client.GetUpload(asset_id=made.asset.id)).parts[0].done


class Wire:
    """What lies between a client and the storage: counts bytes, and stops after some."""

    def __init__(self, endpoint: str) -> None:
        self._to = urlsplit(endpoint)
        self.sent = 0
        self.most: int | None = None
        self.full = asyncio.Event()

    async def handle(self, reader, writer) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(
                self._pump(reader, up_writer, count=True), self._pump(up_reader, writer)
            )

    async def _pump(self, reader, writer, *, count: bool = False) -> None:
        try:
            while data := await reader.read(65536):
                if count:
                    self.sent += len(data)
                    if self.most is not None and self.sent > self.most:
                        self.full.set()
                        await asyncio.sleep(3600)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def wire_to(endpoint: str):
    wire = Wire(endpoint)
    server = await asyncio.start_server(wire.handle, "127.0.0.1", 0)
    wire.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        for task in asyncio.all_tasks():
            if "Wire." in repr(task.get_coro()):
                task.cancel()


UPLOAD = """
import sys
from beatstitch_client import Client
with Client(sys.argv[1], sys.argv[2]) as client:
    print(client.upload(sys.argv[3], sys.argv[4], via="url").asset.id)
"""


async def test_a_killed_client_sends_only_what_is_missing(
    open_house, s3_server, tmp_path: Path, monkeypatch
):
    async with (
        wire_to(s3_server.endpoint) as wire,
        open_house(**PARTS, s3_public_endpoint=wire.endpoint) as house,
    ):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(DATA)
        project_id = await house.project()
        address = f"127.0.0.1:{house.services[0].rpc.port}"
        # More than three parts, and no more than three at a time: one at least was taken.
        wire.most = 3 * PART + 64 * 1024
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", UPLOAD, address, house.key, project_id, str(clip)]
        )
        await asyncio.wait_for(wire.full.wait(), 60)
        child.send_signal(signal.SIGKILL)
        await child.wait()

        (asset,) = (await house.client.ListAssets(project_id=project_id)).assets
        before = await house.client.GetUpload(asset_id=asset.id)
        there = sum(part.size_bytes for part in before.parts if part.done)
        assert there
        wire.sent, wire.most = 0, None
        async with AsyncClient(address, house.key) as client:
            seen: list[int] = []
            upload = await client.upload(project_id, clip, via="url", on_bytes=seen.append)
            assert upload.asset.id == asset.id
            # Headers too; less when the storage still took a part after the client's death.
            assert wire.sent <= len(DATA) - there + 64 * 1024
            assert seen[-1] == len(DATA)
            link = await house.client.CreateAssetDownloadLink(asset_id=asset.id)
            assert await get(link.url) == DATA
            # It is over: the same file again is another asset.
            again = await client.upload(project_id, clip, via="url")
            assert again.asset.id != asset.id
        assert not list((tmp_path / "state" / "beatstitch" / "uploads").iterdir())
    await asyncio.sleep(0)


class Run:
    """`beatstitch stitch` of a song and a clip on a gateway, in the background."""

    def __init__(self, house, folder: Path) -> None:
        self.house, self.folder = house, folder
        (folder / "song.wav").write_bytes(b"song")
        (folder / "clip.mp4").write_bytes(DATA)

    async def start(self, *options: str) -> asyncio.subprocess.Process:
        beatstitch = str(Path(sys.executable).with_name("beatstitch"))
        port = self.house.services[0].rpc.port
        return await asyncio.create_subprocess_exec(
            *[beatstitch, "stitch", "song.wav", "clip.mp4", "-o", "v.mp4"],
            *["--server", f"127.0.0.1:{port}", "--api-key", self.house.key, *options],
            cwd=self.folder,
            stderr=asyncio.subprocess.PIPE,
        )

    async def projects(self) -> list[str]:
        return [project.id for project in (await self.house.client.ListProjects()).projects]

    async def begun(self, count: int = 1) -> list:
        """Its stitches, the newest first, once there are so many."""
        jobs = []

        async def there() -> bool:
            found = await self.house.client.ListJobs(types=[job_pb2.JOB_TYPE_STITCH])
            jobs[:] = found.jobs
            return len(jobs) >= count

        await until(there, 60)
        return jobs


@asynccontextmanager
async def stitch_run(open_house, s3_server, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with (
        wire_to(s3_server.endpoint) as wire,
        open_house(**PARTS, s3_public_endpoint=wire.endpoint) as house,
    ):
        yield wire, Run(house, tmp_path)
    await asyncio.sleep(0)


async def test_a_killed_stitch_is_gone_on_with(open_house, s3_server, tmp_path, monkeypatch):
    async with stitch_run(open_house, s3_server, tmp_path, monkeypatch) as (wire, run):
        wire.most = 3 * PART + 64 * 1024
        first = await run.start()
        await asyncio.wait_for(wire.full.wait(), 60)
        first.send_signal(signal.SIGKILL)
        await first.communicate()

        (project_id,) = await run.projects()
        listed = (await run.house.client.ListAssets(project_id=project_id)).assets
        before = {asset.filename: asset.id for asset in listed}
        parts = (await run.house.client.GetUpload(asset_id=before["clip.mp4"])).parts
        there = sum(part.size_bytes for part in parts if part.done)
        assert there
        wire.sent, wire.most = 0, None
        second = await run.start()
        try:
            jobs = await run.begun()
            assert wire.sent <= len(DATA) - there + 64 * 1024
            assert await run.projects() == [project_id]
            after = (await run.house.client.ListAssets(project_id=project_id)).assets
            assert {asset.filename: asset.id for asset in after} == before
            assert len(after) == 2
            # Somebody else ends its job: it is over, and nothing is left of it on disk.
            await run.house.client.CancelJob(job_id=jobs[0].id)
        finally:
            _, told = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 1, told.decode()
        assert not list((tmp_path / "state" / "beatstitch" / "uploads").iterdir())


async def test_a_stitch_killed_under_way_is_followed_again(
    open_house, s3_server, tmp_path, monkeypatch
):
    """The same command is the same job; with other options it is another one."""
    async with stitch_run(open_house, s3_server, tmp_path, monkeypatch) as (_wire, run):
        first = await run.start()
        (job,) = await run.begun()
        first.send_signal(signal.SIGKILL)
        await first.communicate()

        second = await run.start()
        other = await run.start("--beats-per-cut", "3")  # while the second holds what was left
        try:
            (newer, older) = await run.begun(2)
            assert older.id == job.id
            assert newer.project_id != job.project_id
            await run.house.client.CancelJob(job_id=job.id)
            await asyncio.wait_for(second.communicate(), 60)
            assert second.returncode == 1
        finally:
            for process in (second, other):
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                    await asyncio.wait_for(process.communicate(), 60)
        assert len(await run.begun(2)) == 2


async def test_other_options_are_another_job_of_the_same_files(
    open_house, s3_server, tmp_path, monkeypatch
):
    async with stitch_run(open_house, s3_server, tmp_path, monkeypatch) as (wire, run):
        first = await run.start()
        (job,) = await run.begun()
        first.send_signal(signal.SIGKILL)
        await first.communicate()
        wire.sent = 0
        second = await run.start("--beats-per-cut", "3")
        try:
            (newer, _) = await run.begun(2)
        finally:
            second.send_signal(signal.SIGTERM)
            await asyncio.wait_for(second.communicate(), 60)
        assert newer.project_id == job.project_id
        assert wire.sent < PART


async def test_a_stitch_cancelled_with_its_run_is_begun_anew(
    open_house, s3_server, tmp_path, monkeypatch
):
    async with stitch_run(open_house, s3_server, tmp_path, monkeypatch) as (_wire, run):
        first = await run.start()
        (job,) = await run.begun()
        first.send_signal(signal.SIGINT)
        await asyncio.wait_for(first.communicate(), 60)
        assert (await run.house.job(job.id)).state == job_pb2.JOB_STATE_CANCELLED

        second = await run.start()
        try:
            (newer, _) = await run.begun(2)
            assert (await run.house.job(newer.id)).state != job_pb2.JOB_STATE_CANCELLED
            assert newer.project_id == job.project_id
        finally:
            second.send_signal(signal.SIGTERM)
            await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 143


async def test_a_stitch_whose_project_was_deleted_begins_anew(
    open_house, s3_server, tmp_path, monkeypatch
):
    async with stitch_run(open_house, s3_server, tmp_path, monkeypatch) as (wire, run):
        wire.most = PART
        first = await run.start()
        await asyncio.wait_for(wire.full.wait(), 60)
        first.send_signal(signal.SIGKILL)
        await first.communicate()
        (project_id,) = await run.projects()
        await run.house.client.DeleteProject(project_id=project_id)
        wire.most = None
        second = await run.start()
        try:
            jobs = await run.begun()
            (other_id,) = await run.projects()
            assert other_id != project_id
            assert jobs[0].project_id == other_id
        finally:
            second.send_signal(signal.SIGTERM)
            await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 143


async def test_a_deleted_asset_is_uploaded_anew(open_house, tmp_path, monkeypatch):
    async with open_house(**PARTS) as house:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(DATA)
        project_id = await house.project()
        address = f"127.0.0.1:{house.services[0].rpc.port}"
        async with AsyncClient(address, house.key) as client:
            begun_bytes = asyncio.Event()
            task = asyncio.create_task(
                client.upload(project_id, clip, via="url", on_bytes=lambda _: begun_bytes.set())
            )
            await begun_bytes.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            (asset,) = (await house.client.ListAssets(project_id=project_id)).assets
            await outcome(house.client.DeleteAsset(asset_id=asset.id))
            upload = await client.upload(project_id, clip, via="url")
            assert upload.asset.id != asset.id


async def test_an_upload_with_a_name_is_one_asset_however_often_it_is_tried(open_house, tmp_path):
    async with open_house(**PARTS) as house:
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(DATA)
        project_id = await house.project()
        address = f"127.0.0.1:{house.services[0].rpc.port}"
        async with AsyncClient(address, house.key) as client:
            for via in ("url", "stream"):
                begun_bytes = asyncio.Event()
                task = asyncio.create_task(
                    client.upload(
                        project_id,
                        clip,
                        via=via,
                        on_bytes=lambda _, seen=begun_bytes: seen.set(),
                        request_id=via,
                    )
                )
                await begun_bytes.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                made = await client.upload(project_id, clip, via=via, request_id=via)
                # The answer was lost; whoever asks again is told the same.
                again = await client.upload(project_id, clip, via=via, request_id=via)
                assert again.asset.id == made.asset.id
                assert again.job.id == made.job.id
                link = await house.client.CreateAssetDownloadLink(asset_id=made.asset.id)
                assert await get(link.url) == DATA
            assert len((await house.client.ListAssets(project_id=project_id)).assets) == 2
            other = tmp_path / "other" / "clip.mp4"
            other.parent.mkdir()
            other.write_bytes(DATA[1:])
            for via, reason in (("url", "REQUEST_ID_REUSED"), ("auto", "FIELD_INVALID")):
                with pytest.raises(BeatStitchError) as caught:
                    await client.upload(project_id, other, via=via, request_id="url")
                assert reason_name(caught.value.reason) == reason

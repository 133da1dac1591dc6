"""Objects in a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage

BIG = 9 * 1024 * 1024 + 12_345


def storage_of(server, **options):
    named = {
        "s3_endpoint": server.endpoint,
        "s3_bucket": server.bucket,
        "s3_region": server.region,
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
    }
    return Storage.from_settings(ServiceSettings(**named | options))


@pytest.fixture
async def storage(s3_server):
    return storage_of(s3_server)


def sha(data):
    return hashlib.sha256(data).hexdigest()


async def test_bytes(storage, s3_prefix):
    key = f"{s3_prefix}a/b c+é.bin"
    ref = await storage.put(key, b"hello")
    assert ref == ObjectRef(key=key, sha256=sha(b"hello"), size_bytes=5)
    assert await storage.get(key) == b"hello"
    assert await storage.head(key) == 5
    assert await storage.exists(key)
    await storage.put(key, b"")
    assert await storage.get(key) == b""
    await storage.delete([key, f"{s3_prefix}never"])
    assert await storage.head(key) is None


async def test_a_range_of_an_object(storage, s3_prefix):
    await storage.put(f"{s3_prefix}range", b"0123456789")
    assert await storage.get_range(f"{s3_prefix}range", 2, 5) == b"23456"
    assert await storage.get_range(f"{s3_prefix}range", 8, 5) == b"89"
    assert await storage.get_range(f"{s3_prefix}range", 10, 5) == b""
    with pytest.raises(BeatStitchError, match="OBJECT_MISSING"):
        await storage.get_range(f"{s3_prefix}none", 0, 5)


async def test_a_missing_object(storage, s3_prefix, tmp_path):
    key = f"{s3_prefix}none"
    for attempt in (
        storage.get(key),
        storage.fetch(ObjectRef(key=key), tmp_path / "x"),
        anext(storage.stream(key)),
        anext(storage.stream(key, offset=3)),
    ):
        with pytest.raises(BeatStitchError) as caught:
            await attempt
        assert caught.value.reason == failure_pb2.ERROR_REASON_OBJECT_MISSING
        assert caught.value.metadata == {"key": key}
    assert not await storage.exists(key)


@pytest.mark.parametrize("size", [0, 1, BIG])
async def test_files(storage, s3_prefix, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "in").write_bytes(data)
    ref = await storage.put_file(f"{s3_prefix}f", tmp_path / "in")
    assert (ref.sha256, ref.size_bytes) == (sha(data), size)
    assert await storage.fetch(ref, tmp_path / "out") == ref
    assert (tmp_path / "out").read_bytes() == data
    unchecked = await storage.fetch(ObjectRef(key=ref.key), tmp_path / "out")
    assert unchecked == ref


async def test_bytes_that_are_not_what_they_should_be(storage, s3_prefix, tmp_path):
    ref = await storage.put(f"{s3_prefix}f", b"hello")
    ref.sha256 = sha(b"other")
    with pytest.raises(BeatStitchError) as caught:
        await storage.fetch(ref, tmp_path / "out")
    assert caught.value.reason == failure_pb2.ERROR_REASON_UPLOAD_MISMATCH
    assert caught.value.metadata["actual"] == sha(b"hello")
    assert not (tmp_path / "out").exists()


async def test_what_is_there_is_not_sent_again(storage, s3_prefix, tmp_path):
    path, key = tmp_path / "f", f"{s3_prefix}f"
    path.write_bytes(b"12345")
    first = await storage.put_file_if_absent(key, path)
    await storage.put(key, b"same!")  # stands for the same content: only the size is looked at
    assert await storage.put_file_if_absent(key, path) == first
    assert await storage.get(key) == b"same!"
    await storage.put(key, b"cut")
    await storage.put_file_if_absent(key, path)
    assert await storage.get(key) == b"12345"


async def test_streams(storage, s3_prefix):
    data, key = os.urandom(BIG), f"{s3_prefix}s"

    async def chunks():
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    ref = await storage.put_stream(key, chunks())
    assert (ref.sha256, ref.size_bytes) == (sha(data), len(data))
    parts = [part async for part in storage.stream(key)]
    assert b"".join(parts) == data
    assert {len(part) for part in parts[:-1]} == {256 * 1024}
    tail = [part async for part in storage.stream(key, offset=BIG - 10, chunk_bytes=4)]
    assert b"".join(tail) == data[-10:]
    assert [len(part) for part in tail] == [4, 4, 2]
    assert [part async for part in storage.stream(key, offset=BIG)] == []


async def test_an_upload_that_breaks_off_leaves_nothing(storage, s3_prefix):
    key = f"{s3_prefix}s"

    async def chunks():
        for _ in range(40):
            yield bytes(256 * 1024)
        raise BeatStitchError(failure_pb2.ERROR_REASON_INPUT_TOO_LARGE, "too large")

    with pytest.raises(BeatStitchError) as caught:
        await storage.put_stream(key, chunks())
    assert caught.value.reason == failure_pb2.ERROR_REASON_INPUT_TOO_LARGE
    assert not await storage.exists(key)

    async def broken():
        yield b"x"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await storage.put_stream(key, broken())
    assert not await storage.exists(key)


async def test_listing_and_many(storage, s3_prefix):
    keys = [f"{s3_prefix}l/{i:04d}" for i in range(30)]
    await asyncio.gather(*(storage.put(key, b"x" * i) for i, key in enumerate(keys)))
    assert [item async for item in storage.list(f"{s3_prefix}l/")] == [
        (key, i) for i, key in enumerate(keys)
    ]
    assert await storage.exists_many([*keys, *keys, f"{s3_prefix}l/none"]) == set(keys)
    assert await storage.exists_many([]) == set()
    await storage.delete(keys)
    await storage.delete([])
    assert [item async for item in storage.list(f"{s3_prefix}l/")] == []


def http(url: str, data: bytes | None = None) -> tuple[bytes, str]:
    method = "GET" if data is None else "PUT"
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return reply.read(), reply.headers.get("Content-Disposition", "")


async def test_links(storage, s3_prefix):
    key = f"{s3_prefix}a b/é+~.mp4"
    await asyncio.to_thread(http, storage.links.sign_put(key, 60, 5), b"video")
    assert await storage.get(key) == b"video"
    assert await asyncio.to_thread(http, storage.links.sign_get(key, 60)) == (b"video", "")
    body, header = await asyncio.to_thread(
        http, storage.links.sign_get(key, 60, 'my "video" é.mp4')
    )
    assert body == b"video"
    assert header.startswith('attachment; filename="my _video_ _.mp4"')
    assert "filename*=UTF-8''my%20%22video%22%20%C3%A9.mp4" in header


async def test_a_changed_link_is_refused(storage, s3_prefix):
    await storage.put(f"{s3_prefix}mine", b"secret")
    url = storage.links.sign_get(f"{s3_prefix}other", 60).replace("other", "mine")
    with pytest.raises(urllib.error.HTTPError) as caught:
        await asyncio.to_thread(http, url)
    caught.value.close()
    assert caught.value.code == 403


async def test_links_use_the_public_name(s3_server):
    storage = storage_of(s3_server, s3_public_endpoint="https://media.example.com/")
    assert storage.links.sign_get("k", 60).startswith("https://media.example.com/beatstitch/k?")


async def test_storage_away(s3_server_fresh, tmp_path, caplog):
    storage = storage_of(s3_server_fresh)
    ref = await storage.put("k", b"x")
    await asyncio.to_thread(s3_server_fresh.kill)
    begun = time.monotonic()
    for attempt in (storage.get("k"), storage.fetch(ref, tmp_path / "x"), storage.put("k", b"")):
        with pytest.raises(BeatStitchError) as caught:
            await attempt
        assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
        assert caught.value.metadata == {"dependency": "storage"}
        assert "http" not in caught.value.message
    assert time.monotonic() - begun < 20
    assert "Signature=" not in caplog.text.replace("Signature=[redacted]", "")
    await asyncio.to_thread(s3_server_fresh.start)
    assert await eventually(storage, "k") == b"x"


async def eventually(storage, key):
    """SeaweedFS takes writes some time before it knows its old volumes again."""
    for _ in range(20):
        try:
            return await storage.get(key)
        except BeatStitchError:
            await asyncio.sleep(0.2)
    raise AssertionError("it never came back")


async def test_wrong_keys(s3_server):
    settings = ServiceSettings(
        s3_endpoint=s3_server.endpoint, s3_access_key="who", s3_secret_key="what"
    )
    with pytest.raises(BeatStitchError) as caught:
        await Storage.from_settings(settings).get("k")
    assert caught.value.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN


async def test_a_full_disk(storage, s3_prefix, tmp_path):
    ref = await storage.put(f"{s3_prefix}k", b"x" * 10_000)
    # Through a link in a folder of ours, so that nothing done to the path can reach the device.
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(BeatStitchError) as caught:
        await storage.fetch(ref, full)
    assert Path("/dev/full").is_char_device()  # noqa: ASYNC240
    assert caught.value.reason == failure_pb2.ERROR_REASON_DISK_FULL


async def test_a_download_goes_on_where_it_broke_off(s3_server, storage, s3_prefix, tmp_path):
    """Through a proxy that cuts the first connection in the middle of the body."""
    data = os.urandom(4 * 1024 * 1024)
    ref = await storage.put(f"{s3_prefix}k", data)
    target = s3_server.endpoint.removeprefix("http://").split(":")
    cuts, relays = [], []

    async def pump(reader, writer, limit):
        sent = 0
        with suppress(OSError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
                sent += len(block)
                if not cuts and sent > limit:
                    cuts.append(sent)
                    break
        writer.close()

    async def relay(reader, writer):
        relays.append(asyncio.current_task())
        up_reader, up_writer = await asyncio.open_connection(*target)
        try:
            await asyncio.gather(
                pump(reader, up_writer, 1 << 40), pump(up_reader, writer, 2_500_000)
            )
        finally:
            for each in (writer, up_writer):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    through = storage_of(s3_server, s3_endpoint=f"http://127.0.0.1:{port}")
    try:
        assert await through.fetch(ref, tmp_path / "out") == ref
    finally:
        proxy.close()
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
    assert cuts
    assert (tmp_path / "out").read_bytes() == data


async def test_a_link_takes_only_what_was_declared(storage, s3_prefix):
    async def refused(url: str, data: bytes) -> int:
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(http, url, data)
        caught.value.close()
        return caught.value.code

    key = f"{s3_prefix}declared"
    assert await refused(storage.links.sign_put(key, 60, 5), b"video!") == 403
    bound = storage.links.sign_put(key, 60, 5, hashlib.sha256(b"video").hexdigest())
    assert await refused(bound, b"Video") == 400
    assert not await storage.exists(key)
    await asyncio.to_thread(http, bound, b"video")
    assert await storage.get(key) == b"video"


async def test_what_is_used_becomes_young_again(s3_server, s3_prefix):
    storage = storage_of(s3_server, s3_touch_after_s=2.0)
    small, large = f"{s3_prefix}use/a b/é", f"{s3_prefix}use/large"
    data = os.urandom(BIG)
    await storage.put(small, b"bytes")

    async def parts():
        yield data

    await storage.put_stream(large, parts())
    before = {key: (await storage.stat(key)).modified for key in (small, large)}
    assert await storage.use_many([small, large, f"{small}2"]) == {small, large}
    assert {key: (await storage.stat(key)).modified for key in before} == before
    await asyncio.sleep(3.0)
    assert await storage.use_many([small, large, f"{small}2"]) == {small, large}
    for key, stored in before.items():
        assert (await storage.stat(key)).modified > stored
    assert await storage.get(small) == b"bytes"
    assert await storage.get(large) == data
    listed = [item async for item in storage.inventory(f"{s3_prefix}use/")]
    assert listed == [await storage.stat(small), await storage.stat(large)]
    assert await storage.stat(f"{small}2") is None

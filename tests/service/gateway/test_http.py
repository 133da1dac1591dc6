"""The same calls over HTTP: Connect JSON and bytes, gRPC-Web, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import grpc.aio
import h2.connection
import h2.events
import h2.settings
import httpx
import psutil
import pytest
import pytest_asyncio
from google.protobuf import json_format
from google.rpc import error_details_pb2
from support.public_api import API, Client, outcome
from support.waiting import until
from support.web import (
    END,
    V1,
    Web,
    debug_in,
    error_in,
    frame,
    frames_in,
    trailers_in,
)

from beatstitch.v1 import job_pb2, project_service_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_AUDIO
from beatstitch_core.errors import reason_name
from beatstitch_core.ids import new_id
from beatstitch_gateway.create_key import create_key
from beatstitch_gateway.http import server
from beatstitch_runtime.rpc.errors import error_from_rpc
from beatstitch_stack.certificates import Authority
from beatstitch_stack.ports import free_port

ORIGIN = "https://app.example"


def unary_methods():
    for messages, _ in API:
        (service,) = messages.DESCRIPTOR.services_by_name.values()
        for method in service.methods:
            if not method.client_streaming and not method.server_streaming:
                yield pytest.param(service.name, method, id=f"{service.name}/{method.name}")


@asynccontextmanager
async def web_of(house, **client: object) -> AsyncIterator[Web]:
    port = house.services[-1].rpc.front.port
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False, **client
    ) as http:
        yield Web(http, house.key)


@pytest_asyncio.fixture
async def house(open_house):
    async with open_house(
        http_port=free_port(), http_cors_origins=ORIGIN, http_max_body_bytes=1024 * 1024
    ) as opened:
        yield opened


@pytest_asyncio.fixture
async def web(house) -> AsyncIterator[Web]:
    async with web_of(house) as opened:
        yield opened


async def test_a_project_is_made_and_read(web: Web, house) -> None:
    made = await web.json("ProjectService/CreateProject", displayName="song", labels={"a": "b"})
    project_id = made["project"]["id"]
    read = await web.json("ProjectService/GetProject", projectId=project_id)
    assert read == made
    by_grpc = await house.client.GetProject(project_id=project_id)
    assert json_format.MessageToDict(by_grpc) == read


async def test_every_unary_call_answers_the_same_over_both(web: Web, house) -> None:
    """With an empty request: the same reply or the same error, whatever the call."""
    differences = []
    for param in unary_methods():
        service, method = param.values
        call = getattr(house.client, method.name)
        reply = await web.post(f"{service}/{method.name}", {})
        try:
            await outcome(call())
        except grpc.aio.AioRpcError as error:
            expected = error_from_rpc(error, "gateway")
            got = error_in(reply.json())
            same = (got.reason, got.violations) == (expected.reason, expected.violations)
            same = same and reply.json()["code"] == error.code().name.lower()
        else:
            same = reply.status_code == 200
        if not same:
            differences.append((param.id, reply.status_code, reply.text))
    assert not differences


# --- mistakes


MISTAKES = [
    ("ProjectService/CreateProject", {"displayName": "x" * 5000}, 400),
    ("ProjectService/UpdateProject", {"updateMask": "labels,nonsense"}, 400),
    ("ProjectService/GetProject", {"projectId": "nobody"}, 404),
    ("JobService/GetJob", {"jobId": new_id()}, 404),
    ("ProjectService/ListProjects", {"pageToken": "!!"}, 400),
    ("RenderService/CreateRender", {"projectId": new_id()}, 400),
]


async def test_a_mistake_gets_the_same_error_over_both(web: Web, house) -> None:
    for method, body, status in MISTAKES:
        service, name = method.split("/")
        _, request_type = house.client.methods[name]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(house.client, name)(json_format.ParseDict(body, request_type()))
        expected = error_from_rpc(caught.value, "gateway")
        reply = await web.post(f"{service}/{name}", body)
        got = error_in(reply.json())
        assert reply.status_code == status, method
        assert (got.reason, got.message, got.metadata, got.violations) == (
            expected.reason,
            expected.message,
            expected.metadata,
            expected.violations,
        )
        assert debug_in(reply.json())["reason"] == reason_name(expected.reason)


async def test_details_are_readable_and_request_ids_come_back(web: Web) -> None:
    reply = await web.post("ProjectService/CreateProject", {"displayName": "x" * 5000})
    bad = debug_in(reply.json(), error_details_pb2.BadRequest)
    assert [item["field"] for item in bad["fieldViolations"]] == ["display_name"]
    told = debug_in(reply.json(), error_details_pb2.RequestInfo)
    assert told["requestId"] == reply.headers["x-request-id"]
    reply = await web.post("InfoService/GetServerInfo", headers={"x-request-id": "mine-1"})
    assert reply.headers["x-request-id"] == "mine-1"


NO_REQUESTS = [
    (b"{", {}, "invalid_argument", "FIELD_INVALID"),
    (b'{"nonsense": 1}', {}, "invalid_argument", "FIELD_INVALID"),
    (b'{"projectId": 7}', {}, "invalid_argument", "FIELD_INVALID"),
    (b"[" * 5000, {}, "invalid_argument", "FIELD_INVALID"),
    (b"\xff\xfe", {"content-type": "application/proto"}, "invalid_argument", "FIELD_INVALID"),
    (b"no gzip", {"content-encoding": "gzip"}, "invalid_argument", "FIELD_INVALID"),
    (b'"%s"' % (b"x" * 2_000_000), {}, "resource_exhausted", "INPUT_TOO_LARGE"),
    # A bomb: small on the way, fifty times the limit once unpacked.
    (
        gzip.compress(b" " * 50_000_000),
        {"content-encoding": "gzip"},
        "resource_exhausted",
        "INPUT_TOO_LARGE",
    ),
]


async def test_what_is_no_request(web: Web) -> None:
    for body, headers, code, reason in NO_REQUESTS:
        reply = await web.post("ProjectService/GetProject", body, headers)
        assert reply.json()["code"] == code, body[:20]
        assert debug_in(reply.json())["reason"] == reason, body[:20]
    odd = await web.post("ProjectService/GetProject", {}, {"connect-timeout-ms": "soon"})
    assert odd.json()["code"] == "invalid_argument"


NO_TEXT = [{"x-request-id": b"\xe9"}, {"traceparent": b"\xff"}, {"content-encoding": b"\xff"}]


@pytest.mark.parametrize("headers", NO_TEXT, ids=lambda found: next(iter(found)))
async def test_headers_that_are_no_text(web: Web, headers) -> None:
    reply = await web.post("ProjectService/ListProjects", {}, headers)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_argument")
    assert debug_in(reply.json())["reason"] == "FIELD_INVALID"
    assert "codec" not in reply.text


async def test_grpc_without_trailers_is_told_what_it_needs(web: Web) -> None:
    for kind in ("application/grpc", "Application/gRPC+proto"):
        reply = await web.post("ProjectService/ListProjects", frame(b""), {"content-type": kind})
        assert (reply.status_code, reply.json()["code"]) == (415, "unimplemented")


async def test_unknown_paths_and_methods(web: Web) -> None:
    unknown = await web.post("ProjectService/Nonsense")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unimplemented")
    assert debug_in(unknown.json())["reason"] == "UNIMPLEMENTED"
    assert (await web.http.get("/")).status_code == 404
    got = await web.http.get(V1 + "ProjectService/CreateProject", headers=web.headers)
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    odd = await web.post("ProjectService/GetProject", {}, {"content-type": "text/html"})
    assert odd.status_code == 415


async def test_without_a_key_and_with_anothers(web: Web, house) -> None:
    made = await web.json("ProjectService/CreateProject", displayName="mine")
    body = {"projectId": made["project"]["id"]}
    nobody = await Web(web.http, "").post("ProjectService/GetProject", body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    key = await create_key(house.settings.database_url.get_secret_value(), "other")
    other = await Web(web.http, key.text).post("ProjectService/GetProject", body)
    assert (other.status_code, debug_in(other.json())["reason"]) == (404, "PROJECT_NOT_FOUND")
    plain = await web.http.post(
        V1 + "ProjectService/GetProject", json=body, headers={"x-api-key": house.key}
    )
    assert plain.status_code == 200


async def test_the_same_request_id_is_the_same_project_over_both(web: Web, house) -> None:
    fields = {"requestId": "once", "displayName": "song"}
    first = await web.json("ProjectService/CreateProject", **fields)
    second = await house.client.CreateProject(request_id="once", display_name="song")
    assert second.project.id == first["project"]["id"]
    other = await web.post("ProjectService/CreateProject", {**fields, "displayName": "b"})
    assert debug_in(other.json())["reason"] == "REQUEST_ID_REUSED"


# --- connections


def open_at(port: int) -> list[str]:
    """States of the server's ends of the connections to a port of this process."""
    return [
        found.status
        for found in psutil.Process().net_connections("tcp")
        if found.laddr.port == port and found.status != psutil.CONN_LISTEN
    ]


async def test_a_connection_is_closed_when_its_client_closes_it(web: Web, house) -> None:
    port = house.services[-1].rpc.front.port
    await web.json("InfoService/GetServerInfo")
    assert open_at(port)
    await web.http.aclose()
    await until(lambda: not open_at(port))


async def test_a_reply_over_http2_that_its_client_never_takes_is_given_up(house) -> None:
    """The window is shut, the reply waits for room, and the client leaves."""
    port = house.services[-1].rpc.front.port
    client = h2.connection.H2Connection()
    client.initiate_connection()
    client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    head = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/none")]
    client.send_headers(1, head, end_stream=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(client.data_to_send())
    async with asyncio.timeout(15):
        while not any(
            isinstance(event, h2.events.ResponseReceived)
            for event in client.receive_data(await reader.read(1 << 16))
        ):
            pass
    writer.close()
    await until(lambda: not open_at(port))


async def test_a_reply_over_http2_that_nobody_makes_room_for(open_house, monkeypatch) -> None:
    """The client stays, and its window stays shut: the call ends, then the idle connection."""
    monkeypatch.setattr(server, "IDLE_S", 1.0)
    async with open_house(http_port=free_port()) as house:
        client = h2.connection.H2Connection()
        client.initiate_connection()
        client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/none")]
        client.send_headers(1, head, end_stream=True)
        port = house.services[-1].rpc.front.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(client.data_to_send())
        async with asyncio.timeout(15):
            while await reader.read(1 << 16):
                pass
        writer.close()
        await until(lambda: not open_at(port))


async def test_a_web_socket_is_refused(house) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.services[-1].rpc.front.port)
    writer.write(
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    async with asyncio.timeout(15):
        assert b" 403 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("path", ["ProjectService/GetProject", "AssetService/UploadAsset"])
async def test_a_body_that_stops_coming_ends_its_call(open_house, monkeypatch, path) -> None:
    monkeypatch.setattr(server, "IDLE_S", 0.5)
    async with open_house(http_port=free_port()) as house:
        port = house.services[-1].rpc.front.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        streams = "connect+" if path.endswith("UploadAsset") else ""
        writer.write(
            f"POST {V1}{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.key}\r\n"
            f"content-type: application/{streams}json\r\ncontent-length: 100\r\n\r\n{{".encode()
        )
        async with asyncio.timeout(15):
            await reader.read()
        writer.close()
        await until(lambda: not open_at(port))


async def test_an_answer_that_nobody_takes_ends_its_call(open_house, monkeypatch, caplog) -> None:
    """A client that stays and reads no more: it holds neither the connection nor the download."""
    monkeypatch.setattr(server, "IDLE_S", 0.5)
    size = 40 * 1024 * 1024
    async with open_house(http_port=free_port()) as house:
        project_id, _song, _pictures = await house.ready()
        edl_hash = await house.timeline(project_id)
        made = await house.render(project_id, edl_hash, video=bytes(size))
        port = house.services[-1].rpc.front.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        body = frame(json.dumps({"renderId": made.render.id}).encode())
        writer.write(
            b"POST /beatstitch.v1.RenderService/DownloadOutput HTTP/1.1\r\nhost: x\r\n"
            b"content-type: application/connect+json\r\n"
            + f"authorization: Bearer {house.key}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        assert b" 200 " in await reader.readline()
        await asyncio.sleep(2)
        got = 0
        with suppress(ConnectionError):
            async with asyncio.timeout(10):
                while block := await reader.read(1024 * 1024):
                    got += len(block)
        writer.close()
        assert 0 < got < size
        await until(lambda: not open_at(port))
    assert "INTERNAL" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("version", ["http1", "http2"])
async def test_a_refusal_is_heard_before_the_body_is_over(house, version) -> None:
    """A small answer to a large body, and other calls on the connection go on."""
    versions = {"http1": version == "http1", "http2": version == "http2"}
    async with web_of(house, **versions) as web:
        large = b"x" * (8 << 20)
        refused = [
            ("ProjectService/GetProject", 429, "resource_exhausted"),
            ("ProjectService/None", 404, "unimplemented"),
        ]
        for method, status, code in refused:
            waiting = asyncio.create_task(web.post("InfoService/GetServerInfo"))
            reply = await web.post(method, large)
            assert (reply.status_code, reply.json()["code"]) == (status, code)
            assert (await waiting).status_code == 200
    await until(lambda: not open_at(house.services[-1].rpc.front.port))


# --- how it is spoken


async def test_bytes_instead_of_json_and_gzip_both_ways(web: Web) -> None:
    request = project_service_pb2.CreateProjectRequest(display_name="x", labels={"k": "v" * 60})
    reply = await web.post(
        "ProjectService/CreateProject",
        gzip.compress(request.SerializeToString()),
        {
            "content-type": "application/proto",
            "content-encoding": "gzip",
            "accept-encoding": "gzip",
        },
    )
    assert reply.headers["content-type"] == "application/proto"
    assert reply.headers["content-encoding"] == "gzip"
    made = project_service_pb2.CreateProjectResponse.FromString(reply.content)
    assert made.project.display_name == "x"


async def test_reads_may_be_got(web: Web) -> None:
    made = await web.json("ProjectService/CreateProject", displayName="song")
    message = json.dumps({"projectId": made["project"]["id"]})
    got = await web.http.get(
        V1 + "ProjectService/GetProject",
        params={"connect": "v1", "encoding": "json", "message": message},
        headers=web.headers,
    )
    assert got.json() == made
    assert got.headers["cache-control"] == "no-store"


async def test_a_deadline_ends_a_wait(web: Web, house) -> None:
    project_id = await house.project()
    job = (await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO)).job
    reply = await web.post("JobService/WaitJob", {"jobId": job.id}, {"connect-timeout-ms": "300"})
    assert (reply.status_code, reply.json()["code"]) == (504, "deadline_exceeded")
    assert debug_in(reply.json())["reason"] == "DEADLINE_EXCEEDED"


async def test_grpc_web(web: Web) -> None:
    kind = "application/grpc-web+proto"
    request = project_service_pb2.CreateProjectRequest(display_name="song")
    headers = {"content-type": kind, "x-grpc-web": "1"}
    reply = await web.post(
        "ProjectService/CreateProject", frame(request.SerializeToString()), headers
    )
    frames = frames_in(reply.content)
    assert reply.headers["content-type"].startswith("application/grpc-web")
    assert trailers_in(frames)["grpc-status"].strip() == "0"
    made = project_service_pb2.CreateProjectResponse.FromString(frames[0][1])
    assert made.project.display_name == "song"
    missing = project_service_pb2.GetProjectRequest(project_id=new_id())
    reply = await web.post("ProjectService/GetProject", frame(missing.SerializeToString()), headers)
    status = (
        reply.headers.get("grpc-status") or trailers_in(frames_in(reply.content))["grpc-status"]
    )
    assert status.strip() == str(grpc.StatusCode.NOT_FOUND.value[0])


async def test_http2_without_tls_and_grpc_itself(house) -> None:
    async with web_of(house, http1=False, http2=True) as web:
        reply = await web.post("InfoService/GetServerInfo")
        assert (reply.http_version, reply.status_code) == ("HTTP/2", 200)
    port = house.services[-1].rpc.front.port
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = Client(channel, house.key)
        made = (await client.CreateProject(display_name="by gRPC")).project
        assert (await client.GetProject(project_id=made.id)).project == made
        await client.refused(client.GetProject(project_id=new_id()), "PROJECT_NOT_FOUND")


# --- pages


async def test_a_page_of_ours_may_ask_and_call(web: Web) -> None:
    asked = await web.http.options(
        V1 + "ProjectService/GetProject",
        headers={
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    called = await web.post("InfoService/GetServerInfo", headers={"origin": ORIGIN})
    assert called.headers["access-control-allow-origin"] == ORIGIN
    refused = await web.post("ProjectService/GetProject", {}, {"origin": ORIGIN})
    assert refused.headers["access-control-allow-origin"] == ORIGIN, "errors are to be read too"


async def test_another_page_may_not(web: Web) -> None:
    for origin in ("https://app.example.evil", "http://app.example", "null"):
        asked = await web.http.options(
            V1 + "ProjectService/GetProject",
            headers={"origin": origin, "access-control-request-method": "POST"},
        )
        assert asked.status_code == 403
        called = await web.post("InfoService/GetServerInfo", headers={"origin": origin})
        assert not [name for name in called.headers if name.startswith("access-control-")]
        assert "Origin" in called.headers["vary"]


# --- streams


async def test_a_job_is_watched_to_its_end(web: Web, house) -> None:
    project_id = await house.project()
    job = (await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO)).job
    seen = []
    async with web.stream("JobService/WatchJob", {"jobId": job.id}) as (_, frames):
        async for flags, told in frames:
            if flags & END:
                assert told == {}
                break
            seen.append(told["job"]["state"])
            if len(seen) == 1:
                finishing = asyncio.create_task(house.finish(job.id))
    await finishing
    assert (seen[0], seen[-1]) == ("JOB_STATE_PENDING", "JOB_STATE_SUCCEEDED")


async def test_a_stream_that_fails_says_why_at_its_end(web: Web) -> None:
    async with web.stream("JobService/WatchJob", {"jobId": new_id()}) as (reply, frames):
        assert reply.status_code == 200
        ((flags, told),) = [item async for item in frames]
    assert flags & END
    assert debug_in(told["error"])["reason"] == "JOB_NOT_FOUND"


async def test_a_watcher_that_goes_away_is_let_go(web: Web, house) -> None:
    project_id = await house.project()
    job = (await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO)).job
    async with web.stream("JobService/WatchJob", {"jobId": job.id}) as (_, frames):
        await anext(frames)
        assert house.services[-1].rpc.interceptors[0].busy
    await until(lambda: not house.services[-1].rpc.interceptors[0].busy)


async def test_a_file_goes_up_as_a_stream_of_json(web: Web, house) -> None:
    project_id = await house.project()

    async def body():
        header = {"projectId": project_id, "filename": "a.mp3", "mediaType": "MEDIA_TYPE_AUDIO"}
        yield frame(json.dumps({"header": header}).encode())
        yield frame(json.dumps({"chunk": "c29u"}).encode())
        yield frame(json.dumps({"chunk": "Zw=="}).encode())

    reply = await web.http.post(
        V1 + "AssetService/UploadAsset",
        content=body(),
        headers={"content-type": "application/connect+json", **web.headers},
    )
    (_, made), (flags, end) = frames_in(reply.content)
    assert (flags, json.loads(end)) == (END, {})
    assert json.loads(made)["asset"]["sizeBytes"] == "4"


UPLOAD = f"{V1}AssetService/UploadAsset"
STREAM = {"content-type": "application/connect+json"}


@pytest.mark.parametrize("body", [b"{", b'{"nonsense": 1}', b"[" * 5000, b"\xef\xbb\xbf{}"])
async def test_what_is_no_message_in_a_stream(web: Web, body: bytes) -> None:
    reply = await web.http.post(UPLOAD, content=frame(body), headers={**STREAM, **web.headers})
    ((_, end),) = frames_in(reply.content)
    assert json.loads(end)["error"]["code"] == "invalid_argument"
    assert debug_in(json.loads(end)["error"])["reason"] == "FIELD_INVALID"


async def test_an_upload_that_its_client_breaks_off_is_no_failure(web: Web, house, caplog) -> None:
    caplog.set_level(logging.INFO)
    project_id = await house.project()
    begun = asyncio.Event()

    async def body():
        header = {"projectId": project_id, "filename": "c.mp3", "mediaType": "MEDIA_TYPE_AUDIO"}
        yield frame(json.dumps({"header": header}).encode())
        begun.set()
        await asyncio.Event().wait()

    guard = house.services[-1].rpc.interceptors[0]
    call = web.http.post(UPLOAD, content=body(), headers={**STREAM, **web.headers})
    upload = asyncio.create_task(call)
    await begun.wait()
    await until(lambda: guard.busy)
    upload.cancel()
    await asyncio.wait({upload})
    await until(lambda: not guard.busy)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert "/beatstitch.v1.AssetService/UploadAsset CANCELLED" in caplog.messages


async def test_draining_ends_streams_and_refuses_calls_with_a_reason(web: Web, house) -> None:
    project_id = await house.project()
    job = (await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO)).job
    stopping = None
    async with web.stream("JobService/WatchJob", {"jobId": job.id}) as (_, frames):
        async for flags, told in frames:
            if stopping is None:
                stopping = asyncio.create_task(house.services[-1].rpc.stop(5))
            last = (flags, told)
    assert last[0] & END
    assert debug_in(last[1]["error"])["reason"] == "DRAINING"
    await stopping
    with pytest.raises(httpx.TransportError):
        await web.post("InfoService/GetServerInfo")


async def test_a_call_in_flight_is_finished_while_draining(web: Web, house) -> None:
    project_id = await house.project()
    job = (await house.upload(project_id, "song.mp3", MEDIA_TYPE_AUDIO)).job

    async def upload():
        header = {"projectId": project_id, "filename": "b.mp3", "mediaType": "MEDIA_TYPE_AUDIO"}
        yield frame(json.dumps({"header": header}).encode())
        stopping.append(asyncio.create_task(house.services[-1].rpc.stop(10)))
        await asyncio.sleep(0.3)
        yield frame(json.dumps({"chunk": "c29uZw=="}).encode())

    stopping: list[asyncio.Task[None]] = []
    assert job.state == job_pb2.JOB_STATE_PENDING
    reply = await web.http.post(
        V1 + "AssetService/UploadAsset",
        content=upload(),
        headers={"content-type": "application/connect+json", **web.headers},
    )
    (_, made), (_, end) = frames_in(reply.content)
    assert json.loads(end) == {}
    assert json.loads(made)["asset"]["sizeBytes"] == "4"
    await asyncio.gather(*stopping)


async def test_tls_speaks_http2_and_shows_a_replaced_certificate(open_house, tmp_path) -> None:
    authority = Authority(tmp_path / "authority")
    shown = authority.issue("gateway", "localhost", "127.0.0.1", file="first")
    verified = ssl.create_default_context(cafile=str(shown.ca))
    async with open_house(
        http_port=free_port(), http_tls_cert=shown.cert, http_tls_key=shown.key
    ) as house:
        port = house.services[-1].rpc.front.port

        async def serial() -> str:
            async with httpx.AsyncClient(
                base_url=f"https://127.0.0.1:{port}", verify=verified, http2=True, trust_env=False
            ) as http:
                reply = await Web(http, house.key).post("InfoService/GetServerInfo")
                assert (reply.status_code, reply.http_version) == (200, "HTTP/2")
                stream = reply.extensions["network_stream"]
                return stream.get_extra_info("ssl_object").getpeercert()["serialNumber"]

        first = await serial()
        fresh = authority.issue("gateway", "localhost", "127.0.0.1", file="second")
        shown.key.write_bytes(fresh.key.read_bytes())
        shown.cert.write_bytes(fresh.cert.read_bytes())

        async def renewed() -> bool:
            return await serial() != first

        await until(renewed)

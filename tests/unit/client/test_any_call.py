"""Every call of the public API is reachable from the SDK, and every mutation carries an id."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from google.protobuf import message_factory

import beatstitch.v1
from beatstitch.v1.asset_service_pb2 import UploadAssetRequest, UploadAssetResponse
from beatstitch.v1.job_service_pb2 import WatchJobRequest, WatchJobResponse
from beatstitch.v1.project_pb2 import Project
from beatstitch.v1.project_service_pb2 import (
    CreateProjectRequest,
    GetProjectRequest,
    GetProjectResponse,
)
from beatstitch_client import AsyncClient, Client
from beatstitch_client.calls.any import methods, with_request_id


def services():
    for module in pkgutil.iter_modules(beatstitch.v1.__path__):
        if module.name.endswith("_service_pb2"):
            file = importlib.import_module(f"beatstitch.v1.{module.name}").DESCRIPTOR
            yield from file.services_by_name.values()


def test_every_call_is_found_by_its_request():
    paths = {f"/{s.full_name}/{m.name}" for s in services() for m in s.methods}
    assert len(paths) > 70
    assert {method.path for method in methods().values()} == paths


def test_only_one_call_sends_a_stream_and_it_has_a_method():
    (upload,) = (method for method in methods().values() if method.sends_stream)
    assert upload.path.endswith("/UploadAsset")
    assert callable(AsyncClient.upload)
    assert callable(Client.upload)


def test_both_clients_have_it():
    for client in (AsyncClient, Client):
        assert callable(client.call)
        assert callable(client.stream)


def test_every_mutation_gets_an_id_of_its_own():
    filled = 0
    for service in services():
        for method in service.methods:
            request = message_factory.GetMessageClass(method.input_type)()
            if "request_id" not in method.input_type.fields_by_name:
                assert with_request_id(request) is request
                continue
            first, second = with_request_id(request), with_request_id(request)
            assert first.request_id
            assert first.request_id != second.request_id
            assert not request.request_id, "the caller's own message stays as it was"
            filled += 1
    assert filled > 20
    mine = CreateProjectRequest(request_id="mine")
    assert with_request_id(mine).request_id == "mine"


@pytest.mark.parametrize(
    ("way", "request_", "reply", "said"),
    [
        ("call", Project(), GetProjectResponse, "no request"),
        ("call", GetProjectRequest(), Project, "answered by GetProjectResponse"),
        ("call", WatchJobRequest(), WatchJobResponse, "`stream`"),
        ("stream", GetProjectRequest(), GetProjectResponse, "`call`"),
        ("call", UploadAssetRequest(), UploadAssetResponse, "`upload`"),
    ],
)
async def test_what_does_not_fit_is_told_before_anything_is_sent(way, request_, reply, said):
    async with AsyncClient("127.0.0.1:1", "key", retry_s=0) as client:
        made = client.call(request_, reply)
        if way == "stream":
            made.close()
            made = anext(client.stream(request_, reply))
        with pytest.raises(TypeError, match=said):
            await made

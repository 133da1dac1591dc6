"""A client built from the last release's contract, against the services of today."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from beatstitch_samples import coded_clip, compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from beatstitch_stack import System

RELEASED = max((Path(__file__).parents[2] / "protos" / "released").glob("*.binpb"))
PUBLIC = "beatstitch.v1"


class OldClient:
    """Calls by name, with messages of the old contract."""

    def __init__(self, channel: grpc.Channel, key: str) -> None:
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._pool = descriptor_pool.DescriptorPool()
        self.files = FileDescriptorSet.FromString(RELEASED.read_bytes()).file
        for file in self.files:
            self._pool.Add(file)

    def services(self) -> Iterator[ServiceDescriptor]:
        for file in self.files:
            if file.package == PUBLIC:
                for service in file.service:
                    yield self._pool.FindServiceByName(f"{PUBLIC}.{service.name}")

    def message(self, name: str, **fields: object) -> Any:
        kind = self._pool.FindMessageTypeByName(f"{PUBLIC}.{name}")
        return message_factory.GetMessageClass(kind)(**fields)

    def call(self, method: MethodDescriptor, requests: Iterable[Any]) -> Iterator[Any]:
        reply = message_factory.GetMessageClass(method.output_type)
        made = self._channel.stream_stream(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=reply.FromString,
        )
        yield from made(iter(requests), metadata=self._metadata, timeout=120)

    def ask(self, name: str, *requests: Any) -> list[Any]:
        service, _, method = name.partition("/")
        found = self._pool.FindServiceByName(f"{PUBLIC}.{service}").methods_by_name[method]
        return list(self.call(found, requests))


@pytest.fixture(scope="module")
def old(system: System) -> Iterator[OldClient]:
    with grpc.insecure_channel(
        system.gateway_address, options=[("grpc.enable_http_proxy", 0)]
    ) as channel:
        yield OldClient(channel, system.api_key)


def code_of(old: OldClient, method: MethodDescriptor) -> grpc.StatusCode:
    """What an empty request is answered with."""
    request = message_factory.GetMessageClass(method.input_type)()
    try:
        next(old.call(method, [request]), None)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_every_call_of_the_release_is_still_served(old):
    codes = {
        method.full_name: code_of(old, method)
        for service in old.services()
        for method in service.methods
    }
    assert len(codes) > 50
    bad = {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    assert not {name: code for name, code in codes.items() if code in bad}


def test_a_client_of_the_release_makes_a_video(old, media_dir):
    def upload(path: Path, kind: str) -> str:
        header = {"project_id": project, "filename": path.name, "media_type": kind}
        parts = [old.message("UploadAssetRequest", header=header)]
        data = path.read_bytes()
        parts += [
            old.message("UploadAssetRequest", chunk=data[at : at + 262_144])
            for at in range(0, len(data), 262_144)
        ]
        return str(old.ask("AssetService/UploadAsset", *parts)[0].asset.id)

    (made,) = old.ask(
        "ProjectService/CreateProject", old.message("CreateProjectRequest", display_name="old")
    )
    project = made.project.id
    upload(compose(bars=2).write(media_dir / "old.wav"), "MEDIA_TYPE_AUDIO")
    clip = coded_clip(media_dir / "old.mp4", source_id=4, frames=60, size=(160, 90)).path
    upload(clip, "MEDIA_TYPE_VIDEO")
    settings = {"output": {"width": 160, "height": 90}}
    (begun,) = old.ask(
        "StitchService/Stitch",
        old.message("StitchRequest", project_id=project, settings=settings),
    )
    *_, last = old.ask("JobService/WatchJob", old.message("WatchJobRequest", job_id=begun.job.id))
    assert last.job.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number[
        last.job.state
    ].name == ("JOB_STATE_SUCCEEDED"), last.job
    render = last.job.stitch.render
    parts = old.ask(
        "RenderService/DownloadOutput",
        old.message("DownloadOutputRequest", render_id=render.render_id),
    )
    video = b"".join(part.chunk for part in parts)
    assert hashlib.sha256(video).hexdigest() == render.sha256

"""Every RPC of the running system under hostile requests: no INTERNAL, no hang, no leak, no crash.

Over gRPC, and over HTTP down to what is none.

A short form of `make fuzz`; FUZZ_EXAMPLES (requests a method) and FUZZ_SEED make others.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import boto3
import grpc
import httpx
import psutil
import pytest
from botocore.config import Config
from support.fuzzing import Fuzzer
from support.hostile import Corpus
from support.http_fuzzing import HttpFuzzer
from support.waiting import until

from beatstitch.v1 import common_pb2, job_service_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.job_service_pb2_grpc import JobServiceStub
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import compose, write_photo
from beatstitch_stack import System
from beatstitch_stack.health import serves

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SETTINGS = TimelineSettings(beats_per_cut=4, output=OutputFormat(width=320, height=180))
log = logging.getLogger(__name__)
CANARY = "of-the-other-tenant"
MOST_SHOWN = 10


@pytest.fixture(scope="module")
def key(system: System) -> str:
    """Of a tenant of the fuzzer's own."""
    return system.new_key("fuzz", "operator")


@pytest.fixture(scope="module")
def foreign(system: System, media_dir) -> list[str]:
    """Another tenant's things."""
    with Client(system.gateway_address, system.new_key("foreign")) as other:
        project = other.create_project(CANARY)
        photo = write_photo(media_dir / f"{CANARY}.jpg", "ocean", size=(64, 36))
        asset = other.upload(project.id, photo).asset
    return [CANARY, project.id, asset.id]


@pytest.fixture(scope="module")
def corpus(system: System, key: str, foreign: list[str], media_dir) -> Corpus:
    """Real things of all kinds, and the ids of the other tenant's among the wrong ones."""
    made = Corpus(ids=list(foreign[1:]))
    with Client(system.gateway_address, key) as client:
        project = client.create_project("fuzzed")
        song = client.upload(project.id, compose(bars=2).write(media_dir / "fuzzed.wav"))
        photo = write_photo(media_dir / "fuzzed.jpg", "ocean", size=(320, 180))
        still = client.upload(project.id, photo)
        made.learn(project)
        for upload in (song, still):
            made.learn(client.wait_job(upload.job.id))
            made.learn(client.get_asset(upload.asset.id))
        made.learn(client.get_beat_grid(song.asset.id))
        made.learn(client.get_corrections(song.asset.id))
        made.learn(client.wait_job(client.generate_timeline(project.id, SETTINGS).id))
        timeline = client.get_timeline(project.id)
        made.learn(timeline)
        job, render = client.create_render(project.id, timeline.edl_hash, "preview")
        made.learn(client.wait_job(job.id))
        made.learn(render)
        made.learn(client.server_info())
        for profile in client.list_render_profiles():
            made.learn(profile)
    for name, ref in stored(system):
        made.note("object", "key", name)
        made.documents.setdefault(ref.DESCRIPTOR.full_name, []).append(ref.SerializeToString())
    made.note("profile", "profile", "preview")
    made.documents[TimelineSettings.DESCRIPTOR.full_name] = [SETTINGS.SerializeToString()]
    return made


def stored(system: System) -> Iterator[tuple[str, common_pb2.ObjectRef]]:
    """The tenant's objects, as engines are told of them."""
    s3 = system.stack.s3
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name=s3.region,
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    with closing(client):
        for entry in client.list_objects_v2(Bucket=s3.bucket, Prefix="t/fuzz/")["Contents"]:
            body = client.get_object(Bucket=s3.bucket, Key=entry["Key"])["Body"].read()
            digest = hashlib.sha256(body).hexdigest()
            size = len(body)
            yield (
                entry["Key"],
                common_pb2.ObjectRef(key=entry["Key"], sha256=digest, size_bytes=size),
            )


@pytest.mark.parametrize("service", ["gateway", "analyzer", "timeline", "renderer"])
def test_hostile_requests_get_answers_that_are_no_failures_of_ours(
    system: System, key: str, corpus: Corpus, foreign: list[str], service: str
):
    pids = {name: process.pid for name, process in system.services.items()}
    address = system.replicas(service)[0].address
    with ExitStack() as block:
        channel = block.enter_context(
            grpc.insecure_channel(
                address,
                options=(
                    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
                    ("grpc.enable_http_proxy", 0),
                ),
            )
        )
        mine = [("authorization", f"Bearer {key}")] if service == "gateway" else []
        fuzzer = Fuzzer(channel, corpus, mine, foreign)
        methods = list(fuzzer.methods())
        assert methods
        for method in methods:
            fuzzer.attack(method, EXAMPLES, SEED)
            if service == "gateway":
                cancel_all(channel, mine)
    log.info("%s: %d calls of %d methods: %s", service, fuzzer.calls, len(methods), fuzzer.codes)
    log.info("%s: the longest took %.1f s: %s", service, *fuzzer.slowest)
    if fuzzer.found:
        pytest.fail("\n\n".join(str(found) for found in fuzzer.found[:MOST_SHOWN]))
    assert {name: process.pid for name, process in system.services.items()} == pids
    assert all(process.running for process in system.services.values())
    assert serves(address)


def test_hostile_http_gets_answers_that_are_no_failures_of_ours(
    system: System, key: str, corpus: Corpus, foreign: list[str]
):
    """Over Connect and gRPC-Web, from the JSON down to the framing: `support.hostile_http`."""
    gateway = system.services["gateway-0"]
    at = urlsplit(system.http_url)
    assert at.hostname is not None
    assert at.port is not None
    log_begin = gateway.log_path.stat().st_size
    with grpc.insecure_channel(
        gateway.address, options=(("grpc.enable_http_proxy", 0),)
    ) as channel:
        fuzzer = HttpFuzzer(at.hostname, at.port, key, corpus, foreign)
        methods = [
            method
            for method in Fuzzer(channel, corpus).methods()
            if method.containing_service.full_name.startswith("beatstitch.v1.")
        ]
        for method in methods:
            fuzzer.attack(method, EXAMPLES, SEED)
            cancel_all(channel, [("authorization", f"Bearer {key}")])
        fuzzer.send_broken()
    log.info("http: %d calls of %d methods: %s", fuzzer.calls, len(methods), fuzzer.statuses)
    log.info("http: the longest took %.1f s: %s", *fuzzer.slowest)
    if fuzzer.found:
        pytest.fail("\n\n".join(str(found) for found in fuzzer.found[:MOST_SHOWN]))

    with httpx.Client(base_url=system.http_url, trust_env=False) as web:
        reply = web.post("/beatstitch.v1.InfoService/GetServerInfo", json={})
        assert reply.status_code == 200
    assert gateway.running
    asyncio.run(until(lambda: not connections(gateway.pid, at.port)))
    told = gateway.log_path.read_bytes()[log_begin:].decode("utf-8", "replace")
    assert key not in told
    assert [line for line in told.splitlines() if "ERROR" in line or "Traceback" in line] == []


def connections(pid: int, port: int) -> list[str]:
    """States of the connections that a process holds at its port."""
    return [
        found.status
        for found in psutil.Process(pid).net_connections("tcp")
        if found.laddr.port == port and found.status != psutil.CONN_LISTEN
    ]


def cancel_all(channel: grpc.Channel, metadata) -> None:
    """Ends what the requests have begun: it isn't the workers that are tried here."""
    jobs = JobServiceStub(channel)
    listed = jobs.ListJobs(
        job_service_pb2.ListJobsRequest(page_size=50), metadata=metadata, timeout=30
    )
    for job in listed.jobs:
        if not job.HasField("end_time"):
            jobs.CancelJob(
                job_service_pb2.CancelJobRequest(job_id=job.id), metadata=metadata, timeout=30
            )

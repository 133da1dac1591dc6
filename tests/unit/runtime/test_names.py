"""Subjects, ids of messages, settings, scratch folders, links."""

from __future__ import annotations

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import grpc
import grpc.aio
import pytest
from pydantic import ValidationError

from beatstitch.internal.v1.job_spec_pb2 import JobSpec
from beatstitch.v1 import failure_pb2, job_pb2
from beatstitch.v1.job_pb2 import JobType
from beatstitch_core.errors import BeatStitchError
from beatstitch_runtime.jobs.context import Slot
from beatstitch_runtime.jobs.publish import event_msg_id
from beatstitch_runtime.jobs.scratch import LOCK, PREFIX, Scratch
from beatstitch_runtime.jobs.subjects import QUEUED_TYPES
from beatstitch_runtime.jobs.topology import (
    cancel_subject,
    changed_subject,
    consumer_name,
    consumers,
    event_subject,
    job_subject,
    progress_subject,
    streams,
)
from beatstitch_runtime.rpc.errors import details_of, error_from_rpc
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage.links import disposition
from beatstitch_runtime.storage.presign import Credentials, presign

CHUNK, BATCH = job_pb2.JOB_TYPE_RENDER_CHUNK, job_pb2.JOB_LANE_BATCH


def test_subjects():
    assert job_subject(CHUNK, BATCH) == "beatstitch.job.render_chunk.batch"
    preview = job_pb2.JOB_TYPE_RENDER_PREVIEW
    assert job_subject(preview, job_pb2.JOB_LANE_INTERACTIVE).endswith("render_preview.interactive")
    assert consumer_name(CHUNK, BATCH) == "render_chunk-batch"
    assert event_subject("t", "j") == "beatstitch.event.t.j"
    assert progress_subject("t", "j") == "beatstitch.progress.t.j"
    assert changed_subject("t", "j") == "beatstitch.changed.t.j"
    assert cancel_subject("j") == "beatstitch.cancel.j"


@pytest.mark.parametrize("token", ["", "a.b", "*", ">", "a b", "a\r\nPUB x"])
def test_a_token_cannot_reach_another_subject(token):
    with pytest.raises(ValueError, match="not usable"):
        event_subject(token, "j")
    with pytest.raises(ValueError, match="not usable"):
        cancel_subject(token)


def test_only_what_is_queued_has_a_queue():
    with pytest.raises(ValueError, match="no queue"):
        job_subject(job_pb2.JOB_TYPE_STITCH, BATCH)
    with pytest.raises(ValueError, match="no such lane"):
        job_subject(CHUNK, job_pb2.JOB_LANE_UNSPECIFIED)
    assert set(QUEUED_TYPES) == set(JobType.values()) - {0, job_pb2.JOB_TYPE_STITCH}


def test_topology_is_declared_for_every_queue():
    settings = ServiceSettings(jobs_replicas=3)
    assert [stream.name for stream in streams(settings)] == ["JOBS", "EVENTS", "DEAD"]
    assert {stream.num_replicas for stream in streams(settings)} == {3}
    names = [config.name for stream, config in consumers(settings) if stream == "JOBS"]
    assert len(names) == len(set(names)) == 12


def test_the_id_of_an_event_tells_it_from_all_others():
    spec = JobSpec(job_id="j", attempt=1)
    ids = {
        event_msg_id(spec, sequence, delivery, kind)
        for sequence in (1, 2)
        for delivery in (1, 2)
        for kind in ("started", "failed")
    }
    again = JobSpec(job_id="j", attempt=2)
    ids.add(event_msg_id(again, 1, 1, "started"))
    spec.render_chunk.chunk.chunk_hash = "h"
    ids.add(event_msg_id(spec, 1, 1, "started"))
    assert len(ids) == 10


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("BEATSTITCH_GRPC_PORT", "5")
    monkeypatch.setenv("BEATSTITCH_S3_SECRET_KEY", "top-secret")
    monkeypatch.setenv("BEATSTITCH_UNKNOWN", "x")
    settings = ServiceSettings()
    assert settings.grpc_port == 5
    assert settings.s3_secret_key.get_secret_value() == "top-secret"
    assert "top-secret" not in repr(settings)
    assert str(os.getpid()) in settings.worker_name
    with pytest.raises(ValidationError):
        ServiceSettings(fetch_s=6)


async def test_a_slot_is_checked():
    async def handler(_context):
        raise NotImplementedError

    with pytest.raises(ValueError, match="concurrency"):
        Slot(type=CHUNK, lane=BATCH, handler=handler, concurrency=0, timeout_s=1)


async def test_scratch_folders_vanish(tmp_path):
    scratch = Scratch(tmp_path / "work")
    async with scratch.folder() as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
    assert not folder.exists()
    with pytest.raises(RuntimeError):
        async with scratch.folder() as folder:
            raise RuntimeError
    assert not folder.exists()
    scratch.close()
    scratch.close()
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_cancelled_job_leaves_no_folder(tmp_path):
    scratch = Scratch(tmp_path)
    folders = []

    async def job():
        async with scratch.folder() as folder:
            folders.append(folder)
            (folder / "file").write_text("x")
            await asyncio.sleep(60)

    task = asyncio.create_task(job())
    while not folders:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not folders[0].exists()
    scratch.close()


def test_only_dead_workers_folders_are_swept(tmp_path):
    def worker(name):
        folder = tmp_path / f"{PREFIX}{name}"
        (folder / "job-1").mkdir(parents=True)
        return folder, os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)

    dead, dead_lock = worker("dead")
    os.close(dead_lock)
    live, live_lock = worker("live")
    fcntl.flock(live_lock, fcntl.LOCK_EX)
    fresh = tmp_path / f"{PREFIX}fresh"  # not locked yet
    fresh.mkdir()
    other = tmp_path / "somebody-elses"
    other.mkdir()
    scratch = Scratch(tmp_path)
    scratch.open()
    assert not dead.exists()
    assert live.exists()
    assert fresh.exists()
    assert other.exists()
    scratch.close()
    os.close(live_lock)


def test_presigning_gives_the_signature_of_the_manual():
    """AWS, "Authenticating requests: using query parameters", the example with its signature."""
    url = presign(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        Credentials(
            "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
        ),
        expires_s=86400,
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert parse_qs(urlsplit(url).query)["X-Amz-Signature"] == [
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    ]


@pytest.mark.parametrize("expires_s", [0, 8 * 24 * 3600])
def test_links_do_not_hold_for_ever(expires_s):
    with pytest.raises(ValueError, match="seven days"):
        presign("GET", "http://h/k", Credentials("a", "b", "c"), expires_s=expires_s)


def test_credentials_do_not_show_their_secret():
    assert "hidden" not in repr(Credentials("a", "hidden", "r"))


def test_file_names_cannot_break_a_header():
    assert "\n" not in disposition("a\r\nb")
    assert disposition('x"y.mp4').startswith('attachment; filename="x_y.mp4"; ')


def rpc_error(code, trailing=()):
    metadata = grpc.aio.Metadata(*trailing)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details="d")


def test_failed_calls_become_errors():
    error = BeatStitchError(failure_pb2.ERROR_REASON_QUEUE_FULL, "full", retry_after_s=5)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    back = error_from_rpc(rpc_error(code, details_of(error, "r")), "gateway")
    assert (back.reason, back.message, back.retry_after_s) == (error.reason, "full", 5)
    broken = error_from_rpc(rpc_error(code, (("grpc-status-details-bin", b"\xff"),)), "x")
    assert broken.reason == failure_pb2.ERROR_REASON_RATE_LIMITED
    away = error_from_rpc(rpc_error(grpc.StatusCode.UNAVAILABLE), "renderer")
    assert away.reason == failure_pb2.ERROR_REASON_DEPENDENCY_DOWN
    odd = error_from_rpc(rpc_error(grpc.StatusCode.DATA_LOSS), "x")
    assert odd.reason == failure_pb2.ERROR_REASON_INTERNAL

"""The command as a process: exit codes, Ctrl-C, what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest

from beatstitch.v1 import job_pb2
from beatstitch.v1.job_pb2 import Job
from beatstitch.v1.job_service_pb2 import CancelJobRequest
from beatstitch.v1.stitch_service_pb2 import StitchRequest

RUN = "import sys; from beatstitch_client.cli.main import app; sys.argv[0] = 'beatstitch'; app()"


@pytest.fixture
def files(tmp_path):
    for name in ("song.mp3", "b.jpg", "a10.jpg", "a9.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


async def start(*arguments, port: int, key: str, cwd) -> asyncio.subprocess.Process:
    env = os.environ | {"BEATSTITCH_SERVER": f"127.0.0.1:{port}", "BEATSTITCH_API_KEY": key}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        *arguments,
        env=env,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def finished() -> Job:
    job = Job(id="job", type=job_pb2.JOB_TYPE_STITCH, state=job_pb2.JOB_STATE_SUCCEEDED, revision=2)
    job.stitch.render.render_id = "render"
    job.stitch.timeline.segment_count = 9
    job.stitch.analysis.bpm = 128.0
    return job


def running() -> Job:
    job = Job(id="job", type=job_pb2.JOB_TYPE_STITCH, state=job_pb2.JOB_STATE_RUNNING, revision=1)
    job.stages.add(name="ingest", state=job_pb2.JOB_STATE_RUNNING)
    return job


async def test_a_song_becomes_a_video(script, serve, files, api_key, video):
    script.watches.append([running(), finished()])
    script.upload_url = "http://127.0.0.1:1"
    async with serve(script) as port:
        process = await start(
            "stitch", "song.mp3", ".", "-o", "v.mp4", "--beats-per-cut", "8", "--json",
            "--lane", "batch",
            port=port, key=api_key, cwd=files,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    assert (files / "v.mp4").read_bytes() == video
    assert json.loads(out)["cut_count"] == 8
    assert b"ingest: running" in err
    request = script.of(StitchRequest)[0]
    assert request.audio_asset_id == "asset-song.mp3"
    assert list(request.media_asset_ids) == ["asset-a9.mp4", "asset-a10.jpg", "asset-b.jpg"]
    assert request.settings.beats_per_cut == 8
    assert request.lane == job_pb2.JOB_LANE_BATCH


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_cancels_the_job(script, serve, files, api_key, number, code):
    script.watches.append([running()])  # then nothing happens until it is cancelled
    script.upload_url = "http://127.0.0.1:1"
    async with serve(script) as port:
        process = await start("stitch", "song.mp3", "b.jpg", port=port, key=api_key, cwd=files)
        assert process.stderr is not None
        async with asyncio.timeout(30):
            while b"ingest: running" not in await process.stderr.readline():
                pass
        process.send_signal(number)
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == code, err.decode()
    assert script.of(CancelJobRequest)[0].job_id == "job"
    assert b"Traceback" not in err
    assert not (files / "video.mp4").exists()


async def test_a_failed_job_tells_why_and_whose_fault_it_is(script, serve, files, api_key):
    failed = Job(id="job", state=job_pb2.JOB_STATE_FAILED, revision=1)
    failed.failure.reason, failed.failure.origin = 27, 1
    failed.failure.message = "song.mp3 can't be decoded"
    script.watches.append([failed])
    script.upload_url = "http://127.0.0.1:1"
    async with serve(script) as port:
        process = await start("stitch", "song.mp3", "b.jpg", port=port, key=api_key, cwd=files)
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"INPUT_CORRUPT: song.mp3 can't be decoded" in err
    assert not out


async def test_a_wrong_key_is_bad_input(script, serve, files):
    async with serve(script) as port:
        process = await start("jobs", "list", port=port, key="wrong", cwd=files)
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"--api-key" in err


async def test_following_a_job(script, serve, files, api_key):
    script.watches.append([running(), finished()])
    async with serve(script) as port:
        process = await start("jobs", "watch", "job", "--json", port=port, key=api_key, cwd=files)
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    states = [json.loads(line)["state"] for line in out.splitlines()]
    assert states == ["JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]

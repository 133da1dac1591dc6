"""Cancelled at each stage, on real parts: CANCELLED soon, no process goes on, nothing half made.

A stage is held still by SIGSTOP of the child that does it: so it is known where the job is when the
cancel comes, and that a child which doesn't listen ends as well.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.waiting import until_found

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_client.errors import BeatStitchError
from beatstitch_core.errors import reason_name
from beatstitch_samples import coded_clip, compose
from beatstitch_stack import System
from beatstitch_stack.process_tree import descendants

CANCELLED = job_pb2.JOB_STATE_CANCELLED
SETTINGS = TimelineSettings(beats_per_cut=4, output=OutputFormat(width=320, height=180))
WAIT_S = 60.0


def command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def children(system: System, service: str, module: str) -> list[int]:
    """Processes below a service that run a module."""
    (process,) = system.replicas(service)
    return [pid for pid in descendants(process.pid) if module in command(pid)]


@contextmanager
def stopped(system: System, service: str, module: str) -> Iterator[list[int]]:
    """Waits for a child that runs a module, and holds it still for as long as the block lasts."""
    held = until_found(lambda: children(system, service, module), f"no {module}", WAIT_S)
    for pid in held:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield held
    finally:
        for pid in held:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def all_gone(pids: list[int]) -> None:
    until_found(lambda: not any(command(pid) for pid in pids), "a child goes on", WAIT_S)


@pytest.fixture(scope="module")
def media(client: Client, media_dir: Path) -> list[Path]:
    song = compose(bars=12).write(media_dir / "cancelled.wav")
    clip = coded_clip(media_dir / "cancelled.mp4", source_id=9, frames=150, size=(320, 180))
    return [song, clip.path]


@pytest.fixture
def project(client: Client, media: list[Path]) -> str:
    made = client.create_project("cancelled").id
    for path in media:
        client.wait_job(client.upload(made, path).job.id)
    return made


def new_render(client: Client, project: str, seed: int) -> tuple[str, str]:
    """A render of a timeline of its own: its job and its id; nothing of it is cached."""
    settings = TimelineSettings()
    settings.CopyFrom(SETTINGS)
    settings.output.width += 2 * seed
    client.wait_job(client.generate_timeline(project, settings).id)
    job, render = client.create_render(project, client.get_timeline(project).edl_hash)
    return job.id, render.id


def cancelled(client: Client, job_id: str) -> None:
    client.cancel_job(job_id)
    until_found(lambda: client.get_job(job_id).state == CANCELLED, "not cancelled", WAIT_S)


def no_output(client: Client, render_id: str, tmp_path: Path) -> None:
    with pytest.raises(BeatStitchError) as caught:
        client.download(render_id, tmp_path / "none.mp4")
    assert reason_name(caught.value.reason) == "OUTPUT_NOT_AVAILABLE"


def test_while_a_song_is_analysed(client: Client, system: System, media: list[Path]):
    project = client.create_project("analysis").id
    song = compose(bars=16, bpm=101.0).write(media[0].with_name("other.wav"))
    job_id = client.upload(project, song).job.id
    with stopped(system, "analyzer", "track_child") as held:
        cancelled(client, job_id)
        all_gone(held)
    again = client.retry_job(job_id)
    assert client.wait_job(again.id).beat_analysis.beat_count > 0


def test_while_a_piece_is_rendered_and_again_while_it_is_joined(
    client: Client, system: System, project: str, tmp_path: Path
):
    job_id, render_id = new_render(client, project, 1)
    with stopped(system, "renderer", "children.chunk_child") as held:
        cancelled(client, job_id)
        all_gone(held)
    no_output(client, render_id, tmp_path)

    again = client.retry_job(job_id)
    with stopped(system, "renderer", "children.finish_child") as held:
        cancelled(client, again.id)
        all_gone(held)
    done = client.wait_job(client.retry_job(again.id).id)
    # What was made before the cancels was found again.
    assert done.render.chunks_cached > 0
    assert done.render.worst_cut_error_frames == 0


def test_while_the_video_is_stored(client: Client, system: System, project: str, tmp_path: Path):
    job_id, render_id = new_render(client, project, 2)
    s3 = system.stack.s3
    with stopped(system, "renderer", "children.finish_child") as held:
        s3.pause()
    try:
        all_gone(held)
        time.sleep(0.5)  # the upload hangs in a server that doesn't answer
        assert client.get_job(job_id).state == job_pb2.JOB_STATE_RUNNING
        cancelled(client, job_id)
    finally:
        s3.resume()
    no_output(client, render_id, tmp_path)
    assert client.wait_job(client.retry_job(job_id).id).render.frame_count > 0


def test_a_stitch_and_what_is_inside(client: Client, system: System, project: str):
    settings = TimelineSettings()
    settings.CopyFrom(SETTINGS)
    settings.output.width = 326
    stitch = client.stitch(project, settings)
    with stopped(system, "renderer", "children.chunk_child") as held:
        cancelled(client, stitch.id)
        all_gone(held)
    ended = client.get_job(stitch.id)
    inside = [client.get_job(job_id) for stage in ended.stages for job_id in stage.job_ids]
    assert [job.state for job in inside] == [job_pb2.JOB_STATE_SUCCEEDED, CANCELLED]
    states = {stage.name: stage.state for stage in ended.stages}
    assert (states["timeline"], states["render"]) == (job_pb2.JOB_STATE_SUCCEEDED, CANCELLED)

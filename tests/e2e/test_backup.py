"""The drill: a backup, the loss of everything, a restore; all as an operator would do it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client
from beatstitch_samples import coded_clip, compose
from beatstitch_stack import Stack, System, tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = TimelineSettings(beats_per_cut=4, output=OutputFormat(width=160, height=90))
QUICK = {
    "BEATSTITCH_ANALYZER_BACKEND": "librosa",
    "BEATSTITCH_RECONCILE_INTERVAL_S": "1",
    "BEATSTITCH_PENDING_LIMIT_S": "2",
}


@contextmanager
def stack_in(folder: Path) -> Iterator[tuple[Stack, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        block = Stack.start(folder, durable=False)
        try:
            yield runner.run(block.__aenter__()), runner
        finally:
            runner.run(block.__aexit__(None, None, None))


@contextmanager
def system_on(stack: Stack, runner: asyncio.Runner) -> Iterator[System]:
    block = System.on(stack, env=QUICK)
    system = runner.run(block.__aenter__())
    try:
        yield system
    finally:
        runner.run(block.__aexit__(None, None, None))


def backup(stack: Stack, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beatstitch_gateway.backup", *map(str, arguments)],
        env={**os.environ, **stack.env(), "BEATSTITCH_POSTGRES_BIN": str(tools.pg_dump().parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def lost(tmp_path_factory) -> dict[str, object]:
    """A system that made a video and had a render waiting; its backup, and nothing else of it."""
    folder = tmp_path_factory.mktemp("before")
    root = tmp_path_factory.mktemp("backups")
    song = compose(bars=4).write(folder / "song.wav")
    clip = coded_clip(folder / "clip.mp4", source_id=7, frames=60, size=(160, 90)).path
    with stack_in(folder / "state") as (stack, runner), system_on(stack, runner) as system:
        with Client(system.gateway_address, system.api_key) as client:
            project = client.create_project("drill")
            uploaded = client.upload(project.id, song)
            client.upload(project.id, clip)
            done = client.wait_job(client.stitch(project.id, SETTINGS).id).stitch
            system.services["renderer-0"].stop()
            waiting, _ = client.create_render(project.id, done.timeline.edl_hash, "preview")
            assert backup(stack, "make", root).returncode == 0
            again = backup(stack, "make", root)
            assert again.returncode == 0, again.stderr
        found = {
            "key": system.api_key,
            "root": root,
            "folder": root / again.stdout.strip().rpartition("/")[2],
            "project_id": project.id,
            "song_id": uploaded.asset.id,
            "song": song.read_bytes(),
            "render_id": done.render.render_id,
            "sha256": done.render.sha256,
            "edl_hash": done.timeline.edl_hash,
            "waiting": waiting.id,
        }
    shutil.rmtree(folder)
    return found


def test_everything_comes_back(lost, tmp_path):
    with stack_in(tmp_path / "state") as (stack, runner):
        put_back = backup(stack, "restore", lost["folder"])
        assert put_back.returncode == 0, put_back.stdout + put_back.stderr
        assert "put back" in put_back.stdout
        refused = backup(stack, "restore", lost["folder"])
        assert refused.returncode == 2
        assert "empty" in refused.stderr
        with (
            system_on(stack, runner) as system,
            Client(system.gateway_address, str(lost["key"])) as client,
        ):
            # Every project is readable, with the key of old.
            project_id = str(lost["project_id"])
            assert len(client.list_assets(project_id)) == 2
            assert client.get_timeline(project_id).edl_hash == lost["edl_hash"]
            assert client.get_beat_grid(str(lost["song_id"])).beats
            video = client.download(str(lost["render_id"]), tmp_path / "old.mp4")
            assert hashlib.sha256(video.read_bytes()).hexdigest() == lost["sha256"]
            # What waited when the backup was made is done now.
            assert client.wait_job(str(lost["waiting"])).state == job_pb2.JOB_STATE_SUCCEEDED
            # The chunks were not kept: they are made again, to the same bytes.
            remade = client.wait_job(client.stitch(project_id, SETTINGS).id).stitch
            assert remade.timeline.edl_hash == lost["edl_hash"]
            assert remade.render.sha256 == lost["sha256"]


def test_a_damaged_backup_is_told_and_harms_nothing(lost, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(lost["root"], root)
    folder = root / lost["folder"].name
    with stack_in(tmp_path / "state") as (stack, _):
        copy = root / "objects" / hashlib.sha256(lost["song"]).hexdigest()[:2]
        for path in copy.iterdir():
            path.write_bytes(b"rot")
        verified = backup(stack, "verify", folder)
        assert verified.returncode == 1
        assert "its copy is missing or damaged" in verified.stdout
        put_back = backup(stack, "restore", folder)
        assert put_back.returncode == 1
        assert "lost: t/default/in/" in put_back.stdout
    with stack_in(tmp_path / "other") as (stack, _):
        (folder / "database.dump").write_bytes(b"rot")
        refused = backup(stack, "restore", folder)
        assert refused.returncode == 2
        assert "database.dump" in refused.stderr


def test_what_was_copied_is_not_copied_again(lost):
    folders = sorted(path for path in lost["root"].iterdir() if path.name != "objects")
    assert len(folders) == 2
    copies = [path for path in (lost["root"] / "objects").rglob("*") if path.is_file()]
    first, second = ((folder / "objects.jsonl").read_text() for folder in folders)
    assert first == second
    assert len(copies) <= first.count('"copied":true')

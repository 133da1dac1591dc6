"""All three servers together: used by real clients, kept, gone, and never seen from outside."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import obstore
import pytest
from obstore.store import S3Store

from beatstitch_stack import Stack, StackError


def store_of(s3, prefix=None):
    return S3Store(
        s3.bucket,
        prefix=prefix,
        endpoint=s3.endpoint,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        region=s3.region,
        client_options={"allow_http": True},
    )


async def use(stack):
    """Put one thing into each server."""
    await obstore.put_async(store_of(stack.s3), "song.txt", b"la la")
    client = await nats.connect(stack.nats.url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    assert (await client.jetstream().publish("kept.one", b"1")).seq == 1
    await client.close()
    connection = await asyncpg.connect(stack.postgres.dsn())
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    await connection.close()


async def check(stack):
    """Find the three things again."""
    result = await obstore.get_async(store_of(stack.s3), "song.txt")
    assert bytes(await result.bytes_async()) == b"la la"
    client = await nats.connect(stack.nats.url)
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
    await client.close()
    connection = await asyncpg.connect(stack.postgres.dsn())
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()


async def test_a_temporary_stack_serves_and_is_gone(alive, listening):
    async with Stack.start() as stack:
        await use(stack)
        await check(stack)
        folder, pids = stack.state_dir, [server.pid for server in stack.servers]
        assert all(map(alive, pids))
        for pid in pids:
            assert listening(pid) == {"0100007F"}
    assert not any(map(alive, pids))
    assert not folder.exists()


async def test_a_state_folder_keeps_data_ports_and_keys(tmp_path):
    async with Stack.start(tmp_path, durable=False) as stack:
        await use(stack)
        first = stack.env()
    async with Stack.start(tmp_path, durable=False) as stack:
        assert stack.env() == first
        await check(stack)
    for remembered in tmp_path.glob("*/ports.json"):
        remembered.unlink()
    async with Stack.start(tmp_path, durable=False) as stack:
        await check(stack)


async def test_one_stack_a_folder(tmp_path):
    async with Stack.start(tmp_path, s3=False, postgres=False):
        with pytest.raises(StackError, match="another stack is running"):
            async with Stack.start(tmp_path, s3=False, postgres=False):
                pass


async def test_the_environment_replaces_a_server(monkeypatch, nats_server):
    monkeypatch.setenv("BEATSTITCH_NATS_URL", nats_server.url)
    async with Stack.start(s3=False, postgres=False) as stack:
        assert stack.env() == {"BEATSTITCH_NATS_URL": nats_server.url}
        assert not stack.nats.owned
    assert nats_server.running


async def test_what_did_start_is_stopped_when_another_fails(monkeypatch, tmp_path):
    monkeypatch.setattr("beatstitch_stack.tools.weed", lambda: Path(sys.executable))
    with pytest.raises(StackError, match=r"s3 ended with code \d+ before it was ready"):
        async with Stack.start(tmp_path):
            pass
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def kill_a_launcher(folder, alive):
    """Start everything from another process, SIGKILL that, and return the pids below it."""
    command = [sys.executable, str(Path(__file__).with_name("launcher.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as launcher:
        pids = json.loads(launcher.stdout.readline())
        assert len(pids) > 4
        assert all(map(alive, pids))
        os.kill(launcher.pid, signal.SIGKILL)
    return pids


async def test_nothing_outlives_a_killed_launcher(tmp_path, alive, await_gone):
    await_gone(kill_a_launcher(tmp_path, alive))
    async with Stack.start(tmp_path) as stack:  # and the folder can be used again at once
        await use(stack)

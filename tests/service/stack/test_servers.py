"""Each server alone: crashes, restarts, and the ways to run as somebody else."""

import asyncio
import os
import socket
import time

import asyncpg
import nats
import obstore
import pytest
from nats.js.api import StreamConfig
from obstore.exceptions import PermissionDeniedError
from obstore.store import S3Store

from beatstitch_stack import NatsServer, PostgresServer, StackError, ports, postgres_user


async def test_acknowledged_messages_survive_kill_9(nats_server_fresh):
    server = nats_server_fresh
    url, pid = server.url, server.pid
    client = await nats.connect(url)
    await client.jetstream().add_stream(StreamConfig(name="JOBS", subjects=["job.>"]))
    for number in range(100):
        await client.jetstream().publish("job.one", str(number).encode())
    await client.close()
    server.kill()
    assert not server.running
    await asyncio.to_thread(server.start)
    assert (server.url, server.pid == pid) == (url, False)
    client = await nats.connect(url)
    assert (await client.jetstream().stream_info("JOBS")).state.messages == 100
    await client.close()


async def test_a_connected_client_finds_a_restarted_server(nats_server_fresh):
    client = await nats.connect(
        nats_server_fresh.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05
    )
    nats_server_fresh.kill()
    await asyncio.sleep(0.5)  # reconnecting in vain: must not take the port away
    await asyncio.to_thread(nats_server_fresh.restart)
    deadline = time.monotonic() + 10
    while not client.is_connected:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await client.flush()
    await client.close()


def test_a_refused_configuration_is_reported_with_the_log(tmp_path):
    server = NatsServer(tmp_path, extra_config="nonsense")
    with pytest.raises(
        StackError, match=r"nats ended with code 1 before it was ready[\s\S]*config is invalid"
    ):
        server.start()
    assert not server.running


def test_a_taken_port_is_exchanged_at_the_first_start_only(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(ports, "remembered_ports", lambda _path, _count: [taken])
        with NatsServer(tmp_path) as server:
            assert server.port != taken
    server = NatsServer(tmp_path).start()
    server.stop()
    with (
        socket.create_server(("127.0.0.1", server.port)),
        pytest.raises(StackError, match="already in use"),
    ):
        server.start()


def test_a_server_started_in_a_short_lived_thread_lives_on(tmp_path):
    server = NatsServer(tmp_path)
    asyncio.run(asyncio.to_thread(server.start))
    time.sleep(0.2)
    assert server.running
    server.stop()


def test_nothing_remains_to_be_stopped_twice(nats_server_fresh):
    nats_server_fresh.stop()
    nats_server_fresh.stop()
    nats_server_fresh.kill()
    with pytest.raises(StackError, match="not running"):
        _ = nats_server_fresh.pid


async def test_objects_survive_kill_9(s3_server_fresh):
    server = s3_server_fresh
    store = S3Store(
        server.bucket,
        endpoint=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        region=server.region,
        client_options={"allow_http": True},
    )
    big = os.urandom(6_000_000)
    await obstore.put_async(store, "pieces/0", big)
    server.kill()
    await asyncio.to_thread(server.start)
    assert bytes(await (await obstore.get_async(store, "pieces/0")).bytes_async()) == big
    assert [item["path"] for item in obstore.list(store).collect()] == ["pieces/0"]


async def test_strangers_may_not_read_or_write(s3_server):
    store = S3Store(
        s3_server.bucket,
        endpoint=s3_server.endpoint,
        access_key_id="someone",
        secret_access_key="else",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(PermissionDeniedError):
        await obstore.put_async(store, "x", b"x")


async def test_committed_rows_survive_kill_9(postgres_server_fresh):
    server = postgres_server_fresh
    connection = await asyncpg.connect(server.dsn())
    await connection.execute("CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 99)")
    server.kill()
    connection.terminate()
    await asyncio.to_thread(server.start)
    connection = await asyncpg.connect(server.dsn())
    assert await connection.fetchval("SELECT count(*) FROM t") == 99
    await connection.close()


async def test_stop_does_not_wait_for_clients(postgres_server_fresh):
    connection = await asyncpg.connect(postgres_server_fresh.dsn())
    begin = time.monotonic()
    await asyncio.to_thread(postgres_server_fresh.stop)
    assert time.monotonic() - begin < 20  # PostgreSQL itself would wait for ever
    connection.terminate()


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 - 1], ids=["reused", "gone"])
def test_a_stale_lock_file_does_not_matter(postgres_server_fresh, pid):
    server = postgres_server_fresh
    server.kill()
    lock = server.state_dir / "data" / "postmaster.pid"
    _, *rest = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join([f"{pid}\n", *rest]))
    server.start()
    assert server.execute("SELECT 1", "beatstitch") == "1"


def test_errors_of_statements_are_told(postgres_server):
    with pytest.raises(StackError, match='relation "nothing" does not exist'):
        postgres_server.execute("SELECT * FROM nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_without_user_namespaces_postgres_runs_as_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_user, "NAMESPACE", ("false",))
    postgres_user.prefix_for_postgres.cache_clear()
    try:
        with PostgresServer(tmp_path / "postgres") as server:
            assert (tmp_path / "postgres" / "data").stat().st_uid == 65534
            assert server.execute("SELECT 2") == "2"
    finally:
        postgres_user.prefix_for_postgres.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_no_way_to_run_postgres_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_user, "NAMESPACE", ("false",))
    monkeypatch.setattr(postgres_user, "UNPRIVILEGED", ("no-such-command",))
    postgres_user.prefix_for_postgres.cache_clear()
    try:
        with pytest.raises(StackError, match=r"refuses to run as root.*no-such-command: not inst"):
            PostgresServer(tmp_path / "postgres").start()
    finally:
        postgres_user.prefix_for_postgres.cache_clear()

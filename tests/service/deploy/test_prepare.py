"""What an image's helpers do, against the real servers: prepare, wait, ask for the health."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from beatstitch_gateway.migrate import upgrade
from beatstitch_runtime.jobs.topology import consumers
from beatstitch_runtime.rpc.server import RpcServer
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_stack.nats import NatsServer
from beatstitch_stack.ports import free_port

BIN = Path(__file__).parents[3] / "deploy/images/bin"


def helper(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BIN / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A helper as its container runs it."""
    return subprocess.run(
        [sys.executable, BIN / f"{name}.py"],
        env={**os.environ, "PYTHONSAFEPATH": "1", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="session")
def migrate_database() -> Callable[[str], object]:
    return lambda url: asyncio.run(upgrade(url))


async def test_streams_are_awaited_until_the_job_has_made_them(
    nats_server_fresh: NatsServer,
) -> None:
    settings = ServiceSettings(nats_url=nats_server_fresh.url)
    wait, make = helper("await_ready"), helper("topology")
    assert await wait.missing_streams(settings) == "no stream JOBS"
    await make.make(settings)
    assert await wait.missing_streams(settings) == ""
    await make.make(settings)  # again: a Job's second try


async def test_one_missing_consumer_is_missed(nats_server_fresh: NatsServer) -> None:
    """KEDA would scale its deployment to the maximum."""
    settings = ServiceSettings(nats_url=nats_server_fresh.url)
    wait, make = helper("await_ready"), helper("topology")
    await make.make(settings)
    bus = await wait.Bus.connect(settings)
    stream, consumer = consumers(settings)[3]
    await bus.js.delete_consumer(stream, consumer.name)
    await bus.close()
    assert await wait.missing_streams(settings) == f"no consumer {stream}/{consumer.name}"


async def test_nats_that_is_away_is_waited_for(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats")
    with server:
        url = server.url
    settings = ServiceSettings(nats_url=url, nats_connect_timeout_s=0.5)
    assert "NATS can't be reached" in await helper("await_ready").missing_streams(settings)


async def test_tables_are_awaited(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEATSTITCH_DATABASE_URL", database)
    wait = helper("await_ready")
    assert await wait.missing_tables() == ""
    engine = create_async_engine(database)

    async def at(revision: str | None) -> None:
        async with engine.begin() as connection:
            await connection.execute(sa.text("DELETE FROM alembic_version"))
            if revision:
                await connection.execute(
                    sa.text("INSERT INTO alembic_version VALUES (:r)"), {"r": revision}
                )

    async with engine.connect() as connection:
        head = (await connection.execute(sa.text("SELECT * FROM alembic_version"))).scalar_one()
    try:
        await at(None)
        assert await wait.missing_tables() == "the database is at no revision"
        # The next release migrated it: this one's replicas still start beside its.
        await at("of_the_next_release")
        assert await wait.missing_tables() == ""
        older = await asyncio.to_thread(_first_revision)
        await at(older)
        assert await wait.missing_tables() == f"the database is at {older}"
    finally:
        await at(head)
        await engine.dispose()


def _first_revision() -> str:
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "beatstitch_gateway:migrations")
    (base,) = ScriptDirectory.from_config(config).get_bases()
    return base


def test_the_containers_of_the_job_in_their_order(
    nats_server_fresh: NatsServer, database: str
) -> None:
    env = {
        "BEATSTITCH_NATS_URL": nats_server_fresh.url,
        "BEATSTITCH_DATABASE_URL": database,
    }
    made = run("topology", env)
    assert made.returncode == 0, made.stderr
    waited = run("await_ready", env)
    assert waited.returncode == 0, waited.stderr
    assert "waiting" not in waited.stderr


async def test_the_healthcheck_tells_serving_from_the_rest() -> None:
    port = free_port()
    env = {"BEATSTITCH_GRPC_PORT": str(port)}
    server = RpcServer(ServiceSettings(grpc_port=port), servicers=[])
    await server.start()
    try:
        assert (await asyncio.to_thread(run, "healthcheck", env)).returncode == 1, "starting"
        await server.set_serving(True)
        assert (await asyncio.to_thread(run, "healthcheck", env)).returncode == 0
    finally:
        await server.stop(0)
    assert (await asyncio.to_thread(run, "healthcheck", env)).returncode == 1, "gone"

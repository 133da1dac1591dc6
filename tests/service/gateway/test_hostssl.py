"""A PostgreSQL whose pg_hba has `hostssl` only: what it refuses, and that the gateway works."""

from __future__ import annotations

import asyncio
import ssl
import sys

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from support.hostssl import HostsslServer

from beatstitch_gateway import migrate
from beatstitch_runtime.tls import TlsFiles
from beatstitch_stack.certificates import Certificate


@pytest.fixture
def hostssl(tmp_path):
    with (
        pytest.MonkeyPatch.context() as patch,
        HostsslServer(tmp_path / "hostssl", patch) as server,
    ):
        # The gateway is to go by its settings, not by libpq's variables.
        for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"):
            patch.delenv(name)
        yield server


def settings_for(client: Certificate) -> dict[str, str]:
    """As docs/security.md has them."""
    return {
        "database_tls_ca": str(client.ca),
        "database_tls_cert": str(client.cert),
        "database_tls_key": str(client.key),
    }


async def encrypted_sessions(server: HostsslServer) -> set[bool]:
    """Whether the sessions of all clients are encrypted."""
    believing = ssl.create_default_context(cafile=str(server.authority.ca))
    believing.load_cert_chain(server.client.cert, server.client.key)
    connection = await asyncpg.connect(server.dsn(), ssl=believing)
    try:
        rows = await connection.fetch(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return {row["ssl"] for row in rows}


async def test_the_server_refuses_what_is_not_encrypted_and_certified(hostssl: HostsslServer):
    dsn = hostssl.dsn()
    with pytest.raises(asyncpg.PostgresError, match="no encryption"):
        await asyncpg.connect(dsn, ssl=False)
    believing = ssl.create_default_context(cafile=str(hostssl.authority.ca))
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await asyncpg.connect(dsn, ssl=believing)
    other = hostssl.authority.issue("somebody-else")
    believing.load_cert_chain(other.cert, other.key)
    with pytest.raises(asyncpg.PostgresError, match="authentication failed"):
        await asyncpg.connect(dsn, ssl=believing)


async def test_the_gateway_works_with_its_documented_settings(hostssl, open_house_at):
    url, tls = hostssl.url(), settings_for(hostssl.client)
    with pytest.raises(DBAPIError, match="no encryption"):
        await migrate.upgrade(url + "?ssl=disable")
    files = {name.removeprefix("database_tls_"): path for name, path in tls.items()}
    await migrate.upgrade(url, TlsFiles(**files))
    async with open_house_at(url, **tls) as house:
        project = (await house.client.CreateProject(display_name="encrypted")).project
        assert (await house.client.GetProject(project_id=project.id)).project == project
        await house.client.Cleanup()  # under a session's lock
        assert await encrypted_sessions(hostssl) == {True}


async def test_a_command_works_by_the_environment(hostssl):
    tls = {
        f"BEATSTITCH_{name.upper()}": path for name, path in settings_for(hostssl.client).items()
    }
    for change, code in ((tls, 0), ({}, 1)):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "beatstitch_gateway.migrate",
            env={"PATH": "/usr/bin:/bin", "BEATSTITCH_DATABASE_URL": hostssl.url(), **change},
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await process.communicate()
        assert process.returncode == code, told.decode()

"""The fixtures other rooms use."""

import asyncpg
import pytest

CALLS = []


def dsn_of(url):
    return url.replace("+asyncpg", "", 1)


@pytest.fixture(scope="session")
def migrate_database(postgres_server):
    def migrate(url):
        CALLS.append(url)
        postgres_server.execute("CREATE TABLE films (id int)", url.rpartition("/")[2])

    return migrate


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_migrated_database_of_its_own(database, turn):
    connection = await asyncpg.connect(dsn_of(database))
    assert await connection.fetch("SELECT * FROM films") == []
    await connection.execute("INSERT INTO films VALUES (1)")
    assert len(CALLS) == 1
    await connection.close()


async def test_a_connection_left_open_is_thrown_out(database, request):
    connection = await asyncpg.connect(dsn_of(database))
    request.addfinalizer(connection.terminate)


def test_buckets_and_prefixes_differ(s3_server, s3_bucket, s3_prefix):
    assert s3_server.request("PUT", f"{s3_bucket}/x", b"x") == 200
    assert s3_server.request("GET", f"{s3_bucket}/x") == 200
    assert s3_server.request("GET", f"{s3_server.bucket}/x") == 404
    assert s3_prefix.endswith("/")


def test_session_servers_are_shared(nats_server, postgres_server, s3_server):
    assert nats_server.running
    assert postgres_server.running
    assert s3_server.running

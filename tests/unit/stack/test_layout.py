"""Addresses, environments and names: all that is decided without starting anything."""

import json

import pytest

from beatstitch_stack import NatsServer, PostgresServer, S3Server, Stack, StackError, System, ports
from beatstitch_stack.postgres import quoted
from beatstitch_stack.sigv4 import Credentials

KEYS = Credentials("access", "secret", "eu-central-1")


@pytest.fixture
def remote_stack(tmp_path):
    return Stack(
        tmp_path,
        nats=NatsServer.remote("nats://nats:4222"),
        s3=S3Server.remote("http://s3:8333/", KEYS, "films"),
        postgres=PostgresServer.remote("postgresql+asyncpg://me:pw@db:5433/catalogue?ssl=require"),
    )


def test_environment_of_the_gateway(remote_stack):
    assert remote_stack.env() == {
        "BEATSTITCH_NATS_URL": "nats://nats:4222",
        "BEATSTITCH_S3_ENDPOINT": "http://s3:8333",
        "BEATSTITCH_S3_BUCKET": "films",
        "BEATSTITCH_S3_ACCESS_KEY": "access",
        "BEATSTITCH_S3_SECRET_KEY": "secret",
        "BEATSTITCH_S3_REGION": "eu-central-1",
        "BEATSTITCH_DATABASE_URL": "postgresql+asyncpg://me:pw@db:5433/catalogue?ssl=require",
    }


def test_workers_never_learn_where_the_database_is(remote_stack):
    assert "BEATSTITCH_DATABASE_URL" not in remote_stack.env(database=False)
    system = System(remote_stack, {}, {})
    for name in ("analyzer", "timeline", "renderer"):
        (service,) = system.replicas(name)
        assert not any("DATABASE" in key for key in service.env)
    assert "BEATSTITCH_DATABASE_URL" in system.services["gateway-0"].env


def test_the_gateway_is_told_all_replicas(remote_stack):
    system = System(remote_stack, {"renderer": 2}, {})
    assert sorted(system.services) == [
        "analyzer-0",
        "gateway-0",
        "renderer-0",
        "renderer-1",
        "timeline-0",
    ]
    first, second = system.replicas("renderer")
    env = system.services["gateway-0"].env
    assert env["BEATSTITCH_RENDERER_ADDRESS"] == f"ipv4:{first.address},{second.address}"
    assert env["BEATSTITCH_ANALYZER_ADDRESS"] == system.services["analyzer-0"].address


async def test_unknown_services_are_refused():
    with pytest.raises(StackError, match="no such service: rendrer"):
        async with System.start(replicas={"rendrer": 2}):
            pass


def test_other_databases_of_a_remote_server():
    server = PostgresServer.remote("postgresql://me@db/catalogue?ssl=require")
    assert server.url("other") == "postgresql+asyncpg://me@db/other?ssl=require"
    assert server.dsn() == "postgresql://me@db/catalogue?ssl=require"


def test_a_remote_server_is_not_ours_to_kill():
    server = NatsServer.remote("nats://nats:4222")
    assert not server.owned
    server.start()
    server.stop()
    for verb in (server.kill, server.restart):
        with pytest.raises(StackError, match="somebody else's"):
            verb()


def test_a_part_left_out_says_so(tmp_path):
    with pytest.raises(StackError, match="without nats"):
        _ = Stack(tmp_path).nats


def test_identifiers_are_quoted():
    assert quoted('a"b') == '"a""b"'


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", '["x"]'])
def test_unreadable_remembered_ports_are_forgotten(tmp_path, content):
    path = tmp_path / "ports.json"
    path.write_text(content)
    assert ports.remembered_ports(path, 1) is None


def test_ports_are_remembered(tmp_path):
    path = tmp_path / "ports.json"
    wanted = ports.free_ports(2, paired=True)
    ports.remember_ports(path, wanted)
    assert json.loads(path.read_text()) == wanted
    assert ports.remembered_ports(path, 2) == wanted
    assert len(set(wanted)) == 2


@pytest.mark.parametrize(
    ("log", "collided"),
    [
        ("[FTL] listen tcp 127.0.0.1:4222: bind: address already in use", True),
        ("port 1 for S3 (specified by flag s3.port) is not available on 127.0.0.1", True),
        ('could not bind IPv4 address "127.0.0.1": Address already in use', True),
        ("panic: no space left on device", False),
    ],
)
def test_collisions_are_told_from_other_failures(log, collided):
    assert ports.collided(log) is collided

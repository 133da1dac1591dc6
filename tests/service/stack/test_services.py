"""Services as children, with a stand-in that has health and nothing else."""

import os
import signal
import socket
from pathlib import Path

import grpc
import pytest

from beatstitch_stack import ServiceProcess, StackError, System
from beatstitch_stack.health import serves

HERE = str(Path(__file__).parent)


@pytest.fixture
def make_service(tmp_path):
    made = []

    def make(**manners):
        env = {"PYTHONPATH": HERE, **{f"FAKE_{key}": value for key, value in manners.items()}}
        log_path = tmp_path / "logs" / "fake.log"
        service = ServiceProcess("fake-0", "fake_service", env, log_path, ready_timeout=10)
        made.append(service)
        return service

    yield make
    for service in made:
        service.kill()


def test_it_serves_restarts_on_its_port_and_ends_cleanly(make_service, alive):
    service = make_service()
    service.start()
    address, pid = service.address, service.pid
    assert serves(address)
    service.restart()
    assert (service.address, service.pid == pid) == (address, False)
    assert serves(address)
    pid = service.pid
    service.stop()
    assert not alive(pid)
    assert not service.running
    assert service.log_path.read_text().count("fake service ends") == 2


async def test_async_clients_reach_it(make_service):
    with make_service() as service:
        async with grpc.aio.insecure_channel(service.address) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert await check(b"") == b"\x08\x01"


def test_a_crash_at_start_is_reported_with_the_log(make_service):
    with pytest.raises(StackError, match=r"fake-0 ended with code 1[\s\S]*no such film"):
        make_service(CRASH="1").start()


def test_never_ready_is_reported_and_killed(tmp_path, await_gone):
    env = {"PYTHONPATH": HERE, "FAKE_SILENT": "1"}
    service = ServiceProcess("silent", "fake_service", env, tmp_path / "log", ready_timeout=1.5)
    with pytest.raises(StackError, match=r"silent was not ready after 1.5 s[\s\S]*begins"):
        service.start()
    assert not service.running


def test_a_stubborn_one_is_killed_after_the_grace(make_service):
    service = make_service(STUBBORN="1").start()
    service.stop(grace=0.3)
    assert not service.running
    assert "fake service ends" not in service.log_path.read_text()


def test_kill_takes_grandchildren_in_sessions_of_their_own(make_service, tmp_path, alive):
    service = make_service(GRANDCHILD=str(tmp_path / "pid")).start()
    grandchild = int((tmp_path / "pid").read_text())
    assert alive(grandchild)
    service.kill()
    assert not alive(grandchild)


def test_an_own_end_is_noticed(make_service):
    service = make_service().start()
    os.kill(service.pid, signal.SIGKILL)
    while service.running:
        pass
    assert service.returncode == -signal.SIGKILL
    service.start()
    assert service.running


def test_two_on_one_port_is_an_error(make_service):
    service = make_service()
    with (
        socket.create_server(("127.0.0.1", service.port)),
        pytest.raises(StackError, match="fake-0: port"),
    ):
        service.start()


MAIN = "from fake_service import main\nmain()\n"
MIGRATE = """
import os
assert os.environ["BEATSTITCH_DATABASE_URL"].startswith("postgresql+asyncpg://")
"""
CREATE_KEY = """
import secrets, sys
assert sys.argv[1:] == ["--tenant", "default", "--role", "operator"], sys.argv
print("bs_" + secrets.token_hex(8))
"""


@pytest.fixture
def fake_modules(tmp_path):
    """The four services' packages as far as the contract with `System` goes."""
    folder = tmp_path / "modules"
    for name in ("gateway", "analyzer", "timeline", "renderer"):
        package = folder / f"beatstitch_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(MAIN)
    (folder / "beatstitch_gateway" / "migrate.py").write_text(MIGRATE)
    (folder / "beatstitch_gateway" / "create_key.py").write_text(CREATE_KEY)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{HERE}"}


async def test_a_system_keeps_its_key(fake_modules, tmp_path, alive):
    state = tmp_path / "state"
    replicas = {"renderer": 2, "analyzer": 0}
    async with System.start(state, replicas=replicas, env=fake_modules, durable=False) as system:
        assert serves(system.gateway_address)
        assert len(system.services) == 4
        key, pids = system.api_key, [service.pid for service in system.services.values()]
        assert key.startswith("bs_")
        assert (state / "api-key").stat().st_mode & 0o777 == 0o600
    assert not any(map(alive, pids))
    async with System.start(state, env=fake_modules, durable=False) as system:
        assert system.api_key == key


async def test_a_failed_migration_is_told(fake_modules, tmp_path):
    (tmp_path / "modules" / "beatstitch_gateway" / "migrate.py").write_text(
        "raise SystemExit('no')"
    )
    with pytest.raises(StackError, match=r"beatstitch_gateway.migrate failed with code 1:\nno"):
        async with System.start(env=fake_modules, replicas={"renderer": 0, "analyzer": 0}):
            pass

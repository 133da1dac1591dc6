"""Gateway, engines, two renderers and three nats-servers on hosts of their own; cables are pulled.

A process that is killed resets its connections. A host that is cut off does not: nobody is told,
and it goes on working, as it thinks. Needs root (network namespaces). `HOSTS_CUTS=12` pulls more
cables.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.hosts import Network, hosts, why_not
from support.waiting import until_found

from beatstitch_samples import coded_clip, compose
from beatstitch_stack import System, tools
from beatstitch_stack.child import ChildProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent.parent
NATS = ("n0", "n1", "n2")
RENDERERS = ("r0", "r1")
HOSTS = ("store", *NATS, "gateway", "engines", *RENDERERS, "client")
PORTS = {"gateway": 50051, "analyzer": 50052, "timeline": 50053, "renderer": 50054}
CUTS = int(os.environ.get("HOSTS_CUTS") or 4)
# Longer than a lease, and than nats-servers take to elect another leader.
CUT_S = 10.0
REST_S = 6.0
START_S = 120.0
JOBS = 3 * CUTS
ENV = {
    "BEATSTITCH_ANALYZER_BACKEND": "librosa",
    "BEATSTITCH_ACK_WAIT_S": "4",
    "BEATSTITCH_HEARTBEAT_S": "1",
    "BEATSTITCH_GRPC_HOST": "0.0.0.0",  # noqa: S104 - of a namespace
    "BEATSTITCH_METRICS_PORT": "0",
    "BEATSTITCH_JOBS_REPLICAS": "3",
    "PYTHONUNBUFFERED": "1",
}
NATS_CONFIG = """\
server_name: {name}
listen: "{address}:4222"
jetstream {{ store_dir: {store} }}
cluster {{ name: beatstitch, listen: "{address}:6222", no_advertise: true, routes: [{routes}] }}
"""
CUSTOMER = [sys.executable, "-m", "support.batch_customer"]


class Fleet:
    """The processes on their hosts."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self._folder = network, folder
        self._block = ExitStack()
        self._env: dict[str, str] = {}
        self.api_key = ""

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self._folder / f"{name}.log").read_text("utf-8", "replace")

    def run(self, name: str, host: str, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Starts a program on a host; it ends with the fleet."""
        child = ChildProcess(
            name,
            argv,
            log_path=self._folder / f"{name}.log",
            env={**os.environ, "PYTHONPATH": str(TESTS), **(env or {})},
            prefix=self.network.within(host),
        )
        child.start()
        self._block.callback(child.stop, grace=5)

    def start(self) -> None:
        """Everything serves on return."""
        address = self.network.address
        store = self._folder / "store"
        store.mkdir()
        serve = [sys.executable, "-m", "support.store_host", str(store), address("store")]
        self.run("store-host", "store", serve)
        routes = ", ".join(f'"nats://{address(name)}:6222"' for name in NATS)
        for name in NATS:
            self._nats(name, routes)
        until_found((store / "env.json").exists, "no store", START_S)
        self._env = {**ENV, **json.loads((store / "env.json").read_text("utf-8"))}
        self._env["BEATSTITCH_NATS_URL"] = ",".join(f"nats://{address(n)}:4222" for n in NATS)
        database = self._env.pop("BEATSTITCH_DATABASE_URL")
        self._service("analyzer", "engines", "analyzer", {})
        self._service("timeline", "engines", "timeline", {})
        for name in RENDERERS:
            self._service(name, name, "renderer", {})
        targets = {
            "BEATSTITCH_DATABASE_URL": database,
            "BEATSTITCH_ANALYZER_ADDRESS": f"{address('engines')}:{PORTS['analyzer']}",
            "BEATSTITCH_TIMELINE_ADDRESS": f"{address('engines')}:{PORTS['timeline']}",
            "BEATSTITCH_RENDERER_ADDRESS": f"ipv4:{address('r0')}:{PORTS['renderer']},"
            f"{address('r1')}:{PORTS['renderer']}",
        }
        self._command("beatstitch_gateway.migrate", env=targets)
        made = self._command("beatstitch_gateway.create_key", "--tenant", "default", env=targets)
        self.api_key = made.split()[-1]
        self._service("gateway", "gateway", "gateway", targets)
        for name in ("analyzer", "timeline", *RENDERERS, "gateway"):
            until_found(lambda n=name: '"message": "serving"' in self.log(n), name, START_S)

    def customer(self, out: Path, *files: Path) -> subprocess.Popen[str]:
        """Begins what a customer does, on a host of its own; returns when the batch is accepted."""
        address = f"{self.network.address('gateway')}:{PORTS['gateway']}"
        words = [address, str(JOBS), str(out), *map(str, files)]
        child = subprocess.Popen(
            [*self.network.within("client"), *CUSTOMER, *words],
            env=of_customer(self.api_key),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._block.callback(child.wait)
        self._block.callback(child.kill)
        self._block.callback(child.stdout.close)
        told = ""
        while "ACCEPTED" not in told:
            line = child.stdout.readline()
            assert line, told
            told += line
        return child

    def end(self) -> None:
        """Ends the processes, the newest first."""
        self._block.close()

    def _nats(self, name: str, routes: str) -> None:
        config = self._folder / f"{name}.conf"
        config.write_text(
            NATS_CONFIG.format(
                name=name,
                address=self.network.address(name),
                store=json.dumps(str(self._folder / name)),
                routes=routes,
            )
        )
        self.run(name, name, [str(tools.nats_server()), "-c", str(config)])

    def _service(self, name: str, host: str, service: str, env: dict[str, str]) -> None:
        work = self._folder / "work" / name
        work.mkdir(parents=True)
        own = {"BEATSTITCH_GRPC_PORT": str(PORTS[service]), "BEATSTITCH_WORK_DIR": str(work)}
        program = [sys.executable, "-m", f"beatstitch_{service}"]
        self.run(name, host, program, {**self._env, **own, **env})

    def _command(self, module: str, *arguments: str, env: dict[str, str]) -> str:
        done = subprocess.run(
            [*self.network.within("gateway"), sys.executable, "-m", module, *arguments],
            env={**os.environ, **self._env, **env},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def of_customer(api_key: str) -> dict[str, str]:
    """A customer's environment: a key for everybody to see in a command is no key."""
    return {**os.environ, "PYTHONPATH": str(TESTS), "BEATSTITCH_API_KEY": api_key}


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """The whole of it, for as long as a block runs."""
    with hosts(*HOSTS) as network:
        made = Fleet(network, folder)
        try:
            made.start()
            yield made
        finally:
            made.end()


def pieces_taken(log: str) -> int:
    """How many pieces a renderer has begun."""
    return sum('"job taken"' in line and "render_chunk" in line for line in log.splitlines())


def undisturbed(folder: Path, *files: Path) -> None:
    """The same customer on one machine's loopback."""
    with asyncio.Runner() as runner:
        block = System.start(None, env={"BEATSTITCH_ANALYZER_BACKEND": "librosa"})
        system = runner.run(block.__aenter__())
        try:
            done = subprocess.run(
                [*CUSTOMER, system.gateway_address, str(JOBS), str(folder), *map(str, files)],
                env=of_customer(system.api_key),
                check=False,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
        finally:
            runner.run(block.__aexit__(None, None, None))


def videos(folder: Path) -> dict[str, str]:
    """SHA-256 by name."""
    found = sorted(folder.glob("*.mp4"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(300 + 60 * CUTS)
def test_hosts_that_are_cut_off_lose_nothing(tmp_path):
    if reason := why_not():
        pytest.skip(reason)
    song = compose(bars=6).write(tmp_path / "song.wav")
    clip = coded_clip(tmp_path / "clip.mp4", source_id=2, frames=150, size=(320, 180)).path
    expected, found, state = tmp_path / "expected", tmp_path / "found", tmp_path / "state"
    for folder in (expected, found, state):
        folder.mkdir()
    undisturbed(expected, song, clip)
    with fleet(state) as system:
        customer = system.customer(found, song, clip)
        cables = itertools.cycle(["r0", *NATS[:1], "gateway", *NATS[1:], "r1"])
        for name in itertools.islice(cables, CUTS):
            if name in RENDERERS:
                begun = pieces_taken(system.log(name))
                until_found(lambda n=name, b=begun: pieces_taken(system.log(n)) > b, name, START_S)
            system.network.cut(name)
            time.sleep(CUT_S)
            system.network.heal(name)
            time.sleep(REST_S)
        told, _ = customer.communicate(timeout=240)
    assert customer.returncode == 0, told
    states = dict(line.split()[:2] for line in told.splitlines())
    assert states == {str(n): "JOB_STATE_SUCCEEDED" for n in range(JOBS)}, told
    assert videos(found) == videos(expected)
    assert len(videos(found)) == JOBS

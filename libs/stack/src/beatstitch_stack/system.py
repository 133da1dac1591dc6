"""The whole of BeatStitch on one machine: the stack, the four services and an API key."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from beatstitch_stack.errors import StackError
from beatstitch_stack.parallel import in_threads
from beatstitch_stack.ports import LOOPBACK, free_port
from beatstitch_stack.secure_stack import SecureStack
from beatstitch_stack.services import ServiceProcess
from beatstitch_stack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

GATEWAY = "gateway"
HTTP_PORT = "BEATSTITCH_HTTP_PORT"
GRPC_TLS_CERT = "BEATSTITCH_GRPC_TLS_CERT"
ENGINES = ("analyzer", "timeline", "renderer")
DEFAULT_TENANT = "default"
COMMAND_TIMEOUT_S = 120.0


class System:
    """Everything `beatstitch up` runs. Made by `System.start`.

    Attributes:
        stack: The servers below.
        services: By name: "gateway-0", "analyzer-0", "timeline-0", "renderer-0", "renderer-1", …
        api_key: A key of the default tenant.
    """

    def __init__(self, stack: Stack, replicas: Mapping[str, int], env: Mapping[str, str]) -> None:
        """Lay out the services; `start` runs them."""
        self.stack = stack
        self.services: dict[str, ServiceProcess] = {}
        self.api_key = ""
        for name in ENGINES:
            self._add(name, replicas.get(name, 1), {**stack.env_of(name), **env})
        addresses = {f"BEATSTITCH_{name.upper()}_ADDRESS": self.target(name) for name in ENGINES}
        self._gateway_env = {**stack.env_of(GATEWAY), **addresses, **env}
        count = replicas.get(GATEWAY, 1)
        # One for each replica, so it is no setting of all of them.
        self._http_ports = [free_port() for _ in range(count)]
        self._add(GATEWAY, count, self._gateway_env)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        state_dir: Path | None = None,
        *,
        replicas: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool | None = None,
        nats_nodes: int = 1,
        secure: bool = False,
    ) -> AsyncIterator[System]:
        """Run everything; it serves inside the block and is gone after it.

        Args:
            state_dir: Where data, ports, logs and the API key are kept for the next time; a
                temporary folder, removed afterwards, when None.
            replicas: How many of each service, `{"renderer": 2}`; 1 where nothing is said.
            env: What all services' environment has on top.
            durable: See `Stack.start`.
            nats_nodes: See `Stack.start`.
            secure: TLS on every hop, and each service its own rights only; with one nats-server.

        Raises:
            StackError: Something did not start; the message has its log's tail.
        """
        servers = (
            SecureStack.start_secure(state_dir, durable=durable)
            if secure
            else Stack.start(state_dir, durable=durable, nats_nodes=nats_nodes)
        )
        async with servers as stack, cls.on(stack, replicas=replicas, env=env) as system:
            yield system

    @classmethod
    @asynccontextmanager
    async def on(
        cls,
        stack: Stack,
        *,
        replicas: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AsyncIterator[System]:
        """Run the services on servers that run already; see `start`.

        For those who put something between the servers and the services: `env` wins over the
        stack's own addresses.
        """
        unknown = set(replicas or ()) - {GATEWAY, *ENGINES}
        if unknown:
            msg = f"no such service: {', '.join(sorted(unknown))}"
            raise StackError(msg)
        async with AsyncExitStack() as block:
            system = cls(stack, replicas or {}, env or {})
            block.push_async_callback(system._stop_services)
            await system._start_services()
            block.callback(system._write_env_file().unlink, missing_ok=True)
            yield system

    @property
    def gateway_address(self) -> str:
        """`host:port` of the (first) gateway: where clients go."""
        return self.services[f"{GATEWAY}-0"].address

    @property
    def http_url(self) -> str:
        """Where browsers and curl go: the (first) gateway's HTTP port."""
        scheme = "https" if GRPC_TLS_CERT in self._gateway_env else "http"
        return f"{scheme}://{LOOPBACK}:{self._http_ports[0]}"

    @property
    def ca_file(self) -> Path | None:
        """PEM file of the authority that clients have to believe; None for a plain port."""
        return self.stack.secure.authority.ca if isinstance(self.stack, SecureStack) else None

    @property
    def gateway_target(self) -> str:
        """The gRPC target of all gateways."""
        return self.target(GATEWAY)

    def replicas(self, name: str) -> list[ServiceProcess]:
        """All processes of one service: renderer-0, renderer-1 and so on for "renderer"."""
        return [self.services[key] for key in self.services if key.rpartition("-")[0] == name]

    def target(self, name: str) -> str:
        """The gRPC target of one service: `host:port`, or `ipv4:` and a list for several."""
        addresses = [service.address for service in self.replicas(name)]
        return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"

    def _add(self, name: str, count: int, env: Mapping[str, str]) -> None:
        for index in range(count):
            key = f"{name}-{index}"
            log_path = self.stack.state_dir / "services" / f"{key}.log"
            # Scratch files and downloaded inputs go where the rest goes, and away with it.
            work_dir = self.stack.state_dir / "work" / key
            work_dir.mkdir(parents=True, exist_ok=True)
            own = {"BEATSTITCH_WORK_DIR": str(work_dir), **env}
            if name == GATEWAY:
                own[HTTP_PORT] = str(self._http_ports[index])
                own |= _http_certificate(env)
            self.services[key] = ServiceProcess(key, f"beatstitch_{name}", own, log_path)

    async def _start_services(self) -> None:
        # The engines touch no database, so they come up while it is migrated.
        engines = [service for name in ENGINES for service in self.replicas(name)]
        calls = [service.start for service in engines]
        await in_threads([*calls, self._migrate_and_start_gateway])

    def _migrate_and_start_gateway(self) -> None:
        self._run("beatstitch_gateway.migrate")
        self.api_key = self._known_key() or self._first_key()
        for service in self.replicas(GATEWAY):
            service.start()

    async def _stop_services(self) -> None:
        gateways = self.replicas(GATEWAY)
        await in_threads(service.stop for service in gateways)
        await in_threads(s.stop for s in self.services.values() if s not in gateways)

    @property
    def env_file(self) -> Path:
        """A file for `. FILE` in a shell while the system runs: addresses, the key, credentials."""
        return self.stack.state_dir / "env"

    def _write_env_file(self) -> Path:
        known = {
            "BEATSTITCH_SERVER": self.gateway_address,
            "BEATSTITCH_HTTP": self.http_url,
            "BEATSTITCH_API_KEY": self.api_key,
        }
        known |= self._gateway_env
        if self.ca_file is not None:
            known["BEATSTITCH_CA_FILE"] = str(self.ca_file)
        for name, service in self.services.items():
            known[f"METRICS_{name.upper().replace('-', '_')}"] = service.metrics_url
        self.env_file.touch(mode=0o600)
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in known.items())
        self.env_file.write_text("".join(lines), "utf-8")
        return self.env_file

    @property
    def _key_file(self) -> Path:
        return self.stack.state_dir / "api-key"

    def _known_key(self) -> str:
        return self._key_file.read_text("utf-8").strip() if self._key_file.exists() else ""

    def new_key(self, tenant: str, role: str = "owner") -> str:
        """An API key of a tenant, which is made where it is new. Blocks."""
        command = ("beatstitch_gateway.create_key", "--tenant", tenant, "--role", role)
        lines = self._run(*command).split()
        if not lines:
            msg = "beatstitch_gateway.create_key printed no key"
            raise StackError(msg)
        return lines[-1]

    def _first_key(self) -> str:
        # Whoever runs this stack has the database and the bucket in a folder of their own: a lesser
        # role would protect nothing from them, and they'd have no way to tenants and dead letters.
        key = self.new_key(DEFAULT_TENANT, "operator")
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(key + "\n", "utf-8")
        return key

    def _run(self, module: str, *arguments: str) -> str:
        """Run one of the gateway's commands to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **self._gateway_env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode != 0:
            msg = f"python -m {module} failed with code {done.returncode}:\n{done.stderr.strip()}"
            raise StackError(msg)
        return done.stdout


def _http_certificate(env: Mapping[str, str]) -> dict[str, str]:
    """The HTTP port shows what the gRPC port shows, where that one is encrypted."""
    if GRPC_TLS_CERT not in env:
        return {}
    return {
        "BEATSTITCH_HTTP_TLS_CERT": env[GRPC_TLS_CERT],
        "BEATSTITCH_HTTP_TLS_KEY": env["BEATSTITCH_GRPC_TLS_KEY"],
    }

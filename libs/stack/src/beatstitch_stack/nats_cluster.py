"""Several nats-servers as one cluster: what production runs, streams kept three times."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from beatstitch_stack.errors import StackError
from beatstitch_stack.nats import NatsServer
from beatstitch_stack.ports import LOOPBACK, free_ports, remember_ports, remembered_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

NODES = 3
PAUSE_S = 0.05
# Clients are told of no other node: they know all of them, perhaps through a proxy of a test's.
CLUSTER = """\
server_name: {name}
cluster {{
  name: beatstitch
  host: {host}
  port: {port}
  no_advertise: true
  routes: [{routes}]
}}
"""


class NatsCluster:
    """Nodes on loopback, each with a folder of its own; any minority of them may be away.

    All methods block, as those of `Server`.

    Attributes:
        nodes: The servers, to kill, pause and restart one by one.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        nodes: int = NODES,
        durable: bool = False,
        ready_timeout: float = 60.0,
    ) -> None:
        """Describe the cluster; nothing runs yet."""
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = state_dir / "routes.json"
        ports = remembered_ports(kept, nodes) or free_ports(nodes)
        remember_ports(kept, ports)
        self._ready_timeout = ready_timeout
        routes = ", ".join(f"nats://{LOOPBACK}:{port}" for port in ports)
        self.nodes = [
            NatsServer(
                state_dir / f"n{index}",
                durable=durable,
                extra_config=CLUSTER.format(
                    name=f"n{index}", host=LOOPBACK, port=port, routes=routes
                ),
                ready_timeout=ready_timeout,
            )
            for index, port in enumerate(ports)
        ]

    @property
    def url(self) -> str:
        """The URLs of all nodes, separated by commas; the same through restarts."""
        return ",".join(node.url for node in self.nodes)

    def start(self) -> Self:
        """Start the nodes that don't run and return when a majority has agreed on a leader.

        Raises:
            StackError: A node did not start, or there was no leader in time.
        """
        self._all(node.start for node in self.nodes)
        deadline = time.monotonic() + self._ready_timeout
        while not all(_answers(node.port) for node in self.nodes):
            if time.monotonic() > deadline:
                msg = f"the NATS cluster has no leader after {self._ready_timeout:g} s"
                raise StackError(msg)
            time.sleep(PAUSE_S)
        return self

    def stop(self) -> None:
        """End all nodes cleanly. State stays."""
        self._all(node.stop for node in self.nodes)

    def kill(self) -> None:
        """SIGKILL all nodes. State stays."""
        self._all(node.kill for node in self.nodes)

    def wipe(self) -> None:
        """Delete all data of nodes that don't run."""
        for node in self.nodes:
            node.wipe()

    def leader(self, stream: str) -> NatsServer | None:
        """The node that leads a stream; None while there is none."""
        for node in self.nodes:
            if node.running:
                reply = _ask(node.port, f"$JS.API.STREAM.INFO.{stream}")
                name = (reply.get("cluster") or {}).get("leader")
                if name:
                    return self.nodes[int(name[1:])]
        return None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _all(self, calls: Iterable[Callable[[], object]]) -> None:
        # Side by side: a node alone waits for the others.
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for done in [pool.submit(call) for call in calls]:
                done.result()


def _answers(port: int) -> bool:
    """Whether JetStream works behind a node: there is a leader, and it is current."""
    reply = _ask(port, "$JS.API.INFO")
    return bool(reply) and "error" not in reply


def _ask(port: int, subject: str) -> dict[str, dict[str, str]]:
    """One request of JetStream's API in NATS' own protocol; empty when nobody answers."""
    hello = f'CONNECT {{"verbose":false}}\r\nSUB r 1\r\nPUB {subject} r 0\r\n\r\n'
    with (
        suppress(OSError, ValueError),
        socket.create_connection((LOOPBACK, port), 2.0) as link,
        link.makefile("rb") as lines,
    ):
        link.sendall(hello.encode())
        while line := lines.readline():
            if line.startswith(b"MSG r "):
                found = json.loads(lines.read(int(line.split()[-1])))
                return found if isinstance(found, dict) else {}
    return {}

"""Free loopback ports that stay free.

They are drawn below the kernel's ephemeral range on purpose: a port from inside it can be taken by
any outgoing connection while its server is down, even by the very client that tries to reconnect
to it (a TCP self-connection), and then the server cannot come back on its port.
"""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

from beatstitch_stack.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
LOW, HIGH = 10_000, 22_000
# SeaweedFS's parts guess one another's gRPC port as HTTP port + 10,000.
GRPC_OFFSET = 10_000
COLLISIONS = ("address already in use", "is not available on 127.0.0.1")

_given: set[int] = set()
_random = random.SystemRandom()


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int, *, paired: bool = False) -> list[int]:
    """Ports nobody listens on and this process has not given away yet.

    Args:
        count: How many.
        paired: Whether port + 10,000 has to be free as well.

    Raises:
        StackError: Nothing free after many draws.
    """
    found: list[int] = []
    for _ in range(1000):
        if len(found) == count:
            return found
        port = _random.randrange(LOW, HIGH)
        wanted = {port, port + GRPC_OFFSET} if paired else {port}
        if wanted & _given or not all(map(is_free, wanted)):
            continue
        _given.update(wanted)
        found.append(port)
    msg = f"no {count} free ports between {LOW} and {HIGH}"
    raise StackError(msg)


def free_port() -> int:
    """One free loopback port."""
    return free_ports(1)[0]


def collided(log: str) -> bool:
    """Whether a server's log says that its port was somebody else's."""
    return any(words in log.lower() for words in COLLISIONS)


def accepts(port: int) -> bool:
    """Whether something accepts a TCP connection on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0):
            return True
    except OSError:
        return False


def remembered_ports(path: Path, count: int) -> list[int] | None:
    """The ports an earlier run kept in `path`, if they are all free now."""
    try:
        ports = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(ports, list) or len(ports) != count:
        return None
    return ports if all(isinstance(port, int) and is_free(port) for port in ports) else None


def remember_ports(path: Path, ports: list[int]) -> None:
    """Keep `ports` for the next run on the same state folder."""
    path.write_text(json.dumps(ports), "utf-8")

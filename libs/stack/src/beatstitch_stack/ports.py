"""Free loopback ports that stay free.

They are drawn below the kernel's ephemeral range on purpose: a port from inside it can be taken by
any outgoing connection while its server is down, even by the very client that tries to reconnect
to it (a TCP self-connection), and then the server cannot come back on its port.

Processes agree on who may use which: a drawn port is also a locked byte of one file, and the kernel
gives the byte back when its process ends. Without it two test runs can draw one port in the second
before either listens.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import random
import socket
import tempfile
from pathlib import Path

from beatstitch_stack.errors import StackError

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


@functools.cache
def _ledger() -> int:
    """The file whose byte N is locked by the process that may use port N; open until the end.

    One descriptor for good: closing any descriptor of a file gives up all its POSIX locks.
    """
    path = Path(tempfile.gettempdir()) / f"beatstitch-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def reserve(port: int) -> bool:
    """Make the port this process's own until it ends; False when it is another's."""
    try:
        fcntl.lockf(_ledger(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def free_ports(count: int, *, paired: bool = False) -> list[int]:
    """Ports nobody listens on and no process of ours has been given.

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
        if wanted & _given or not all(reserve(each) and is_free(each) for each in wanted):
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
    usable = all(isinstance(port, int) and reserve(port) and is_free(port) for port in ports)
    return ports if usable else None


def remember_ports(path: Path, ports: list[int]) -> None:
    """Keep `ports` for the next run on the same state folder."""
    path.write_text(json.dumps(ports), "utf-8")

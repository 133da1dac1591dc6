"""Several hosts on this machine: network namespaces on a bridge, each with an address of its own.

Needs root and a kernel with network namespaces. Nothing of the machine's own network is touched:
the bridge lies in a namespace of its own too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NET = "10.77.0"
BRIDGE = "br0"


class Network:
    """The hosts. Made by `hosts`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._mark = f"bs{os.getpid()}"
        self._names = list(names)
        self._switch = f"{self._mark}-switch"

    def address(self, name: str) -> str:
        """The address by which the other hosts know one."""
        return f"{NET}.{self._names.index(name) + 1}"

    def within(self, name: str) -> list[str]:
        """What to put before a command for it to run on a host."""
        return [_ip(), "netns", "exec", f"{self._mark}-{name}"]

    def cut(self, name: str) -> None:
        """Pulls the cable: what is sent is lost, no connection is told of it."""
        self._on_switch("link", "set", self._port(name), "down")

    def heal(self, name: str) -> None:
        """Plugs the cable in again."""
        self._on_switch("link", "set", self._port(name), "up")

    def lay(self) -> None:
        """Makes hosts, bridge and cables."""
        _run("netns", "add", self._switch)
        # Without spanning tree a port forwards as soon as it is up.
        self._on_switch("link", "add", BRIDGE, "type", "bridge", "stp_state", "0")
        self._on_switch("link", "set", BRIDGE, "up")
        for name in self._names:
            space = f"{self._mark}-{name}"
            _run("netns", "add", space)
            _run("-n", space, "link", "set", "lo", "up")
            # Both ends are born in their namespaces.
            self._on_switch(
                *("link", "add", self._port(name), "type", "veth"),
                *("peer", "name", "eth0", "netns", space),
            )
            self._on_switch("link", "set", self._port(name), "master", BRIDGE, "up")
            _run("-n", space, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
            _run("-n", space, "link", "set", "eth0", "up")

    def remove(self) -> None:
        """Removes all of it; their interfaces go with the namespaces."""
        for name in (*self._names, "switch"):
            subprocess.run(
                [_ip(), "netns", "delete", f"{self._mark}-{name}"], check=False, capture_output=True
            )

    def _port(self, name: str) -> str:
        return f"p{self._names.index(name)}"

    def _on_switch(self, *words: str) -> None:
        _run("-n", self._switch, *words)


@contextmanager
def hosts(*names: str) -> Iterator[Network]:
    """Hosts for as long as a block runs; no process may live on them after it."""
    network = Network(names)
    try:
        network.lay()
        yield network
    finally:
        network.remove()


def why_not() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.geteuid() != 0:
        return "network namespaces with cables between them need root"
    if shutil.which("ip") is None:
        return "no iproute2 here"
    try:
        with hosts("probe"):
            return ""
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here: {error.stderr.strip()}"


def _ip() -> str:
    return shutil.which("ip") or "ip"


def _run(*words: str) -> None:
    subprocess.run([_ip(), *words], check=True, capture_output=True, text=True)

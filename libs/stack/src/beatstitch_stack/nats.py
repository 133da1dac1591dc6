"""A genuine nats-server with JetStream."""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from beatstitch_stack import tools
from beatstitch_stack.errors import StackError
from beatstitch_stack.ports import LOOPBACK
from beatstitch_stack.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CONFIG = """\
host: {host}
port: {port}
ports_file_dir: {folder}
jetstream {{
  store_dir: {store}
  {sync}
}}
{extra}
"""


class NatsServer(Server):
    """`nats-server` on loopback, its streams in `state_dir/js`.

    What it acknowledged survives `kill()`; with `durable` also a power cut.
    """

    name: ClassVar[str] = "nats"

    def __init__(
        self,
        state_dir: Path | None,
        *,
        durable: bool = False,
        extra_config: str = "",
        extra_env: Mapping[str, str] | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        """Describe the server.

        Args:
            state_dir: Its folder.
            durable: Whether each write is synced to disk before it is acknowledged (slower).
            extra_config: Lines added to nats-server's configuration: users, limits, a cluster.
            extra_env: Variables that those lines name: passwords.
            ready_timeout: Seconds to wait for it in `start`.
        """
        super().__init__(state_dir, ready_timeout=ready_timeout)
        self._durable = durable
        self._extra_config = extra_config
        self._extra_env = dict(extra_env or {})
        self._remote_url = ""

    @classmethod
    def remote(cls, url: str) -> NatsServer:
        """A server that somebody else runs."""
        server = cls(None)
        server._remote_url = url
        return server

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:<port>`, the same through restarts."""
        return self._remote_url or f"nats://{LOOPBACK}:{self.port}"

    def wipe(self) -> None:
        """Delete all streams and consumers of a server that doesn't run: a lost disk."""
        if self.running:
            msg = "stop nats before its data are deleted"
            raise StackError(msg)
        shutil.rmtree(self.state_dir / "js", ignore_errors=True)

    def _prepare(self) -> None:
        for stale in self.state_dir.glob("nats-server_*.ports"):
            stale.unlink()
        config = CONFIG.format(
            host=LOOPBACK,
            port=self.port,
            folder=json.dumps(str(self.state_dir)),
            store=json.dumps(str(self.state_dir / "js")),
            sync="sync_interval: always" if self._durable else "",
            extra=self._extra_config,
        )
        (self.state_dir / "nats.conf").write_text(config, "utf-8")

    def _argv(self) -> Sequence[str]:
        return [str(tools.nats_server()), "-c", str(self.state_dir / "nats.conf")]

    def _env(self) -> Mapping[str, str]:
        return self._extra_env

    def _is_ready(self) -> bool:
        # The ports file carries the pid in its name, so it is this server that listens.
        if not (self.state_dir / f"nats-server_{self.pid}.ports").exists():
            return False
        with suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1.0) as connection:
            return b'"jetstream":true' in connection.recv(4096)
        return False

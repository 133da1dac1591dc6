"""BeatStitch's services as child processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from beatstitch_stack.certificates import Certificate
from beatstitch_stack.child import ChildProcess
from beatstitch_stack.errors import StackError
from beatstitch_stack.health import serves
from beatstitch_stack.ports import LOOPBACK, accepts, free_port, is_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

GRPC_HOST = "BEATSTITCH_GRPC_HOST"
GRPC_PORT = "BEATSTITCH_GRPC_PORT"
METRICS_PORT = "BEATSTITCH_METRICS_PORT"
READY_TIMEOUT_S = 120.0
GRACE_S = 15.0


class ServiceProcess:
    """`python -m MODULE`, a gRPC server on a loopback port that does not change.

    All methods block and may be called from any thread; from a coroutine say
    `await asyncio.to_thread(service.restart)`. Also a context manager.
    """

    def __init__(
        self,
        name: str,
        module: str,
        env: Mapping[str, str],
        log_path: Path,
        *,
        port: int | None = None,
        ready_timeout: float = READY_TIMEOUT_S,
    ) -> None:
        """Describe the service; nothing runs yet.

        Args:
            name: How errors call it, "renderer-0" for example.
            module: What to run: "beatstitch_renderer".
            env: What its environment has on top of ours.
            log_path: File that gets its output, appended.
            port: Its gRPC port; a free one when None.
            ready_timeout: Seconds to wait in `start` until it reports SERVING.
        """
        self.name = name
        self.port = free_port() if port is None else port
        self.metrics_port = int(env.get(METRICS_PORT, 0)) or free_port()
        self.log_path = log_path
        self._ready_timeout = ready_timeout
        self._tls = _own_certificate(env)
        self.env = {
            "PYTHONUNBUFFERED": "1",
            **env,
            GRPC_HOST: LOOPBACK,
            GRPC_PORT: str(self.port),
            METRICS_PORT: str(self.metrics_port),
        }
        self._module = module
        self._child = self._described(sys.executable)

    def _described(self, python: str) -> ChildProcess:
        return ChildProcess(
            self.name,
            [python, "-m", self._module],
            log_path=self.log_path,
            env={**os.environ, **self.env},
        )

    def run_by(self, python: str) -> None:
        """Says which interpreter the next start takes: one of another release's environment.

        Raises:
            StackError: It runs.
        """
        if self.running:
            msg = f"{self.name} runs"
            raise StackError(msg)
        self._child = self._described(python)

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>`, the same through restarts."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would ask it, the same through restarts."""
        return f"http://{LOOPBACK}:{self.metrics_port}/metrics"

    @property
    def pid(self) -> int:
        """The running service's pid."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._child.running

    @property
    def returncode(self) -> int | None:
        """Exit code of a service that ended by itself, else None."""
        return self._child.returncode

    def start(self) -> Self:
        """Start it and return when its health is SERVING.

        Raises:
            StackError: It ended or was not ready in time; the message has the log's tail.
        """
        if not self.running:
            # Another's server on the port would answer our readiness probe in the child's place.
            if not is_free(self.port):
                msg = f"{self.name}: port {self.port} is in use"
                raise StackError(msg)
            self._child.start()
            self._child.wait_ready(self._is_ready, timeout=self._ready_timeout, interval=0.02)
        return self

    def stop(self, *, grace: float = GRACE_S) -> None:
        """SIGTERM, and SIGKILL for it and all it started after `grace` seconds."""
        self._child.stop(grace=grace)

    def kill(self) -> None:
        """SIGKILL it and all it started, as a lost pod would be."""
        self._child.kill()

    def pause(self) -> None:
        """SIGSTOP it and all it started, as a host that hangs; its sockets stay open."""
        self._child.pause()

    def resume(self) -> None:
        """Let go on what `pause` stopped."""
        self._child.resume()

    def restart(self) -> Self:
        """Start it again on the same port, stopping it cleanly first if it runs."""
        self.stop()
        return self.start()

    def log_tail(self, lines: int = 40) -> str:
        """The last lines it wrote since its last start."""
        return self._child.log_tail(lines)

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

    def _is_ready(self) -> bool:
        return accepts(self.port) and serves(self.address, self._tls)


def _own_certificate(env: Mapping[str, str]) -> Certificate | None:
    """The service's own certificate, with which its health may be asked; None for a plain port."""
    if "BEATSTITCH_GRPC_TLS_CERT" not in env:
        return None
    # The same authority signs for NATS; a service need not know the one that signed its own.
    files = (env[f"BEATSTITCH_{name}"] for name in ("NATS_TLS_CA", "GRPC_TLS_CERT", "GRPC_TLS_KEY"))
    return Certificate(*(Path(file) for file in files))

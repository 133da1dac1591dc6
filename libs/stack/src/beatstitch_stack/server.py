"""What the three servers have in common: ports, state folder, start, stop, kill, restart."""

from __future__ import annotations

import abc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from beatstitch_stack import ports
from beatstitch_stack.child import ChildProcess
from beatstitch_stack.errors import ChildExitedError, StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PORT_TRIES = 5


class Server(abc.ABC):
    """A genuine server, run as a child on loopback ports with its state in one folder.

    All methods block (the longest is start, 30 s at most) and may be called from any thread; from
    a coroutine say `await asyncio.to_thread(server.restart)`. Also a context manager.
    A server made without a state folder is somebody else's (`owned` is False): start and stop do
    nothing then, kill and restart are refused.
    """

    name: ClassVar[str]
    port_count: ClassVar[int] = 1
    paired_ports: ClassVar[bool] = False
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, state_dir: Path | None, *, ready_timeout: float = 30.0) -> None:
        """Describe the server; nothing runs yet."""
        self._state_dir = None if state_dir is None else state_dir.resolve()
        self._ready_timeout = ready_timeout
        self._ports: list[int] = []
        self._was_ready = False
        self._child: ChildProcess | None = None

    @property
    def owned(self) -> bool:
        """Whether this object runs the server, rather than only knowing where it is."""
        return self._state_dir is not None

    @property
    def state_dir(self) -> Path:
        """The folder that holds the server's data and log."""
        if self._state_dir is None:
            msg = f"{self.name} is a server of somebody else's"
            raise StackError(msg)
        return self._state_dir

    @property
    def log_path(self) -> Path:
        """What the server writes to stdout and stderr."""
        return self.state_dir / f"{self.name}.log"

    @property
    def port(self) -> int:
        """The port clients connect to, the same through restarts."""
        if not self._ports:
            msg = f"{self.name} was never started"
            raise StackError(msg)
        return self._ports[0]

    @property
    def pid(self) -> int:
        """The running server's pid."""
        if self._child is None:
            msg = f"{self.name} is not running"
            raise StackError(msg)
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child process lives."""
        return self._child is not None and self._child.running

    def start(self) -> Self:
        """Start it and return when it serves requests.

        Raises:
            StackError: It ended or was not ready in time; the message has the log's tail.
        """
        if not self.owned or self.running:
            return self
        self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        for tries_left in reversed(range(PORT_TRIES)):
            self._choose_ports()
            self._clean_up()
            self._prepare()
            self._child = ChildProcess(
                self.name,
                self._argv(),
                log_path=self.log_path,
                env={**os.environ, **self._env()},
                cwd=self.state_dir,
                prefix=self._prefix(),
            )
            self._child.start()
            try:
                self._child.wait_ready(self._is_ready, timeout=self._ready_timeout)
            except ChildExitedError as error:
                if self._was_ready or not ports.collided(error.log_tail) or not tries_left:
                    raise
                self._ports = ports.free_ports(self.port_count, paired=self.paired_ports)
            else:
                break
        if not self._was_ready:
            ports.remember_ports(self._ports_file, self._ports)
            self._was_ready = True
        return self

    def stop(self, *, grace: float = 3.0) -> None:
        """End it cleanly; SIGKILL after `grace` seconds. State stays."""
        if self._child is not None:
            self._child.stop(grace=grace, sig=self.stop_signal)
            self._child = None
            self._clean_up()

    def kill(self) -> None:
        """SIGKILL it and all its processes, as a crash would. State stays."""
        self._refuse_if_foreign("kill")
        if self._child is not None:
            self._child.kill()
            self._child = None
            self._clean_up()

    def pause(self) -> None:
        """SIGSTOP it and all its processes, as a host that hangs; its sockets stay open."""
        self._refuse_if_foreign("pause")
        if self._child is not None:
            self._child.pause()

    def resume(self) -> None:
        """Let go on what `pause` stopped."""
        if self._child is not None:
            self._child.resume()

    def restart(self) -> Self:
        """Start it again on the same port and state, stopping it cleanly first if it runs."""
        self._refuse_if_foreign("restart")
        self.stop()
        return self.start()

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

    @property
    def _ports_file(self) -> Path:
        return self.state_dir / "ports.json"

    def _choose_ports(self) -> None:
        if not self._ports:
            self._ports = ports.remembered_ports(
                self._ports_file, self.port_count
            ) or ports.free_ports(self.port_count, paired=self.paired_ports)

    def _refuse_if_foreign(self, verb: str) -> None:
        if not self.owned:
            msg = f"cannot {verb} {self.name}: it is a server of somebody else's"
            raise StackError(msg)

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Bring the state folder into the shape the server wants. Called before each start."""

    @abc.abstractmethod
    def _argv(self) -> Sequence[str]:
        """The server's command line."""

    @abc.abstractmethod
    def _is_ready(self) -> bool:
        """Whether *this* server serves requests, not another one that has its port."""

    def _env(self) -> Mapping[str, str]:
        """What the server's environment has on top of ours."""
        return {}

    def _prefix(self) -> Sequence[str]:
        """A command that runs the server as somebody else."""
        return ()

    def _clean_up(self) -> None:  # noqa: B027 - most leave nothing
        """Remove what the server leaves outside its state folder."""

"""One child process: started, watched until ready, stopped or killed, gone with its launcher."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch_stack.errors import ChildExitedError, StackError
from beatstitch_stack.process_tree import kill_tree, signal_tree
from beatstitch_stack.spawner import SpawnRequest, spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

EXEC_CHILD = Path(__file__).with_name("exec_child.py")
LOG_TAIL_LINES = 40
LOG_TAIL_BYTES = 16 * 1024


class ChildProcess:
    """A program run as a child that cannot outlive this process.

    It leads a process group of its own, so Ctrl-C in a terminal reaches only the launcher, and
    writes to a log file. Blocking, safe to call from any thread.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """Describe the child; nothing runs yet.

        Args:
            name: How errors call it.
            argv: Program (a full path) and arguments.
            log_path: File that gets stdout and stderr, appended.
            env: The whole environment; this process's own when None.
            cwd: Working folder; the log's folder when None.
            prefix: A command that execs the rest of its arguments, `unshare …` for example.
        """
        self.name = name
        self.log_path = log_path
        self._argv = [*prefix, *bound_to_launcher(argv)]
        self._env = dict(os.environ if env is None else env)
        self._cwd = cwd or log_path.parent
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The running child's pid; raises `StackError` when there is none."""
        if self._popen is None:
            msg = f"{self.name} is not running"
            raise StackError(msg)
        return self._popen.pid

    @property
    def running(self) -> bool:
        """True from start to stop, kill or the child's own end."""
        return self._popen is not None and self.returncode is None

    @property
    def returncode(self) -> int | None:
        """Exit code of a child that ended by itself (minus the signal's number), else None."""
        if self._popen is None:
            return None
        # Looking without reaping keeps the pid ours, so what is left of its group can be swept.
        ended = os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def start(self) -> None:
        """Start it. Does not wait for readiness."""
        if self.running:
            msg = f"{self.name} is running already (pid {self.pid})"
            raise StackError(msg)
        self.kill()  # reap one that ended by itself, and what it left
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._cwd.mkdir(parents=True, exist_ok=True)
        self._popen = spawn(SpawnRequest(self._argv, self._env, self._cwd, self.log_path))

    def wait_ready(
        self, is_ready: Callable[[], bool], *, timeout: float = 30.0, interval: float = 0.01
    ) -> None:
        """Poll `is_ready` until it is true and the child still lives.

        Raises:
            ChildExitedError: The child ended first. It has been reaped.
            StackError: `timeout` seconds passed; the child has been killed. Both carry the log's
                tail.
        """
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                code = self.returncode
                self.kill()
                msg = f"{self.name} ended with code {code} before it was ready ({self.log_path}):"
                raise ChildExitedError(msg, self.log_tail())
            if is_ready() and self.running:
                return
            if time.monotonic() > deadline:
                self.kill()
                msg = f"{self.name} was not ready after {timeout:g} s ({self.log_path}):"
                raise StackError(f"{msg}\n{self.log_tail()}")
            time.sleep(interval)

    def stop(self, *, grace: float = 3.0, sig: signal.Signals = signal.SIGTERM) -> None:
        """Ask the child to end; kill its whole tree if it hasn't after `grace` seconds."""
        if self._popen is None:
            return
        if self.running:
            self._popen.send_signal(sig)
        deadline = time.monotonic() + grace
        while self.running and time.monotonic() < deadline:
            time.sleep(0.005)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the child and everything below it, and reap it. Nothing is left on return."""
        if self._popen is None:
            return
        kill_tree(self._popen.pid)
        self._popen.wait()
        self._popen = None

    def pause(self) -> None:
        """SIGSTOP the child and everything below it: a host that hangs. Its sockets stay open."""
        signal_tree(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT what `pause` stopped."""
        signal_tree(self.pid, signal.SIGCONT)

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines written since the last start."""
        if not self.log_path.exists():
            return "(no log)"
        with self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - LOG_TAIL_BYTES))
            text = log.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:]) or "(empty log)"


def bound_to_launcher(argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` as a child which dies with this process."""
    wrapper = [sys.executable, "-I", "-S", str(EXEC_CHILD), str(os.getpid())]
    return [*wrapper, *(str(part) for part in argv)]

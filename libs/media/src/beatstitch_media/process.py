"""One child process group on the event loop: started, read, waited for, killed as a whole.

Not `asyncio.subprocess`: waiting through a pidfd gives the peak memory, lets the whole group be
killed before its leader's id is given back, and doesn't hang on grandchildren that hold the pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_READ_BYTES = 64 * 1024
_DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Exit code; the negative signal number where a signal ended it.
        peak_memory_bytes: Largest resident size of the process or of a child it waited for.
        cpu_seconds: CPU time of the process and of the children it waited for.
    """

    code: int
    peak_memory_bytes: int
    cpu_seconds: float


class ProcessGroup:
    """A child that leads a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        policy: bytes,
        env: Mapping[str, str],
        cwd: Path,
        stdin: bytes | None,
    ) -> None:
        """Starts it; must be called on a running event loop.

        Args:
            command: Absolute path of the program, then its arguments; the number of an inherited
                file with the policy is added.
            policy: What that file holds.
            env: The whole environment.
            cwd: Where it starts.
            stdin: What it reads; None for nothing.

        Raises:
            OSError: It can't be started.
        """
        with _in_memory(policy) as rules, _in_memory(stdin or b"") as source:
            self._process = subprocess.Popen(
                [*command, str(rules.fileno())],
                pass_fds=[rules.fileno()],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ended] = self._loop.create_future()
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.kill()  # the leader is a zombie until it is waited for: the id is still its own
        _, status, usage = os.wait4(self._process.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        if not self.ended.done():
            seconds = usage.ru_utime + usage.ru_stime
            self.ended.set_result(Ended(code, usage.ru_maxrss * 1024, seconds))

    def kill(self) -> None:
        """Kills the whole group; nothing happens once it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def read(
        self, on_stdout: Callable[[bytes], None], on_stderr: Callable[[bytes], None]
    ) -> None:
        """Hands the output on as it comes, until both pipes are closed."""
        assert self._process.stdout is not None  # noqa: S101 - for mypy: both are pipes
        assert self._process.stderr is not None  # noqa: S101
        await asyncio.gather(
            _pump(self._process.stdout, on_stdout), _pump(self._process.stderr, on_stderr)
        )

    async def stop(self) -> None:
        """Kills the group and waits until it is gone."""
        self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.shield(self.ended)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def _in_memory(data: bytes) -> IO[bytes]:
    """A file instead of a pipe: nobody has to feed it while the output is read."""
    file = os.fdopen(os.memfd_create("input"), "w+b")
    file.write(data)
    file.seek(0)
    return file


async def _pump(pipe: IO[bytes], sink: Callable[[bytes], None]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while chunk := await reader.read(_READ_BYTES):
            sink(chunk)
    finally:
        transport.close()

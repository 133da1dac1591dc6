"""Runs ffmpeg, ffprobe and our own Python children where they can do no harm.

A child sees its inputs, its work folder and the program itself, has no network, no inherited
environment, limited memory, time, files and CPU, and dies with the whole group it started: on the
timeout, when the caller is cancelled, when the parent dies.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beatstitch.v1 import failure_pb2
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch_core.errors import STDERR_TAIL_BYTES, BeatStitchError
from beatstitch_core.limits import CHILD_MEMORY_BYTES, MEDIA_TIMEOUT_S
from beatstitch_core.spans import span
from beatstitch_media import verdict
from beatstitch_media.jail.policy import Policy
from beatstitch_media.output import Lines, Tail, Whole
from beatstitch_media.process import Ended, ProcessGroup

MAX_FILE_BYTES = 8 * 1024**3
MAX_STDOUT_BYTES = 64 * 1024**2
REQUIRE = "BEATSTITCH_SANDBOX"

_SOURCE_ROOT = str(Path(__file__).resolve().parent.parent)
# One line of Python, not a script: a script's folder would be searched for modules.
_START = (
    "import sys; sys.path.insert(0, {root!r}); "
    "import beatstitch_media.jail.{module} as entry; entry.main()"
)


@dataclass(frozen=True)
class Completed:
    """A child that ended well.

    Attributes:
        stdout: All it wrote, empty where `on_line` took it.
        stderr_tail: Its last words, at most 8 KiB, paths removed.
        peak_memory_bytes: Its largest resident size.
        cpu_seconds: Its CPU time.
    """

    stdout: bytes
    stderr_tail: str
    peak_memory_bytes: int
    cpu_seconds: float


def python_command(module: str, *args: str) -> list[str]:
    """A command that runs one of our modules in a child, with the packages this process sees."""
    return [sys.executable, "-B", "-P", "-s", "-X", "utf8", "-m", module, *args]


async def run(
    command: Sequence[str | Path],
    *,
    inputs: Sequence[Path] = (),
    work_dir: Path,
    what: str = "",
    timeout_s: float = MEDIA_TIMEOUT_S,
    timeout_reason: ErrorReason.ValueType = failure_pb2.ERROR_REASON_MEDIA_TIMEOUT,
    memory_bytes: int = CHILD_MEMORY_BYTES,
    max_file_bytes: int = MAX_FILE_BYTES,
    threads: int = 2,
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Runs one command and waits for it.

    Args:
        command: Absolute path of the program, arguments; see `python_command` for our modules.
        inputs: Files and folders it may read.
        work_dir: The folder it runs in, and the only one it may write to (and read).
        what: What it does, for messages, for example "reading song.mp3".
        timeout_s: Wall time after which the whole group is killed.
        timeout_reason: The reason reported then.
        memory_bytes: Address space; threaded decoders reserve far more than they use.
        max_file_bytes: Largest file it may write.
        threads: Threads it is expected to run; its CPU time is limited to threads × timeout_s.
        stdin: What it reads, for example a serialized job.
        on_line: Called with each line of stdout as it comes, without the line end.
        env: More environment; nothing is inherited but locale and time zone.

    Raises:
        BeatStitchError: `timeout_reason`, OUT_OF_MEMORY, DISK_FULL, FFMPEG_FAILED, or what a
            Python child of ours reported by `child.main`.
        asyncio.CancelledError: The caller was cancelled; the group is dead by then.
    """
    argv = [str(part) for part in command]
    what = what or Path(argv[0]).name
    policy = _policy(
        argv,
        inputs=inputs,
        work_dir=work_dir,
        memory_bytes=memory_bytes,
        file_bytes=max_file_bytes,
        cpu_seconds=math.ceil(timeout_s * max(1, threads)),
    )
    whole = Whole(MAX_STDOUT_BYTES)
    stderr = Tail(2 * STDERR_TAIL_BYTES)
    group = ProcessGroup(
        _start_command("enter"),
        policy=policy.to_json().encode(),
        env=_environment(work_dir, threads, env),
        cwd=work_dir,
        stdin=stdin,
    )
    lines = Lines(on_line) if on_line else None
    try:
        with span(f"child {program_of(argv)}"):
            async with asyncio.timeout(timeout_s):
                ended = await _communicate(group, lines.feed if lines else whole.feed, stderr.feed)
    except TimeoutError:
        raise BeatStitchError(
            timeout_reason,
            f"{what} took longer than {timeout_s:g} s",
            stderr_tail=verdict.tail(bytes(stderr.data), _known(inputs, work_dir)),
        ) from None
    finally:
        await group.stop()
    if lines:
        lines.close()
    if whole.overflown:
        raise BeatStitchError(failure_pb2.ERROR_REASON_FFMPEG_FAILED, f"{what} wrote too much")
    known = _known(inputs, work_dir)
    if ended.code != 0:
        raise verdict.error_of(
            ended.code, bytes(stderr.data), what=what, timeout_reason=timeout_reason, known=known
        )
    return Completed(
        stdout=bytes(whole.data),
        stderr_tail=verdict.tail(bytes(stderr.data), known),
        peak_memory_bytes=ended.peak_memory_bytes,
        cpu_seconds=ended.cpu_seconds,
    )


def program_of(argv: Sequence[str]) -> str:
    """What a command runs, for traces: "ffmpeg", or the last part of a module's name."""
    if "-m" in argv[:-1] and argv[0] == sys.executable:
        return argv[argv.index("-m") + 1].rpartition(".")[2]
    return Path(argv[0]).name


async def _communicate(
    group: ProcessGroup, on_stdout: Callable[[bytes], None], on_stderr: Callable[[bytes], None]
) -> Ended:
    await group.read(on_stdout, on_stderr)
    return await asyncio.shield(group.ended)


def _known(inputs: Sequence[Path], work_dir: Path) -> list[Path]:
    return [*inputs, work_dir]


def _policy(
    argv: list[str],
    *,
    inputs: Sequence[Path],
    work_dir: Path,
    memory_bytes: int,
    file_bytes: int,
    cpu_seconds: int,
) -> Policy:
    python = argv[0] == sys.executable
    return Policy(
        argv=argv,
        cwd=str(work_dir.absolute()),
        roots=[*(_python_roots() if python else ()), argv[0]],
        reads=[str(path.absolute()) for path in inputs],
        writes=[str(work_dir.absolute())],
        memory_bytes=memory_bytes,
        file_bytes=file_bytes,
        cpu_seconds=cpu_seconds,
        parent=os.getpid(),
        require=os.environ.get(REQUIRE) == "require",
    )


def _python_roots() -> list[str]:
    """What a Python child has to read: the interpreter, its packages, our sources."""
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, *_source_roots()]


def _source_roots() -> list[str]:
    return [entry for entry in sys.path if Path(entry).is_absolute() and Path(entry).is_dir()]


def _start_command(module: str) -> list[str]:
    code = _START.format(root=_SOURCE_ROOT, module=module)
    return [sys.executable, "-I", "-S", "-B", "-c", code]


def _environment(work_dir: Path, threads: int, extra: Mapping[str, str] | None) -> dict[str, str]:
    """A fresh environment: the parent's holds secrets."""
    count = str(max(1, threads))
    env = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(work_dir),
        "TMPDIR": str(work_dir),
        "PYTHONPATH": os.pathsep.join(_source_roots()),
        "PYTHONHASHSEED": "0",
    }
    if "TZ" in os.environ:
        env["TZ"] = os.environ["TZ"]
    # Numeric libraries start a thread per core, and reserve memory for each, unless told.
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"):
        env[f"{name}_NUM_THREADS"] = count
    return env | dict(extra or {})


@functools.cache
def sandbox_report() -> dict[str, object]:
    """Which protections hold on this machine, tried out in a child once per process.

    Returns:
        `limits`, `parent`, `network_namespace`, `files`, `sockets`: what provides each, or "no: …";
        `network_refused`, `outside_file_refused`: whether trying it was refused; `missing`: list of
        "files" and "network" where a child could still reach them.
    """
    policy = Policy(argv=["/etc/hostname"], cwd="/", parent=os.getpid(), memory_bytes=1 << 32)
    shown = subprocess.run(
        [*_start_command("report"), "0"],
        input=policy.to_json().encode(),
        capture_output=True,
        check=True,
        timeout=30,
        env={},
    )
    report: dict[str, object] = json.loads(shown.stdout)
    return report

"""What the tests of the stack share: looking at processes and their sockets from outside."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beatstitch_stack.process_tree import descendants


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie nobody has reaped does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive


@pytest.fixture
def await_gone() -> Callable[[list[int]], None]:
    def wait(pids: list[int]) -> None:
        deadline = time.monotonic() + 5
        while left := [pid for pid in pids if is_alive(pid)]:
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.01)

    return wait


def listening_addresses(pid: int) -> set[str]:
    """The hex addresses (of /proc/net/tcp and tcp6) that a process and its children listen on."""
    inodes = set()
    for member in (pid, *descendants(pid)):
        for handle in Path(f"/proc/{member}/fd").iterdir():
            try:
                inodes.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
            except FileNotFoundError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.fixture
def listening() -> Callable[[int], set[str]]:
    return listening_addresses

"""What a tree of processes takes: wall, CPU and memory, each page counted once."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beatstitch_stack.process_tree import descendants

if TYPE_CHECKING:
    from collections.abc import Callable

TICKS = os.sysconf("SC_CLK_TCK")
_PAUSE_S = 0.1


@dataclass
class Taken:
    """What was taken.

    Attributes:
        wall_s: Seconds.
        cpu_s: CPU seconds of the children that ended, all threads.
        peak_mb: Most proportional memory (PSS) of all children together, in MB.
        peak_rss_mb: The same by resident size (RSS): what several share counts in each.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    peak_rss_mb: float = 0.0


class Watched:
    """`with Watched() as taken:` measures the children of this process until the end.

    Args:
        counts: Whose memory counts, by process id; all by default.
    """

    def __init__(self, counts: Callable[[int], bool] = lambda _pid: True) -> None:
        self._counts = counts

    def __enter__(self) -> Taken:
        self._taken = Taken()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._begun, self._cpu = time.perf_counter(), _children_cpu()
        self._thread.start()
        return self._taken

    def __exit__(self, *_: object) -> None:
        self._taken.wall_s = time.perf_counter() - self._begun
        self._over.set()
        self._thread.join()
        self._taken.cpu_s = _children_cpu() - self._cpu

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE_S):
            held = [_held(pid) for pid in descendants(os.getpid()) if self._counts(pid)]
            pss, rss = (sum(each) for each in zip(*held, strict=True)) if held else (0, 0)
            self._taken.peak_mb = max(self._taken.peak_mb, pss / 1e6)
            self._taken.peak_rss_mb = max(self._taken.peak_rss_mb, rss / 1e6)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def machine_cpu_s() -> float:
    """Seconds that all cores have worked since the machine was started, whatever for."""
    numbers = Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, numbers)
    return (user + nice + system + irq + softirq) / TICKS


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process and of those below it, the ended ones too; 0 when it is gone."""
    return sum(_cpu_s(one) for one in (pid, *descendants(pid)))


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return sum(int(number) for number in fields[11:15]) / TICKS
    return 0.0


def _held(pid: int) -> tuple[int, int]:
    """PSS and RSS of a process, in bytes."""
    found = {"Pss:": 0, "Rss:": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(" ")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return found["Pss:"], found["Rss:"]

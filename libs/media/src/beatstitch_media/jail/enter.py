"""Takes the limits on, then becomes the command. Runs as `python -I -S` with nothing installed.

Every protection that the kernel refuses is left out and named in what `enter` returns; rlimits
hold everywhere. Order matters: namespaces and capabilities first, since Landlock and seccomp
forbid them.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys

from beatstitch_media.jail import landlock, seccomp
from beatstitch_media.jail.kernel import (
    CLONE_NEWNET,
    CLONE_NEWUSER,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
    unshare,
)
from beatstitch_media.jail.policy import EXIT_CANNOT_START, Policy

_CAP_DAC_OVERRIDE = 1
_CAPABILITIES = 64
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SYSTEM_ROOTS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store")
_SYSTEM_READS = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)


def _limit(kind: int, value: int, *, slack: int = 0) -> None:
    _, ceiling = resource.getrlimit(kind)
    hard = value + slack
    if ceiling not in (resource.RLIM_INFINITY, -1):
        hard = min(hard, ceiling)
    resource.setrlimit(kind, (min(value, hard), hard))


def _set_limits(policy: Policy) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_NOFILE, policy.open_files)
    if policy.file_bytes:
        _limit(resource.RLIMIT_FSIZE, policy.file_bytes)
    if policy.cpu_seconds:
        # One second between SIGXCPU, which is told apart from other deaths, and SIGKILL.
        _limit(resource.RLIMIT_CPU, policy.cpu_seconds, slack=1)
    if policy.memory_bytes:
        _limit(resource.RLIMIT_AS, policy.memory_bytes)


def _die_with_parent(parent: int) -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        raise SystemExit(EXIT_CANNOT_START)


def _leave_network() -> str:
    """An empty network namespace: root makes one directly, others inside a user namespace.

    Root stays out of a user namespace since it would lose the right to read files of other owners.
    """
    if os.geteuid() == 0:
        unshare(CLONE_NEWNET)
        return "network namespace"
    unshare(CLONE_NEWUSER | CLONE_NEWNET)
    return "network and user namespace"


def _drop_capabilities() -> None:
    for capability in range(_CAPABILITIES):
        if capability != _CAP_DAC_OVERRIDE:
            with contextlib.suppress(OSError):  # the kernel knows fewer than 64
                prctl(PR_CAPBSET_DROP, capability)


def enter(policy: Policy) -> dict[str, str]:
    """Takes all limits on.

    Returns:
        Each protection and what provides it, or "no: " and why it doesn't hold.
    """
    _die_with_parent(policy.parent)
    # A real-time class that the service was put into must not come along: strangers' files would
    # be decoded before everything else on the machine.
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    held = {"limits": "rlimits", "parent": "dies with its parent"}
    try:
        held["network_namespace"] = _leave_network()
    except OSError as error:
        held["network_namespace"] = f"no: {error.strerror}"
    if os.geteuid() == 0:
        _drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    try:
        version = landlock.restrict(
            roots=(*_SYSTEM_ROOTS, *policy.roots),
            reads=(*_SYSTEM_READS, *policy.reads),
            writes=policy.writes,
            devices=_DEVICES,
        )
        held["files"] = f"landlock ABI {version}"
    except OSError as error:
        held["files"] = f"no: {error.strerror}"
    try:
        seccomp.restrict()
        held["sockets"] = "seccomp"
    except OSError as error:
        held["sockets"] = f"no: {error.strerror}"
    os.chdir(policy.cwd)
    _set_limits(policy)  # last: the address space must not be too small for what comes before
    return held


def missing(held: dict[str, str]) -> list[str]:
    """What a child could still reach: "files", "network" or nothing."""
    open_network = all(held[name].startswith("no:") for name in ("network_namespace", "sockets"))
    return ["files"] * held["files"].startswith("no:") + ["network"] * open_network


def main() -> None:
    """Enters the policy in the file the last argument numbers; becomes its command."""
    policy = Policy.read(int(sys.argv[-1]))
    held = enter(policy)
    if policy.require and missing(held):
        sys.stderr.write(f"sandbox: {' and '.join(missing(held))} can't be shut off here\n")
        raise SystemExit(EXIT_CANNOT_START)
    try:
        os.execv(policy.argv[0], policy.argv)  # noqa: S606 - there is no shell on purpose
    except OSError as error:
        sys.stderr.write(f"sandbox: {policy.argv[0]}: {error.strerror}\n")
        raise SystemExit(EXIT_CANNOT_START) from None

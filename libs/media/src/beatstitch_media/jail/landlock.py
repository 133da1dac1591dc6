"""Which files a process may see, by Landlock (https://docs.kernel.org/userspace-api/landlock.html).

Landlock needs no privilege. ABI 1 (Linux 5.13) limits files, ABI 4 (6.7) TCP, ABI 6 (6.12) signals
and abstract sockets; whatever the kernel doesn't know is left out.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from beatstitch_media.jail.kernel import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ALL_ABI_1 = (1 << 13) - 1
_TCP_BIND_AND_CONNECT = 3
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3

ROOT = EXECUTE | READ_FILE | READ_DIR
READ = READ_FILE | READ_DIR
DEVICE = READ_FILE | WRITE_FILE
_FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV


def abi() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def _all_file_rights(version: int) -> int:
    rights = _ALL_ABI_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if version >= since:
            rights |= right
    return rights


def _add_path(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what isn't there needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _FOR_FILES
        syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


def restrict(
    *, roots: Iterable[str], reads: Iterable[str], writes: Iterable[str], devices: Iterable[str]
) -> int:
    """Limits this process and all its children for good.

    Args:
        roots: Files and folders that may be read and executed.
        reads: Files and folders that may be read.
        writes: Folders in which everything but executing is allowed.
        devices: Device files that may be read and written.

    Returns:
        The ABI that was used.

    Raises:
        OSError: The kernel has no Landlock, or refuses.
    """
    version = syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    handled = _all_file_rights(version)
    attributes = struct.pack(
        "=QQQ", handled, _TCP_BIND_AND_CONNECT, _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = syscall(_CREATE_RULESET, attributes[:size], size, 0)
    try:
        for paths, rights in (
            (roots, ROOT),
            (reads, READ),
            (writes, handled & ~EXECUTE),
            (devices, DEVICE),
        ):
            for path in paths:
                _add_path(ruleset, path, rights)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version

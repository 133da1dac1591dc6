"""System calls that Python 3.11 has no function for, through ctypes."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """The result of a system call, or its error.

    Raises:
        OSError: The call returned -1.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, *args: int) -> int:
    """`prctl(2)`; missing arguments are 0."""
    padded = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:4]]
    return checked(int(_libc.prctl(ctypes.c_int(option), *padded)))


def unshare(flags: int) -> None:
    """`unshare(2)`."""
    checked(int(_libc.unshare(ctypes.c_int(flags))))


def syscall(number: int, *args: int | bytes | None) -> int:
    """`syscall(2)`; bytes are passed by address."""
    plain = [
        ctypes.c_char_p(arg) if not isinstance(arg, int) else ctypes.c_long(arg) for arg in args
    ]
    return checked(int(_libc.syscall(ctypes.c_long(number), *plain)))


def address_of(data: bytes) -> tuple[int, ctypes.Array[ctypes.c_char]]:
    """Where a copy of the bytes lies; keep the second value alive while the address is used."""
    buffer = ctypes.create_string_buffer(data, len(data))
    return ctypes.addressof(buffer), buffer

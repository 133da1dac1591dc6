"""System calls a child has no business with, refused by a seccomp filter.

No socket can be made at all (pairs can: asyncio needs them), so there is no network even where
namespaces are not allowed, as in most containers. `setsid` and `setpgid` are refused so that no
grandchild can leave the process group that is killed on a timeout.
"""

from __future__ import annotations

import errno
import platform
import struct

from beatstitch_media.jail.kernel import PR_SET_SECCOMP, address_of, prctl

_MODE_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_OFFSET, _ARCH_OFFSET = 0, 4
_X32_BIT = 0x40000000

# socket, ptrace, setpgid, setsid, mount, add_key, request_key, keyctl, unshare, perf_event_open,
# setns, process_vm_readv, process_vm_writev, bpf, userfaultfd, io_uring_setup
_X86_64 = (41, 101, 109, 112, 165, 248, 249, 250, 272, 298, 308, 310, 311, 321, 323, 425)
_AARCH64 = (198, 117, 154, 157, 40, 217, 218, 219, 97, 241, 268, 270, 271, 280, 282, 425)
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}


def _step(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def program(machine: str) -> bytes:
    """The filter for a machine as classic BPF.

    Raises:
        OSError: The machine's system call numbers are not known here.
    """
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    arch, numbers = _MACHINES[machine]
    steps = [
        _step(_LOAD, 0, 0, _ARCH_OFFSET),
        _step(_EQUAL, 1, 0, arch),
        _step(_RETURN, 0, 0, _KILL_PROCESS),
        _step(_LOAD, 0, 0, _NUMBER_OFFSET),
        # The x32 way to the same calls has other numbers; nothing of ours uses it.
        _step(_AT_LEAST, len(numbers) + 1, 0, _X32_BIT),
    ]
    steps += [_step(_EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    steps += [_step(_RETURN, 0, 0, _ALLOW), _step(_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    return b"".join(steps)


def restrict() -> None:
    """Installs the filter for this process and all its children, for good.

    Raises:
        OSError: The kernel or the machine has none.
    """
    code = program(platform.machine())
    code_address, code_buffer = address_of(code)
    header_address, header_buffer = address_of(
        struct.pack("@HxxxxxxQ", len(code) // 8, code_address)
    )
    prctl(PR_SET_SECCOMP, _MODE_FILTER, header_address)
    del code_buffer, header_buffer

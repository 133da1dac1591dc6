"""What keeps strangers' files apart in a pod of the standard "restricted".

Its seccomp profile refuses `unshare` to a process without CAP_SYS_ADMIN, so there is no network
namespace; user 10001 has no capability and gains none. Landlock and our own seccomp filter hold.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# As a container runtime would: no capability, no way to new ones, a filter, then the program. The
# user stays who he is: another one may not be able to read this installation.
POD = """
import ctypes, os, runpy, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
step = lambda code, yes, no, value: struct.pack("=HBBI", code, yes, no, value)
UNSHARE = 272
filter_ = b"".join([
    step(0x20, 0, 0, 0), step(0x15, 0, 1, UNSHARE), step(0x06, 0, 0, 0x00050001),
    step(0x06, 0, 0, 0x7FFF0000),
])
code = ctypes.create_string_buffer(filter_, len(filter_))
head = ctypes.create_string_buffer(
    struct.pack("@HxxxxxxQ", len(filter_) // 8, ctypes.addressof(code))
)
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)  # out of the bounding set
CAPSET, VERSION_3 = 126, 0x20080522
none = struct.pack("=6I", 0, 0, 0, 0, 0, 0)
assert libc.syscall(CAPSET, struct.pack("=Ii", VERSION_3, 0), none) == 0
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_ulong(ctypes.addressof(head)), 0, 0) == 0
runpy.run_module(sys.argv[1], run_name="__main__")
"""

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stand-in profile knows x86-64's numbers"
)


def in_a_pod(module: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", POD, module],
        cwd=tmp_path,
        env={**os.environ, "PYTHONSAFEPATH": "1", "HOME": "/tmp", **env},  # noqa: S108
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_holds_in_a_restricted_pod(tmp_path: Path) -> None:
    done = in_a_pod("beatstitch_media", tmp_path)
    assert done.returncode == 0, done.stderr
    sandbox = json.loads(done.stdout)["sandbox"]
    assert sandbox["network_namespace"].startswith("no: "), "else this test tests nothing"
    assert sandbox["files"].startswith("landlock")
    assert sandbox["sockets"] == "seccomp"
    assert sandbox["network_refused"] is True
    assert sandbox["outside_file_refused"] is True
    # So BEATSTITCH_SANDBOX=require, which production sets, lets children run.
    assert sandbox["missing"] == []


def test_the_working_folder_is_no_place_for_decoders(tmp_path: Path) -> None:
    """`python -m` puts it on the path, and what is on the path is readable to Python children."""
    (tmp_path / "tell_roots.py").write_text(
        "import json, os\n"
        "from beatstitch_media.sandbox import _source_roots\n"
        "print(json.dumps([os.getcwd(), _source_roots()]))\n"
    )
    folder = tmp_path / "cwd"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tell_roots"],
        cwd=folder,
        env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    cwd, roots = json.loads(done.stdout)
    assert cwd not in roots

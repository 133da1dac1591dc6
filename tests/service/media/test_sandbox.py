"""What a child can't do."""

import json
import os
import socket
import sys

import pytest

from beatstitch.v1 import failure_pb2 as f
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import binaries, sandbox


@pytest.fixture
def python(work_dir):
    """Runs a snippet in a sandboxed child."""

    async def run(code: str, *args: str, **options):
        command = [sys.executable, "-c", code, *args]
        return await sandbox.run(command, work_dir=work_dir, **options)

    return run


async def reason_of(running):
    with pytest.raises(BeatStitchError) as caught:
        await running
    return caught.value


def protected(name):
    return name not in sandbox.sandbox_report()["missing"]


needs_files = pytest.mark.skipif(not protected("files"), reason="no Landlock in this kernel")
needs_network = pytest.mark.skipif(not protected("network"), reason="no seccomp, no namespaces")


def test_the_report_is_what_was_tried():
    report = sandbox.sandbox_report()
    assert report["network_refused"] is protected("network")
    assert report["outside_file_refused"] is protected("files")
    assert report["limits"] == "rlimits"


async def test_ffmpeg_runs(work_dir):
    done = await sandbox.run([binaries.ffmpeg(), "-version"], work_dir=work_dir)
    assert done.stdout.startswith(b"ffmpeg version")
    assert done.peak_memory_bytes > 1_000_000


async def test_a_long_command(work_dir):
    """More than the 128 KiB that one argument may have."""
    args = ["x" * 1000] * 300
    command = [sys.executable, "-c", "import sys; print(len(sys.argv))", *args]
    assert (await sandbox.run(command, work_dir=work_dir)).stdout == b"301\n"


async def test_nothing_is_inherited(python):
    code = "import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')))"
    assert (await python(code)).stdout in (b"[0, 1, 2, 3]\n", b"[0, 1, 2]\n")


async def test_stdin_lines_and_environment(python, monkeypatch):
    monkeypatch.setenv("BEATSTITCH_SECRET", "s3cr3t")
    code = "import os, sys; print(sys.stdin.read()); print(sorted(os.environ))"
    lines = []
    done = await python(code, stdin=b"a job", on_line=lines.append, threads=3)
    assert lines[0] == "a job"
    assert "BEATSTITCH_SECRET" not in lines[1]
    assert "OMP_NUM_THREADS" in lines[1]
    assert done.stdout == b""


async def test_a_child_of_our_own(work_dir):
    order = {"do": "describe", "path": "nothing.png", "max_pixels": 1}
    error = await reason_of(
        sandbox.run(
            sandbox.python_command("beatstitch_media.image_child"),
            work_dir=work_dir,
            stdin=json.dumps(order).encode(),
        )
    )
    assert error.reason == f.ERROR_REASON_INPUT_CORRUPT


async def test_numpy_and_pyav_work_inside(python):
    code = "import av, numpy, PIL.Image; print(numpy.ones((512, 512)) @ numpy.ones((512, 512)))"
    assert b"512" in (await python(code)).stdout


@needs_network
async def test_no_loopback(python):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        error = await reason_of(python(code))
        assert "PermissionError" in error.stderr_tail
        with pytest.raises(TimeoutError):
            server.accept()


@needs_network
async def test_no_datagrams_and_no_unix_sockets(python, tmp_path):
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"):
        code = f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)"
        assert "PermissionError" in (await reason_of(python(code))).stderr_tail


async def test_pairs_of_sockets_still_work(python):
    code = "import asyncio; asyncio.run(asyncio.sleep(0)); print('ok')"
    assert (await python(code)).stdout == b"ok\n"


@needs_files
async def test_only_inputs_can_be_read(python, tmp_path):
    secret, given = tmp_path / "secret.txt", tmp_path / "given.txt"
    secret.write_text("secret")
    given.write_text("given")
    code = "import sys; print(open(sys.argv[1]).read())"
    assert (await python(code, str(given), inputs=[given])).stdout == b"given\n"
    for path in (str(secret), "/etc/passwd", f"/proc/{os.getpid()}/environ"):
        error = await reason_of(python(code, path, inputs=[given]))
        assert "PermissionError" in error.stderr_tail
        assert str(tmp_path) not in error.stderr_tail


@needs_files
async def test_inputs_can_not_be_written(python, tmp_path):
    given = tmp_path / "given.txt"
    given.write_text("given")
    for mode in ("w", "a", "r+"):
        code = f"import sys; open(sys.argv[1], {mode!r})"
        await reason_of(python(code, str(given), inputs=[given]))
    await reason_of(python("import sys, os; os.unlink(sys.argv[1])", str(given), inputs=[given]))
    assert given.read_text() == "given"


@needs_files
async def test_only_the_work_folder_can_be_written(python, tmp_path, work_dir):
    await python("open('here.txt', 'w').write('x')")
    assert (work_dir / "here.txt").read_text() == "x"
    outside = tmp_path / "outside.txt"
    error = await reason_of(python(f"open({str(outside)!r}, 'w')"))
    assert "PermissionError" in error.stderr_tail
    error = await reason_of(python(f"import os; os.link('here.txt', {str(outside)!r})"))
    assert not outside.exists()


@needs_files
async def test_nothing_from_the_work_folder_can_be_run(python, work_dir):
    tool = work_dir / "tool"
    tool.write_bytes(binaries.ffmpeg().read_bytes())
    tool.chmod(0o755)
    error = await reason_of(python("import os; os.execv('tool', ['tool', '-version'])"))
    assert "PermissionError" in error.stderr_tail


async def test_memory(python):
    error = await reason_of(python("x = bytearray(2 << 30)", memory_bytes=1 << 30))
    assert error.reason == f.ERROR_REASON_OUT_OF_MEMORY


async def test_file_size(python, work_dir):
    code = "f = open('big', 'wb')\nfor _ in range(64): f.write(bytes(1 << 20))"
    error = await reason_of(python(code, max_file_bytes=8 << 20))
    assert error.reason == f.ERROR_REASON_FFMPEG_FAILED
    assert "wrote more than it may" in error.message
    assert (work_dir / "big").stat().st_size <= 8 << 20


async def test_cpu_time(python):
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CPU))"
    assert (await python(code, timeout_s=7, threads=3)).stdout == b"(21, 22)\n"


async def test_no_core_files(python):
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert (await python(code)).stdout == b"(0, 0)\n"


async def test_too_much_output_is_a_failure(python, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_STDOUT_BYTES", 1000)
    error = await reason_of(python("print('x' * 5000)"))
    assert "wrote too much" in error.message


async def test_the_words_of_a_failure(python, work_dir):
    code = f"import sys; sys.exit('can not read {work_dir}/some file.mp4')"
    error = await reason_of(python(code, what="reading holiday.mp4"))
    assert error.reason == f.ERROR_REASON_FFMPEG_FAILED
    assert error.message == "reading holiday.mp4 failed with exit code 1"
    assert str(work_dir) not in error.stderr_tail


async def test_a_program_that_is_not_there(work_dir):
    error = await reason_of(sandbox.run([work_dir / "nothing"], work_dir=work_dir))
    assert error.reason == f.ERROR_REASON_FFMPEG_FAILED
    assert error.metadata["exit_code"] == "126"


async def test_a_callback_that_fails(python):
    def broken(line):
        raise ValueError(line)

    with pytest.raises(ValueError, match="hello"):
        await python("print('hello', flush=True); import time; time.sleep(60)", on_line=broken)


async def test_require_refuses_where_something_is_missing(python, monkeypatch):
    monkeypatch.setenv(sandbox.REQUIRE, "require")
    if sandbox.sandbox_report()["missing"]:
        error = await reason_of(python("print(1)"))
        assert "can't be shut off" in error.stderr_tail
    else:
        assert (await python("print(1)")).stdout == b"1\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be put into a real-time class")
async def test_a_childs_scheduling_is_ordinary_whatever_its_parents_is(python):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        done = await python("import os; print(os.sched_getscheduler(0))")
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert int(done.stdout) == os.SCHED_OTHER

"""What a process that leaves has said, and how it ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from beatstitch_runtime.leaving import leave

sys.stdout.write("said " * 20_000)
sys.stderr.write("also")
leave({code})
"""


@pytest.mark.parametrize("code", [0, 2])
def test_all_that_was_written_comes_out(code):
    command = [sys.executable, "-c", SCRIPT.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "said " * 20_000, "also")


def test_a_reader_that_has_gone_changes_nothing():
    """What is still in the buffer then has nowhere to go."""
    script = f"import sys; sys.stdin.read()\n{SCRIPT.format(code=3).replace('20_000', '2')}"
    command = [sys.executable, "-c", script]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": ""}, **pipes) as child:
        child.stdout.close()
        child.stdin.close()
        told = child.stderr.read()
        assert (child.wait(60), told) == (3, b"also")

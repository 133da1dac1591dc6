"""What a process that leaves has said, and how it ended."""

from __future__ import annotations

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
    command = f"{sys.executable} -c '{SCRIPT.format(code=3)}' | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (3, "s")

"""Which Python the two commands take, and what they say of one that won't do."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tools" / "check_python.py"

# A Python that says it is another version and runs the script it is given.
PRETENDING = """#!/bin/sh
exec {python} -c 'import runpy, sys
sys.version_info = {version}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""


@pytest.fixture
def trouble():
    spec = importlib.util.spec_from_file_location("check_python", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.trouble


@pytest.fixture
def pretend(tmp_path):
    """Puts Pythons of other versions into the PATH that it returns."""

    def put(**versions: tuple[int, int, int]) -> dict[str, str]:
        for name, version in versions.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(PRETENDING.format(python=sys.executable, version=version))
            path.chmod(0o755)
        return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return put


def make(env, tmp_path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"VENV={tmp_path / 'venv'}", *options, "setup"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_what_fits(trouble, minor):
    assert trouble((3, minor), True, "python3") is None


def test_what_does_not(trouble):
    assert trouble((3, 10), True, "p") == (
        "p is Python 3.10; BeatStitch needs 3.11, 3.12 or 3.13: make PYTHON=python3.13 …"
    )
    assert "3.14, for which madmom and OpenTimelineIO publish no wheels" in trouble(
        (3, 14), True, "p"
    )
    assert "apt install python3-venv" in trouble((3, 12), False, "p")


def test_this_one_fits():
    assert subprocess.run([sys.executable, SCRIPT], check=False).returncode == 0


def test_make_takes_the_first_that_fits(pretend, tmp_path):
    env = pretend(python3=(3, 14, 0), python3_13=(3, 13, 1))
    assert "python=python3.13;" in make(env, tmp_path, "-n").stdout


def test_make_says_what_is_wrong_and_installs_nothing(pretend, tmp_path):
    env = pretend(python3=(3, 14, 0))
    said = make(env, tmp_path, "PYTHON=python3")
    assert said.returncode == 2
    assert "python3 is Python 3.14, for which madmom" in said.stderr
    assert not (tmp_path / "venv").exists()

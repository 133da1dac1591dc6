"""Clients in other languages: what they need of the machine, and how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def need(*tools: str, also_missing: tuple[str, ...] = ()) -> None:
    """Skips the test where a tool is not in the PATH, or something else was found missing."""
    missing = [*(tool for tool in tools if shutil.which(tool) is None), *also_missing]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)}")


def run(
    command: list[str], folder: Path, *, timeout_s: float = 180, **env: str
) -> subprocess.CompletedProcess[str]:
    """A command in a folder, with this environment's programs in its PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )

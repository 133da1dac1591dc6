"""Says in plain words when a Python can't run BeatStitch; before anything is installed with it.

    PYTHON tools/check_python.py [NAME]

Runs on Python 3.7 and newer. Exit code 1 and a sentence on standard error where its version or its
missing `venv` would fail later in pip's words.
"""

from __future__ import annotations

import importlib.util
import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def trouble(version: tuple[int, int], has_venv: bool, name: str) -> str | None:
    """What is wrong with it, or None.

    Args:
        version: Its major and minor version.
        has_venv: Whether it can make virtual environments that have pip.
        name: What it was called by.
    """
    found = f"{name} is Python {version[0]}.{version[1]}"
    if version < OLDEST:
        return f"{found}; BeatStitch needs 3.11, 3.12 or 3.13: make PYTHON=python3.13 …"
    if version > NEWEST:
        return (
            f"{found}, for which madmom and OpenTimelineIO publish no wheels; BeatStitch needs "
            "3.11, 3.12 or 3.13: make PYTHON=python3.13 …"
        )
    if not has_venv:
        return f"{found} without venv (on Debian and Ubuntu: apt install python3-venv)"
    return None


def main() -> int:
    """Looks at the Python that runs it."""
    name = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    # Debian leaves ensurepip out, and with it what `venv` needs.
    has_venv = all(importlib.util.find_spec(module) for module in ("venv", "ensurepip"))
    said = trouble(sys.version_info[:2], has_venv, name)
    if said is not None:
        sys.stderr.write(said + "\n")
    return 0 if said is None else 1


if __name__ == "__main__":
    sys.exit(main())

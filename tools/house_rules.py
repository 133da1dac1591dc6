"""Checks the rules of CONTRIBUTING.md that no other tool knows; run by `make check`.

No file names a package registry's host or a path of one machine, and generated files stay out.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In pieces, so that this file doesn't name what it forbids.
REGISTRIES = ("py" + "pi[.]org", "python" + "hosted", "npm" + "js[.]", "deb[.]" + "debian")
HOSTS = re.compile("|".join(REGISTRIES))
MACHINE = re.compile(r"(?<![\w.])/(work|root|home)/[a-z]")
GENERATED = re.compile(r"(_pb2(_grpc)?\.pyi?|uv\.lock|package-lock\.json)$")


def tracked() -> list[str]:
    """Files that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in out.splitlines() if (ROOT / name).is_file()]


def faults_of(name: str) -> Iterator[str]:
    """What is wrong with one file."""
    if GENERATED.search(name):
        yield "generated or address-bearing file"
    try:
        text = (ROOT / name).read_text()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if HOSTS.search(line):
            yield f"line {number} names a package registry's host"
        if MACHINE.search(line):
            yield f"line {number} holds a path of one machine"


if __name__ == "__main__":
    found = [f"{name}: {fault}" for name in tracked() for fault in faults_of(name)]
    print("\n".join(found))
    sys.exit(1 if found else 0)

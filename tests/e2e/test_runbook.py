"""Every check line of docs/runbook.md that needs no cluster, run as an operator would."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.runbook import checks, entries

from beatstitch_stack import System, tools

if TYPE_CHECKING:
    from beatstitch_client import Client

# A machine that has no curl asks by Python's own client: the lines' answers are what is tested.
ASK = (
    "import sys, urllib.request as r; "
    "sys.stdout.buffer.write(r.urlopen(sys.argv[-1], timeout=30).read())"
)
LINES = sorted({line for text in entries().values() for line in checks(text)})


@pytest.fixture(scope="module")
def shell(system: System, client: Client) -> str:
    """What the page says to do first; one call so that there is something to count."""
    client.list_jobs()
    return (
        f". {system.env_file}; SERVER=$BEATSTITCH_SERVER KEY=$BEATSTITCH_API_KEY "
        f"METRICS=$METRICS_GATEWAY_0; set -o pipefail; "
        f"command -v curl > /dev/null || curl() {{ {sys.executable} -c '{ASK}' \"$@\"; }}; "
        f'bs() {{ {tools.grpcurl()} -plaintext -H "authorization: Bearer $KEY" "$@"; }}; '
    )


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("kubectl")])
def test_a_check_answers(line, shell):
    done = subprocess.run(
        ["/bin/bash", "-c", shell + line],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
